"""VPNs in the terminal: ``vpn`` looks at the one that is up, ``vpn PROFILE`` tests a profile and some services through it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app import cli, wording
from app.cli_check import Measure, Order, Stop, check, seconds_of
from app.cli_summary import write_beside, write_proxies
from app.line_memory import keep, load
from app.report_facts import whole_verdicts
from app.route_words import proxies_of, usable
from app.terminal import SYMBOLS, Terminal
from app.texts import seconds, t
from app.vpn_words import check_sentence, check_title, check_word, checks_in_order, vpn_sentence, watch_sentence
from diagnostics.errors import InputError
from diagnostics.events import Event
from diagnostics.model import Cause, Report, Status, Step

if TYPE_CHECKING:
    from diagnostics.plan import VpnPlan
    from diagnostics.vpn.profile import Profile

MOST_LOGIN_FILE: Final = 4096
"""Bytes that are read of a file with a user's name and password."""


def profile_of(name: str) -> Profile:
    """Return the profile in a file, or on standard input (``-``).  Raises InputError."""
    from diagnostics.vpn.profile import MAX_PROFILE, open_profile, read_profile

    return read_profile(sys.stdin.buffer.read(MAX_PROFILE + 1)) if name == "-" else open_profile(Path(name))


def allowed_in(profile: Profile, file: str | None) -> Profile:
    """Return an OpenVPN profile with what it needs to log in: from a file of two lines, else its own, else asked on the terminal.

    Raises InputError: for a profile of another kind, for a file that cannot be used, and where nobody can be asked.
    """
    from diagnostics.vpn.openvpn.profile import OpenVpnProfile, with_login

    if not isinstance(profile, OpenVpnProfile):
        raise InputError("error.login_not_openvpn")
    if file is not None:
        return with_login(profile, *_two_lines(Path(file)))
    if not profile.asks_login:
        return profile
    if not sys.stdin.isatty():
        raise InputError("error.login_missing")
    print(t("cli.login.user"), end=" ", file=sys.stderr, flush=True)
    user = sys.stdin.readline().strip()
    return with_login(profile, user, getpass.getpass(f"{t('cli.login.password')} "))


def _two_lines(path: Path) -> tuple[str, str]:
    """Return the first two lines of a file.  Raises InputError."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_LOGIN_FILE).decode("utf-8-sig")
    except OSError as error:
        raise InputError("error.cannot_read", file=str(path), reason=error.strerror or type(error).__name__) from error
    except UnicodeDecodeError:
        raise InputError("error.login_missing") from None
    user, password, *_ = [*text.splitlines(), "", ""]
    return user.strip(), password


def vpn_plan(options: argparse.Namespace) -> VpnPlan:
    """Return what ``check`` and ``vpn`` were asked to do about VPNs.  Raises InputError."""
    from diagnostics.plan import VpnPlan
    from diagnostics.vpn.in_use import is_in_use
    from diagnostics.vpn.profile import Consent
    from diagnostics.vpn.protection.line import LineMemory

    chosen = vars(options)
    profiles = tuple(profile_of(name) for name in options.vpn)
    login = bool(chosen.get("login", False) or chosen.get("login_file")) and not chosen.get("greet_only", False)
    if login:
        profiles = tuple(allowed_in(profile, chosen.get("login_file")) for profile in profiles)
    in_use = asyncio.run(is_in_use(profiles)) if profiles else False
    protection = chosen.get("protection", False)
    return VpnPlan(
        profiles=profiles,
        consent=Consent(login=login, data=not chosen.get("greet_only", False), in_use=in_use),
        protection=protection,
        memory=load() if protection else LineMemory(),
        outside=chosen.get("outside", False),
        kill_switch=chosen.get("kill_switch", False),
    )


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
