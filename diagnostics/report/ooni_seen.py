"""What a measurement of a target holds, and which claims of OONI's tests its verdicts carry.

Ours and OONI's claims differ in what they need: OONI compares with a helper elsewhere, we with controls that the computer reaches itself.
So a claim is made only where a verdict of ours is certain *and* its own observations are among this measurement's; else it is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from diagnostics.bogons import is_address
from diagnostics.model import LOCAL_CAUSES, Cause, Certainty, Observation, Status, Step, Verdict
from diagnostics.report.ooni_records import OWN_PURPOSES

GOOD: Final = (Status.WORKS, Status.SLOW)
"""Statuses of something that can be used."""


def is_own(observation: Observation) -> bool:
    """Tell whether a step asked for the target itself, not for something to compare it with."""
    purpose = observation.detail.get("purpose", "target")
    if observation.step is Step.DNS:  # a name may first have been asked for on another's behalf
        return purpose in ("target", "control", "survey")
    return purpose in OWN_PURPOSES


class Seen:
    """The steps of one measurement, looked at from several sides."""

    def __init__(self, observations: Sequence[Observation]) -> None:
        """Look at the steps that asked for the target itself."""
        self.own = [o for o in observations if is_own(o)]
        self._ids = {o.id: o for o in observations}

    def of(self, step: Step, host: str | None = None) -> list[Observation]:
        """Return the steps of a kind, of one host or of all."""
        return [o for o in self.own if o.step is step and (host is None or o.host == host)]

    def system_answers(self, host: str) -> list[Observation]:
        """Return what this computer's own resolver said of a name."""
        return [o for o in self.of(Step.DNS, host) if o.detail.get("resolver") == "system"]

    def vouched(self, observation: Observation) -> bool:
        """Tell whether a step went where this computer's own resolver sends programs, or to an address that was asked for as such."""
        host, address = observation.host or "", observation.address
        return is_address(host) or any(address in _list(o.detail.get("answers")) for o in self.system_answers(host))

    def pages(self) -> list[Observation]:
        """Return the pages that came in whole, with a status that says so, at an address that programs are sent to."""
        whole = (o for o in self.of(Step.HTTP) if o.failure is None and o.detail.get("complete"))
        return [o for o in whole if _is_page(o.detail.get("status")) and self.vouched(o)]

    def connects(self, hosts: Iterable[str]) -> bool:
        """Tell whether a connection to one of the hosts came about."""
        wanted = set(hosts)
        return any(o.failure is None and o.host in wanted for o in self.of(Step.TCP))

    def named_by(self, verdict: Verdict) -> list[Observation]:
        """Return the steps of this measurement that a verdict rests on."""
        return [self._ids[each] for each in verdict.evidence if each in self._ids]

    def dns_failure(self, host: str) -> str | None:
        """Return the failure of the first question for a name's IPv4 addresses to this computer's own resolver."""
        asked = [o for o in self.system_answers(host) if o.detail.get("query") == "A"]
        return asked[0].failure if asked else None

    def failure(self, hosts: Iterable[str] | None = None) -> str | None:
        """Return how fetching failed: the failure of the deepest step at which nothing at all went well."""
        wanted = None if hosts is None else set(hosts)
        for step in (Step.HTTP, Step.TLS, Step.TCP, Step.DNS):
            steps = [o for o in self.of(step) if wanted is None or o.host in wanted]
            steps = [o for o in steps if step is not Step.DNS or o.detail.get("resolver") == "system"]
            if steps:
                failed = [o.failure for o in steps if o.failure]
                return failed[0] if len(failed) == len(steps) else None
        return None


def is_good(verdict: Verdict | None) -> bool:
    """Tell whether it is certain that something can be used."""
    return verdict is not None and verdict.status in GOOD and verdict.certainty is Certainty.CERTAIN


def is_blocked(verdict: Verdict | None, *causes: Cause) -> bool:
    """Tell whether it is certain that somebody blocks something, and by one of ``causes`` if any are given."""
    if verdict is None or verdict.status is not Status.BLOCKED or verdict.certainty is not Certainty.CERTAIN:
        return False
    return verdict.cause in causes if causes else verdict.cause not in LOCAL_CAUSES


def _is_page(status: object) -> bool:
    return isinstance(status, int) and 200 <= status < 300


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
