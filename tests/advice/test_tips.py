"""Tips: one plain next step for every cause, honest about what was measured, and chosen in the right order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.texts import has_text, speaking
from app.wording import risk_line
from diagnostics.advice import Tip, TipText, load_tips, tips_for
from diagnostics.catalog import load_catalog
from diagnostics.errors import InputError
from diagnostics.model import LOCAL_CAUSES, Cause, NetworkVerdict, Status, Verdict
from tests import wording_rules as rules

LANGUAGES = ("es", "en")
FINE = NetworkVerdict(status=Status.WORKS)


def verdict(target: str, cause: Cause | None, status: Status = Status.BLOCKED, function: str | None = None, rule: str = "") -> Verdict:
    return Verdict(target=target, function=function, status=status, cause=cause, rule=rule)


def every_text() -> Iterator[tuple[str, str, TipText]]:
    """Yield every tip in every language, with the steps of all its platforms."""
    for tip in load_tips().values():
        for language in LANGUAGES:
            text = tip.in_language(language)
            steps = tuple(step for platform in tip.on_platforms() for step in tip.steps_on(platform, language))
            yield tip.id, language, msgspec.structs.replace(text, steps=steps)


def lines(text: TipText) -> tuple[str, ...]:
    return tuple(line for line in (text.title, text.why, *text.steps, text.risk, text.how) if line)


# --- the tips that ship -----------------------------------------------------------------------------


def test_every_cause_has_exactly_one_tip_that_always_counts() -> None:
    told = [cause for tip in load_tips().values() for cause in tip.causes if tip.always_counts]
    assert sorted(told) == sorted(Cause)


def test_every_tip_has_a_risk_a_source_a_date_and_an_expiry() -> None:
    assert [tip.id for tip in load_tips().values() if not tip.source.strip() or tip.date.year < 2026] == []
    assert [tip.id for tip in load_tips().values() if tip.expires is None] == []
    assert [(tip, language) for tip, language, text in every_text() if not text.risk.strip()] == []


def test_tips_keep_the_rules_of_wording() -> None:
    faults = []
    for tip, language, text in every_text():
        found = [*rules.title_faults(text.title)]
        for line in lines(text):
            found += [*rules.length_faults(line), *rules.jargon_faults(line), *rules.mark_faults(line, language)]
            found += rules.speech_faults(line, language)
        faults += [f"{language} {tip}: {fault}" for fault in found]
    assert faults == []


def test_no_tip_claims_to_have_been_measured_here() -> None:
    claims = ("funciona aquí", "probado", "desbloquea", "works here", "tested", "unblocks", "invisible", "anónim", "anonymous", "segur@")
    assert [(tip, line) for tip, _, text in every_text() for line in lines(text) if any(c in line.lower() for c in claims)] == []


def test_no_tip_names_a_public_resolver_or_a_proxy_and_only_one_that_expires_names_a_vpn() -> None:
    resolvers = load_catalog().resolvers
    names = {r.operator.lower() for r in resolvers} - {"google", "wikimedia"} | {a for r in resolvers for a in r.addresses}
    names |= {"1.1.1.1", "quad9", "opendns", "cloudflare", "socks5://", "vless://", "ss://"}
    vpns = {"psiphon", "proton", "mullvad", "nordvpn", "tunnelbear", "lantern", "riseup"}
    said = [(tip, line.lower()) for tip, _, text in every_text() for line in lines(text)]
    assert [(tip, line) for tip, line in said if any(name in line for name in names)] == []
    assert {tip for tip, line in said if any(name in line for name in vpns)} == {"psiphon-lantern", "choose-a-vpn"}
    assert all(load_tips()[tip].download for tip in ("psiphon-lantern", "choose-a-vpn"))


def test_no_text_that_is_told_behind_a_colon_begins_with_what_was_measured() -> None:
    begun = [(tip, line) for tip, _, text in every_text() for line in (text.title, text.why, text.risk) if line.startswith("{")]
    assert begun == []
    names = {r.operator for r in load_catalog().resolvers}
    for tip, language, text in every_text():
        with speaking(language):
            for name in names:
                assert text.risk.replace("{resolver}", name).count(name) == risk_line(text.risk.replace("{resolver}", name)).count(name), (
                    tip
                )


def test_tips_that_lead_to_a_program_name_its_own_pages_on_every_computer() -> None:
    pages = {"psiphon-lantern": {"psiphon.ca", "lantern.io"}, "choose-a-vpn": {"protonvpn.com", "riseup.net/vpn", "tunnelbear.com"}}
    for ident, known in pages.items():
        tip = load_tips()[ident]
        assert {"windows11", "windows10", "macos", "linux", "any"} <= set(tip.on_platforms())
        for language in LANGUAGES:
            told = {platform: " ".join(tip.steps_on(platform, language)) for platform in tip.on_platforms()}
            assert all(any(page in steps for page in known) for steps in told.values())
            assert all(page in told["any"] for page in known)
            assert "psiphon.ca" not in told["linux"]


def test_the_steps_of_both_languages_correspond() -> None:
    assert [t.id for t in load_tips().values() if len(t.text.es.steps) != len(t.text.en.steps)] == []
    assert [t.id for t in load_tips().values() for p in t.platforms.values() if len(p.es) != len(p.en)] == []


def test_both_languages_leave_the_same_things_to_the_measurement() -> None:
    holes = {
        (tip.id, platform, language): [sorted(rules.PLACEHOLDER.findall(step)) for step in tip.steps_on(platform, language)]
        for tip in load_tips().values()
        for platform in tip.on_platforms()
        for language in LANGUAGES
    }
    assert [key for key in holes if key[2] == "es" and holes[key] != holes[(*key[:2], "en")]] == []
    parts = ("title", "why", "risk", "how")
    texts = [
        (t.id, *(sorted(rules.PLACEHOLDER.findall(getattr(t.in_language(c), p))) for c in LANGUAGES))
        for t in load_tips().values()
        for p in parts
    ]
    assert [tip for tip, es, en in texts if es != en] == []


def test_an_unknown_language_gets_spanish() -> None:
    tip = load_tips()["check-the-line"]
    assert tip.in_language("fr") == tip.text.es != tip.in_language("en")


# --- choosing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", [Cause.DNS_TAMPERING, Cause.DNS_NO_ANSWER])
def test_other_directories_are_not_advised_where_this_run_found_them_cut(cause: Cause) -> None:
    cut = verdict("resolver:google", Cause.RESOLVER_BLOCKED, Status.LIKELY_BLOCKED)
    assert [c.id for c in tips_for([verdict("x", cause)], FINE)] == ["encrypted-names"]
    assert [c.id for c in tips_for([verdict("x", cause), cut], FINE)] == ["trusted-vpn", "keep-your-directory"]


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_leads_to_its_tip(cause: Cause) -> None:
    choice, *warnings = tips_for([verdict("x", cause)], FINE)
    assert all(load_tips()[warning.id].beside for warning in warnings)
    assert (choice.rank, choice.because) == (1, (f"cause:{cause}", "target:x"))
    assert cause in load_tips()[choice.id].causes


def test_nothing_wrong_gives_no_tips() -> None:
    fine = [verdict("x", None, Status.WORKS), verdict("whatsapp", Cause.QUIC_BLOCKED, Status.WORKS)]
    assert tips_for(fine, FINE) == ()
    assert tips_for([verdict("x", None, Status.UNKNOWN), verdict("signal", Cause.IP_BLOCKED, Status.NOT_TESTED)], FINE) == ()


@pytest.mark.parametrize("cause", sorted(LOCAL_CAUSES - {Cause.BROKEN_IPV6}))
def test_a_fault_of_this_computer_or_line_comes_first(cause: Cause) -> None:
    choices = tips_for([verdict("x", Cause.NAME_BLOCKED)], NetworkVerdict(status=Status.DOWN, cause=cause))
    assert [c.because[0] for c in choices] == [f"cause:{cause}", "cause:name_blocked"]
    assert [c.rank for c in choices] == [1, 2]


def test_a_half_dead_line_that_still_works_waits_for_what_is_blocked() -> None:
    choices = tips_for([verdict("x", Cause.IP_BLOCKED)], NetworkVerdict(status=Status.WORKS, cause=Cause.BROKEN_IPV6))
    assert [c.because[0] for c in choices] == ["cause:ip_blocked", "cause:broken_ipv6"]


def test_a_tip_that_helps_several_targets_is_said_once_and_names_them_all() -> None:
    choices = tips_for([verdict("x", Cause.DNS_TAMPERING), verdict("signal", Cause.DNS_NO_ANSWER)], FINE)
    assert [c.because for c in choices] == [("cause:dns_tampering", "cause:dns_no_answer", "target:x", "target:signal")]


def test_the_first_target_that_was_asked_for_goes_first() -> None:
    choices = tips_for([verdict("signal", Cause.SERVER_FAULT, Status.DOWN), verdict("x", Cause.NAME_BLOCKED)], FINE)
    assert [c.because[0] for c in choices] == ["cause:server_fault", "cause:name_blocked"]


def test_a_function_alone_gives_no_tip_because_its_target_speaks_for_it() -> None:
    assert tips_for([verdict("whatsapp", Cause.IP_BLOCKED, function="media")], FINE) == ()
    assert len(tips_for([verdict("whatsapp", Cause.IP_BLOCKED, Status.PARTIAL)], FINE)) == 1


def test_a_cause_from_a_newer_report_is_passed_over() -> None:
    assert tips_for([verdict("x", Cause("gremlins"))], FINE) == ()


def test_the_same_verdicts_always_give_the_same_tips() -> None:
    verdicts = [verdict(t, c) for t, c in (("x", Cause.NAME_BLOCKED), ("signal", Cause.THROTTLED), ("telegram", Cause.IP_BLOCKED))]
    line = NetworkVerdict(status=Status.SLOW, cause=Cause.LOSSY_NETWORK)
    assert tips_for(verdicts, line) == tips_for(list(verdicts), line)


def test_a_local_cause_has_a_screen_or_a_sentence_to_stand_beside() -> None:
    assert [cause for cause in LOCAL_CAUSES if not has_text(f"cause.{cause}")] == []


def test_the_secure_address_is_advised_only_for_a_page_that_was_asked_for_in_clear() -> None:
    assert [c.id for c in tips_for([verdict("http://ejemplo.com/", Cause.BLOCK_PAGE)], FINE)] == ["secure-address", "notice-page"]
    for target in ("x", "https://ejemplo.com/"):
        assert [c.id for c in tips_for([verdict(target, Cause.BLOCK_PAGE)], FINE)] == ["trusted-vpn", "notice-page"]
    assert [c.id for c in tips_for([verdict("http://ejemplo.com/", Cause.HTTP_BLOCKED)], FINE)] == ["secure-address"]


@pytest.mark.parametrize(
    "rule, tip",
    [
        ("dns.name_exists_nowhere", "check-the-spelling"),
        ("dns.site_publishes_private_address", "internal-page"),
        ("http.server_error", "wait-for-the-service"),
        ("tls.certificate_date", "wait-for-the-service"),
    ],
)
def test_what_was_seen_chooses_among_the_tips_of_a_cause(rule: str, tip: str) -> None:
    assert [c.id for c in tips_for([verdict("x", Cause.SERVER_FAULT, Status.DOWN, rule=rule)], FINE)] == [tip]


def test_a_tip_says_that_it_claims_a_way_round_exactly_when_it_does() -> None:
    claiming = {tip.id for tip in load_tips().values() if tip.way_round}
    assert claiming == {
        *("encrypted-names", "trusted-vpn", "secure-address", "less-data", "other-exit", "own-vpn", "choose-a-vpn", "psiphon-lantern"),
        *("tor-bridges", "whatsapp-proxy", "telegram-proxy", "signal-switch", "signal-proxy"),
    }
    assert not claiming & {tip.id for tip in load_tips().values() if tip.needs}, "what passed here is said to have passed"


# --- broken files -------------------------------------------------------------------------------------

GOOD = """[[tip]]
id = "a-tip"
causes = ["no_internet"]
source = "somewhere"
date = 2026-11-22
checked = false
text.es = { title = "Uno", why = "Dos", steps = ["Tres", "Cuatro"], risk = "Cinco" }
text.en = { title = "One", why = "Two", steps = ["Three", "Four"], risk = "Five" }
"""


def load(folder: Path, text: str, **others: str) -> dict[str, Tip]:
    for name, content in {"basic": text, **others}.items():
        (folder / f"{name}.toml").write_text(content, encoding="utf-8")
    return load_tips(folder)


WAYS = """[[tip]]
id = "a-way"
causes = ["name_blocked"]
needs = ["doh:*", "*|cut"]
contradicted_by = ["exit:tor-*"]
source = "somewhere"
date = 2026-11-22
expires = 2027-11-22
checked = false
rank = 3
effort = "setting"
text.es = { title = "Uno {resolver}", why = "Dos", how = "con esto", risk = "Cinco" }
text.en = { title = "One {resolver}", why = "Two", how = "with this", risk = "Five" }
platforms.linux.es = ["Escribe {address}"]
platforms.linux.en = ["Type {address}"]
"""


@pytest.mark.parametrize(
    "was, becomes, line, found",
    [
        ('"doh:*"', '"smoke:*"', 4, "smoke:*"),
        ('"doh:*"', '"doh:*|ech:2"', 4, "doh:*|ech:2"),
        ('"exit:tor-*"', '"exit:"', 5, "exit:"),
        ('needs = ["doh:*", "*|cut"]\n', "", 11, "con esto"),
        ("2027-11-22", "2026-11-22", 8, "2026-11-22"),
        ("expires = 2027-11-22", "download = true", 8, "true"),
        ("rank = 3", "rank = 13", 10, 13),
        ("rank = 3", 'statuses = ["sad"]', 10, "sad"),
        ("rank = 3", 'replaces = ["b-way"]', 10, "b-way"),
        ('"setting"', '"effortless"', 11, "effortless"),
        ('how = "con esto", ', "", 12, "-"),
        ("{resolver}", "{resolvers}", 12, "{resolvers}"),
        ("{resolver}", "{resolver", 12, "Uno {resolver"),
        ('risk = "Cinco"', 'risk = "{resolver} mira"', 12, "{resolver} mira"),
        ("platforms.linux", "platforms.amiga", 14, "amiga"),
        ('["Escribe {address}"]', "[]", 14, 0),
        ('["Type {address}"]', '["Type {address}", "Again"]', 15, 2),
        ("{address}", "{adress}", 14, "{adress}"),
    ],
)
def test_a_mistake_about_ways_and_platforms_is_told_with_its_line(was: str, becomes: str, line: int, found: object, tmp_path: Path) -> None:
    assert was in WAYS
    with pytest.raises(InputError) as caught:
        load(tmp_path, WAYS.replace(was, becomes))
    values = caught.value.values
    assert (values["file"], values["line"], values["found"]) == ("resources/tips/basic.toml", line, found)


def test_a_tip_for_a_cause_has_steps_for_those_whose_system_is_not_named(tmp_path: Path) -> None:
    assert load(tmp_path, WAYS)["a-way"].on_platforms() == ("linux",)
    with pytest.raises(InputError) as caught:
        load(
            tmp_path,
            GOOD.replace('steps = ["Tres", "Cuatro"], ', "").replace('steps = ["Three", "Four"], ', "")
            + 'platforms.linux = { es = ["A"], en = ["B"] }\n',
        )
    assert (caught.value.values["line"], caught.value.values["found"]) == (7, "-")


def test_a_placeholder_of_a_way_stands_only_where_a_way_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD.replace('"Tres"', '"Pon {address}"'))
    assert caught.value.values["found"] == "{address}"


def test_a_good_file_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD)["a-tip"].in_language("en").steps == ("Three", "Four")


@pytest.mark.parametrize(
    "was, becomes, line, found",
    [
        ('"a-tip"', '"A tip"', 2, "A tip"),
        ('"no_internet"', '"gremlins"', 3, "gremlins"),
        ('"no_internet"', '"no_internet", "no_internet"', 3, "no_internet"),
        ('["no_internet"]', "[]", 3, "[]"),
        ('["no_internet"]', '["no_internet"]\nunless = ["gremlins"]', 4, "gremlins"),
        ('["no_internet"]', '["no_internet"]\nrules = ["Gremlins"]', 4, "Gremlins"),
        ('"somewhere"', '" "', 4, " "),
        ("2026-11-22", '"soon"', 5, "soon"),
        ("checked = false", 'checked = "no"', 6, "no"),
        ('risk = "Cinco"', 'risk = ""', 7, "-"),
        ('risk = "Cinco"', 'riesgo = "Cinco"', 7, "riesgo"),
        ('["Tres", "Cuatro"]', "[]", 7, 0),
        ('["Three", "Four"]', '["Three"]', 8, 1),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(was: str, becomes: str, line: int, found: object, tmp_path: Path) -> None:
    assert was in GOOD
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD.replace(was, becomes))
    values = caught.value.values
    assert (caught.value.text, values["file"], values["line"], values["found"]) == ("error.data", "resources/tips/basic.toml", line, found)


def test_an_id_is_used_once_in_all_files(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD, more=GOOD.replace("no_internet", "wrong_clock"))
    assert (caught.value.values["file"], caught.value.values["line"]) == ("resources/tips/more.toml", 2)


def test_a_cause_has_a_second_tip_only_behind_one_that_may_not_count(tmp_path: Path) -> None:
    second = GOOD.replace("a-tip", "b-tip")
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD, more=second)
    assert caught.value.values["line"] == 3
    sometimes = GOOD.replace("source", 'unless = ["wrong_clock"]\nsource')
    assert list(load(tmp_path, sometimes, more=second)) == ["a-tip", "b-tip"]


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, GOOD + "id = \n")
    assert (caught.value.text, caught.value.values["line"]) == ("error.toml", 9)
