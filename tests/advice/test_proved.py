"""Tips that rest on ways round: what passed here goes first, and what failed here is never advised."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from diagnostics.advice import load_tips, tips_for
from diagnostics.advice.patterns import fits, is_pattern
from diagnostics.catalog import load_catalog
from diagnostics.model import Cause, NetworkVerdict, Status, TipChoice, Verdict, Workaround
from diagnostics.workarounds.identity import Way, parse_way

FINE = NetworkVerdict(status=Status.WORKS)
WORKS, PARTIAL, BLOCKED = Status.WORKS, Status.PARTIAL, Status.BLOCKED


def verdict(target: str = "x", cause: Cause = Cause.DNS_TAMPERING, status: Status = Status.BLOCKED, route: str = "direct") -> Verdict:
    return Verdict(target=target, status=status, cause=cause, route=route)


def way(ident: str, status: Status = WORKS, target: str | None = "x", seconds: float = 0.4) -> Workaround:
    passed = {WORKS: 4, PARTIAL: 3}.get(status, 0)
    return Workaround(id=ident, target=target, status=status, seconds=seconds if passed else 0.0, tries=4, passed=passed)


def chosen(*ways: Workaround, cause: Cause = Cause.DNS_TAMPERING, today: dt.date | None = None) -> list[TipChoice]:
    return list(tips_for([verdict(cause=cause)], FINE, workarounds=ways, today=today))


def names(choices: list[TipChoice]) -> list[str]:
    return [choice.id for choice in choices]


# --- patterns -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern, way_id, fit",
    [
        ("doh:*", "doh:quad9", True),
        ("doh:quad9", "doh:quad9-unfiltered", False),
        ("doh:quad9*", "doh:quad9-unfiltered", True),
        ("doh:*", "doh-name:quad9", False),
        ("doh:*", "doh:quad9|ech", False),
        ("doh:*|ech", "doh:quad9|ech", True),
        ("ech", "doh:quad9|ech", False),
        ("*|ech", "doh:quad9|ech", True),
        ("*|ech", "ech", True),
        ("cut", "rec:snimid", True),
        ("cut", "chunk:16", True),
        ("cut", "browser", False),
        ("rec:sni", "rec:sni", True),
        ("rec:sni", "rec:snimid", False),
        ("doh:*|recseg:32", "doh:quad9|recseg:32", True),
        ("doh:*|recseg:32", "recseg:32", False),
        ("name", "name:twitter.com", True),
        ("port", "port:5222", True),
        ("route:*", "route:socks5-1a2b", True),
        ("exit:psiphon-*", "exit:psiphon-download", True),
        ("exit:psiphon-*", "exit:tor-network", False),
        ("*|ech", "route:ech", False),
    ],
)
def test_a_pattern_fits_the_ways_that_it_means_and_no_other(pattern: str, way_id: str, fit: bool) -> None:
    parsed = parse_way(way_id)
    assert parsed is not None
    assert is_pattern(pattern)
    assert fits(pattern, parsed) is fit


# --- what was proved ------------------------------------------------------------------------------------


def test_what_just_passed_comes_first_and_says_what_it_rests_on() -> None:
    first, *_ = chosen(way("doh:quad9"), way("doh:google", BLOCKED))
    assert first == TipChoice(id="proved-names", rank=1, because=("cause:dns_tampering", "target:x", "workaround:doh:quad9"))


def test_the_general_tip_makes_way_for_the_proved_one() -> None:
    assert "encrypted-names" not in names(chosen(way("doh:quad9")))
    assert "encrypted-names" in names(chosen(way("doh:quad9", PARTIAL)))
    assert "encrypted-names" in names(chosen(way("dot:quad9", Status.UNKNOWN)))


def test_what_failed_here_is_not_advised() -> None:
    found = names(chosen(way("doh:quad9", BLOCKED), way("doh-name:google", BLOCKED)))
    assert not {"proved-names", "encrypted-names", "intra-names"} & set(found)
    assert found[0] == "trusted-vpn"


def test_too_few_tries_speak_neither_for_a_way_nor_against_it() -> None:
    found = names(chosen(way("doh:quad9", BLOCKED), way("doh:google", Status.UNKNOWN)))
    assert "proved-names" not in found
    assert "encrypted-names" in found


def test_of_several_ways_the_surest_and_fastest_is_named_first() -> None:
    first = chosen(way("doh:google", seconds=0.9), way("doh:quad9", PARTIAL, seconds=0.1), way("dot:adguard", seconds=0.3))[0]
    assert first.because[2:] == ("workaround:dot:adguard", "workaround:doh:google", "workaround:doh:quad9")


def test_what_passed_sometimes_stands_behind_what_always_passed() -> None:
    found = names(chosen(way("name:twitter.com", PARTIAL), way("doh:quad9")))
    assert found.index("proved-names") < found.index("other-name")


def test_what_asks_less_of_a_person_stands_first() -> None:
    ways = [way("recseg:32"), way("rec:sni"), way("doh:quad9"), way("name:twitter.com", seconds=3.0), way("route:socks5-1a2b")]
    found = names(chosen(*ways))
    assert found[:6] == ["other-name", "proved-names", "own-proxy", "intra-names", "intra-pieces", "splitting-tools"]


def test_a_way_counts_for_the_target_for_which_it_passed() -> None:
    verdicts = [verdict("x"), verdict("signal")]
    found = {c.id: c for c in tips_for(verdicts, FINE, workarounds=[way("doh:quad9"), way("doh:quad9", BLOCKED, "signal")])}
    assert found["proved-names"].because == ("cause:dns_tampering", "target:x", "workaround:doh:quad9")
    assert "target:signal" in found["trusted-vpn"].because


def test_a_way_is_no_advice_for_a_proxy_that_fails() -> None:
    over = verdict(cause=Cause.PROXY_REFUSES_TARGET, route="socks5-1a2b")
    assert names(list(tips_for([over], FINE, workarounds=[way("doh:quad9")]))) == ["proxy-rules"]


def test_a_stop_sign_stands_before_every_way_round() -> None:
    assert names(chosen(way("doh:quad9"), cause=Cause.TLS_INTERCEPTION))[:2] == ["do-not-log-in", "proved-names"]


def test_a_fault_of_this_computer_stands_before_every_way_round() -> None:
    network = NetworkVerdict(status=Status.DOWN, cause=Cause.WRONG_CLOCK)
    assert tips_for([verdict()], network, workarounds=[way("doh:quad9")])[0].id == "set-the-clock"


def test_a_line_that_only_loses_a_lot_stands_behind_what_passed_over_it() -> None:
    lossy = NetworkVerdict(status=Status.SLOW, cause=Cause.LOSSY_NETWORK)
    assert names(list(tips_for([verdict()], lossy, workarounds=[way("doh:quad9")])))[:3] == ["proved-names", "intra-names", "better-signal"]
    assert names(list(tips_for([verdict()], lossy)))[0] == "better-signal"


def test_a_resolver_that_was_judged_cut_off_proves_nothing() -> None:
    cut = verdict("resolver:google", Cause.RESOLVER_BLOCKED)
    choices = tips_for([verdict(), cut], FINE, workarounds=[way("doh-name:google"), way("doh:quad9")])
    assert choices[0].because[-1] == "workaround:doh:quad9"
    assert not any("google" in reason and reason.startswith("workaround") for c in choices for reason in c.because)


def test_a_resolver_of_which_only_some_transports_are_shut_may_be_named() -> None:
    partly = [
        verdict("resolver:quad9", Cause.RESOLVER_BLOCKED, PARTIAL),
        msgspec.structs.replace(verdict("resolver:quad9", Cause.RESOLVER_BLOCKED), function="udp"),
    ]
    choices = tips_for([verdict(), *partly], FINE, workarounds=[way("doh:quad9")])
    assert choices[0].because[-1] == "workaround:doh:quad9"


def test_nobody_is_told_to_keep_the_directory_where_another_one_was_proved() -> None:
    cut = verdict("resolver:google", Cause.RESOLVER_BLOCKED)
    assert "keep-your-directory" in names(list(tips_for([verdict(), cut], FINE, workarounds=[way("doh:quad9", BLOCKED)])))
    for passed in ("doh:quad9", "dot:quad9", "udp:quad9"):
        assert "keep-your-directory" not in names(list(tips_for([cut, verdict()], FINE, workarounds=[way(passed)])))
    by_name = [verdict(cause=Cause.NAME_BLOCKED), cut]
    assert "keep-your-directory" in names(list(tips_for(by_name, FINE, workarounds=[way("rec:sni")])))


def test_whoever_sets_a_directory_is_told_the_way_back() -> None:
    back = ("Si no abre ninguna", "Si deja de abrir todo")
    tips = load_tips()
    for ident in ("proved-names", "other-directory", "intra-names"):
        tip = tips[ident]
        assert [p for p in tip.on_platforms() if not any(b in tip.steps_on(p, "es")[-1] for b in back)] == []
        assert [p for p in tip.on_platforms() if "If no page opens" not in tip.steps_on(p, "en")[-1]] == []


def test_a_resolver_of_which_nothing_can_be_told_gives_no_tip() -> None:
    resolvers = load_catalog().resolvers
    ways = [way("doh:nobody-knows-it")]
    assert tips_for([verdict()], FINE, workarounds=ways)[0].id == "proved-names"
    assert tips_for([verdict()], FINE, workarounds=ways, resolvers=resolvers)[0].id == "encrypted-names"


# --- what usually helps ---------------------------------------------------------------------------------


def test_further_tips_join_where_ways_were_tried_and_come_last() -> None:
    assert names(chosen(way("doh:quad9", Status.NOT_TESTED))) == ["encrypted-names"]
    assert names(chosen(way("doh:quad9"))) == [
        "proved-names",
        "intra-names",
        "trusted-vpn",
        "psiphon-lantern",
        "choose-a-vpn",
        "tor-bridges",
        "ask-for-help",
    ]


def test_tor_is_not_advised_where_every_way_into_it_is_shut() -> None:
    into = ("tor-network", "tor-snowflake", "tor-bridges")
    shut = [way(f"exit:{each}", BLOCKED, None) for each in into]
    assert "tor-bridges" not in names(chosen(way("doh:quad9"), *shut))
    assert "tor-bridges" in names(chosen(way("doh:quad9"), *shut[:2], way("exit:tor-bridges", WORKS, None)))


@pytest.mark.parametrize(
    "target, tips", [("whatsapp", {"whatsapp-proxy"}), ("telegram", {"telegram-proxy"}), ("signal", {"signal-switch", "signal-proxy"})]
)
def test_an_apps_own_settings_are_advised_for_that_app(target: str, tips: set[str]) -> None:
    found = tips_for([verdict(target, Cause.IP_BLOCKED)], FINE, workarounds=[way("address", BLOCKED, target)])
    assert {c.id for c in found} & {"whatsapp-proxy", "telegram-proxy", "signal-switch", "signal-proxy"} == tips


def test_what_gets_through_in_part_is_said_only_then() -> None:
    tried = [way("doh:quad9", BLOCKED)]
    partly = tips_for([verdict(status=PARTIAL)], FINE, workarounds=tried)
    assert "works-in-part" in names(list(partly))
    assert "works-in-part" not in names(chosen(*tried))


def test_a_total_shutdown_has_its_own_advice_behind_the_usual_one() -> None:
    down = NetworkVerdict(status=Status.DOWN, cause=Cause.NO_INTERNET, rule="network.nothing_answers")
    assert names(list(tips_for([], down))) == ["check-the-line", "without-internet"]


# --- age ------------------------------------------------------------------------------------------------


def test_an_old_tip_stands_last_and_an_old_download_not_at_all() -> None:
    ways = [way("doh:quad9"), way("rec:snimid")]
    tips = load_tips()
    last = tips["proved-names"].expires
    assert last is not None
    assert names(chosen(*ways, today=last))[0] == "proved-names"
    late = names(chosen(*ways, today=last + dt.timedelta(days=1)))
    fresh = [tip for tip in late if not tips[tip].expired(last + dt.timedelta(days=1))]
    assert late[: len(fresh)] == fresh
    assert "proved-names" in late[len(fresh) :]
    assert not any(tips[tip].download for tip in late[len(fresh) :])
    assert "splitting-tools" not in late


def test_without_a_day_nothing_is_old() -> None:
    assert names(chosen(way("recseg:32"), cause=Cause.NAME_BLOCKED))[0] == "intra-pieces"


def test_a_download_that_is_old_makes_way_for_the_next_tip() -> None:
    tips = {tip.id: tip for tip in load_tips().values() if Cause.NAME_BLOCKED in tip.causes}
    far = dt.date(2090, 1, 1)
    found = tips_for([verdict(cause=Cause.NAME_BLOCKED)], FINE, tips, workarounds=[way("recseg:32")], today=far)
    assert not any(tips[c.id].download for c in found)
    assert found


def test_a_tool_is_advised_only_where_its_own_cut_passed() -> None:
    tools = {"rec:sni": "splitting-tools", "recseg:32": "intra-pieces", "seg:snimid": "splitting-packets"}
    for passed, tip in tools.items():
        ways = [way(each, Status.WORKS if each == passed else Status.BLOCKED) for each in tools]
        found = names(chosen(*ways, cause=Cause.NAME_BLOCKED))
        assert set(found) & set(tools.values()) == {tip}


@pytest.mark.parametrize(
    "passed, tip, other",
    [
        ("doh:quad9|address", "other-address", ""),
        ("doh-name:quad9|address", "other-address", ""),
        ("doh:quad9|h3", "fast-way-names", "fast-way"),
        ("doh:quad9|ipv6", "newer-addresses-names", "newer-addresses"),
        ("h3", "fast-way", "fast-way-names"),
        ("ipv6", "newer-addresses", "newer-addresses-names"),
    ],
)
def test_a_lookup_that_is_part_of_a_way_is_part_of_the_tip(passed: str, tip: str, other: str) -> None:
    found = names(chosen(way(passed), cause=Cause.IP_BLOCKED))
    assert tip in found
    assert other not in found


def test_an_address_that_no_named_resolver_gives_is_no_advice() -> None:
    assert "other-address" not in names(chosen(way("address"), cause=Cause.IP_BLOCKED))
    alive = [tip for tip in load_tips().values() if any(fits(pattern, Way(flight="address")) for pattern in tip.needs)]
    assert alive == []


def test_what_passes_without_another_directory_makes_that_one_superfluous() -> None:
    found = names(chosen(way("h3"), way("doh:quad9|h3"), way("ipv6", PARTIAL), way("doh:quad9|ipv6"), cause=Cause.IP_BLOCKED))
    assert "fast-way-names" not in found
    assert {"fast-way", "newer-addresses", "newer-addresses-names"} <= set(found)


@pytest.mark.parametrize(
    "passed, tip",
    [
        *(("doh:quad9", "proved-names"), ("browser", "browser-flight"), ("doh:quad9|ech", "hidden-name"), ("h3", "fast-way")),
        *(("ipv6", "newer-addresses"), ("port:5222", "other-port"), ("name:twitter.com", "other-name"), ("recseg:32", "intra-pieces")),
        *(("rec:sni", "splitting-tools"), ("seg:snimid", "splitting-packets"), ("doh:quad9|rec:sni", "splitting-with-names")),
        *(("doh:quad9|address", "other-address"), ("doh:quad9|h3", "fast-way-names"), ("doh:quad9|ipv6", "newer-addresses-names")),
        ("route:socks5-1a2b", "own-proxy"),
    ],
)
def test_what_opens_a_page_that_freezes_is_told(passed: str, tip: str) -> None:
    assert tip in names(chosen(way(passed), cause=Cause.THROTTLED))
