"""Proxies in the terminal: where their links come from, and ``proxy LINK``, which tests one."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from app import cli, wording
from app.cli_check import Measure, Order, check
from app.cli_summary import write_proxies
from app.report_facts import tests_made, whole_verdicts
from app.route_words import proxies_of, usable
from app.sentences import kind_word
from app.site_notes import content_of
from app.terminal import SYMBOLS, Terminal
from app.texts import seconds, t
from diagnostics.errors import InputError
from diagnostics.model import Report

if TYPE_CHECKING:
    from diagnostics.routes.link import Link


def links_of(given: str) -> list[Link]:
    """Return the proxies of one ``--proxy``: a link, ``@FILE`` with links, or ``-`` for links on standard input.

    A proxy of this computer or its network has to be named by itself: of a list that was handed over nobody has read each line.

    What stands on a command line can be read by every program of this computer, so a secret is better handed over in a file.
    Raises InputError with the sentence about what is wrong.
    """
    from diagnostics.routes.grammar import parse_link
    from diagnostics.routes.paste import read_links

    if given != "-" and not given.startswith("@"):
        return [parse_link(given)]
    name = given.removeprefix("@")
    pasted = read_links(content_of(name).decode("utf-8", "replace"))
    if pasted.unread:
        first = pasted.unread[0]
        raise InputError(first.text, **first.values)
    if not pasted.links:
        raise InputError("link.empty")
    from app.proxy_shelf import is_near

    if any(is_near(link) for link in pasted.links):  # somebody else's list must not make this computer talk to its own network
        raise InputError("error.near_proxy")
    return list(pasted.links)


def proxy(options: argparse.Namespace, out: Terminal, err: Terminal, measure: Measure) -> int:
    """Test one proxy, and some services through it, without the direct line; return the exit status of ``check``.

    Raises InputError for a link that is none.
    """
    if options.link is None:
        raise InputError("cli.error.missing", what="LINK")
    options.proxy, options.no_direct, options.list = [options.link], True, None
    options.light, options.ways_out = True, False
    return check(options, out, err, measure, _tell)


def _tell(report: Report, talk: Terminal, order: Order) -> None:
    """Write how the proxy is, then how each service fares over it."""
    if report.run.simulated:
        talk.line(t("workshop.ribbon"), style="bold")
    fault = wording.failure(report)
    if fault or not proxies_of(report):
        talk.line(wording.headline(report, order.catalog), style="bold")
        talk.line(wording.fault_sentence(report) if fault else "")
        return
    write_proxies(report, talk, {link.id: link.name for link in order.plan.routes})
    if any(link.insecure for link in order.plan.routes):
        talk.line(t("proxies.insecure"), indent=2)
    if not report.run.simulated and any(route.rule == OWN_CLIENT for route in proxies_of(report)):
        _offer_local(talk)
    talk.line()
    for verdict in (each for each in whole_verdicts(report) if usable(report, each.target)):  # one that is off says nothing of them
        name, word = wording.name_of(verdict.target, report, order.catalog), wording.status_word(verdict.status)
        talk.line(f"{talk.symbol(verdict.status)} {name}: {word}", style=SYMBOLS.get(verdict.status, ("", "", ""))[2])
        talk.line(wording.card_sentence(verdict, report, order.catalog), indent=2)
    talk.line()
    talk.line(t("result.summary", n=tests_made(report), seconds=seconds(report.run.seconds)))
    talk.line(t("result.told_nobody"))


OWN_CLIENT: Final = "route.needs_its_own_client"
"""The rule of kinds that only their own program speaks."""


def _offer_local(talk: Terminal) -> None:
    """Name the proxies of programs that run on this computer, and how to test each: one may be what the link needs."""
    from diagnostics.network import RealNetwork
    from diagnostics.routes.grammar import format_link
    from diagnostics.routes.local import find_local
    from diagnostics.trust import Trust

    found = asyncio.run(find_local(RealNetwork(Trust())))
    names = [each.name or kind_word(each.link.kind) for each in found]
    talk.line(t("proxy.found.own_client", names=wording.some_names(names)) if found else t("proxy.found.none"), indent=2)
    for each in found:
        link = format_link(msgspec.structs.replace(each.link, name=""))
        talk.line(t("cli.proxy.try", command=f"{cli.program()} proxy {link}"), indent=2)
