"""A tip as the window, the terminal and the page show it, and as it is sent to a chat."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import msgspec
import pytest

from app.advice import MAX_TEXT, advice_for, advice_text
from app.cli_summary import write_summary
from app.given_tips import advice_of, chosen, day_of, resolvers_of, worded
from app.report_view import html_page
from app.terminal import Terminal
from app.texts import set_language, speaking
from app.tip_sources import source_names
from diagnostics.advice import load_tips
from diagnostics.model import (
    Cause,
    NetworkVerdict,
    Observation,
    Report,
    RouteVerdict,
    RunFacts,
    Status,
    Step,
    TipChoice,
    Verdict,
    Workaround,
)
from ui.backend import Advice, AdviceSteps


@pytest.fixture(autouse=True)
def spanish(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    set_language("es")
    yield
    set_language("es")


def way(ident: str, status: Status = Status.WORKS, target: str = "x", seconds: float = 0.42, passed: int = 4) -> Workaround:
    return Workaround(id=ident, target=target, status=status, seconds=seconds, tries=4, passed=passed)


def report(*ways: Workaround, started: str = "2026-11-26T10:00:00Z", cause: Cause = Cause.DNS_TAMPERING) -> Report:
    plan = {
        "kind": "plan",
        "targets": [{"id": "x", "name": {"es": "X", "en": "X"}, "functions": []}],
        "resolvers": [{"id": "quad9", "operator": "Quad9", "addresses": ["9.9.9.9", "149.112.112.112"]}],
    }
    made = Report(
        run=RunFacts(started=started),
        network=NetworkVerdict(status=Status.WORKS),
        routes=(RouteVerdict(id="socks5-1a2b", kind="socks5", status=Status.WORKS),),
        verdicts=(Verdict(target="x", status=Status.BLOCKED, cause=cause),),
        workarounds=ways,
        observations=(Observation(id="o1", step=Step.SYSTEM, detail=plan),),
    )
    return msgspec.structs.replace(made, tips=chosen(made))


def first(*ways: Workaround, computer: str = "windows11", language: str = "es") -> Advice:
    return advice_for(report(*ways), "x", language, computer=computer)[0]


# --- in the window --------------------------------------------------------------------------------------


def test_what_was_proved_is_said_with_its_time() -> None:
    advice = first(way("doh:quad9"))
    assert advice.proved == "Probado ahora: con la guía de nombres cifrada de Quad9, X abre en 0,4\u00a0s."
    assert (
        first(way("doh:quad9"), language="en").proved == "Just tested: with the encrypted name directory of Quad9, X opens in 0.4\u00a0s."
    )
    assert advice.general is False


def test_what_passed_sometimes_is_said_with_its_rate() -> None:
    advice = first(way("doh:quad9", Status.PARTIAL, passed=3))
    assert advice.proved == "Probado ahora: con la guía de nombres cifrada de Quad9, X abrió 3 de 4 veces."


def test_a_way_without_a_time_is_said_without_one() -> None:
    assert first(way("doh:quad9", seconds=0.0)).proved == "En esta prueba, con la guía de nombres cifrada de Quad9, X abrió."


def test_only_what_was_not_tried_is_said_to_be_untried() -> None:
    general = {advice.id: (advice.general, advice.proved) for advice in advice_for(report(way("doh:quad9")), "x", "es")}
    assert general["proved-names"][0] is False
    assert general["trusted-vpn"] == (True, "")


def test_this_computers_steps_come_first_then_its_browsers() -> None:
    advice = first(way("doh:quad9"), way("doh-name:quad9"), way("dot:quad9"), computer="linux")
    assert [(each.platform, each.here) for each in advice.platforms] == [
        *(("linux", True), ("firefox", True), ("chrome", True), ("android", False), ("iphone", False)),
        *(("windows11", False), ("windows10", False), ("macos", False)),
    ]
    assert advice.steps == advice.platforms[0].steps


def test_general_steps_have_no_platform_to_choose() -> None:
    advice = first(way("name:twitter.com"))
    assert advice.platforms == ()
    assert advice.steps[0] == "Escribe «https://twitter.com» en el navegador."


def test_where_a_computer_has_its_own_steps_the_general_ones_stand_last() -> None:
    down = Report(network=NetworkVerdict(status=Status.DOWN, cause=Cause.STALE_PROXY))
    mac, bsd = (advice_for(down, None, "es", computer=computer)[0].platforms for computer in ("macos", "any"))
    assert (mac[0].platform, mac[-1].platform, mac[-1].here) == ("macos", "any", False)
    assert (bsd[0].platform, bsd[0].here) == ("any", True)


def test_a_tip_says_where_it_comes_from_and_whether_anybody_followed_it() -> None:
    advice = first(way("doh:quad9"))
    assert (advice.dated, advice.verified, advice.expired) == ("22 nov 2026", False, False)
    assert "GoodbyeDPI" in advice.source


def test_the_language_of_advice_is_the_one_that_was_asked_for() -> None:
    assert first(way("doh:quad9"), language="en").platforms[1].name == "Chrome and Edge"
    with pytest.raises(ValueError, match="fr"):
        first(way("doh:quad9"), language="fr")


def test_a_proxy_is_called_what_its_owner_calls_it() -> None:
    made = report(way("route:socks5-1a2b"))
    assert worded(made, made.tips, names={"socks5-1a2b": "oficina"})[0].title == "Usa tu proxy «oficina»"


def test_an_old_tip_says_so() -> None:
    old = advice_for(report(way("doh:quad9"), started="2028-01-01T00:00:00Z"), "x", "es")
    assert {advice.id: advice.expired for advice in old}["proved-names"] is True
    assert old[0].expired is False


def test_a_strangers_report_cannot_put_its_own_address_below_a_known_name() -> None:
    made = report(way("doh:quad9"))
    plan = made.observations[0].detail | {"resolvers": [{"id": "quad9", "operator": "Quad9", "addresses": ["203.0.113.66"]}]}
    forged = msgspec.structs.replace(made, observations=(Observation(id="o1", step=Step.SYSTEM, detail=plan),))
    assert "quad9" not in {resolver.id for resolver in resolvers_of(forged)}
    assert not any("203.0.113.66" in step or "Quad9" in step for tip in advice_of(forged) for each in tip.platforms for step in each.steps)


@pytest.mark.parametrize("started", ["", "anoche", "2026-13-45"])
def test_a_day_that_cannot_be_read_makes_nothing_old(started: str) -> None:
    assert day_of(Report(run=RunFacts(started=started))) is None


# --- for a chat ---------------------------------------------------------------------------------------


def test_a_tip_for_a_chat_has_everything_that_one_needs() -> None:
    advice = first(way("doh:quad9"), way("doh-name:quad9"), way("dot:quad9"))
    text = advice_text(advice, "android")
    assert text.splitlines()[:4] == ["Usa los nombres cifrados de Quad9", advice.proved, advice.why, "En Android:"]
    assert "3. Escribe «dns.quad9.net» y elige «Guardar»." in text
    assert "Riesgo: " in text
    assert "1. Abre «Configuración» > «Red e Internet»" in advice_text(advice, "amiga")


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_tip_fits_a_code(language: str) -> None:
    ways = (
        way("doh:quad9"),
        way("dot:quad9"),
        way("rec:sni"),
        way("recseg:32"),
        way("seg:snimid"),
        way("doh:quad9|rec:sni"),
        way("h3"),
        way("ech"),
        way("route:socks5-1a2b"),
    )
    with speaking(language):
        for advice in advice_for(report(*ways), "x", language):
            for platform in ["", *(each.platform for each in advice.platforms)]:
                text = advice_text(advice, platform)
                assert len(text) <= MAX_TEXT
                assert advice.caution[1:] in text
                assert "…" not in text


def test_where_a_tip_comes_from_does_not_travel_with_it() -> None:
    advice = first(way("doh:quad9"))
    assert advice.source
    assert all("Fuente" not in advice_text(advice, each.platform) for each in advice.platforms)


@pytest.mark.parametrize(
    "note, es, en",
    [
        ("general knowledge (the menus)", "conocimiento general", "general knowledge"),
        ("OONI finding 29 (the cause); GoodbyeDPI README and general knowledge", "OONI; GoodbyeDPI; conocimiento general", ""),
        ("Signal's announcement of its proxies (links signal.tube)", "Signal", "Signal"),
        ("hufrea/byedpi and xvzc/SpoofDPI READMEs; net4people/bbs 550 (a)", "hufrea/byedpi; xvzc/SpoofDPI; net4people/bbs 550", ""),
        ("Xue et al., Throttling Twitter, IMC 2021 (the cause)", "Xue et al., Throttling Twitter, IMC 2021", ""),
        ("someone said so", "", ""),
        ("", "", ""),
    ],
)
def test_a_source_is_told_by_names_and_dates_alone(note: str, es: str, en: str) -> None:
    assert source_names(note) == es
    with speaking("en"):
        assert not en or source_names(note) == en


def test_every_source_that_ships_has_a_name_and_no_english_prose() -> None:
    prose = re.compile(r"\b(the|of|own|rule|menus|knowledge|issues?|documentation|README|steps|named|finding|and)\b", re.IGNORECASE)
    told = {tip.source: source_names(tip.source) for tip in load_tips().values()}
    assert [note for note, names in told.items() if not names or prose.search(names)] == []


def test_what_does_not_fit_is_left_out_and_never_the_risk() -> None:
    steps = tuple(f"{number} " + "x" * 150 for number in range(6))
    long = Advice(
        id="a",
        say="Di",
        why="y" * 140,
        steps=steps,
        caution="Peligro",
        platforms=(AdviceSteps(platform="linux", name="Linux", steps=steps),),
        source="s",
    )
    text = advice_text(long, "linux")
    assert len(text) <= MAX_TEXT
    assert text.startswith("Di\nEn Linux:\n1. 0")
    assert text.endswith("…\nRiesgo: peligro\nEste consejo no se probó en tu red.")


# --- in the terminal and on the page --------------------------------------------------------------------


def printed(made: Report, *, own: bool = True) -> str:
    out = io.StringIO()
    write_summary(made, Terminal(out), own=own)
    return re.sub(r"[ \n]+", " ", out.getvalue())


def test_the_terminal_says_what_was_proved_before_anything_else_of_a_tip() -> None:
    text = printed(report(way("doh:quad9")))
    title = text.index("usa los nombres cifrados de Quad9")
    assert title < text.index("Probado ahora: con la guía") < text.index("La página llega entera") < text.index(" 1. ")
    assert "Hay pasos también para " in text


def test_the_terminal_gives_three_tips_with_steps_and_of_the_others_the_titles_in_one_line() -> None:
    made = report(way("doh:quad9"))
    titles = [tip.title for tip in advice_of(made)]
    assert len(titles) > 4
    text = printed(made)
    assert text.count("Qué hacer: ") == 3
    after = text.partition("Otros consejos, con sus pasos: en la ventana o con «export --html»: ")[2]
    assert [title for title in titles[3:] if title.lower() not in after.lower()] == []
    assert "Riesgo" not in after


def test_a_report_that_was_opened_does_not_say_now() -> None:
    text = printed(report(way("doh:quad9")), own=False)
    assert "Probado ahora" not in text
    assert "En esta prueba, con la guía de nombres cifrada de Quad9, X abrió en 0,4\u00a0s." in text


def test_the_page_shows_the_proof_the_platforms_the_source_and_that_nobody_followed_the_steps() -> None:
    text = html_page(report(way("doh:quad9")), "es")
    assert 'class="proved"' in text
    assert "<summary>iPhone</summary>" in text
    assert "Fuente: GoodbyeDPI; dnsrobot.net; conocimiento general. " in text
    assert "knowledge" not in text
    assert "Fecha: 22 nov 2026." in text
    assert "Nadie repitió todavía estos pasos" in text


def test_a_tip_that_is_not_known_or_cannot_be_worded_is_left_out() -> None:
    made = msgspec.structs.replace(report(), tips=(TipChoice(id="from-the-future", rank=1), TipChoice(id="proved-names", rank=2)))
    assert advice_of(made) == []
    assert "from-the-future" not in load_tips()
