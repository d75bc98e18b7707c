"""What a place speaks, told from how it answers a greeting that may not be its own."""

from __future__ import annotations

from typing import Final

from diagnostics.failures import TIMEOUT
from diagnostics.routes.link import Kind
from diagnostics.routes.tunnel import AUTH, HTTP_REFUSED

SPEECH: Final = {
    Kind.SOCKS4: "socks4",
    Kind.SOCKS4A: "socks4",
    Kind.SOCKS5: "socks5",
    Kind.SOCKS5H: "socks5",
    Kind.HTTP: "http_proxy",
    Kind.HTTPS: "https_proxy",
}
"""What is heard where a proxy of a kind answers as one."""

GREETING: Final = 2
"""Bytes with which a SOCKS5 server answers a greeting (RFC 1928, section 3): nobody else says them."""


def heard(kind: Kind, failure: str | None, facts: dict[str, object], received: int) -> str:
    """Return what was heard when a place was asked as a proxy of ``kind``; nothing if that is not clear.

    ``failure`` None means that it agreed; ``facts`` are those of a refusal; ``received`` counts bytes.  A refusal in the words of a
    protocol speaks that protocol.
    """
    spoken = str(facts.get("speaks") or "")
    if spoken:
        return "tls" if kind is Kind.HTTPS and spoken == "http" else spoken  # a web server inside TLS
    if failure is None or failure in (AUTH, HTTP_REFUSED) or failure.startswith("socks_"):
        return SPEECH.get(kind, "")
    if kind is Kind.SOCKS5H and failure == TIMEOUT and received >= GREETING:
        return SPEECH[kind]  # it greeted, and thinks about the target
    return "tls" if kind is Kind.HTTPS else ""
