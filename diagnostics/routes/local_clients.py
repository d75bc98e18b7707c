"""Programs that offer a proxy on this computer: their names and ports (``resources/local_proxies.toml``); pure but for that file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

import resources
from diagnostics.errors import InputError
from diagnostics.model import Fact
from diagnostics.tomlfile import decode, line_of

FILE: Final = "local_proxies.toml"
_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class LocalClient(Fact, frozen=True):
    """A program: ``ports`` where it usually listens, ``programs`` what its processes are called (small letters, without .exe)."""

    id: str
    name: str
    ports: tuple[int, ...] = ()
    programs: tuple[str, ...] = ()
    any_port: bool = False


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    ports: tuple[int, ...]
    programs: tuple[str, ...]
    source: str
    checked: bool
    any_port: bool = False


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    as_of: dt.date
    client: tuple[_Entry, ...]


def read_clients(text: str, file: str) -> tuple[LocalClient, ...]:
    """Return the programs.  Raises InputError("error.data" or "error.toml") with file and line."""
    read = decode(text, file, _File, "error.data")
    for where, found, allowed in _problems(read):
        raise InputError("error.data", file=file, line=line_of(text, where), found=found, allowed=allowed)
    return tuple(LocalClient(id=e.id, name=e.name, ports=e.ports, programs=e.programs, any_port=e.any_port) for e in read.client)


@lru_cache(maxsize=1)
def known_clients() -> tuple[LocalClient, ...]:
    """Return the programs that ship with Atajo."""
    return read_clients(resources.text(FILE), f"resources/{FILE}")


def program_word(name: str) -> str:
    """Return a process's name as the list writes it."""
    return name.strip().lower().removesuffix(".exe")


def client_of(program: str, port: int, clients: Sequence[LocalClient]) -> LocalClient | None:
    """Return whose proxy this is: by the process that owns the port if that is known (``program``), else by the port."""
    if program:
        owners = [client for client in clients if program in client.programs]
        return next((client for client in owners if port in client.ports), owners[0] if owners else None)
    return next((client for client in clients if port in client.ports), None)


def _problems(read: _File) -> Iterator[tuple[tuple[str | int, ...], object, str]]:
    seen: set[str] = set()
    for index, entry in enumerate(read.client):
        where = ("client", index)
        if not _ID.fullmatch(entry.id) or entry.id in seen:
            yield (*where, "id"), entry.id, "small letters and digits, words joined by -, not used above"
        seen.add(entry.id)
        if not entry.name.strip():
            yield (*where, "name"), entry.name, "what people call it"
        for place, port in enumerate(entry.ports):
            if not 1 <= port <= 65535:
                yield (*where, "ports", place), port, "1 to 65535"
        for place, program in enumerate(entry.programs):
            if not program or program != program_word(program):
                yield (*where, "programs", place), program, "a process's name in small letters, without .exe"
        if not entry.ports and not (entry.any_port and entry.programs):
            yield (*where, "ports"), "[]", "a port, or any_port = true and programs"
        if not entry.source.strip():
            yield (*where, "source"), entry.source, "where this is known from"
