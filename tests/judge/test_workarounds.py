"""Ways round: what tries of each kind come to, and what must never be said of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.judge import judge
from diagnostics.judge.evidence import Evidence
from diagnostics.judge.filters import FilterKind, filter_kind
from diagnostics.judge.workarounds import judge_workarounds
from diagnostics.model import WAYS, Observation, Status, Step, Verdict, Workaround

TRUE = "104.200.0.10"
X = "https://x.com/"


class Log:
    """Writes the observations of tries as the probes do."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []

    def add(self, step: Step, way: str, number: int, *, failure: str | None = None, **detail: Any) -> None:
        address, host = detail.pop("address", TRUE), detail.pop("host", "x.com")
        self.observations.append(
            Observation(
                id=f"o{len(self.observations) + 1}",
                step=step,
                target=detail.pop("target", "x"),
                host=host,
                address=address,
                route=WAYS,
                seconds=detail.pop("seconds", 0.1),
                failure=failure,
                detail={"way": way, "attempt": number, "purpose": "way", "port": 443} | detail,
            )
        )

    def asks(self, way: str, number: int, answers: Sequence[str] = (TRUE,), failure: str | None = None, host: str = "x.com") -> None:
        self.add(Step.DNS, way, number, failure=failure, host=host, answers=list(answers), address="9.9.9.9", query="A")

    def tries(self, way: str, number: int, ends: str = "page", *, address: str = TRUE, goal: str = X, **more: Any) -> None:
        """Write a try that ends as ``ends`` says: at the connection, in the handshake, in the page, or well."""
        facts = {"goal": goal, "at": address, "address": address, **more}
        self.add(Step.TCP, way, number, failure="generic_timeout_error" if ends == "tcp" else None, **facts)
        if ends == "tcp":
            return
        self.add(Step.TLS, way, number, failure="connection_reset" if ends == "tls" else None, **facts)
        if ends == "tls":
            return
        status = {"refused": 451, "error": 503}.get(ends, 200)
        failure = {"frozen": "generic_timeout_error", "cancelled": "interrupted"}.get(ends)
        page = {"url": goal, "hop": 0, "status": status, "complete": failure is None, "headers": {}, "body_bytes": 70_000}
        self.add(Step.HTTP, way, number, failure=failure, **facts, **page)

    def judged(self) -> dict[str, Workaround]:
        return {way.id: way for way in judge_workarounds(Evidence(self.observations))}


def test_a_cut_that_passes_twice_works_and_says_how_long_it_took() -> None:
    log = Log()
    for number in (1, 2):
        log.tries("rec:snimid", number)
        log.tries("rec:1", number, "tls")
    ways = log.judged()
    assert (ways["rec:snimid"].status, ways["rec:snimid"].passed, ways["rec:snimid"].tries) == (Status.WORKS, 2, 2)
    assert ways["rec:snimid"].seconds == pytest.approx(0.3)
    assert ways["rec:1"].status is Status.BLOCKED
    assert ways["rec:1"].seconds == 0


def test_what_passes_now_and_then_works_sometimes_with_its_rate() -> None:
    log = Log()
    for number, ends in enumerate(("page", "tls", "page"), start=1):
        log.tries("browser", number, ends)
    way = log.judged()["browser"]
    assert (way.status, way.passed, way.tries) == (Status.PARTIAL, 2, 3)


@pytest.mark.parametrize("ends", ["tcp", "tls", "frozen", "refused", "error"])
def test_whatever_does_not_bring_the_page_is_no_way(ends: str) -> None:
    log = Log()
    for number in (1, 2):
        log.tries("h3", number, ends)
    assert log.judged()["h3"].status is Status.BLOCKED


def test_one_try_is_too_few_to_say_anything_and_a_cancelled_one_says_nothing() -> None:
    log = Log()
    log.tries("rec:1", 1)
    log.tries("seg:1", 1, "tls")
    log.tries("ech", 1, "cancelled")
    ways = log.judged()
    assert ways["rec:1"].status is Status.UNKNOWN
    assert ways["seg:1"].status is Status.UNKNOWN
    assert ways["ech"].status is Status.NOT_TESTED


def test_a_failure_that_is_noted_to_say_nothing_does_not_count() -> None:
    log = Log()
    for number in (1, 2):
        log.tries("rec:1", number, "tls")
        log.add(Step.SYSTEM, "rec:1", number, goal=X, at=TRUE, kind="way_void", why="spoiled")
        log.tries("seg:1", number, "tls")
    ways = log.judged()
    assert ways["rec:1"].status is Status.NOT_TESTED
    assert ways["seg:1"].status is Status.BLOCKED


def test_a_question_for_the_site_s_key_is_no_try() -> None:
    log = Log()
    log.asks("ech", 1, failure="dns_no_answer", answers=())
    assert log.judged()["ech"].status is Status.NOT_TESTED


def test_a_way_out_is_reached_as_often_as_its_last_step_was() -> None:
    log = Log()
    facts = {"target": None, "goal": None, "at": None, "host": "tor.example"}
    for number, failure in enumerate((None, "generic_timeout_error", None), start=1):
        log.add(Step.TCP, "exit:tor", number, probe="tcp", failure=failure, **facts)
        log.add(Step.TCP, "exit:site", number, probe="tls", **facts)
        log.add(Step.TLS, "exit:site", number, probe="tls", failure="connection_reset", **facts)
    ways = log.judged()
    assert (ways["exit:tor"].status, ways["exit:tor"].passed, ways["exit:tor"].target) == (Status.PARTIAL, 2, None)
    assert ways["exit:site"].status is Status.BLOCKED


def test_a_lookup_works_when_the_page_opens_at_the_address_that_it_gave() -> None:
    log = Log()
    for number in (1, 2):
        log.asks("doh:quad9", number)
        log.asks("udp:google", number, ["127.0.0.1"])
        log.asks("dot:adguard", number, failure="dns_nxdomain_error", answers=())
        log.asks("udp:opendns", number, ["104.200.0.66"])
        log.add(Step.TCP, "doh:cloudflare", number, failure="generic_timeout_error", host="cloudflare", address="1.1.1.1")
        log.tries("plain", number)
        log.tries("plain", number, "tls", address="104.200.0.66")
    ways = log.judged()
    assert "plain" not in ways
    assert ways["doh:quad9"].status is Status.WORKS
    assert ways["doh:quad9"].seconds == pytest.approx(0.4)
    assert {ways[w].status for w in ("udp:google", "dot:adguard", "udp:opendns", "doh:cloudflare")} == {Status.BLOCKED}


def test_a_lookup_that_opens_half_of_the_service_is_no_way() -> None:
    log = Log()
    for number in (1, 2):
        for host in ("x.com", "abs.twimg.com"):
            log.asks("doh:quad9", number, host=host)
        log.tries("plain", number)
        log.tries("plain", number, "tls", goal="https://abs.twimg.com/", host="abs.twimg.com")
    assert log.judged()["doh:quad9"].status is Status.BLOCKED


def test_a_lookup_whose_address_nobody_visited_is_left_open() -> None:
    log = Log()
    for number in (1, 2):
        log.asks("doh:quad9", number)
    assert log.judged() == {}
    log.asks("dot:quad9", 1, failure="dns_no_answer", answers=())
    log.asks("dot:quad9", 2, failure="dns_no_answer", answers=())
    assert {way.id: way.status for way in log.judged().values()} == {"dot:quad9": Status.BLOCKED}


def test_a_lookup_together_with_a_cut_counts_the_question_in() -> None:
    log = Log()
    log.asks("doh:quad9", 1)
    for number in (1, 2):
        log.tries("doh:quad9|rec:snimid", number)
    way = log.judged()["doh:quad9|rec:snimid"]
    assert way.status is Status.WORKS
    assert way.seconds == pytest.approx(0.4)
    assert "o1" in way.evidence


def test_a_handshake_is_enough_where_no_page_is_aimed_at() -> None:
    log = Log()
    for number in (1, 2):
        for step in (Step.TCP, Step.TLS):
            log.add(step, "rec:1", number, goal="chat.example:5222", at=TRUE)
    assert log.judged()["rec:1"].status is Status.WORKS


def test_a_proxy_of_the_person_that_leads_there_is_a_way_too() -> None:
    verdicts = [
        Verdict(target="x", status=Status.BLOCKED),
        Verdict(target="x", route="socks5-1234", status=Status.WORKS, evidence=("o1",)),
        Verdict(target="x", route="http-9", status=Status.DOWN),
        Verdict(target="signal", status=Status.WORKS),
        Verdict(target="signal", route="socks5-1234", status=Status.WORKS),
    ]
    assert [way.id for way in judge_workarounds(Evidence(), verdicts)] == ["route:socks5-1234"]


def test_what_was_tried_as_a_way_says_nothing_of_the_line_itself() -> None:
    log = Log()
    for number in (1, 2):
        log.tries("rec:1", number, "tls")
    judgement = judge(log.observations)
    assert judgement.verdicts == ()
    assert [route.id for route in judgement.routes] == ["direct"]


junk = st.builds(
    Observation,
    id=st.uuids().map(str),
    step=st.sampled_from(list(Step)),
    target=st.sampled_from([None, "x"]),
    host=st.sampled_from([None, "x.com"]),
    address=st.sampled_from([None, TRUE, "::1"]),
    route=st.just(WAYS),
    failure=st.sampled_from([None, "connection_reset", "interrupted"]),
    detail=st.dictionaries(
        st.sampled_from(
            ["way", "attempt", "goal", "at", "answers", "kind", "probe", "status", "complete", "hop", "url", "location", "purpose"]
        ),
        st.one_of(
            st.none(),
            st.integers(-3, 600),
            st.text(max_size=8),
            st.lists(st.text(max_size=4), max_size=2),
            st.sampled_from(["rec:1", "exit:a", "udp:b", "doh:q|rec:1", "plain", "way_void"]),
        ),
        max_size=8,
    ),
)


@given(st.lists(junk, max_size=12))
def test_no_stranger_s_report_makes_the_judge_fall(observations: list[Observation]) -> None:
    for way in judge_workarounds(Evidence(observations)):
        assert 0 <= way.passed <= way.tries
        assert way.status is not Status.WORKS or way.tries >= 2


# --- the kind of the filter -----------------------------------------------------------------------

TABLE = {
    FilterKind.PER_PACKET: ({"seg:snimid", "rec:snimid"}, {"seg:1", "rec:1"}),
    FilterKind.FIRST_RECORD: ({"rec:1", "rec:snimid"}, {"seg:1", "seg:snimid"}),
    FilterKind.REASSEMBLES_SEGMENTS: ({"rec:snimid"}, {"seg:1", "seg:snimid", "rec:1"}),
    FilterKind.REASSEMBLES_RECORDS: ({"ech"}, {"seg:1", "seg:snimid", "rec:1", "rec:snimid"}),
    FilterKind.ADDRESS: ({"h3"}, {"address"}),
    FilterKind.NAMES_ONLY: ({"doh:quad9"}, {"udp:google"}),
    FilterKind.UNKNOWN: ({"name:twitter.com"}, set()),
}


@pytest.mark.parametrize("kind", TABLE)
def test_which_ways_pass_tells_the_kind_of_the_filter(kind: FilterKind) -> None:
    works, fails = TABLE[kind]
    ways = [Workaround(id=i, target="x", status=Status.WORKS, tries=2, passed=2) for i in works]
    ways += [Workaround(id=i, target="x", status=Status.BLOCKED, tries=2) for i in fails]
    assert filter_kind(ways) is kind


def test_ways_that_could_not_be_told_name_no_filter() -> None:
    ways = [Workaround(id=i, target="x", status=Status.UNKNOWN, tries=1) for i in ("rec:snimid", "seg:snimid", "rec:1")]
    assert filter_kind(ways) is FilterKind.UNKNOWN


def test_the_same_observations_give_the_same_ways_whatever_the_seed_of_hashes() -> None:
    log = Log()
    hosts = ("x.com", "api.x.com", "abs.twimg.com", "pbs.twimg.com")
    for number in (1, 2):
        for host in hosts:
            log.asks("doh:quad9", number, host=host)
            log.tries("plain", number, goal=f"https://{host}/", host=host, seconds=0.1 * len(host))
    saved = msgspec.json.encode(log.observations).decode()
    script = """
import sys
import msgspec
from diagnostics.judge.evidence import Evidence
from diagnostics.judge.workarounds import judge_workarounds
from diagnostics.model import Observation

seen = msgspec.json.decode(sys.stdin.read(), type=list[Observation])
print(msgspec.json.encode(judge_workarounds(Evidence(seen))).decode())
"""

    def judged_with(seed: str) -> str:
        words, environment = [sys.executable, "-c", script], {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(words, input=saved, capture_output=True, text=True, check=True, env=environment).stdout

    told = {judged_with(seed) for seed in ("0", "1", "2")}
    assert len(told) == 1


def test_a_stranger_s_thousands_of_tries_are_not_weighed() -> None:
    log = Log()
    for number in range(1, 5000):
        log.asks("doh:quad9", number, host=f"h{number}.example")
    log.tries("r" * 500, 1)
    found = log.judged()
    assert set(found) <= {"doh:quad9"}
