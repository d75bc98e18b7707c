"""A box on the provider's router that takes over connections, reads what the client says first, and cuts those that name a name.

``python -m tests.real_servers.box LOOKS PORT NAME...`` listens for connections that ``iptables`` redirects to it, until it is ended.  How
well it reads is the only difference between the kinds; what it does not object to it relays to the true address.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
import sys
from collections.abc import Iterable, Sequence

from diagnostics.clienthello import needs_more, parse

READ = 65536
ORIGINAL_DST = 80  # SO_ORIGINAL_DST of linux/netfilter_ipv4.h
RESET = struct.pack("ii", 1, 0)


class Looks(enum.StrEnum):
    """How much of a first flight a box puts together before it looks for a name."""

    PACKET = "packet"
    RECORD = "record"  # the first TLS record, out of all packets
    STREAM = "stream"  # whatever came, searched for the name
    MESSAGE = "message"  # the ClientHello out of all its records
    EVERYTHING = "everything"  # whatever is said is taken for the name
    NOTHING = "nothing"


def finds(looks: Looks, packets: Sequence[bytes], names: Iterable[str]) -> bool:
    """Tell whether a box finds one of the names in what came so far."""
    data, wanted = b"".join(packets), [name.encode() for name in names]
    if looks is Looks.PACKET:
        return any(name in packet for packet in packets for name in wanted)
    if looks is Looks.MESSAGE:
        hello = parse(data)
        return hello is not None and (hello.server_name or "").encode() in wanted
    seen = {Looks.RECORD: data[: 5 + int.from_bytes(data[3:5], "big")], Looks.STREAM: data}.get(looks, b"")
    return looks is Looks.EVERYTHING or any(name in seen for name in wanted)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a reset."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until they end."""
    while data := await reader.read(READ):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def carry(packets: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, port: int) -> None:
    """Relay a connection whose client has said ``packets`` so far."""
    far_reader, far_writer = await asyncio.open_connection(address, port)
    try:
        far_writer.write(b"".join(packets))
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    finally:
        far_writer.transport.abort()


async def _serve(looks: Looks, names: Sequence[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _, port, address = struct.unpack("!HH4s8x", writer.get_extra_info("socket").getsockopt(socket.SOL_IP, ORIGINAL_DST, 16))
    packets: list[bytes] = []
    with contextlib.suppress(OSError):
        while needs_more(b"".join(packets)) and (data := await reader.read(READ)):
            packets.append(data)
            if finds(looks, packets, names):
                break
        else:
            await carry(packets, reader, writer, socket.inet_ntoa(address), port)
    reset(writer)


async def main(looks: str, port: str, *names: str) -> None:
    """Listen at a port for as long as the program runs."""
    kind = Looks(looks)
    server = await asyncio.start_server(lambda reader, writer: _serve(kind, names, reader, writer), "0.0.0.0", int(port))
    async with server:
        print("ready", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
