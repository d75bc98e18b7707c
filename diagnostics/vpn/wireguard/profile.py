"""A WireGuard profile as wg-quick(8) has it, and AmneziaWG's, which has a few numbers more.

Scripts (``PostUp`` and its like) are never run; the profile says so in its notes.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from diagnostics.bogons import is_address
from diagnostics.plan import ascii_host
from diagnostics.routes.link import NO_SECRET, Secret
from diagnostics.vpn.profile import Note, Profile, ProfileError, Protocol, Source

KEY_BYTES: Final = 32
MTU: Final = 1420
"""wg-quick's default inside IPv4 and IPv6 alike, on a line of 1500."""

LEAST_MTU: Final = 576
MOST_MTU: Final = 9000
MOST_ENTRIES: Final = 2000
"""Addresses or networks in one list: profiles that leave a country out have some hundreds."""

MOST_RESOLVERS: Final = 4
"""Name servers that are kept: systems ask three (resolv.conf(5)), and each is asked here for every name."""

PEER: Final = "peer"
INTERFACE: Final = "interface"
_SCRIPTS: Final = frozenset({"preup", "postup", "predown", "postdown"})
_INTERFACE: Final = frozenset({"privatekey", "address", "dns", "mtu", "listenport", "table", "saveconfig", "fwmark"})
_PEER: Final = frozenset({"publickey", "presharedkey", "endpoint", "allowedips", "persistentkeepalive"})
_JUNK: Final = ("jc", "jmin", "jmax", "s1", "s2", "h1", "h2", "h3", "h4")
"""AmneziaWG 1.x: how many packets of junk of which sizes go first, how long the padding is, and what the messages' types are called."""

_MOST_JUNK: Final = {"jc": 128, "jmin": 1280, "jmax": 1280, "s1": 1132, "s2": 1188}


class Junk(NamedTuple):
    """AmneziaWG's disguise; all zero and 1 to 4: plain WireGuard."""

    jc: int = 0
    jmin: int = 0
    jmax: int = 0
    s1: int = 0
    s2: int = 0
    h1: int = 1
    h2: int = 2
    h3: int = 3
    h4: int = 4


NO_JUNK: Final = Junk()


class WireGuardProfile(Profile, frozen=True, kw_only=True):
    """A WireGuard profile: the person's own key, the server's, and what goes inside."""

    private_key: Secret
    public_key: Secret
    preshared_key: Secret = NO_SECRET
    addresses: tuple[str, ...] = ()
    """Of this end inside the tunnel, without their lengths."""
    dns: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    """Networks that go inside, with their lengths."""
    mtu: int = MTU
    junk: Junk = NO_JUNK

    def parts(self) -> tuple[str, ...]:
        """Return what tells this profile from another."""
        return (*super().parts(), self.private_key.reveal(), self.public_key.reveal(), self.preshared_key.reveal())


class _Section(NamedTuple):
    name: str
    line: int
    values: dict[str, list[str]]

    def one(self, key: str) -> str:
        """Return the first value of a key, or nothing."""
        return next(iter(self.values.get(key, ())), "")

    def many(self, key: str) -> list[str]:
        """Return the values of a list, which may stand on several lines."""
        found = [part.strip() for value in self.values.get(key, ()) for part in value.split(",")]
        return [part for part in found if part][:MOST_ENTRIES]


def parse_conf(source: Source) -> WireGuardProfile:
    """Return the profile in a .conf file.  Raises ProfileError."""
    sections = _sections(source.text)
    own = [section for section in sections if section.name == INTERFACE]
    peers = [section for section in sections if section.name == PEER]
    if not own:
        raise ProfileError("vpn.profile.wg.no_interface")
    if len(own) > 1:
        raise ProfileError("vpn.profile.wg.two_interfaces", line=own[1].line)
    if not peers:
        raise ProfileError("vpn.profile.wg.no_peer")
    peer = next((p for p in peers if {"0.0.0.0/0", "0.0.0.0/1", "::/0"} & set(p.many("allowedips"))), peers[0])
    if not peer.one("endpoint"):
        peer = next((p for p in peers if p.one("endpoint")), peer)
    host, port = _endpoint(peer)
    junk = _junk(own[0])
    return WireGuardProfile(
        protocol=Protocol.WIREGUARD if junk == NO_JUNK else Protocol.AMNEZIAWG,
        host=host,
        port=port,
        name=source.name,
        notes=tuple(_notes(sections, len(peers))),
        private_key=_key(own[0], "privatekey", "PrivateKey"),
        public_key=_server_key(peer),
        preshared_key=_key(peer, "presharedkey", "PresharedKey") if peer.one("presharedkey") else NO_SECRET,
        addresses=_addresses(own[0]),
        dns=tuple(entry for entry in own[0].many("dns") if is_address(entry))[:MOST_RESOLVERS],
        allowed=tuple(_networks(peer)),
        mtu=_mtu(own[0]),
        junk=junk,
    )


def _sections(text: str) -> list[_Section]:
    """Return the sections of a file; comments go, keys are in small letters, and a key may come several times."""
    found: list[_Section] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.partition("#")[0].partition(";")[0].strip()
        if line.startswith("["):
            found.append(_Section(line.strip("[] \t").lower(), number, {}))
        elif "=" in line and found:
            key, _, value = line.partition("=")
            found[-1].values.setdefault(key.strip().lower(), []).append(value.strip())
    return found


def _key(section: _Section, key: str, shown: str) -> Secret:
    """Return a key that is known to have 32 bytes."""
    text = section.one(key)
    if not text:
        raise ProfileError("vpn.profile.wg.no_key", key=shown)
    try:
        size = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != KEY_BYTES:
        raise ProfileError("vpn.profile.wg.bad_key", key=shown)
    return Secret(text)


def _server_key(peer: _Section) -> Secret:
    """Return the server's key, with which secrets can be agreed: a point of small order (32 zero bytes, say) gives none (RFC 7748, 6.1)."""
    key = _key(peer, "publickey", "PublicKey")
    try:  # with any private key: all of them are multiples of the curve's cofactor
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(base64.b64decode(key.reveal())))
    except ValueError:
        raise ProfileError("vpn.profile.wg.bad_key", key="PublicKey") from None
    return key


def _endpoint(peer: _Section) -> tuple[str, int]:
    text = peer.one("endpoint")
    if not text:
        raise ProfileError("vpn.profile.wg.no_endpoint")
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1].partition("%")[0]
    elif ":" in host:
        raise ProfileError("vpn.profile.wg.bad_endpoint")
    known = ascii_host(host) if host else None
    if known is None or not port.isascii() or not port.isdigit() or not 1 <= int(port[:6]) <= 65535:
        raise ProfileError("vpn.profile.wg.bad_endpoint")
    return known, int(port)


def _addresses(section: _Section) -> tuple[str, ...]:
    found = []
    for entry in section.many("address"):
        try:
            found.append(str(ipaddress.ip_interface(entry).ip))
        except ValueError:
            raise ProfileError("vpn.profile.wg.bad_address", key="Address") from None
    if not found:
        raise ProfileError("vpn.profile.wg.no_key", key="Address")
    return tuple(dict.fromkeys(found))


def _networks(section: _Section) -> Iterable[str]:
    for entry in section.many("allowedips"):
        try:
            yield str(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            raise ProfileError("vpn.profile.wg.bad_address", key="AllowedIPs") from None


def _mtu(section: _Section) -> int:
    text = section.one("mtu")
    if not text:
        return MTU
    if not text.isascii() or not text.isdigit() or not LEAST_MTU <= int(text[:6]) <= MOST_MTU:
        raise ProfileError("vpn.profile.wg.bad_mtu", least=LEAST_MTU, most=MOST_MTU)
    return int(text)


def _junk(section: _Section) -> Junk:
    given = {key: section.one(key) for key in _JUNK if section.one(key)}
    values: dict[str, int] = {}
    for key, text in given.items():
        most = _MOST_JUNK.get(key, 2**32 - 1)
        if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > most:
            raise ProfileError("vpn.profile.wg.bad_junk", key=key.capitalize())
        values[key] = int(text)
    junk = Junk(**values)
    if junk.jmin > junk.jmax:
        raise ProfileError("vpn.profile.wg.bad_junk", key="Jmin")
    return junk


def _notes(sections: Sequence[_Section], peers: int) -> Iterable[Note]:
    keys = {(section.name, key) for section in sections for key in section.values}
    if any(key in _SCRIPTS for _, key in keys):
        yield Note(text="vpn.profile.scripts")
    if peers > 1:
        yield Note(text="vpn.profile.wg.peers")
    known: Mapping[str, frozenset[str]] = {INTERFACE: _INTERFACE | _SCRIPTS | frozenset(_JUNK), PEER: _PEER}
    strange = sorted({key for name, key in keys if key not in known.get(name, frozenset())})
    if strange:
        yield Note(text="vpn.profile.ignored", values={"names": ", ".join(key[:30] for key in strange[:5] if key.isprintable())})
