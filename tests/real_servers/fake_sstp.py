"""A server that takes SSTP's request as [MS-SSTP] describes it, since no real one could be had (2026-11-27).

``python -m tests.real_servers.fake_sstp ADDRESS PORT CERTIFICATE KEY``
"""

from __future__ import annotations

import asyncio
import ssl
import sys

PATH = b"/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Agree to a tunnel, and refuse everything else."""
    head = await reader.readuntil(b"\r\n\r\n")
    agreed = head.startswith(b"SSTP_DUPLEX_POST " + PATH) and b"Content-Length: 18446744073709551615" in head
    status = b"200 OK" if agreed else b"404 Not Found"
    writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 18446744073709551615\r\nServer: test\r\n\r\n")
    await writer.drain()
    writer.close()


async def run(address: str, port: str, certificate: str, key: str) -> None:
    """Serve until the end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with await asyncio.start_server(serve, address, int(port), ssl=context) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
