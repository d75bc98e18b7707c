"""A data centre of Telegram in a simulated network: it answers the first question of its protocol and nothing else.

Written from core.telegram.org/mtproto (transports: intermediate and abridged; auth_key: req_pq_multi, resPQ).
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable
from typing import Final

from diagnostics.sim.behaviour import Mtproto
from diagnostics.sim.wire import Wire

_INTERMEDIATE: Final = b"\xee\xee\xee\xee"
_ABRIDGED: Final = b"\xef"
_REQ_PQ: Final = frozenset({0x60469778, 0xBE7E8EF1})
_RES_PQ: Final = 0x05162463
_VECTOR: Final = 0x1CB5C415
_MESSAGE: Final = struct.Struct("<QQII16s")  # no key yet, message id, length, constructor, nonce
_PQ: Final = (0x17ED48941A08F981).to_bytes(8, "big")  # the example of the documentation
_FINGERPRINT: Final = 0xD09D1D85DE64FD85
_MOST: Final = 1024  # bytes of a question

OnFirstBytes = Callable[[str, str, int], Mtproto]


async def serve(wire: Wire, on_first_bytes: OnFirstBytes, address: str, port: int) -> None:
    """Answer one question; ``on_first_bytes`` says what the censor does once the client has spoken.  Returning says farewell."""
    data = await wire.read()
    if not data:
        return
    behaviour = on_first_bytes(f"tcp {address} {port}", address, port)
    if behaviour is not Mtproto.ALLOW:
        wire.come_near()
        if behaviour is Mtproto.RESET:
            await wire.reset()
        elif behaviour is Mtproto.SILENCE:
            await wire.swallow()
        return
    while not (complete := _message(data)) and len(data) < _MOST:
        more = await wire.read()
        if not more:
            return
        data += more
    reply = _reply(complete) if complete else None
    if reply:
        await wire.write(_framed(data, reply))
        await wire.swallow()


def _message(data: bytes) -> bytes | None:
    """Return the first whole message of a connection, or None while it is not there."""
    intermediate = data.startswith(_INTERMEDIATE)
    head = 8 if intermediate else 2
    if len(data) < head or not (intermediate or data.startswith(_ABRIDGED)):
        return None
    length = int.from_bytes(data[4:8], "little") if intermediate else 4 * data[1]
    return data[head : head + length] if len(data) >= head + length else None


def _reply(message: bytes) -> bytes | None:
    if len(message) < _MESSAGE.size:
        return None
    key, number, _, constructor, nonce = _MESSAGE.unpack_from(message)
    if key or constructor not in _REQ_PQ:
        return None
    pq = bytes([len(_PQ)]) + _PQ + bytes(3)  # a TL string is padded to four bytes
    body: bytes = struct.pack("<I", _RES_PQ) + nonce + secrets.token_bytes(16) + pq + struct.pack("<IIQ", _VECTOR, 1, _FINGERPRINT)
    return struct.pack("<QQI", 0, number | 1, len(body)) + body


def _framed(data: bytes, message: bytes) -> bytes:
    head = struct.pack("<I", len(message)) if data.startswith(_INTERMEDIATE) else bytes([len(message) // 4])
    return head + message
