"""Which of a person's proxies a silent server is greeted through, what is known of each, and what of it is kept."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import pytest

from diagnostics.failures import TIMEOUT
from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import Control, NetworkVerdict, Observation
from diagnostics.routes.grammar import parse_link
from diagnostics.sim.stun_server import MAPPED, answer
from diagnostics.streams import Datagrams
from diagnostics.trace import Trace
from diagnostics.vpn.measure import measure_profile
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Consent
from diagnostics.vpn.wireguard import probe
from tests.conftest import RunAsync
from tests.routes.loopback import HERE, Always, Loopback, Steady, saying, serving
from tests.routes.relay import Relay, relaying
from tests.vpn.wireguard.responder import Responder

STUN_PORT = 3478
SEER = "seer.example"
OTHER = "203.0.113.9"
"""Where the relay comes out; this line is seen at ``MAPPED``."""

REFUSING = b"\5\0\5\7\0\1" + bytes(6)


class Mute(Datagrams):
    """A flow on which nothing comes back; a place that answers anybody does."""

    def __init__(self, port: int) -> None:
        self._stun = port == STUN_PORT
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def send(self, data: bytes) -> None:
        found = answer(data) if self._stun else None
        if found:
            self._answers.put_nowait(found)

    async def receive(self, limit: int = 65536) -> bytes:
        del limit
        return await self._answers.get()

    def close(self) -> None:
        pass


class Censored(Loopback):
    """A network on which the server's port is mute, and so is everything that is nobody's relay."""

    def __init__(self, relays: set[int]) -> None:
        super().__init__("")
        self._relays = relays

    async def datagram(self, address: str, port: int) -> Datagrams:
        return await super().datagram(address, port) if port in self._relays else Mute(port)


def beyond(server: Responder | None, *, seen_at: str = OTHER, stun: bool = True) -> Callable[[bytes], list[bytes]]:
    """Return what answers a relay: a place that tells where it sees the relay, and the server."""

    def heard(wire: bytes) -> list[bytes]:
        at = 5 + wire[4] if wire[3] == 3 else 8
        head, (port,), data = wire[: at + 2], struct.unpack_from("!H", wire, at), wire[at + 2 :]
        if port == STUN_PORT:
            found = answer(data) if stun else None
            return [head + moved(found, seen_at)] if found else []
        return [head + server.answer(data)] if server is not None else []

    return heard


def moved(response: bytes, seen_at: str) -> bytes:
    """Return a response that tells another address."""
    return response[:-4] + (int(ipaddress.IPv4Address(seen_at)) ^ 0x2112A442).to_bytes(4, "big")


@dataclass
class Line:
    """A person's proxies on a censored line, and what came of a test."""

    stack: AsyncExitStack
    links: list[str] = field(default_factory=list)
    relays: set[int] = field(default_factory=set)
    seen: list[Observation] = field(default_factory=list)

    async def relay(self, answers: Callable[[bytes], list[bytes]], scheme: str = "socks5h") -> Relay:
        """Add a proxy that carries datagrams."""
        port, relay = await self.stack.enter_async_context(relaying())
        relay.answers = answers
        self.relays.add(relay.transport.get_extra_info("sockname")[1])
        self.links.append(f"{scheme}://{HERE}:{port}" if scheme else f"{HERE}:{port}")
        return relay

    async def refusing(self, said: bytes = REFUSING) -> None:
        """Add a proxy that carries none."""
        self.links.append(f"socks5h://{HERE}:{await self.stack.enter_async_context(serving(saying(said)))}")

    async def test(self, server: Responder, host: str = HERE) -> tuple[str, str | None, str]:
        """Test the server's profile; status, cause and rule."""
        profile = msgspec.structs.replace(server.profile(), host=host)
        trace = Trace()
        control = Control(id="seer", operator="A", kind="stun", host=SEER, port=STUN_PORT)
        context = Steady(Censored(self.relays), trace, (), (control,))
        context.patience = Always(0.3)
        links = tuple(parse_link(link) for link in self.links)
        async with context.settled():
            assert await measure_profile(Probing(context, profile, Consent(), links)) is None
        self.seen = [o for o in trace.observations if o.detail.get("by", "direct") != "direct"]
        assert HERE not in repr(trace.observations)
        assert {str(o.detail["by"]) for o in self.seen} <= {link.id for link in links}
        found = judge_profile(profile.id, ProfileEvidence(trace.observations), NetworkVerdict(clock_skew_s=0.0))
        return str(found.status), found.cause and str(found.cause), found.rule

    @property
    def steps(self) -> list[tuple[str, str | None]]:
        """Return stages and failures of what went out through proxies."""
        return [(str(o.detail["stage"]), o.failure) for o in self.seen]


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    async with AsyncExitStack() as stack:
        yield Line(stack)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "LADDER", (0.1, 0.1, 0.1))


BLOCKED = ("blocked", "vpn_handshake_blocked", "vpn.answers_elsewhere")
DOWN = ("down", "vpn_server_unreachable", "vpn.silent_everywhere")
UNKNOWN = ("unknown", None, "vpn.silent")


def test_the_first_proxy_that_carries_datagrams_is_taken(run_async: RunAsync) -> None:
    async def run() -> None:
        async with line() as here:
            server = Responder()
            here.links.append(f"http://{HERE}:9")  # of a kind that carries none: it is not even asked
            await here.refusing()
            await here.relay(beyond(server))
            third = await here.relay(beyond(server))
            assert await here.test(server) == BLOCKED
            assert here.steps == [("relay", "socks_command_not_supported"), ("relay", None), ("handshake", None)]
            assert here.seen[0].detail["reply"] == 7
            assert here.seen[1].detail["same_address"] is False
            assert third.heard == []

    run_async(run())


@pytest.mark.parametrize("scheme, kind", [("socks5h", 3), ("", 3), ("socks5", 1)])
def test_names_are_left_to_a_proxy_that_looks_them_up_and_to_no_other(scheme: str, kind: int, run_async: RunAsync) -> None:
    async def run() -> None:
        async with line() as here:
            server = Responder()
            relay = await here.relay(beyond(server), scheme)
            assert await here.test(server, "vpn.example") == BLOCKED
            assert [wire[3] for wire in relay.heard] == [kind, kind]

    run_async(run())


def test_a_server_that_is_silent_to_a_proxy_that_carries_is_off(run_async: RunAsync) -> None:
    async def run() -> None:
        async with line() as here:
            await here.relay(beyond(None))
            assert await here.test(Responder()) == DOWN
            assert here.steps == [("relay", None), ("handshake", TIMEOUT)]
            assert here.seen[1].detail["tries"] == 3

    run_async(run())


def test_a_proxy_that_swallows_everything_is_not_asked_for_the_server(run_async: RunAsync) -> None:
    async def run() -> None:
        async with line() as here:
            server = Responder()
            relay = await here.relay(beyond(server, stun=False))
            assert await here.test(server) == UNKNOWN
            assert here.steps == [("relay", TIMEOUT)]
            assert len(relay.heard) == 3
            assert server.initiations == []

    run_async(run())


@pytest.mark.parametrize("answers", [True, False])
def test_a_proxy_that_comes_out_at_this_line_proves_nothing(answers: bool, run_async: RunAsync) -> None:
    async def run() -> None:
        async with line() as here:
            server = Responder()
            await here.relay(beyond(server if answers else None, seen_at=MAPPED))
            assert await here.test(server) == UNKNOWN
            assert here.seen[0].detail["same_address"] is True

    run_async(run())


@pytest.mark.parametrize("said", [b"\5\xff", b"HTTP/1.1 400 Bad\r\n\r\n", b"\5\0\5\0\0\1" + bytes(6)])
def test_a_proxy_that_says_something_else_is_recorded_and_passed_over(said: bytes, run_async: RunAsync) -> None:
    async def run() -> None:
        async with line() as here:
            await here.refusing(said)
            assert await here.test(Responder()) == UNKNOWN
            ((stage, failure),) = here.steps
            assert stage == "relay"
            assert failure not in (None, TIMEOUT)

    run_async(run())
