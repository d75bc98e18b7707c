"""Hand-made reports: what the pictures and the window's tests show when nothing is measured.

Each is what the engine would write about a network of that kind, with fewer steps.  None of them is ever shown to a
person as a result of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from diagnostics.events import Event, NetworkJudged, RunDone, RunStarted, StepDone, StepStarted, TargetJudged
from diagnostics.model import (
    Cause,
    Certainty,
    Endpoint,
    Function,
    NetworkVerdict,
    Observation,
    Report,
    RouteVerdict,
    RunFacts,
    Service,
    Status,
    Step,
    Verdict,
    Workaround,
)

_HOSTS: Final = {
    "x": {"web": "x.com", "api": "api.x.com", "media": "pbs.twimg.com"},
    "whatsapp": {"chat": "g.whatsapp.net", "web": "web.whatsapp.com", "media": "mmg.whatsapp.net"},
    "telegram": {"web": "web.telegram.org"},
    "signal": {"chat": "chat.signal.org"},
}
_NAMES: Final = {"x": "X", "whatsapp": "WhatsApp", "telegram": "Telegram", "signal": "Signal"}

SERVICES: Final[tuple[Service, ...]] = tuple(
    Service(
        id=target,
        name={"es": _NAMES[target], "en": _NAMES[target]},
        functions=tuple(Function(id=name, core=name != "media", endpoints=(Endpoint(host=host),)) for name, host in hosts.items()),
    )
    for target, hosts in _HOSTS.items()
)
"""The four usual services, with one host a function."""


class _Recorder:
    """Gathers observations and verdicts of a made-up run."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.verdicts: list[Verdict] = []
        self.note({"kind": "plan", "targets": msgspec.to_builtins(SERVICES)})

    def note(self, detail: dict[str, Any]) -> None:
        """Record a fact that needed no packet."""
        self._add(Step.SYSTEM, None, None, None, 0.0, None, detail)

    def _add(
        self,
        step: Step,
        target: str | None,
        host: str | None,
        address: str | None,
        seconds: float,
        failure: str | None,
        detail: dict[str, Any],
    ) -> str:
        number = len(self.observations) + 1
        self.observations.append(
            Observation(
                id=f"o{number}",
                step=step,
                target=target,
                host=host,
                address=address,
                t=round(0.02 * number, 3),
                seconds=seconds,
                failure=failure,
                detail=detail,
            )
        )
        return f"o{number}"

    def dns(self, target: str, host: str, answer: str, failure: str | None = None) -> str:
        detail = {"engine": "getaddrinfo", "resolver": "system", "query": "A", "answers": [answer]}
        return self._add(Step.DNS, target, host, None, 0.031, failure, detail)

    def tcp(self, target: str, host: str, failure: str | None = None) -> str:
        return self._add(Step.TCP, target, host, "203.0.113.7", 0.08, failure, {"port": 443, "tries": 1, "purpose": "target"})

    def tls(self, target: str, host: str, failure: str | None = None) -> str:
        return self._add(Step.TLS, target, host, "203.0.113.7", 0.09, failure, {"port": 443, "server_name": host, "purpose": "target"})

    def page(self, target: str, host: str, failure: str | None = None) -> str:
        detail = {"port": 443, "url": f"https://{host}/", "status": 200, "title": host, "body_bytes": 48211, "purpose": "target"}
        return self._add(Step.HTTP, target, host, "203.0.113.7", 0.12, failure, detail)

    def judge(
        self,
        target: str,
        status: Status,
        cause: Cause | None = None,
        certainty: Certainty = Certainty.CERTAIN,
        *,
        evidence: tuple[str, ...] = (),
        functions: dict[str, Status] | None = None,
    ) -> None:
        rule = f"sample.{cause or status}"
        whole = Verdict(target=target, status=status, cause=cause, certainty=certainty, rule=rule, evidence=evidence)
        self.verdicts.append(whole)
        for function in _HOSTS[target]:
            each = (functions or {}).get(function, status)
            bad = each not in (Status.WORKS, Status.SLOW)
            self.verdicts.append(msgspec.structs.replace(whole, function=function, status=each, cause=cause if bad else None))

    def fine(self, target: str) -> None:
        """Record a service that works."""
        seen: tuple[str, ...] = ()
        for host in _HOSTS[target].values():
            seen = (self.dns(target, host, "203.0.113.7"), self.tcp(target, host), self.tls(target, host), self.page(target, host))
        self.judge(target, Status.WORKS, evidence=seen)

    def report(self, network: NetworkVerdict | None = None, *, cancelled: bool = False, simulated: str | None = None) -> Report:
        known = network or NetworkVerdict(status=Status.WORKS, certainty=Certainty.CERTAIN, rule="net.works", ipv6="none")
        run = RunFacts(id="5a3b1c", started="2026-11-24T15:04:00Z", seconds=1.9, cancelled=cancelled, simulated=simulated)
        return Report(
            run=run,
            network=known,
            routes=(RouteVerdict(status=known.status, certainty=known.certainty),),
            verdicts=tuple(self.verdicts),
            observations=tuple(self.observations),
        )


def all_works() -> Report:
    """Return a report of an open network."""
    run = _Recorder()
    for target in _HOSTS:
        run.fine(target)
    return run.report()


def x_blocked(*, simulated: str | None = None) -> Report:
    """Return the report of the common case: the name directory lies about X, everything else works."""
    run = _Recorder()
    seen = run.dns("x", "x.com", "127.0.0.1", "dns_bogon_error")
    run.judge("x", Status.BLOCKED, Cause.DNS_TAMPERING, evidence=(seen,))
    for target in ("whatsapp", "telegram", "signal"):
        run.fine(target)
    return run.report(simulated=simulated)


def mixed() -> Report:
    """Return a report with one of each: blocked by name, partly working, slow, unknown."""
    run = _Recorder()
    good = (run.dns("x", "x.com", "203.0.113.7"), run.tcp("x", "x.com"))
    run.judge("x", Status.BLOCKED, Cause.NAME_BLOCKED, evidence=(*good, run.tls("x", "x.com", "connection_reset")))
    run.fine("whatsapp")
    run.verdicts = [verdict for verdict in run.verdicts if verdict.target != "whatsapp"]
    run.judge("whatsapp", Status.PARTIAL, functions={"media": Status.BLOCKED, "chat": Status.WORKS, "web": Status.WORKS})
    run.fine("telegram")
    run.verdicts = [verdict for verdict in run.verdicts if verdict.target != "telegram"]
    run.judge("telegram", Status.LIKELY_BLOCKED, Cause.IP_BLOCKED, Certainty.LIKELY)
    run.judge("signal", Status.UNKNOWN, certainty=Certainty.NONE)
    return run.report()


_WAYS: Final[tuple[tuple[str, Status, float, int], ...]] = (
    ("doh:quad9", Status.BLOCKED, 0.0, 0),
    ("doh:quad9|rec:snimid", Status.WORKS, 0.41, 3),
    ("dot:quad9", Status.BLOCKED, 0.0, 0),
    ("udp:quad9", Status.UNKNOWN, 0.0, 0),
    ("doh:adguard|seg:snimid", Status.PARTIAL, 0.52, 2),
    ("doh:adguard", Status.BLOCKED, 0.0, 0),
    ("doh-name:adguard", Status.WORKS, 1.2, 3),
    ("tcp:adguard", Status.NOT_TESTED, 0.0, 0),
    ("tcp-cut:cloudflare", Status.BLOCKED, 0.0, 0),
    ("udp-second:google", Status.PARTIAL, 0.3, 1),
    ("rec:snimid", Status.WORKS, 0.38, 3),
    ("seg:snimid", Status.BLOCKED, 0.0, 0),
    ("recseg:snimid", Status.WORKS, 0.44, 3),
    ("chunk:16", Status.BLOCKED, 0.0, 0),
    ("browser", Status.PARTIAL, 0.5, 1),
    ("h3", Status.WORKS, 0.2, 3),
    ("ipv6", Status.NOT_TESTED, 0.0, 0),
    ("name:mobile.x.com", Status.BLOCKED, 0.0, 0),
    ("port:8443", Status.UNKNOWN, 0.0, 0),
    ("exit:tor-browser", Status.WORKS, 0.9, 3),
    ("warp:7", Status.WORKS, 0.7, 3),  # of an engine that is newer than this window
)
"""Ways round of a made-up search: id, outcome, seconds, how many of three tries passed."""


def ways_round() -> Report:
    """Return the report of a cut by name, with ways round that were tried."""
    run = _Recorder()
    operators = {"quad9": "Quad9", "adguard": "AdGuard", "cloudflare": "Cloudflare", "google": "Google"}
    run.note({"kind": "plan", "resolvers": [{"id": ident, "operator": operator} for ident, operator in operators.items()]})
    seen = (run.dns("x", "x.com", "203.0.113.7"), run.tcp("x", "x.com"), run.tls("x", "x.com", "connection_reset"))
    run.judge("x", Status.BLOCKED, Cause.NAME_BLOCKED, evidence=seen)
    for target in ("whatsapp", "telegram", "signal"):
        run.fine(target)
    tried = tuple(
        Workaround(id=way, target="x", status=status, seconds=seconds, tries=0 if status is Status.NOT_TESTED else 3, passed=passed)
        for way, status, seconds, passed in _WAYS
    )
    return msgspec.structs.replace(run.report(), workarounds=tried)


def service_down() -> Report:
    """Return a report in which X itself is at fault."""
    run = _Recorder()
    seen = (run.dns("x", "x.com", "203.0.113.7"), run.tcp("x", "x.com"), run.tls("x", "x.com", "ssl_invalid_certificate"))
    run.judge("x", Status.DOWN, Cause.SERVER_FAULT, Certainty.LIKELY, evidence=seen)
    for target in ("whatsapp", "telegram", "signal"):
        run.fine(target)
    return run.report()


def stopped() -> Report:
    """Return the report of a run that was stopped after the first service."""
    run = _Recorder()
    run.fine("whatsapp")
    for target in ("x", "telegram", "signal"):
        run.judge(target, Status.NOT_TESTED, certainty=Certainty.NONE)
    return run.report(NetworkVerdict(status=Status.WORKS, certainty=Certainty.CERTAIN, rule="net.works"), cancelled=True)


def faulty(cause: Cause) -> Report:
    """Return a report in which a fault of this computer or line masks everything."""
    run = _Recorder()
    seen = run.dns("x", "x.com", "", "dns_temporary_failure")
    if cause is Cause.CAPTIVE_PORTAL:
        seen = run.page("x", "portal.example")
        run.observations[-1].detail.update(url="http://portal.example/", location="http://login.example/enter", status=302)
    if cause is Cause.LOCAL_INTERCEPTION:
        seen = run.tls("x", "x.com", "ssl_unknown_authority")
        run.observations[-1].detail["certificate"] = {"issuer": "CN=Guardian Root,O=Guardian Antivirus", "subject": "CN=x.com"}
    for target in _HOSTS:
        run.judge(target, Status.UNKNOWN, certainty=Certainty.NONE)
    skew = 3 * 86400.0 if cause is Cause.WRONG_CLOCK else None
    return run.report(
        NetworkVerdict(
            status=Status.DOWN,
            cause=cause,
            certainty=Certainty.CERTAIN,
            rule=f"net.{cause}",
            evidence=(seen,),
            clock_skew_s=skew,
            system_proxy="127.0.0.1:8080" if cause is Cause.STALE_PROXY else None,
        )
    )


def events_of(report: Report) -> Iterator[Event]:
    """Yield the events that a run with this report would have told, in their order."""
    whole = [verdict for verdict in report.verdicts if verdict.function is None]
    yield RunStarted(targets=tuple(verdict.target for verdict in whole), simulated=report.run.simulated)
    for number, observation in enumerate(report.observations):
        yield StepStarted(step=observation.step, target=observation.target, host=observation.host)
        yield StepDone(observation=observation)
        if number == 1:
            yield NetworkJudged(network=report.network)
        behind = report.observations[number + 1 :]
        if observation.target and all(each.target != observation.target for each in behind):
            yield TargetJudged(verdicts=tuple(v for v in report.verdicts if v.target == observation.target))
    for verdict in whole:
        yield TargetJudged(verdicts=tuple(v for v in report.verdicts if v.target == verdict.target), final=True)
    yield RunDone(report=report)
