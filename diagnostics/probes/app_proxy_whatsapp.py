"""WhatsApp's proxy: several ports, each passed on to one of WhatsApp's own (WhatsApp/proxy a216b93, proxy_config.cfg).

Chat: 443 (TLS that the proxy itself ends, with a certificate that it signed), 5222 and 80 (raw).  Pictures: 587 and 7777, raw to
whatsapp.net:443, so that a valid certificate of WhatsApp proves the whole way.  A port that was typed is tried first; every port other
than 443 is raw, as in the app.  The page of numbers on 8199 is the operator's business and is never asked for.

WhatsApp's own opening (Noise, as third-party clients send it) is experimental: where nothing answers it, a chat port counts as alive
as long as it does not hang up.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from typing import Final

from diagnostics.failures import TIMEOUT, WRONG_ANSWER, ProtocolError
from diagnostics.model import Fact, Observation, Step
from diagnostics.probes.app_proxy import Door
from diagnostics.probes.pacing import patiently
from diagnostics.probes.tls import certificate_facts, reasons_of
from diagnostics.routes.mtproxy import sounds_like
from diagnostics.routes.tunnel import WRONG_PROTOCOL, ProxyRefusal, Reader
from diagnostics.streams import Stream, TlsStream

CHAT_PORTS: Final = (443, 5222, 80)
MEDIA_PORTS: Final = (587, 7777)
FRONT: Final = "whatsapp.net"
HOLD: Final = 4.0
"""Seconds that a chat port has to stay open: the proxy's HAProxy gives up a dead server after three tries one second apart."""

OPENING: Final = bytes.fromhex("5741060300002412220a20")
"""Header ("WA", version 6.3), length 36, and a protobuf ClientHello whose 32-byte key follows (whatsmeow's socket, 2026-11)."""

KEY: Final = 32
MOST_FRAME: Final = 4096
_SERVER_HELLO: Final = 0x1A
"""The field of a protobuf handshake message in which a server says hello."""

_MOST_SILENT: Final = 2
"""Silent ports after which no more are knocked at: the computer itself does not answer."""

_TLS_PORT: Final = 443


class _Port(Fact, frozen=True):
    number: int
    shown: int  # 0 for a port that somebody typed: it stays out of reports


async def measure_whatsapp(door: Door, target: str | None) -> None:
    """Knock at the chat's ports and at those of pictures, side by side, each until one is alive."""
    link = door.link
    typed = link.option("media")
    chat = _ports(link.port, CHAT_PORTS)
    media = _ports(int(typed) if typed else MEDIA_PORTS[0], MEDIA_PORTS)
    await asyncio.gather(_chat(door, chat), _media(door, media, target))


def _ports(first: int, usual: tuple[int, ...]) -> list[_Port]:
    return [_Port(number=port, shown=port if port in usual else 0) for port in dict.fromkeys((first, *usual))]


async def _chat(door: Door, ports: list[_Port]) -> None:
    silent = 0
    for port in ports:
        alive, failure = await _ask_chat(door, port, ask=True)
        if not alive and failure not in _DECIDED:
            alive, failure = await _ask_chat(door, port, ask=False)  # it may only dislike our opening
        silent += failure == TIMEOUT
        if alive or silent == _MOST_SILENT:
            return


_DECIDED: Final = ("connect", TIMEOUT, WRONG_PROTOCOL, WRONG_ANSWER)
"""What a second look without our opening would not change: no connection, or an answer that is not WhatsApp's."""


async def _ask_chat(door: Door, port: _Port, *, ask: bool) -> tuple[bool, str | None]:
    """Tell whether a chat port is alive, else why not: "connect" for a connection that was not made, TIMEOUT if it stayed silent."""
    facts = {"door": "chat", "port": port.shown}
    async with door.opened(port.number, **facts) as (stream, connected):
        if stream is None:
            return False, TIMEOUT if connected.failure == TIMEOUT else "connect"
        inside: Stream | None = stream
        if port.number == _TLS_PORT:
            # its certificate proves nothing, by design: what is said inside is the opening that anybody may read
            inside, _ = await door.secured(stream, door.context.network.trust.inspecting, None, **facts)
        if inside is None:
            return False, "secure"
        with door.context.trace.step(Step.PROXY) as step:
            step.detail = {"stage": "chat", "kind": str(door.link.kind), **facts, "asked": ask, "noise": False, "held": False}
            try:
                if ask:
                    await inside.write(OPENING + secrets.token_bytes(KEY))
                await patiently(_hello(inside), lambda: HOLD)
                step.detail["noise"] = True
            except TimeoutError:
                step.detail["held"] = True
            except ProxyRefusal as refusal:
                step.detail |= refusal.facts
                raise
            finally:
                step.detail["received"] = inside.received
    return step.done.failure is None, step.done.failure


async def _hello(stream: Stream) -> None:
    """Wait for the hello of a server.  Raises ProxyRefusal, ProtocolError, EOFError, OSError."""
    reader = Reader(stream)
    head = await reader.exactly(4)
    if speaks := sounds_like(head):
        raise ProxyRefusal(WRONG_PROTOCOL, "another protocol", speaks=speaks)
    length = int.from_bytes(head[:3])
    if not KEY < length <= MOST_FRAME or head[3] != _SERVER_HELLO:
        raise ProtocolError(WRONG_ANSWER, "no hello")
    await reader.exactly(length - 1)


async def _media(door: Door, ports: list[_Port], target: str | None) -> None:
    """Shake hands with WhatsApp through the ports of pictures; the judge looks at whose certificate came."""
    await door.context.trusting()
    silent = 0
    for number, port in enumerate(ports):
        async with door.opened(port.number, door="media", port=port.shown) as (stream, connected):
            silent += connected.failure == TIMEOUT
            if stream is not None:
                shaken = await _shake_front(door, stream, target, "repeat" if number else "target")
                if shaken.failure is None:
                    return
        if silent == _MOST_SILENT:
            return


async def _shake_front(door: Door, stream: Stream, target: str | None, purpose: str) -> Observation:
    """Shake hands as with whatsapp.net; of a certificate only WhatsApp's own names are kept, since any other may name the proxy."""
    session = TlsStream(stream, door.context.network.trust.nameless(None), server_name=FRONT)
    with door.context.trace.step(Step.TLS, target=target, host=FRONT) as step:
        step.detail = {"port": _TLS_PORT, "server_name": FRONT, "purpose": purpose}
        try:
            await patiently(session.handshake(), door.wait)
            der = session.tls.getpeercert(binary_form=True)
            found = certificate_facts(der).get("names", []) if der else []
            names = [name for name in found if name == FRONT or name.endswith(f".{FRONT}")]
            step.detail |= {"version": session.tls.version(), "certificate": {"names": names}}
        except ssl.SSLError as error:
            step.detail |= reasons_of(error)
            raise
        finally:
            step.detail["received"] = stream.received
    return step.done
