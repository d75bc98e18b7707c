"""VPNs in the terminal: ``vpn`` looks at the one that is up, ``vpn PROFILE`` tests a profile and some services through it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app import cli, wording
from app.cli_check import Measure, Order, Stop, check, seconds_of
from app.cli_progress import shown_name
from app.cli_summary import write_beside, write_check_lines, write_proxies, write_tips
from app.cli_vpn_asks import allowed_in, may_send
from app.line_memory import keep, load
from app.report_facts import tests_made, whole_verdicts
from app.route_words import proxies_of, usable
from app.sentences import some_names
from app.terminal import SYMBOLS, Terminal
from app.texts import seconds, t
from app.vpn_words import ON_REQUEST, check_of, check_sentence, checks_in_order, compared_well, vpn_sentence, watch_sentence
from diagnostics.errors import InputError
from diagnostics.events import Event, WatchChanged
from diagnostics.model import Cause, Report, Status, VpnCheck, VpnVerdict

if TYPE_CHECKING:
    from diagnostics.plan import VpnPlan
    from diagnostics.vpn.profile import Profile

LONGEST_SCHEME: Final = 64
"""Bytes of what was handed over that are looked at for a proxy's link."""

_SEEN: Final = {"names": "names_seen", "ipv6": "ipv6_seen"}
"""Checks of where something would go, and those of how it is seen from outside."""


def profile_of(name: str) -> Profile:
    """Return the profile in a file, on standard input (``-``), or the server of an address.  Raises InputError."""
    from diagnostics.vpn.profile import MAX_PROFILE, open_profile, read_profile

    if name == "-":
        data = sys.stdin.buffer.read(MAX_PROFILE + 1)
        _refuse_proxy(data[:LONGEST_SCHEME].decode("ascii", "ignore"))
        return read_profile(data)
    _refuse_proxy(name)
    return read_profile(name) if "://" in name else open_profile(Path(name))


def _refuse_proxy(text: str) -> None:
    """Refuse the link of a proxy, and say what tests it; the link itself holds a password and is not repeated."""
    from diagnostics.routes.accounts import ACCOUNTS
    from diagnostics.routes.grammar import PLAIN_SCHEMES

    scheme, link, _ = text.strip().lower().partition("://")
    if link and scheme in {*ACCOUNTS, *PLAIN_SCHEMES} - {"http", "https"}:  # those two are pages as well
        raise InputError("cli.vpn.is_proxy", command=cli.program())


def _take_service(options: argparse.Namespace) -> None:
    """Take the first word for a service where it is the name of one and of no file: without a profile, the services come first."""
    from diagnostics.catalog import load_catalog

    name = options.profile
    catalog = load_catalog()
    if name is not None and name.strip().lower() in {*catalog.services, *catalog.aliases} and not Path(name).exists():
        options.profile, options.targets = None, [name, *options.targets]


def vpn_plan(options: argparse.Namespace) -> VpnPlan:
    """Return what ``check`` and ``vpn`` were asked to do about VPNs.  Raises InputError."""
    from diagnostics.plan import VpnPlan
    from diagnostics.vpn.profile import Consent
    from diagnostics.vpn.protection.line import LineMemory

    chosen = vars(options)
    profiles = tuple(profile_of(given) if isinstance(given, str) else given for given in options.vpn)  # what was read from a pipe is gone
    login = bool(chosen.get("login", False) or chosen.get("login_file")) and not chosen.get("greet_only", False)
    if login and len(profiles) > 1:  # one server's password is not another's to know
        raise InputError("error.login_one_profile")
    if login:
        profiles = tuple(allowed_in(profile, chosen.get("login_file")) for profile in profiles)
    in_use, doubt = asyncio.run(_use_of(profiles)) if profiles else (False, False)
    doubt = doubt and not chosen.get("not_in_use", False)
    protection = chosen.get("protection", False)
    return VpnPlan(
        profiles=profiles,
        consent=Consent(login=login, data=not chosen.get("greet_only", False), in_use=in_use, doubt=doubt),
        protection=protection,
        memory=load() if protection else LineMemory(),
        outside=chosen.get("outside", False),
        kill_switch=chosen.get("kill_switch", False),
        watch=seconds_of(chosen.get("watch")) or 0.0,
        look=chosen.get("look", False),
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
    if order.scenario is not None:
        return
    if asked.outside:
        _warn_of_looking(order, err)
    if not asked.profiles:
        return
    err.line(t("vpn_profile.seen"))
    consent = asked.consent
    if not any(profile.protocol in ONE_AT_A_TIME for profile in asked.profiles):
        return
    if not consent.only_greet:
        err.line(t("vpn.cuts_elsewhere"))
    elif not (consent.data or consent.in_use or consent.doubt):  # of those two the end speaks
        err.line(t("vpn.only_greets"))


def _warn_of_looking(order: Order, err: Terminal, *, without: bool = False) -> None:
    """Say what is asked of whom to see what the VPN protects, and who sees it; ``without``: no VPN is on, the line is learnt."""
    asked = order.plan.vpn
    if order.scenario is not None:
        return
    if asked.protection:
        err.line(t("vpn.learn.seen" if without else "vpn.asks.body"))
    if asked.outside:
        err.line(t("vpn.outside.seen.body", names=some_names([shown_name(service) for service in order.plan.targets])))
    if asked.kill_switch:
        err.line(t("vpn.kill.why.body"))


def vpn(options: argparse.Namespace, out: Terminal, err: Terminal, measure: Measure) -> int:
    """Look at the VPN that is up, or test a profile and some services through it; return the exit status.

    Raises InputError for a profile that is none.
    """
    from diagnostics.vpn.profile import Protocol

    options.list, options.light, options.ways_out = None, True, False
    _take_service(options)
    if options.profile is None and (options.login or options.login_file):
        raise InputError("error.login_without_profile")
    if options.profile is not None:
        profile = profile_of(options.profile)
        if (options.login or options.login_file) and profile.protocol is not Protocol.OPENVPN:
            raise InputError("error.login_not_openvpn")  # also where only a greeting would be sent
        may_send(options, profile, err)
        options.vpn, options.no_direct = [profile], True
        return check(options, out, err, measure, _tell)
    if options.watch is not None:
        return _watch(options, out, err, measure)
    options.vpn, options.no_direct, options.protection = [], False, True

    outside, kill_switch = options.outside, options.kill_switch

    def status(report: Report) -> int:
        return vpn_status(report, outside=outside, kill_switch=kill_switch)

    looked = _look(options, measure)
    none = looked is not None and looked.network.vpn.state == "none"
    if looked is not None and (looked.run.cancelled or (none and not options.learn)):
        tell = partial(_tell_none, outside=outside, kill_switch=kill_switch)
        options.look, options.protection, options.outside, options.kill_switch = True, False, False, False
        return check(options, out, err, _seen_already(looked), tell, status)
    memory = load()
    learnt: list[bool] = []

    async def learning(order: Order, tell: Callable[[Event], None], stop: Stop) -> Report:
        report = await measure(order, tell, stop)
        learnt.append(keep(memory, report))
        return report

    def tell_state(report: Report, talk: Terminal, order: Order) -> None:
        _tell_state(report, talk, order)
        if any(learnt):
            talk.line(t("vpn.learnt"))

    return check(options, out, err, learning, tell_state, status, partial(_warn_of_looking, without=none))


def _look(options: argparse.Namespace, measure: Measure) -> Report | None:
    """Return what this computer says by itself of the VPN that is up; a simulated network is measured at once, nobody sees that."""
    from diagnostics.catalog import load_catalog
    from diagnostics.plan import Plan, VpnPlan

    if options.simulate is not None:
        return None
    order = Order(Plan(targets=(), vpn=VpnPlan(look=True)), load_catalog(), None)
    with Stop() as stop:
        return asyncio.run(_awaited(measure, order, stop))


async def _awaited(measure: Measure, order: Order, stop: Stop) -> Report:
    return await measure(order, lambda _: None, stop)


def _seen_already(report: Report) -> Measure:
    """Return what stands for a measurement where there is nothing more to measure."""

    async def seen(_order: Order, _tell: Callable[[Event], None], _stop: Stop) -> Report:
        return report

    return seen


def vpn_status(report: Report, *, outside: bool = False, kill_switch: bool = False) -> int:
    """Return the exit status of ``vpn`` without a profile: whether everything that was looked at is as it should be.

    What was asked for and could not be had is not: a comparison without a VPN, or one that brought nothing, and a try of a kill switch.
    """
    if report.run.cancelled:
        return cli.CANCELLED
    if report.network.cause is Cause.NO_INTERNET and report.network.vpn.no_traffic() is None:
        return cli.NO_INTERNET
    found = report.network.vpn
    good = found.state not in ("unknown", "stale") and all(_is_fine(each, found) for each in found.checks)
    good = good and not (found.state == "none" and (outside or kill_switch)) and (not outside or compared_well(report))
    return cli.OK if good else cli.NOT_ALL_WORK


def _is_fine(check: VpnCheck, vpn: VpnVerdict) -> bool:
    """Tell whether a check found nothing wrong; what the set-up does not tell may have been seen from outside."""
    if check.status is Status.UNKNOWN and check.check in _SEEN:
        seen = check_of(vpn, _SEEN[check.check])
        return seen is not None and seen.status is Status.WORKS
    return check.status is Status.WORKS or (check.status is Status.NOT_TESTED and check.check not in ON_REQUEST)


def _watch(options: argparse.Namespace, out: Terminal, err: Terminal, measure: Measure) -> int:
    """Look once a second where everything would leave, and tell what changes as it does; nothing is sent."""
    options.vpn, options.no_direct = [], False
    looks = _Looks(err if options.json == "-" else out)

    async def watching(order: Order, tell: Callable[[Event], None], stop: Stop) -> Report:
        def both(event: Event) -> None:
            if isinstance(event, WatchChanged) and not options.quiet:
                looks.take(event)
            tell(event)

        report = await measure(order, both, stop)
        looks.tell()
        return report

    return check(options, out, err, watching, _tell_watch, watch_status)


class _Looks:
    """Tells what each look of a watch found, in one line."""

    def __init__(self, talk: Terminal) -> None:
        self._talk = talk
        self._heard: list[WatchChanged] = []
        self._inside: dict[str, bool] = {}
        self._begun = False

    def take(self, event: WatchChanged) -> None:
        """Gather what one look found: it comes within one turn of the loop."""
        if not self._heard:
            asyncio.get_running_loop().call_soon(self.tell)
        self._heard.append(event)

    def tell(self) -> None:
        """Write what was gathered."""
        from app.vpn_moments import moment_of
        from diagnostics.vpn.watch import Moment

        heard, self._heard = self._heard, []
        if not heard:
            return
        found = moment_of([Moment(t=each.t, what=each.what, part=each.part) for each in heard], self._inside)
        sentence = watch_sentence(inside=found.inside, what=found.what, seconds=found.seconds)
        if not self._begun and found.what != "none":
            sentence = t("vpn_watch.began" if found.inside else "vpn_watch.began_outside")
        self._begun = True
        self._talk.line(f"{found.seconds:6.1f} s  {sentence}", hanging=10)


def watch_status(report: Report) -> int:
    """Return the exit status of a watch: 0 only if a VPN was watched and nothing left it."""
    if report.run.cancelled:
        return cli.CANCELLED
    found = check_of(report.network.vpn, "watch")
    return cli.OK if found is not None and found.status in (Status.WORKS, Status.UNKNOWN) else cli.NOT_ALL_WORK


def _tell_watch(report: Report, talk: Terminal, _order: Order) -> None:
    found = check_of(report.network.vpn, "watch")
    talk.line(check_sentence(found) if found is not None else t("vpn.check_is.not_tested"), style="bold")


def write_notes(order: Order, talk: Terminal) -> None:
    """Write what is worth knowing of the profiles themselves."""
    if order.plan.vpn.profiles and order.plan.vpn.consent.in_use:
        talk.line(t("vpn.in_use"), indent=2)
    elif order.plan.vpn.profiles and order.plan.vpn.consent.doubt:
        talk.line(t("vpn.may_be_in_use"), indent=2)
    for profile in order.plan.vpn.profiles:
        for note in profile.notes:
            talk.line(t(note.text, **note.values), indent=2)


def _tell_none(report: Report, talk: Terminal, _order: Order, *, outside: bool, kill_switch: bool) -> None:
    """Write that no VPN is on, that nothing was sent for that, and what the person can do."""
    talk.line(vpn_sentence(report.network.vpn), style="bold")
    if report.network.vpn.state != "none":
        return
    if outside:
        talk.line(t("vpn.outside.no_vpn"))
    if kill_switch:
        talk.line(t("vpn.rule.kill_switch_without_vpn"))
    talk.line(t("vpn.none.looked"))
    talk.line(t("cli.vpn.try", command=f"{cli.program()} vpn"))
    talk.line(t("vpn.none.learn", command=f"{cli.program()} vpn --learn"))


def _tell_state(report: Report, talk: Terminal, order: Order) -> None:
    """Write which VPN is up, every check of it, and how services fare beside it where that was asked for."""
    if report.run.simulated:
        talk.line(t("workshop.ribbon"), style="bold")
    vpn = report.network.vpn
    talk.line(wording.headline(report) if report.network.cut_by() else vpn_sentence(vpn), style="bold")
    if wording.failure(report) and not vpn.left_block():  # its check, below, says the rest
        talk.line(wording.fault_sentence(report))
    write_check_lines(report, checks_in_order(vpn), talk)
    write_beside(report, talk, order.catalog)
    write_tips(report, talk)
    _tell_end(report, talk)


def _tell_end(report: Report, talk: Terminal) -> None:
    talk.line()
    talk.line(t("result.summary", n=tests_made(report), seconds=seconds(report.run.seconds)))
    talk.line(t("result.told_nobody"))


def _tell(report: Report, talk: Terminal, order: Order) -> None:
    """Write how the profile is, then how each service fares through it."""
    if report.run.simulated:
        talk.line(t("workshop.ribbon"), style="bold")
    fault = wording.failure(report)
    if fault or not proxies_of(report):
        talk.line(wording.headline(report, order.catalog), style="bold")
        talk.line(wording.fault_sentence(report) if fault else "")
        write_tips(report, talk)
        return
    write_proxies(report, talk, {})
    write_notes(order, talk)
    through = [each for each in whole_verdicts(report) if usable(report, each.target)]
    if through:
        talk.line()
    for verdict in through:
        name, word = wording.name_of(verdict.target, report, order.catalog), wording.status_word(verdict.status)
        talk.line(f"{talk.symbol(verdict.status)} {name}: {word}", style=SYMBOLS.get(verdict.status, ("", "", ""))[2])
        talk.line(wording.card_sentence(verdict, report, order.catalog), indent=2)
    write_tips(report, talk)
    _tell_end(report, talk)
