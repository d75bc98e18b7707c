"""VPN programs by the names of their adapters, services and processes (``resources/vpn_clients.toml``); pure but for that file.

A pattern is a name in which ``*`` stands for anything; case does not matter.  It is a hint, never a proof: people rename adapters.
"""

from __future__ import annotations

import datetime as dt
import enum
import fnmatch
import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

import resources
from diagnostics.catalog import Problem, Where, id_problems, source_problems
from diagnostics.errors import InputError
from diagnostics.model import Fact
from diagnostics.tomlfile import decode, line_of

FILE: Final = "vpn_clients.toml"
SYSTEMS: Final = ("windows", "macos", "linux")
_PATTERN: Final = re.compile(r"[A-Za-z0-9*][A-Za-z0-9 ._()#$*-]{2,63}")


class Role(enum.StrEnum):
    """What a client is for."""

    FULL = "full"  # everything is meant to go through it
    ANY = "any"  # a protocol's own program: its profile decides
    MESH = "mesh"  # joins computers to each other; the rest goes outside unless one of them is made the exit
    ACCESS = "access"  # leads into a company's network
    PROXY = "proxy"  # no adapter: programs that follow the system's proxy settings


class Is(enum.StrEnum):
    """What an adapter is that belongs to no client."""

    VIRTUAL = "virtual"
    KILL_SWITCH = "kill_switch"


class VpnClient(Fact, frozen=True):
    """A client.  ``windows`` patterns fit an adapter's description or alias, ``macos`` and ``linux`` its device."""

    id: str
    name: str
    role: Role
    windows: tuple[str, ...] = ()
    macos: tuple[str, ...] = ()
    linux: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    mesh_addresses: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()


class OtherAdapter(Fact, frozen=True):
    """Adapters that are no tunnel."""

    id: str
    kind: Is
    windows: tuple[str, ...] = ()
    macos: tuple[str, ...] = ()
    linux: tuple[str, ...] = ()


class VpnNames(Fact, frozen=True):
    """The whole file."""

    as_of: str = ""
    clients: tuple[VpnClient, ...] = ()
    others: tuple[OtherAdapter, ...] = ()

    def client_of(self, system: str, names: Sequence[str], addresses: Iterable[str] = ()) -> VpnClient | None:
        """Return whose adapter this is by its names (device, description, alias), else by one of its own addresses."""
        for client in self.clients:
            if fits(getattr(client, system, ()), names):
                return client
        own = [ipaddress.ip_address(address) for address in addresses]
        for client in self.clients:
            networks = [ipaddress.ip_network(text) for text in client.addresses]
            if any(address in network for address in own for network in networks):
                return client
        return None

    def other_of(self, system: str, names: Sequence[str]) -> OtherAdapter | None:
        """Return which adapter that is no tunnel this is."""
        return next((each for each in self.others if fits(getattr(each, system, ()), names)), None)

    def by_process(self, programs: Iterable[str]) -> tuple[str, ...]:
        """Return the ids of the clients one of whose processes or services runs (names in small letters, without .exe)."""
        running = set(programs)
        return tuple(c.id for c in self.clients if not running.isdisjoint((*c.processes, *c.services)))

    def client(self, ident: str) -> VpnClient | None:
        """Return a client by its id, or None for one that this version does not know."""
        return next((each for each in self.clients if each.id == ident), None)


def fits(patterns: Iterable[str], names: Sequence[str]) -> bool:
    """Tell whether one of the names fits one of the patterns."""
    small = [name.lower() for name in names if name]
    return any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in patterns for name in small)


class _Client(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    role: Role
    source: str
    checked: bool
    windows: tuple[str, ...] = ()
    macos: tuple[str, ...] = ()
    linux: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    mesh_addresses: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()


class _Other(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    kind: Is
    source: str
    checked: bool
    windows: tuple[str, ...] = ()
    macos: tuple[str, ...] = ()
    linux: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    as_of: dt.date
    client: tuple[_Client, ...]
    other: tuple[_Other, ...]


def read_names(text: str, file: str) -> VpnNames:
    """Return the clients and the other adapters.  Raises InputError("error.data" or "error.toml") with file and line."""
    read = decode(text, file, _File, "error.data")
    for where, found, allowed in _problems(read):
        raise InputError("error.data", file=file, line=line_of(text, where), found=found, allowed=allowed)
    return VpnNames(
        as_of=read.as_of.isoformat(),
        clients=tuple(msgspec.convert(_without_source(each), VpnClient) for each in read.client),
        others=tuple(msgspec.convert(_without_source(each), OtherAdapter) for each in read.other),
    )


def _without_source(entry: _Client | _Other) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(entry).items() if name not in ("source", "checked")}


@lru_cache(maxsize=1)
def known_names() -> VpnNames:
    """Return what ships with Atajo."""
    return read_names(resources.text(FILE), f"resources/{FILE}")


def _problems(read: _File) -> Iterator[Problem]:
    seen: set[str] = set()
    entries: list[tuple[Where, _Client | _Other]] = [(("client", index), each) for index, each in enumerate(read.client)]
    entries += [(("other", index), each) for index, each in enumerate(read.other)]
    for where, entry in entries:
        yield from id_problems((*where, "id"), entry.id)
        if entry.id in seen:
            yield (*where, "id"), entry.id, "an id that is not used above"
        seen.add(entry.id)
        yield from source_problems(where, entry.source)
        for key in SYSTEMS:
            for place, pattern in enumerate(getattr(entry, key)):
                if not _PATTERN.fullmatch(pattern):
                    yield (*where, key, place), pattern, "at least three letters or signs of a name, * for the rest"
        if isinstance(entry, _Client):
            yield from _client_problems(where, entry)


def _client_problems(where: Where, entry: _Client) -> Iterator[Problem]:
    if not entry.name.strip():
        yield (*where, "name"), entry.name, "what people call it"
    for key in ("addresses", "mesh_addresses"):
        for place, network in enumerate(getattr(entry, key)):
            try:
                ipaddress.ip_network(network)
            except ValueError:
                yield (*where, key, place), network, "a.b.c.d/n or a:b::/n"
    for key in ("services", "processes"):
        for place, word in enumerate(getattr(entry, key)):
            if not word.strip() or word != word.strip().lower() or word.endswith(".exe"):
                yield (*where, key, place), word, "a name in small letters, without .exe"
