"""SOCKS 4, 4a, 5 and 5 with names: RFC 1928, RFC 1929, and the memo on SOCKS4 and its extension 4a."""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

from diagnostics.routes.link import Kind, Link
from diagnostics.routes.tunnel import AUTH, BAD_REPLY, WRONG_PROTOCOL, ProxyRefusal, Reader
from diagnostics.streams import Stream

REPLIES: Final = {
    1: "socks_error",
    2: "socks_connection_not_allowed",
    3: "socks_network_unreachable",
    4: "socks_host_unreachable",
    5: "socks_connection_refused",
    6: "socks_ttl_expired",
    7: "socks_command_not_supported",
    8: "socks_address_not_supported",
}
"""RFC 1928, section 6."""

_NO_LOGIN, _LOGIN, _NONE = 0x00, 0x02, 0xFF
ADDRESS_BYTES: Final = {1: 4, 4: 16}
"""Bytes of an address by its kind: IPv4 and IPv6; a name comes with its own length."""

_GRANTED: Final = 0x5A


def socks_address(host: str, port: int) -> bytes:
    """Return an address as SOCKS5, Shadowsocks and Trojan write it: type, address, port.  ValueError for a name over 255 bytes."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna")
        return bytes([3, len(name)]) + name + struct.pack("!H", port)
    return bytes([1 if literal.version == 4 else 4]) + literal.packed + struct.pack("!H", port)


async def socks5(link: Link, stream: Stream, host: str, port: int) -> Stream:
    """Open ``host:port`` through a SOCKS5 proxy.  Raises ProxyRefusal, EOFError, OSError."""
    reader = Reader(stream)
    await greet5(link, stream, reader)
    await stream.write(b"\x05\x01\x00" + socks_address(host, port))
    version, reply, _, kind = await reader.exactly(4)
    if version != 5:
        raise ProxyRefusal(BAD_REPLY, "no SOCKS5 reply", first_bytes=bytes([version, reply]).hex())
    if reply != 0:
        raise ProxyRefusal(REPLIES.get(reply, "socks_error"), f"reply {reply}", reply=reply)
    size = (await reader.exactly(1))[0] if kind == 3 else ADDRESS_BYTES.get(kind)
    if size is None:
        raise ProxyRefusal(BAD_REPLY, "an unknown kind of address", reply=reply)
    await reader.exactly(size + 2)  # the address it leaves from: never used, never followed
    return reader.onward()


async def greet5(link: Link, stream: Stream, reader: Reader) -> None:
    """Agree on a login and log in."""
    login = bool(link.user or link.secret)
    await stream.write(b"\x05\x02\x00\x02" if login else b"\x05\x01\x00")
    version, method = await reader.exactly(2)
    if version != 5:
        raise ProxyRefusal(WRONG_PROTOCOL, "no SOCKS5 greeting", speaks=spoken(bytes([version, method])))
    if method == _LOGIN and login:
        user, password = link.user.reveal().encode(), link.secret.reveal().encode()
        await stream.write(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        _, status = await reader.exactly(2)
        if status != 0:
            raise ProxyRefusal(AUTH, f"login status {status}", reply=status)
    elif method == _NONE:
        raise ProxyRefusal(AUTH, "no method of ours is accepted", reply=method)
    elif method != _NO_LOGIN:
        raise ProxyRefusal(BAD_REPLY, "a method that was not offered", reply=method)


async def socks4(link: Link, stream: Stream, host: str, port: int) -> Stream:
    """Open ``host:port`` through a SOCKS4 proxy; a name goes as 4a has it.  Raises ProxyRefusal, EOFError, OSError."""
    reader = Reader(stream)
    name = b""
    try:
        packed = ipaddress.IPv4Address(host).packed
    except ValueError:
        if link.kind is Kind.SOCKS4:
            raise ProxyRefusal("socks_address_not_supported", "SOCKS4 takes IPv4 addresses alone") from None
        packed, name = b"\0\0\0\1", host.encode("idna") + b"\0"
    user = link.user.reveal().encode().replace(b"\0", b"")
    await stream.write(b"\x04\x01" + struct.pack("!H", port) + packed + user + b"\0" + name)
    version, reply = await reader.exactly(2)
    if version != 0:
        raise ProxyRefusal(WRONG_PROTOCOL, "no SOCKS4 reply", speaks=spoken(bytes([version, reply])))
    if reply in (0x5C, 0x5D):
        raise ProxyRefusal(AUTH, f"reply {reply}", reply=reply)
    if reply != _GRANTED:  # some close before the rest of a refusal
        raise ProxyRefusal("socks_error", f"reply {reply}", reply=reply)
    await reader.exactly(6)
    return reader.onward()


_GREETINGS: Final = (("http", b"HT"), ("tls", b"\x15\x03"), ("tls", b"\x16\x03"), ("socks5", b"\x05"), ("ssh", b"SS"), ("socks4", b"\0"))


def spoken(first: bytes) -> str:
    """Return what the first bytes of an answer look like: http, tls, socks5, socks4, ssh or nothing known."""
    return next((name for name, beginning in _GREETINGS if first.startswith(beginning)), "")
