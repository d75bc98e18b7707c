"""A plain client, run inside the laboratory's client namespace: what do ordinary libraries see?

``python -m tests.real_servers.witness VERB ...`` prints one JSON value: the answer, or the name of the error.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Final

import dns.exception
import dns.message
import dns.query
import dns.rcode

PATIENCE: Final = 1.0
"""Seconds until silence is called silence: the laboratory answers within milliseconds."""


def resolve(name: str) -> list[str]:
    """Ask the system's resolver for IPv4 addresses."""
    return sorted({str(info[4][0]) for info in socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)})


def ask(server: str, transport: str, name: str) -> list[str]:
    """Ask a resolver for IPv4 addresses over ``udp``, ``tcp``, ``tls`` or ``https``; the code when it is not NOERROR."""
    query = dns.message.make_query(name, "A")
    if transport == "udp":
        reply = dns.query.udp(query, server, timeout=PATIENCE)
    elif transport == "tcp":
        reply = dns.query.tcp(query, server, timeout=PATIENCE)
    elif transport == "tls":
        reply = dns.query.tls(query, server, timeout=PATIENCE, ssl_context=ssl.create_default_context(), server_hostname=server)
    else:
        reply = dns.message.from_wire(_post(server, query.to_wire()))
    if reply.rcode() != dns.rcode.NOERROR:
        return [dns.rcode.to_text(reply.rcode())]
    return sorted(str(record) for records in reply.answer for record in records)


def page(scheme: str, address: str, name: str, path: str = "/") -> dict[str, object]:
    """Get a page from an address under a name; certificates are verified."""
    port = 443 if scheme == "https" else 80
    with socket.create_connection((address, port), PATIENCE) as plain:
        sock = ssl.create_default_context().wrap_socket(plain, server_hostname=name) if scheme == "https" else plain
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        response = http.client.HTTPResponse(sock)
        response.begin()
        return {"status": response.status, "location": response.getheader("Location"), "body": response.read().decode()}


def hold(address: str, port: str) -> str:
    """Connect, say nothing, and tell whether the connection is still ``open`` after the patience."""
    with socket.create_connection((address, int(port)), PATIENCE) as sock:
        try:
            return "said something" if sock.recv(1) else "closed"
        except TimeoutError:
            return "open"


def _post(server: str, question: bytes) -> bytes:
    connection = http.client.HTTPSConnection(server, timeout=PATIENCE)
    connection.request("POST", "/dns-query", question, {"Content-Type": "application/dns-message"})
    response = connection.getresponse()
    body = response.read()
    if response.status != http.HTTPStatus.OK:
        raise OSError(f"status {response.status}: {body!r}")
    return body


VERBS: Final[dict[str, Callable[..., object]]] = {"resolve": resolve, "ask": ask, "page": page, "hold": hold}


def main() -> None:
    """Do what the command line says and print the outcome."""
    verb, *words = sys.argv[1:]
    try:
        outcome = VERBS[verb](*words)
    except (OSError, dns.exception.DNSException) as error:
        outcome = type(error).__name__
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
