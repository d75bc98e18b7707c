"""What is said of the proxies of Telegram, Signal and WhatsApp: every rule has its sentence, and only their own app is compared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.report_facts import verdicts_over_routes, whole_verdicts
from app.route_words import comparison, route_sentence
from app.sentences import card_sentence
from app.texts import set_language, t
from diagnostics.judge import app_proxies, judge
from diagnostics.model import Cause, Certainty, Report, RouteVerdict, Service, Status, Verdict
from tests.judge.story import Story, service

APPS = {"mtproto": "Telegram", "signal": "Signal", "whatsapp": "WhatsApp"}
RULES = set(re.findall(r'"route\.([a-z_]+)"', Path(app_proxies.__file__).read_text(encoding="utf-8"))) - {"cut_short", "not_measured"}
CAUSES = {
    **dict.fromkeys(("decoy_answers", "secret_or_cut"), Cause.PROXY_AUTH),
    **dict.fromkeys(("site_answers", "other_protocol", "does_not_answer", "no_tls"), Cause.PROXY_WRONG_PROTOCOL),
    **dict.fromkeys(("site_name_cut", "name_misled"), Cause.PROXY_BLOCKED),
    **dict.fromkeys(("outer_certificate", "another_answers"), Cause.PROXY_INTERCEPTS),
    **dict.fromkeys(("silent", "name_unknown"), Cause.PROXY_UNREACHABLE),
    "refused": Cause.PROXY_DOWN,
    "clock_too_far": Cause.WRONG_CLOCK,
}
FINE = {"app_answers": Status.WORKS, "open_relay": Status.WORKS, "chat_only": Status.PARTIAL, "media_only": Status.PARTIAL}


def report_of(kind: str, rule: str, *, direct: Status = Status.BLOCKED) -> Report:
    """Return a report of an app's proxy and of the app over it and directly."""
    app, route = APPS[kind].lower(), f"{kind}-1234"
    status = FINE.get(rule, Status.UNKNOWN if rule == "clock_too_far" else Status.DOWN)
    over = Verdict(target=app, route=route, status=status, cause=CAUSES.get(rule), certainty=Certainty.LIKELY, rule=f"route.{rule}")
    proxy = RouteVerdict(id=route, kind=kind, label=route, status=over.status, cause=over.cause, certainty=over.certainty, rule=over.rule)
    story = Story(Service(id=app, name={"es": APPS[kind], "en": APPS[kind]}), service("x.com"))
    return Report(
        network=judge(story.healthy().observations).network,
        routes=(RouteVerdict(), proxy),
        verdicts=(
            Verdict(target=app, status=direct, certainty=Certainty.CERTAIN),
            Verdict(target="x", status=direct, certainty=Certainty.CERTAIN),
            over,
        ),
        observations=tuple(story.observations),
    )


@pytest.fixture(autouse=True)
def every_text_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("kind", APPS)
@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_has_a_sentence_of_its_own_for_the_proxy_and_for_the_app(rule: str, kind: str, language: str) -> None:
    set_language(language)
    report = report_of(kind, rule)
    of_proxy = route_sentence(report.routes[1], report)
    of_app = card_sentence(report.verdicts[2], report)
    nothing = {t("proxy.works"), *(t(f"proxy.is.{s}") for s in ("down", "unknown", "not_tested")), t("verdict.down"), t("verdict.unknown")}
    assert not {of_proxy, of_app} & nothing
    assert "{" not in of_proxy + of_app


def test_the_rules_of_the_words_are_those_of_the_judge() -> None:
    assert set(CAUSES) | set(FINE) | {"app_unreachable", "silent_to_secret", "outer_expired", "cut_at_first_word"} == RULES


def test_only_the_proxys_own_app_is_compared() -> None:
    set_language("es")
    report = report_of("mtproto", "app_answers")
    assert [v.target for v in whole_verdicts(report)] == ["telegram", "x"]
    assert comparison(report, "telegram") == "Directo no abre; por Telegram (1234) sí."
    assert (comparison(report, "x"), verdicts_over_routes(report, "x")) == ("", [])


def test_a_proxy_that_works_is_said_to_work_by_the_name_of_its_app() -> None:
    set_language("es")
    report = report_of("signal", "app_answers")
    assert route_sentence(report.routes[1], report) == "Funciona: por él contestó Signal de verdad."


def test_an_open_proxy_is_no_failure_and_is_told_of() -> None:
    set_language("es")
    report = report_of("signal", "open_relay")
    assert "Deja pasar también otras páginas" in route_sentence(report.routes[1], report)


def test_a_proxy_that_carries_a_part_is_not_said_to_be_shut() -> None:
    set_language("es")
    both = report_of("whatsapp", "chat_only", direct=Status.WORKS)
    assert comparison(both, "whatsapp") == "Abre directo, y también por WhatsApp (1234)."


def test_a_service_of_which_only_a_part_works_directly_is_compared_with_the_proxy_that_does() -> None:
    set_language("es")
    report = report_of("mtproto", "app_answers", direct=Status.PARTIAL)
    assert comparison(report, "telegram") == "Directo funciona a medias; por Telegram (1234) funciona bien."
