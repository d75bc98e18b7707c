"""Who is asked how this computer is seen from outside: ``resources/protection.toml``; pure but for that file."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

import resources
from diagnostics.catalog import Problem, Where, id_problems, name_problems, place_problems, source_problems
from diagnostics.errors import InputError
from diagnostics.tomlfile import decode, line_of

FILE: Final = "protection.toml"

WITNESSES: Final = 2
"""Operators that are asked at least: one alone may be wrong."""

LARGEST_DOWNLOAD: Final = 1 << 20
"""Bytes; many lines are slow, and some are paid for by the megabyte."""

MOST_NETWORK: Final = 4_294_967_294
"""The largest number of a network (RFC 6793: 32 bits; the last one is reserved)."""


class Format(enum.StrEnum):
    """How a page tells its visitor's address."""

    TRACE = "trace"
    PLAIN = "plain"


class Query(enum.StrEnum):
    """How a name is asked for."""

    A = "A"
    AAAA = "AAAA"
    TXT = "TXT"


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base: a misspelt key is an error."""

    source: str
    checked: bool


class Networks(_Entry, frozen=True):
    """The names under which an address's network is found, and that network's name."""

    origin: str
    origin6: str
    names: str


class Exit(_Entry, frozen=True):
    """A page that tells its visitor's address."""

    id: str
    operator: str
    host: str
    path: str
    format: Format
    host6: str = ""
    port: int = 443

    def host_of(self, family: int) -> str:
        """Return the name to ask over IPv4 (4) or IPv6 (6)."""
        return self.host6 or self.host if family == 6 else self.host


class Echo(_Entry, frozen=True):
    """A name that is answered with the address of the resolver that asked."""

    id: str
    operator: str
    name: str
    query: Query


class ResolverFacts(_Entry, frozen=True):
    """Names that show what a resolver does."""

    minimising: str
    broken: str
    signed: str


class Download(_Entry, frozen=True):
    """A page for sizes and speed."""

    host: str
    path: str
    bytes: int
    port: int = 443


class PublicResolver(_Entry, frozen=True):
    """The networks of a resolver that people choose."""

    operator: str
    networks: tuple[int, ...]


class Outlooks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    as_of: dt.date
    networks: Networks
    exit: tuple[Exit, ...]
    echo: tuple[Echo, ...]
    facts: ResolverFacts
    download: Download
    public_resolver: tuple[PublicResolver, ...]

    def public_operator(self, networks: Sequence[int]) -> str:
        """Return who runs a public resolver in one of some networks, or nothing."""
        return next((each.operator for each in self.public_resolver if set(each.networks) & set(networks)), "")


def read_outlooks(text: str, file: str) -> Outlooks:
    """Return what a file says.  Raises InputError("error.data" or "error.toml") with file and line."""
    read = decode(text, file, Outlooks, "error.data")
    for where, found, allowed in _problems(read):
        raise InputError("error.data", file=file, line=line_of(text, where), found=found, allowed=allowed)
    return read


@lru_cache(maxsize=1)
def known_outlooks() -> Outlooks:
    """Return what ships with Atajo."""
    return read_outlooks(resources.text(FILE), f"resources/{FILE}")


def _problems(read: Outlooks) -> Iterator[Problem]:
    for key in ("origin", "origin6", "names"):
        yield from name_problems(("networks", key), getattr(read.networks, key))
    for key in ("minimising", "broken", "signed"):
        yield from name_problems(("facts", key), getattr(read.facts, key))
    for table, each in (("networks", read.networks), ("facts", read.facts), ("download", read.download)):
        yield from source_problems((table,), each.source)
    yield from _lists(read)
    yield from name_problems(("download", "host"), read.download.host)
    yield from place_problems(("download",), read.download.port, read.download.path)
    if not 1 <= read.download.bytes <= LARGEST_DOWNLOAD:
        yield ("download", "bytes"), read.download.bytes, f"1 to {LARGEST_DOWNLOAD}"


def _lists(read: Outlooks) -> Iterator[Problem]:
    yield from _ids("exit", read.exit)
    yield from _ids("echo", read.echo)
    for index, page in enumerate(read.exit):
        yield from name_problems(("exit", index, "host"), page.host)
        yield from name_problems(("exit", index, "host6"), page.host6 or page.host)
        yield from place_problems(("exit", index), page.port, page.path)
    for index, echo in enumerate(read.echo):
        yield from name_problems(("echo", index, "name"), echo.name)
    for index, public in enumerate(read.public_resolver):
        yield from source_problems(("public_resolver", index), public.source)
        for place, number in enumerate(public.networks):
            if not 1 <= number <= MOST_NETWORK:
                yield ("public_resolver", index, "networks", place), number, f"1 to {MOST_NETWORK}"


def _ids(table: str, entries: Sequence[Exit | Echo]) -> Iterator[Problem]:
    for index, each in enumerate(entries):
        where: Where = (table, index)
        yield from id_problems((*where, "id"), each.id)
        yield from source_problems(where, each.source)
        if each.id in [other.id for other in entries[:index]]:
            yield (*where, "id"), each.id, "an id that is not used above"
        if not each.operator.strip():
            yield (*where, "operator"), each.operator, "who runs it"
    if len({each.operator for each in entries}) < WITNESSES:
        yield (table,), "-", f"entries of at least {WITNESSES} operators"
