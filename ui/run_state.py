"""What the window knows of a run: events folded into a partial report."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from diagnostics.events import Event, NetworkJudged, RunDone, RunStarted, StepDone, StepStarted, TargetJudged, WaysJudged, WaysSought
from diagnostics.model import NetworkVerdict, Observation, Report, RunFacts, Status, Step, Verdict, Workaround


class RunState:
    """The run that is on the screen.

    ``report`` is whole after ``RunDone`` and partial before; a stopped run keeps what it had at that moment until the
    engine's own account of it arrives.
    """

    def __init__(self, number: int, targets: Iterable[str]) -> None:
        """Begin with nothing known of ``targets``."""
        self.number = number
        self.targets: tuple[str, ...] = tuple(targets)
        self.steps: dict[str, Step] = {}
        self.final: set[str] = set()
        self.seeking: set[str] = set()
        """Targets for which ways round are being tried."""
        self.network = NetworkVerdict()
        self.network_known = False
        self.stopped = False
        self.whole: Report | None = None
        self._verdicts: dict[tuple[str, str | None, str], Verdict] = {}
        self._workarounds: dict[str, tuple[Workaround, ...]] = {}
        self._observations: list[Observation] = []
        self._simulated: str | None = None

    def take(self, event: Event) -> None:
        """Learn from one event."""
        match event:
            case RunStarted(targets=targets, simulated=simulated):
                self.targets, self._simulated = targets, simulated
            case StepStarted(step=step, target=str(target)):
                self.steps[target] = step
            case StepDone(observation=observation):
                self._observations.append(observation)
            case NetworkJudged(network=network):
                self.network, self.network_known = network, True
            case TargetJudged(verdicts=verdicts, final=final):
                self._judge(verdicts, final=final)
            case WaysSought(target=target):
                self.seeking.add(target)
            case WaysJudged(target=target, workarounds=workarounds):
                self.seeking.discard(target)
                self._workarounds[target] = workarounds
            case RunDone(report=report):
                self.whole = report
                self.network, self.network_known = report.network, True
            case _:
                pass  # an event of a later engine that this window has no use for

    def _judge(self, verdicts: tuple[Verdict, ...], *, final: bool) -> None:
        for verdict in verdicts:
            self._verdicts[verdict.target, verdict.function, verdict.route] = verdict
            if final:
                self.final.add(verdict.target)

    @property
    def total(self) -> int:
        """Return how many things are to be found out: the line and every target."""
        return len(self.targets) + 1

    @property
    def done(self) -> int:
        """Return how many of them are known, if only for now."""
        undecided = (Status.UNKNOWN, Status.NOT_TESTED)
        known = {v.target for v in self._verdicts.values() if v.function is None and v.status not in undecided}
        return int(self.network_known) + len((known | self.final) & set(self.targets))

    @property
    def elapsed(self) -> float:
        """Return how far the measuring has come, in the run's own seconds."""
        return max((o.t + o.seconds for o in self._observations), default=0.0)

    @property
    def knows_anything(self) -> bool:
        """Tell whether there is something to keep."""
        return bool(self._observations or self._verdicts)

    def report(self) -> Report:
        """Return the report, whole or as far as it goes; targets without a verdict were not tested."""
        if self.whole is not None:
            return self.whole
        judged = {verdict.target for verdict in self._verdicts.values() if verdict.function is None}
        missing = tuple(Verdict(target=target, status=Status.NOT_TESTED) for target in self.targets if target not in judged)
        return msgspec.structs.replace(
            Report(),
            run=RunFacts(seconds=self.elapsed, simulated=self._simulated, cancelled=self.stopped),
            network=self.network,
            verdicts=(*self._verdicts.values(), *missing),
            workarounds=tuple(way for ways in self._workarounds.values() for way in ways),
            observations=tuple(self._observations),
        )
