"""A test double of a Telegram proxy and of a data centre behind it, written from the transports' description and not from our client.

No real one is packaged for Debian.  The proxy takes the three kinds of secrets, checks a disguised client's clock, and does with a
stranger what its ``manner`` says.  As a program::

    telegram.py centre ADDRESS PORT
    telegram.py proxy ADDRESS PORT SECRET_HEX CENTRE_ADDRESS CENTRE_PORT [DECOY_ADDRESS DECOY_PORT]
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

Place = tuple[str, int]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Pull = Callable[[], Awaitable[bytes]]
TAGS = {b"\xee" * 4, b"\xdd" * 4}
MOST_BEHIND, MOST_AHEAD = 600, 1200


def cipher(key: bytes, start: bytes) -> CipherContext:
    return Cipher(algorithms.AES(key), modes.CTR(start)).encryptor()


def keys_of(head: bytes, secret: bytes) -> tuple[CipherContext, CipherContext]:
    """Return the ciphers of the side that was sent ``head``: for what it reads and for what it writes."""
    mirrored = head[8:56][::-1]
    mixed = [hashlib.sha256(key + secret).digest() if secret else key for key in (head[8:40], mirrored[:32])]
    return cipher(mixed[0], head[40:56]), cipher(mixed[1], mirrored[32:])


@asynccontextmanager
async def serving(handler: Handler, place: Place, secure: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections at a place, inside TLS if ``secure``; yields the port."""
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            running.add(task)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            writer.close()
            if task:
                running.discard(task)

    server = await asyncio.start_server(handle, *place, ssl=secure)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
        if greeting := [task for task in asyncio.all_tasks() if "_accept_connection2" in repr(task.get_coro())]:
            await asyncio.wait(greeting)  # sessions whose client left in the middle of the handshake


async def centre(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one question as a data centre does, behind 64 bytes without a secret."""
    head = await reader.readexactly(64)
    decrypt, encrypt = keys_of(head, b"")
    tag = decrypt.update(head)[56:60]
    if tag not in TAGS:
        return
    (length,) = struct.unpack("<I", decrypt.update(await reader.readexactly(4)))
    message = decrypt.update(await reader.readexactly(min(length, 1024)))
    constructor, nonce = struct.unpack_from("<I16s", message, 20)
    if constructor != 0xBE7E8EF1:
        return
    body = struct.pack("<I", 0x05162463) + nonce + secrets.token_bytes(16) + b"\x08" + secrets.token_bytes(8) + bytes(3)
    body += struct.pack("<IIQ", 0x1CB5C415, 1, 0xD09D1D85DE64FD85)
    reply = struct.pack("<QQI", 0, 1, len(body)) + body + (secrets.token_bytes(7) if tag == b"\xdd" * 4 else b"")
    writer.write(encrypt.update(struct.pack("<I", len(reply)) + reply))
    await reader.read()


class Proxy:
    """One proxy: its secret as in a link (hex), the data centre it leads to, and the site that strangers are shown (None: it hangs up)."""

    def __init__(self, secret: str, upstream: Place, decoy: Place | None = None) -> None:
        raw = bytes.fromhex(secret)
        self.disguised = raw[0] == 0xEE and len(raw) > 17
        self.key = raw if len(raw) == 16 else raw[1:17]
        self.upstream, self.decoy = upstream, decoy

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        if not self.disguised:
            await self._noise(lambda: reader.read(4096), writer.write, reader, writer, await reader.readexactly(64))
            return
        head = await reader.readexactly(5)
        hello = head + await reader.readexactly(struct.unpack("!H", head[3:])[0])
        answer = self._answer(hello) if len(hello) == 517 else None  # as the old proxies have it
        if answer is None:
            await self._stranger(hello, reader, writer)
            return
        writer.write(answer)

        async def pull() -> bytes:
            while True:
                record = await reader.readexactly(5)
                content = await reader.readexactly(struct.unpack("!H", record[3:])[0])
                if record[0] == 0x17:
                    return content

        def push(data: bytes) -> None:
            writer.write(b"\x17\x03\x03" + struct.pack("!H", len(data)) + data)

        first = await pull()
        while len(first) < 64:
            first += await pull()
        await self._noise(pull, push, reader, writer, first)

    def _answer(self, hello: bytes) -> bytes | None:
        blank = hello[:11] + bytes(32) + hello[43:]
        proof = hmac.new(self.key, blank, "sha256").digest()
        mixed = bytes(a ^ b for a, b in zip(hello[11:43], proof, strict=True))
        ahead = struct.unpack("<I", mixed[28:])[0] - time.time()
        if mixed[:28] != bytes(28) or not -MOST_BEHIND < ahead < MOST_AHEAD:
            return None
        session = hello[43 : 44 + hello[43]]
        extensions = b"\x00\x33\x00\x24\x00\x1d\x00\x20" + secrets.token_bytes(32) + b"\x00\x2b\x00\x02\x03\x04"
        said = b"\x03\x03" + bytes(32) + session + b"\x13\x01\x00" + struct.pack("!H", len(extensions)) + extensions
        said = b"\x02" + len(said).to_bytes(3) + said
        noise = secrets.token_bytes(1500)
        whole = b"\x16\x03\x03" + struct.pack("!H", len(said)) + said + b"\x14\x03\x03\x00\x01\x01"
        whole += b"\x17\x03\x03" + struct.pack("!H", len(noise)) + noise
        proof = hmac.new(self.key, hello[11:43] + whole, "sha256").digest()
        return whole[:11] + proof + whole[43:]

    async def _noise(
        self, pull: Pull, push: Callable[[bytes], None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes
    ) -> None:
        decrypt, encrypt = keys_of(first[:64], self.key)
        opened = decrypt.update(first)
        if opened[56:60] not in TAGS:
            await self._stranger(first, reader, writer)
            return
        server_reader, server_writer = await asyncio.open_connection(*self.upstream)
        try:
            start = bytearray(secrets.token_bytes(64))
            start[:8] = b"abcdefgh"
            start[56:62] = opened[56:62]
            to_centre, from_centre = keys_of(bytes(start), b"")
            server_writer.write(bytes(start[:56]) + to_centre.update(bytes(start))[56:] + to_centre.update(opened[64:]))

            async def onward() -> None:
                while data := await pull():
                    server_writer.write(to_centre.update(decrypt.update(data)))

            sending = asyncio.ensure_future(onward())
            try:
                while data := await server_reader.read(4096):
                    push(encrypt.update(from_centre.update(data)))
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        finally:
            server_writer.close()

    async def _stranger(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Show the site, or hang up with a reset."""
        if self.decoy is None:
            raw: socket.socket = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        site_reader, site_writer = await asyncio.open_connection(*self.decoy)
        try:
            site_writer.write(first)
            while data := await site_reader.read(4096):
                writer.write(data)
        finally:
            site_writer.close()


async def main(what: str, address: str, port: str, *rest: str) -> None:
    """Serve until this process is ended."""
    if what == "centre":
        handler: Handler = centre
    else:
        decoy = (rest[3], int(rest[4])) if len(rest) > 3 else None
        handler = Proxy(rest[0], (rest[1], int(rest[2])), decoy).serve
    async with serving(handler, (address, int(port))):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
