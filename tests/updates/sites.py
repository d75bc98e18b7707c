"""Places of bundles on loopback: HTTPS servers that answer as a test wants."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from diagnostics.updates.pinned import Source
from tests.real_servers.authority import Authority

Serve = Callable[[ssl.SSLSocket, threading.Event], None]
"""Answers a request; what waits, waits for the event, which ends the server."""


def page(body: bytes, *, status: str = "200 OK", length: int | None = None, more: str = "") -> Serve:
    """Return a server of one answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n{more}\r\n"
    return lambda client, _over: client.sendall(head.encode() + body)


class Site:
    """An HTTPS server on loopback, in threads of its own; it remembers what it was asked."""

    def __init__(self, authority: Authority, serve: Serve, *, names: Sequence[str] = ("127.0.0.1",)) -> None:
        self._serve = serve
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*authority.issue("-".join(names), names))
        self.requests: list[bytes] = []
        self.asked = threading.Event()

    @contextmanager
    def open(self) -> Iterator[Source]:
        """Listen until the end of the block."""
        over, site = threading.Event(), self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError), site._context.wrap_socket(self.request, server_side=True) as client:
                    request = b""
                    while not request.endswith(b"\r\n\r\n") and (piece := client.recv(4096)):
                        request += piece
                    site.requests.append(request)
                    site.asked.set()
                    site._serve(client, over)

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield Source(host="127.0.0.1", port=server.server_address[1], path="/atajo/newest.atajo")
            finally:
                over.set()
                server.shutdown()
                thread.join()
