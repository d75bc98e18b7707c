"""From adapters with names and addresses to facts without either."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import threading
from collections.abc import Sequence

import msgspec
import pytest

from diagnostics.bogons import is_loopback
from diagnostics.daemon import daemon_call
from diagnostics.model import NetworkVerdict, Observation, Step
from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.report.contract import load
from diagnostics.report.details import wrong_detail
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.vpn.state import reading
from diagnostics.vpn.state.adapters import overlapping
from diagnostics.vpn.state.assemble import VpnReading, labels_of
from diagnostics.vpn.state.clients import known_names
from diagnostics.vpn.state.facts import NOTHING, VpnFacts
from diagnostics.vpn.state.note import note_vpn
from diagnostics.vpn.state.reading_facts import Adapter
from diagnostics.vpn.state.routes import is_public_source, way_to
from tests.conftest import RunAsync
from tests.vpn.state.computers import FOUR, WIFI, computer, to, tunnel


def named(name: str) -> Adapter:
    """Return a tunnel of a name."""
    return Adapter(name=name, kind="tun", names=(name,), addresses=("10.8.0.2/24",))


def test_names_that_tell_something_become_numbers() -> None:
    names = ("tun0", "eth0", "wg0-mullvad", "tailscale0", "enx001122334455", "ztabcdefgh", "wg-casa-de-ana", "CloudflareWARP")
    labels = labels_of([named(name) for name in names], known_names(), "linux")
    assert list(labels.values()) == ["tun0", "eth0", "wg0-mullvad", "tailscale0", "adapter 1", "adapter 2", "adapter 3", "CloudflareWARP"]


def test_an_alias_of_windows_is_the_persons_own() -> None:
    assert labels_of([named("Mullvad"), named("Wi-Fi de Ana")], known_names(), "windows") == {
        "Mullvad": "adapter 1",
        "Wi-Fi de Ana": "adapter 2",
    }


def test_no_name_and_no_address_is_in_the_facts_but_both_can_be_had() -> None:
    secret = named("wg-casa-de-ana")
    found = computer(WIFI, secret, ways=to(secret, *FOUR), servers=[("192.168.1.1", WIFI)])
    text = json.dumps(msgspec.to_builtins(found.facts))
    assert not [word for word in ("ana", "192.168", "10.8", "1.1.1.1") if word in text]
    assert found.names["adapter 1"] == "wg-casa-de-ana"


def test_hundreds_of_adapters_leave_room_for_those_that_matter() -> None:
    many = [Adapter(name=f"veth{n}", kind="virtual", names=(f"veth{n}",)) for n in range(200)]
    tun = tunnel()
    facts = computer(*many, WIFI, tun, ways=to(tun, *FOUR)).facts
    assert len(facts.interfaces) == 64
    assert {"tun0", "wlan0"} & {each.label for each in facts.interfaces} >= {"tun0"}


def test_an_adapter_that_is_down_does_not_share_its_address() -> None:
    old = tunnel("tun1", up=False)
    tun = tunnel()
    assert {test.via for test in computer(WIFI, old, tun, ways=to(tun, *FOUR)).facts.routes} == {"tun0"}


def test_the_managers_word_names_a_tunnel_without_a_name() -> None:
    utun = tunnel("utun4")
    facts = computer(WIFI, utun, ways=to(utun, *FOUR), system="macos", connected=["VPN:com.wireguard.macos"]).facts
    assert [each.client for each in facts.interfaces] == ["", "wireguard"]


@pytest.mark.parametrize(
    "mine, others, found",
    [
        (["192.168.0.0/16"], ["192.168.1.0/24"], True),
        (["192.168.1.0/24"], ["192.168.1.0/24"], True),
        (["10.0.0.0/8"], ["10.0.1.0/24"], True),
        (["fd00:1::/32"], ["fd00:1:2::/64"], True),
        (["0.0.0.0/0"], ["192.168.1.0/24"], False),
        (["0.0.0.0/1", "128.0.0.0/1"], ["192.168.1.0/24"], False),
        (["10.8.0.0/24"], ["10.9.0.0/24"], False),
        (["10.0.0.0/8"], ["10.0.0.5/32"], False),
        (["100.64.0.0/10"], ["100.66.1.0/24"], False),
        ([], ["10.0.0.0/8"], False),
    ],
)
def test_networks_overlap_by_pure_arithmetic(mine: Sequence[str], others: Sequence[str], found: bool) -> None:
    assert overlapping(mine, others) is found


# --- route tests -------------------------------------------------------------------------------------


def test_a_way_to_this_computer_itself_is_by_loopback() -> None:
    found = way_to("127.0.0.1")
    assert (found.outcome, is_loopback(found.source)) == ("routed", True)


@pytest.mark.parametrize(
    "number, outcome",
    [
        (errno.ENETUNREACH, "none"),
        (errno.EADDRNOTAVAIL, "none"),
        (errno.EAFNOSUPPORT, "none"),
        (10051, "none"),
        (errno.EACCES, "refused"),
        (errno.EPERM, "refused"),
        (errno.ENOBUFS, "error"),
        (errno.EMFILE, "error"),
    ],
)
def test_no_way_is_told_from_an_error(number: int, outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> socket.socket:
        raise OSError(number, "no")

    monkeypatch.setattr("diagnostics.vpn.state.routes.socket.socket", fails)
    assert way_to("2606:4700:4700::1111").outcome == outcome


@pytest.mark.parametrize(
    "address, public",
    [("190.200.1.2", True), ("100.66.1.2", True), ("192.168.1.2", False), ("2001:db8::1", True), ("fd00::1", False), ("", False)],
)
def test_private_sources_are_told_from_those_seen_outside(address: str, public: bool) -> None:
    assert is_public_source(address) is public


# --- reading and noting --------------------------------------------------------------------------------


def fails(_targets: Sequence[str]) -> VpnReading:
    """Stand in for a system that does not tell."""
    raise PermissionError(errno.EACCES, "no")


def test_what_cannot_be_read_is_nothing(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read_now", fails)
    assert run_async(reading.read_vpn_facts()) is NOTHING


def test_this_computer_can_be_read_whatever_it_is(run_async: RunAsync) -> None:
    facts = run_async(reading.read_vpn_facts(["127.0.0.1"]))
    assert facts.system
    assert [test.family for test in facts.routes] == [4]


@pytest.fixture(autouse=True)
def no_name_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the machine's own name servers out: their addresses are not loopback."""
    monkeypatch.setattr("diagnostics.vpn.state.linux.parse_resolv_conf", lambda _text: [])


class Computer(RealNetwork):
    """A computer of the test's."""

    def __init__(self, facts: VpnFacts) -> None:
        super().__init__(Trust())
        self._facts = facts

    async def vpn_facts(self) -> VpnFacts:
        """Return what the test says."""
        return self._facts


def test_the_state_is_noted_in_one_observation_of_the_right_shape(run_async: RunAsync) -> None:
    tun = tunnel()
    facts = computer(WIFI, tun, ways=to(tun, *FOUR)).facts

    async def noted() -> list[Observation]:
        context = Context(Computer(facts), Trace(), (), ())
        await note_vpn(context)
        return context.trace.observations

    (note,) = run_async(noted())
    assert (note.step, note.detail["kind"], note.failure, wrong_detail(note)) == (Step.SYSTEM, "vpn", None, "")
    assert msgspec.convert(note.detail, VpnFacts) == facts


@pytest.mark.parametrize(
    "detail, wrong",
    [
        ({"interfaces": "tun0"}, "detail.interfaces"),
        ({"interfaces": [{"label": 5, "kind": "tun"}]}, "detail.interfaces[0].label"),
        ({"routes": [{"family": 4, "outcome": "none"}] * 300}, "detail.routes"),
        ({"of": "a newer version"}, ""),
    ],
)
def test_a_strangers_note_is_looked_at(detail: dict[str, object], wrong: str) -> None:
    assert wrong_detail(Observation(id="o1", step=Step.SYSTEM, detail={"kind": "vpn", **detail})) == wrong


@pytest.mark.parametrize("vpn", [b"{}", b'{"state": "wormhole", "checks": [], "later": 1}'])
def test_reports_of_older_and_newer_versions_can_be_read(vpn: bytes) -> None:
    report = load(b'{"format": "atajo-report", "version": 1, "run": {}, "observations": [], "network": {"vpn": ' + vpn + b"}}")
    assert report.network.vpn.state in ("unknown", "wormhole")
    assert isinstance(report.network, NetworkVerdict)


def test_reading_is_given_up_at_once_when_the_run_is_cancelled(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, hangs, ended = threading.Event(), threading.Event(), threading.Event()

    def hanging(_targets: Sequence[str]) -> VpnReading:
        begun.set()
        hangs.wait(30)
        ended.set()
        raise OSError(errno.EIO, "late")

    async def cancelled() -> bool:
        task = asyncio.ensure_future(reading.read_vpn_facts())
        await daemon_call(begun.wait, 30)
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        return isinstance(outcome, asyncio.CancelledError) and not ended.is_set()

    monkeypatch.setattr(reading, "read_now", hanging)
    try:
        assert run_async(cancelled())
    finally:
        hangs.set()
    assert ended.wait(30)
