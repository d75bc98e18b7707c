"""Servers that are no proxy, or a hostile one: every kind ends in its own time with the failure that fits."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from diagnostics.model import Endpoint
from diagnostics.routes.grammar import parse_link
from tests.conftest import RunAsync
from tests.real_servers.authority import Authority
from tests.routes.loopback import (
    BRIEF,
    HERE,
    PATIENT,
    Loopback,
    Outcome,
    Serve,
    closing,
    endless,
    saying,
    server_side,
    serving,
    silent,
    trickling,
    tried,
)

UUID = "b831381d-6324-4d53-ad4f-8cda48b30811"
NAME = "proxy.example"
TLS, WS = f"security=tls&sni={NAME}", "type=ws&path=%2Fp"


def vmess(**parts: str) -> str:
    account = {"v": "2", "add": HERE, "port": "PORT", "id": UUID, "aid": "0", "sni": NAME} | parts
    return json.dumps(account)


LINKS = {
    "socks4a": f"socks4a://{HERE}:PORT",
    "socks5h": f"socks5h://u:p@{HERE}:PORT",
    "http": f"http://u:p@{HERE}:PORT",
    "https": "https://localhost:PORT",
    "ss": f"ss://YWVzLTI1Ni1nY206cHcx@{HERE}:PORT",
    "ss-2022": f"ss://2022-blake3-aes-128-gcm:AAAAAAAAAAAAAAAAAAAAAA%3D%3D@{HERE}:PORT",
    "trojan": f"trojan://pw@{HERE}:PORT?sni={NAME}",
    "trojan+ws": f"trojan://pw@{HERE}:PORT?sni={NAME}&{WS}",
    "vless": f"vless://{UUID}@{HERE}:PORT",
    "vless+tls": f"vless://{UUID}@{HERE}:PORT?{TLS}",
    "vless+ws": f"vless://{UUID}@{HERE}:PORT?{WS}",
    "vmess": vmess(),
    "vmess+tls": vmess(tls="tls"),
    "vmess+ws+tls": vmess(tls="tls", net="ws", path="/p"),
}
INSIDE_TLS = {"https", "trojan", "trojan+ws", "vless+tls", "vmess+tls", "vmess+ws+tls"}
GREETS = {"socks4a", "socks5h", "http", "https", *(label for label in LINKS if "+ws" in label)}
"""Kinds whose server says something before a target does."""

TIMEOUT, EOF = "generic_timeout_error", "eof_error"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("hostile"))


def met(label: str, serve: Serve, authority: Authority, run_async: RunAsync, seconds: float = PATIENT) -> Outcome:
    """Meet a server with an account of this kind."""

    async def go() -> Outcome:
        tls = server_side(authority, "hostile", NAME, HERE) if label in INSIDE_TLS else None
        async with serving(serve, tls) as port:
            text = LINKS[label].replace("PORT", str(port)).replace("localhost", HERE)
            link = f"vmess://{base64.b64encode(text.encode()).decode()}" if label.startswith("vmess") else text
            return await tried(parse_link(link), Endpoint(host="page.example"), Loopback(authority.bundle), seconds)

    found = run_async(go())
    assert not found.good
    assert found.verdict.cause is None or found.verdict.status != "works"
    return found


def stage_of(label: str) -> str:
    """Return the step in which a server's silence, end or garbage shows."""
    return "open" if label in GREETS else "tls"


@pytest.mark.parametrize("label", LINKS)
def test_silence_ends_with_the_steps_patience(label: str, authority: Authority, run_async: RunAsync) -> None:
    assert met(label, silent, authority, run_async, BRIEF).failures == [(stage_of(label), TIMEOUT)]


@pytest.mark.parametrize("label", LINKS)
def test_a_connection_that_is_closed_is_an_end(label: str, authority: Authority, run_async: RunAsync) -> None:
    ((stage, failure),) = met(label, closing, authority, run_async).failures
    assert (stage, failure in (EOF, "connection_reset")) == (stage_of(label), True)


GARBAGE = bytes(range(0xB0, 0xF0)) * 2000
SAID_OF_GARBAGE = {
    **dict.fromkeys(("ss", "ss-2022"), "proxy_authentication_failed"),
    **dict.fromkeys(("trojan",), "ssl_failed_handshake"),
    **dict.fromkeys(("vless", "vless+tls"), "proxy_bad_reply"),
}


@pytest.mark.parametrize("label", LINKS)
def test_garbage_is_another_protocol_or_another_key(label: str, authority: Authority, run_async: RunAsync) -> None:
    found = met(label, saying(GARBAGE), authority, run_async)
    assert found.failures == [(stage_of(label), SAID_OF_GARBAGE.get(label, "proxy_wrong_protocol"))]
    assert found.verdict.cause != "proxy_blocked"


@pytest.mark.parametrize("label", LINKS)
def test_an_endless_stream_of_garbage_ends(label: str, authority: Authority, run_async: RunAsync) -> None:
    found = met(label, endless(b"", GARBAGE), authority, run_async)
    assert [stage for stage, _ in found.failures] == [stage_of(label)]


@pytest.mark.parametrize("label", sorted(GREETS - {"socks4a", "socks5h"}))
def test_an_endless_head_is_not_read_to_its_end(label: str, authority: Authority, run_async: RunAsync) -> None:
    found = met(label, endless(b"HTTP/1.1 101 Switching Protocols\r\n", b"X: y\r\n" * 1000), authority, run_async)
    assert found.failures == [("open", "proxy_bad_reply")]


TRICKLES = {
    "socks4a": b"\0\x5a",
    "socks5h": b"\x05\x02\x01\0\x05\0\0\x03\xff\xff",
    **dict.fromkeys(GREETS - {"socks4a", "socks5h"}, b"HTTP/1.1 200 OK\r\nX: y"),
    **dict.fromkeys(("vless", "vless+tls"), b"\0\xff\0"),
}


@pytest.mark.parametrize("label", LINKS)
def test_a_byte_now_and_then_does_not_buy_more_time(label: str, authority: Authority, run_async: RunAsync) -> None:
    found = met(label, trickling(TRICKLES.get(label, b"\x16\x03\x03\x40\0\x02")), authority, run_async, BRIEF)
    assert [failure for _, failure in found.failures] == [TIMEOUT]


@pytest.mark.parametrize("label", sorted(INSIDE_TLS))
@pytest.mark.parametrize(
    "serve, failures", [(silent, {TIMEOUT}), (closing, {EOF, "connection_reset"}), (saying(GARBAGE), {"ssl_failed_handshake"})]
)
def test_what_goes_wrong_in_tls_to_the_proxy_is_said_there(
    label: str, serve: Serve, failures: set[str], tmp_path: Path, run_async: RunAsync
) -> None:
    authority = Authority(tmp_path)

    async def go() -> Outcome:
        async with serving(serve) as port:
            text = LINKS[label].replace("PORT", str(port)).replace("localhost", HERE)
            link = f"vmess://{base64.b64encode(text.encode()).decode()}" if label.startswith("vmess") else text
            return await tried(
                parse_link(link), Endpoint(host="page.example"), Loopback(authority.bundle), BRIEF if serve is silent else PATIENT
            )

    ((stage, failure),) = run_async(go()).failures
    assert (stage, failure in failures) == ("secure", True)
