"""What a run tells while it is under way; the window, the terminal and the tests listen."""

from __future__ import annotations

from diagnostics.model import Fact, NetworkVerdict, Observation, Report, Step, Verdict, Workaround


class Event(Fact, frozen=True, tag_field="event", tag=True):
    """Base of everything a run reports while it is under way."""


class RunStarted(Event, frozen=True):
    """The plan is made.  ``targets`` in the order in which they were asked for."""

    targets: tuple[str, ...]
    simulated: str | None = None


class StepStarted(Event, frozen=True):
    """A step began; for progress only, nothing is known yet."""

    step: Step
    target: str | None = None
    host: str | None = None


class StepDone(Event, frozen=True):
    """An observation was recorded."""

    observation: Observation


class NetworkJudged(Event, frozen=True):
    """What is known of the line so far; comes once early and once at the end."""

    network: NetworkVerdict
    final: bool = False


class TargetJudged(Event, frozen=True):
    """The verdicts of one target (whole target first, then its functions); not final while steps are still due."""

    verdicts: tuple[Verdict, ...]
    final: bool = False


class WaysSought(Event, frozen=True):
    """Ways round are being tried for a target that is blocked; its verdict stands meanwhile."""

    target: str


class WaysJudged(Event, frozen=True):
    """What is known of the ways round for a target; not final while others are still tried."""

    target: str
    workarounds: tuple[Workaround, ...]


class WatchChanged(Event, frozen=True):
    """Something changed while a VPN was watched: ``t`` seconds after the start (``diagnostics/vpn/watch.py`` has the words)."""

    t: float
    what: str
    part: str = ""


class RunDone(Event, frozen=True):
    """The run ended, by itself or cancelled; the report holds everything that was measured."""

    report: Report
