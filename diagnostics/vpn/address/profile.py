"""Addresses of VPN servers: ``ikev2://vpn.example.org``, and the like; what is behind the name is asked for nowhere.

A user's name in front of the place is dropped, and so is whatever comes behind it: neither is needed to greet a server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from diagnostics.plan import ascii_host
from diagnostics.vpn.profile import Note, Profile, ProfileError, Protocol, Source

IKE_PORT: Final = 500
NAT_PORT: Final = 4500
"""RFC 7296 section 2.23: where IKE goes on behind an address translator, and where it may begin."""

L2TP_PORT: Final = 1701


class Usual(NamedTuple):
    """Where a kind of server usually listens."""

    port: int
    transport: str


USUAL: Final[Mapping[Protocol, Usual]] = {
    Protocol.IKEV2: Usual(IKE_PORT, "udp"),
    Protocol.L2TP: Usual(IKE_PORT, "udp"),  # IPsec comes first: 1701 is behind it
    Protocol.SSTP: Usual(443, "tcp"),
    Protocol.ANYCONNECT: Usual(443, "tcp"),
    Protocol.SSH: Usual(22, "tcp"),
}

_ADDRESS: Final = re.compile(
    r"(?P<scheme>[a-z0-9]+)://(?:(?P<user>[^/?#@\s]*)@)?(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[^/?#@:\s\[\]]{1,253})(?::(?P<port>\d{1,5}))?"
    r"(?P<rest>[/?#]\S*)?",
    re.IGNORECASE,
)


def parse_address(source: Source) -> Profile:
    """Return the server in the first line that has one.  Raises ProfileError."""
    line = next((line.strip() for line in source.text.split("\n") if "://" in line), "")
    found = _ADDRESS.fullmatch(line)
    scheme = line.partition("://")[0].lower()
    protocol = next((each for each in USUAL if each == scheme), None)
    if found is None or protocol is None:
        raise ProfileError("vpn.profile.bad_address")
    host = ascii_host(found["host"].strip("[]"))
    port = int(found["port"]) if found["port"] else USUAL[protocol].port
    if host is None or not 1 <= port <= 65535:
        raise ProfileError("vpn.profile.bad_address")
    dropped = bool(found["user"]) or (found["rest"] or "/") != "/"
    notes = (Note(text="vpn.profile.address_only"),) if dropped else ()
    return Profile(protocol=protocol, host=host, port=port, transport=USUAL[protocol].transport, name=source.name, notes=notes)
