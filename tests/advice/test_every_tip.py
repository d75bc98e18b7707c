"""Over random runs: no tip contradicts a measurement, none names what did not answer, and there is always one that can be followed."""

from __future__ import annotations

import datetime as dt
import random
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.given_tips import GivenTip, chosen, worded
from app.texts import speaking
from diagnostics.advice import PLATFORMS, load_tips, tips_for
from diagnostics.advice.choice import MASKING_VPN
from diagnostics.advice.patterns import fits
from diagnostics.catalog import load_catalog
from diagnostics.model import LOCAL_CAUSES, Cause, NetworkVerdict, Report, RunFacts, Status, Verdict, Workaround
from diagnostics.workarounds.identity import ENGINES, LAYOUTS, PLAIN_FLIGHTS, parse_way

QUOTES = str.maketrans("“”", "«»")
TIPS = load_tips()
CATALOG = load_catalog()
RESOLVERS = {resolver.id: resolver for resolver in CATALOG.resolvers}
TARGETS = ("x", "whatsapp", "signal", "telegram", "http://ejemplo.com/")
EXITS = ("tor-network", "tor-snowflake", "tor-bridges", "psiphon-download", "lantern-download", "google-play", "app-store", "gmail")
PASSED = (Status.WORKS, Status.PARTIAL)
FAILED = (Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN)

BLOCKING = (Cause.DNS_TAMPERING, Cause.DNS_NO_ANSWER, Cause.NAME_BLOCKED, Cause.IP_BLOCKED, Cause.THROTTLED, Cause.BLOCK_PAGE)
STATUSES = (Status.WORKS, Status.WORKS, Status.PARTIAL, Status.BLOCKED, Status.BLOCKED, Status.UNKNOWN, Status.NOT_TESTED)
DAYS = ("2026-11-26T10:00:00Z", "2026-11-26T10:00:00Z", "2027-02-01T10:00:00Z", "2027-09-01T10:00:00Z", "2040-01-01T10:00:00Z", "anoche")
FLIGHTS = (*PLAIN_FLIGHTS, *LAYOUTS, "port:5222", "name:twitter.com", "name:evil.example", "a-newer-way")


def a_run(seed: int) -> Report:
    """Return a run as one might find it: some services shut for some causes, and a good part of the matrix tried."""
    dice = random.Random(seed)
    shut = [
        Verdict(
            target=target,
            cause=dice.choice([*BLOCKING, *BLOCKING, *Cause]),
            status=dice.choice([Status.BLOCKED, Status.LIKELY_BLOCKED, Status.PARTIAL, Status.DOWN, Status.WORKS]),
        )
        for target in dice.sample(TARGETS, dice.randint(1, 3))
    ]
    cut = [
        Verdict(target=f"resolver:{resolver}", cause=Cause.RESOLVER_BLOCKED, status=Status.LIKELY_BLOCKED)
        for resolver in {*dice.sample(list(RESOLVERS), dice.choice([0, 0, 1, 3])), *dice.choice([(), (), ("quad9",)])}
    ]
    cause = dice.choice([*[None] * 9, *sorted(LOCAL_CAUSES)])
    ways = {(w.id, w.target): w for w in (a_way(dice, shut) for _ in range(dice.randint(0, 40)))}
    return Report(
        run=RunFacts(started=dice.choice(DAYS)),
        verdicts=(*shut, *cut),
        network=NetworkVerdict(status=Status.DOWN if cause else Status.WORKS, cause=cause),
        workarounds=tuple(ways.values()),
    )


def a_way(dice: random.Random, shut: list[Verdict]) -> Workaround:
    lookup = f"{dice.choice(ENGINES)}:{dice.choice([*RESOLVERS, 'quad9', 'quad9', 'nobody'])}"
    flight = dice.choice(FLIGHTS)
    ident = dice.choice([lookup, lookup, flight, flight, f"{lookup}|{flight}", "route:socks5-1a2b", f"exit:{dice.choice(EXITS)}"])
    status, tries = dice.choice(STATUSES), dice.randint(2, 4)
    passed = {Status.WORKS: tries, Status.PARTIAL: 1}.get(status, 0)
    return Workaround(
        id=ident,
        target=None if ident.startswith("exit:") else dice.choice(shut).target,
        status=status,
        seconds=dice.uniform(0.01, 20) if passed else 0.0,
        tries=tries,
        passed=passed,
    )


reports = st.integers(0, 2**32).map(a_run)


def lines(tip: GivenTip) -> str:
    return "\n".join((tip.title, tip.why, tip.proved, tip.risk, *(step for each in tip.platforms for step in each.steps)))


def answered(report: Report) -> dict[str, set[str]]:
    """Return the resolvers that led to a page in this run, each with the engines over which they did."""
    found: dict[str, set[str]] = {}
    for outcome in report.workarounds:
        way = parse_way(outcome.id)
        if way is not None and way.engine and outcome.status in PASSED:
            found.setdefault(way.resolver, set()).add(way.engine)
    dead = {v.target.removeprefix("resolver:") for v in report.verdicts if v.cause is Cause.RESOLVER_BLOCKED and v.status in FAILED}
    return {resolver: engines for resolver, engines in found.items() if resolver not in dead}


@settings(max_examples=150, deadline=None)
@given(report=reports)
def test_no_tip_contradicts_a_measurement(report: Report) -> None:
    for choice in chosen(report):
        tip = TIPS[choice.id]
        targets: list[str | None] = [reason.removeprefix("target:") for reason in choice.because if reason.startswith("target:")] or [None]
        for target in targets:
            ways = [(w, parsed) for w in report.workarounds if w.target in (None, target) and (parsed := parse_way(w.id))]
            needed = [w for w, parsed in ways if any(fits(p, parsed) for p in tip.needs)]
            against = [w for w, parsed in ways if any(fits(p, parsed) for p in tip.contradicted_by) and w.status is not Status.NOT_TESTED]
            known = [w for w in against if parse_way(w.id) is not None]
            assert not tip.needs or any(w.status in PASSED for w in needed)
            alive = [w for w in known if not _of_a_dead_resolver(w, report)]
            assert not alive or any(w.status not in FAILED for w in alive)


def _of_a_dead_resolver(outcome: Workaround, report: Report) -> bool:
    way = parse_way(outcome.id)
    cut = {v.target for v in report.verdicts if v.cause is Cause.RESOLVER_BLOCKED and v.status in FAILED}
    return way is not None and f"resolver:{way.resolver}" in cut


@settings(max_examples=150, deadline=None)
@given(report=reports, computer=st.sampled_from(PLATFORMS), language=st.sampled_from(["es", "en"]))
def test_no_resolver_is_named_but_those_that_answered_truly(report: Report, computer: str, language: str) -> None:
    with speaking(language):
        text = "\n".join(lines(tip) for tip in worded(report, chosen(report), computer=computer))
    good = answered(report)
    for resolver in CATALOG.resolvers:
        engines = good.get(resolver.id, set())
        shared = any(RESOLVERS[each].operator == resolver.operator for each in good if each in RESOLVERS)
        if not shared and resolver.operator != "Google":  # its store has the name, too
            assert resolver.operator not in text
        named = resolver.doh_by_address and resolver.addresses[0] not in resolver.doh_url  # "doh" does not say this name
        if not engines & ({"doh-name"} if named else {"doh", "doh-name"}):
            assert not resolver.doh_url or resolver.doh_url not in text
        if "dot" not in engines and resolver.dot_name and resolver.dot_name not in resolver.addresses:
            assert f"«{resolver.dot_name}»" not in text.translate(QUOTES)
            assert f"#{resolver.dot_name}" not in text
        found = "doh-name" in engines and f"//{resolver.dot_name}/" in resolver.doh_url
        if not found and resolver.dot_name and resolver.dot_name not in resolver.addresses:
            assert f"«{resolver.dot_name}»" not in text.translate(QUOTES)
        if not engines & {"doh", "dot", "udp"} and resolver.addresses[0] not in resolver.doh_url:
            assert not any(re.search(rf"(?<![\d.]){re.escape(address)}(?![\d.])", text) for address in resolver.addresses)
    assert "evil.example" not in text
    assert "{" not in text


@settings(max_examples=100, deadline=None)
@example(report=a_run(58942396))  # a VPN's block that is left over
@given(report=reports)
def test_what_was_proved_stands_before_what_usually_helps(report: Report) -> None:
    choices = chosen(report)
    day = None if report.run.started == "anoche" else dt.datetime.fromisoformat(report.run.started).date()
    fresh = [c for c in choices if not TIPS[c.id].expired(day)]
    assert list(choices[: len(fresh)]) == fresh
    first = {str(each) for each in LOCAL_CAUSES | MASKING_VPN}  # what is wrong on this computer itself comes before any way round
    places = [bool(TIPS[c.id].needs) for c in fresh if TIPS[c.id].rank > 1 and not set(TIPS[c.id].causes) & first]
    assert places == sorted(places, reverse=True)
    assert [c.rank for c in choices] == list(range(1, len(choices) + 1))
    assert not any(TIPS[c.id].download and TIPS[c.id].expired(day) for c in choices)


@settings(max_examples=60, deadline=None)
@given(report=reports, seed=st.integers(0, 99))
def test_the_same_run_gives_the_same_tips_in_whatever_order_the_ways_stand(report: Report, seed: int) -> None:
    ways = list(report.workarounds)
    random.Random(seed).shuffle(ways)
    assert tips_for(report.verdicts, report.network, workarounds=ways) == tips_for(
        report.verdicts, report.network, workarounds=report.workarounds
    )


@settings(max_examples=60, deadline=None)
@given(report=reports)
def test_without_ways_round_the_tips_are_those_of_the_causes_alone(report: Report) -> None:
    plain = tips_for(report.verdicts, report.network)
    assert not any(TIPS[c.id].needs or TIPS[c.id].further for c in plain)
    untried = [Workaround(id=w.id, target=w.target, status=Status.NOT_TESTED) for w in report.workarounds]
    assert tips_for(report.verdicts, report.network, workarounds=untried) == plain


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_usable_tip_on_every_platform(cause: Cause, platform: str, language: str) -> None:
    local = cause in LOCAL_CAUSES
    line = NetworkVerdict(status=Status.DOWN, cause=cause) if local else NetworkVerdict(status=Status.WORKS)
    hit = () if local else (Verdict(target="x", status=Status.BLOCKED, cause=cause),)
    tried = (
        Workaround(id="doh:quad9", target="x", status=Status.BLOCKED, tries=2),
        Workaround(id="rec:snimid", target="x", status=Status.WORKS, seconds=0.4, tries=2, passed=2),
    )
    for ways in ((), tried):
        report = Report(verdicts=hit, network=line, workarounds=ways)
        with speaking(language):
            found = worded(report, chosen(report), computer=platform)
        usable = [tip for tip in found if any(each.here for each in tip.platforms)]
        assert usable
        for tip in found:
            assert "{" not in lines(tip)
            assert all(part.strip() for part in (tip.risk, tip.source, tip.dated))
