"""What kind of filter is on the way, told from the ways that pass it.

Source: which cut of the first flight passes which kind of box, measured with boxes of each kind (reference/workarounds.md,
section 4; the same table is measured again by ``tests/real_servers/test_flights.py``).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from diagnostics.model import Status, Workaround
from diagnostics.workarounds.identity import Way, parse_way


class FilterKind(enum.StrEnum):
    """How much of a connection a filter understands."""

    NAMES_ONLY = "names_only"  # only the answers about names are forged: with true ones everything opens
    PER_PACKET = "per_packet"  # looks into single packets
    FIRST_RECORD = "first_record"  # puts packets together, and reads one record
    REASSEMBLES_SEGMENTS = "reassembles_segments"  # puts packets together, and searches them for the name
    REASSEMBLES_RECORDS = "reassembles_records"  # puts everything together
    ADDRESS = "address"  # does not look: the addresses are shut
    UNKNOWN = "unknown"


def filter_kind(workarounds: Sequence[Workaround]) -> FilterKind:
    """Return the kind of filter that the ways tried for one target tell of; unknown where they do not agree with one."""
    passes, fails = _flights(workarounds, Status.WORKS), _flights(workarounds, Status.BLOCKED)
    cuts = {flight for flight in passes | fails if Way(flight=flight).kind == "cut"}
    if not cuts:
        return _without_cuts(workarounds, passes | fails)
    if not cuts & passes:
        return FilterKind.REASSEMBLES_RECORDS if {"rec:snimid", "seg:snimid"} <= fails else FilterKind.UNKNOWN
    if "seg:snimid" in passes or ("seg:1" in passes and "rec:1" in fails):
        return FilterKind.PER_PACKET
    if "rec:1" in passes and "seg:snimid" in fails:
        return FilterKind.FIRST_RECORD
    if "rec:snimid" in passes and {"rec:1", "seg:snimid"} <= fails:
        return FilterKind.REASSEMBLES_SEGMENTS
    return FilterKind.UNKNOWN


def _flights(workarounds: Sequence[Workaround], status: Status) -> set[str]:
    """Return the flights that ended so, whichever lookup went before them."""
    return {way.flight for w in workarounds if w.status is status and (way := parse_way(w.id)) is not None and way.flight}


def _without_cuts(workarounds: Sequence[Workaround], flights: set[str]) -> FilterKind:
    lookups = [w for w in workarounds if (way := parse_way(w.id)) is not None and way.engine and not way.flight]
    if any(w.status is Status.WORKS for w in lookups):
        return FilterKind.NAMES_ONLY
    return FilterKind.ADDRESS if flights & {"address", "ipv6", "h3"} else FilterKind.UNKNOWN
