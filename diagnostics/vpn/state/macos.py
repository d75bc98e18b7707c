"""macOS: adapters from psutil by their BSD names, name servers and what the system itself says of VPNs from ``scutil``.

Pure parsers, and ``read`` that feeds them.  ``scutil`` prints the same in every language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from diagnostics.bogons import is_address
from diagnostics.model import Fact
from diagnostics.vpn.state.clients import VpnNames, fits
from diagnostics.vpn.state.reading_facts import MOST, Adapter, Reading, Server
from diagnostics.vpn.state.system import ip_entries, printed

_KINDS: Final = (
    ("loopback", ("lo*",)),
    ("tun", ("utun*", "tun*", "tap*", "feth*", "zt*")),
    ("ipsec", ("ipsec*",)),
    ("ppp", ("ppp*",)),
    ("virtual", ("bridge*", "awdl*", "llw*", "ap*", "anpi*", "gif*", "stf*", "vmnet*", "vmenet*", "vboxnet*", "XHC*")),
)
"""BSD names: utun is what every VPN program makes and the system, too; ipsec and ppp are its own clients'."""


class Resolver(Fact, frozen=True):
    """One block of ``scutil --dns``: its servers, the domain that it is for, the adapter, and whether only scoped questions reach it."""

    servers: tuple[str, ...] = ()
    domain: str = ""
    device: str = ""
    scoped: bool = False


def kind_of(name: str) -> str:
    """Return an adapter's kind by its BSD name."""
    return next((kind for kind, patterns in _KINDS if fits(patterns, [name])), "physical")


_BLOCK: Final = re.compile(r"^resolver #\d+\s*$", re.MULTILINE)
_SERVER: Final = re.compile(r"^\s*nameserver\[\d+\]\s*:\s*(\S{1,100})", re.MULTILINE)
_DOMAIN: Final = re.compile(r"^\s*domain\s*:\s*(\S{1,255})", re.MULTILINE)
_DEVICE: Final = re.compile(r"^\s*if_index\s*:\s*\d+ \((\S{1,32})\)", re.MULTILINE)


def parse_dns(text: str) -> list[Resolver]:
    """Return the resolvers of ``scutil --dns``; those below "for scoped queries" are asked by programs that pick an adapter themselves."""
    general, _, scoped = text.partition("DNS configuration (for scoped queries)")
    found = []
    for part, only_scoped in ((general, False), (scoped, True)):
        for block in _BLOCK.split(part)[1:MOST]:
            servers = tuple(a for server in _SERVER.findall(block) if is_address(a := server.partition("%")[0]))
            domain, device = _DOMAIN.search(block), _DEVICE.search(block)
            found.append(
                Resolver(servers=servers, domain=domain[1] if domain else "", device=device[1] if device else "", scoped=only_scoped)
            )
    return found


def used_servers(resolvers: list[Resolver]) -> list[Server]:
    """Return the servers and which of them are asked for ordinary names: those of the first resolver without a domain (scutil(8)).

    Further ones without a domain may stand in for it, which is too little to hold against anybody.
    """
    found: dict[str, Server] = {}
    first = next((each for each in resolvers if each.servers and not each.domain and not each.scoped), None)
    for each in resolvers:
        for address in each.servers:
            used = each is first
            if address not in found or (used and not found[address].used):
                found[address] = Server(address=address, on=each.device, used=used)
    return list(found.values())[:MOST]


_INTERFACE: Final = re.compile(r"^\s*(\w{1,16}) : flags\s*:", re.MULTILINE)
_VPN_SERVER: Final = re.compile(r"^\s*VPN server\s*:", re.MULTILINE)


def parse_nwi(text: str) -> tuple[list[str], list[str]]:
    """Return the devices in use by ``scutil --nwi``, most preferred first, and those of them that the system itself calls a VPN's."""
    devices: list[str] = []
    vpns: list[str] = []
    parts = list(_INTERFACE.finditer(text))[:MOST]
    ends = [*(part.start() for part in parts[1:]), len(text)]
    for part, end in zip(parts, ends, strict=False):
        block = text[part.end() : end]
        devices.append(part[1])
        if _VPN_SERVER.search(block):
            vpns.append(part[1])
    return list(dict.fromkeys(devices)), list(dict.fromkeys(vpns))


_SERVICE: Final = re.compile(r"^\*?\s*\((\w+)\)\s+\S+\s.*\[([\w:.-]{1,128})\]\s*$", re.MULTILINE)


def parse_nc(text: str) -> list[str]:
    """Return the kinds of the services that ``scutil --nc list`` says are connected: ``PPP:L2TP``, ``VPN:com.wireguard.macos``.

    The services' names are the person's own and are left alone.
    """
    return [kind for state, kind in _SERVICE.findall(text)[:MOST] if state == "Connected"]


def read(names: VpnNames) -> Reading:
    """Return what this computer tells; blocking.  Raises OSError and psutil.Error."""
    _, vpns = parse_nwi(printed("scutil", "--nwi"))
    adapters = tuple(_adapters(names, vpns))
    servers = used_servers(parse_dns(printed("scutil", "--dns")))
    return Reading(system="macos", adapters=adapters, servers=tuple(servers), connected=tuple(parse_nc(printed("scutil", "--nc", "list"))))


def _adapters(names: VpnNames, vpns: list[str]) -> Iterator[Adapter]:
    for name, up, addresses in ip_entries():
        kind = kind_of(name)
        if name in vpns and kind == "physical":
            kind = "ipsec"
        other = names.other_of("macos", [name]) if kind == "physical" else None
        yield Adapter(name=name, kind=str(other.kind) if other else kind, names=(name,), up=up, addresses=addresses)
