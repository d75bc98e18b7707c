"""How servers over TCP are greeted: SSTP and AnyConnect inside TLS, SSH in the clear.  Nothing that they say is kept.

Sources: [MS-SSTP] section 3.2.4.1 (the request, and its 200), openconnect's and ocserv's documentation of the AnyConnect protocol
(config-auth), RFC 4253 section 4.2 (SSH's first line, before which a server may send others).  SSTP was tried against no real server
(2026-11-27): none that answers could be had.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from diagnostics.failures import EOF, WRONG_ANSWER, ProtocolError
from diagnostics.streams import Stream
from diagnostics.vpn.profile import Protocol

MOST_HEAD: Final = 16384
MOST_BODY: Final = 65536
MOST_LINES: Final = 50
LONGEST_LINE: Final = 255
"""RFC 4253 section 4.2: SSH's line; those before it are held to the same length, as openssh's client does."""

_SSTP_PATH: Final = "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)[ \r]")
_SSH: Final = re.compile(rb"SSH-(2\.0|1\.99)-")
_OWN_SSH: Final = b"SSH-2.0-OpenSSH_9.2\r\n"
"""What most clients say: a name of our own would tell the network who asks."""

_CONFIG_AUTH: Final = b"<config-auth"


async def sstp(stream: Stream, host: str, detail: dict[str, Any]) -> None:
    """Ask for a tunnel as Windows does; a 200 is how a server of that kind agrees.  Raises ProtocolError, OSError."""
    request = (
        f"SSTP_DUPLEX_POST {_SSTP_PATH} HTTP/1.1\r\nSSTPCORRELATIONID: {{{str(uuid.uuid4()).upper()}}}\r\n"
        f"Content-Length: {2**64 - 1}\r\nHost: {host}\r\n\r\n"
    )
    await stream.write(request.encode())
    detail["status"] = _status(await _until(stream, b"\r\n\r\n", MOST_HEAD))
    if detail["status"] != 200:
        raise ProtocolError(WRONG_ANSWER, "no tunnel")


async def anyconnect(stream: Stream, host: str, detail: dict[str, Any]) -> None:
    """Begin to log in as AnyConnect's clients do, up to the server's first form.  Raises ProtocolError, OSError."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<config-auth client="vpn" type="init"><version who="vpn">v5.01</version>'
        f"<device-id>win</device-id><group-access>https://{host}/</group-access></config-auth>"
    )
    request = (
        f"POST / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: AnyConnect Windows 4.10\r\nX-Transcend-Version: 1\r\nX-Aggregate-Auth: 1\r\n"
        f"Accept: */*\r\nContent-Type: application/xml; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    await stream.write(request.encode())
    got = await _until(stream, b"\r\n\r\n", MOST_HEAD)
    detail["status"] = _status(got)
    if detail["status"] == 200:
        rest = got.partition(b"\r\n\r\n")[2]
        await _until(stream, _CONFIG_AUTH, MOST_BODY, rest)  # looked for, never parsed
        return
    raise ProtocolError(WRONG_ANSWER, "no form")


async def ssh(stream: Stream, _host: str, _detail: dict[str, Any]) -> None:
    """Exchange the first lines of SSH.  Raises ProtocolError, OSError."""
    await stream.write(_OWN_SSH)
    got = b""
    for _ in range(MOST_LINES):
        got = await _until(stream, b"\n", LONGEST_LINE, got)
        line, _, got = got.partition(b"\n")
        if _SSH.match(line):
            return
        if line.startswith(b"SSH-"):
            break  # a version that nobody should speak any more
    raise ProtocolError(WRONG_ANSWER, "no SSH")


Speak = Callable[[Stream, str, dict[str, Any]], Awaitable[None]]
SPOKEN: Final[Mapping[Protocol, Speak]] = {Protocol.SSTP: sstp, Protocol.ANYCONNECT: anyconnect, Protocol.SSH: ssh}
SECURED: Final = frozenset({Protocol.SSTP, Protocol.ANYCONNECT})
"""Protocols that begin with TLS."""


async def _until(stream: Stream, mark: bytes, most: int, got: bytes = b"") -> bytes:
    """Return what was read up to and a little beyond ``mark``.  Raises ProtocolError for too much without it, or a wrong ending."""
    while mark not in got:
        if len(got) > most:
            raise ProtocolError(WRONG_ANSWER, "no end")
        piece = await stream.read()
        if not piece:
            raise ProtocolError(WRONG_ANSWER if got else EOF, "closed")
        got += piece
    return got


def _status(head: bytes) -> int:
    found = _STATUS.match(head)
    if found is None:
        raise ProtocolError(WRONG_ANSWER, "no HTTP")
    return int(found[1])
