"""How much the line loses, from questions over UDP that were answered in the end."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Final

from diagnostics.doubt import enough_tries, lost_share
from diagnostics.judge.evidence import Evidence
from diagnostics.model import Observation

QUICK: Final = 0.35
"""Seconds: on slower lines a second try says nothing of loss, the first may still be on its way."""

GROWN: Final = 1.1
"""How much a run must have grown before its losses are reckoned again."""


def tries_that_prove(evidence: Evidence, among: int = 1) -> int | None:
    """Return how many lost tries prove silence on the line of this run, None where none do (``diagnostics/doubt.py``).

    While a run grows, what was reckoned a moment ago serves: it is asked for every target that fails.
    """
    known = len(evidence.observations)
    if evidence.lost_share is None or known > evidence.lost_share[0] * GROWN:
        evidence.lost_share = (known, _share(evidence))
    return enough_tries(evidence.lost_share[1], among)


def _share(evidence: Evidence) -> float:
    if evidence.late:
        return 1.0  # what this computer was late to look at counts as lost
    questions = questions_to_quick_resolvers(evidence)
    if not questions or not quick_line(evidence):
        return 0.0  # nothing is known of its losses; slow lines were given more time for each try
    return lost_share(len(questions), sum(map(asked_again, questions)))


def quick_line(evidence: Evidence) -> bool:
    """Tell whether connections are made so soon that a second try means a lost first one."""
    seconds = [o.seconds for o in evidence.connected() if o.detail.get("tries") == 1]
    return bool(seconds) and statistics.median(seconds) <= QUICK


def questions_to_quick_resolvers(evidence: Evidence) -> list[Observation]:
    """Return the questions over UDP that were answered, by resolvers that usually answer at once.

    A resolver that is slow itself is asked again before its first answer: that is no loss.
    """
    by_resolver: dict[str, list[Observation]] = defaultdict(list)
    for lookups in evidence.dns.values():
        for o in lookups:
            if o.detail.get("engine") == "udp" and _first_reply(o) is not None:
                by_resolver[str(o.address)].append(o)
    quick = [group for group in by_resolver.values() if statistics.median(_first_reply(o) or 0.0 for o in group) <= QUICK]
    return [o for group in quick for o in group]


def asked_again(question: Observation) -> bool:
    """Tell whether a try of a question stayed without an answer.

    A question that was asked twice and answered twice lost nothing: the first answer was late, or this computer was.
    """
    replies = question.detail.get("replies")
    answered = len(replies) if isinstance(replies, list | tuple) else 0
    tries = int(question.detail.get("tries") or 1)
    return tries > 1 and answered < tries


def _first_reply(lookup: Observation) -> float | None:
    """Return when the first reply to a question came, in seconds, or None."""
    replies = lookup.detail.get("replies")
    first = replies[0] if isinstance(replies, list | tuple) and replies else None
    after = first.get("after") if isinstance(first, dict) else None
    return float(after) if isinstance(after, int | float) else None
