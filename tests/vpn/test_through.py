"""Names inside a tunnel: name servers that are dead cost little, and never more than the step's patience."""

from __future__ import annotations

import asyncio
import errno

import dns.message
import dns.rrset
import pytest

from diagnostics.failures import TIMEOUT
from diagnostics.network import RealNetwork
from diagnostics.probes import context, pacing
from diagnostics.probes.context import Context
from diagnostics.streams import Stream
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.vpn import through
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Consent, read_profile
from diagnostics.vpn.through import TunnelProbe
from diagnostics.vpn.tunnel import Tunnel
from tests.conftest import RunAsync

PROFILE = f"""[Interface]
PrivateKey = {"A" * 42}E=
Address = 10.0.0.2/32
[Peer]
PublicKey = {"B" * 42}E=
Endpoint = 127.0.0.1:1
AllowedIPs = 0.0.0.0/0
"""
LIVE = "10.0.0.9"


class Names(Tunnel):
    """A tunnel in which only ``LIVE`` knows names, and every place can be reached."""

    def __init__(self, *resolvers: str) -> None:
        self._resolvers = resolvers
        self.asked: list[str] = []
        self.connected: list[str] = []

    @property
    def resolvers(self) -> tuple[str, ...]:
        return self._resolvers

    @property
    def families(self) -> tuple[bool, bool]:
        return True, False

    async def connect(self, address: str, port: int) -> Stream:
        self.connected.append(address)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    async def ask(self, address: str, port: int, question: bytes) -> bytes:
        self.asked.append(address)
        if address != LIVE:
            await asyncio.Event().wait()
        query = dns.message.from_wire(question)
        reply = dns.message.make_response(query)
        reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "104.244.42.1"))
        return reply.to_wire()

    async def ping(self, address: str, size: int) -> float:
        raise OSError

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for hundredths of a second."""
    monkeypatch.setattr(through, "ASK_AGAIN", (0.02, 0.02, 0.02))


async def opened(tunnel: Names) -> dict[str, object]:
    """Ask for a place by its name and return what the step says."""
    trace = Trace()
    line = Context(RealNetwork(Trust()), trace, (), ())
    async with line.settled():
        probing = Probing(line, read_profile(PROFILE), Consent())
        probing.context.patience.saw(0.001)
        probe = TunnelProbe(probing, tunnel)
        await probe.open_place("x.example", 443, "x", "target")
    found = next(o for o in trace.observations if o.detail.get("stage") == "open")
    return {"failure": found.failure, "lookup": found.detail.get("lookup")}


def test_the_next_name_server_is_asked_while_the_first_is_silent(run_async: RunAsync) -> None:
    tunnel = Names("10.0.0.7", "10.0.0.8", LIVE)
    assert run_async(opened(tunnel)) == {"failure": "connection_refused", "lookup": None}
    assert tunnel.connected == ["104.244.42.1"]
    assert set(tunnel.asked) == {"10.0.0.7", "10.0.0.8", LIVE}


def test_a_name_server_that_answers_is_the_only_one_asked(run_async: RunAsync) -> None:
    tunnel = Names(LIVE, "10.0.0.7")
    run_async(opened(tunnel))
    assert tunnel.asked == [LIVE]


def test_silence_of_all_name_servers_ends_with_the_patience_of_the_step(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(through, "ASK_AGAIN", (1.0,))
    monkeypatch.setattr(pacing, "LEAST_WAIT", 0.1)
    monkeypatch.setattr(context, "FARTHER", 0.0)
    monkeypatch.setattr(through, "TUNNEL_WORK", 0.0)
    monkeypatch.setattr(through, "NAME_WORK", 0.0)
    tunnel = Names("10.0.0.7")
    assert run_async(opened(tunnel)) == {"failure": TIMEOUT, "lookup": TIMEOUT}
    assert tunnel.connected == []
