"""Is one service slower than it has to be?  The same run's pages, measured again in quiet: target, control, other name.

While a run goes on its connections compete, so what they tell of speed is only a suspicion.  Suspects are measured again
after everything else, twice, each time together with a control and, where the server lets us, with the very same page at the
very same address under another name: the one thing that differs then is what a filter can see.

Detail of a ``throughput`` observation: that of ``http`` (``probes/http.py``), and ``round`` (0, 1) and ``round_trip`` (seconds,
of its connection).  Purposes: target | control | other_name.
"""

from __future__ import annotations

import asyncio
import ssl
import statistics
from collections.abc import Mapping
from typing import Final

import msgspec

from diagnostics.failures import TIMEOUT
from diagnostics.model import Observation, Step
from diagnostics.probes.context import Context
from diagnostics.probes.http import fetch
from diagnostics.probes.place import Asking, Greeting, Place, covers
from diagnostics.probes.tcp import connect
from diagnostics.probes.tls import shake
from diagnostics.streams import Stream

ENOUGH_BYTES: Final = 32 * 1024
"""Below this the start of a connection says more of the distance than of the line."""

FROZEN: Final = 10_000
"""Bytes over a connection, encryption included, that are more than any handshake has."""

SUSPICIOUS: Final = 0.3
"""Share of the middle speed of the other pages; in quiet the judge asks for less than 0.2 of a control's."""

ROUNDS: Final = 2
MOST_SUSPECTS: Final = 3
"""Pages that are measured again: each holds a person up for some seconds."""


class Sample(msgspec.Struct, frozen=True):
    """A page that was fetched, and all that is needed to fetch it again."""

    place: Place
    address: str
    target: str | None
    trust: ssl.SSLContext
    hidden: ssl.SSLContext
    body_bytes: int
    body_seconds: float
    received: int
    failure: str | None

    @property
    def rate(self) -> float:
        """Return the bytes a second of the body."""
        return self.body_bytes / max(self.body_seconds, 1e-3)

    @property
    def frozen(self) -> bool:
        """Tell whether it stopped coming after more than a handshake: servers encrypt 16 KB at a time, so no page may be seen yet."""
        return self.failure == TIMEOUT and self.received >= FROZEN


class SpeedRound:
    """The pages of one run and the comparison at its end."""

    def __init__(self, context: Context) -> None:
        """Know no page yet."""
        self._context = context
        self._samples: list[Sample] = []

    def saw(self, sample: Sample) -> None:
        """Take a page in; small ones say nothing, unless they stopped in the middle."""
        if sample.body_bytes >= ENOUGH_BYTES or sample.frozen:
            self._samples.append(sample)

    async def measure(self) -> None:
        """Measure the suspects again, if there are any and something to hold them against."""
        control, suspects = self._control(), self._suspects()
        if control is None or not suspects:
            return
        for number in range(ROUNDS):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._fetch(control, "control", number))
                for suspect in suspects:
                    group.create_task(self._fetch(suspect, "target", number))
                    group.create_task(self._fetch(suspect, "other_name", number))

    def _control(self) -> Sample | None:
        """Return the quickest whole page of a control."""
        found = [s for s in self._samples if s.target is None and s.failure is None and s.place.scheme == "https"]
        return max(found, key=lambda s: s.rate, default=None)

    def _suspects(self) -> list[Sample]:
        """Return one page of each target that froze or was far slower than the others, the slowest first."""
        found: dict[str, Sample] = {}
        for sample in sorted(self._samples, key=lambda s: s.rate):
            others = [s.rate for s in self._samples if s.target != sample.target and s.failure is None]
            slow = bool(others) and sample.rate < SUSPICIOUS * statistics.median(others)
            if sample.target is not None and sample.place.scheme == "https" and (sample.frozen or slow):
                found.setdefault(sample.target, sample)
        return list(found.values())[:MOST_SUSPECTS]

    async def _fetch(self, sample: Sample, purpose: str, number: int) -> None:
        asking = Asking(sample.address, sample.target, purpose)
        await fetch_anew(self._context, sample, asking, step=Step.THROUGHPUT, extra={"round": number})


async def fetch_anew(
    context: Context, sample: Sample, asking: Asking, *, step: Step = Step.HTTP, extra: Mapping[str, object] | None = None
) -> Observation | None:
    """Fetch a sample's page again over a new connection; None if no request could be sent."""
    place = sample.place
    async with context.limits.slot(asking.address):
        made, stream = await connect(context, asking.address, place.port, target=asking.target, host=place.host, purpose=asking.purpose)
        if stream is None:
            return None
        async with stream:
            through = await _secure(context, stream, sample, asking) if place.scheme == "https" else stream
            if through is None:
                return None
            timed = {**(extra or {}), "round_trip": made.seconds}
            observation, _ = await fetch(context, through, place, asking, step=step, extra=timed)
            return observation


async def _secure(context: Context, stream: Stream, sample: Sample, asking: Asking) -> Stream | None:
    """Shake hands for a sample's page, under its own name or (purpose other_name) under a harmless one.

    Under another name the certificate must all the same be valid for the page's own host: nothing is asked of a stranger.
    """
    place, neutral = sample.place, context.neutral
    if asking.purpose != "other_name":
        return (await shake(context, stream, sample.trust, Greeting(place.port, place.host, place.host, asking))).stream
    if neutral is None:
        return None
    shaken = await shake(context, stream, sample.hidden, Greeting(place.port, neutral.host, place.host, asking))
    return shaken.stream if shaken.stream is not None and vouches(shaken.observation, place.host) else None


def vouches(shaken: Observation, host: str) -> bool:
    """Tell whether the certificate that was shown is for ``host``."""
    certificate = shaken.detail.get("certificate")
    names = certificate.get("names") if isinstance(certificate, dict) else None
    return any(covers(str(name), host) for name in names or ())
