"""What a person is told: a verdict word only from a status, a fault of the line first, nothing that was not seen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import samples
from app.report_facts import shown_name
from app.texts import has_text, set_language
from app.wording import (
    FAILURE_SCREENS,
    StageState,
    after_colon,
    card_sentence,
    copy_text,
    failure,
    fault_sentence,
    function_name,
    headline,
    means,
    name_of,
    saw,
    some_names,
    stages,
    summary,
    sure,
    whole_verdicts,
    worst,
)
from diagnostics.catalog import load_catalog
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, Report, RunFacts, Status, Step, Verdict


@pytest.fixture(autouse=True)
def spanish(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    set_language("es")
    yield
    set_language("es")


WORKING = NetworkVerdict(status=Status.WORKS, certainty=Certainty.CERTAIN)


def report_of(statuses: Mapping[str, Status], network: NetworkVerdict = WORKING, *, cancelled: bool = False) -> Report:
    base = samples.all_works()
    verdicts = tuple(Verdict(target=target, status=status, certainty=Certainty.CERTAIN) for target, status in statuses.items())
    plan = base.observations[0]
    return msgspec.structs.replace(
        base, network=network, verdicts=verdicts, observations=(plan,), run=RunFacts(seconds=2.0, cancelled=cancelled)
    )


@pytest.mark.parametrize(
    "statuses, said",
    [
        ({"x": Status.BLOCKED, "whatsapp": Status.WORKS}, "X está bloqueado en tu red"),
        ({"x": Status.BLOCKED, "whatsapp": Status.BLOCKED}, "2 servicios bloqueados en tu red"),
        ({"x": Status.LIKELY_BLOCKED, "whatsapp": Status.WORKS}, "X parece bloqueado en tu red"),
        ({"x": Status.LIKELY_BLOCKED, "whatsapp": Status.LIKELY_BLOCKED}, "2 servicios parecen bloqueados"),
        ({"x": Status.LIKELY_BLOCKED, "whatsapp": Status.BLOCKED}, "WhatsApp está bloqueado en tu red"),
        ({"x": Status.DOWN, "whatsapp": Status.WORKS}, "X no funciona por otra causa"),
        ({"x": Status.PARTIAL, "whatsapp": Status.WORKS}, "X funciona a medias"),
        ({"x": Status.SLOW, "whatsapp": Status.WORKS}, "X: funciona, pero lento"),
        ({"x": Status.SLOW, "whatsapp": Status.SLOW}, "Funciona, pero lento"),
        ({"x": Status.UNKNOWN, "whatsapp": Status.WORKS}, "X: no pudimos saberlo"),
        ({"x": Status.UNKNOWN, "whatsapp": Status.UNKNOWN}, "No pudimos saberlo"),
        ({"x": Status.WORKS, "whatsapp": Status.WORKS}, "Todo funciona"),
        ({"x": Status.NOT_TESTED, "whatsapp": Status.WORKS}, "Se acabó el tiempo"),
        ({"x": Status.NOT_TESTED, "whatsapp": Status.UNKNOWN}, "Se acabó el tiempo"),
        ({"x": Status.BLOCKED, "whatsapp": Status.NOT_TESTED}, "X está bloqueado en tu red"),
        ({}, "No se probó nada"),
    ],
)
def test_the_headline(statuses: dict[str, Status], said: str) -> None:
    assert headline(report_of(statuses)) == said


def test_a_feminine_name_agrees() -> None:
    report = report_of({"x": Status.BLOCKED})
    plan = report.observations[0]
    targets = [{**plan.detail["targets"][0], "gender": "f", "name": {"es": "Wikipedia"}}]
    feminine = msgspec.structs.replace(plan, detail={"kind": "plan", "targets": targets})
    assert headline(msgspec.structs.replace(report, observations=(feminine,))) == "Wikipedia está bloqueada en tu red"


some_statuses = st.dictionaries(st.sampled_from(["x", "whatsapp", "telegram", "signal"]), st.sampled_from(list(Status)))


@given(some_statuses, st.booleans())
def test_blocked_is_said_only_of_a_blocked_service(statuses: dict[str, Status], cancelled: bool) -> None:
    set_language("es")
    report = report_of(statuses, cancelled=cancelled)
    said = f"{headline(report)} {summary(report)} {copy_text(report)}".lower()
    suspects = {Status.BLOCKED, Status.LIKELY_BLOCKED}
    assert ("bloquead" in said) == bool(suspects & set(statuses.values()))
    assert ("está bloquead" in said or "bloqueados en tu red" in said) <= (Status.BLOCKED in statuses.values())


@given(some_statuses, st.sampled_from(list(Status)))
def test_the_rest_works_is_said_only_when_the_line_works_and_nothing_is_in_doubt(statuses: dict[str, Status], line: Status) -> None:
    set_language("es")
    said = summary(report_of(statuses, NetworkVerdict(status=line)))
    if "el resto de tu Internet" in said.replace("El", "el"):
        assert line in (Status.WORKS, Status.SLOW, Status.PARTIAL)
        assert Status.UNKNOWN not in statuses.values()
        assert Status.NOT_TESTED not in statuses.values()


def test_the_summary_names_what_works_and_what_the_headline_left_out() -> None:
    report = report_of({"x": Status.BLOCKED, "whatsapp": Status.WORKS, "telegram": Status.WORKS, "signal": Status.UNKNOWN})
    assert summary(report).startswith("WhatsApp y Telegram funcionan. Signal: no pudimos saberlo. Hicimos 0 pruebas en 2,0\u00a0s.")


def test_a_headline_that_only_counts_is_followed_by_the_names() -> None:
    report = report_of({"x": Status.BLOCKED, "whatsapp": Status.BLOCKED, "telegram": Status.WORKS})
    assert "X y WhatsApp: bloqueado." in summary(report)


@pytest.mark.parametrize("cause", FAILURE_SCREENS)
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_fault_of_the_line_masks_every_service(cause: Cause, language: str) -> None:
    set_language(language)
    report = samples.faulty(cause)
    assert failure(report) is cause
    assert worst(report) is None
    assert fault_sentence(report) in summary(report)
    assert "lo" + "queado" not in headline(report) + summary(report)
    for verdict in whole_verdicts(report):
        assert name_of(verdict.target, report) in card_sentence(verdict, report)
        assert "todavía" in card_sentence(verdict, report).lower() or "yet" in card_sentence(verdict, report)


def test_the_wrong_clock_says_how_wrong_and_the_interceptor_has_a_name() -> None:
    assert "3 días" in fault_sentence(samples.faulty(Cause.WRONG_CLOCK))
    assert "«Guardian Antivirus»" in fault_sentence(samples.faulty(Cause.LOCAL_INTERCEPTION))
    nameless = msgspec.structs.replace(samples.faulty(Cause.LOCAL_INTERCEPTION), observations=())
    assert "«Un programa desconocido»" in fault_sentence(nameless)


@pytest.mark.parametrize("language, cause", list(itertools.product(["es", "en"], Cause)))
@pytest.mark.parametrize("status", [Status.BLOCKED, Status.LIKELY_BLOCKED, Status.DOWN])
def test_every_cause_has_its_sentences(language: str, cause: Cause, status: Status) -> None:
    set_language(language)
    for certainty in Certainty:
        verdict = Verdict(target="x", status=status, cause=cause, certainty=certainty)
        report = msgspec.structs.replace(samples.x_blocked(), verdicts=(verdict,))
        for sentence in (card_sentence(verdict, report), saw(verdict, report), means(verdict, report), sure(verdict, report)):
            assert sentence
            assert "{" not in sentence


def test_a_likely_verdict_does_not_claim_the_control_that_it_lacks() -> None:
    report = samples.mixed()
    telegram = report.of_target("telegram")
    assert telegram is not None
    assert "Otras direcciones cercanas" not in card_sentence(telegram, report)


def test_the_host_in_a_sentence_is_the_targets_own_that_failed() -> None:
    report = samples.x_blocked()
    verdict = report.of_target("x")
    assert verdict is not None
    assert card_sentence(verdict, report) == "La guía de nombres de tu red da una dirección falsa para «x.com»."


def test_a_partly_working_service_names_its_parts() -> None:
    verdict = samples.mixed().of_target("whatsapp")
    assert verdict is not None
    said = card_sentence(verdict, samples.mixed())
    assert said == "Los mensajes y la página sí; las fotos y los archivos no."


def test_every_function_of_the_catalog_has_a_name_in_both_languages() -> None:
    for language in ("es", "en"):
        set_language(language)
        functions = {function.id for service in load_catalog().services.values() for function in service.functions}
        assert [function for function in sorted(functions) if not has_text(f"function.{function}")] == []


@pytest.mark.parametrize(
    "report, target, expected",
    [
        (samples.all_works(), "x", ["ok", "ok", "ok", "ok"]),
        (samples.x_blocked(), "x", ["broken", "not_reached", "not_reached", "not_reached"]),
        (samples.mixed(), "x", ["ok", "ok", "broken", "not_reached"]),
        (samples.mixed(), "signal", ["not_tried"] * 4),
        (samples.service_down(), "x", ["ok", "ok", "broken", "not_reached"]),
    ],
)
def test_the_stages_break_where_the_cause_says(report: Report, target: str, expected: list[str]) -> None:
    assert [str(stage.state) for stage in stages(report, target)] == expected
    assert all((stage.seconds is not None) == (stage.state is StageState.OK) for stage in stages(report, target))


def test_values_of_a_newer_report_are_shown_as_they_are() -> None:
    verdict = Verdict(target="x", function="hologram", status=Status("half_eaten"), cause=Cause("solar_flare"))
    report = msgspec.structs.replace(samples.x_blocked(), verdicts=(msgspec.structs.replace(verdict, function=None), verdict))
    assert headline(report) == "X: half_eaten"
    assert function_name("hologram") == "hologram"
    assert card_sentence(verdict, report) == "Lo que vimos no alcanza para afirmar nada."


def test_the_copied_summary_is_short_and_marks_a_simulation() -> None:
    report = samples.x_blocked(simulated="ve-2024-08")
    assert copy_text(report).startswith("Simulación: esta no es tu red")
    assert len(copy_text(report)) <= 600
    names = [{**target, "name": {"es": "n" * 300}} for target in report.observations[0].detail["targets"]]
    long = msgspec.structs.replace(report.observations[0], detail={"kind": "plan", "targets": names})
    assert len(copy_text(msgspec.structs.replace(report, observations=(long,)))) <= 600


# --- many services, slow lines, unreachable directories ---


def test_a_long_list_of_names_is_cut_and_counted() -> None:
    assert some_names(["a", "b", "c"]) == "a, b y c"
    assert some_names(["a", "b", "c", "d"]) == "a, b, c y uno más"
    assert some_names([f"n{number}" for number in range(200)], "el resto") == "n0, n1, n2, 197 más y el resto"


def with_resolvers(report: Report, count: int) -> Report:
    cut = tuple(
        Verdict(target=f"resolver:r{number}", status=Status.LIKELY_BLOCKED, cause=Cause.RESOLVER_BLOCKED, certainty=Certainty.LIKELY)
        for number in range(count)
    )
    return msgspec.structs.replace(report, verdicts=(*report.verdicts, *cut))


def test_unreachable_directories_are_told_and_then_the_rest_is_not_said_to_work() -> None:
    report = with_resolvers(report_of({"x": Status.BLOCKED, "whatsapp": Status.WORKS}), 9)
    assert summary(report).startswith(
        "WhatsApp funciona. No se llega a 9 guías de nombres públicas. Cambiar a ellas no te va a servir aquí."
    )
    assert "resto" not in summary(with_resolvers(report_of({"x": Status.BLOCKED}), 1))


def slower(report: Report, factor: float) -> Report:
    steps = tuple(msgspec.structs.replace(o, seconds=o.seconds * factor) for o in report.observations)
    return msgspec.structs.replace(report, observations=steps)


def test_a_line_that_answers_slowly_is_called_slow_and_a_usual_one_is_not() -> None:
    assert "responde lento" not in summary(samples.all_works())
    assert "Tu línea responde lento: X tardó 6,4\u00a0s." in summary(slower(samples.all_works(), 20))


def test_a_run_whose_time_ran_out_says_so_and_not_that_a_service_could_not_be_reached() -> None:
    report = report_of({"x": Status.NOT_TESTED})
    verdict = report.of_target("x")
    assert verdict is not None
    assert card_sentence(verdict, report) == "No alcanzó el tiempo para saberlo."
    assert headline(report_of({"x": Status.NOT_TESTED}, cancelled=True)) == "Prueba detenida"


def test_of_somebody_elses_report_nobody_knows_where_it_went() -> None:
    assert "No le enviamos" in summary(samples.x_blocked())
    assert summary(samples.x_blocked(), own=False).endswith("Atajo no envía los resultados a nadie.")


@pytest.mark.parametrize(
    "rules, said",
    [
        (["http.page", "http.page"], "Seguros: abrió de verdad, con su contenido completo."),
        (["tcp.answers"], "Seguros: se pudo conectar. No enviamos ningún mensaje."),
        (["http.page", "tls.answers"], "Seguros: la página abrió completa. Con lo demás se pudo conectar; no enviamos ningún mensaje."),
    ],
)
def test_a_connection_alone_is_not_called_a_page(rules: list[str], said: str) -> None:
    whole = Verdict(target="x", status=Status.WORKS, certainty=Certainty.CERTAIN, rule="target.all_functions")
    parts = [msgspec.structs.replace(whole, function=f"f{number}", rule=rule) for number, rule in enumerate(rules)]
    assert sure(whole, Report(verdicts=(whole, *parts))) == said


@pytest.mark.parametrize(
    "host, shown",
    [
        ("xn--espaa-rta.example", "españa.example"),
        ("xn--e1afmkfd.example", "пример.example"),
        ("https://xn--espaa-rta.example/a", "https://españa.example/a"),
        ("xn--80ak6aa92e.com", "xn--80ak6aa92e.com"),  # apple in Cyrillic letters
        ("xn--pple-43d.com", "xn--pple-43d.com"),  # one Cyrillic letter among Latin ones
        ("xn--i-7iq.ws", "xn--i-7iq.ws"),  # a heart
        ("xn--zz--", "xn--zz--"),
    ],
)
def test_a_foreign_name_is_shown_as_people_type_it_unless_it_could_pass_for_another(host: str, shown: str) -> None:
    assert shown_name(host) == shown


@pytest.mark.parametrize(
    "sentence, name, said",
    [
        ("La guía calla.", "X", "la guía calla."),
        ("X contesta.", "X", "X contesta."),
        ("VPN activa.", "", "VPN activa."),
        ("Wi-Fi abierto.", "", "Wi-Fi abierto."),
    ],
)
def test_after_a_colon_a_sentence_goes_on_with_a_small_letter(sentence: str, name: str, said: str) -> None:
    assert after_colon(sentence, name) == said


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@given(json_like, st.sampled_from(list(Step)), st.sampled_from(list(Cause)), st.text(max_size=200))
def test_nothing_that_a_stranger_puts_into_a_report_raises(planted: object, step: Step, cause: Cause, text: str) -> None:
    set_language("es")
    detail = {"kind": "plan", "targets": planted, "certificate": planted, "location": planted, "resolver": planted, "purpose": text}
    observation = Observation(id="o1", step=step, target="x", host=text, detail=detail)
    verdict = Verdict(target="x", status=Status.BLOCKED, cause=cause, evidence=("o1",))
    network = NetworkVerdict(status=Status.DOWN, cause=cause, evidence=("o1",), system_proxy=text)
    for line in (network, WORKING):
        report = Report(network=line, verdicts=(verdict,), observations=(observation,))
        said = [headline(report), summary(report), card_sentence(verdict, report), saw(verdict, report), copy_text(report)]
        assert all(said)
        assert len(stages(report, "x")) == 4
