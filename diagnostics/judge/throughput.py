"""Rules of speed: slowed down on purpose, or frozen after some bytes.

Judged only on pages that were measured again in quiet, each time beside a control (``probes/speed.py``).  A server may be slow
by itself, so slowness alone accuses nobody: the same page at the same address must be quick under another name, or the
service must be slow at addresses of two networks.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from diagnostics.bogons import network_of
from diagnostics.failures import TIMEOUT
from diagnostics.judge.evidence import Evidence, Finding, ids
from diagnostics.model import Cause, Certainty, Endpoint, Observation, Status

FAR_BELOW: Final = 0.2
"""Goodput of a target over that of the control (or of the same page under another name), in the same moment, that is no chance.

Two transfers that share a line get about half of it each; a fifth, twice, does not come from sharing."""

ROUNDS: Final = 2
ENOUGH_BYTES: Final = 48 * 1024
"""Of a control or a page under another name, before anything is compared with it."""

ENOUGH_SLOW_BYTES: Final = 16 * 1024
DISTANCE: Final = 6
PATIENCE: Final = 0.5
"""Seconds: a body that is there within six round trips and this much is not slow, however quick a nearer control is.

64 KiB need three to four round trips of TCP's slow start (RFC 6928: ten segments first)."""

FREEZES: Final = range(12_000, 28_001)
"""Bytes over the connection after which it froze: 14 to 24 KB are reported; a segment or two may be lost or repeated."""


ALIKE: Final = 2.0
"""How many times as quick as a page that was measured in quiet another one of the service may have been and still pass for as slow."""


def judge_speed(evidence: Evidence, target: str, host: str) -> Finding | None:
    """Return that a page which came in whole came in far too slowly, or None.

    Of each service one page alone is measured in quiet; those that were as slow in the run share its finding.
    """
    if evidence.late:
        return None
    if _rounds(evidence, target, host):
        return _measured(evidence, target, host)
    for other in _measured_hosts(evidence, target):
        found = _measured(evidence, target, other)
        if found is not None and found.cause is Cause.THROTTLED:
            quick = ALIKE * max(_rate(page) for page, *_ in _rounds(evidence, target, other))
            own = [o for o in _own_pages(evidence, target, host) if o.failure is None]
            sizes = [o.detail.get("body_bytes") for o in own]
            if own and all(isinstance(size, int) and size >= ENOUGH_SLOW_BYTES for size in sizes) and max(map(_rate, own)) <= quick:
                return _said(found.status, found.rule, Certainty.LIKELY, (*found.evidence, *ids(*own)))
    return None


def _measured_hosts(evidence: Evidence, target: str) -> list[str]:
    """Return the hosts of a service whose pages were measured in quiet."""
    return list(dict.fromkeys(str(o.host) for o in evidence.throughput if o.target == target))


def _own_pages(evidence: Evidence, target: str, host: str) -> list[Observation]:
    return [o for o in evidence.http.get(host, ()) if o.target == target and evidence.purpose(o) == "target"]


def _measured(evidence: Evidence, target: str, host: str) -> Finding | None:
    rounds = _rounds(evidence, target, host)
    slow = [trio for trio in rounds if _far_below(trio[0], trio[1])]
    if len(slow) < ROUNDS:
        return None
    hidden = [trio for trio in slow if trio[2] is not None and _far_below(trio[0], trio[2])]
    witnesses = ids(*(o for trio in slow for o in trio))
    if len(hidden) >= ROUNDS:
        return _said(Status.SLOW, "throughput.name_is_slowed", Certainty.CERTAIN, witnesses)
    if any(trio[2] is not None for trio in slow):  # under the other name it is as slow: the server, or the way to it
        return _said(Status.SLOW, "throughput.far_below_control", Certainty.LIKELY, witnesses, cause=None)
    networks = {network_of(str(o.address)) for o in evidence.throughput if o.target == target and evidence.purpose(o) == "target"}
    if len(networks) >= ROUNDS:
        return _said(Status.SLOW, "throughput.service_is_slowed", Certainty.LIKELY, witnesses)
    return _said(Status.SLOW, "throughput.far_below_control", Certainty.LIKELY, witnesses, cause=None)


def judge_freeze(evidence: Evidence, target: str, endpoint: Endpoint) -> Finding | None:
    """Return that transfers of a page stop in the middle, always after about as many bytes, or None.

    Pages that stopped there in the run share the finding of the one of their service that was measured in quiet.
    """
    found = _frozen(evidence, target, endpoint.host)
    own = _own_pages(evidence, target, endpoint.host)
    if found is not None or not own or not all(map(_froze, own)):
        return found
    others = (_frozen(evidence, target, other) for other in _measured_hosts(evidence, target))
    shared = next((other for other in others if other is not None), None)
    return _said(shared.status, shared.rule, shared.certainty, (*shared.evidence, *ids(*own))) if shared else None


def _frozen(evidence: Evidence, target: str, host: str) -> Finding | None:
    rounds = [trio for trio in _rounds(evidence, target, host) if _froze(trio[0]) and not evidence.late]
    controls = [trio for trio in rounds if _whole(trio[1])]
    if len(controls) < ROUNDS:
        return None
    witnesses = ids(*(o for trio in controls for o in trio))
    if any(trio[2] is not None and _whole(trio[2]) for trio in controls):
        return _said(Status.BLOCKED, "throughput.freezes_for_name", Certainty.CERTAIN, witnesses)
    return _said(Status.LIKELY_BLOCKED, "throughput.freezes", Certainty.LIKELY, witnesses)


Trio = tuple[Observation, Observation, Observation | None]
"""One round: the page, the control, and the page under another name if the server shows it so."""


def _rounds(evidence: Evidence, target: str, host: str) -> list[Trio]:
    found: dict[int, dict[str, Observation]] = defaultdict(dict)
    for o in evidence.throughput:
        number, purpose = o.detail.get("round"), evidence.purpose(o)
        if isinstance(number, int) and (purpose == "control" or (o.target == target and o.host == host)):
            found[number][purpose] = o
    return [(each["target"], each["control"], each.get("other_name")) for each in found.values() if {"target", "control"} <= set(each)]


def _rate(o: Observation) -> float:
    """Return the goodput of a body in bytes a second."""
    size, seconds = o.detail.get("body_bytes"), o.detail.get("body_seconds")
    if not isinstance(size, int) or not isinstance(seconds, int | float):
        return 0.0
    return size / max(float(seconds), 1e-3)


def _whole(o: Observation) -> bool:
    size = o.detail.get("body_bytes")
    return o.failure is None and isinstance(size, int) and size >= ENOUGH_BYTES


def _far_below(page: Observation, other: Observation) -> bool:
    size, seconds, trip = (page.detail.get(key) for key in ("body_bytes", "body_seconds", "round_trip"))
    if not isinstance(size, int) or not isinstance(seconds, int | float) or not isinstance(trip, int | float) or not _whole(other):
        return False
    long = seconds > DISTANCE * trip + PATIENCE
    return size >= ENOUGH_SLOW_BYTES and long and _rate(page) < FAR_BELOW * _rate(other)


def _froze(o: Observation) -> bool:
    received = o.detail.get("received")
    return o.failure == TIMEOUT and isinstance(received, int) and received in FREEZES


def _said(status: Status, rule: str, certainty: Certainty, witnesses: tuple[str, ...], cause: Cause | None = Cause.THROTTLED) -> Finding:
    return Finding(status=status, rule=rule, cause=cause, certainty=certainty, evidence=witnesses)
