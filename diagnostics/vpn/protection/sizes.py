"""Do large packets pass?  A tunnel has less room than the line below it, and one that hides this swallows every full packet.

The same secure page is asked for with ordinary segments and with small ones (TCP's own option, agreed on when a connection begins):
where the first stops in the middle and the second comes through, again and again, size is the only difference.  The server's certificate
fills whole segments on the way here, the request, which is padded, on the way there.

Detail of a ``vpn`` step with stage ``mtu``: ``service`` (id of the control), ``segment`` (ordinary | small), ``round`` (0, 1), ``part``
(connect | handshake | answer | done: how far it came) and, on Linux, ``path_mtu`` (bytes that the system believes to fit).

Where segments cannot be made small (Windows) nothing is compared.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any, Final

from diagnostics.controls import chosen_secure
from diagnostics.failures import DEATHS, NO_ANSWER, ProtocolError
from diagnostics.model import Control, Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import GETADDRINFO_WAIT
from diagnostics.probes.http import SERVER_WORK, HttpConnection
from diagnostics.probes.pacing import patiently
from diagnostics.streams import SocketStream

ROUNDS: Final = 2

SMALL: Final = 1000
"""Bytes of a small segment: its packet fits wherever IPv6 may be used (1280 bytes), and the first message of TLS still goes in one."""

PADDING: Final = 3000
"""Bytes that a request is filled up with: two whole segments, and less than servers take in headers."""

_IP_MTU: Final = 14
"""getsockopt of a connected socket, <linux/in.h>; Python has no name for it."""


def can_be_small() -> bool:
    """Tell whether this system lets a program choose its segments."""
    return hasattr(socket, "TCP_MAXSEG") and sys.platform != "win32"


async def measure_sizes(context: Context) -> None:
    """Ask two pages of different operators; small segments only where ordinary ones failed."""
    await asyncio.gather(*(_compare(context, control) for control in chosen_secure(context.controls)))


async def _compare(context: Context, control: Control) -> None:
    try:
        resolving = context.network.resolve(control.host, socket.AF_INET)
        addresses = await patiently(resolving, lambda: context.patience.wait(extra=GETADDRINFO_WAIT))
    except OSError:
        return  # names are another check's matter
    for number in range(ROUNDS):
        failed = await _ask(context, control, addresses, "ordinary", number)
        if failed not in DEATHS or not can_be_small():
            return
        await _ask(context, control, addresses, "small", number)


async def _ask(context: Context, control: Control, addresses: list[str], segment: str, number: int) -> str | None:
    """Ask for the page once; the failure that ended it, or None."""
    with context.trace.step(Step.VPN) as step:
        step.detail = {"stage": "mtu", "service": control.id, "segment": segment, "round": number, "part": "connect"}
        await context.trusting()
        if not addresses:
            raise ProtocolError(NO_ANSWER, "no address")
        fetching = _fetch(context, control, addresses[0], step.detail)
        await patiently(fetching, lambda: context.patience.wait(extra=SERVER_WORK))
    return step.done.failure


async def _fetch(context: Context, control: Control, address: str, detail: dict[str, Any]) -> None:
    async with await _connect(address, control.port, small=detail["segment"] == "small", detail=detail) as stream:
        detail["part"] = "handshake"
        secured = await context.network.start_tls(stream, context.network.trust.public, control.host)
        detail["part"] = "answer"
        padding = (("Cookie", "size=" + "0" * PADDING),)
        await HttpConnection(secured).request("GET", control.host, control.path, headers=padding)
        detail["part"] = "done"


async def _connect(address: str, port: int, *, small: bool, detail: dict[str, Any]) -> SocketStream:
    """Return a TCP connection with segments of a chosen size; the system's routes decide where it goes."""
    sock, made = socket.socket(socket.AF_INET, socket.SOCK_STREAM), False
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if small:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
        if sys.platform == "linux":
            detail["path_mtu"] = sock.getsockopt(socket.IPPROTO_IP, _IP_MTU)
        made = True
        return SocketStream(sock)
    finally:
        if not made:
            sock.close()
