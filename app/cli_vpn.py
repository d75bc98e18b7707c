"""VPNs in the terminal: ``vpn`` looks at the one that is up, ``vpn PROFILE`` tests a profile and some services through it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app import cli, wording
from app.cli_check import Measure, Order, Stop, check, seconds_of
from app.cli_summary import write_beside, write_proxies
from app.line_memory import keep, load
from app.report_facts import whole_verdicts
from app.route_words import proxies_of, usable
from app.terminal import SYMBOLS, Terminal
from app.texts import seconds, t
from app.vpn_words import check_sentence, check_title, check_word, checks_in_order, vpn_sentence, watch_sentence
from diagnostics.events import Event
from diagnostics.model import Cause, Report, Status, Step

if TYPE_CHECKING:
    from diagnostics.plan import VpnPlan
    from diagnostics.vpn.profile import Profile


def profile_of(name: str) -> Profile:
    """Return the profile in a file, or on standard input (``-``).  Raises InputError."""
    from diagnostics.vpn.profile import MAX_PROFILE, open_profile, read_profile

    return read_profile(sys.stdin.buffer.read(MAX_PROFILE + 1)) if name == "-" else open_profile(Path(name))


def vpn_plan(options: argparse.Namespace) -> VpnPlan:
    """Return what ``check`` and ``vpn`` were asked to do about VPNs.  Raises InputError."""
    from diagnostics.plan import VpnPlan
    from diagnostics.vpn.profile import Consent
    from diagnostics.vpn.protection.line import LineMemory

    chosen = vars(options)
    profiles = tuple(profile_of(name) for name in options.vpn)
    in_use, doubt = asyncio.run(_use_of(profiles)) if profiles else (False, False)
    protection = chosen.get("protection", False)
    return VpnPlan(
        profiles=profiles,
        consent=Consent(data=not chosen.get("greet_only", False), in_use=in_use, doubt=doubt and not chosen.get("not_in_use", False)),
        protection=protection,
        memory=load() if protection else LineMemory(),
        outside=chosen.get("outside", False),
        kill_switch=chosen.get("kill_switch", False),
    )


async def _use_of(profiles: tuple[Profile, ...]) -> tuple[bool, bool]:
    """Return whether some profiles are in use on this computer, and whether that is in doubt."""
    from diagnostics.vpn.in_use import is_in_use, may_be_in_use

    in_use = await is_in_use(profiles)
    return in_use, not in_use and await may_be_in_use(profiles)


def warn_before(order: Order, err: Terminal) -> None:
    """Say before anything is sent who will see that profiles are tested, and what that does to a tunnel in use elsewhere."""
    from diagnostics.vpn.profile import ONE_AT_A_TIME

    asked = order.plan.vpn
    if not asked.profiles or order.scenario is not None:
        return
    err.line(t("vpn_profile.seen"))
    if any(profile.protocol in ONE_AT_A_TIME for profile in asked.profiles) and not asked.consent.only_greet:
        err.line(t("vpn.cuts_elsewhere"))


def vpn(options: argparse.Namespace, out: Terminal, err: Terminal, measure: Measure) -> int:
    """Look at the VPN that is up, or test a profile and some services through it; return the exit status.

    Raises InputError for a profile that is none.
    """
    options.list, options.light, options.ways_out = None, True, False
    if options.profile is not None:
        options.vpn, options.no_direct = [options.profile], True
        return check(options, out, err, measure, _tell)
    if options.watch is not None:
        return _watch(seconds_of(options.watch) or 0.0, out)
    options.vpn, options.no_direct, options.protection = [], False, True
    memory = load()

    async def learning(order: Order, tell: Callable[[Event], None], stop: Stop) -> Report:
        report = await measure(order, tell, stop)
        keep(memory, report)
        return report

    return check(options, out, err, learning, _tell_state, vpn_status)


def vpn_status(report: Report) -> int:
    """Return the exit status of ``vpn`` without a profile: whether everything that was looked at is as it should be."""
    if report.run.cancelled:
        return cli.CANCELLED
    if report.network.cause is Cause.NO_INTERNET:
        return cli.NO_INTERNET
    found = report.network.vpn
    bad = (Status.PARTIAL, Status.DOWN, Status.BLOCKED, Status.LIKELY_BLOCKED)
    return cli.NOT_ALL_WORK if found.state in ("unknown", "stale") or any(each.status in bad for each in found.checks) else cli.OK


def _watch(seconds: float, out: Terminal) -> int:
    """Look once a second where everything would leave, and tell what changes as it does; nothing is sent."""
    from app.vpn_moments import moment_of
    from diagnostics.network import RealNetwork
    from diagnostics.trust import Trust
    from diagnostics.vpn.watch import Moment, watch

    inside: dict[str, bool] = {}
    left = False

    def tell(moment: Moment) -> None:
        nonlocal left
        left |= moment.what == "left"
        found = moment_of([moment], inside)
        out.line(f"{moment.t:6.1f} s  {watch_sentence(inside=found.inside, what=found.what, seconds=found.seconds)}", hanging=10)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(watch(RealNetwork(Trust()), seconds, tell))
    return cli.NOT_ALL_WORK if left else cli.OK


def write_notes(order: Order, talk: Terminal) -> None:
    """Write what is worth knowing of the profiles themselves."""
    if order.plan.vpn.profiles and order.plan.vpn.consent.in_use:
        talk.line(t("vpn.in_use"), indent=2)
    elif order.plan.vpn.profiles and order.plan.vpn.consent.doubt:
        talk.line(t("vpn.may_be_in_use"), indent=2)
    for profile in order.plan.vpn.profiles:
        for note in profile.notes:
            talk.line(t(note.text, **note.values), indent=2)


def _tell_state(report: Report, talk: Terminal, order: Order) -> None:
    """Write which VPN is up, every check of it, and how services fare beside it where that was asked for."""
    if report.run.simulated:
        talk.line(t("workshop.ribbon"), style="bold")
    talk.line(vpn_sentence(report.network.vpn), style="bold")
    if wording.failure(report):
        talk.line(wording.fault_sentence(report))
    for each in checks_in_order(report.network.vpn):
        talk.line(f"{talk.symbol(each.status)} {check_title(each)}: {check_word(each)}", style=SYMBOLS.get(each.status, ("", "", ""))[2])
        talk.line(check_sentence(each), indent=2)
    write_beside(report, talk, order.catalog)
    talk.line()
    _tell_end(report, talk)


def _tell_end(report: Report, talk: Terminal) -> None:
    tests = sum(1 for observation in report.observations if observation.step is not Step.SYSTEM)
    talk.line(t("result.summary", n=tests, seconds=seconds(report.run.seconds)))
    talk.line(t("result.told_nobody"))


def _tell(report: Report, talk: Terminal, order: Order) -> None:
    """Write how the profile is, then how each service fares through it."""
    if report.run.simulated:
        talk.line(t("workshop.ribbon"), style="bold")
    fault = wording.failure(report)
    if fault or not proxies_of(report):
        talk.line(wording.headline(report, order.catalog), style="bold")
        talk.line(wording.fault_sentence(report) if fault else "")
        return
    write_proxies(report, talk, {})
    write_notes(order, talk)
    talk.line()
    for verdict in (each for each in whole_verdicts(report) if usable(report, each.target)):
        name, word = wording.name_of(verdict.target, report, order.catalog), wording.status_word(verdict.status)
        talk.line(f"{talk.symbol(verdict.status)} {name}: {word}", style=SYMBOLS.get(verdict.status, ("", "", ""))[2])
        talk.line(wording.card_sentence(verdict, report, order.catalog), indent=2)
    talk.line()
    _tell_end(report, talk)
