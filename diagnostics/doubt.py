"""How often something must fail before chance is out of the question: a sequential test, shared by the probes and the judge.

Two explanations of silence compete: an honest line that loses a share *p* of round trips, and a filter that swallows all of
them.  Each further lost try speaks 1 : p for the filter, so after *k* of them the odds are p^-k (Wald, Sequential tests of
statistical hypotheses, 1945).  We stop as soon as they pass 1000 : 1, and *p* is measured in the same run, on places that do
answer: 3 tries do on a good line and at 5 % loss each way (p = 0.10), 5 at 10 % (p = 0.19), 7 at 20 % (p = 0.36).
"""

from __future__ import annotations

import math
from typing import Final

ODDS: Final = 1000.0
"""Odds at which silence is no chance any more; a run of 300 endpoints that all answer then accuses one in three runs at worst,
and that only as likely: two addresses or a repeated look come on top."""

LEAST: Final = 3
"""Tries that even a line without any loss so far must lose: what was measured of it may be luck."""

MOST: Final = 9
"""Tries after which no further one is made: on a line that loses more, nothing is said of silence."""

WORST: Final = 0.46
"""Share of lost round trips above which ``MOST`` tries prove nothing: 0.46^9 is 1 in 1000."""


def lost_share(asked: int, lost: int) -> float:
    """Return the share of round trips that a line loses, from ``lost`` first tries of ``asked`` that stayed without an answer.

    With few tries the estimate leans to the bad side (Laplace's rule of succession).
    """
    return min(1.0, (lost + 1) / (asked + 2)) if asked < LEAST else lost / asked


def enough_tries(share: float, among: int = 1) -> int | None:
    """Return how many tries must have been lost together before silence counts; None where no number is enough.

    ``among`` is how many places were asked alike: one of many is lost by chance so much more easily.
    """
    if share > WORST:
        return None
    if share <= 0:
        return LEAST
    needed = math.ceil(math.log(ODDS * among) / -math.log(share) - 1e-9)
    return max(LEAST, min(MOST, needed)) if among == 1 or needed <= MOST else None
