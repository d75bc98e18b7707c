"""One context manager for every step: its time, its event, its log line and its observation come from one place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from diagnostics.failures import INTERRUPTED, failure_of
from diagnostics.model import Event, Observation, Step, StepDone, StepStarted

log = logging.getLogger("atajo.trace")

MEASURABLE = (OSError, EOFError)
"""What a network step may raise: it is recorded as the step's failure.  Anything else is a defect and goes on."""


class StepRecord:
    """A step that is under way; the probe fills ``detail``, and may set ``failure`` itself."""

    def __init__(self, began: float) -> None:
        """Begin now; ``began`` is the loop's time."""
        self.began = began
        self.detail: dict[str, Any] = {}
        self.failure: str | None = None
        self.observation: Observation | None = None

    @property
    def done(self) -> Observation:
        """Return the observation of a step that has ended."""
        if self.observation is None:
            message = "the step has not ended"
            raise RuntimeError(message)
        return self.observation


class Trace:
    """The memory of one run: every observation in the order in which its step ended."""

    def __init__(self, on_event: Callable[[Event], None] = lambda _event: None) -> None:
        """Tell ``on_event`` what happens as it happens.  Must be made inside the run's loop."""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._on_event = on_event
        self.observations: list[Observation] = []

    @property
    def now(self) -> float:
        """Return the seconds since the run began."""
        return self._loop.time() - self._began

    def tell(self, event: Event) -> None:
        """Pass an event on."""
        self._on_event(event)

    @contextmanager
    def step(
        self,
        step: Step,
        *,
        target: str | None = None,
        host: str | None = None,
        address: str | None = None,
        route: str = "direct",
    ) -> Iterator[StepRecord]:
        """Measure the block.

        A network failure inside is the result, not an error: it is recorded and the block ends.  A cancelled step is
        recorded as ``interrupted`` and stays cancelled.
        """
        record = StepRecord(self._loop.time())
        self.tell(StepStarted(step=step, target=target, host=host))
        try:
            yield record
        except MEASURABLE as error:
            record.failure = record.failure or failure_of(error)
        except asyncio.CancelledError:
            record.failure = INTERRUPTED
            raise
        finally:
            now = self._loop.time()
            record.observation = Observation(
                id=f"o{len(self.observations) + 1}",
                step=step,
                target=target,
                host=host,
                address=address,
                route=route,
                t=round(record.began - self._began, 4),
                seconds=round(now - record.began, 4),
                failure=record.failure,
                detail=record.detail,
            )
            self.observations.append(record.observation)
            log.debug("%s", record.observation)
            self.tell(StepDone(observation=record.observation))

    def note(self, kind: str, *, target: str | None = None, host: str | None = None, **detail: Any) -> Observation:
        """Record a fact that needed no packet (``system``); ``kind`` says which."""
        with self.step(Step.SYSTEM, target=target, host=host) as record:
            record.detail = {"kind": kind, **detail}
        return record.done
