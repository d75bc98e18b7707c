"""Proxies that programs on this computer offer, such as Tor Browser's or v2rayN's.

How to use it, only when the person asks for it (nothing is ever tested through what is found before the person picks it)::

    found = await find_local(network)  # tuple[Found, ...], the best named first; takes at most some seconds
    found[0].name  # "Tor Browser"
    found[0].link  # the Link to test and to keep

Each known port of 127.0.0.1 is connected to.  A SOCKS5 greeting is sent (RFC 1928, section 3), and where nobody answers in SOCKS,
on a new connection one HTTP request that names no place (``OPTIONS *`` of HTTP/1.0 without Host, ``Max-Forwards: 0``; RFC 9110,
sections 7.6.2 and 9.3.7): a proxy has nowhere to pass it on to and answers by itself.  Nothing leaves this computer.

Who owns a port is asked of the system where it tells (psutil); macOS tells it of one's own processes only.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from diagnostics.daemon import daemon_call
from diagnostics.model import Fact
from diagnostics.network import Network
from diagnostics.routes.link import Kind, Link
from diagnostics.routes.local_clients import LocalClient, client_of, known_clients, program_word
from diagnostics.routes.parts import clean_name
from diagnostics.streams import Stream

LOOPBACK: Final = "127.0.0.1"

CONNECT_SECONDS: Final = 3.0
"""A closed port of one's own computer refuses at once on Linux and macOS; Windows tries for 2 s."""

ANSWER_SECONDS: Final = 1.5
"""For one answer: HTTP proxies stay silent to a SOCKS greeting."""

OWNER_SECONDS: Final = 4.0
MOST_PORTS: Final = 64
MAX_ANSWER: Final = 4096

SOCKS_GREETING: Final = b"\x05\x01\x00"
HTTP_QUESTION: Final = b"OPTIONS * HTTP/1.0\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n"

_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_PROXY_WORDS: Final = re.compile(
    rb"^(?:proxy-[a-z]+|via|x-squid-error|x-cache):|^server:[^\r\n]*(?:proxy|privoxy|squid|polipo)", re.IGNORECASE | re.MULTILINE
)
"""Headers that proxies send and web servers do not."""

_SERVES: Final = range(200, 400)
"""Statuses by which a web server answers the question; a proxy refuses it."""

Owners = Mapping[int, str]
"""The process's name, in small letters without .exe, by the TCP port on which it listens at a loopback address."""


class Found(Fact, frozen=True):
    """A proxy of this computer.

    ``named``: its program is known, and not only guessed from the port.  ``login``: it asks for a user and a password.  ``sure``: it
    spoke as proxies do; an HTTP port that merely refused the question may be something else.
    """

    link: Link
    name: str
    program: str = ""
    named: bool = False
    login: bool = False
    sure: bool = True


async def find_local(
    network: Network, clients: Sequence[LocalClient] | None = None, owners: Callable[[], Owners] | None = None
) -> tuple[Found, ...]:
    """Return the proxies that answer on this computer.  ``clients`` and ``owners`` stand in for the shipped list and for psutil."""
    known = known_clients() if clients is None else clients
    owned = await _owners(owners or listening)
    usual = [port for client in known for port in client.ports]
    wandering = {program for client in known if client.any_port for program in client.programs}
    ports = list(dict.fromkeys([*usual, *(port for port, program in sorted(owned.items()) if program in wandering)]))[:MOST_PORTS]
    answers = await asyncio.gather(*(_ask(network, port) for port in ports))
    found = [_named(answer, owned.get(answer.port, ""), known) for answer in answers if answer is not None]
    return tuple(sorted((each for each in found if each is not None), key=lambda each: (not each.named, not each.sure)))


class _Answer(Fact, frozen=True):
    port: int
    kind: Kind
    login: bool = False
    sure: bool = True
    serves: bool = False  # it answered as web servers do


def _named(answer: _Answer, program: str, clients: Sequence[LocalClient]) -> Found | None:
    """Return what was found under its program's name; None for what is rather a web server of somebody else's program."""
    client = client_of(program, answer.port, clients)
    if not answer.sure and (answer.serves or client is None):
        return None
    name = client.name if client else clean_name(program)
    link = Link(kind=answer.kind, host=LOOPBACK, port=answer.port, name=name)
    return Found(link=link, name=name, program=program, named=bool(program), login=answer.login, sure=answer.sure)


# --- asking ---------------------------------------------------------------------------------------


async def _ask(network: Network, port: int) -> _Answer | None:
    """Return what listens at a port, or None: nobody, or nothing that speaks as a proxy."""
    greeted = await _exchange(network, port, SOCKS_GREETING, _socks_is_whole)
    if greeted is None:
        return None
    if greeted[:1] == b"\x05" and len(greeted) >= 2:
        return _Answer(port=port, kind=Kind.SOCKS5H, login=greeted[1] != 0)
    answer = greeted if _STATUS.match(greeted) else await _exchange(network, port, HTTP_QUESTION, _head_is_whole)
    status = _STATUS.match(answer or b"")
    if answer is None or status is None:
        return None
    head = answer.partition(b"\r\n\r\n")[0]
    proxy = status[1] == b"407" or bool(_PROXY_WORDS.search(head))
    return _Answer(port=port, kind=Kind.HTTP, login=status[1] == b"407", sure=proxy, serves=int(status[1]) in _SERVES)


def _socks_is_whole(answer: bytes | bytearray) -> bool:
    return len(answer) >= (2 if answer[:1] == b"\x05" else MAX_ANSWER)


def _head_is_whole(answer: bytes | bytearray) -> bool:
    return b"\r\n\r\n" in answer or len(answer) >= MAX_ANSWER


async def _exchange(network: Network, port: int, question: bytes, whole: Callable[[bytes | bytearray], bool]) -> bytes | None:
    """Return what comes back for a question, as far as it came in time; None where nobody listens."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            stream = await network.connect(LOOPBACK, port)
    except OSError:  # a deadline is one, too
        return None
    async with stream:
        answer = bytearray()
        with contextlib.suppress(OSError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await _fill(stream, question, answer, whole)
        return bytes(answer)


async def _fill(stream: Stream, question: bytes, answer: bytearray, whole: Callable[[bytes | bytearray], bool]) -> None:
    await stream.write(question)
    while not whole(answer):
        data = await stream.read(MAX_ANSWER - len(answer))
        if not data:
            return
        answer += data


# --- who listens ----------------------------------------------------------------------------------


async def _owners(ask: Callable[[], Owners]) -> Owners:
    try:
        async with asyncio.timeout(OWNER_SECONDS):
            return await daemon_call(ask)
    except OSError:
        return {}


def listening() -> Owners:
    """Return who listens where, as far as the system tells; nothing is sent."""
    import psutil

    found: dict[int, str] = {}
    for port, process in _listeners():
        with contextlib.suppress(psutil.Error, OSError):
            found.setdefault(port, program_word(psutil.Process(process).name()))
    return found


def _listeners() -> Iterator[tuple[int, int]]:
    """Yield port and process of everything that listens where loopback reaches it."""
    import psutil

    try:
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.pid and each.laddr and _reached_by_loopback(each.laddr.ip):
                yield each.laddr.port, each.pid
    except (psutil.Error, OSError):  # macOS tells it of one's own processes only, one by one
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                for own in process.net_connections("tcp"):
                    if own.status == psutil.CONN_LISTEN and _reached_by_loopback(own.laddr.ip):
                        yield own.laddr.port, process.pid


def _reached_by_loopback(address: str) -> bool:
    return address.startswith("127.") or address in ("0.0.0.0", "::", "::1", "::ffff:127.0.0.1")  # noqa: S104 - read, not listened at
