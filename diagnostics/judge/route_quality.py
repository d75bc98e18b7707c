"""Rules of proxies that lead somewhere: do they change pages, stop them midway, or slow everything down?

Figures are those of pages that came in whole over the proxy and over the direct line in the same run.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from diagnostics.failures import INTERRUPTED
from diagnostics.judge.evidence import Evidence, base_domain, ids
from diagnostics.model import Cause, Certainty, Control, Observation, RouteVerdict, Status, Step

FAR_BELOW: Final = 5.0
"""Times as long as directly from which a proxy is called slow: a fifth, as for pages that are slowed (design.md, throttled)."""

LONG: Final = 3.0
"""Seconds that a page must take besides: five times nothing is nothing."""

ENOUGH: Final = 2
"""Pages, or owners of pages, that must agree."""

MIDWAY: Final = range(12 * 1024, 28 * 1024)
"""Bytes on the wire after which flows are frozen (measurement.md: 14 to 24 KB, with the encryption around them)."""


def with_quality(route: RouteVerdict, over: Sequence[Observation], direct: Evidence) -> RouteVerdict:
    """Return a verdict of a proxy that works, with what is wrong with it all the same."""
    if route.status is not Status.WORKS:
        return route
    pages = [o for o in over if o.step is Step.HTTP and o.failure != INTERRUPTED]
    return _changes_pages(route, pages, direct) or _stops_midway(route, pages) or _far_below(route, pages, direct) or route


def _said(route: RouteVerdict, rule: str, status: Status, cause: Cause | None, evidence: Iterable[str]) -> RouteVerdict:
    return msgspec.structs.replace(route, status=status, cause=cause, certainty=Certainty.LIKELY, rule=rule, evidence=tuple(evidence))


def _whole(o: Observation) -> bool:
    return o.failure is None and bool(o.detail.get("complete"))


def _direct_page(o: Observation, direct: Evidence) -> Observation | None:
    """Return the same page as it came in whole over the direct line."""
    same = (each for each in direct.http.get(o.host or "", ()) if each.detail.get("url") == o.detail.get("url"))
    return next((each for each in same if _whole(each)), None)


def _changes_pages(route: RouteVerdict, pages: Sequence[Observation], direct: Evidence) -> RouteVerdict | None:
    """Harmless pages in clear text come with another body through the proxy than directly, those of several owners."""
    changed: dict[str, tuple[Observation, Observation]] = {}
    known = {control.host: _bodies(control) for control in direct.controls if control.kind == "portal"}
    for o in pages:
        clear = o.detail.get("purpose") == "control" and str(o.detail.get("url")).startswith("http:")
        own = _direct_page(o, direct) if clear and _whole(o) else None
        if own and own.detail.get("body_sha256") not in known.get(o.host or "", frozenset()):
            continue  # the direct line's own copy is not what it should be
        if own and own.detail.get("status") == o.detail.get("status") and own.detail.get("body_sha256") != o.detail.get("body_sha256"):
            changed[base_domain(o.host or "")] = (own, o)
    if len(changed) < ENOUGH:
        return None
    pairs = list(changed.values())
    evidence = ids([own for own, _ in pairs], [o for _, o in pairs])
    return _said(route, "route.changes_pages", route.status, Cause.PROXY_INTERCEPTS, evidence)


def _bodies(control: Control) -> frozenset[str]:
    """Return the hashes that the whole body of a control may have; none where only a part of it is known."""
    body = control.expect_body.encode()
    return frozenset(hashlib.sha256(each).hexdigest() for each in (body, body + b"\n", body + b"\r\n"))


def _stops_midway(route: RouteVerdict, pages: Sequence[Observation]) -> RouteVerdict | None:
    """Every page that is longer than a few kilobytes stops after them."""
    stopped = [o for o in pages if not _whole(o) and o.detail.get("status") and o.detail.get("received") in MIDWAY]
    whole = [o for o in pages if _whole(o) and int(o.detail.get("received") or 0) >= MIDWAY.stop]
    if len({base_domain(o.host or "") for o in stopped}) < ENOUGH or whole:
        return None
    return _said(route, "route.stops_midway", Status.SLOW, Cause.THROTTLED, ids(stopped))


def seconds_of(o: Observation) -> float:
    """Return how long a page took, from the request to its last byte."""
    return float(o.detail.get("head_seconds") or 0.0) + float(o.detail.get("body_seconds") or 0.0)


def _far_below(route: RouteVerdict, pages: Sequence[Observation], direct: Evidence) -> RouteVerdict | None:
    """The middle page takes five times as long as directly, and long besides."""
    both = ((_direct_page(o, direct), o) for o in pages if _whole(o))
    pairs = [(own, o) for own, o in both if own is not None]
    if len({base_domain(o.host or "") for _, o in pairs}) < ENOUGH:
        return None
    through = statistics.median(seconds_of(o) for _, o in pairs)
    directly = statistics.median(seconds_of(own) for own, _ in pairs)
    if through < LONG or through < FAR_BELOW * directly:
        return None
    return _said(route, "route.far_below_direct", Status.SLOW, None, ids([own for own, _ in pairs], [o for _, o in pairs]))
