"""``check``: plan, measure, tell, write the report."""

from __future__ import annotations

import argparse
import asyncio
import math
import signal
import time
import types
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from app import __version__, cli
from app.cli_progress import Progress, progress_for
from app.cli_save import Outputs, refused_in_full
from app.cli_summary import write_summary
from app.report_facts import verdicts_over_routes, whole_verdicts
from app.terminal import Terminal
from app.texts import t
from diagnostics.errors import InputError
from diagnostics.events import Event
from diagnostics.model import Cause, Fact, Report, Status

if TYPE_CHECKING:
    from diagnostics.catalog import Catalog
    from diagnostics.plan import Plan, VpnPlan
    from diagnostics.sim.scenario import Scenario
    from diagnostics.vpn.profile import Profile

MOST_SECONDS: Final = 86_400.0

PATIENCE: Final = 2.0
"""Seconds that a run may take to end, and its report to be written, before Ctrl-C is believed to mean the program itself."""

PRESSES: Final = 3

Measure = Callable[["Order", Callable[[Event], None], "Stop"], Awaitable[Report]]
"""Measures what was ordered, telling what happens, until it is done or stopped."""


class Cancellable(Protocol):
    """A run that can be ended early."""

    def cancel(self) -> None:
        """End it; what was measured is kept."""


class Order:
    """What is to be measured, and on which network."""

    def __init__(self, plan: Plan, catalog: Catalog, scenario: Scenario | None) -> None:
        """Keep all three; ``scenario`` None is the real network."""
        self.plan = plan
        self.catalog = catalog
        self.scenario = scenario


class Stop:
    """The person's Ctrl-C (or SIGTERM) until the report is saved: it ends the run, and what is known is kept.

    Pressing again changes nothing, so that an impatient second press does not cost the report; the third ends the program if
    the first was ``PATIENCE`` seconds ago.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was pressed yet; ``clock`` gives seconds."""
        self.asked = False
        self._clock = clock
        self._presses = 0
        self._first = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._run: Cancellable | None = None
        self._before: list[tuple[signal.Signals, Any]] = []

    def __enter__(self) -> Stop:
        """Listen to both signals, where this thread may."""
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before.append((number, signal.signal(number, self._pressed)))
            except ValueError:  # not the main thread: somebody else listens
                break
        return self

    def __exit__(self, *_: object) -> None:
        """Restore what was."""
        for number, handler in self._before:
            signal.signal(number, handler)

    def _pressed(self, _number: int, _frame: types.FrameType | None) -> None:
        self._presses += 1
        if self.asked:
            if self._presses >= PRESSES and self._clock() - self._first >= PATIENCE:
                raise KeyboardInterrupt
            return
        self.asked, self._first = True, self._clock()
        if self._loop is not None and self._run is not None:
            self._loop.call_soon_threadsafe(self._run.cancel)  # wakes the loop, on Windows too

    def attach(self, run: Cancellable) -> None:
        """End ``run`` when asked to; at once if that was before."""
        self._loop, self._run = asyncio.get_running_loop(), run
        if self.asked:
            run.cancel()


async def measure_for_real(order: Order, tell: Callable[[Event], None], stop: Stop) -> Report:
    """Run the engine, on this computer's network or on a simulated one."""
    from diagnostics.runner import Run

    if order.scenario is None:
        from diagnostics.network import RealNetwork
        from diagnostics.trust import Trust

        run = Run(order.plan, RealNetwork(Trust()), tell, version=__version__)
        stop.attach(run)
        return await run.complete()
    from diagnostics.sim import open_simulation

    async with open_simulation(order.scenario, order.catalog) as network:
        run = Run(order.plan, network, tell, version=__version__)
        stop.attach(run)
        return await run.complete()


Summary = Callable[[Report, Terminal, Order], None]


def _summary(report: Report, talk: Terminal, order: Order) -> None:
    write_summary(report, talk, order.catalog, names={link.id: link.name for link in order.plan.routes})
    if any(link.insecure for link in order.plan.routes):
        talk.line(t("proxies.insecure"))
    if order.plan.vpn.profiles:
        from app.cli_vpn import write_notes

        write_notes(order, talk)


def check(
    options: argparse.Namespace,
    out: Terminal,
    err: Terminal,
    measure: Measure,
    tell: Summary = _summary,
    status: Callable[[Report], int] | None = None,
    warn: Callable[[Order, Terminal], None] | None = None,
) -> int:
    """Test what was asked for, ``tell`` it and return the exit status: what ``status`` says of the report, or ``exit_status``.

    ``warn`` says first who will see what is done; by default what profiles and a comparison need.

    Raises InputError, before anything is measured or at its end.
    """
    timeout = seconds_of(options.timeout)
    outputs = Outputs(options)
    if refused_in_full(options, err):
        return cli.USAGE
    problem: InputError | None = None
    said: list[str] = []
    with Stop() as stop:
        order = _order(options, timeout, err)
        outputs.check()
        if not options.quiet:
            (warn or _warn_before)(order, err)
        progress = progress_for(err, order.plan, quiet=options.quiet or order.plan.vpn.watch > 0 or order.plan.vpn.look)
        report = asyncio.run(_measured(order, progress, stop, measure))
        try:  # before the summary: whoever is impatient while it is written has the report already
            said = outputs.write(report, out, _ways(order)) if outputs else []
        except InputError as error:
            problem = error
    if not options.quiet:
        talk = err if outputs.takes_stdout else out  # `--json -` leaves standard output to the report
        tell(report, talk, order)
        for sentence in said:
            talk.line(sentence)
    if problem is not None:
        raise problem
    return (status or exit_status)(report)


def _ways(order: Order) -> list[Fact]:
    """Return the person's own ways out that this run knows, so that nothing a server says of them is handed on."""
    return [*order.plan.routes, *order.plan.vpn.lent, *order.plan.vpn.profiles]


def _order(options: argparse.Namespace, timeout: float | None, err: Terminal) -> Order:
    from app.cli_proxy import links_of
    from diagnostics.catalog import load_catalog
    from diagnostics.plan import make_plan, with_vpn

    catalog = load_catalog()
    scenario = None
    if options.simulate is not None:
        from diagnostics.sim.scenario import find_scenario

        scenario = find_scenario(options.simulate)
    urls = list(options.url)
    if options.list is not None:
        from app.cli_list import listed_sites

        urls += listed_sites(options.list, err, quiet=options.quiet)
    routes = [link for given in options.proxy for link in links_of(given)]
    asked = _vpn_plan(options)
    if options.no_direct and not routes and not asked.profiles:
        raise InputError("error.no_route")
    plan = make_plan(
        options.targets,
        urls,
        catalog,
        timeout=timeout,
        routes=routes,
        direct=not options.no_direct,
        ways=not options.light,
        exits=options.ways_out and not options.light,
    )
    nothing_named = not options.targets and not urls
    if asked.watch or asked.look or (nothing_named and _about_vpn_alone(asked, only_routes=options.no_direct and not routes)):
        plan = msgspec.structs.replace(plan, targets=())
    return Order(with_vpn(plan, asked), catalog, scenario)


def _about_vpn_alone(asked: VpnPlan, *, only_routes: bool) -> bool:
    """Tell whether no service is tested unless it is named: a check of the VPN that is up, or profiles through which no page goes.

    Through one that is only greeted none goes either.
    """
    if asked.profiles:
        return only_routes and all(_takes_no_page(profile, asked) for profile in asked.profiles)
    return asked.protection and not asked.outside


def _takes_no_page(profile: Profile, asked: VpnPlan) -> bool:
    from diagnostics.judge.vpn_evidence import PAGELESS
    from diagnostics.vpn.profile import ONE_AT_A_TIME

    return profile.protocol in PAGELESS or (asked.consent.only_greet and profile.protocol in ONE_AT_A_TIME)


def _vpn_plan(options: argparse.Namespace) -> VpnPlan:
    from diagnostics.plan import VpnPlan

    if "vpn" not in options:
        return VpnPlan()  # ``proxy`` has no such option
    from app.cli_vpn import vpn_plan

    return vpn_plan(options)


def _warn_before(order: Order, err: Terminal) -> None:
    if order.plan.vpn.profiles or order.plan.vpn.outside:
        from app.cli_vpn import warn_before

        warn_before(order, err)


async def _measured(order: Order, progress: Progress, stop: Stop, measure: Measure) -> Report:
    with progress:
        return await measure(order, progress.tell, stop)


def seconds_of(text: str | None) -> float | None:
    """Return ``--timeout`` in seconds, or None for no bound; 1,5 is 1.5.  Raises InputError("error.bad_timeout")."""
    if text is None:
        return None
    try:
        value = float(text if "." in text else text.replace(",", ".", 1))
    except ValueError:
        value = math.nan
    if not 0 < value <= MOST_SECONDS:  # false for nan too
        raise InputError("error.bad_timeout", value=text)
    return value


def exit_status(report: Report) -> int:
    """Return what a run's outcome is as an exit status."""
    from diagnostics.judge.vpn_evidence import PAGELESS

    if report.run.cancelled:
        return cli.CANCELLED
    if report.network.cause is Cause.NO_INTERNET:
        return cli.NO_INTERNET
    pageless = {route.id: route for route in report.routes if route.kind in PAGELESS}
    whole = whole_verdicts(report)
    every = [*whole, *(over for verdict in whole for over in verdicts_over_routes(report, verdict.target))]
    tested = [verdict for verdict in every if verdict.route not in pageless]  # nothing goes through those: they are tested themselves
    statuses = [*(verdict.status for verdict in tested), *(route.status for route in pageless.values())]
    return cli.OK if statuses and all(status is Status.WORKS for status in statuses) else cli.NOT_ALL_WORK
