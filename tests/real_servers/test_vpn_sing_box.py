"""WireGuard profiles against a second server, sing-box: in user space, on loopback, without any right."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest

from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import Control, NetworkVerdict, Observation
from diagnostics.probes.context import Context
from diagnostics.routes.link import Secret
from diagnostics.streams import Datagrams
from diagnostics.trace import Trace
from diagnostics.vpn.measure import measure_profile
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Consent, read_profile
from diagnostics.vpn.tunnel import Tunnel
from diagnostics.vpn.wireguard.noise import Greeting, Identity
from diagnostics.vpn.wireguard.profile import WireGuardProfile
from tests.conftest import RunAsync
from tests.real_servers.test_accounts import Servers, free_port, program
from tests.real_servers.wireguard import new_key
from tests.routes.loopback import HERE, Loopback, answering, serving

INSIDE = "10.99.0.1"
PEERS = 8
NAME, ADDRESS = "harmless.example", "192.0.2.77"
MTU = 1408
"""What sing-box uses; it answers no echo request that is larger."""

PSK = base64.b64encode(bytes(range(32))).decode()
COOKIE = 3
MOST_BURSTS = 30
BURST = 300
"""Greetings at once that keep the server busy: from 128 that wait it asks everybody for patience (wireguard-go's device/constants.go)."""


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[WireGuardProfile]]:
    """Run sing-box as a WireGuard server with a name server of its own, and give profiles of its peers one after another."""
    server, peers = new_key(), {f"10.99.0.{number}": new_key() for number in range(2, 2 + PEERS)}
    with ExitStack() as stack:
        servers = Servers(tmp_path_factory.mktemp("sing-box"), stack)
        port = free_port(socket.SOCK_DGRAM)
        allowed = [{"public_key": own[1], "pre_shared_key": PSK, "allowed_ips": [f"{address}/32"]} for address, own in peers.items()]
        endpoint = {"type": "wireguard", "tag": "wg", "system": False, "address": [f"{INSIDE}/24"], "private_key": server[0]}
        config = {
            "log": {"level": "error"},
            "dns": {"servers": [{"type": "hosts", "tag": "hosts", "predefined": {NAME: [ADDRESS]}}]},
            "endpoints": [endpoint | {"listen_port": port, "peers": allowed}],
            "outbounds": [{"type": "direct"}],
            "route": {"rules": [{"port": 53, "action": "hijack-dns"}]},
        }
        written = servers.written("sb.json", config)
        servers.start("sing-box", program("sing-box"), "run", "-c", written, waits=[("udp", port)])
        yield (_read(own[0], address, server[1], port) for address, own in peers.items())


def _read(private: str, address: str, server: str, port: int) -> WireGuardProfile:
    found = read_profile(
        f"[Interface]\nPrivateKey = {private}\nAddress = {address}/32\nDNS = {INSIDE}\nMTU = {MTU}\n"
        f"[Peer]\nPublicKey = {server}\nPresharedKey = {PSK}\nEndpoint = {HERE}:{port}\nAllowedIPs = 0.0.0.0/0\n"
    )
    assert isinstance(found, WireGuardProfile)
    return found


@pytest.fixture
def profile(profiles: Iterator[WireGuardProfile]) -> WireGuardProfile:
    """Return the profile of a peer that has not greeted yet: a server takes one greeting of each in 20 ms."""
    return next(profiles)


@dataclass(frozen=True)
class Measured:
    """What came of a test: the tunnel, and what was seen."""

    tunnel: Tunnel | None
    observations: list[Observation]
    profile: WireGuardProfile

    @property
    def said(self) -> tuple[str, str | None, str]:
        """Return status, cause and rule."""
        found = judge_profile(self.profile.id, ProfileEvidence(self.observations), NetworkVerdict())
        return str(found.status), found.cause and str(found.cause), found.rule

    def step(self, stage: str) -> Observation:
        """Return the one step of a stage."""
        (found,) = [o for o in self.observations if o.detail.get("stage") == stage]
        return found


@asynccontextmanager
async def measured(profile: WireGuardProfile, consent: Consent | None = None) -> AsyncIterator[Measured]:
    """Test a profile on loopback."""
    trace = Trace()
    neutral = Control(id="neutral", operator="A", kind="neutral", host=NAME, port=443)
    context = Context(Loopback(""), trace, (), (neutral,))
    async with context.settled():
        tunnel = await measure_profile(Probing(context, profile, consent or Consent()))
        try:
            yield Measured(tunnel, trace.observations, profile)
        finally:
            if tunnel is not None:
                tunnel.close()
                await asyncio.sleep(0)  # for its tasks to end


def test_greeting_data_names_and_sizes_pass(profile: WireGuardProfile, run_async: RunAsync) -> None:
    async def run() -> None:
        async with measured(profile) as found:
            assert found.said == ("works", None, "vpn.carries")
            assert "dns" in found.step("data").detail["heard"]
            assert found.step("dns").failure is None

    run_async(run())


def test_a_page_comes_through_the_tunnel(profile: WireGuardProfile, run_async: RunAsync) -> None:
    body = bytes(range(256)) * 400

    async def run() -> None:
        async with serving(answering(body)) as port, measured(profile) as found:
            assert found.tunnel is not None
            async with await found.tunnel.connect(INSIDE, port) as stream:  # the server itself, which is this computer
                await stream.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                got = b""
                while not got.endswith(body):
                    got += await stream.read()
        assert got.startswith(b"HTTP/1.1 200 OK")

    run_async(run())


def test_another_pre_shared_key_is_told_from_silence(profile: WireGuardProfile, run_async: RunAsync) -> None:
    wrong = msgspec.structs.replace(profile, preshared_key=Secret(base64.b64encode(bytes(32)).decode()))

    async def run() -> None:
        async with measured(wrong) as found:
            assert found.said == ("down", "vpn_wrong_key", "vpn.preshared_key_differs")

    run_async(run())


def test_with_a_greeting_alone_no_tunnel_stands(profile: WireGuardProfile, run_async: RunAsync) -> None:
    async def run() -> None:
        async with measured(profile, Consent(in_use=True)) as found:
            assert found.tunnel is None
            assert found.said == ("works", None, "vpn.only_greeted")

    run_async(run())


async def keep_busy(crowd: Datagrams, greeting: bytes) -> None:
    """Send bursts until the server asks for patience: from then on it does so for a second (UnderLoadAfterTime)."""
    for _ in range(MOST_BURSTS):
        for _ in range(BURST):
            await crowd.send(greeting)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                while (await crowd.receive())[0] != COOKIE:
                    pass
                return
    raise AssertionError("it is never busy")


def test_a_busy_server_is_greeted_again_with_what_it_asks_for(profile: WireGuardProfile, run_async: RunAsync) -> None:
    stranger = msgspec.structs.replace(profile, private_key=Secret(new_key()[0]))

    async def run() -> None:
        network = Loopback("")
        async with await network.datagram(HERE, profile.port) as crowd:
            await keep_busy(crowd, Greeting(Identity.of(stranger), network.clock()).wire)
            async with measured(profile, Consent(data=False)) as found:
                handshake = found.step("handshake")
        assert handshake.failure is None
        assert (handshake.detail["tries"], handshake.detail["answer"]) == (2, "response")
        assert handshake.detail["asked_for_patience"] is True
        assert handshake.seconds < 1.4, "the second greeting went out at once"
        assert found.said == ("works", None, "vpn.only_greeted")

    run_async(run())
