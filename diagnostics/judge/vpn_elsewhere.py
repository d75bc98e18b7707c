"""The rule of an answer from elsewhere: what failed here, held against the same greeting through one of the person's proxies.

One failure is a hint, whatever came from elsewhere: only failures at the same port, in the same way, and often enough are held to be sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.failures import EOF, FAILED_HANDSHAKE, REFUSED, RESET, WRONG_ANSWER
from diagnostics.judge.evidence import Finding, ids
from diagnostics.judge.route_evidence import SILENCES, code, said, word
from diagnostics.judge.vpn_evidence import PROHIBITED, ProfileEvidence, is_prohibited, tries
from diagnostics.model import Cause, Certainty, Observation, Status

ENOUGH_TRIES: Final = 3
"""Greetings that must have stayed without an answer before silence is held against an answer by another way."""

ENOUGH_CUTS: Final = 2
CUT: Final = frozenset({RESET, EOF, "connection_aborted"})
BROKEN: Final = CUT | {FAILED_HANDSHAKE}
OF_THE_WAY: Final = SILENCES | BROKEN | {REFUSED, PROHIBITED, WRONG_ANSWER}
"""Failures that come from the way or the server; all others, such as a connection that is not permitted, are this computer's own."""


def answered_elsewhere(evidence: ProfileEvidence, here: Sequence[Observation]) -> Finding | None:
    """Judge ports and greetings that failed ``here`` by an answer from elsewhere, if there is one to the same server and transport."""
    same = evidence.no_other_way()
    told = [o for o in here if o.failure in OF_THE_WAY]
    answers = [o for o in evidence.elsewhere("handshake") if _was_heard(o) and word(o, "by") not in same]
    heard = [h for h in answers if any(_server(o) == _server(h) for o in told)]
    if evidence.answered or not heard:
        return None
    servers = {_server(h) for h in heard}
    failed = [o for o in told if _server(o) in servers]
    ended = [o for o in closed_unasked(evidence) if _server(o) in servers]
    if ended:  # whoever cuts a connection on which nothing was said has no quarrel with the greeting: the server may turn this line away
        return said(Status.UNKNOWN, "vpn.closes_here", None, Certainty.NONE, ids(failed, ended, heard))
    if any(_often_enough([o for o in failed if _port(o) == _port(h)]) for h in heard):
        return said(Status.BLOCKED, "vpn.answers_elsewhere", Cause.VPN_HANDSHAKE_BLOCKED, Certainty.CERTAIN, ids(failed, heard))
    return said(Status.LIKELY_BLOCKED, "vpn.answers_elsewhere", Cause.VPN_HANDSHAKE_BLOCKED, Certainty.LIKELY, ids(failed, heard))


def proven_elsewhere(evidence: ProfileEvidence, here: Sequence[Observation]) -> list[Observation]:
    """Return the proofs of who it is that a server gave elsewhere, of those servers that were tried ``here`` over the same transport."""
    same, servers = evidence.no_other_way(), {_server(o) for o in here}
    return [o for o in evidence.elsewhere("tls") if o.failure is None and word(o, "by") not in same and _server(o) in servers]


def closed_unasked(evidence: ProfileEvidence) -> list[Observation]:
    """Return the connections that were opened and held, and were ended although nothing was said on them."""
    return [o for o in evidence.of("hold") if o.failure in CUT]


def _was_heard(o: Observation) -> bool:
    """Tell whether a server said anything to a greeting: one that asks for patience lives, too."""
    return o.failure is None or word(o, "answer") == "cookie"


def _server(o: Observation) -> tuple[int, str]:
    """Return which of a profile's servers a step went to, and over what."""
    return code(o, "place"), word(o, "transport")


def _port(o: Observation) -> tuple[int, str, int, int, int]:
    """Return the very port that a step went to: reports carry no address, only where in the profile it stands."""
    return *_server(o), code(o, "at"), code(o, "remote"), code(o, "port")


def _often_enough(failed: Sequence[Observation]) -> bool:
    """Tell whether one port failed so often that chance is no explanation, or somebody on the way said that it is forbidden."""
    silences = sum(tries(o) for o in failed if o.failure in SILENCES)
    cuts = sum(o.failure in BROKEN for o in failed)
    return silences >= ENOUGH_TRIES or cuts >= ENOUGH_CUTS or any(is_prohibited(o) for o in failed)
