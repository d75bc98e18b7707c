"""The page behind an Outline key: fetched over the direct line, with everything a stranger may write into it bounded.

One ``proxy`` step, detail ``stage`` ``key``: ``tries``, ``hops`` (redirects that were followed), ``status``, ``body_bytes``.  Neither
the page's address nor what it holds is kept: both are secrets.
"""

from __future__ import annotations

import socket
from typing import Final

from diagnostics.bogons import is_address, is_bogon
from diagnostics.daemon import daemon_call
from diagnostics.failures import BAD_REDIRECT, NXDOMAIN, ProtocolError
from diagnostics.model import Step
from diagnostics.probes.context import Context
from diagnostics.probes.http import HttpConnection, Reply
from diagnostics.probes.pacing import patiently
from diagnostics.probes.place import REDIRECTS, Place, next_place
from diagnostics.probes.tcp import connect_silently
from diagnostics.routes.link import Link
from diagnostics.routes.outline import MAX_PAGE, account_of
from diagnostics.routes.parts import wire_path
from diagnostics.routes.tunnel import BAD_REPLY, ProxyRefusal
from diagnostics.streams import Stream

PAGE_WORK: Final = 4.0
"""Seconds beyond the round trips: a name, a handshake and a page."""

MOST_HOPS: Final = 3
MOST_ADDRESSES: Final = 2
GOOD: Final = 200


async def read_key_page(context: Context, link: Link) -> Link | None:
    """Return the account on the page of ``link``; None if the page was out of reach or holds none, which is recorded."""
    account: Link | None = None
    with context.trace.step(Step.PROXY) as step:
        step.detail = {"stage": "key", "kind": str(link.kind), "tries": 0, "hops": 0}
        page = _Page(context, link, step.detail)
        reply = await patiently(page.fetched(), lambda: context.patience.wait(extra=PAGE_WORK))
        step.detail |= {"status": reply.status, "body_bytes": len(reply.body)}
        if not reply.complete:
            message = "the page was cut short"
            raise EOFError(message)
        if reply.status != GOOD or len(reply.body) >= MAX_PAGE:
            raise ProxyRefusal(BAD_REPLY, "another page than one with a key")
        account = await daemon_call(account_of, reply.body)  # YAML is slow to read
        if not page.private and await _is_private(context, account.host):
            account = None
            raise ProxyRefusal(BAD_REPLY, "a page that leads into a private network")
    return account


class _Page:
    """The page of one key, redirects included."""

    def __init__(self, context: Context, link: Link, detail: dict[str, object]) -> None:
        self._context = context
        self._place = Place("https", link.host, link.port, wire_path(link.secret.reveal()))
        self._detail = detail
        self.private = False
        """The page itself is in a network of the person's own: so may be what it leads to."""

    async def fetched(self) -> Reply:
        """Return the page.  Raises OSError, EOFError."""
        place = self._place
        while True:
            reply = await self._visited(place)
            if reply.status not in REDIRECTS:
                return reply
            onward = next_place(place, reply.status, reply.headers.get("location"))
            if onward is None or onward.scheme != "https" or onward.hop > MOST_HOPS:
                raise ProtocolError(BAD_REDIRECT, "a redirect that is not followed")
            place = onward
            self._detail["hops"] = place.hop

    async def _visited(self, place: Place) -> Reply:
        network = self._context.network
        stream = await self._connected(place)
        async with stream:
            await self._context.trusting()
            secured = await network.start_tls(stream, network.trust.public, place.host)
            return await HttpConnection(secured).request("GET", place.authority, place.path)

    async def _connected(self, place: Place) -> Stream:
        found = [place.host] if is_address(place.host) else await self._context.network.resolve(place.host, socket.AF_UNSPEC)
        addresses = sorted(found, key=lambda each: ":" in each)[:MOST_ADDRESSES]  # IPv6 may lead nowhere
        bogon = any(is_bogon(address) for address in addresses)
        if place.hop == 0:
            self.private = bogon
        elif bogon and not self.private:
            raise ProtocolError(BAD_REDIRECT, "a redirect into a private network")
        error: OSError = ProtocolError(NXDOMAIN, "the page's name leads nowhere")
        for address in addresses:
            try:
                return await connect_silently(self._context, address, place.port, self._detail)
            except OSError as failed:
                error = failed
        raise error


async def _is_private(context: Context, host: str) -> bool:
    """Tell whether a proxy's host lies in a private network; one that cannot be looked up is a matter for later."""
    if is_address(host):
        return is_bogon(host)
    try:
        found = await context.network.resolve(host, socket.AF_UNSPEC)
    except OSError:
        return False
    return any(is_bogon(address) for address in found)
