"""Where a proxy lives: its name as this computer looks it up, and, where that leads nowhere, as others know it.

Two steps of a ``proxy`` observation (detail ``stage``): ``name`` (``public`` and ``bogons``: how many addresses of each kind came) and,
only where none of them was public, ``name_elsewhere`` (``operators``: how many public resolvers were asked over an encrypted way,
``knowing``: how many of them gave a public address).  Neither the name nor an address is kept: both belong to the person.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from typing import Final

from diagnostics.bogons import is_bogon
from diagnostics.failures import BOGON, NXDOMAIN
from diagnostics.model import Resolver, Step
from diagnostics.probes.context import Context
from diagnostics.probes.dns import Answer, Question
from diagnostics.probes.pacing import patiently
from diagnostics.probes.resolvers import BrokenSessionError, engines_of, opened

NAME_WAIT: Final = 5.0
"""Seconds that the system's resolver may take on top of our patience."""

MOST_OPERATORS: Final = 3
"""Resolvers that are asked for the name of a proxy: each of them sees it."""

ANY_FAMILY: Final = socket.AF_UNSPEC


async def find_proxy(direct: Context, over: Context, host: str, kind: str, *, step: Step = Step.PROXY) -> list[str]:
    """Return the addresses of a proxy's (or VPN server's) name, none if nobody knows it; ``over`` is the context of its route."""
    found: list[str] = []
    with over.trace.step(step) as record:
        record.detail = {"stage": "name", "kind": kind, "public": 0, "bogons": 0}
        found = await patiently(direct.network.resolve(host, ANY_FAMILY), lambda: direct.patience.wait(extra=NAME_WAIT))
        record.detail |= {"public": sum(not is_bogon(a) for a in found), "bogons": sum(is_bogon(a) for a in found)}
        if not found:
            record.failure = NXDOMAIN
        elif all(a in ("0.0.0.0", "::") or is_bogon(a) for a in found) and "." in host:  # noqa: S104 - an answer, no place to listen
            record.failure = None if _own_network(host) else BOGON
    if record.done.failure is None or "." not in host or _own_network(host):
        return in_turn(found)  # a name of the person's own network is theirs to use
    known = await _elsewhere(direct, over, host, kind, step)
    return in_turn(known or found)


def in_turn(addresses: list[str]) -> list[str]:
    """Return addresses with IPv4 first and both families in turn: a dead IPv6 must not hide a proxy that lives."""
    four, six = ([a for a in addresses if (":" in a) == is_six] for is_six in (False, True))
    return [a for pair in itertools.zip_longest(four, six) for a in pair if a is not None]


def _own_network(host: str) -> bool:
    """Tell whether a name is by convention one of a network's own (RFC 6762, RFC 8375, and what routers use)."""
    return host.lower().endswith((".local", ".lan", ".home", ".internal", ".localdomain", ".home.arpa"))


async def _elsewhere(direct: Context, over: Context, host: str, kind: str, kind_of_step: Step) -> list[str]:
    """Ask public resolvers over encrypted ways; their steps leave no trace, since they carry the name."""
    asked = _encrypted(direct.resolvers)
    answers: list[Answer] = []
    with over.trace.step(kind_of_step) as step:
        step.detail = {"stage": "name_elsewhere", "kind": kind, "operators": len(asked), "knowing": 0}
        quiet = direct.unheard()
        await asyncio.gather(*(_ask(quiet, resolver, host, answers) for resolver in asked))
        public = [[a for a in answer.addresses if not is_bogon(a)] for answer in answers if answer.failure is None]
        step.detail["knowing"] = sum(bool(addresses) for addresses in public)
        if not any(public):
            step.failure = NXDOMAIN
    return next((addresses for addresses in public if addresses), []) if step.done.failure is None else []


def _encrypted(resolvers: tuple[Resolver, ...]) -> list[Resolver]:
    """Return a few resolvers of different operators that filter nothing and can be asked over TLS."""
    chosen: dict[str, Resolver] = {}
    for resolver in resolvers:
        if not resolver.filters and resolver.addresses and {"doh", "dot"} & set(engines_of(resolver)):
            chosen.setdefault(resolver.operator, resolver)
    return list(chosen.values())[:MOST_OPERATORS]


async def _ask(quiet: Context, resolver: Resolver, host: str, answers: list[Answer]) -> None:
    engine = "doh" if "doh" in engines_of(resolver) else "dot"
    async with opened(quiet, resolver, engine, resolver.addresses[0]) as session:
        if session is not None:
            with contextlib.suppress(BrokenSessionError):
                await session.ask(Question(host, purpose="proxy"), answers.append)
