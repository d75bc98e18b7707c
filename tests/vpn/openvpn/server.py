"""A small OpenVPN server for the tests: its side of the control channel on loopback, and whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import struct
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from functools import cache
from pathlib import Path
from typing import cast

from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.routes.link import Link
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.vpn.measure import measure_profile
from diagnostics.vpn.openvpn.crypt import Plain, TlsAuth, TlsCrypt, Wrapping
from diagnostics.vpn.openvpn.packets import NUMBER, Opcode, parse
from diagnostics.vpn.openvpn.profile import OpenVpnProfile, with_login
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Consent, read_profile
from tests.vpn.openvpn.papers import CLIENT_AUTH, Issuer, Paper
from tests.vpn.tor.relay import Conduct, Outcome, Reader, Writer, judged

HERE = "127.0.0.1"
AGAIN = 0.03
"""Seconds after which the server sends again what nobody acknowledged."""

KEY = bytes(range(256))
KEY_TEXT = f"-----BEGIN OpenVPN Static key V1-----\n{KEY.hex()}\n-----END OpenVPN Static key V1-----\n"
PUSHED = b"PUSH_REPLY,route 10.1.0.0 255.255.0.0,dhcp-option DNS 10.1.0.1,redirect-gateway def1,protocol-flags cc-exit\0"


@cache
def issuer() -> Issuer:
    """Return the authority of the tests."""
    return Issuer()


@cache
def own() -> Paper:
    """Return the person's certificate."""
    return issuer().issue("client-1", CLIENT_AUTH)


@cache
def servers_paper() -> Paper:
    """Return the server's certificate."""
    return issuer().issue("server-1")


def profile_text(port: int, *lines: str, ca: str = "", transport: str = "udp") -> str:
    """Return a profile for a server on loopback."""
    start = ("client", "dev tun", f"remote {HERE} {port} {transport}", "remote-cert-tls server", *lines)
    return "\n".join((*start, f"<ca>\n{ca or issuer().root}</ca>", f"<cert>\n{own().certificate}</cert>", f"<key>\n{own().key}</key>", ""))


def wrapping(kind: str) -> Wrapping:
    """Return the server's side of a way to protect packets; ``KEY`` is everybody's."""
    turned = KEY[128:] + KEY[:128]
    clock = lambda: 1.8e9  # noqa: E731 - any time will do
    return {"plain": Plain(clock), "tls-auth": TlsAuth(KEY, 0, "sha256", clock), "tls-crypt": TlsCrypt(turned, clock)}[kind]


@cache
def tls_context(paper: Paper) -> ssl.SSLContext:
    """Return the server's TLS with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.pem"
        path.write_text(paper.certificate + paper.key)
        context.load_cert_chain(path)
    return context


class Server:
    """One session, without input or output."""

    def __init__(self, kind: str = "plain", paper: Paper | None = None, answers: Iterable[bytes] = (PUSHED,), chunk: int = 600) -> None:
        """Speak as ``kind``, show ``paper``, and answer the exchange of keys with some records."""
        self._wrapping, self._chunk = wrapping(kind), chunk
        self._sid, self._peer = os.urandom(8), b""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls_context(paper or servers_paper()).wrap_bio(self._in, self._out, server_side=True)
        self._expected, self._next, self._early = 1, 1, dict[int, bytes]()
        self._unacked: dict[int, bytes] = {}
        self._answers = [b"\0\0\0\0\2" + bytes(70), *answers]
        self.heard: list[bytes] = []
        """What the client said inside TLS."""
        self.resets = 0

    def take(self, wire: bytes) -> list[bytes]:
        """Return the packets that answer one of the client's."""
        packet = parse(*self._wrapping.unwrap(wire))
        self._peer = packet.session
        for number in packet.acks:
            self._unacked.pop(number, None)
        if packet.opcode == Opcode.RESET_CLIENT:
            self.resets += 1
            return [self._packet(Opcode.RESET_SERVER, NUMBER.pack(0), 0)]
        if packet.number is None:
            return []
        self._early[packet.number] = packet.data
        while self._expected in self._early:
            self._in.write(self._early.pop(self._expected))
            self._expected += 1
        self._advance()
        return [self._packet(Opcode.ACK, b"", packet.number), *self.repeated()]

    def repeated(self) -> list[bytes]:
        """Return the packets that nobody acknowledged yet."""
        return [self._packet(Opcode.CONTROL, NUMBER.pack(n) + data) for n, data in self._unacked.items()]

    def _advance(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
            while True:
                self.heard.append(self._tls.read(16384))
                while self._answers:
                    self._tls.write(self._answers.pop(0))
                    self._flush()
        self._flush()

    def _flush(self) -> None:
        data = self._out.read()
        for at in range(0, len(data), self._chunk):
            self._unacked[self._next] = data[at : at + self._chunk]
            self._next += 1

    def _packet(self, opcode: Opcode, rest: bytes, *acks: int) -> bytes:
        told = bytes([len(acks)]) + b"".join(NUMBER.pack(each) for each in acks) + (self._peer if acks else b"")
        return self._wrapping.wrap(bytes([opcode << 3]) + self._sid, told + rest)


Way = Callable[[int, bytes], list[bytes]]
"""What becomes of the packet with a number on its way back: itself, nothing, or others."""


@contextlib.asynccontextmanager
async def over_udp(server: Server, back: Way = lambda _number, wire: [wire]) -> AsyncIterator[int]:
    """Serve over UDP and return the port; ``back`` may lose, double, or add to what is sent."""

    class Serving(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.sent = 0
            self.peer = (HERE, 0)
            self.timer = asyncio.get_running_loop().call_later(AGAIN, lambda: None)

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            self.peer = addr
            self.send(server.take(data))
            self.timer.cancel()
            self.timer = asyncio.get_running_loop().call_later(AGAIN, self.again)

        def again(self) -> None:
            self.send(server.repeated())
            self.timer = asyncio.get_running_loop().call_later(AGAIN, self.again)

        def send(self, wires: Iterable[bytes]) -> None:
            for wire in wires:
                self.sent += 1
                for each in back(self.sent, wire):
                    self.transport.sendto(each, self.peer)

    transport, serving = await asyncio.get_running_loop().create_datagram_endpoint(Serving, local_addr=(HERE, 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        serving.timer.cancel()
        transport.close()


def framed(server: Server) -> Conduct:
    """Return the conduct of a server that speaks OpenVPN over TCP."""

    async def conduct(reader: Reader, writer: Writer) -> None:
        while True:
            size = struct.unpack("!H", await reader.readexactly(2))[0]
            for wire in server.take(await reader.readexactly(size)):
                writer.write(struct.pack("!H", len(wire)) + wire)
            await writer.drain()

    return conduct


async def examined(text: str, *, login: bool = False, proxies: tuple[Link, ...] = ()) -> Outcome:
    """Measure a profile with the engine's own probe, and judge it."""
    profile = read_profile(text)
    if login and isinstance(profile, OpenVpnProfile) and profile.asks_login:
        profile = with_login(profile, "ana", "secreto")
    trace = Trace()
    context = Context(RealNetwork(Trust()), trace, (), ())
    async with context.settled():
        probing = Probing(context, profile, Consent(login=login), proxies)
        probing.context.patience.saw(0.001)
        await measure_profile(probing)
    await asyncio.sleep(0)  # a turn for the line that was closed last
    return judged(profile, [o for o in trace.observations if "stage" in o.detail])
