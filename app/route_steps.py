"""The way through one proxy, step by step: what was found at each of its eleven steps, in plain words.

Pure: reads a report's observations over the proxy's route, and those of the direct line that they are held against.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

from app.report_facts import pages_both_ways, stages_of_way
from app.route_words import remarks_of, route_sentence
from app.sentences import kind_word
from app.texts import seconds, t
from diagnostics.failures import INTERRUPTED
from diagnostics.model import Cause, Fact, Observation, Report, RouteVerdict, Status, Step

_TALKING: Final = frozenset(
    {
        *("route.login_refused", "route.other_protocol", "route.does_not_answer", "route.no_tls", "route.own_certificate"),
        *("route.cut_at_greeting", "route.cut_at_hello", "route.key_refused", "route.key_or_cut"),
    }
)
"""Rules that say where it broke while the proxy was spoken to."""


class RouteStep(Fact, frozen=True):
    """One step: how it went, and one sentence about it."""

    id: str
    status: Status
    sentence: str


def steps_of(report: Report, route: RouteVerdict) -> list[RouteStep]:
    """Return the eleven steps of a proxy in the order in which a connection passes them; those behind a broken one were not reached."""
    way = _Way(report, route)
    found: list[RouteStep] = []
    broken = False
    for step in (
        way.name,
        way.connect,
        way.talk,
        way.leads,
        way.genuine,
        way.unchanged,
        way.speed,
        way.leaves,
        way.names,
        way.calls,
        way.steady,
    ):
        made = step()
        if broken or (route.status is Status.NOT_TESTED and made.status is not Status.WORKS):
            made = RouteStep(id=made.id, status=Status.NOT_TESTED, sentence=t("route_step.not_reached"))
        broken = broken or (made.status is Status.DOWN and made.id in ("name", "connect", "talk", "leads"))
        found.append(made)
    return found


class _Way:
    """What is known of one proxy."""

    def __init__(self, report: Report, route: RouteVerdict) -> None:
        self.report, self.route = report, route
        self.own = [o for o in report.observations if o.route == route.id and o.failure != INTERRUPTED]

    def stage(self, name: str) -> list[Observation]:
        return [o for o in self.own if o.step is Step.PROXY and o.detail.get("stage") == name]

    def said(self, step: str, status: Status, sentence: str) -> RouteStep:
        return RouteStep(id=step, status=status, sentence=sentence)

    def broken(self, step: str) -> RouteStep:
        """Return a step at which the proxy's own verdict says what is wrong."""
        return self.said(step, Status.DOWN, route_sentence(self.route, self.report))

    def name(self) -> RouteStep:
        tried = self.stage("name")
        if not tried:
            return self.said("name", Status.WORKS, t("route_step.name.none"))
        if all(o.failure for o in tried):
            return self.broken("name")
        return self.said("name", Status.WORKS, t("route_step.name"))

    def connect(self) -> RouteStep:
        tried = self.stage("connect")
        good = [o.seconds for o in tried if o.failure is None]
        if good:
            return self.said("connect", Status.WORKS, t("route_step.connect", seconds=seconds(statistics.median(good))))
        return self.broken("connect") if tried else self.unknown("connect")

    def talk(self) -> RouteStep:
        if self.route.rule in _TALKING:
            return self.broken("talk")
        if any(o.failure is None for o in self.stage("open")) or self.pages():
            return self.said("talk", Status.WORKS, t("route_step.talk", kind=kind_word(self.route.kind)))
        return self.unknown("talk")

    def leads(self) -> RouteStep:
        if any(o.detail.get("complete") and o.failure is None for o in self.pages()):
            return self.said("leads", Status.WORKS, t("route_step.leads"))
        return self.broken("leads") if self.stage("open") else self.unknown("leads")

    def genuine(self) -> RouteStep:
        shaken = [o for o in self.own if o.step is Step.TLS]
        if self.route.rule == "route.stranger_signs":
            return self.broken("genuine")
        if any(o.failure is None for o in shaken):
            return self.said("genuine", Status.WORKS, t("route_step.genuine"))
        return self.unknown("genuine")

    def unchanged(self) -> RouteStep:
        if self.route.rule == "route.changes_pages":
            return self.broken("unchanged")
        pairs = pages_both_ways(self.report, self.route.id, clear=True)
        same = [pair for pair in pairs if pair[0].detail.get("body_sha256") == pair[1].detail.get("body_sha256")]
        return self.said("unchanged", Status.WORKS, t("route_step.unchanged")) if same else self.unknown("unchanged")

    def speed(self) -> RouteStep:
        pairs = pages_both_ways(self.report, self.route.id)
        if not pairs:
            return self.unknown("speed")
        directly, through = (statistics.median(_page_seconds(pair[side]) for pair in pairs) for side in (0, 1))
        status = Status.SLOW if self.route.status is Status.SLOW else Status.WORKS
        return self.said("speed", status, t("route_step.speed", through=seconds(through), directly=seconds(directly)))

    def leaves(self) -> RouteStep:
        warned, sentence = remarks_of(self.report, self.route.id).leaving
        return self.said("leaves", Status.SLOW if warned else Status.WORKS, sentence) if sentence else self.unknown("leaves")

    def names(self) -> RouteStep:
        if self.route.cause is Cause.PROXY_LEAKS_DNS:
            return self.said("names", Status.SLOW, route_sentence(self.route, self.report))
        note = next((o for o in self.own if o.step is Step.SYSTEM and o.detail.get("kind") == "route"), None)
        here = bool(note and note.detail.get("names_here"))
        return (
            self.said("names", Status.SLOW, t("cause.proxy_leaks_dns")) if here else self.said("names", Status.WORKS, t("route_step.names"))
        )

    def calls(self) -> RouteStep:
        sentence = remarks_of(self.report, self.route.id).calls
        carried = stages_of_way(self.report, self.route.id).get("udp", {}).get("answered") is True
        if not sentence:
            return self.unknown("calls")
        return self.said("calls", Status.WORKS if carried else Status.NOT_TESTED, sentence)

    def steady(self) -> RouteStep:
        tried = self.stage("connect")
        good = [o.seconds for o in tried if o.failure is None]
        if len(good) < 2:
            return self.unknown("steady")
        values = {"n": len(good), "m": len(tried), "least": seconds(min(good)), "most": seconds(max(good))}
        status = Status.WORKS if len(good) == len(tried) else Status.PARTIAL
        return self.said("steady", status, t("route_step.steady" if len(good) == len(tried) else "route_step.unsteady", **values))

    def pages(self) -> Sequence[Observation]:
        return [o for o in self.own if o.step is Step.HTTP]

    def unknown(self, step: str) -> RouteStep:
        return self.said(step, Status.NOT_TESTED, t("route_step.unknown"))


def _page_seconds(o: Observation) -> float:
    return float(o.detail.get("head_seconds") or 0.0) + float(o.detail.get("body_seconds") or 0.0)


def step_title(step: str) -> str:
    """Return what a step is called."""
    return t(f"route_step.title.{step}")
