"""Patterns over the ids of ways round, as tips write them (``needs``, ``contradicted_by``).

::

    PATTERN = LOOKUP | FLIGHT | LOOKUP "|" FLIGHT | "*|" FLIGHT | "route:" ID | "exit:" ID
    LOOKUP  = ENGINE ":" ID              an engine of ``workarounds/identity.py``
    FLIGHT  = "cut" | "name" | "port"    any layout of the first flight, any other name, any other port
            | "rec:sni" and the like     this very layout: a tool that cuts elsewhere is another way
            | "browser" | "ech" | "h3" | "ipv6" | "address" | "https"
    ID      = exact, or a beginning with * behind it: "*", "psiphon*"

A pattern without a lookup fits only ways that use the system's own, and one without a flight only ways that change nothing but the
lookup: that "doh:quad9|ech" passed says nothing about "doh:quad9" alone.  "*|" fits any lookup and none.
"""

from __future__ import annotations

from typing import Final

from diagnostics.workarounds.first_flight import is_layout
from diagnostics.workarounds.identity import ENGINES, EXIT, PLAIN_FLIGHTS, ROUTE, Way

ANY: Final = "*"
FLIGHTS: Final = (*PLAIN_FLIGHTS, "cut", "name", "port")
"""Kinds of flights (``Way.kind``)."""


def is_pattern(text: str) -> bool:
    """Tell whether a text is a pattern."""
    head, colon, rest = text.partition(":")
    if head in (ROUTE, EXIT):
        return bool(colon) and _is_id(rest)
    lookup, flight = _parts(text)
    if "|" not in text:
        return _is_lookup(lookup) if lookup else _is_flight(flight)
    return _is_flight(flight) and (lookup == ANY or _is_lookup(lookup))


def fits(pattern: str, way: Way) -> bool:
    """Tell whether a way is one of those that a pattern means."""
    head, _, rest = pattern.partition(":")
    if head == ROUTE:
        return bool(way.route) and _same(rest, way.route)
    if head == EXIT:
        return bool(way.exit) and _same(rest, way.exit)
    if way.route or way.exit:
        return False
    lookup, flight = _parts(pattern)
    if flight not in (way.kind, way.flight):
        return False
    if lookup in ("", ANY):
        return lookup == ANY or not way.engine
    engine, _, resolver = lookup.partition(":")
    return way.engine == engine and _same(resolver, way.resolver)


def _parts(text: str) -> tuple[str, str]:
    """Return a pattern's lookup and flight; one of them may be missing."""
    lookup, bar, flight = text.partition("|")
    if bar:
        return lookup, flight
    return (text, "") if ":" in text and not is_layout(text) else ("", text)


def _is_flight(text: str) -> bool:
    return text in FLIGHTS or is_layout(text)


def _is_lookup(text: str) -> bool:
    engine, colon, resolver = text.partition(":")
    return engine in ENGINES and bool(colon) and _is_id(resolver)


def _is_id(text: str) -> bool:
    return bool(text) and ANY not in text[:-1] and "|" not in text


def _same(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith(ANY) else name == pattern
