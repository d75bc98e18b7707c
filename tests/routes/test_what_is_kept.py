"""What an HTTP proxy says of itself is kept in words of a closed list: its own words may name its owner."""

from __future__ import annotations

import pytest

from diagnostics.probes.proxy_name import in_turn
from diagnostics.routes.http_connect import _said

HEAD = b"\r\n".join(
    [
        b"HTTP/1.1 403 Forbidden",
        b"Server: squid/5.7 casa-de-ana",
        b"Via: 1.1 proxy-de-la-ong (squid)",
        b"X-Squid-Error: ERR_ACCESS_DENIED 0 casa",
        b"Proxy-Status: gw.ong.example; error=connection_refused",
        b'Proxy-Authenticate: Basic realm="ONG de Caracas"',
        b"X-Anything: casa",
        b"",
        b"",
    ]
)


def test_no_name_of_its_owner_is_kept() -> None:
    assert _said(HEAD) == {
        "server": "squid",
        "via": "squid",
        "x-squid-error": "ERR_ACCESS_DENIED 0",
        "proxy-status": "error=connection_refused",
        "proxy-authenticate": "basic",
    }


@pytest.mark.parametrize("head", [b"HTTP/1.1 500 x\r\nServer: casa-de-ana\r\n\r\n", b"HTTP/1.1 500 x\r\nVia\r\n: \xff\r\n\r\n"])
def test_a_head_that_says_nothing_known_leaves_nothing(head: bytes) -> None:
    assert _said(head) == {}


def test_a_dead_ipv6_hides_no_proxy() -> None:
    assert in_turn(["2800::1", "2800::2", "104.1.1.1", "104.1.1.2"]) == ["104.1.1.1", "2800::1", "104.1.1.2", "2800::2"]
    assert in_turn([]) == []
