"""The test of an OpenVPN profile against a small server on loopback: lost, doubled, late and hostile packets."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.model import Observation
from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.routes.link import Kind, Link
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.vpn.openvpn import packets, probe
from diagnostics.vpn.openvpn.crypt import PacketError, Plain, TlsAuth, TlsCrypt
from diagnostics.vpn.openvpn.login import Heard
from diagnostics.vpn.openvpn.packets import Channel, parse
from diagnostics.vpn.openvpn.probe import greet_over
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Consent, read_profile
from tests.conftest import RunAsync
from tests.vpn.openvpn.papers import CLIENT_AUTH, Issuer, Paper
from tests.vpn.openvpn.server import KEY, KEY_TEXT, PUSHED, Server, examined, framed, issuer, over_udp, profile_text, servers_paper
from tests.vpn.tor.relay import Conduct, Outcome, Reader, Writer, listening

AUTH = (f"<tls-auth>\n{KEY_TEXT}</tls-auth>", "key-direction 1", "auth SHA256")
CRYPT = (f"<tls-crypt>\n{KEY_TEXT}</tls-crypt>",)
LET_IN = ("works", None, "certain", "vpn.logged_in")
PROVEN = ("works", None, "likely", "vpn.server_proven")
OTHER = ("down", "vpn_untrusted_server", "certain", "vpn.other_server")


@pytest.fixture(autouse=True)
def quickly_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send again what was lost after hundredths of a second."""
    monkeypatch.setattr(packets, "RESENDS", (0.02, 0.04, 0.08))


async def met(server: Server, *lines: str, login: bool = False, back: Any = lambda _number, wire: [wire]) -> Outcome:
    """Return what becomes of a server over UDP."""
    async with over_udp(server, back) as port:
        return await examined(profile_text(port, *lines), login=login)


@pytest.mark.parametrize("kind, lines", [("plain", ()), ("tls-auth", AUTH), ("tls-crypt", CRYPT)])
def test_each_protection_leads_to_the_login(kind: str, lines: tuple[str, ...], run_async: RunAsync) -> None:
    server = Server(kind)
    outcome = run_async(met(server, *lines, "auth-user-pass", login=True))
    assert outcome.said == LET_IN
    assert outcome.stages == [("handshake", None), ("tls", None), ("login", None)]
    login = outcome.detail("login")
    assert (login["routes"], login["dns"], login["everything"]) == (1, 1, True)
    assert b"secreto\0" in server.heard[0]
    assert b"EXIT\0" in server.heard[-1]


def test_over_tcp_the_same_is_said_behind_a_length(run_async: RunAsync) -> None:
    async def run() -> Outcome:
        async with listening(framed(Server("tls-crypt")), tls=False) as port:
            return await examined(profile_text(port, *CRYPT, transport="tcp"))

    # the first connection only looks whether anybody listens, so that the server sees one session
    assert run_async(run()).said == PROVEN


@pytest.mark.parametrize("seed", range(4))
def test_packets_that_are_lost_doubled_or_late_change_nothing(seed: int, run_async: RunAsync) -> None:
    chance = random.Random(seed)
    held: list[bytes] = []

    def back(_number: int, wire: bytes) -> list[bytes]:
        fate = chance.random()
        if fate < 0.25:
            return []
        if fate < 0.4:
            held.append(wire)
            return []
        late, held[:] = list(held), []
        return [wire, *late, *([wire] if fate > 0.85 else [])]

    server = Server("tls-auth", chunk=200)
    # the reset alone is repeated as slowly as the ladder says
    outcome = run_async(met(server, *AUTH, login=True, back=lambda n, wire: [wire] if n == 1 else back(n, wire)))
    assert outcome.said == LET_IN


def test_garbage_between_the_packets_is_passed_over(run_async: RunAsync) -> None:
    junk = [b"", b"\x40", bytes(30), b"\x20" + bytes(40), b"\x28" + bytes(8) + b"\xff" * 60]
    outcome = run_async(met(Server("tls-crypt"), *CRYPT, back=lambda _n, wire: [*junk, wire]))
    assert outcome.said == PROVEN


class Deaf(Server):
    """A server that falls silent as soon as it knows who is there: it does not accept the certificate, or is busy."""

    deaf = False

    def take(self, wire: bytes) -> list[bytes]:
        answers = super().take(wire)
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
            self.deaf = True
        return [] if self.deaf else answers

    def repeated(self) -> list[bytes]:
        return [] if self.deaf else super().repeated()


class InTurn(Server):
    """Servers that take the first session, the second and so on."""

    def __init__(self, *servers: Server) -> None:
        super().__init__()
        self.servers, self.sessions = servers, dict[bytes, Server]()
        self.current = servers[0]

    def take(self, wire: bytes) -> list[bytes]:
        session = parse(*self._wrapping.unwrap(wire)).session
        self.current = self.sessions.setdefault(session, self.servers[min(len(self.sessions), len(self.servers) - 1)])
        return self.current.take(wire)

    def repeated(self) -> list[bytes]:
        return self.current.repeated()


SILENT = ("unknown", None, "none", "vpn.proven_then_silent")


@pytest.mark.parametrize("servers, said, tries", [((Deaf, Server), LET_IN, 2), ((Deaf, Deaf), SILENT, 2), ((Server,), LET_IN, 1)])
def test_a_server_that_falls_silent_once_is_asked_again(
    servers: tuple[type[Server], ...], said: tuple[str, ...], tries: int, run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TLS_EXTRA", 0.2)
    outcome = run_async(met(InTurn(*(each() for each in servers)), "auth-user-pass", login=True))
    assert (outcome.said, outcome.detail("tls")["tries"]) == (said, tries)


UNCHECKED = ("unknown", None, "none", "vpn.dates_unchecked")
"""Nobody tells the time in these tests."""

PAPERS: list[tuple[Paper, tuple[str, ...], tuple[str, str | None, str, str], str]] = [
    (Issuer("Another").issue("server-1"), (), OTHER, "authority"),
    (issuer().issue("server-1", CLIENT_AUTH), (), OTHER, "usage"),
    (issuer().issue("server-1", None), (), OTHER, "usage"),
    (issuer().issue("server-1", key_usage=False), (), OTHER, "usage"),
    (issuer().issue("server-1", last=-1), (), UNCHECKED, "expired"),
    (issuer().issue("server-1", first=5), (), UNCHECKED, "early"),
    (servers_paper(), ("verify-x509-name server-2 name",), OTHER, "name"),
    (servers_paper(), ("verify-x509-name srv name-prefix",), OTHER, "name"),
    (servers_paper(), ("verify-x509-name CN=server-1",), OTHER, "name"),
    (servers_paper(), (f"peer-fingerprint {'ab' * 32}",), OTHER, "fingerprint"),
]


@pytest.mark.parametrize("paper, lines, said, reason", PAPERS)
def test_no_password_leaves_before_the_server_has_proved_who_it_is(
    paper: Paper, lines: tuple[str, ...], said: tuple[str, str | None, str, str], reason: str, run_async: RunAsync
) -> None:
    server = Server(paper=paper)
    outcome = run_async(met(server, *lines, "auth-user-pass", login=True))
    assert (outcome.said, outcome.detail("tls")["reason"]) == (said, reason)
    assert [stage for stage, _ in outcome.stages] == ["handshake", "tls"]
    assert server.heard == []


RIGHT = [*(f"verify-x509-name {how}" for how in ("server-1 name", "server- name-prefix", '"C=VE, CN=server-1"')), "ns-cert-type server"]


@pytest.mark.parametrize("line", RIGHT)
def test_the_right_server_passes_every_rule(line: str, run_async: RunAsync) -> None:
    assert run_async(met(Server(), line)).said == PROVEN


@pytest.mark.parametrize(
    "answers, said",
    [
        ((b"AUTH_FAILED\0",), ("down", "vpn_auth_failed", "certain", "vpn.login_refused")),
        ((b"AUTH_FAILED,ana lives in 10.0.0.1\0",), ("down", "vpn_auth_failed", "certain", "vpn.login_refused")),
        ((b"AUTH_FAILED,CRV1:R,E:x:y:Code\0",), ("unknown", None, "none", "vpn.login_wants_more")),
        ((b"AUTH_PENDING,timeout 60\0",), ("unknown", None, "none", "vpn.login_wants_more")),
        ((b"AUTH_FAILED,TEMP[backoff 42]:busy\0",), ("down", "vpn_server_busy", "likely", "vpn.busy")),
        ((b"AUTH_FAILED,Data channel cipher negotiation failed (no shared cipher)\0",), ("down", None, "likely", "vpn.no_common_cipher")),
        ((b"RESTART\0",), ("unknown", None, "none", "vpn.login_unanswered")),
        ((b"INFO_PRE,x\0", b"PUSH_REPLY,route 1 2,push-continuation 2\0", b"PUSH_REPLY,route 3 4,push-continuation 1\0"), LET_IN),
        ((PUSHED,), LET_IN),
    ],
)
def test_what_a_server_says_to_a_login_is_told_in_our_words(
    answers: tuple[bytes, ...], said: tuple[str, str | None, str, str], run_async: RunAsync
) -> None:
    outcome = run_async(met(Server(answers=answers), "auth-user-pass", login=True))
    assert outcome.said == said
    assert not [word for word in ("10.0.0.1", "ana", "secreto", "server-1", "127.0.0.1") if word in repr(outcome.observations)]


def test_without_consent_and_without_a_name_nobody_logs_in(run_async: RunAsync) -> None:
    server = Server()
    assert run_async(met(server, "auth-user-pass")).said == PROVEN
    assert server.heard == []


# --- over TCP, whatever else lives there ---


async def met_over_tcp(conduct: Conduct, *lines: str) -> Outcome:
    async with listening(conduct, tls=False) as port:
        return await examined(profile_text(port, *lines, transport="tcp"))


async def closes_after_a_word(reader: Reader, writer: Writer) -> None:
    await reader.read(1)
    await reader.read(400)
    writer.close()


async def closes(_reader: Reader, writer: Writer) -> None:
    writer.close()


def says(words: bytes) -> Conduct:
    async def conduct(reader: Reader, writer: Writer) -> None:
        writer.write(words)
        await reader.read()

    return conduct


@pytest.mark.parametrize(
    "words", [b"SSH-2.0-x\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0", b"\xff\xff" + bytes(60), b"\0\x20" + bytes(32)]
)
def test_another_protocol_is_no_server_of_this_vpn(words: bytes, run_async: RunAsync) -> None:
    outcome = run_async(met_over_tcp(says(words)))
    assert outcome.said == ("down", "vpn_server_unreachable", "likely", "vpn.other_service")


def test_a_port_that_closes_without_being_spoken_to_is_told_from_one_that_does_not_like_our_word(run_async: RunAsync) -> None:
    assert run_async(met_over_tcp(closes)).said == ("down", "vpn_server_unreachable", "likely", "vpn.closes_at_once")
    assert run_async(met_over_tcp(closes_after_a_word)).said == ("unknown", None, "none", "vpn.greeting_cut")
    assert run_async(met_over_tcp(closes_after_a_word, *CRYPT)).said == ("down", "vpn_wrong_key", "likely", "vpn.closes_at_key")


# --- hostile bytes ---


def wrappings() -> list[Any]:
    clock = lambda: 1.8e9  # noqa: E731 - any time will do
    return [Plain(clock), TlsAuth(KEY, 1, "sha512", clock), TlsCrypt(KEY, clock), TlsCrypt(KEY, clock, bytes(300))]


@given(st.binary(max_size=120), st.integers(0, 3))
def test_whatever_a_stranger_sends_is_a_packet_or_an_error_of_our_own(data: bytes, which: int) -> None:
    channel = Channel(wrappings()[which])
    channel.reset()
    taken = 0
    for wire in (data, b"\x40" + data, b"\x20" + bytes(8) + data):
        with contextlib.suppress(PacketError):  # anything else would end the test
            channel.take(wire)
            taken += 1
    assert taken + channel.strange == 3


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=20)), max_size=40))
def test_packets_in_any_order_come_out_in_order_and_are_bounded(sent: list[tuple[int, bytes]]) -> None:
    channel = Channel(Plain(lambda: 0.0))
    peer = b"server-1"
    channel.take(b"\x40" + peer + b"\0" + (0).to_bytes(4))
    kept: dict[int, bytes] = {}
    for number, data in sent:
        channel.take(b"\x20" + peer + b"\0" + number.to_bytes(4) + data)
        expected = next(n for n in range(1, 60) if n not in kept)
        if 1 <= number < expected + packets.AHEAD:
            kept.setdefault(number, data)
    whole = b"".join(kept[n] for n in range(1, next(n for n in range(1, 60) if n not in kept)))
    assert channel.read(10_000) == whole
    assert all(parse(wire[:9], wire[9:]).opcode == packets.Opcode.ACK for wire in channel.due(0.0))


def test_a_flood_of_bytes_ends_the_session() -> None:
    channel = Channel(Plain(lambda: 0.0))
    channel.take(b"\x40" + bytes(8) + b"\0" + bytes(4))
    wires = (b"\x20" + bytes(8) + b"\0" + number.to_bytes(4) + bytes(1000) for number in range(1, 400))
    with pytest.raises(PacketError):
        all(channel.take(wire) for wire in wires)


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_whatever_is_said_inside_tls_is_counted_or_passed_over(records: list[bytes]) -> None:
    heard = Heard()
    for record in [*records, *(b"PUSH_REPLY," + each for each in records), *(b"AUTH_FAILED," + each for each in records)]:
        heard.take(record)
    assert heard.answer in ("", "keys", "push", "refused", "challenge", "busy", "cipher", "pending", "halted")


# --- from elsewhere ---


async def closes_at_a_word(reader: Reader, writer: Writer) -> None:
    await reader.read(1)
    writer.transport.abort()


async def carry(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_a_greeting_that_is_cut_here_and_answered_through_a_proxy_is_blocked(run_async: RunAsync) -> None:
    async def story() -> Outcome:
        async with listening(framed(Server()), tls=False) as true_port:

            async def proxy(reader: Reader, writer: Writer) -> None:
                await reader.readexactly(3)
                writer.write(b"\5\0")
                await reader.readexactly(10)
                writer.write(b"\5\0\0\1\0\0\0\0\0\0")
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", true_port)
                try:
                    await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
                finally:
                    far_writer.close()

            async with listening(closes_at_a_word, tls=False) as port, listening(proxy, tls=False) as proxy_port:
                link = Link(kind=Kind.SOCKS5, host="127.0.0.1", port=proxy_port)
                return await examined(profile_text(port, transport="tcp"), proxies=(link,))

    outcome = run_async(story())
    assert outcome.said == ("blocked", "vpn_handshake_blocked", "certain", "vpn.answers_elsewhere")
    assert [o.detail["by"] for o in outcome.observations][-1].startswith("socks5-")


def test_a_server_is_greeted_over_a_flow_from_elsewhere_and_asked_for_nothing_more(run_async: RunAsync) -> None:
    server = Server("tls-crypt")

    async def story() -> list[Observation]:
        trace = Trace()
        context = Context(RealNetwork(Trust()), trace, (), ())
        async with over_udp(server) as port, context.settled():
            probing = Probing(context, read_profile(profile_text(port, *CRYPT)), Consent(login=True))
            await greet_over(probing, await context.network.datagram("127.0.0.1", port), "socks5-1234")
        return trace.observations

    (step,) = run_async(story())
    assert (step.failure, step.detail["stage"], step.detail["by"], step.detail["answer"]) == (None, "handshake", "socks5-1234", "reset")
    assert (server.resets, server.heard) == (1, [])
