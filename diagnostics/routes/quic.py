"""A QUIC connection to a proxy, over our own datagrams: it goes wherever the run's network goes, and ends when it is cancelled.

Nothing runs in the background: whoever waits for something drives the connection, so that a server cannot send more than is read.
``aioquic`` is optional and imported when it is needed.  It has no word for a refusal that is not its own: what the system says of a
datagram (ICMP) arrives as OSError from ``Datagrams``.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from diagnostics.failures import FAILED_HANDSHAKE, INVALID_CERTIFICATE, RESET, TIMEOUT, UNKNOWN_AUTHORITY, WRONG_NAME, ProtocolError
from diagnostics.routes.tunnel import BAD_REPLY, TARGET_FAILED, ProxyRefusal
from diagnostics.streams import READ_SIZE, Datagrams, Stream

if TYPE_CHECKING:
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.connection import QuicConnection
    from aioquic.quic.events import QuicEvent

MAX_UNREAD: Final = 256 * 1024
"""Bytes that a server may send before anything of it is of use; a login takes five thousand."""

MAX_UNHEARD: Final = 64
"""Events kept for a listener that is not there yet: settings come together with the handshake's end."""

DATAGRAMS: Final = 65536
"""``max_datagram_frame_size``: Hysteria's servers refuse clients that take no datagrams."""

_TLS_ALERT: Final = 0x100  # RFC 9001, section 4.8: CRYPTO_ERROR and the alert's number
_CERTIFICATE_ALERTS: Final = frozenset({42, 43, 45, 46})
_NOT_YET, _EXPIRED, _NO_ISSUER, _OTHER_NAME = 9, 10, 20, 62  # OpenSSL's verify codes, which the library does not tell
_NO_ERRORS: Final = frozenset({0x0, 0x100})
"""Codes of a close without a fault: QUIC's and HTTP/3's."""

HOSTILE: Final = (ValueError, LookupError, AssertionError, ArithmeticError, RuntimeError, TypeError)
"""What the library's own checks may raise over a server's bytes, besides its orderly errors."""


def has_quic() -> bool:
    """Tell whether the optional library is there."""
    return importlib.util.find_spec("aioquic") is not None


class CertificateRefused(ProtocolError):  # noqa: N818 - the server's doing, not a defect
    """We do not take the server's certificate; ``verify_code`` is OpenSSL's number for the reason."""

    def __init__(self, reason: str) -> None:
        """Sort the library's ``reason``, which is not repeated: it has names in it."""
        text = reason.lower()
        kinds = {"not valid yet": _NOT_YET, "not yet valid": _NOT_YET, "no longer valid": _EXPIRED, "expired": _EXPIRED}
        self.verify_code = next((code for words, code in kinds.items() if words in text), _NO_ISSUER)
        if "doesn't match" in text or "verification" in text:
            self.verify_code = _OTHER_NAME
        failure = {_NO_ISSUER: UNKNOWN_AUTHORITY, _OTHER_NAME: WRONG_NAME}.get(self.verify_code, INVALID_CERTIFICATE)
        super().__init__(failure, "the certificate")


class Cover(Protocol):
    """What is laid over every datagram so that it does not look like QUIC."""

    def put(self, data: bytes) -> bytes:
        """Return a datagram as it goes out."""
        ...

    def off(self, data: bytes) -> bytes | None:
        """Return what is under a datagram, None for one that has no such cover."""
        ...


class QuicSession:
    """One connection; ``await until(...)`` drives it."""

    def __init__(self, flow: Datagrams, place: tuple[str, int], configuration: QuicConfiguration, cover: Cover | None = None) -> None:
        """Prepare; nothing is sent before ``handshake``."""
        logging.getLogger("quic").setLevel(logging.CRITICAL)  # its warnings repeat names that are the person's
        self._ended_here: list[int] = []
        self.quic = _connection(configuration, self._ended_here)
        self.raw_received = 0
        self._listener: Callable[[QuicEvent], None] | None = None
        self._unheard: list[QuicEvent] = []
        self._flow = flow
        self._place = place
        self._cover = cover
        self._loop = asyncio.get_running_loop()
        self._streams: dict[int, QuicStream] = {}
        self._over: OSError | None = None
        self._secure = False
        self._closed = False

    async def handshake(self) -> None:
        """Shake hands and verify the certificate.  Raises ProtocolError, OSError."""
        self.quic.connect(self._place, self._loop.time())
        await self.until(lambda: self._secure)

    async def until(self, ready: Callable[[], bool]) -> None:
        """Send and receive until ``ready()``.  Raises what ended the connection before."""
        while not ready():
            if self._over is not None:
                raise self._over
            await self._step()

    async def _step(self) -> None:
        await self.flush()
        await asyncio.sleep(0)  # datagrams that come without a pause must not keep the deadline from ringing
        timer = asyncio.timeout_at(self.quic.get_timer())
        try:
            async with timer:
                data = await self._flow.receive()
        except TimeoutError:
            if not timer.expired():
                raise
            self.quic.handle_timer(self._loop.time())
        else:
            self.raw_received += len(data)
            plain = self._cover.off(data) if self._cover else data
            if plain:
                self._take_in(plain)
        self._look()

    def _take_in(self, data: bytes) -> None:
        try:
            self.quic.receive_datagram(data, self._place, self._loop.time())
        except HOSTILE:
            raise ProxyRefusal(BAD_REPLY, "a datagram that the library chokes on") from None

    def _look(self) -> None:
        """Sort what has happened."""
        from aioquic.quic import events

        while (event := self.quic.next_event()) is not None:
            stream = self._streams.get(getattr(event, "stream_id", -1))
            if isinstance(event, events.HandshakeCompleted):
                self._secure = True
            elif isinstance(event, events.ConnectionTerminated):
                self._over = self._end(event.error_code, event.reason_phrase)
            elif stream is not None:
                stream.take(event)
            elif self._listener is not None:
                self._listener(event)
            elif len(self._unheard) < MAX_UNHEARD:
                self._unheard.append(event)

    def listen(self, listener: Callable[[QuicEvent], None]) -> None:
        """Tell ``listener`` everything that belongs to no stream opened here, and what of that came already."""
        self._listener = listener
        for event in self._unheard:
            listener(event)
        self._unheard.clear()

    def _end(self, code: int, reason: str) -> OSError:
        """Return what the end of the connection is called; ``reason`` is the library's or the server's word.

        What ends a secure connection was said by one of its two ends: nobody on the way can forge it, and it accuses nobody.  What
        the other side says before that may be forged, a complaint about a certificate too.
        """
        alert = code - _TLS_ALERT
        if "idle timeout" in reason.lower():
            return ProtocolError(TIMEOUT, "nothing came any more")
        if self._secure:
            return ProxyRefusal(TARGET_FAILED if code in _NO_ERRORS else BAD_REPLY, f"closed with code {code}", code=code)
        if alert in _CERTIFICATE_ALERTS and code in self._ended_here:
            return CertificateRefused(reason)
        return ProtocolError(FAILED_HANDSHAKE if 0 <= alert < 0x100 else RESET, f"closed with code {code}")

    async def flush(self) -> None:
        """Send what is due."""
        for data, _ in self.quic.datagrams_to_send(self._loop.time()):
            await self._flow.send(self._cover.put(data) if self._cover else data)

    def stream(self) -> QuicStream:
        """Return a new stream in both directions."""
        number = self.quic.get_next_available_stream_id()
        stream = QuicStream(self, number)
        self._streams[number] = stream
        return stream

    def close(self) -> None:
        """Say goodbye if that needs no waiting, and close; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self.quic.close()
        with contextlib.suppress(OSError, StopIteration):
            farewell = self.flush()
            try:
                farewell.send(None)
            finally:
                farewell.close()
        self._flow.close()


def _connection(configuration: QuicConfiguration, ended_here: list[int]) -> QuicConnection:
    """Return a connection that notes the codes with which it is ended on this side: the library's events do not tell the sides apart."""
    from aioquic.quic import connection

    class Noting(connection.QuicConnection):
        def close(self, error_code: int = 0, frame_type: int | None = None, reason_phrase: str = "") -> None:
            ended_here.append(error_code)
            super().close(error_code, frame_type, reason_phrase)

    return Noting(configuration=configuration)


class QuicStream(Stream):
    """One stream of a connection, which it closes: nothing else goes over it."""

    def __init__(self, session: QuicSession, number: int) -> None:
        """Speak over stream ``number``."""
        super().__init__()
        self._session = session
        self._number = number
        self._ready = bytearray()
        self._ended = False
        self._reset = False

    @property
    def raw_received(self) -> int:
        """Return the bytes that came in datagrams."""
        return self._session.raw_received

    def take(self, event: Any) -> None:  # noqa: ANN401 - the library's events have no common fields
        """Keep what an event brings; the session hands them in."""
        self._ready += getattr(event, "data", b"")
        self._reset |= type(event).__name__ == "StreamReset"
        self._ended |= bool(getattr(event, "end_stream", False))

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return what has arrived, or ``b""`` at the end."""
        await self._session.until(lambda: bool(self._ready) or self._ended or self._reset)
        if not self._ready and self._reset:
            raise ProtocolError(RESET, "the stream was reset")
        data = bytes(self._ready[:limit])
        del self._ready[:limit]
        self.received += len(data)
        return data

    async def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        try:
            self._session.quic.send_stream_data(self._number, data)
        except HOSTILE:
            raise ProtocolError(RESET, "the stream is over") from None
        self.sent += len(data)
        await self._session.flush()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()
