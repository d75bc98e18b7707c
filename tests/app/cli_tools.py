"""Running the terminal form in a test: its exit status, what it wrote, and an engine that only pretends."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable

import pytest

from app import cli
from app.cli_check import Measure, Order, Stop
from diagnostics.events import Event, RunStarted, StepDone, TargetJudged
from diagnostics.model import Cause, NetworkVerdict, Observation, Report, RunFacts, Status, Step, Verdict
from diagnostics.model import Certainty as How


class Screen(io.StringIO):
    """A terminal that only remembers."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Tell that a person looks on."""
        return True

    @property
    def lines(self) -> list[str]:
        """Return what is to be read, without its colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.getvalue()).splitlines()


class Outcome:
    """What a command did."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    @property
    def said(self) -> list[str]:
        """Return the lines of standard error."""
        return self.err.splitlines()


Command = Callable[..., Outcome]


def command_of(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs a command line in Spanish."""

    def run(*arguments: str, measure: Measure | None = None) -> Outcome:
        status = cli.main([*arguments, "--lang", "es"] if "--lang" not in arguments else list(arguments), measure=measure)
        written = capsys.readouterr()
        return Outcome(status, written.out, written.err)

    return run


def finished(*statuses: Status, cause: Cause | None = None, network: NetworkVerdict | None = None, cancelled: bool = False) -> Report:
    """Return a report with one service a status."""
    names = ("x", "whatsapp", "telegram", "signal")
    verdicts = tuple(
        Verdict(target=name, status=status, cause=cause if status is Status.BLOCKED else None, certainty=How.CERTAIN, rule="test")
        for name, status in zip(names, statuses, strict=False)
    )
    line = network or NetworkVerdict(status=Status.WORKS, certainty=How.CERTAIN)
    return Report(run=RunFacts(id="test", seconds=1.5, cancelled=cancelled), network=line, verdicts=verdicts)


def engine(report: Report, orders: list[Order] | None = None) -> Measure:
    """Return an engine that tells one step and then this report."""

    async def measure(order: Order, tell: Callable[[Event], None], stop: Stop) -> Report:
        if orders is not None:
            orders.append(order)
        tell(RunStarted(targets=tuple(service.id for service in order.plan.targets)))
        tell(StepDone(observation=Observation(id="o1", step=Step.DNS, host="x.com")))
        await asyncio.sleep(0)
        for verdict in report.verdicts:
            tell(TargetJudged(verdicts=(verdict,), final=True))
        return report

    return measure
