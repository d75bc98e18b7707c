"""One context manager for every step: its time, its event, its log line and its observation come from one place."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from diagnostics.events import Event, StepDone, StepStarted
from diagnostics.failures import INTERRUPTED, failure_of
from diagnostics.model import DIRECT, Observation, Step

log = logging.getLogger("atajo.trace")

MEASURABLE = (OSError, EOFError)
"""What a network step may raise: it is recorded as the step's failure.  Anything else is a defect and goes on."""


class StepRecord:
    """A step that is under way, used with ``with``; the probe fills ``detail``, and may set ``failure`` itself.

    A network failure inside the block is the result, not an error: it is recorded and the block ends there.  A cancelled
    step is recorded as ``interrupted`` and stays cancelled.
    """

    def __init__(self, trace: Trace, step: Step, target: str | None, host: str | None, address: str | None, route: str) -> None:
        """Know what is going to be measured."""
        self._trace = trace
        self._step = step
        self._target = target
        self._host = host
        self._address = address
        self._route = route
        self._began = 0.0
        self._observation: Observation | None = None
        self.detail: dict[str, Any] = {}
        self.failure: str | None = None

    @property
    def done(self) -> Observation:
        """Return the observation of a step that has ended."""
        if self._observation is None:
            message = "the step has not ended"
            raise RuntimeError(message)
        return self._observation

    def __enter__(self) -> Self:
        """Begin now."""
        self._began = self._trace.now
        self._trace.tell(StepStarted(step=self._step, target=self._target, host=self._host))
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _where: TracebackType | None) -> bool:
        """Record the step; swallow what a network may do."""
        measurable = isinstance(error, MEASURABLE)
        if error is not None and self.failure is None:
            self.failure = INTERRUPTED if isinstance(error, asyncio.CancelledError) else failure_of(error)
        self._observation = Observation(
            id=self._trace.next_id(),
            step=self._step,
            target=self._target,
            host=self._host,
            address=self._address,
            route=self._route,
            t=round(self._began, 4),
            seconds=round(self._trace.now - self._began, 4),
            failure=self.failure,
            detail=self.detail | self._trace.stamp,
        )
        self._trace.record(self._observation)
        return measurable


class Trace:
    """The memory of one run: every observation in the order in which its step ended."""

    def __init__(self, on_event: Callable[[Event], None] = lambda _event: None) -> None:
        """Tell ``on_event`` what happens as it happens.  Must be made inside the run's loop."""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._on_event = on_event
        self._route = DIRECT
        self._logged = True
        self._stamp: dict[str, object] = {}
        self.observations: list[Observation] = []

    def over(self, route: str) -> Trace:
        """Return the same memory for steps over another route."""
        other = copy.copy(self)
        other._route = route
        return other

    def stamped(self, route: str, **facts: object) -> Trace:
        """Return the same memory for steps over ``route`` whose details all carry ``facts``."""
        other = self.over(route)
        other._stamp = self._stamp | facts
        return other

    def unheard(self) -> Trace:
        """Return a memory that nobody reads: for steps that would tell where the person's own proxy lives."""
        other = copy.copy(self)
        other.observations = []
        other._on_event = lambda _event: None
        other._logged = False
        return other

    @property
    def stamp(self) -> dict[str, object]:
        """Return what the details of every step carry."""
        return self._stamp

    @property
    def now(self) -> float:
        """Return the seconds since the run began."""
        return self._loop.time() - self._began

    def tell(self, event: Event) -> None:
        """Pass an event on."""
        self._on_event(event)

    def next_id(self) -> str:
        """Return the id of the next observation."""
        return f"o{len(self.observations) + 1}"

    def record(self, observation: Observation) -> None:
        """Keep an observation and tell of it."""
        self.observations.append(observation)
        if self._logged:
            log.debug("%s", observation)
        self.tell(StepDone(observation=observation))

    def step(self, step: Step, *, target: str | None = None, host: str | None = None, address: str | None = None) -> StepRecord:
        """Return a step to be measured: ``with trace.step(...) as step:``."""
        return StepRecord(self, step, target, host, address, self._route)

    def note(self, kind: str, *, target: str | None = None, host: str | None = None, **detail: object) -> Observation:
        """Record a fact that needed no packet (``system``); ``kind`` says which."""
        with self.step(Step.SYSTEM, target=target, host=host) as record:
            record.detail = {"kind": kind, **detail}
        return record.done
