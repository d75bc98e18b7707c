"""Outline's keys: what a page may hold, what it may not, and a page that cannot be had."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.model import Endpoint
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import Kind, Link, Secret
from diagnostics.routes.outline import MAX_PAGE, account_of
from diagnostics.routes.tunnel import ProxyRefusal
from tests.conftest import RunAsync
from tests.real_servers.authority import Authority
from tests.routes.loopback import (
    BRIEF,
    PATIENT,
    Loopback,
    Outcome,
    Serve,
    answering,
    closing,
    endless,
    saying,
    server_side,
    serving,
    silent,
    trickling,
    tried,
)

ACCOUNT = Link(kind=Kind.SHADOWSOCKS, host="s.example", port=8388, method="aes-256-gcm", secret=Secret("pw"))
OLD = {"server": "s.example", "server_port": 8388, "method": "aes-256-gcm", "password": "pw"}
NEW = "$type: shadowsocks\nendpoint: s.example:8388\ncipher: aes-256-gcm\nsecret: pw\n"


@pytest.mark.parametrize(
    "page",
    [
        b"ss://YWVzLTI1Ni1nY206cHc@s.example:8388/?outline=0\n",
        json.dumps(OLD).encode(),
        json.dumps(OLD | {"server_port": "8388", "extra": [1]}).encode(),
        json.dumps({"transport": OLD}).encode(),
        NEW.encode(),
        b"transport:\n  $type: tcpudp\n  tcp: &one\n    " + NEW.replace("\n", "\n    ").encode() + b"\n  udp: *one\n",
        b"transport: ss://YWVzLTI1Ni1nY206cHc@s.example:8388",
    ],
)
def test_a_page_may_hold_a_link_json_or_yaml(page: bytes) -> None:
    found = account_of(page)
    assert (found.kind, found.host, found.port, found.method, found.secret) == (
        *(ACCOUNT.kind, ACCOUNT.host, ACCOUNT.port),
        *(ACCOUNT.method, ACCOUNT.secret),
    )


def test_a_prefix_is_kept_and_must_fit() -> None:
    assert account_of(json.dumps(OLD | {"prefix": "\x16\x03\x01"}).encode()).option("prefix") == "\x16\x03\x01"
    with pytest.raises(ProxyRefusal):
        account_of(json.dumps(OLD | {"prefix": "€"}).encode())


@pytest.mark.parametrize(
    "page, failure",
    [
        (b"", "proxy_bad_reply"),
        (b"<html>404</html>", "proxy_bad_reply"),
        (b"\xff\xfe", "proxy_bad_reply"),
        (b"ss://nothing", "proxy_bad_reply"),
        (b"{" * 5000, "proxy_bad_reply"),
        (b"[" * 5000, "proxy_bad_reply"),
        (b"!!python/object/apply:os.system [ls]", "proxy_bad_reply"),
        (b"transport: &a\n  transport: *a\n", "proxy_bad_reply"),
        (json.dumps(OLD | {"server": {"a": 1}}).encode(), "proxy_bad_reply"),
        (json.dumps(OLD | {"server_port": True}).encode(), "proxy_bad_reply"),
        (json.dumps(OLD | {"method": "rc4-md5"}).encode(), "proxy_bad_reply"),
        (json.dumps({"error": {"message": "no more traffic"}}).encode(), "proxy_bad_reply"),
        (b"transport:\n  $type: tcpudp\n  tcp:\n    $type: websocket\n    url: wss://a\n", "proxy_not_supported"),
        (b"$type: shadowsocks\nendpoint:\n  $type: websocket\n", "proxy_not_supported"),
    ],
)
def test_anything_else_is_refused(page: bytes, failure: str) -> None:
    with pytest.raises(ProxyRefusal) as caught:
        account_of(page)
    assert caught.value.failure == failure


JUNK = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3))
FIELDS = st.sampled_from(["transport", "tcp", "$type", "endpoint", "cipher", "secret", "server", "server_port", "password", "prefix"])


@given(st.one_of(st.binary(max_size=200), st.dictionaries(FIELDS, JUNK, max_size=5).map(lambda each: json.dumps(each).encode())))
def test_no_page_raises_anything_but_a_refusal(page: bytes) -> None:
    with contextlib.suppress(ProxyRefusal):
        account_of(page)


# --- the page itself ------------------------------------------------------------------------------------


def fetched(serve: Serve, tmp_path: Path, run_async: RunAsync, **how: Any) -> Outcome:
    """Ask for a key at a server; ``signed`` False: by nobody we know; ``seconds`` of patience; ``names`` lead elsewhere."""
    authority = Authority(tmp_path)
    known = authority if how.get("signed", True) else Authority(tmp_path, "Another Root")

    async def go() -> Outcome:
        async with serving(
            serve, server_side(authority, "keys", "keys.example", "other.example") if how.get("tls", True) else None
        ) as port:
            link = parse_link(f"ssconf://keys.example:{port}/hidden?x=1")
            network = Loopback(known.bundle, how.get("names"))
            return await tried(link, Endpoint(host="page.example"), network, how.get("seconds", PATIENT))

    found = run_async(go())
    assert "hidden" not in str(found.observations)
    assert not found.good
    return found


UNREADABLE = ("down", "proxy_wrong_protocol", "route.key_page_unreadable")
OUT_OF_REACH = ("down", "proxy_unreachable", "route.key_page_out_of_reach")


@pytest.mark.parametrize(
    "serve",
    [
        answering(b"<html>Welcome</html>"),
        answering(json.dumps(OLD).encode(), "404 Not Found"),
        answering(b"ss://" + b"x" * MAX_PAGE),
        answering(b"", "302 Found", "Location: http://other.example/"),
        answering(b"", "302 Found", "Location: https://192.168.1.1/"),
        saying(b"HTTP/9 what\r\n\r\n"),
        endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
        endless(b"HTTP/1.1 200 OK\r\n\r\n", b"ss://" * 1000),
    ],
)
def test_a_page_without_a_key_says_so(serve: Serve, tmp_path: Path, run_async: RunAsync) -> None:
    assert fetched(serve, tmp_path, run_async).said == UNREADABLE


@pytest.mark.parametrize("serve, seconds", [(silent, BRIEF), (closing, PATIENT), (trickling(b"HTTP/1.1 200 OK\r\nX: y"), BRIEF)])
@pytest.mark.parametrize("tls", [True, False])
def test_a_page_that_cannot_be_had_is_out_of_reach(serve: Serve, seconds: float, tls: bool, tmp_path: Path, run_async: RunAsync) -> None:
    assert fetched(serve, tmp_path, run_async, seconds=seconds, tls=tls).said == OUT_OF_REACH


def test_a_page_of_a_stranger_is_not_read(tmp_path: Path, run_async: RunAsync) -> None:
    found = fetched(answering(json.dumps(OLD).encode()), tmp_path, run_async, signed=False)
    assert (found.failures, found.said) == ([("key", "ssl_unknown_authority")], OUT_OF_REACH)


def test_another_transport_needs_its_own_program(tmp_path: Path, run_async: RunAsync) -> None:
    found = fetched(answering(b"transport:\n  $type: websocket\n"), tmp_path, run_async)
    assert found.said == ("not_tested", None, "route.needs_its_own_client")


def test_a_redirect_is_followed_a_few_times(tmp_path: Path, run_async: RunAsync) -> None:
    found = fetched(answering(b"", "302 Found", "Location: /again?a"), tmp_path, run_async)
    assert found.failures == [("key", "http_invalid_redirect_location_host")]
    assert found.stage("key")[0].detail["hops"] == 3


PRIVATE = "10.0.0.1"


@pytest.mark.parametrize(
    "serve, failure",
    [
        (answering(json.dumps(OLD).encode()), "proxy_bad_reply"),
        (answering(json.dumps(OLD | {"server": PRIVATE}).encode()), "proxy_bad_reply"),
        (answering(b"", "302 Found", "Location: https://s.example/"), "http_invalid_redirect_location_host"),
    ],
)
def test_a_page_of_the_internet_does_not_lead_into_a_private_network(
    serve: Serve, failure: str, tmp_path: Path, run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.probes.key_page.is_bogon", lambda address: address == PRIVATE)
    found = fetched(serve, tmp_path, run_async, names={"s.example": PRIVATE})
    assert (found.failures, found.said) == ([("key", failure)], UNREADABLE)
