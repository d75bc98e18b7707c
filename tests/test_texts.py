"""Texts: both languages say the same things, by the rules of wording, and numbers are written as people write them."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app import texts
from app.texts import catalogue, detect_language, has_text, join_names, number, seconds, set_language, t, when
from diagnostics.catalog import load_catalog
from diagnostics.model import Cause, Certainty, Status
from tests import wording_rules as rules

ROOT = Path(texts.__file__).parent.parent
LANGUAGES = ("es", "en")
TECHNICAL = ("detail.technical", "inspect.", "html.", "cli.", "error.")
"""Where jargon may stand: behind «Datos técnicos», for support staff, and what a terminal says of files and options."""


@pytest.fixture(autouse=True)
def spanish(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start every test in Spanish with strict texts, and leave Spanish behind."""
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    set_language("es")
    yield
    set_language("es")


def forms(entry: Mapping[str, Any]) -> dict[str, str]:
    return {key: entry[key] for key in ("text", "one", "other") if key in entry}


def every_text() -> Iterator[tuple[str, str, str]]:
    """Yield language, id and text of everything that can be said."""
    for language in LANGUAGES:
        for text_id, entry in catalogue(language).items():
            for text in forms(entry).values():
                yield language, text_id, text


def complaints(faults: Iterable[tuple[str, str, Iterable[str]]]) -> list[str]:
    return [f"{language} {text_id}: {fault}" for language, text_id, found in faults for fault in found]


# --- the two languages ----------------------------------------------------------------------------


def test_both_languages_have_the_same_texts_in_the_same_forms() -> None:
    es, en = catalogue("es"), catalogue("en")
    assert {i: set(forms(entry)) for i, entry in es.items()} == {i: set(forms(entry)) for i, entry in en.items()}


def test_both_languages_have_the_same_placeholders() -> None:
    es, en = catalogue("es"), catalogue("en")
    holes = {i: tuple(set(rules.PLACEHOLDER.findall(" ".join(forms(c[i]).values()))) for c in (es, en)) for i in es}
    assert {i: pair for i, pair in holes.items() if pair[0] != pair[1]} == {}


def test_a_text_is_either_whole_or_has_a_form_for_one_and_for_others() -> None:
    allowed = ({"text"}, {"one", "other"})
    assert [i for language in LANGUAGES for i, entry in catalogue(language).items() if set(forms(entry)) not in allowed] == []


def test_no_brace_is_left_that_is_no_placeholder() -> None:
    assert [(i, text) for _, i, text in every_text() if set("{}") & set(rules.PLACEHOLDER.sub("", text))] == []


def test_every_text_has_a_note_and_only_known_keys() -> None:
    known = {"text", "one", "other", "note", "max"}
    assert [i for i, entry in catalogue("es").items() if not str(entry.get("note", "")).strip()] == []
    assert [i for language in LANGUAGES for i, entry in catalogue(language).items() if set(entry) - known] == []


def test_every_text_keeps_its_limit_in_both_languages() -> None:
    limits = {i: entry["max"] for i, entry in catalogue("es").items() if "max" in entry}
    assert [(i, text) for _, i, text in every_text() if i in limits and len(text) > limits[i]] == []


# --- what must have a text --------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_cause_certainty_and_function_has_a_text(language: str) -> None:
    set_language(language)
    wanted = [f"status.{s}" for s in Status] + [f"cause.{c}" for c in Cause] + [f"certainty.{c}" for c in Certainty]
    wanted += [f"detail.sure.{c}" for c in Certainty]
    wanted += [f"function.{f.id}" for service in load_catalog().services.values() for f in service.functions]
    assert [each for each in wanted if each not in catalogue(language)] == []


def test_the_words_of_the_statuses_are_those_of_the_design() -> None:
    assert [t(f"status.{s}") for s in Status] == [
        *("Funciona", "Funciona, pero lento", "Funciona a medias", "Bloqueado", "Parece bloqueado", "No funciona por otra causa"),
        *("No pudimos saberlo", "No se probó"),
    ]
    set_language("en")
    assert [t(f"status.{s}") for s in Status] == [
        *("Works", "Works, but slowly", "Works in part", "Blocked", "Looks blocked", "Not working for another reason"),
        *("We couldn't tell", "Not tested"),
    ]


def calls(*names: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of the functions in the product, with the place where it stands."""
    for folder in ("app", "ui", "diagnostics"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and node.args:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def ids_meant(argument: ast.expr) -> list[str] | None:
    """Return the ids that an argument can name, or None when it is worked out elsewhere."""
    if isinstance(argument, ast.Constant):
        return [i for i in catalogue("es") if i == argument.value]
    if isinstance(argument, ast.JoinedStr):
        parts = (re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"[a-z_.]+" for p in argument.values)
        pattern = re.compile("".join(parts))
        return [i for i in catalogue("es") if pattern.fullmatch(i)]
    return None


def test_every_text_that_the_program_asks_for_exists() -> None:
    asked = [(place, call) for place, call in calls("t", "InputError") if ids_meant(call.args[0]) is not None]
    assert len(asked) > 50, "the search finds the calls"
    assert [f"{place}: {ast.unparse(call.args[0])}" for place, call in asked if not ids_meant(call.args[0])] == []


def test_every_error_carries_the_values_that_its_sentence_needs() -> None:
    lacking = []
    for place, call in calls("InputError"):
        given = {keyword.arg for keyword in call.keywords}
        if None in given:  # **values: worked out elsewhere
            continue
        for text_id in ids_meant(call.args[0]) or []:
            needed = {hole[1:-1] for text in forms(catalogue("es")[text_id]).values() for hole in rules.PLACEHOLDER.findall(text)}
            lacking += [f"{place}: {text_id} lacks {needed - given}"] * bool(needed - given)
    assert lacking == []


# --- wording ----------------------------------------------------------------------------------------


def is_title(text_id: str) -> bool:
    return "title" in text_id.split(".")


def test_titles_are_short_and_use_no_other_word_for_a_verdict() -> None:
    assert complaints((code, i, rules.title_faults(text)) for code, i, text in every_text() if is_title(i)) == []


def test_texts_and_sentences_have_a_readable_length() -> None:
    limit = {True: rules.MAX_BODY, False: rules.MAX_TEXT}
    assert complaints((code, i, rules.length_faults(text, limit[i.endswith(".body")])) for code, i, text in every_text()) == []


def test_no_jargon_stands_before_a_person_who_did_not_ask_for_it() -> None:
    assert complaints((code, i, rules.jargon_faults(text)) for code, i, text in every_text() if not i.startswith(TECHNICAL)) == []


def test_people_are_spoken_to_as_tu_and_a_thing_has_one_verb() -> None:
    assert complaints((code, i, rules.speech_faults(text, code)) for code, i, text in every_text()) == []


def test_quotation_marks_and_spaces_are_those_of_the_language() -> None:
    assert complaints((code, i, rules.mark_faults(text, code)) for code, i, text in every_text()) == []


def test_no_button_is_a_bare_yes_or_accept() -> None:
    answers = [i for _, i, text in every_text() if text.lower().rstrip(".") in rules.BARE_BUTTONS]
    assert [i for i in answers if not i.startswith(TECHNICAL)] == []  # a table may say yes


@pytest.mark.parametrize(
    "faults",
    [
        rules.title_faults("Un título que no termina nunca de decir lo que quiere decir"),
        rules.title_faults("a b c d e f g h i"),
        rules.title_faults("{service} está caído"),
        rules.length_faults("x" * 141),
        rules.length_faults("palabra " * 21),
        rules.jargon_faults("El DNS miente."),
        rules.jargon_faults("El certificado venció."),
        rules.jargon_faults("Se agotó el timeout."),
        rules.jargon_faults("Esto está MAL."),
        rules.jargon_faults("¡Listo!"),
        rules.speech_faults("Revise el cable.", "es"),
        rules.speech_faults("Probá de nuevo.", "es"),
        rules.speech_faults("Enciende el ordenador.", "es"),
        rules.speech_faults("Funcionó?", "es"),
        rules.speech_faults("Delete everything", "en"),
        rules.mark_faults('Dice "hola".', "es"),
        rules.mark_faults("Says «hello».", "en"),
        rules.mark_faults("Menos de 3 MB", "es"),
        rules.mark_faults("a las 3:04 p. m.", "es"),
        rules.mark_faults("Probando...", "es"),
        rules.mark_faults("«sin cerrar", "es"),
    ],
)
def test_every_rule_of_wording_can_fail(faults: Iterable[str]) -> None:
    assert list(faults) != []


# --- saying a text ----------------------------------------------------------------------------------


def test_a_text_is_said_in_the_language_that_was_set() -> None:
    assert t("home.go") == "Probar ahora"
    set_language("en")
    assert (t("home.go"), texts.language()) == ("Test now", "en")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="fr"):
        set_language("fr")


def test_a_count_chooses_the_form_and_is_written_as_numbers_are() -> None:
    assert [t("report.removed", n=n) for n in (0, 1, 2, 14000)] == [
        *("Quitamos 0 datos.", "Quitamos un dato.", "Quitamos 2 datos.", "Quitamos 14.000 datos.")
    ]


def test_values_are_put_in_as_they_are_and_never_read_as_placeholders() -> None:
    assert t("error.data", file="{line}", line=1234, found="{0.__class__} %s", allowed="\\1") == (
        "{line}, línea 1234: «{0.__class__} %s» no sirve aquí. Se permite: \\1."
    )


def test_a_missing_text_or_value_is_an_error_in_tests() -> None:
    with pytest.raises(KeyError, match=r"no\.such"):
        t("no.such")
    with pytest.raises(KeyError, match="folder"):
        t("report.saved")
    assert not has_text("no.such")


def test_a_missing_text_shows_its_id_in_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATAJO_STRICT_TEXTS")
    assert t("no.such", n=1) == "no.such"
    assert t("report.saved") == "Guardado en {folder}"


def test_english_fills_a_gap_of_another_language(monkeypatch: pytest.MonkeyPatch) -> None:
    gappy = {"es": {}, "en": {"home.go": {"text": "Test now"}}}
    monkeypatch.setattr(texts, "_load", lambda code: gappy[code])
    assert (t("home.go"), has_text("home.go")) == ("Test now", True)


def test_the_pseudo_locale_doubles_a_text_between_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_PSEUDO", "200")
    assert t("home.go") == "⟦Probar ahora Probar ahor⟧"
    assert len(t("home.go")) == 2 * len("Probar ahora") + 2


@pytest.mark.parametrize("setting", ["-100", "", "mucho", "9" * 12])
def test_other_pseudo_settings_keep_the_words_readable(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_PSEUDO", setting)
    assert t("home.go").lstrip("⟦").startswith("Probar ahora")
    assert len(t("home.go")) < 200


@pytest.mark.parametrize(
    "value, code",
    [
        *(("es_VE.UTF-8", "es"), ("en_US.UTF-8", "en"), ("en", "en"), ("de_DE.UTF-8", "es"), ("C", "es"), ("C.UTF-8", "es")),
        *(("Spanish_Venezuela.1252", "es"), ("English_United States.1252", "en"), ("eng_x", "es")),
    ],
)
def test_the_computers_language_is_found_and_spanish_is_spoken_when_it_is_another(
    value: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", value)
    assert detect_language() == code


def test_lc_all_goes_before_lang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "es_VE.UTF-8")
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert detect_language() == "en"


# --- numbers, durations, moments, lists -------------------------------------------------------------


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert (number(1234.5, 1), number(1234567), number(-0.25, 2)) == ("1.234,5", "1.234.567", "-0,25")
    set_language("en")
    assert (number(1234.5, 1), number(1234567)) == ("1,234.5", "1,234,567")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300, -1e300])
def test_numbers_that_nobody_could_read_stay_short(value: float) -> None:
    assert len(number(value, 3)) < 12


@pytest.mark.parametrize(
    "value, es",
    [(0.3, "0,3"), (0.04, "0,04"), (0.0, "0,01"), (0.0949, "0,09"), (0.097, "0,1"), (4.16, "4,2"), (9.94, "9,9"), (9.96, "10"), (61, "61")],
)
def test_durations_are_seconds_with_the_digits_that_matter(value: float, es: str) -> None:
    assert seconds(value) == f"{es}\u00a0s"
    set_language("en")
    assert seconds(value) == f"{es.replace(',', '.')}\u00a0s"


def test_a_duration_that_cannot_be_is_not_written_as_a_number() -> None:
    assert seconds(-1) == seconds(float("nan")) == "\u2013\u00a0s"


def here(text: str) -> dt.datetime:
    """Return a moment of this computer's own time."""
    return dt.datetime.fromisoformat(text)


NOW = here("2026-08-09 18:00")


@pytest.mark.parametrize(
    "moment, es, en",
    [
        (here("2026-08-09 15:04"), "hoy 3:04 p. m.", "today 3:04 PM"),
        (here("2026-08-09 00:00"), "hoy 12:00 a. m.", "today 12:00 AM"),
        (here("2026-08-08 12:30"), "ayer 12:30 p. m.", "yesterday 12:30 PM"),
        (here("2025-01-08 09:12"), "8 ene 2025, 9:12 a. m.", "8 Jan 2025, 9:12 AM"),
    ],
)
def test_moments_are_relative_when_they_are_near(moment: dt.datetime, es: str, en: str) -> None:
    assert when(moment, NOW).replace("\u00a0", " ") == es
    set_language("en")
    assert when(moment, NOW).replace("\u00a0", " ") == en


def test_a_moment_with_a_time_zone_is_told_in_the_computers_own() -> None:
    there = dt.datetime(2026, 8, 9, 3, 0, tzinfo=dt.UTC)
    assert when(there, NOW) == when(there.astimezone().replace(tzinfo=None), NOW)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_twelve_months(language: str) -> None:
    set_language(language)
    assert len({when(here(f"2020-{month:02}-01 00:00"), NOW) for month in range(1, 13)}) == 12


@pytest.mark.parametrize(
    "names, es",
    [
        ([], ""),
        (["X"], "X"),
        (["X", "WhatsApp"], "X y WhatsApp"),
        (["X", "Signal", "Instagram"], "X, Signal e Instagram"),
        (["X", "Hielo"], "X y Hielo"),
    ],
)
def test_names_are_joined_as_people_say_them(names: list[str], es: str) -> None:
    assert join_names(names) == es
    set_language("en")
    assert join_names(names) == es.replace(" y ", " and ").replace(" e ", " and ")
