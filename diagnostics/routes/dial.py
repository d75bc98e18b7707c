"""From a link to a stream: which protocol opens a target through which kind of proxy, and which kinds this program leaves to others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from diagnostics.routes.accounts_tls import trojan, vless
from diagnostics.routes.http_connect import http_connect
from diagnostics.routes.link import Kind, Link
from diagnostics.routes.shadowsocks import shadowsocks
from diagnostics.routes.socks import socks4, socks5
from diagnostics.streams import Stream

Dialer = Callable[[Link, Stream, str, int], Awaitable[Stream]]

DIALERS: Final[dict[Kind, Dialer]] = {
    Kind.HTTP: http_connect,
    Kind.HTTPS: http_connect,
    Kind.SOCKS4: socks4,
    Kind.SOCKS4A: socks4,
    Kind.SOCKS5: socks5,
    Kind.SOCKS5H: socks5,
    Kind.SHADOWSOCKS: shadowsocks,
    Kind.TROJAN: trojan,
    Kind.VLESS: vless,
}

NAMES_HERE: Final = frozenset({Kind.SOCKS4, Kind.SOCKS5})
"""Kinds that are given addresses: the names are looked up by this computer, and leak to whoever watches its line."""

GUESSES: Final = (Kind.SOCKS5H, Kind.HTTP, Kind.HTTPS)
"""What an address alone may speak, in the order in which it is asked: SOCKS is the quickest to say that it is not."""

KEYED: Final = frozenset({Kind.SHADOWSOCKS, Kind.TROJAN, Kind.VLESS, Kind.VMESS})
"""Kinds that answer a wrong key with silence, an end or a decoy: it looks like being cut."""

_PLAIN_TRANSPORTS: Final = ("", "tcp", "raw")


def why_not(link: Link) -> str:
    """Return why this program cannot go through a proxy itself: kind, reality or transport; nothing if it can."""
    if link.option("security") == "reality" or link.option("pbk"):
        return "reality"
    if link.kind is not Kind.AUTO and link.kind not in DIALERS:
        return "kind"
    if link.option("type") not in _PLAIN_TRANSPORTS or link.option("flow"):
        return "transport"
    return ""


def inside_tls(link: Link) -> bool:
    """Tell whether the proxy is spoken to inside TLS."""
    if link.kind in (Kind.HTTPS, Kind.TROJAN):
        return True
    return link.kind is Kind.VLESS and link.option("security") == "tls"


def tls_name(link: Link) -> str:
    """Return the name that the proxy's certificate must carry."""
    return link.option("sni") or link.option("host") or link.host
