"""What STUN and Telegram's servers send is hostile: whatever the bytes, nothing but a true answer counts."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from diagnostics.model import Observation, Status
from diagnostics.probes.context import Context
from diagnostics.probes.inquiry import ask
from diagnostics.probes.mtproto import ask_mtproto, error_code, is_answer, new_nonce, question
from diagnostics.probes.place import Asking
from diagnostics.probes.quic import GREASE, PACKET, QuicInquiry
from diagnostics.probes.stun import Binding, StunInquiry, binding_request, new_transaction, read_binding
from diagnostics.sim import quic_server, stun_server
from diagnostics.sim.behaviour import Mtproto
from diagnostics.sim.simulation import SimulatedNetwork
from diagnostics.streams import MOST_AT_ONCE, Datagrams, Stream
from diagnostics.trace import Trace
from tests.conftest import RunAsync
from tests.sim.lab import lab
from tests.simulated import measured, scenario, verdict

CENTRE = "149.154.175.50"


# --- STUN -------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_noise_is_no_binding_response(noise: bytes) -> None:
    assert read_binding(noise, b"t" * 12) is None


@given(st.binary(max_size=120))
def test_attributes_of_any_kind_are_read_or_passed_over(attributes: bytes) -> None:
    whole = attributes + bytes(-len(attributes) % 4)
    wire = struct.pack("!HHI12s", 0x0101, len(whole), 0x2112A442, b"t" * 12) + whole
    found = read_binding(wire, b"t" * 12)
    assert found is not None
    assert found.family in (None, 4, 6)


def test_only_the_answer_to_our_own_request_counts() -> None:
    transaction = new_transaction()
    answer = stun_server.answer(binding_request(transaction))
    assert answer is not None
    assert read_binding(answer, transaction) == Binding("success", 4)
    assert read_binding(answer, new_transaction()) is None
    assert read_binding(binding_request(transaction), transaction) is None, "an echo of the request is no answer"
    assert read_binding(answer[:-1], transaction) is None


def test_the_persons_public_address_is_never_kept(run_async: RunAsync) -> None:
    report = run_async(measured(scenario(""), "signal"))
    asked = [o for o in report.observations if o.step == "udp"]
    assert {o.failure for o in asked} == {None}
    assert {o.detail["answer"] for o in asked} == {"success"}
    assert not any(stun_server.MAPPED in str(o) or stun_server.MAPPED in str(o.detail) for o in report.observations)


# --- Telegram's protocol ----------------------------------------------------------------------------


def res_pq(nonce: bytes) -> bytes:
    body = struct.pack("<I", 0x05162463) + nonce + bytes(16) + b"\x08" + bytes(11) + struct.pack("<IIQ", 0x1CB5C415, 1, 7)
    return struct.pack("<QQI", 0, 1, len(body)) + body


@given(st.binary(max_size=300))
def test_noise_is_no_answer_of_a_data_centre(noise: bytes) -> None:
    assert not is_answer(noise, b"n" * 16)
    error_code(noise)


@given(st.binary(min_size=1, max_size=40), st.integers(0, 200))
def test_a_changed_answer_never_passes_for_one_to_our_nonce(other: bytes, at: int) -> None:
    nonce = b"\x01" * 16
    assert is_answer(res_pq(nonce), nonce)
    assert not is_answer(res_pq(nonce)[: min(at, 55)], nonce)
    assert not is_answer(res_pq(other.ljust(16, b"\x02")[:16]), b"\x03" * 16)


def test_a_question_is_numbered_by_the_clock_and_carries_the_nonce() -> None:
    nonce = new_nonce()
    wire = question(nonce, 1_700_000_000.5)
    assert wire.startswith(b"\xee\xee\xee\xee" + struct.pack("<I", len(wire) - 8))
    assert wire.endswith(nonce)
    assert struct.unpack_from("<Q", wire, 16)[0] == 1_700_000_000 << 32


class Canned(Stream):
    """A data centre that sends given bytes and then closes."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    async def read(self, limit: int = 65536) -> bytes:
        piece, self._data = self._data[:limit], self._data[limit:]
        self.received += len(piece)
        return piece

    async def write(self, data: bytes) -> None:
        self.sent += len(data)

    def close(self) -> None:
        pass


async def in_context(work: Callable[[Context], Awaitable[Observation]]) -> Observation:
    async with asyncio.timeout(30), lab() as network:
        return await work(Context(network, Trace(), (), ()))


def answered(data: bytes) -> Observation:
    asking = Asking(CENTRE, "telegram", "target")
    return asyncio.run(in_context(lambda context: ask_mtproto(context, Canned(data), CENTRE, 443, asking)))


def test_every_wrong_answer_has_its_word() -> None:
    assert answered(b"").failure == "eof_error"
    assert answered(b"HTTP/1.1 400 Bad Request\r\n\r\n").failure == "unknown_failure: wrong answer"
    assert answered(struct.pack("<I", 1 << 30)).failure == "unknown_failure: wrong answer"
    refused = answered(struct.pack("<Ii", 4, -404))
    assert (refused.failure, refused.detail["error_code"], refused.detail["answered"]) == ("unknown_failure: wrong answer", 404, False)


def test_silence_over_udp_is_asked_four_times_and_then_named(run_async: RunAsync) -> None:
    asking = Asking("203.0.113.9", None, "control")
    done = run_async(in_context(lambda context: ask(context, "stun.example", 3478, asking, StunInquiry())))
    assert (done.failure, done.detail["tries"], done.detail["received"]) == ("generic_timeout_error", 4, 0)


def test_each_way_of_cutting_a_data_centre_off_is_seen(run_async: RunAsync) -> None:
    seen = {}
    for way in (Mtproto.RESET, Mtproto.CLOSE, Mtproto.SILENCE):
        what = scenario(f'[[censor]]\nservice = "telegram"\nfunction = "chat"\nmtproto = "{way}"\n')
        report = run_async(measured(what, "telegram"))
        assert verdict(report, "telegram", "chat").status is Status.LIKELY_BLOCKED
        seen[way] = {o.failure for o in report.observations if o.step == "mtproto"}
    assert seen == {Mtproto.RESET: {"connection_reset"}, Mtproto.CLOSE: {"eof_error"}, Mtproto.SILENCE: {"generic_timeout_error"}}


def test_what_a_simulated_server_gets_by_udp_is_answered_only_where_one_lives(run_async: RunAsync) -> None:
    async def main(network: SimulatedNetwork) -> bytes | None:
        async with await network.datagram(CENTRE, 3478) as flow:
            await flow.send(binding_request(new_transaction()))
            try:
                async with asyncio.timeout(0.3):
                    return await flow.receive()
            except TimeoutError:
                return None

    async def opened() -> bytes | None:
        async with lab() as network:
            return await main(network)

    assert run_async(opened()) is None


# --- HTTP/3 ----------------------------------------------------------------------------------------


def test_a_first_packet_is_long_enough_to_be_answered_and_of_a_version_that_nobody_speaks() -> None:
    request = QuicInquiry().request
    assert len(request) == PACKET
    assert request[0] & 0xC0 == 0xC0
    assert int.from_bytes(request[1:5], "big") == GREASE
    assert GREASE & 0x0F0F0F0F == 0x0A0A0A0A


def test_a_refusal_of_the_version_is_an_answer_and_tells_what_is_offered() -> None:
    inquiry = QuicInquiry()
    wire = quic_server.answer(inquiry.request)
    assert wire is not None
    assert inquiry.read(wire) == {"versions": ["00000001"]}
    assert QuicInquiry().read(wire) is None, "meant for somebody else"
    assert inquiry.read(wire[:-1]) is None
    assert inquiry.read(inquiry.request) is None, "our own packet sent back"


@given(st.binary(max_size=1500))
def test_no_bytes_are_a_refusal_by_chance_or_a_traceback(wire: bytes) -> None:
    assert QuicInquiry().read(wire) is None
    quic_server.answer(wire)


def test_a_datagram_that_comes_as_a_deadline_rings_is_not_lost(run_async: RunAsync) -> None:
    async def go() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
            for each in (far, near):
                each.bind(("127.0.0.1", 0))
                each.setblocking(False)
            near.connect(far.getsockname())
            flow = Datagrams(near)
            waiting = asyncio.get_running_loop().create_task(flow.receive())
            await asyncio.sleep(0)
            far.sendto(b"an answer", near.getsockname())
            while not select.select([near], [], [], 0)[0]:
                pass
            for _ in range(2):
                await asyncio.sleep(0)  # the loop has looked and told, and the one who waits has not run yet
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                return await waiting
            return await flow.receive()

    assert run_async(go()) == b"an answer"


def test_a_flood_of_datagrams_does_not_keep_anything_else_from_its_turn(run_async: RunAsync) -> None:
    async def go() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
            for each in (far, near):
                each.bind(("127.0.0.1", 0))
                each.setblocking(False)
            near.connect(far.getsockname())
            for _ in range(3 * MOST_AT_ONCE):
                far.sendto(b"noise", near.getsockname())
            flow, task = Datagrams(near), asyncio.get_running_loop().create_task(other())
            for _ in range(3 * MOST_AT_ONCE):
                await flow.receive()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return turns

    assert run_async(go()) >= 2
