"""Whatever the server at an app proxy's address does, measuring ends with the right word for it; on loopback."""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from diagnostics.catalog import load_catalog
from diagnostics.judge import Judgement, judge
from diagnostics.model import Observation, RouteVerdict, Service
from diagnostics.network import RealNetwork
from diagnostics.plan import make_plan
from diagnostics.probes import app_proxy, app_proxy_whatsapp, context
from diagnostics.probes.app_proxy_whatsapp import OPENING
from diagnostics.probes.context import Context
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.mtproxy import client_hello
from diagnostics.streams import Stream
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from tests.conftest import RunAsync
from tests.judge.story import CONTROLS
from tests.probes.misbehaving import (
    ALERT,
    ENDLESS,
    GARBAGE,
    HELLO,
    HTTP,
    IDLE,
    Reader,
    Writer,
    hangs_up,
    hangs_up_at_once,
    resets,
    says,
    stays_silent,
)
from tests.real_servers.authority import Authority
from tests.real_servers.telegram import Handler, Proxy, centre, serving

HERE = ("127.0.0.1", 0)
SECRET = "00112233445566778899aabbccddeeff"
WRONG = "10112233445566778899aabbccddeeff"
COVER = b"portada.example".hex()
DISGUISED = f"ee{SECRET}{COVER}"
NAME = "puente.example"


class Loopback(RealNetwork):
    """Everybody lives here; a port leads to the test's server for it, and refuses where there is none."""

    def __init__(self, trust: Trust, ports: Mapping[int, int]) -> None:
        super().__init__(trust)
        self.ports = ports
        self.open = 0
        self.most = 0

    async def resolve(self, host: str, family: socket.AddressFamily) -> list[str]:
        """Know every name but those that exist nowhere."""
        if host.startswith("nowhere"):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return ["127.0.0.1"]

    async def connect(self, address: str, port: int) -> Stream:
        """Connect to the test's server."""
        if port not in self.ports:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        return await super().connect("127.0.0.1", self.ports[port])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for silent servers for less than on a real line."""
    monkeypatch.setattr(app_proxy, "PROXY_WORK", 0.2)
    monkeypatch.setattr(context, "FARTHER", 0.2)
    monkeypatch.setattr(app_proxy_whatsapp, "HOLD", 0.4)


class Bench:
    """Measures a link against servers by port and judges it."""

    def __init__(self, run_async: RunAsync, folder: Path) -> None:
        self._run, self.authority = run_async, Authority(folder)
        self.observations: list[Observation] = []

    def tls(self, *names: str, own: bool = False) -> ssl.SSLContext:
        """Return a server's side of TLS, for a certificate that is believed or (``own``) that nobody else has signed."""
        make = self.authority.sign_itself if own else self.authority.issue
        found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        found.load_cert_chain(*make("-".join(names), names))
        return found

    def judged(self, link: str, servers: Mapping[int, Handler | tuple[Handler, ssl.SSLContext]]) -> Judgement:
        """Return what is to be said after measuring ``link``."""
        return self._run(self._measured(link, servers))

    def rule(self, link: str, servers: Mapping[int, Handler | tuple[Handler, ssl.SSLContext]]) -> str:
        """Return the rule by which the proxy is judged."""
        return self.route(self.judged(link, servers)).rule

    @staticmethod
    def route(judgement: Judgement) -> RouteVerdict:
        """Return the proxy's verdict."""
        assert len(judgement.routes) == 2
        return judgement.routes[1]

    async def _measured(self, text: str, servers: Mapping[int, Handler | tuple[Handler, ssl.SSLContext]]) -> Judgement:
        async with asyncio.timeout(30), AsyncExitStack() as stack:
            ports = {}
            for port, server in servers.items():
                handler, secure = server if isinstance(server, tuple) else (server, None)
                ports[port] = await stack.enter_async_context(serving(handler, HERE, secure))
            link, trace = parse_link(text), Trace()
            plan = make_plan(["telegram", "signal", "whatsapp"], [], load_catalog(), routes=[link])
            found = Context(Loopback(Trust(str(self.authority.bundle)), ports), trace, (), CONTROLS)
            trace.note("plan", **plan.facts())
            async with found.settled():
                found.begin_trusting()
                await app_proxy.measure_app_proxy(found, link, plan.targets)
        self.observations = trace.observations
        odd = [o for o in trace.observations if (o.failure or "").startswith("unknown") and o.failure != "unknown_failure: wrong answer"]
        assert odd == []
        return judge(trace.observations)


@pytest.fixture
def bench(run_async: RunAsync, tmp_path: Path) -> Bench:
    return Bench(run_async, tmp_path)


def tg(secret: str) -> str:
    return f"tg://proxy?server={NAME}&port=8440&secret={secret}"


@pytest.mark.parametrize(
    "secret, server, rule",
    [
        (DISGUISED, hangs_up, "route.secret_or_cut"),
        (DISGUISED, resets, "route.secret_or_cut"),
        (DISGUISED, hangs_up_at_once, "route.secret_or_cut"),
        (DISGUISED, stays_silent, "route.does_not_answer"),
        (DISGUISED, says(GARBAGE), "route.other_protocol"),
        (DISGUISED, says(HTTP), "route.other_protocol"),
        (DISGUISED, says(ALERT), "route.decoy_answers"),
        (DISGUISED, says(HELLO), "route.decoy_answers"),
        (DISGUISED, says(HELLO + IDLE + b"\x17\x03\x03\x00\x01x"), "route.decoy_answers"),
        (DISGUISED, says(b"\x16\x03\x03\xff\xff", times=3), "route.other_protocol"),
        (DISGUISED, says(IDLE, times=ENDLESS), "route.other_protocol"),
        (SECRET, hangs_up, "route.secret_or_cut"),
        (SECRET, resets, "route.secret_or_cut"),
        (SECRET, hangs_up_at_once, "route.secret_or_cut"),
        (SECRET, stays_silent, "route.silent_to_secret"),
        (SECRET, says(HTTP), "route.site_answers"),
        (SECRET, says(ALERT * 9), "route.site_answers"),
        (SECRET, says(GARBAGE), "route.other_protocol"),
        (f"dd{SECRET}", says(bytes(4096), times=ENDLESS // 100), "route.other_protocol"),
        (f"dd{SECRET}", says(b"\0"), "route.silent_to_secret"),
    ],
)
def test_a_server_that_is_no_telegram_proxy_gets_the_right_word(bench: Bench, secret: str, server: Handler, rule: str) -> None:
    assert bench.rule(tg(secret), {8440: server}) == rule


@pytest.mark.parametrize("secret", [SECRET, f"dd{SECRET}", DISGUISED])
def test_telegrams_answer_through_the_proxy_proves_it(bench: Bench, caplog: pytest.LogCaptureFixture, secret: str) -> None:
    caplog.set_level("DEBUG")
    found = bench.judged(tg(secret), {8440: through(secret, centre)})
    assert bench.route(found).rule == "route.app_answers"
    told = str(bench.observations) + caplog.text
    assert not [hidden for hidden in (SECRET, COVER, "portada", NAME, "8440") if hidden in told]


def through(secret: str, answers: Handler) -> Handler:
    """Return a proxy with a data centre of its own for each connection."""

    async def handle(reader: Reader, writer: Writer) -> None:
        async with serving(answers, HERE) as port:
            await Proxy(secret, ("127.0.0.1", port)).serve(reader, writer)

    return handle


@pytest.mark.parametrize("beyond", [hangs_up, stays_silent, says(GARBAGE)])
def test_a_proxy_that_takes_the_secret_and_brings_nothing_does_not_reach_telegram(bench: Bench, beyond: Handler) -> None:
    assert bench.rule(tg(DISGUISED), {8440: through(DISGUISED, beyond)}) == "route.app_unreachable"


def test_records_without_data_behind_the_disguise_have_an_end(bench: Bench) -> None:
    async def handle(reader: Reader, writer: Writer) -> None:
        hello = await reader.readexactly(517)
        answer = Proxy(DISGUISED, HERE)._answer(hello)
        assert answer
        writer.write(answer)
        for _ in range(ENDLESS):
            writer.write(b"\x17\x03\x03\x00\x00")
            await writer.drain()

    assert bench.rule(tg(DISGUISED), {8440: handle}) == "route.app_unreachable"


def test_the_disguise_has_the_size_that_telegrams_own_programs_send() -> None:
    assert {len(client_hello(name)) for name in ("a.example", "a-rather-long-name-of-a-site.of-somebody.example")} == {517}


def test_a_name_that_leads_nowhere_is_said_and_nothing_is_knocked_at(bench: Bench) -> None:
    found = bench.judged(f"tg://proxy?server=nowhere.example&port=8440&secret={SECRET}", {})
    assert bench.route(found).rule == "route.name_unknown"


# --- Signal ----------------------------------------------------------------------------------------------

SIGNAL = f"https://signal.tube/#{NAME}"


@pytest.mark.parametrize(
    "server, rule",
    [
        (hangs_up, "route.app_unreachable"),
        (stays_silent, "route.app_unreachable"),
        (hangs_up_at_once, "route.app_unreachable"),
        (says(ALERT), "route.app_unreachable"),
        (says(HTTP), "route.other_protocol"),
        (says(HTTP, first=True), "route.other_protocol"),
        (says(bytes(4096), times=ENDLESS // 100), "route.app_unreachable"),
    ],
)
def test_what_answers_inside_a_signal_proxys_tls_gets_the_right_word(bench: Bench, server: Handler, rule: str) -> None:
    assert bench.rule(SIGNAL, {443: (server, bench.tls(NAME))}) == rule


@pytest.mark.parametrize(
    "server, rule",
    [
        (hangs_up, "route.cut_at_first_word"),
        (resets, "route.cut_at_first_word"),
        (stays_silent, "route.cut_at_first_word"),
        (says(GARBAGE), "route.no_tls"),
        (says(HTTP), "route.no_tls"),
        (says(ALERT), "route.no_tls"),
    ],
)
def test_what_answers_instead_of_a_signal_proxys_tls_gets_the_right_word(bench: Bench, server: Handler, rule: str) -> None:
    assert bench.rule(SIGNAL, {443: server}) == rule


def test_a_signal_proxy_that_nobody_vouches_for_is_not_spoken_to(bench: Bench) -> None:
    heard: list[bytes] = []

    async def listens(reader: Reader, writer: Writer) -> None:
        heard.append(await reader.read())

    assert bench.rule(SIGNAL, {443: (listens, bench.tls(NAME, own=True))}) == "route.outer_certificate"
    assert not any(heard)


# --- WhatsApp --------------------------------------------------------------------------------------------

WHATSAPP = f"whatsapp://{NAME}"


async def noise(reader: Reader, writer: Writer) -> None:
    """Answer WhatsApp's opening with a hello."""
    said = await reader.readexactly(len(OPENING) + 32)
    assert said.startswith(OPENING)
    writer.write((80).to_bytes(3) + b"\x1a" + secrets.token_bytes(79))
    await reader.read()


def test_the_opening_of_whatsapps_protocol_is_one_frame() -> None:
    assert OPENING[:4] == b"WA\x06\x03"
    assert int.from_bytes(OPENING[4:7]) == len(OPENING[7:]) + 32


def test_an_answer_in_whatsapps_protocol_and_its_certificate_prove_the_whole_proxy(bench: Bench) -> None:
    front = bench.tls("*.whatsapp.net", "whatsapp.net")
    found = bench.judged(WHATSAPP, {443: (noise, bench.tls("x.example", own=True)), 587: (stays_silent, front)})
    over = {v.function: v.certainty.value for v in found.verdicts if v.route != "direct"}
    assert (bench.route(found).rule, over) == ("route.app_answers", {None: "certain", "chat": "certain", "media": "certain"})


def test_typed_ports_come_first_and_stay_out_of_the_report(bench: Bench) -> None:
    front = bench.tls("whatsapp.net")
    found = bench.judged(f"whatsapp://{NAME}:4567?media=6789", {4567: noise, 6789: (stays_silent, front)})
    assert bench.route(found).rule == "route.app_answers"
    assert len([o for o in bench.observations if o.detail.get("stage") == "connect"]) == 2
    assert not {"4567", "6789"} & set(str([o.detail for o in bench.observations if o.route != "direct"]).replace(",", " ").split())


@pytest.mark.parametrize(
    "chat, rule",
    [
        (says(HTTP), "route.other_protocol"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n", first=True), "route.other_protocol"),
        (says(GARBAGE), "route.other_protocol"),
        (hangs_up_at_once, "route.app_unreachable"),
        (resets, "route.chat_only"),
        (stays_silent, "route.chat_only"),
        (hangs_up, "route.chat_only"),
        (says(b"\0" * 4096, times=ENDLESS // 100), "route.other_protocol"),
    ],
)
def test_what_answers_at_a_chat_port_gets_the_right_word(bench: Bench, chat: Handler, rule: str) -> None:
    assert bench.rule(f"{WHATSAPP}:5222", {5222: chat}) == rule


@pytest.mark.parametrize(
    "media, rule",
    [
        (hangs_up, "route.chat_only"),
        (says(b"220 mail.example ESMTP\r\n", first=True), "route.chat_only"),
        (stays_silent, "route.chat_only"),
    ],
)
def test_a_port_of_pictures_that_leads_elsewhere_is_dead(bench: Bench, media: Handler, rule: str) -> None:
    assert bench.rule(f"{WHATSAPP}:5222", {5222: noise, 587: media}) == rule


@pytest.mark.parametrize("own", [True, False])
def test_somebody_elses_certificate_at_the_port_of_pictures_is_not_whatsapps(bench: Bench, own: bool) -> None:
    found = bench.judged(f"{WHATSAPP}:5222", {5222: noise, 587: (stays_silent, bench.tls("correo.example", own=own))})
    assert (bench.route(found).rule, bench.route(found).certainty.value) == ("route.another_answers", "likely")
    assert "correo" not in str(bench.observations)


def test_the_page_of_numbers_is_never_knocked_at(bench: Bench) -> None:
    knocked: list[int] = []

    async def counts(reader: Reader, writer: Writer) -> None:
        knocked.append(1)

    bench.judged(WHATSAPP, dict.fromkeys((8199, 8080, 8222, 8443), counts))
    assert knocked == []


# --- all of them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", [tg(DISGUISED), SIGNAL, WHATSAPP])
def test_never_more_than_two_connections_are_open_at_once(bench: Bench, link: str) -> None:
    count = {"now": 0, "most": 0}

    async def counts(reader: Reader, writer: Writer) -> None:
        count["now"] += 1
        count["most"] = max(count["most"], count["now"])
        try:
            await reader.read()
        finally:
            count["now"] -= 1

    bench.judged(link, dict.fromkeys((443, 587, 7777, 5222, 80, 8440), counts))
    assert 1 <= count["most"] <= 2


def test_a_service_that_is_not_in_the_plan_is_no_target_of_any_step(run_async: RunAsync, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def measured(targets: tuple[Service, ...]) -> list[Observation]:
        async with serving(through(SECRET, centre), HERE) as port:
            link, trace = parse_link(tg(SECRET)), Trace()
            found = Context(Loopback(Trust(str(authority.bundle)), {8440: port}), trace, (), CONTROLS)
            async with found.settled():
                await app_proxy.measure_app_proxy(found, link, targets)
            return trace.observations

    assert {o.target for o in run_async(measured(()))} == {None}


@pytest.mark.parametrize("link, port", [(tg(DISGUISED), 8440), (tg(SECRET), 8440), (SIGNAL, 443), (WHATSAPP, 443)])
def test_a_measurement_that_is_stopped_leaves_nothing_open(run_async: RunAsync, tmp_path: Path, link: str, port: int) -> None:
    async def stopped() -> list[str | None]:
        heard, gone = asyncio.Event(), asyncio.Event()

        async def waits(reader: Reader, writer: Writer) -> None:
            await reader.read(1)
            heard.set()
            await reader.read()
            gone.set()

        async with asyncio.timeout(30), serving(waits, HERE) as here:
            trace = Trace()
            found = Context(Loopback(Trust(str(Authority(tmp_path).bundle)), {port: here}), trace, (), CONTROLS)
            measuring = asyncio.ensure_future(app_proxy.measure_app_proxy(found, parse_link(link), ()))
            await heard.wait()
            measuring.cancel()
            with pytest.raises(asyncio.CancelledError):
                await measuring
            await gone.wait()
        return [o.failure for o in trace.observations if o.failure != "connection_refused"]

    assert "interrupted" in run_async(stopped())
