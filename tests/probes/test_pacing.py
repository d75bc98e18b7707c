"""Patience and bounds, on a clock that jumps: the times asserted are exact."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from diagnostics.network import Network
from diagnostics.probes.context import Context
from diagnostics.probes.dns import Answer, Question, Source, ask_udp, new_query
from diagnostics.probes.pacing import Limits, Patience, patiently
from diagnostics.probes.tcp import connect
from diagnostics.streams import Datagrams, Stream
from diagnostics.trace import Trace
from tests.conftest import RunAsync

T = TypeVar("T")


class SimulatedTime(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer whenever nothing is ready."""

    _skipped = 0.0

    def time(self) -> float:
        return super().time() + self._skipped

    def _run_once(self) -> None:
        scheduled, ready = vars(self)["_scheduled"], vars(self)["_ready"]
        if scheduled and not ready:
            self._skipped += max(0.0, scheduled[0].when() - self.time())
        getattr(super(), "_run_once")()  # noqa: B009 - private in asyncio, and unknown to its types


def in_no_time(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    with asyncio.Runner(loop_factory=SimulatedTime) as runner:
        return runner.run(work())


class FakeStream(Stream):
    """A connection that was made."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    async def read(self, limit: int = 65536) -> bytes:
        del limit
        return b""

    async def write(self, data: bytes) -> None:
        del data

    def close(self) -> None:
        self.closed = True


class FakeNetwork(Network):
    """Connections and datagrams that end as a table says: (seconds, result) a try; None never ends."""

    def __init__(self, *outcomes: tuple[float, OSError | None] | None) -> None:
        self.outcomes = list(outcomes)
        self.began: list[float] = []
        self.streams: list[FakeStream] = []

    async def connect(self, address: str, port: int) -> Stream:
        del address, port
        loop = asyncio.get_running_loop()
        self.began.append(loop.time())
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is None:
            await loop.create_future()
        seconds, error = outcome or (0.0, None)
        await asyncio.sleep(seconds)
        if error:
            raise error
        self.streams.append(FakeStream())
        return self.streams[-1]

    async def resolve(self, host: str, family: int) -> list[str]:
        raise AssertionError((host, family))

    async def nameservers(self) -> list[str]:
        return []

    async def routes_ipv6(self) -> bool:
        return False

    async def datagram(self, address: str, port: int) -> Datagrams:
        raise AssertionError((address, port))

    async def start_tls(self, stream: Stream, context: ssl.SSLContext, server_name: str | None) -> Any:
        raise AssertionError((stream, context, server_name))

    def clock(self) -> float:
        return 0.0


def connected(network: FakeNetwork, *, seen: float | None = 0.08) -> tuple[str | None, float, int]:
    """Return failure, seconds and tries of one connection on a line with the round trip ``seen``."""

    async def go() -> tuple[str | None, float, int]:
        context = Context(network, Trace(), (), ())
        if seen:
            context.patience.saw(seen)
        async with context.limits.slot("1.2.3.4"):
            observation, stream = await connect(context, "1.2.3.4", 443, target="x", host="x.com")
        assert all(s.closed for s in network.streams if s is not stream)
        return observation.failure, round(observation.seconds, 2), observation.detail["tries"]

    return in_no_time(go)


def test_an_answer_within_the_first_try_sends_no_other() -> None:
    assert connected(FakeNetwork((0.08, None))) == (None, 0.08, 1)


def test_a_lost_first_try_costs_a_third_of_a_second() -> None:
    assert connected(FakeNetwork(None, (0.08, None))) == (None, 0.38, 2)


def test_a_dead_path_on_a_good_line_costs_about_a_second() -> None:
    assert connected(FakeNetwork()) == ("generic_timeout_error", 0.92, 3)


def test_a_dead_path_on_a_line_that_never_answered_costs_three_seconds() -> None:
    assert connected(FakeNetwork(), seen=None) == ("generic_timeout_error", 3.1, 3)


def test_a_dead_path_on_a_satellite_line_is_given_more_time_but_never_more_than_eight_seconds() -> None:
    failure, seconds, tries = connected(FakeNetwork(), seen=0.7)
    assert (failure, tries) == ("generic_timeout_error", 3)
    assert seconds == pytest.approx(2 * 1.05 + 2.8)
    assert connected(FakeNetwork(), seen=2.0)[1] <= 7.4 + 6.0


def test_a_refusal_is_believed_at_once() -> None:
    assert connected(FakeNetwork((0.05, ConnectionRefusedError(111, "refused")))) == ("connection_refused", 0.05, 1)


def test_a_slow_answer_to_the_first_try_is_still_taken_after_the_others_were_sent() -> None:
    assert connected(FakeNetwork((0.7, None), None, None)) == (None, 0.7, 3)


def test_tries_that_find_no_place_take_that_of_one_whose_answer_is_overdue() -> None:
    async def go() -> tuple[int, float]:
        context = Context(FakeNetwork(), Trace(), (), ())
        context.patience.saw(0.08)
        async with context.limits.slot("1.2.3.4"), context.limits.slot("1.2.3.4"), context.limits.slot("1.2.3.4"):
            observation, _ = await connect(context, "1.2.3.4", 443, target=None, host=None)
        return observation.detail["tries"], round(observation.seconds, 2)

    assert in_no_time(go) == (3, 1.52)


def test_patience_follows_the_slower_round_trips() -> None:
    patience = Patience()
    assert (patience.alive, patience.round_trip, patience.wait()) == (False, None, 2.5)
    for _ in range(6):
        patience.saw(0.1)
    patience.saw(0.5)
    patience.saw(0.5)
    assert patience.round_trip == 0.5
    assert patience.wait() == 2.0
    for _ in range(9):
        patience.saw(30.0)
    assert patience.wait() == 7.4


def test_work_is_given_up_when_patience_has_become_shorter_meanwhile() -> None:
    async def go() -> float:
        loop = asyncio.get_running_loop()
        began, patience = loop.time(), Patience()
        loop.call_later(0.5, patience.saw, 0.05)
        with pytest.raises(TimeoutError):
            await patiently(asyncio.sleep(60), patience.wait)
        return loop.time() - began

    assert in_no_time(go) == pytest.approx(0.5, abs=0.11)


def test_no_more_connections_are_open_than_the_limits_allow() -> None:
    async def go() -> tuple[int, int]:
        limits, now, most_here, most = Limits(per_address=3, in_all=10), {"a": 0, "b": 0}, 0, 0

        async def use(address: str) -> None:
            nonlocal most_here, most
            async with limits.slot(address):
                now[address] += 1
                most_here, most = max(most_here, now[address]), max(most, sum(now.values()))
                await asyncio.sleep(1)
                now[address] -= 1

        await asyncio.gather(*(use(a) for a in "ab" * 20))
        return most_here, most

    assert in_no_time(go) == (3, 6)


class Script(Datagrams):
    """A resolver over UDP that answers as a table says: (seconds after the first question, address or None)."""

    def __init__(self, *replies: tuple[float, str]) -> None:
        self._replies = list(replies)
        self._queries: list[bytes] = []
        self._began = asyncio.get_running_loop().time()

    async def send(self, data: bytes) -> None:
        self._queries.append(data)

    async def receive(self, limit: int = 65536) -> bytes:
        del limit
        loop = asyncio.get_running_loop()
        if not self._replies:
            await loop.create_future()
        after, address = self._replies[0]
        await asyncio.sleep(max(0.0, self._began + after - loop.time()))
        self._replies.pop(0)
        import dns.message
        import dns.rrset

        query = dns.message.from_wire(self._queries[0])
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
        return reply.to_wire()

    def close(self) -> None:
        self._replies.clear()


def asked(*replies: tuple[float, str]) -> tuple[str | None, list[str], int, list[str], float, float]:
    """Return failure, answers, tries, all replies, when the answer was told and how long it all took."""

    class Resolver(FakeNetwork):
        async def datagram(self, address: str, port: int) -> Datagrams:
            del address, port
            return Script(*replies)

    async def go() -> tuple[str | None, list[str], int, list[str], float, float]:
        told: list[float] = []
        context = Context(Resolver(), Trace(), (), ())
        context.patience.saw(0.08)

        def on_answer(_answer: Answer) -> None:
            told.append(round(context.trace.now, 2))

        o = await ask_udp(context, Question("x.com"), Source("system", "192.168.1.1"), on_answer)
        every = [address for reply in o.detail["replies"] for address in reply["answers"]]
        return o.failure, o.detail["answers"], o.detail["tries"], every, told[0], round(o.seconds, 2)

    return in_no_time(go)


def test_a_name_is_told_at_the_first_answer_and_listened_for_a_quarter_second_more() -> None:
    assert asked((0.02, "1.2.3.4")) == (None, ["1.2.3.4"], 1, ["1.2.3.4"], 0.02, 0.27)


def test_a_second_different_answer_is_recorded() -> None:
    failure, answers, _, every, _, _ = asked((0.02, "127.0.0.1"), (0.1, "1.2.3.4"))
    assert (failure, answers, every) == ("dns_bogon_error", ["127.0.0.1"], ["127.0.0.1", "1.2.3.4"])


def test_a_lost_question_is_asked_again_after_half_a_second() -> None:
    _, answers, tries, _, told, _ = asked((0.52, "1.2.3.4"))
    assert (answers, tries, told) == (["1.2.3.4"], 2, 0.52)


def test_a_silent_resolver_is_asked_four_times() -> None:
    failure, answers, tries, _, _, seconds = asked()
    assert (failure, answers, tries) == ("generic_timeout_error", [], 4)
    assert seconds == pytest.approx(2.32, abs=0.1)


def test_questions_carry_ids_that_cannot_be_guessed() -> None:
    assert len({new_query(Question("x.com")).id for _ in range(50)}) > 40


def test_narrower_bounds_hold_for_their_part_and_count_for_the_whole(run_async: RunAsync) -> None:
    async def go() -> None:
        whole = Limits(per_address=3)
        part = whole.narrower(2)
        async with part.slot("1.1.1.1"), part.slot("1.1.1.1"):
            assert not part.enter_if_free("1.1.1.1"), "two of the part's own"
            assert part.enter_if_free("9.9.9.9"), "another address has places of its own"
            part.leave("9.9.9.9", 1)
            assert whole.enter_if_free("1.1.1.1"), "the whole has one left"
            assert not whole.enter_if_free("1.1.1.1"), "the part's count for the whole"
            whole.leave("1.1.1.1", 1)
        async with whole.slot("1.1.1.1"), whole.slot("1.1.1.1"):
            assert part.enter_if_free("1.1.1.1")
            assert not part.enter_if_free("1.1.1.1"), "what the whole has given away the part has not"
            part.leave("1.1.1.1", 1)
            assert part.enter_if_free("1.1.1.1")
            part.leave("1.1.1.1", 1)
        assert part.lookups is whole.lookups
        assert part.datagrams_of(own=True) is whole.datagrams_of(own=True)

    run_async(go())
