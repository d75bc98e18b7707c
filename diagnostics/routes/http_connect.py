"""HTTP CONNECT (RFC 9110, section 9.3.6), in the clear or inside TLS to the proxy."""

from __future__ import annotations

import base64
import re
from typing import Final

from diagnostics.routes.link import Link
from diagnostics.routes.socks import spoken
from diagnostics.routes.tunnel import AUTH, HTTP_REFUSED, WRONG_PROTOCOL, ProxyRefusal, Reader
from diagnostics.streams import Stream

MAX_HEAD: Final = 16 * 1024
MAX_LINE: Final = 120
NO_PROXY: Final = frozenset({400, 404, 405, 501})
"""What web servers answer to a CONNECT that they do not know (RFC 9110, section 15)."""

TOR: Final = b"Tor is not an HTTP Proxy"
"""How Tor's SOCKS port answers a request of HTTP, in the status line (tor's src/core/proto/proto_socks.c)."""

_STATUS: Final = re.compile(rb"^HTTP/1\.[01] (\d{3})(?: |\r|$)")
_PROGRAMS: Final = re.compile(r"squid|tinyproxy|privoxy|polipo|varnish|nginx|haproxy|apache|mitmproxy|charles|3proxy|pproxy", re.IGNORECASE)
_SQUID: Final = re.compile(r"ERR_[A-Z_]{1,40}(?: \d{1,4})?")
_ERROR: Final = re.compile(r"error=([a-z_]{1,40})")
_SCHEME: Final = re.compile(r"basic|digest|ntlm|negotiate|bearer", re.IGNORECASE)
_KEPT: Final = {
    **dict.fromkeys(("server", "via"), _PROGRAMS),
    "x-squid-error": _SQUID,
    "proxy-status": _ERROR,
    "proxy-authenticate": _SCHEME,
}
"""Headers in which a proxy says what it is and why it refuses, and what of each is kept: its own words may name its owner."""

OF_PROXIES: Final = re.compile(rb"^(?:via|proxy-[a-z]+|x-squid-[a-z]+):", re.IGNORECASE | re.MULTILINE)
"""Headers that only proxies send: what refuses with them is one, whatever its status."""


async def http_connect(link: Link, stream: Stream, host: str, port: int) -> Stream:
    """Open ``host:port`` through an HTTP proxy.  Raises ProxyRefusal, EOFError, OSError."""
    name = host if ":" in host else host.encode("idna").decode("ascii")
    place = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if link.user or link.secret:
        login = base64.b64encode(f"{link.user.reveal()}:{link.secret.reveal()}".encode()).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {login}")
    await stream.write("\r\n".join([*lines, "", ""]).encode("ascii"))
    reader = Reader(stream)
    status, head = await answer_head(reader)
    if not 200 <= status < 300:
        failure = AUTH if status in (401, 407) else HTTP_REFUSED
        facts = _said(head)
        if TOR in head[:MAX_LINE]:
            raise ProxyRefusal(WRONG_PROTOCOL, "Tor", status=status, speaks="tor")
        if status in NO_PROXY and not OF_PROXIES.search(head) and b"No such domain" not in head[:MAX_LINE]:
            facts["speaks"] = "http"
        raise ProxyRefusal(failure, f"status {status}", status=status, **facts)
    return reader.onward()


async def answer_head(reader: Reader) -> tuple[int, bytes]:
    """Return status and head of an HTTP answer.  Raises ProxyRefusal for anything else, EOFError for nothing."""
    first = await reader.first()
    if not first:
        message = "closed without an answer"
        raise EOFError(message)
    if not b"HTTP/1.".startswith(first[:7]):
        raise ProxyRefusal(WRONG_PROTOCOL, "no HTTP answer", speaks=spoken(first[:2]))
    head = await reader.until(b"\r\n\r\n", MAX_HEAD)
    found = _STATUS.match(head)
    if not found:
        raise ProxyRefusal(WRONG_PROTOCOL, "no HTTP status line")
    return int(found[1]), head


def _said(head: bytes) -> dict[str, object]:
    """Return what a head says of the proxy, in words of a closed list."""
    found: dict[str, object] = {}
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.decode("latin-1").partition(":")
        known = _KEPT.get(key.strip().lower())
        word = known.search(value[:MAX_LINE]) if known else None
        if word:
            found[key.strip().lower()] = word[0].lower() if known is _PROGRAMS or known is _SCHEME else word[0]
    return found
