"""Runs a plan: everything at once within bounds, told as it happens, cancellable at any point.

A run that is cancelled keeps what was measured; what was not reached is ``not_tested``, never a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import platform
import random
import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import resources
from diagnostics.advice import tips_for
from diagnostics.controls import chosen_secure
from diagnostics.events import Event, NetworkJudged, RunDone, RunStarted, StepDone, TargetJudged, WatchChanged, WaysJudged, WaysSought
from diagnostics.judge import Judgement, judge, judge_target
from diagnostics.judge.evidence import Evidence
from diagnostics.judge.routes import provable
from diagnostics.judge.targets import MASKING
from diagnostics.judge.workarounds import judge_workarounds
from diagnostics.model import AppFacts, Endpoint, Function, NetworkVerdict, Report, RunFacts, Service, Verdict
from diagnostics.network import Network, allow_many_sockets
from diagnostics.plan import Plan
from diagnostics.probes.app_proxy import measure_app_proxy
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import EndpointProbe, Trusts
from diagnostics.probes.followups import FollowUps
from diagnostics.probes.internet import measure_internet
from diagnostics.probes.lookup import Lookups
from diagnostics.probes.place import is_onion
from diagnostics.probes.pool import ResolverPool
from diagnostics.probes.route import RouteProbe
from diagnostics.probes.route_checks import RouteChecks
from diagnostics.probes.system_proxy import measure_system_proxy
from diagnostics.probes.through import Through
from diagnostics.routes.link import APPS, Link
from diagnostics.trace import Trace
from diagnostics.vpn.profile import Profile
from diagnostics.vpn.state.note import note_vpn
from diagnostics.workarounds.search import Search

log = logging.getLogger("atajo.runner")


def _own_roots(service: Service) -> str | None:
    """Return the text of a service's own root certificates (PEM)."""
    return resources.text("services", service.roots) if service.roots else None


APP_VERSION_UNKNOWN = "0"

UNDER_WAY: Final = 400
"""Targets that are measured at once: what waits for its turn costs memory, and a long list has thousands."""

SPREAD: Final = 0.03
"""Seconds within which the endpoints of a target begin, by chance: a volley in one millisecond has a look of its own."""


def system_name(system: str, release: str) -> str:
    """Return the system as a report names it, "Linux 6.18": what builders append to a release may tell whose computer it is."""
    version = re.match(r"\d{1,4}(\.\d{1,4})?", release)
    return f"{system} {version[0]}" if version else system


def own_names(hosts_file: Mapping[str, tuple[str, ...]], plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return what a hosts file says of the names of a plan; what else somebody wrote into it is nobody's business."""
    hosts = {e.host for target in plan.targets for function in target.functions for e in function.endpoints}
    hosts |= {control.host for control in plan.controls}
    return {name: addresses for name, addresses in hosts_file.items() if name in hosts}


async def _contained(work: Coroutine[None, None, None], what: str) -> None:
    """Do a part of a run; a defect met in it must not take the others down with it."""
    try:
        await work
    except Exception:  # whatever it is: the report says what the other parts found, and the log what happened
        log.exception("%s failed", what)


class Run:
    """One run of a plan.  Make it inside a running loop, then ``await complete()``."""

    def __init__(
        self, plan: Plan, network: Network, on_event: Callable[[Event], None] = lambda _event: None, *, version: str = APP_VERSION_UNKNOWN
    ) -> None:
        """Prepare; nothing is sent before ``complete``.  ``version`` is written into the report."""
        self._plan = plan
        self._network = network
        self._on_event = on_event
        self._evidence = Evidence()
        self._network_so_far = NetworkVerdict()
        self._line_known = asyncio.Event()
        self._version = version
        self._id = secrets.token_hex(6)
        self._key = secrets.token_bytes(16)  # for marks of addresses; it is written nowhere
        self._chance = random.Random(self._id)  # noqa: S311 - an order, not a secret
        self._started = datetime.now(UTC)
        self._trace = Trace(self._take)
        self._measuring: asyncio.Task[None] | None = None
        self._context: Context | None = None
        self._cancelled = False

    def _take(self, event: Event) -> None:
        """Keep what was measured where the judge finds it, and pass the event on."""
        if isinstance(event, StepDone):
            self._evidence.add(event.observation)
        self._on_event(event)

    def cancel(self) -> None:
        """Stop measuring; ``complete`` then returns the partial report.  Call it from the loop's own thread."""
        self._cancelled = True
        self._cancel_measuring()

    def _cancel_measuring(self) -> None:
        if self._measuring:
            self._measuring.cancel()
        if self._context:
            self._context.end()  # at once: a background step must not ask anything while the others are being cancelled

    async def complete(self) -> Report:
        """Measure, judge and return the report; with what is known if the run was cancelled or its time ran out."""
        allow_many_sockets()
        self._on_event(RunStarted(targets=tuple(t.id for t in self._plan.targets), simulated=self._network.simulated))
        self._measuring = asyncio.get_running_loop().create_task(self._measure())
        if self._cancelled:
            self._measuring.cancel()
        try:
            async with asyncio.timeout(self._plan.timeout):
                await asyncio.shield(self._measuring)
        except TimeoutError:
            log.info("the run's time is over")
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
        finally:
            await self._stop_measuring()
        report = self._report()
        self._tell(report)
        return report

    async def _stop_measuring(self) -> None:
        task = self._measuring
        if task is not None:
            if not self._cancelled:  # a second cancel would cut short the tidying of the first
                self._cancel_measuring()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(outcome, Exception):
                raise outcome

    async def _measure(self) -> None:
        trace, plan = self._trace, self._plan
        trace.note("plan", **plan.facts())
        trace.note("clock", now=self._network.clock())
        context = self._context = Context(self._network, trace, plan.resolvers, plan.controls, many=plan.many)
        watching = asyncio.get_running_loop().create_task(context.lateness.watch())
        try:
            if plan.vpn.watch:
                from diagnostics.vpn.requested import watch_tunnel

                await watch_tunnel(context, plan.vpn.watch, lambda m: self._on_event(WatchChanged(t=m.t, what=m.what, part=m.part)))
                return
            if plan.vpn.look:
                from diagnostics.vpn.requested import look_only

                await look_only(context)
                return
            await self._measure_with(context)
            if plan.vpn.kill_switch:
                from diagnostics.vpn.requested import try_kill_switch

                await _contained(try_kill_switch(context), "trying the kill switch")
            if plan.vpn.outside:
                await _contained(self._beside_vpn(context), "measuring beside the VPN")
        finally:
            watching.cancel()
            trace.note("lateness", worst=round(context.lateness.worst, 3), share=round(context.lateness.share, 3))

    async def _measure_with(self, context: Context) -> None:
        trace, plan = self._trace, self._plan
        async with context.settled():
            context.begin_trusting(tuple(pem for t in plan.targets if (pem := _own_roots(t))))
            context.spawn(note_vpn(context))
            if plan.direct:
                context.spawn(measure_system_proxy(context))
            context.nameservers = await self._network.nameservers()
            context.ipv6 = await self._network.routes_ipv6()
            trace.note("resolver", addresses=context.nameservers)
            trace.note("ipv6", route=context.ipv6)
            written = own_names(await self._network.hosts_file(), plan)
            if written:
                trace.note("hosts_file", entries=written)
            neutral = context.neutral
            pool = ResolverPool(context, neutral.host if neutral else plan.targets[0].functions[0].endpoints[0].host)
            lookups = Lookups(context, pool)
            followups = FollowUps(context, lookups)
            search = Search(context, self._evidence, lookups) if plan.ways else None
            pool.start()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._internet(context, lookups, followups))
                    targets = self._in_any_order() if plan.direct else iter(())
                    for _ in range(min(UNDER_WAY, len(plan.targets))):
                        group.create_task(self._targets(context, lookups, followups, search, targets))
                    if plan.exits:
                        group.create_task(self._exits(context))
                    if plan.vpn.protection:
                        group.create_task(_contained(self._protect(context, pool), "looking at what the VPN protects"))
                    checks = RouteChecks(context)
                    for link in plan.routes:
                        group.create_task(_contained(self._route(context, link, checks), f"measuring {link.id}"))
                    for profile in plan.vpn.profiles:
                        group.create_task(_contained(self._profile(context, profile, checks), f"testing {profile.id}"))
                await lookups.compared()
                await followups.speeds.measure()
                if search is not None:
                    await self._around_slow(search)
            finally:
                pool.close()

    async def _protect(self, context: Context, pool: ResolverPool) -> None:
        """See whether the VPN that is up protects."""
        from diagnostics.vpn.requested import protect

        await protect(context, pool, self._plan.vpn.memory, self._key)

    async def _beside_vpn(self, context: Context) -> None:
        """Measure the services again beside a VPN that is up: the ordinary measurements have ended, and learn nothing from these."""
        from diagnostics.vpn.outside.comparison import measure_outside, outside_context

        outside = outside_context(context, await self._network.beside_vpn())
        if outside is not None:
            self._context = outside  # what a cancelled run ends
            await measure_outside(outside, self._plan, _own_roots, self._key)

    async def _internet(self, context: Context, lookups: Lookups, followups: FollowUps) -> None:
        trusts = Trusts(self._network.trust)
        probe = EndpointProbe(context, lookups, followups, target=None, trusts=trusts, purpose="control")
        await measure_internet(context, probe, self._plan.targets)
        self._network_so_far = judge(self._trace.observations).network
        self._line_known.set()
        self._on_event(NetworkJudged(network=self._network_so_far))

    async def _exits(self, context: Context) -> None:
        """See whether ways out can be reached; none of them is used."""
        from diagnostics.workarounds.exit_probe import measure_exits
        from diagnostics.workarounds.exits import known_exits

        await self._line_known.wait()
        if self._network_so_far.cause not in MASKING:
            await measure_exits(context, known_exits(), self._network.trust)

    async def _route(self, context: Context, link: Link, checks: RouteChecks) -> None:
        """Measure one proxy, and every service through it; an app's own proxy carries that app alone."""
        if link.kind in APPS:
            await measure_app_proxy(context, link, self._plan.targets)
            return
        probe = RouteProbe(context, link)
        if not await probe.begin() or not await probe.reaches_controls(chosen_secure(self._plan.controls)):
            return
        await self._through(probe, checks)

    async def _profile(self, context: Context, profile: Profile, checks: RouteChecks) -> None:
        """Test one VPN profile, and every service through it where it gives a tunnel."""
        from diagnostics.vpn.measure import measure_profile
        from diagnostics.vpn.probing import Probing
        from diagnostics.vpn.through import TunnelProbe

        await self._line_known.wait()  # how far this computer's clock is off has to be known before a greeting carries its time
        probing = Probing(context, profile, self._plan.vpn.consent, (*self._plan.routes, *self._plan.vpn.lent))
        tunnel = await measure_profile(probing, self._network_so_far.clock_skew_s)
        if tunnel is None:
            return
        with contextlib.closing(tunnel):
            probe = TunnelProbe(probing, tunnel)
            if await probe.reaches(chosen_secure(self._plan.controls)):
                await self._through(probe, checks)

    async def _through(self, probe: Through, checks: RouteChecks) -> None:
        """Measure every service through a way that leads somewhere, and what else there is to know of it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(checks.measure(probe))
            for target in self._plan.targets:
                trusts = Trusts(self._network.trust, _own_roots(target), target.suffixes)
                group.create_task(probe.measure_service(provable(target), trusts))

    def _in_any_order(self) -> Iterator[Service]:
        """Yield the targets in another order each time: a fixed one would be a fingerprint of this program."""
        targets = list(self._plan.targets)
        self._chance.shuffle(targets)
        return iter(targets)

    async def _targets(
        self, context: Context, lookups: Lookups, followups: FollowUps, search: Search | None, targets: Iterator[Service]
    ) -> None:
        """Measure targets until there are no more; several of these share one iterator."""
        for target in targets:
            trusts = Trusts(self._network.trust, _own_roots(target), target.suffixes)
            await self._target(context, lookups, followups, target, trusts)
            if search is not None:
                await self._around(search, target, trusts)

    async def _around(self, search: Search, target: Service, trusts: Trusts) -> None:
        """Look for ways round what is shut for a target, unless a fault of the line explains it."""
        await self._line_known.wait()
        if self._network_so_far.cause in MASKING or not search.wanted(target) or not search.room(target):
            return
        self._on_event(WaysSought(target=target.id))
        await _contained(search.around(target, trusts), f"looking for ways round {target.id}")
        found = tuple(way for way in judge_workarounds(self._evidence) if way.target == target.id)
        self._on_event(WaysJudged(target=target.id, workarounds=found))

    async def _around_slow(self, search: Search) -> None:
        """Look for ways round for pages that turned out to be frozen, once everything else is quiet."""
        async with asyncio.TaskGroup() as group:
            for target in self._plan.targets:
                if search.wanted(target):
                    trusts = Trusts(self._network.trust, _own_roots(target), target.suffixes)
                    group.create_task(self._around(search, target, trusts))

    async def _target(self, context: Context, lookups: Lookups, followups: FollowUps, target: Service, trusts: Trusts) -> None:
        probe = EndpointProbe(context, lookups, followups, target=target.id, trusts=trusts)
        measured: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            endpoints = {e.key: e for function in target.functions for e in function.endpoints}
            alone = len(self._plan.targets) == len(endpoints) == 1
            for key in self._chance.sample(list(endpoints), len(endpoints)):
                wait = 0.0 if alone or context.many else self._chance.uniform(0.0, SPREAD)
                measured[key] = group.create_task(self._endpoint(probe, endpoints[key], wait))
            for function in target.functions:
                group.create_task(self._function(target, function, measured))
        self._judge_target(target)

    async def _endpoint(self, probe: EndpointProbe, endpoint: Endpoint, wait: float) -> None:
        await asyncio.sleep(wait)
        if is_onion(endpoint.host):
            return  # not tested: there is no direct way to a name inside Tor
        await _contained(probe.measure(endpoint), f"measuring {endpoint.key}")

    async def _function(self, target: Service, function: Function, measured: dict[str, asyncio.Task[None]]) -> None:
        """Tell what is known of the target as soon as one of its core functions was measured."""
        await asyncio.gather(*(measured[endpoint.key] for endpoint in function.endpoints))
        if function.core:
            self._judge_target(target)

    def _judge_target(self, target: Service) -> None:
        self._on_event(TargetJudged(verdicts=judge_target(self._evidence, target, self._network_so_far)))

    def _report(self) -> Report:
        observations = tuple(self._trace.observations)
        judgement: Judgement = judge(observations)
        return Report(
            app=AppFacts(
                version=self._version, platform=system_name(platform.system(), platform.release()), python=platform.python_version()
            ),
            run=RunFacts(
                id=self._id,
                started=self._started.isoformat(timespec="seconds").replace("+00:00", "Z"),
                seconds=round(self._trace.now, 3),
                simulated=self._network.simulated,
                cancelled=self._cancelled,
            ),
            network=judgement.network,
            routes=judgement.routes,
            verdicts=judgement.verdicts,
            workarounds=judgement.workarounds,
            tips=tips_for(
                judgement.verdicts,
                judgement.network,
                workarounds=judgement.workarounds,
                today=self._started.date(),
                resolvers=self._plan.resolvers,
                routes=judgement.routes,
            ),
            observations=observations,
        )

    def _tell(self, report: Report) -> None:
        self._on_event(NetworkJudged(network=report.network, final=True))
        verdicts: dict[str, list[Verdict]] = defaultdict(list)
        for verdict in report.verdicts:
            verdicts[verdict.target].append(verdict)
        for target in self._plan.targets:
            self._on_event(TargetJudged(verdicts=tuple(verdicts[target.id]), final=True))
        self._on_event(RunDone(report=report))
