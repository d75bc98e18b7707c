"""Ways out that are only reached for, never used: ``resources/exits.toml``; pure but for that file.

They are tested when a person asks for it, and never in a light run: whoever looks on sees who asks for such places.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

import resources
from diagnostics.bogons import is_address, is_bogon
from diagnostics.catalog import LANGUAGES, Problem, Where, id_problems, name_problems, place_problems, source_problems
from diagnostics.errors import InputError
from diagnostics.model import Endpoint, Fact, Probe
from diagnostics.tomlfile import decode, line_of

FILE: Final = "exits.toml"
PROBES: Final = (Probe.TCP, Probe.TLS, Probe.HTTPS)
"""How far a way out is followed: a connection, a valid certificate, a page."""


class Group(enum.StrEnum):
    """What a way out leads to."""

    TOR = "tor"
    PSIPHON = "psiphon"
    LANTERN = "lantern"
    VPN = "vpn"
    STORE = "store"
    MAIL = "mail"


class WayOut(Fact, frozen=True):
    """A way out; its id in reports is ``exit:`` and ``id``.  Any of its endpoints is enough."""

    id: str
    group: Group
    name: dict[str, str]
    as_of: str
    endpoints: tuple[Endpoint, ...]


class _EndpointEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    host: str
    source: str
    checked: bool
    port: int = 443
    probe: Probe = Probe.HTTPS
    path: str = "/"


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    group: Group
    name: dict[str, str]
    endpoints: tuple[_EndpointEntry, ...]


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    as_of: dt.date
    exit: tuple[_Entry, ...]


def read_exits(text: str, file: str) -> tuple[WayOut, ...]:
    """Return the ways out.  Raises InputError("error.data" or "error.toml") with file and line."""
    read = decode(text, file, _File, "error.data")
    for where, found, allowed in _problems(read):
        raise InputError("error.data", file=file, line=line_of(text, where), found=found, allowed=allowed)
    return tuple(
        WayOut(
            id=entry.id,
            group=entry.group,
            name=entry.name,
            as_of=read.as_of.isoformat(),
            endpoints=tuple(msgspec.convert(msgspec.to_builtins(each), Endpoint) for each in entry.endpoints),
        )
        for entry in read.exit
    )


@lru_cache(maxsize=1)
def known_exits() -> tuple[WayOut, ...]:
    """Return the ways out that ship with Atajo."""
    return read_exits(resources.text(FILE), f"resources/{FILE}")


def exit_of(name: str, exits: Sequence[WayOut]) -> WayOut | None:
    """Return a way out by its id, or None for one that this version does not know."""
    return next((each for each in exits if each.id == name), None)


def _problems(read: _File) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, entry in enumerate(read.exit):
        where: Where = ("exit", index)
        yield from id_problems((*where, "id"), entry.id)
        if entry.id in seen:
            yield (*where, "id"), entry.id, "an id that is not used above"
        seen.add(entry.id)
        if not all(entry.name.get(language, "").strip() for language in LANGUAGES):
            yield (*where, "name"), ", ".join(entry.name), f"a name in each of {', '.join(LANGUAGES)}"
        if not entry.endpoints:
            yield (*where, "endpoints"), "[]", "at least one endpoint"
        for place, endpoint in enumerate(entry.endpoints):
            yield from _endpoint_problems((*where, "endpoints", place), endpoint)


def _endpoint_problems(where: Where, endpoint: _EndpointEntry) -> Iterator[Problem]:
    if endpoint.probe not in PROBES:
        yield (*where, "probe"), endpoint.probe, ", ".join(PROBES)
    if not is_address(endpoint.host):
        yield from name_problems((*where, "host"), endpoint.host)
    elif is_bogon(endpoint.host):
        yield (*where, "host"), endpoint.host, "a public address"
    elif endpoint.probe is not Probe.TCP:
        yield (*where, "probe"), endpoint.probe, f"{Probe.TCP} for an address"
    yield from place_problems(where, endpoint.port, endpoint.path)
    yield from source_problems(where, endpoint.source)
