"""Whose address is it?  Which addresses are removed from a report, and what stands in their place.

A placeholder is itself an address of the same family and kind, so that the judge draws the same conclusion from a redacted
report: a private address becomes another one of the same private range, a public one an address of a public range that
nobody uses.  Equal addresses get equal placeholders, different ones different ones; nothing else of them is left.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Final

from diagnostics.bogons import network_of

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PRIVATE: Final[dict[Network, Address]] = {
    ipaddress.ip_network(net): ipaddress.ip_address(first)
    for net, first in (
        ("10.0.0.0/8", "10.255.255.0"),
        ("172.16.0.0/12", "172.31.255.0"),
        ("192.168.0.0/16", "192.168.255.0"),
        ("169.254.0.0/16", "169.254.255.0"),
        ("100.64.0.0/10", "100.127.255.0"),
        ("fc00::/7", "fdff:ffff:ffff:ffff::"),
        ("fe80::/10", "fe80::ffff:ffff:ffff:0"),
        ("fec0::/10", "fec0::ffff:ffff:ffff:0"),
    )
}
"""Private, shared (RFC 6598), link-local and unique local ranges, each with the start of its placeholders."""

_PUBLIC4: Final = ipaddress.ip_address("192.88.99.0")
_PUBLIC6: Final = ipaddress.ip_address("3fff::")
"""Placeholders of public addresses: 192.88.99.0/24 (6to4 relays, ended by RFC 7526), 3fff::/20 (documentation, RFC 9637)."""

_SITES4: Final = tuple(map(ipaddress.ip_address, ("192.31.196.0", "192.175.48.0", "192.52.193.0")))
_SITES6: Final = ipaddress.ip_address("3fff:1::")
"""Placeholders of hidden sites, those of one network in one: AS112 (RFC 7534, 7535) and AMT relays (RFC 7450), which serve no site.
The third stands for all further IPv4 networks: it makes no difference whether a site is in three networks or in more."""

_STANDING6: Final = ipaddress.ip_network("3fff:1::/32")
_BLOCK: Final = 255

_V4: Final = re.compile(r"(?<!\d)(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\d)(?!\.\d)")
_V6: Final = re.compile(r"[0-9A-Fa-f:.]{3,}+")  # possessive: a long run is looked at once
_DASHED: Final = re.compile(r"(?<![\d-])(?<!\d\.)\d{1,3}(?:-\d{1,3}){3}(?=[.-]?[A-Za-z_.]|$)")
_NIBBLES: Final = re.compile(r"(?i)(?<![0-9a-z.])(?:[0-9a-f]\.){4,32}ip6\.arpa")
"""Addresses in the names that providers give to them: ``1-2-3-4.dyn.example.ve``, ``b.a.9.8.….ip6.arpa`` (RFC 3596)."""

_PRODUCT: Final = re.compile(r"[A-Za-z]/$")
_LONGEST_V6: Final = 64  # "ffff:" * 6 + "255.255.255.255" has 45; the rest is room for what stands next to it


def parse(text: str) -> Address | None:
    """Return the address that a text is, or None; a zone (``%eth0``) is ignored."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def embedded4(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address inside an IPv6 one: mapped, 6to4, Teredo's client, NAT64 (RFC 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


class AddressBook:
    """Decides about addresses and remembers their placeholders."""

    def __init__(
        self, own: Iterable[str], evidence: Iterable[str], taken: Callable[[Address, str], None], *, hidden: Iterable[str] = ()
    ) -> None:
        """Remove ``own`` wherever they are, and ``hidden``; leave ``evidence``, the public addresses of services and resolvers.

        ``taken`` is told of every address that is replaced, and by what.
        """
        self._own = {address for text in own if (address := parse(text)) and not address.is_loopback}
        self._own_networks = {
            ipaddress.ip_network((address, 64), strict=False) for address in self._own if address.version == 6 and address.is_global
        }
        self._own4 = {int(address) for address in self._own if address.version == 4}
        self._evidence = {address for text in evidence if (address := parse(text))}
        self._hidden = {address for text in hidden if (address := parse(text))}
        self._site_networks: dict[str, Address] = {}
        self._taken = taken
        self._placeholders: dict[Address, Address] = {}
        self._used: dict[Address, int] = {}
        self._other_spellings = {spelling.lower(): address for address in self._own for spelling in spellings(address)}

    @property
    def spellings(self) -> dict[str, Address]:
        """Return how this computer's addresses are written in host names (``190-1-2-3``, ``…ip6.arpa``)."""
        return self._other_spellings

    def is_own(self, address: Address) -> bool:
        """Tell whether an address is known to be this computer's, or in its own IPv6 network."""
        inner = embedded4(address)
        if address.version == 6 and inner is None and int(address) & 0xFFFFFFFF in self._own4:
            return True  # behind a provider's own NAT64 prefix (RFC 6052)
        return address in self._own or any(address in net for net in self._own_networks) or (inner is not None and inner in self._own)

    def is_personal(self, address: Address) -> bool:
        """Tell whether an address is this computer's, or of a private range and not a placeholder of ours."""
        if self.is_own(address):
            return True
        inner = embedded4(address)
        if inner is not None:
            return self.is_personal(inner)
        first = _private_start(address)
        return first is not None and not _is_placeholder(address, first)

    def must_go(self, address: Address) -> bool:
        """Tell whether an address in a text is removed: personal, or public without being evidence."""
        if self.is_personal(address):
            return True
        if address in self._hidden:
            return not _is_stand_in(address)
        return address.is_global and address not in self._evidence and not _is_stand_in(address)

    def placeholder(self, address: Address) -> str:
        """Return what stands in the place of ``address``, and note that it was removed."""
        chosen = self._stand_in(address)
        mapped = chosen.ipv4_mapped if isinstance(chosen, ipaddress.IPv6Address) else None
        shown = f"::ffff:{mapped}" if mapped else str(chosen)  # Python before 3.13 writes it in hexadecimal
        self._taken(address, shown)
        return shown

    def _stand_in(self, address: Address) -> Address:
        if address not in self._placeholders:
            self._placeholders[address] = self._new_placeholder(address)
        return self._placeholders[address]

    def _new_placeholder(self, address: Address) -> Address:
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            return ipaddress.ip_address(f"::ffff:{self._stand_in(address.ipv4_mapped)}")
        first = _private_start(address) or self._public_start(address)
        number = self._used.get(first, 0)
        while True:
            number = min(number + 1, _BLOCK)
            chosen = first + number
            if number == _BLOCK or (chosen not in self._own and chosen not in self._evidence):
                break
        self._used[first] = number
        return chosen

    def _public_start(self, address: Address) -> Address:
        if address not in self._hidden or self.is_own(address):
            return _PUBLIC4 if address.version == 4 else _PUBLIC6
        network = network_of(str(address))
        if network not in self._site_networks:
            known = sum(1 for start in self._site_networks.values() if start.version == address.version)
            sixes = _SITES6 + (known << 80)
            self._site_networks[network] = _SITES4[min(known, len(_SITES4) - 1)] if address.version == 4 else sixes
        return self._site_networks[network]

    def clean(self, text: str, *, product: bool = False) -> str:
        """Return ``text`` without personal addresses, however they are written.

        ``product``: the text is a software's name, in which ``nginx/1.18.0.1`` is a version.
        """

        def of_v4(found: re.Match[str]) -> str:
            address = parse(found[0])
            if address is None or not self.must_go(address):
                return found[0]
            if product and not self.is_own(address) and _PRODUCT.search(text[: found.start()]):
                return found[0]
            return self.placeholder(address)

        if "-" in text:
            text = _DASHED.sub(self._of_dashed, text)
        if "arpa" in text.lower():
            text = _NIBBLES.sub(self._of_nibbles, text)
        if ":" in text:
            text = _V6.sub(lambda found: self._of_run(found[0]), text)
        return _V4.sub(of_v4, text)

    def _of_dashed(self, found: re.Match[str]) -> str:
        address = parse(found[0].replace("-", "."))
        return self.placeholder(address) if address is not None and self.must_go(address) else found[0]

    def _of_nibbles(self, found: re.Match[str]) -> str:
        digits = "".join(reversed(found[0].lower().removesuffix(".ip6.arpa").split(".")))
        address = ipaddress.IPv6Address(int(digits.ljust(32, "0"), 16))
        return self.placeholder(address) if self.must_go(address) else found[0]

    def _of_run(self, run: str) -> str:
        """Return a run of hexadecimal digits, colons and dots without the personal address in it."""
        if run.count(":") < 2:
            return run
        if len(run) > _LONGEST_V6:
            return "[removed]"  # no address is that long, and ours never write such a thing
        if "::" not in run and run.count(":") < 6:
            return run  # a time of day, a MAC, a port
        bare = run.strip(".")
        bare = bare.removesuffix(":") if not bare.endswith("::") else bare
        whole = parse(bare) if ":" in bare else None
        if whole is not None:
            return run.replace(bare, self.placeholder(whole), 1) if self.must_go(whole) else run
        return self._inside(run)

    def _inside(self, run: str) -> str:
        """Look for a personal address that something is glued to: ``e:fe80::1``, ``fe80::1:``."""
        starts = [0] + [i + 1 for i, c in enumerate(run) if c in ":."] + [i for i, c in enumerate(run) if c == ":"]
        ends = [len(run)] + [i for i, c in enumerate(run) if c in ":."] + [i + 1 for i, c in enumerate(run) if c == ":"]
        for start in sorted(set(starts)):
            for end in sorted(set(ends), reverse=True):
                piece = run[start:end]
                address = parse(piece) if piece.count(":") >= 2 else None
                if address is not None and self.is_personal(address):
                    return run[:start] + self.placeholder(address) + self._of_run(run[end:])
        return run


def _private_start(address: Address) -> Address | None:
    return next((first for net, first in _PRIVATE.items() if address in net), None)


def _is_placeholder(address: Address, first: Address) -> bool:
    return address.version == first.version and 0 < int(address) - int(first) <= _BLOCK


def _is_stand_in(address: Address) -> bool:
    """Tell whether an address is a placeholder of a public one."""
    if address.version == 4:
        return any(_is_placeholder(address, first) for first in (_PUBLIC4, *_SITES4))
    return _is_placeholder(address, _PUBLIC6) or (address in _STANDING6 and 0 < int(address) & ((1 << 80) - 1) <= _BLOCK)


def spellings(address: Address) -> list[str]:
    """Return how host names and the like write an address: with dashes, backwards, with zeros before, as one number."""
    if isinstance(address, ipaddress.IPv4Address):
        parts = str(address).split(".")
        padded = [part.zfill(3) for part in parts]
        either_way = [joiner.join(way) for each in (parts, padded) for way in (each, each[::-1]) for joiner in "-_"]
        return [*either_way, ".".join(padded), "".join(padded), f"{int(address):08x}", f"{'.'.join(reversed(parts))}.in-addr.arpa"]
    return [address.exploded.replace(":", "-"), str(address).replace(":", "-"), address.exploded.replace(":", ""), address.reverse_pointer]
