"""Can anything leave beside the tunnel?  Asked only of whoever read what this does: it leaves the tunnel on purpose.

A few datagrams without content are tied to the line's own interface and made to die at the first routers (a time to live of 1 to 3).
A router's word that one died there shows that it left this computer; a refusal of this computer shows a filter that held it.  Silence
shows neither: many routers say nothing, and some filters do not, either.

One ``vpn`` step a family.  Detail: ``stage`` "kill_switch", ``available`` (this system can do it), ``family`` (ipv4 | ipv6), ``vpn`` (some
traffic goes through a tunnel now), ``tries`` datagrams made, ``denied`` of them that this computer's own filter refused, ``answers`` of
different datagrams that a router saw.  No router's address is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Final

from diagnostics.daemon import daemon_call
from diagnostics.model import Step
from diagnostics.probes.context import Context
from diagnostics.trace import StepRecord
from diagnostics.vpn.outside.binding import BindingError, bind
from diagnostics.vpn.outside.interfaces import PLACES, PLACES6, Physical, devices_now, owners

HOPS: Final = (1, 2, 3)
"""Times to live, so that nothing passes the person's own first routers."""

NOWHERE: Final = "192.0.2.1"
NOWHERE6: Final = "2001:db8::1"
"""Documentation addresses (RFC 5737, RFC 3849): nobody lives there, and no datagram gets far enough to ask."""

FIRST_PORT: Final = 33434
"""As traceroute's; the port tells which datagram an answer is about."""

WAIT: Final = 1.5
"""Seconds to wait for the routers' answers to one round."""

ROUNDS: Final = 2
"""A second round only where the first brought a single answer: two are certain."""

IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
MSG_ERRQUEUE: Final = 0x2000
"""Linux: linux/in.h, linux/in6.h, linux/socket.h."""

_ERROR: Final = struct.Struct("=IBBBBII")
"""struct sock_extended_err of linux/errqueue.h: errno, origin, type, code, padding, info, data; the offender's address follows."""

_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
_FROM_ROUTERS: Final = frozenset({(2, 11, 0), (2, 3, 0), (2, 3, 1), (3, 3, 0), (3, 1, 0), (3, 1, 3)})
"""(origin, type, code) that the first routers send: time exceeded, and network or host unreachable where they know no further way.
"Port unreachable" and "prohibited" are what filters answer, this computer's own among them."""

_DENIED: Final = frozenset({errno.EPERM, errno.EACCES})
"""What a local filter, or a route that prohibits, makes of a datagram."""


async def probe_kill_switch(context: Context, physical: Physical) -> None:
    """Try to leave by ``physical``, once a family that has a way there."""
    if sys.platform != "linux":
        with context.trace.step(Step.VPN) as step:
            step.detail = {"stage": "kill_switch", "available": False}
        return
    own = await daemon_call(owners)
    for family, wanted, nowhere, places in (
        (socket.AF_INET, physical.four, NOWHERE, PLACES),
        (socket.AF_INET6, physical.six, NOWHERE6, PLACES6),
    ):
        if wanted:
            devices = await daemon_call(devices_now, places)
            with context.trace.step(Step.VPN) as step:
                vpn = any(device not in ("", physical.name) for device in devices)
                name = "ipv4" if family is socket.AF_INET else "ipv6"
                step.detail = {"stage": "kill_switch", "available": True, "family": name, "vpn": vpn, "tries": 0, "denied": 0, "answers": 0}
                await _rounds(step, physical, family, nowhere, frozenset(own))


async def _rounds(step: StepRecord, physical: Physical, family: socket.AddressFamily, nowhere: str, own: frozenset[str]) -> None:
    """Send rounds until enough is known; an interface that cannot be bound to is recorded as not available."""
    heard: set[int] = set()
    for number in range(ROUNDS):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                bind(sock, physical)
            except BindingError:
                step.detail["available"] = False
                return
            _ask_for_errors(sock)
            sent = _send(sock, step, nowhere, FIRST_PORT + number * len(HOPS))
            if sent:
                await _listen(sock, sent, own, heard)
        step.detail["answers"] = len(heard)
        if len(heard) != 1:
            return


def _ask_for_errors(sock: socket.socket) -> None:
    if sock.family is socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def _send(sock: socket.socket, step: StepRecord, nowhere: str, first_port: int) -> int:
    """Send one datagram a time to live and return how many left this computer; an earlier one's error is not taken for a later one's."""
    sent = 0
    for port, hops in enumerate(HOPS, first_port):
        if sock.family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
        step.detail["tries"] += 1
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            sock.sendto(b"\0", (nowhere, port))
        except OSError as error:
            step.detail["denied"] += error.errno in _DENIED
        else:
            sent += 1
    return sent


async def _listen(sock: socket.socket, enough: int, own: frozenset[str], heard: set[int]) -> None:
    """Note the ports of the datagrams that routers answered, until all did or the time is over."""
    loop, changed, before = asyncio.get_running_loop(), asyncio.Event(), len(heard)

    def on_error() -> None:
        heard.update(_answered(sock, own))
        changed.set()

    loop.add_reader(sock, on_error)  # the loop is woken for errors, too (EPOLLERR)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT):
                while len(heard) - before < enough:
                    await changed.wait()
                    changed.clear()
    finally:
        loop.remove_reader(sock)


def _answered(sock: socket.socket, own: frozenset[str]) -> Iterator[int]:
    """Yield the ports of the datagrams that routers answered, as far as answers have come."""
    for _ in range(64):  # a flood must not keep everybody else waiting
        try:
            _, ancillary, _, peer = sock.recvmsg(64, 512, MSG_ERRQUEUE)
        except OSError:
            break
        if any(_is_router(data, own) for level, kind, data in ancillary if (level, kind) in _ERROR_KINDS):
            yield int(peer[1])
    with contextlib.suppress(OSError):  # what else woke us: a datagram, or an error without an entry in the queue
        sock.recv(64)
    sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


_ERROR_KINDS: Final = frozenset({(int(socket.IPPROTO_IP), IP_RECVERR), (int(socket.IPPROTO_IPV6), IPV6_RECVERR)})


def _is_router(data: bytes, own: frozenset[str]) -> bool:
    """Tell whether an error was sent by a router, and not made by this computer itself (which is what its own filters do)."""
    if len(data) < _ERROR.size:
        return False
    _, origin, kind, code, *_ = _ERROR.unpack_from(data)
    if (origin, kind, code) not in _FROM_ROUTERS:
        return False
    offender = offender_of(data[_ERROR.size :], six=origin == _ORIGIN_ICMP6)
    return offender is not None and offender not in own


def offender_of(address: bytes, *, six: bool) -> str | None:
    """Return the address in the bytes of a sockaddr_in or sockaddr_in6, or None if there are too few."""
    start, length = (8, 16) if six else (4, 4)
    if len(address) < start + length:
        return None
    return socket.inet_ntop(socket.AF_INET6 if six else socket.AF_INET, address[start : start + length])
