"""Does a data centre of Telegram answer?  The first question of its own protocol, which needs no account and no secret.

``req_pq_multi`` opens the making of a key; whoever answers ``resPQ`` with our nonce has read our bytes and speaks MTProto
(core.telegram.org/mtproto/auth_key, .../mtproto-transports: "intermediate").  It proves more than a connection does: a
filter that cuts after the first bytes lets every connection be made.

Detail of an ``mtproto`` observation::

    port
    purpose       target | repeat
    answered      a resPQ to our question came
    received      bytes of the peer before the end: 0 means that nothing came back at all
    error_code    what the data centre answered instead, if it was its error number (404 is 404)
    speaks        over a proxy of Telegram's own: which other protocol answered instead, if one was heard
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Callable
from typing import Final

import msgspec

from diagnostics.failures import WRONG_ANSWER, ProtocolError
from diagnostics.model import Observation, Step
from diagnostics.probes.context import Context
from diagnostics.probes.place import Asking
from diagnostics.streams import Stream

INTERMEDIATE: Final = b"\xee\xee\xee\xee"
REQ_PQ_MULTI: Final = 0xBE7E8EF1
RES_PQ: Final = 0x05162463
NONCE: Final = 16
MAX_FRAME: Final = 4096
"""Bytes; a resPQ has some 100."""

KERNEL_REPEATS: Final = 0.6
"""Seconds added to the wait: a lost packet is sent again after 0.2 to 0.4 s, and its repetition again."""

_LENGTH: Final = struct.Struct("<I")
_ENVELOPE: Final = struct.Struct("<QQI")  # no key yet, message id, length
_CONSTRUCTOR: Final = struct.Struct("<I")
_ERROR: Final = struct.Struct("<i")


def new_nonce() -> bytes:
    """Return the random number that the answer must repeat."""
    return secrets.token_bytes(NONCE)


def question(nonce: bytes, now: float, opening: bytes = INTERMEDIATE) -> bytes:
    """Return the opening of a connection with our question; ``now`` is this computer's clock, which numbers messages."""
    body = _CONSTRUCTOR.pack(REQ_PQ_MULTI) + nonce
    message = _ENVELOPE.pack(0, (int(now) << 32) & 0xFFFF_FFFF_FFFF_FFFC, len(body)) + body
    return opening + _LENGTH.pack(len(message)) + message


def is_answer(frame: bytes, nonce: bytes) -> bool:
    """Tell whether a frame holds a resPQ with our nonce, and with the server's own behind it."""
    body = frame[_ENVELOPE.size :]
    if len(body) < _CONSTRUCTOR.size + 2 * NONCE:
        return False
    key, _, length = _ENVELOPE.unpack_from(frame)
    (constructor,) = _CONSTRUCTOR.unpack_from(body)
    return key == 0 and length <= len(body) and constructor == RES_PQ and body[4 : 4 + NONCE] == nonce


def error_code(frame: bytes) -> int | None:
    """Return the number with which a data centre refuses a connection, or None for any other frame; random bytes may follow."""
    code = int(_ERROR.unpack_from(frame)[0]) if _ERROR.size <= len(frame) < _ENVELOPE.size else 0
    return -code if -1000 < code < 0 else None


class Veil(msgspec.Struct, frozen=True):
    """What differs behind one of Telegram's own proxies.

    ``opening`` of the connection, seconds that an answer takes ``longer``, which other protocol was ``heard``.
    """

    opening: bytes = INTERMEDIATE
    longer: float = 0.0
    heard: Callable[[], str] = str


OPEN: Final = Veil()


async def ask_mtproto(context: Context, stream: Stream, host: str | None, port: int, asking: Asking, veil: Veil = OPEN) -> Observation:
    """Ask over an open connection and record the answer."""
    nonce = new_nonce()
    with context.trace.step(Step.MTPROTO, target=asking.target, host=host, address=asking.address) as step:
        step.detail = {"port": port, "purpose": asking.purpose, "answered": False}
        try:
            async with asyncio.timeout(context.patience.wait(extra=KERNEL_REPEATS + veil.longer)):
                await stream.write(question(nonce, context.network.clock(), veil.opening))
                frame = await _frame(stream)
            code = error_code(frame)
            if code is not None:
                step.detail["error_code"] = code
            if not is_answer(frame, nonce):
                raise ProtocolError(WRONG_ANSWER, "no resPQ")
            step.detail["answered"] = True
        finally:
            step.detail["received"] = stream.received
            if speaks := veil.heard():
                step.detail["speaks"] = speaks
    return step.done


async def _frame(stream: Stream) -> bytes:
    """Return one frame; raises EOFError, OSError, ProtocolError for a length that none of ours has."""
    (length,) = _LENGTH.unpack(await _exactly(stream, _LENGTH.size))
    if not 0 < length <= MAX_FRAME:
        raise ProtocolError(WRONG_ANSWER, "length")
    return await _exactly(stream, length)


async def _exactly(stream: Stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = await stream.read(size - len(data))
        if not piece:
            message = "closed before the answer"
            raise EOFError(message)
        data += piece
    return data
