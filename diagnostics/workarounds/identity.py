"""The names of ways round: one grammar for reports, tips, tables and scenarios.

::

    WAY    = DNS "|" FLIGHT | DNS | FLIGHT | "route:" ID | "exit:" ID
    DNS    = ENGINE ":" RESOLVER             encrypted or other name lookup with a resolver of ``resources/resolvers.toml``
    ENGINE = "udp" | "tcp" | "dot" | "doh" | "doh-name" | "udp-second" | "tcp-cut"
    FLIGHT = LAYOUT                          the first flight cut as ``first_flight.py`` says, such as "rec:snimid"
           | "browser" | "ech" | "h3" | "ipv6" | "address" | "https"
           | "name:" HOST | "port:" NUMBER   another name or port of the service

``route:`` stands for a proxy of the person's through which the target was just proven to work, ``exit:`` for the reachability of a
way out that was not used (``resources/exits.toml``).
"""

from __future__ import annotations

from typing import Final

from diagnostics.model import Fact

ENGINES: Final = ("udp", "tcp", "dot", "doh", "doh-name", "udp-second", "tcp-cut")
"""How a resolver is asked: over port 53, over 53 with TCP, TLS on 853, HTTPS with the resolver found by address or by its name,
the second answer of two over UDP, TCP with the question cut in the middle of the name."""

ENCRYPTED: Final = frozenset({"dot", "doh", "doh-name"})
"""Engines whose answers nobody on the way can forge."""

LAYOUTS: Final = ("rec:snimid", "seg:snimid", "rec:1", "seg:1", "recseg:snimid", "recseg:32", "rec:sni", "rec:1,snimid", "chunk:16")
"""Cuts of the first flight that are tried, in the order of promise (docs/ways.md: what passes which filter).

Two are what tools do that tips name, since only what was measured may be advised: ``recseg:32`` is Intra's on phones (two records in
two writes, cut at 6 to 64 bytes; Jigsaw-Code/Intra 2026-06-12), ``rec:sni`` byedpi's ``--tlsrec 1+s`` (hufrea/byedpi 2026-03-27)."""

PLAIN_FLIGHTS: Final = ("browser", "ech", "h3", "ipv6", "address", "https")
"""Flights that need no argument."""

PLAIN: Final = "plain"
"""What stands for the way where a page is fetched as it is, at an address that several lookups may have given: no way by itself."""

UNTESTED: Final = "neutral_name"
"""Purpose of the handshake with a harmless name after a try that was cut: if it fails too, the try says nothing."""

VOID: Final = "way_void"
"""Kind of the ``system`` observation that says why a try says nothing (``flights.py``); its purpose is ``UNTESTED``."""

ROUTE: Final = "route"
EXIT: Final = "exit"


class Way(Fact, frozen=True):
    """A way round, taken apart; at least one part is set.  ``route`` and ``exit`` stand alone."""

    engine: str = ""
    resolver: str = ""
    flight: str = ""
    route: str = ""
    exit: str = ""

    def __str__(self) -> str:
        """Return the id."""
        if self.route:
            return f"{ROUTE}:{self.route}"
        if self.exit:
            return f"{EXIT}:{self.exit}"
        return "|".join(part for part in (f"{self.engine}:{self.resolver}" if self.engine else "", self.flight) if part)

    @property
    def lookup(self) -> str:
        """Return the part that finds the address, ``""`` for the system's own."""
        return f"{self.engine}:{self.resolver}" if self.engine else ""

    @property
    def kind(self) -> str:
        """Return the flight without its argument: "name", "port", "cut" for every layout, or the flight itself."""
        head = self.flight.partition(":")[0]
        return "cut" if head in ("seg", "rec", "recseg", "chunk") else head


def parse_way(text: str) -> Way | None:
    """Return a way by its id, or None for one that this version does not know: a newer report may name more."""
    head, _, rest = text.partition(":")
    if head in (ROUTE, EXIT):
        return (Way(route=rest) if head == ROUTE else Way(exit=rest)) if rest else None
    first, bar, second = text.partition("|")
    if not bar and not is_lookup(first):
        return Way(flight=first) if is_flight(first) else None
    if not is_lookup(first) or (bar and not is_flight(second)):
        return None
    engine, _, resolver = first.partition(":")
    return Way(engine=engine, resolver=resolver, flight=second)


def is_lookup(text: str) -> bool:
    """Tell whether a text is the id of a lookup alone."""
    engine, _, resolver = text.partition(":")
    return engine in ENGINES and bool(resolver)


def is_flight(text: str) -> bool:
    """Tell whether a text is the id of a flight."""
    head, colon, argument = text.partition(":")
    if not colon:
        return text in PLAIN_FLIGHTS
    if head == "name":
        return bool(argument)
    if head == "port":
        return argument.isascii() and argument.isdecimal() and len(argument) <= len("65535") and 0 < int(argument) < 1 << 16
    from diagnostics.workarounds.first_flight import is_layout

    return is_layout(text)
