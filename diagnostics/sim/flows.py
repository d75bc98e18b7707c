"""The far side of every simulated TCP connection: the censor first, then the server that lives at the address."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import socket
from collections.abc import Callable

import h11

from diagnostics import clienthello
from diagnostics.model import Fact
from diagnostics.sim import mtproto_server, web_server
from diagnostics.sim.behaviour import Certificate, Http, Serves, Tls
from diagnostics.sim.censor import Censor, FirstFlight
from diagnostics.sim.certificates import Authority
from diagnostics.sim.dns_server import Names, message_of_get, serve_stream
from diagnostics.sim.scenario import CensorRule, Portal
from diagnostics.sim.web_server import Reply, Request
from diagnostics.sim.wire import Line, Shape, Wire
from diagnostics.sim.world import HTTP_PORT, Host, Kind, World
from diagnostics.streams import TlsStream

CHAIN = 3
"""Redirects of a chain before its page."""

_HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"  # a fatal alert, description 40 (RFC 8446 section 6.2)
_ERRORS_OF_CLIENTS = (OSError, EOFError, h11.ProtocolError)
"""What a flow may end with: the client left, refused the certificate, or spoke another protocol."""


class Dialled(Fact, frozen=True):
    """What a program dialled."""

    address: str
    port: int
    line: Line
    seed: str
    reset: bool = False  # the connection is accepted and then reset

    def __str__(self) -> str:
        """Name the flow, for the censor's log."""
        return f"tcp {self.address} {self.port}"


class Parts(Fact, frozen=True):
    """What the flows of one simulation share."""

    world: World
    censor: Censor
    authority: Authority
    names: Names
    portal: Portal | None
    clock: Callable[[], float]  # the world's, seconds since 1970


async def serve_flow(sock: socket.socket, dialled: Dialled, parts: Parts) -> None:
    """Serve one accepted connection until either side ends it; the socket is closed in the end."""
    wire = Wire(sock, dialled.line, random.Random(dialled.seed))  # noqa: S311 - a simulation of chance, not a secret
    sender = asyncio.create_task(wire.run())
    try:
        with contextlib.suppress(*_ERRORS_OF_CLIENTS):
            await _Flow(wire, dialled, parts).serve()
        await wire.finish()
        await sender
        with contextlib.suppress(OSError):
            await wire.swallow()  # closing with bytes unread would send a reset after the farewell
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        wire.close()


class _Flow:
    """One connection."""

    def __init__(self, wire: Wire, dialled: Dialled, parts: Parts) -> None:
        self._wire, self._dialled, self._parts = wire, dialled, parts
        self._flow = str(dialled)

    async def serve(self) -> None:
        """Act as whoever answers at the dialled address."""
        dialled, parts = self._dialled, self._parts
        if parts.portal:
            await web_server.serve(self._wire, self._portal_page, parts.clock)
            return
        if dialled.reset:
            self._wire.come_near()
            await self._wire.reset()
            return
        if parts.censor.takes_over(dialled.address, dialled.port) and dialled.port == HTTP_PORT:
            await web_server.serve(self._wire, self._clear_page, parts.clock)
            return
        kind = parts.world.kind(dialled.address, dialled.port)
        if kind in (Kind.TLS, Kind.DOT):
            await self._serve_tls(kind)
        elif kind is Kind.CLEAR:
            await web_server.serve(self._wire, self._clear_page, parts.clock)
        elif kind is Kind.DNS:
            await serve_stream(self._wire, parts.names, self._flow, dialled.address)
        elif kind is Kind.MTPROTO:
            await mtproto_server.serve(self._wire, parts.censor.on_first_bytes, dialled.address, dialled.port)
        else:
            await self._wire.swallow()

    def _host_here(self, name: str | None) -> Host | None:
        """Return the host of that name if it lives at the dialled address, else the first that does."""
        host = self._parts.world.find(name) if name else None
        if host and self._dialled.address in host.addresses:
            return host
        return self._parts.world.first_at(self._dialled.address)

    # --- TLS ---------------------------------------------------------------------------------------

    async def _serve_tls(self, kind: Kind) -> None:
        packets: list[bytes] = []
        while clienthello.needs_more(b"".join(packets)) and (data := await self._wire.read()):
            packets.append(data)
        hello = FirstFlight(packets)
        if not hello.is_hello:
            return  # not TLS: an honest server closes
        rule = self._parts.censor.on_hello(self._flow, hello, self._dialled.address, self._dialled.port)
        if rule:
            self._wire.come_near()
        if rule and rule.tls is not Tls.INTERCEPT:
            await self._cut(rule)
            return
        host = self._host_here(hello.server_name)
        if host is None:
            return
        if rule:
            names = (hello.server_name or self._dialled.address,)
            context = self._parts.authority.context(names, Certificate.OTHER_CA, rule.issuer)
        else:
            context = self._parts.authority.context(host.names, host.site.certificate, host.site.issuer)
        self._shape(hello.server_name)
        self._wire.unread(hello.bytes)
        stream = TlsStream(self._wire, context, server=True)
        await stream.handshake()
        if kind is Kind.DOT:
            await serve_stream(stream, self._parts.names, self._flow, None)
        else:
            await web_server.serve(stream, functools.partial(self._secure_page, host), self._parts.clock)

    def _shape(self, name: str | None) -> None:
        """Let the censor slow, freeze or cut what the server sends from now on."""
        rule = self._parts.censor.on_bytes(self._flow, name, self._dialled.address, self._dialled.port)
        if rule:
            self._wire.shape(Shape(rate=(rule.rate_kib or 0.0) * 1024, freeze_after=rule.freeze_after, cut_after=rule.cut_after))

    async def _cut(self, rule: CensorRule) -> None:
        """Answer in place of the server; returning says farewell."""
        if rule.tls is Tls.RESET:
            await self._wire.reset()
        elif rule.tls is Tls.ALERT:
            await self._wire.write(_HANDSHAKE_FAILURE)
        elif rule.tls is Tls.SILENCE:
            await self._wire.swallow()

    # --- HTTP --------------------------------------------------------------------------------------

    async def _secure_page(self, host: Host, request: Request) -> Reply:
        if host.doh_path is not None and request.path == host.doh_path:
            return self._doh(request)
        return self._page(self._host_here(request.host) or host, request)

    def _doh(self, request: Request) -> Reply:
        message = request.body if request.method == "POST" else message_of_get(request.target)
        answers = self._parts.names.answers(message, self._flow, None) if message else []
        if not answers:
            return web_server.plain(400, "bad request")
        return Reply(body=answers[0].wire, content_type="application/dns-message")

    async def _clear_page(self, request: Request) -> Reply | None:
        dialled = self._dialled
        rule = self._parts.censor.on_request(self._flow, request.host, dialled.address, dialled.port)
        if rule:
            return await self._blocked(rule)
        self._shape(request.host)
        host = self._host_here(request.host)
        if host is None:
            return None
        if host.site.clear or (dialled.port, request.path) in host.pages:
            return self._page(host, request)
        return web_server.redirect(301, f"https://{request.host or host.name}{request.target}")

    async def _blocked(self, rule: CensorRule) -> Reply | None:
        self._wire.come_near()
        if rule.http is Http.REDIRECT:
            return web_server.redirect(302, rule.location)
        if rule.http is Http.BLOCK_PAGE:
            return web_server.notice(rule.page_status, rule.page_title, rule.page_body)
        if rule.http is Http.RESET:
            await self._wire.reset()
        return None

    def _page(self, host: Host, request: Request) -> Reply:
        if host.site.redirect_to:
            return web_server.redirect(302, host.site.redirect_to)
        if host.site.serves is Serves.REDIRECT_CHAIN and (step := web_server.step_of(request) + 1) <= CHAIN:
            return web_server.redirect(303, f"/{step}")
        page = host.pages.get((self._dialled.port, request.path))
        if page is None or page.status is None:
            return web_server.page_of(host.name, host.site, host.page_bytes)
        return web_server.plain(page.status, page.body)

    async def _portal_page(self, request: Request) -> Reply:
        portal = self._parts.portal
        if portal and request.host == portal.host:
            return web_server.notice(200, portal.page_title, portal.page_body)
        return web_server.redirect(302, f"http://{portal.host}/" if portal else "/")
