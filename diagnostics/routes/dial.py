"""From a link to a stream: which protocol opens a target through which kind of proxy, and which kinds this program leaves to others.

Most kinds are spoken over a stream to the proxy, inside TLS and in WebSocket's frames where the link says so.  A kind that brings a
connection of its own (``CARRIED``) has a session instead of that stream.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from diagnostics.plan import ascii_host
from diagnostics.routes.accounts_tls import trojan, vless
from diagnostics.routes.http_connect import http_connect
from diagnostics.routes.hysteria2 import hysteria2
from diagnostics.routes.link import Kind, Link
from diagnostics.routes.quic import QuicSession, has_quic
from diagnostics.routes.shadowsocks import shadowsocks
from diagnostics.routes.socks import socks4, socks5
from diagnostics.routes.vmess import vmess
from diagnostics.routes.websocket import upgrade
from diagnostics.streams import Stream

Dialer = Callable[[Link, Stream, str, int], Awaitable[Stream]]
Ground = Stream | QuicSession
"""What a proxy is spoken to over."""

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
    Kind.VMESS: vmess,
}

CARRIED: Final = frozenset({Kind.HYSTERIA2})
"""Kinds that bring a connection of their own, over datagrams."""

NAMES_HERE: Final = frozenset({Kind.SOCKS4, Kind.SOCKS5})
"""Kinds that are given addresses: the names are looked up by this computer, and leak to whoever watches its line."""

GUESSES: Final = (Kind.SOCKS5H, Kind.HTTP, Kind.HTTPS)
"""What an address alone may speak, in the order in which it is asked: SOCKS is the quickest to say that it is not."""

KEYED: Final = frozenset({Kind.SHADOWSOCKS, Kind.TROJAN, Kind.VLESS, Kind.VMESS})
"""Kinds that answer a wrong key with silence, an end or a decoy: it looks like being cut."""

_PLAIN_TRANSPORTS: Final = ("", "tcp", "raw")
_WEBSOCKET: Final = "ws"
_IN_WEBSOCKET: Final = frozenset({Kind.TROJAN, Kind.VLESS, Kind.VMESS})
_TLS_BY_CHOICE: Final = frozenset({Kind.VLESS, Kind.VMESS})


def why_not(link: Link) -> str:
    """Return why this program cannot go through a proxy itself: kind, reality or transport; nothing if it can."""
    if link.first is not None and (why := why_not(link.first)):
        return why
    if link.option("security") == "reality" or link.option("pbk"):
        return "reality"
    if link.kind in CARRIED:
        if not has_quic():
            return "kind"
        return "" if link.option("obfs") in ("", "none", "salamander") else "transport"
    if link.kind not in (Kind.AUTO, Kind.OUTLINE, *DIALERS):
        return "kind"
    if link.option("type") not in _PLAIN_TRANSPORTS and not in_websocket(link):
        return "transport"
    if link.option("flow") or link.option("headerType") not in ("", "none"):
        return "transport"
    return ""


def inside_tls(link: Link) -> bool:
    """Tell whether the proxy is spoken to inside TLS."""
    if link.kind in (Kind.HTTPS, Kind.TROJAN):
        return True
    return link.kind in _TLS_BY_CHOICE and link.option("security") == "tls"


def in_websocket(link: Link) -> bool:
    """Tell whether the proxy is spoken to in WebSocket's frames."""
    return link.kind in _IN_WEBSOCKET and link.option("type") == _WEBSOCKET


def tls_name(link: Link) -> str:
    """Return the name that the proxy's certificate must carry."""
    return ascii_host(link.option("sni")) or ascii_host(link.option("host")) or link.host


async def ask(link: Link, ground: Ground, host: str, port: int) -> Stream:
    """Open ``host:port`` through a proxy.  Raises ProxyRefusal, EOFError, OSError."""
    if isinstance(ground, QuicSession):
        return await hysteria2(link, ground, host, port)
    if in_websocket(link):
        ground = await upgrade(link, ground)
    return await DIALERS[link.kind](link, ground, host, port)
