"""What a proxy adds: the same page of the same site, directly and over a proxy as far away as the site itself.

SOCKS5 needs two round trips more than the direct line (greeting, request; RFC 1928), CONNECT one (RFC 9110, 9.3.6); the proxy's own
connection to the site is next door.  The server is sing-box, which passes small packets on at once: microsocks and tinyproxy hold
the beginning of a page back for a round trip (Nagle's algorithm, RFC 896), which no client can change.  Everything is measured in the
same runs of the unmodified command line.
"""

from __future__ import annotations

import json
import statistics
from typing import Any, Final

from benchmarks.engine import FAR, NEAR
from benchmarks.table import Row
from diagnostics.catalog import load_catalog
from diagnostics.routes.grammar import parse_link
from tests.real_servers.lab import Lab, Line
from tests.real_servers.proxies import Proxies

EXTRA: Final = {("socks5h", "sing-box"): 2, ("http", "sing-box"): 1}
"""Round trips that a kind of proxy adds, by scheme and server."""

GOAL: Final = 1.2
TIMES: Final = 3
SECONDS: Final = 60


def added_cost() -> list[Row]:
    """Measure what SOCKS5 and CONNECT add, against the round trips that they need."""
    with Lab(load_catalog(), near=Line(NEAR), far=Line(FAR - NEAR)) as lab, Proxies(lab) as proxies:
        links = {pair: proxies.link(*pair) for pair in EXTRA}
        seen = [_measured(lab, list(links.values())) for _ in range(TIMES)]
    rows = []
    for pair, link in links.items():
        route = parse_link(link).id
        over = statistics.median(each for pages in seen for each in pages[route])
        direct = statistics.median(each for pages in seen for each in pages["direct"])
        needed = EXTRA[pair] * FAR
        note = f"page {over * 1000:.0f} ms, directly {direct * 1000:.0f} ms; {EXTRA[pair]} round trips are {needed * 1000:.0f} ms"
        rows.append(Row(f"added by {pair[0]} / its extra round trips, real servers", (over - direct) / needed, "x", GOAL, note))
    return rows


def _measured(lab: Lab, links: list[str]) -> dict[str, list[float]]:
    """Return the seconds from the first packet to the first byte of the pages of X and Signal, by route, without looking names up."""
    given = [word for link in links for word in ("--proxy", link)]
    done = lab.atajo("check", "x", "signal", *given, "--json", "-", "--quiet", timeout=SECONDS)
    if done.status:
        raise RuntimeError(done.stderr[-2000:])
    observations: list[dict[str, Any]] = json.loads(done.stdout)["observations"]
    return {route: _pages(observations, route) for route in ("direct", *(parse_link(link).id for link in links))}


def _pages(observations: list[dict[str, Any]], route: str) -> list[float]:
    """Return what each page of a service took over a route: connection, the proxy's answers, handshake, the page's head."""
    own = [o for o in observations if o["route"] == route and not o["failure"]]
    pages = [o for o in own if o["step"] == "http" and o["detail"].get("purpose") == "target" and o["detail"].get("hop") == 0]
    return [sum(_way(own, route, page)) + page["detail"]["head_seconds"] for page in pages]


def _way(own: list[dict[str, Any]], route: str, page: dict[str, Any]) -> list[float]:
    """Return the seconds of the steps that led to a page: the quickest connection, and those of its own host."""
    of_host = [o for o in own if o["host"] == page["host"] and o["detail"].get("purpose", "target") == "target"]
    tls = min(o["seconds"] for o in of_host if o["step"] == "tls")
    if route == "direct":
        return [tls, min(o["seconds"] for o in of_host if o["step"] == "tcp")]
    asked = min(o["seconds"] for o in of_host if o["step"] == "proxy")
    return [tls, asked, min(o["seconds"] for o in own if o["step"] == "proxy" and o["detail"].get("stage") == "connect")]
