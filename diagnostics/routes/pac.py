"""Proxy scripts (PAC): fetched where a setting names one, run by somebody else, their answers parsed here.

How to use it (``evaluate`` comes from ``app/pac.py``: this side knows no script engine)::

    finding = await ask_script(network, url, ["https://x.com/", "https://twimg.com/"], evaluate)
    finding.failure  # "" or the id of one sentence: pac.unreachable, pac.too_large, pac.too_slow, ...
    finding.ways["https://x.com/"]  # the Links in their order; None among them means: directly
    finding.looked_up  # names that the script had resolved: whoever answers them sees them

Format of an answer: "DIRECT", "PROXY h:p", "HTTP h:p", "HTTPS h:p", "SOCKS h:p", "SOCKS4 h:p", "SOCKS5 h:p", joined by ";" (Netscape's
"Navigator Proxy Auto-Config File Format", 1996, and what browsers added).  A script is told a page's host and nothing of its path,
as browsers do.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

from diagnostics.daemon import daemon_call
from diagnostics.errors import InputError
from diagnostics.model import Fact
from diagnostics.network import Network
from diagnostics.probes.http import HttpConnection
from diagnostics.probes.place import Place, next_place
from diagnostics.routes.link import Kind, Link, LinkError
from diagnostics.routes.parts import place_of
from diagnostics.streams import Stream

MAX_SCRIPT: Final = 1024 * 1024
MAX_ANSWER: Final = 4096
MOST_WAYS: Final = 16
MOST_PAGES: Final = 256
MOST_LOOKUPS: Final = 32
"""Names that one script may have resolved: more is no choice of a proxy."""

MOST_HOPS: Final = 3
FETCH_SECONDS: Final = 10.0
LOOKUP_SECONDS: Final = 1.0

_KINDS: Final = {
    "PROXY": (Kind.HTTP, 80),
    "HTTP": (Kind.HTTP, 80),
    "HTTPS": (Kind.HTTPS, 443),
    "SOCKS": (Kind.SOCKS5H, 1080),  # version 4 to some browsers and 5 to others; servers speak both
    "SOCKS4": (Kind.SOCKS4A, 1080),
    "SOCKS5": (Kind.SOCKS5H, 1080),
}

Ways = tuple[Link | None, ...]
"""Ways out in the order in which they are tried; None is the direct one."""

Lookup = Callable[[str], Awaitable[str | None]]
"""Returns the IPv4 address of a name for a script, or None."""


class Evaluated(Fact, frozen=True):
    """What a worker made of a script: one answer a page (None: an error, or no text), or why it failed as a whole.

    ``failure`` is the id of a sentence: pac.broken, pac.too_slow, pac.too_much_memory, pac.not_run.
    """

    answers: tuple[str | None, ...] = ()
    failure: str = ""


class Evaluate(Protocol):
    """Runs a script where it can harm nobody."""

    async def __call__(self, script: str, pages: Sequence[str], lookup: Lookup) -> Evaluated:
        """Return its answers; never raises for what a script does."""
        ...


class PacFinding(Fact, frozen=True):
    """What a script says."""

    ways: Mapping[str, Ways] = {}
    failure: str = ""
    looked_up: tuple[str, ...] = ()


def parse_answer(text: str | None) -> Ways | None:
    """Return the ways of one answer; None for one that means nothing.  What is not understood between others is passed over."""
    if text is None or len(text.encode("utf-8", "replace")) > MAX_ANSWER:
        return None
    ways: list[Link | None] = []
    for part in text.split(";"):
        words = part.split()
        if not words:
            continue
        if words[0].upper() == "DIRECT":
            ways.append(None)
        elif len(words) == 2 and words[0].upper() in _KINDS:
            kind, port = _KINDS[words[0].upper()]
            try:
                host, found = place_of(words[1] if _has_port(words[1]) else f"{words[1]}:{port}", kind)
            except LinkError:
                continue
            ways.append(Link(kind=kind, host=host, port=found))
    return tuple(way for place, way in enumerate(ways) if way not in ways[:place])[:MOST_WAYS] or None


def _has_port(place: str) -> bool:
    return place.rpartition(":")[2].isdigit() and not place.endswith("]")


def told_page(page: str) -> str:
    """Return what a script is told of a page: its scheme and host alone."""
    split = urlsplit(page)
    return urlunsplit((split.scheme, split.netloc.rpartition("@")[2], "/", "", ""))


async def ask_script(network: Network, url: str, pages: Sequence[str], evaluate: Evaluate) -> PacFinding:
    """Fetch a script, ask it about pages, and return what it says; whatever goes wrong is one sentence."""
    looked_up: dict[str, str | None] = {}

    async def lookup(name: str) -> str | None:
        if name not in looked_up:
            if len(looked_up) >= MOST_LOOKUPS or len(name) > 253:
                return None
            looked_up[name] = await _resolved(network, name)
        return looked_up[name]

    asked = list(dict.fromkeys(pages))[:MOST_PAGES]
    try:
        script = await fetch_script(network, url)
    except InputError as error:
        return PacFinding(failure=error.text)
    done = await evaluate(script, [told_page(page) for page in asked], lookup)
    found = {page: ways for page, text in zip(asked, done.answers, strict=False) if (ways := parse_answer(text)) is not None}
    return PacFinding(ways=found, failure=done.failure or ("" if found or not asked else "pac.no_answer"), looked_up=tuple(looked_up))


async def _resolved(network: Network, name: str) -> str | None:
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        pass
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            return next(iter(await network.resolve(name, socket.AF_INET)), None)
    except (OSError, UnicodeError):
        return None


# --- fetching -------------------------------------------------------------------------------------


async def fetch_script(network: Network, url: str) -> str:
    """Return a script's text.  Raises InputError: pac.address, pac.unreachable, pac.too_large.

    ``url`` comes from this computer's own settings: unlike a server's redirect it may lead to a private address.
    """
    try:
        split = urlsplit(url if "://" in url else Path(url).as_uri() if Path(url).is_absolute() else url)
        port = split.port
    except ValueError:
        raise InputError("pac.address") from None
    if split.scheme == "file" and split.netloc.lower() in ("", "localhost"):  # any other would ask a computer of the network
        return _text(await daemon_call(_read_file, url2pathname(split.path)))
    if split.scheme not in ("http", "https") or not split.hostname:
        raise InputError("pac.address")
    path = f"{split.path or '/'}?{split.query}" if split.query else split.path or "/"
    place = Place(split.scheme, split.hostname, port or (443 if split.scheme == "https" else 80), path)
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            return _text(await _downloaded(network, place))
    except (OSError, EOFError, UnicodeError) as error:
        raise InputError("pac.unreachable") from error


def _read_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_SCRIPT + 1)
    except (OSError, ValueError) as error:
        raise InputError("pac.unreachable") from error


def _text(content: bytes) -> str:
    if len(content) > MAX_SCRIPT:
        raise InputError("pac.too_large")
    return content.decode("utf-8-sig", "replace")


async def _downloaded(network: Network, place: Place) -> bytes:
    """Follow at most ``MOST_HOPS`` redirects.  Raises OSError, EOFError, InputError."""
    for _ in range(MOST_HOPS + 1):
        async with await _opened(network, place) as stream:
            reply = await HttpConnection(stream, MAX_SCRIPT + 1).request("GET", place.authority, place.path)
        further = next_place(place, reply.status, reply.headers.get("location"))
        if further is None:
            if reply.status != 200 or not reply.complete:
                raise InputError("pac.unreachable")
            return reply.body
        place = further
    raise InputError("pac.unreachable")


async def _opened(network: Network, place: Place) -> Stream:
    """Return a stream to a place, under TLS if it asks for that; its first address that answers.  Raises OSError."""
    try:
        addresses = [str(ipaddress.ip_address(place.host))]
    except ValueError:
        addresses = await network.resolve(place.host, socket.AF_INET)
    failure: OSError = ConnectionError("no address")
    for address in addresses[:3]:
        try:
            stream = await network.connect(address, place.port)
        except OSError as error:
            failure = error
            continue
        if place.scheme == "http":
            return stream
        with contextlib.ExitStack() as undone:
            undone.callback(stream.close)
            context = await daemon_call(lambda: network.trust.system)  # browsers believe this computer's own store, too
            secured = await network.start_tls(stream, context, place.host)
            undone.pop_all()
            return secured
    raise failure
