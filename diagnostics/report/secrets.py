"""What is personal about this computer: looked up only when something is about to be handed on.

Nothing here is sent or kept; the values are compared with a report's texts and forgotten.
"""

from __future__ import annotations

import contextlib
import getpass
import ipaddress
import os
import platform
import socket
import struct
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import msgspec

from diagnostics import model
from diagnostics.errors import InputError
from diagnostics.probes.network_names import search_domains, wifi_names
from diagnostics.report import details
from diagnostics.vpn.state.clients import known_names

if TYPE_CHECKING:
    from diagnostics.catalog import Catalog

SHORTEST_WORD: Final = 3
"""Names of one or two letters are only removed from paths: they occur everywhere by chance."""

_GENERIC: Final = (
    "root user usuario admin administrator administrador guest invitado owner home pc default public debian ubuntu fedora pi "
    "localhost localdomain local lan computer desktop laptop server linux windows macos darwin wifi internet direct route "
    "target repeat control survey hold plain plain_neutral control_neutral neutral_name control_address system_roots inspect ipv6 "
    "plan clock resolver portal neutral getaddrinfo doh dot udp app web api media chat calls certificate subject issuer "
    "noerror nxdomain servfail refused dns_bogon_error example com org net http https tls tcp atajo-report none typed "
    "vpn full split mesh browser_only stale tun wireguard ppp ipsec kill_switch physical virtual idle loopback any access "
    "routed refused ambiguous error private route names names_at_risk proxy_only conflict overlap left_over "
    "nobody protection line traffic exit dns_seen dns_facts speed mtu ordinary small connect handshake answer done outside"
)
"""Names that identify nobody, and words of the report format: a person called "dns" must not make a report unreadable."""


class Secrets(model.Fact, frozen=True):
    """Texts that must not be in anything that is handed on.  ``others`` are removed wherever they occur, as they are."""

    addresses: frozenset[str] = frozenset()  # of this computer's interfaces, its router, its public ones if known
    macs: frozenset[str] = frozenset()
    host_names: frozenset[str] = frozenset()
    user_names: frozenset[str] = frozenset()
    homes: frozenset[str] = frozenset()  # home folders
    network_names: frozenset[str] = frozenset()  # SSIDs
    domains: frozenset[str] = frozenset()  # what the network adds to short names: often an employer's, a school's or a family's
    others: frozenset[str] = frozenset()  # passwords, account numbers

    @classmethod
    def of_this_computer(cls) -> Self:
        """Ask the system for addresses, names and the home folder.  Takes milliseconds and sends nothing."""
        addresses, macs = _interfaces()
        return cls(
            addresses=addresses | _gateways(),
            macs=macs,
            host_names=_host_names(),
            user_names=_user_names(),
            homes=_homes(),
            network_names=wifi_names(),
            domains=search_domains(),
        )


def _interfaces() -> tuple[frozenset[str], frozenset[str]]:
    import psutil

    addresses: set[str] = set()
    macs: set[str] = set()
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            text = entry.address.partition("%")[0]
            with contextlib.suppress(ValueError):
                if not ipaddress.ip_address(text).is_loopback:
                    addresses.add(text)
                continue
            if text.replace("-", ":").strip("0:"):  # the loopback interface has only zeros
                macs.add(text)
    return frozenset(addresses), frozenset(macs)


def _gateways() -> frozenset[str]:
    """Return the IPv4 routers (Linux); elsewhere they are found by their private range."""
    found: set[str] = set()
    with contextlib.suppress(OSError, ValueError, IndexError, struct.error):
        for line in Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]:
            gateway = int(line.split()[2], 16)
            if gateway:
                found.add(str(ipaddress.IPv4Address(struct.pack("=I", gateway))))
    return frozenset(found)


def _host_names() -> frozenset[str]:
    names = {socket.gethostname(), platform.node()}  # never getfqdn: it asks the network
    return frozenset(name for full in names for name in (full, full.partition(".")[0]) if name)


def _user_names() -> frozenset[str]:
    names: set[str] = set()
    with contextlib.suppress(KeyError, OSError, ImportError):
        names.add(getpass.getuser())
    with contextlib.suppress(RuntimeError):
        names.add(Path.home().name)
    names.add(_full_name())
    return frozenset(name for name in names if name)


def _full_name() -> str:
    """Return the person's name as the system has it (passwd(5)), if it is one: a first and a last name."""
    if sys.platform == "win32":
        return ""
    import pwd

    with contextlib.suppress(KeyError, OSError):
        name = pwd.getpwuid(os.getuid()).pw_gecos.partition(",")[0].strip()
        return name if " " in name else ""
    return ""


def _homes() -> frozenset[str]:
    with contextlib.suppress(RuntimeError):
        return frozenset({str(Path.home())} - {"/", "\\", ""})
    return frozenset()


@lru_cache(maxsize=1)
def public_words() -> frozenset[str]:
    """Return words that are no secret because every copy of Atajo carries them: the format's, and the catalogue's."""
    words = set(_GENERIC.split())
    for part in vars(model).values():
        if isinstance(part, type) and issubclass(part, model.OpenEnum):
            words |= {str(member) for member in part}
    for module in (model, details):
        for part in vars(module).values():
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                words |= {field.name for field in msgspec.structs.fields(part)}
    return frozenset(word.lower() for word in words | _catalogue_words())


@lru_cache(maxsize=1)
def public_addresses() -> frozenset[str]:
    """Return the addresses that every copy of Atajo carries: the public resolvers', which their certificates name too."""
    catalog = _catalogue()
    return frozenset(a for r in catalog.resolvers for a in (*r.addresses, *r.addresses6)) if catalog else frozenset()


def _catalogue() -> Catalog | None:
    from diagnostics.catalog import load_catalog

    try:
        return load_catalog()
    except InputError:
        return None  # a damaged installation may still export what it has


def _catalogue_words() -> set[str]:
    catalog = _catalogue()
    if catalog is None:
        return set()
    words = set(catalog.services) | {r.id for r in catalog.resolvers} | {c.id for c in catalog.controls}
    hosts = {e.host for s in catalog.services.values() for f in s.functions for e in f.endpoints} | {c.host for c in catalog.controls}
    words |= {f.id for s in catalog.services.values() for f in s.functions}
    with contextlib.suppress(InputError):
        words |= {client.id for client in known_names().clients}
    return words | hosts | {label for host in hosts for label in host.split(".")}
