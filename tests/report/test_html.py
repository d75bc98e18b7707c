"""The readable page: says what the window says, escapes everything, loads nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import sample_vpn, samples
from app.report_view import html_page
from app.texts import language, set_language, t
from app.vpn_steps import profile_stages
from app.vpn_words import beside_sentence, check_sentence, checks_in_order
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
    VpnCheck,
    VpnVerdict,
)
from diagnostics.report.visible import visible
from tests.report import documents

HOSTILE = "<script>alert(1)</script>\"'&\u202egnp.exe\x1b[31m\x00\u2066"


class Page(HTMLParser):
    """What a browser sees in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile_report(text: str) -> Report:
    """Return a report with ``text`` wherever a stranger can write."""
    detail = {"port": 1, "url": text, "title": text, "headers": {"server": text}}
    http = Observation(id="h", step=Step.HTTP, target=text, host=text, failure=text, detail=detail)
    plan = {"kind": "plan", "targets": [{"id": text, "name": {"es": text}, "functions": [{"id": text}, {"id": "web"}]}]}
    verdicts = (
        Verdict(target=text, status=Status.BLOCKED, rule=text, evidence=("h", text)),
        Verdict(target=text, function=text, status=Status.WORKS),
        Verdict(target=text, function="web", status=Status.BLOCKED),
    )
    observations = (Observation(id="p", step=Step.SYSTEM, detail=plan), http)
    routes = (RouteVerdict(id=text, kind=text, label=text, rule=text), RouteVerdict(id=f"openvpn-{text}", kind="openvpn", rule=text))
    check = VpnCheck(check=text, status=Status.PARTIAL, rule=text)
    network = NetworkVerdict(vpn=VpnVerdict(state="full", clients=(text,), checks=(check,)))
    run = RunFacts(id=text, started=text, simulated=text)
    return Report(run=run, network=network, routes=routes, verdicts=verdicts, observations=observations)


@pytest.fixture(autouse=True)
def spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    set_language("es")


def test_the_page_says_the_headline_the_verdicts_and_the_evidence() -> None:
    page = Page(html_page(documents.report(), "es"))
    for part in ("X", "o10", "302", "escuela.example.ve", *(str(v.rule) for v in documents.report().verdicts)):
        assert part in page.text
    assert {"h1", "section", "details", "table"} <= set(page.tags)


def test_the_page_speaks_the_language_asked_for_and_leaves_the_apps_alone() -> None:
    assert '<html lang="en">' in html_page(documents.report(), "en")
    assert language() == "es"
    with pytest.raises(ValueError, match="klingon"):
        html_page(documents.report(), "klingon")


def test_the_page_runs_nothing_and_loads_nothing() -> None:
    page = Page(html_page(hostile_report(HOSTILE), "es"))
    assert not {"script", "img", "link", "iframe", "object", "a", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "style")]
    (policy,) = [value for name, value in page.attributes if name == "content" and value and "default-src" in value]
    assert "default-src 'none'" in policy


def test_escapes_and_changes_of_direction_are_made_visible() -> None:
    text = html_page(hostile_report(HOSTILE), "es")
    assert not [c for c in text if c in "\x1b\x00\u202e\u2066"]
    assert "&lt;script&gt;" in text


@given(st.text(max_size=60))
def test_no_text_of_a_stranger_adds_a_tag(text: str) -> None:
    plain = Page(html_page(hostile_report("x"), "es"))
    page = Page(html_page(hostile_report(text), "es"))
    assert set(page.tags) <= set(plain.tags)
    assert page.tags.count("section") == plain.tags.count("section")


def test_a_simulated_run_says_so_and_a_real_one_does_not() -> None:
    simulated = msgspec.structs.replace(documents.report(), run=RunFacts(simulated="open"))
    assert 'class="ribbon"' in html_page(simulated, "es")
    assert 'class="ribbon"' not in html_page(documents.report(), "es")


def test_an_empty_report_and_a_newer_ones_words_make_a_page() -> None:
    assert "<h1>" in html_page(Report(), "en")
    assert "haunted" in html_page(Report(verdicts=(Verdict(target="x", status=Status("haunted")),)), "es")


@pytest.mark.parametrize(
    "text, shown", [("a\tb\r\nc", "a b  c"), ("\u202eabc", "\ufffdabc"), ("ñ «1\u00a0s»", "ñ «1\u00a0s»"), ("\x9b31m", "\ufffd31m")]
)
def test_only_what_can_be_seen_is_left(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_long_texts_are_cut() -> None:
    assert visible("x" * 50, longest=10) == "x" * 9 + "…"


# --- what stands where ---


def with_advice(*tips: TipChoice, report: Report | None = None) -> Report:
    return msgspec.structs.replace(report or samples.x_blocked(), tips=tips)


def test_a_tip_stands_right_behind_the_card_that_it_helps() -> None:
    tip = TipChoice(id="encrypted-names", rank=1, because=("cause:dns_tampering", "target:x"))
    text = html_page(with_advice(tip), "es")
    assert text.index("dirección falsa") < text.index("Prueba a cifrar los nombres") < text.index("<h2>WhatsApp</h2>")


def test_a_tip_about_the_line_stands_before_the_services_that_it_hides() -> None:
    tip = TipChoice(id="check-the-line", rank=1, because=("cause:no_internet",))
    text = Page(html_page(with_advice(tip, report=samples.faulty(Cause.NO_INTERNET)), "es")).text
    assert text.index("Revisa tu conexión a Internet") < text.index("Todavía no podemos decir nada sobre X.")


def test_only_a_way_round_says_that_nobody_tried_it_here_on_a_line_of_its_own() -> None:
    said = '<p class="soft">Este consejo no se probó en tu red.</p>'
    assert said in html_page(with_advice(TipChoice(id="trusted-vpn", rank=1)), "es")
    assert said not in html_page(with_advice(TipChoice(id="check-the-line", rank=1)), "es")


def test_the_parts_of_a_service_that_works_are_folded_and_those_of_another_are_not() -> None:
    text = html_page(samples.x_blocked(), "es")
    blocked, works = (text.split(f"<h2>{name}</h2>")[1].split("</section>")[0] for name in ("X", "WhatsApp"))
    assert 'class="functions"' in blocked
    assert "<details" not in blocked
    assert works.index("<details") < works.index('class="functions"') < works.index("</details>")


@pytest.mark.parametrize(
    "started, shown",
    [
        ("2026-11-24T18:15:00Z", '<time datetime="2026-11-24T18:15:00+00:00">24 nov 2026, 18:15 UTC</time>'),
        ("2026-11-24T08:05:00-04:00", '<time datetime="2026-11-24T08:05:00-04:00">24 nov 2026, 8:05 UTC-04:00</time>'),
        ("anoche", "<dd>anoche</dd>"),
        ("", "<dd>\N{EN DASH}</dd>"),
    ],
)
def test_the_date_is_written_as_people_do_with_its_offset(started: str, shown: str) -> None:
    assert shown in html_page(Report(run=RunFacts(started=started)), "es")


def test_the_page_claims_nothing_about_its_way_to_the_reader() -> None:
    text = html_page(samples.x_blocked(), "es")
    assert "Atajo no envía los resultados a nadie." in text
    assert "donde se midió" not in text
    assert "No le enviamos" not in text


def test_behind_a_broken_name_the_page_says_that_the_normal_way_leads_no_further() -> None:
    assert "no se llegó por la vía normal" in html_page(samples.x_blocked(), "es")
    assert "sin probar" not in html_page(samples.x_blocked(), "es")


def test_a_look_at_the_vpn_is_told_check_by_check_and_not_as_nothing() -> None:
    leak = msgspec.structs.replace(Report(), network=NetworkVerdict(status=Status.WORKS, vpn=sample_vpn.FULL))
    page = Page(html_page(leak, "es"))
    assert t("result.title.not_tested") not in page.text
    assert t("result.title.vpn.outside.likely") in page.text
    for check in checks_in_order(sample_vpn.FULL):
        assert check_sentence(check) in page.text
        assert check.rule in page.text


def test_a_profiles_test_is_told_stage_by_stage() -> None:
    page = Page(html_page(sample_vpn.profile_report(), "es"))
    stages = profile_stages(sample_vpn.profile_report(), sample_vpn.WIREGUARD.id, "wireguard")
    assert stages
    for stage in stages:
        assert f"{stage.title} {t(f'vpn_stage.outcome.{stage.outcome}')}" in page.text


def test_services_with_and_without_the_vpn_are_told() -> None:
    page = Page(html_page(sample_vpn.compared(), "es"))
    assert t("vpn.outside.fold") in page.text
    assert beside_sentence(sample_vpn.compared()) in page.text


def test_a_report_without_a_vpn_has_no_part_about_one() -> None:
    assert t("vpn.title") not in Page(html_page(samples.all_works(), "es")).text
