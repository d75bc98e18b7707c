"""Connecting to one address, with our own staggered tries.

The kernel repeats a lost SYN after 1 s and 3 s; our own tries at 0, 0.3 and 0.6 s name a dead path in about a second and
keep a lossy one from being accused: at 5 % loss each way three tries are lost together once in a thousand.

Detail of a ``tcp`` observation: ``port``, ``tries`` (SYNs of ours), ``purpose``.
"""

from __future__ import annotations

import asyncio
from typing import Final, Self

from diagnostics.failures import TIMEOUT
from diagnostics.model import Observation, Step
from diagnostics.probes.context import Context
from diagnostics.probes.pacing import LOOK_AGAIN, MOST_STEP, TICK
from diagnostics.streams import Stream

STAGGER: Final = 0.3
"""Seconds between tries: above the round trip of most lines (performance.md section 4, measured there)."""

TRIES: Final = 3
KERNEL_REPEAT: Final = 1.1
"""Seconds after which the kernel has repeated a lost SYN by itself."""


async def connect(
    context: Context, address: str, port: int, *, target: str | None, host: str | None, purpose: str = "target", most: int = TRIES
) -> tuple[Observation, Stream | None]:
    """Connect with ``most`` tries and record it; the stream is the caller's to close.

    The caller holds a place in ``context.limits`` for the address; further tries take one more each if there is one.
    """
    stream: Stream | None = None
    with context.trace.step(Step.TCP, target=target, host=host, address=address) as step:
        step.detail = {"port": port, "tries": 0, "purpose": purpose}
        async with _Race(context, address, port, step.detail, most) as race:
            stream = race.keep(await race.run())
    observation = step.done
    context.six.saw(address, made=stream is not None)
    context.dead.saw(address, port, lost=observation.detail["tries"] if observation.failure == TIMEOUT else 0)
    if stream is not None:
        context.losses.saw(observation.detail["tries"])
    if stream is not None and observation.detail["tries"] == 1:
        context.patience.saw(observation.seconds)
    return observation, stream


async def connect_silently(context: Context, address: str, port: int, detail: dict[str, object]) -> Stream:
    """Connect with the same tries inside a step of the caller's own; ``tries`` is written into ``detail``.  Raises OSError."""
    async with _Race(context, address, port, detail) as race:
        return race.keep(await race.run())


class _Race:
    """The tries of one connection; the first to succeed wins, the others are closed, now or when they come in."""

    def __init__(self, context: Context, address: str, port: int, detail: dict[str, object], most: int = TRIES) -> None:
        self._context = context
        self._most = most
        self._address = address
        self._port = port
        self._detail = detail
        self._tasks: list[asyncio.Task[Stream]] = []
        self._kept: Stream | None = None
        self._places = 0
        self._tries = 0
        self._launched: list[float] = []  # when each of the tasks was, by the loop's time

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        """Let everything go that was not kept; nothing is waited for, so that a cancelled step ends at once."""
        for task in self._tasks:
            task.cancel()
            task.add_done_callback(self._drop)
        self._context.limits.leave(self._address, self._places)
        if kind is not None and self._kept is not None:
            self._kept.close()

    def _drop(self, task: asyncio.Task[Stream]) -> None:
        if not task.cancelled() and task.exception() is None and task.result() is not self._kept:
            task.result().close()

    def keep(self, stream: Stream) -> Stream:
        """Except a connection from the closing."""
        self._kept = stream
        return stream

    async def run(self) -> Stream:
        """Return the first connection; raises the first refusal, or TimeoutError when patience is over."""
        loop, patience = asyncio.get_running_loop(), self._context.patience
        began = last = loop.time()
        self._launch()
        while True:
            due = last + patience.stagger(STAGGER) if self._tries < self._most else max(last, self._launched[-1]) + patience.wait()
            # while nothing at all answers here, no longer than the kernel's own repetition takes
            most = MOST_STEP if patience.alive else KERNEL_REPEAT + patience.wait()
            if (left := min(due, began + most) - loop.time()) > 0:
                # patience changes while others answer, so look again often
                look = max(min(left, LOOK_AGAIN), TICK)
                done, _ = await asyncio.wait(self._tasks, timeout=look, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    return task.result()  # a refusal is as definite as a success, and ends the race too
                continue
            last = loop.time()
            if self._tries == self._most or last - began >= most:
                raise TimeoutError(TIMEOUT)
            if self._room(last):
                self._launch()

    def _room(self, now: float) -> bool:
        """Take a place for one more try, or give up the oldest one for it, once its answer is overdue."""
        if self._context.limits.enter_if_free(self._address):
            self._places += 1
            return True
        if now - self._launched[0] <= self._context.patience.wait():
            return False
        oldest = self._tasks.pop(0)
        del self._launched[0]
        oldest.cancel()
        oldest.add_done_callback(self._drop)
        return True

    def _launch(self) -> None:
        connecting = self._context.network.connect(self._address, self._port)
        self._tasks.append(asyncio.get_running_loop().create_task(connecting))
        self._launched.append(asyncio.get_running_loop().time())
        self._tries += 1
        self._detail["tries"] = self._tries
