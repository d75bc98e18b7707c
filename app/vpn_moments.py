"""What one look of a watch found, as one moment to be told."""

from __future__ import annotations

from typing import Final

from diagnostics.vpn.watch import Moment
from ui.vpn_backend import WatchMoment

_PARTS: Final = {"four": "all", "six": "ipv6", "names": "names"}
"""What the window calls the parts of a watch; the first that is concerned is said."""


def moment_of(heard: list[Moment], inside: dict[str, bool]) -> WatchMoment:
    """Return what one look found as one moment; ``inside`` remembers which parts go through the VPN, and is brought up to date."""
    for moment in heard:
        if moment.part:
            inside[moment.part] = moment.what in ("inside", "back", "cut")
    kinds = {moment.what: moment for moment in reversed(heard)}
    left = [part for part in _PARTS if any(each.what in ("left", "outside") and each.part == part for each in heard)]
    within = all(inside.values()) and "none" not in kinds
    other = next((each for each in ("cut", "none", "gone", "gap") if each in kinds), "all")
    what = _PARTS[left[0]] if left else other
    return WatchMoment(seconds=heard[0].t, inside=within, what=what)
