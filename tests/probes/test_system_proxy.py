"""The proxy in the settings: one on this computer is knocked at, and nothing else is touched; a whole run says what it means."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from app import wording
from app.report_view import html_page
from app.texts import set_language, t
from diagnostics.failures import ProtocolError
from diagnostics.judge import judge
from diagnostics.model import Cause, Certainty, Report, Status, Step
from diagnostics.network import RealNetwork
from diagnostics.probes import system_proxy
from diagnostics.probes.context import Context
from diagnostics.probes.system_proxy import measure_system_proxy
from diagnostics.report.contract import dump, load
from diagnostics.report.details import wrong_detail
from diagnostics.report.redaction import redacted
from diagnostics.routes.proxy_settings import parse_environment, parse_kioslaverc, parse_windows, parse_winhttp
from diagnostics.routes.system_proxy import Setting, SystemProxies
from diagnostics.sim.scenario import load_scenarios
from diagnostics.sim.simulation import SimulatedNetwork
from diagnostics.streams import Stream
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from tests.conftest import RunAsync
from tests.judge.story import Story
from tests.simulated import measured, said


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_proxy, "AGAIN", 0.0)


def windows(server: str, **more: object) -> Setting:
    return parse_windows({"ProxyEnable": 1, "ProxyServer": server} | more)


class Computer(RealNetwork):
    """Real connections of a computer with settings of the test's; nothing but loopback is ever connected to."""

    def __init__(self, *settings: Setting, wpad: bool = False) -> None:
        super().__init__(Trust())
        self.settings = settings
        self.wpad = wpad
        self.knocked: list[tuple[str, int]] = []

    async def system_proxies(self) -> SystemProxies:
        return SystemProxies(settings=self.settings)

    async def connect(self, address: str, port: int) -> Stream:
        self.knocked.append((address, port))
        return await super().connect(address, port)

    async def resolve(self, host: str, family: socket.AddressFamily) -> list[str]:
        del family
        assert host == "wpad"
        if self.wpad:
            return ["10.0.0.9"]
        raise socket.gaierror


@asynccontextmanager
async def a_port(*, open_: bool) -> AsyncIterator[int]:
    def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if not open_:
        server.close()
        await server.wait_closed()
    async with server:
        yield port


async def noted(network: Computer, owners: Mapping[int, str] | None = None, *, search: bool = True) -> dict[str, Any]:
    trace = Trace()
    await measure_system_proxy(Context(network, trace, (), ()), lambda: owners or {}, search=search)
    return trace.observations[0].detail if trace.observations else {}


def test_a_port_where_nobody_listens_is_asked_twice(run_async: RunAsync) -> None:
    async def scene() -> tuple[dict[str, Any], Computer, int]:
        async with a_port(open_=False) as port:
            network = Computer(windows(f"localhost:{port}"))
            return await noted(network), network, port

    detail, network, port = run_async(scene())
    expected = {
        "source": "windows",
        "kind": "http",
        "host": "127.0.0.1",
        "port": port,
        "tries": 2,
        "refused": 2,
        "alive": False,
        "program": "",
    }
    assert detail["way"] == expected
    assert network.knocked.count(("127.0.0.1", port)) == 2


@pytest.mark.parametrize("program, told", [("mihomo", "clash"), ("secret-tool", "other"), ("", "")])
def test_a_proxy_that_answers_is_alive_and_its_program_is_told_by_its_class_alone(program: str, told: str, run_async: RunAsync) -> None:
    async def scene() -> dict[str, Any]:
        async with a_port(open_=True) as port:
            return await noted(Computer(windows(f"https=127.0.0.1:{port}")), {port: program} if program else {})

    way = run_async(scene())["way"]
    assert (way["alive"], way["refused"], way["tries"], way["program"]) == (True, 0, 1, told)


@pytest.mark.parametrize(
    "setting",
    [
        windows("proxy.empresa.example:8080"),
        windows("http=127.0.0.1:1"),
        windows("127.0.0.1:1", ProxyOverride="*"),
        windows("127.0.0.1:1", AutoConfigURL="http://127.0.0.1:1/pac"),
        parse_environment({"https_proxy": "http://ana:secreta@127.0.0.1:1"})[0],
        parse_winhttp(b""),
        parse_kioslaverc("[Proxy Settings]\nProxyType=1\nhttpsProxy=127.0.0.1 1\n", in_force=False),
    ],
    ids=["elsewhere", "plain pages alone", "all are spared", "a script decides", "one terminal", "services", "another desktop"],
)
def test_what_browsers_do_not_depend_on_is_listed_and_not_touched(setting: Setting, run_async: RunAsync) -> None:
    network = Computer(setting)
    detail = run_async(noted(network))
    assert detail["way"] is None
    assert network.knocked == []
    assert "empresa" not in str(detail)
    assert "secreta" not in str(detail)


def test_a_search_for_a_script_is_followed_by_name_only_where_it_matters(run_async: RunAsync) -> None:
    async def scene(*, wpad: bool, search: bool = True) -> bool:
        async with a_port(open_=False) as port:
            return bool((await noted(Computer(windows(f"127.0.0.1:{port}", AutoDetect=1), wpad=wpad), search=search))["searched"])

    assert run_async(scene(wpad=True))
    assert not run_async(scene(wpad=False))
    assert not run_async(scene(wpad=True, search=False))  # nobody is asked


def test_without_settings_nothing_is_noted(run_async: RunAsync) -> None:
    assert run_async(noted(Computer())) == {}


def test_a_failure_that_is_no_refusal_proves_nothing(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_self: RealNetwork, _address: str, _port: int) -> Stream:
        raise ProtocolError("generic_timeout_error", "no answer")

    monkeypatch.setattr(RealNetwork, "connect", fails)
    way = run_async(noted(Computer(windows("127.0.0.1:1"))))["way"]
    assert (way["alive"], way["refused"], way["tries"]) == (False, 0, 1)


# --- whole runs -----------------------------------------------------------------------------------


def a_run(monkeypatch: pytest.MonkeyPatch, scenario: str, *settings: Setting, targets: tuple[str, ...] = ("x",)) -> Report:
    """Return the report of a run on a simulated network, on a computer with these settings."""

    async def system_proxies(_self: SimulatedNetwork) -> SystemProxies:
        return SystemProxies(settings=settings)

    monkeypatch.setattr(SimulatedNetwork, "system_proxies", system_proxies)
    return asyncio.run(measured(load_scenarios()[scenario], *targets))


def test_a_dead_proxy_is_said_first_and_the_services_stay_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    report = a_run(monkeypatch, "ve-2024-08", windows("127.0.0.1:8080"), targets=("x", "wikipedia"))
    network = report.network
    assert (network.status, network.cause, network.certainty) == (Status.PARTIAL, Cause.STALE_PROXY, Certainty.CERTAIN)
    assert network.system_proxy == "127.0.0.1:8080"
    assert said(report, "x") == ("blocked", "dns_tampering")
    assert said(report, "wikipedia") == ("works", None)
    assert (report.routes[0].status, report.routes[0].cause) == (Status.WORKS, None)
    assert [tip.id for tip in report.tips][:1] == ["remove-dead-proxy"]
    set_language("es")
    assert wording.headline(report) == "Quedó puesto un proxy que no responde"
    assert "127.0.0.1:8080" in wording.summary(report)
    assert wording.summary(report).count(t("fail.stale_proxy.direct")) == 1
    assert "X: Bloqueado" in wording.copy_text(report)


def test_a_report_that_names_a_dead_proxy_is_replayed_and_handed_on_without_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = parse_environment({"https_proxy": "http://ana:secreta@proxy.empresa.example:3128"})[0]
    report = a_run(monkeypatch, "open", windows("127.0.0.1:8080"), elsewhere)
    assert judge(report.observations).network == report.network
    shared = redacted(load(dump(report))).report
    assert shared.network.system_proxy == "127.0.0.1:8080"
    assert judge(shared.observations).network == shared.network
    assert not [word for word in (b"empresa", b"secreta", b"ana:") if word in dump(report)]
    assert "Quedó puesto un proxy que no responde" in html_page(shared, "es")


def test_where_browsers_search_by_themselves_it_is_only_likely_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    report = a_run(monkeypatch, "open", windows("127.0.0.1:8080", AutoDetect=1))
    assert (report.network.cause, report.network.certainty) == (Cause.STALE_PROXY, Certainty.LIKELY)
    set_language("es")
    assert "puede ser por eso" in wording.fault_sentence(report)


def test_without_internet_the_proxy_is_not_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    report = a_run(monkeypatch, "offline", windows("127.0.0.1:8080"))
    assert report.network.cause is Cause.NO_INTERNET


@pytest.mark.parametrize(
    "setting", [windows("http=127.0.0.1:1"), windows("proxy.example:1"), parse_environment({"https_proxy": "http://127.0.0.1:1"})[0]]
)
def test_look_alikes_change_nothing(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    report = a_run(monkeypatch, "open", setting)
    assert (report.network.status, report.network.cause, report.network.system_proxy) == (Status.WORKS, None, None)


def test_a_report_from_a_stranger_can_hold_anything_there() -> None:
    way = {"host": "203.0.113.9", "port": 1, "tries": 2, "refused": 2, "alive": False}
    told = Story().healthy().add(Step.SYSTEM, detail={"kind": "system_proxy", "settings": [], "way": way, "searched": False})
    assert judge(told.observations).network.cause is None, "a proxy elsewhere is never accused"
    odd = msgspec.structs.replace(told.observations[-1], detail={"kind": "system_proxy", "settings": [1], "way": "x"})
    assert wrong_detail(odd)
