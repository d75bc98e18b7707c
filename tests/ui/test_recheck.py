"""Did it work?  Yes, no, and measuring one service again: what is shown, what stays, what is saved."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from app import sample_advice, samples
from app.report_facts import answer_seconds
from app.wording import headline
from diagnostics.events import RunDone, RunStarted
from diagnostics.model import Cause, Report, Status, Verdict
from tests.ui.accessible import nameless
from tests.ui.conftest import Open, SampleDriver
from ui.backend import Advice
from ui.recheck import Change, Recheck, change, laid_over
from ui.widgets import Button, Card


def alone(report: Report, target: str = "x", **changes: object) -> Report:
    """Return what a run of one target would have reported."""
    return msgspec.structs.replace(
        report,
        verdicts=tuple(v for v in report.verdicts if v.target == target),
        observations=tuple(o for o in report.observations if o.target in (target, None)),
        run=msgspec.structs.replace(report.run, id="again", **changes),
    )


def shown_tips(open_window: Open, report: Report | None = None) -> SampleDriver:
    driver = open_window(samples.ways_round())
    driver.backend.advice = sample_advice.measured
    driver.show(report or samples.ways_round())
    driver.press("result.action.x")
    return driver


def titles(driver: SampleDriver) -> list[str]:
    found = [b for b in driver.shell.findChildren(Button) if b.objectName().startswith("todo.fold.")]
    return [b.accessibleName() for b in sorted(found, key=Button.objectName)]


def finish(driver: SampleDriver, report: Report) -> None:
    driver.backend.play([RunDone(report=report)])


QUAD9, TOR, OTHER = "Pon la guía de nombres cifrada de Quad9", "Usa el navegador Tor con un puente", "Usa una guía de nombres cifrada"


def test_yes_marks_the_tip_calmly_and_offers_to_save(open_window: Open, spoken_aloud: list[str]) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.yes.1")
    assert driver.words("todo.told.1") == "Te funcionó"
    assert driver.words("todo.notice").startswith("Bien. Si quieres, guarda el informe")
    assert driver.words("todo.notice") in spoken_aloud
    assert driver.shell.focusWidget().objectName() == "todo.save"
    assert driver.backend.runs == 1, "nothing was measured for it"
    driver.key(Qt.Key.Key_Space)
    assert driver.screen == "save"


def test_no_puts_the_tip_last_and_opens_the_next(open_window: Open, spoken_aloud: list[str]) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.no.1")
    assert titles(driver) == [TOR, OTHER, QUAD9]
    assert driver.words("todo.told.3") == "No te funcionó"
    assert driver.shell.focusWidget().objectName() == "todo.fold.1"
    assert driver.button("todo.copy.1").isVisible()
    assert not driver.button("todo.copy.3").isVisible()
    assert f"El siguiente consejo: {TOR}" in spoken_aloud
    driver.press("todo.no.1")
    assert titles(driver) == [OTHER, QUAD9, TOR]
    driver.press("todo.no.1")
    assert titles(driver) == [QUAD9, TOR, OTHER]
    assert driver.words("todo.notice") == "No quedan más consejos por probar. Guarda el informe y pide ayuda."


def test_what_was_said_of_tips_holds_until_the_next_run(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.no.1")
    driver.press("todo.back")
    driver.press("result.action.x")
    assert titles(driver) == [TOR, OTHER, QUAD9]
    driver.press("todo.again")
    driver.backend.play()
    driver.press("result.action.x")
    assert titles(driver) == [QUAD9, TOR, OTHER]


def test_only_that_service_is_measured_again_over_the_proxies_that_are_still_kept(open_window: Open) -> None:
    driver = open_window(samples.ways_round())
    driver.backend.shelf.add("socks5://203.0.113.5:1080#uno\nsocks5://203.0.113.6:1080#dos", near=True)
    kept = [row.id for row in driver.backend.shelf.all()]
    driver.show(samples.ways_round())
    driver.press("result.action.x")
    driver.backend.shelf.remove(kept[0], lambda _problem: None)
    driver.press("todo.recheck.1")
    assert driver.backend.wanted == (("x",), ())
    assert driver.backend.over == (kept[1],)
    assert driver.screen == "todo"
    assert driver.words("todo.busy.1") == "Probando X de nuevo…"


def test_a_typed_page_is_measured_again_as_a_page(open_window: Open) -> None:
    page = "https://ejemplo.com/"
    report = msgspec.structs.replace(
        samples.ways_round(),
        verdicts=(Verdict(target=page, status=Status.BLOCKED, cause=Cause.NAME_BLOCKED), *samples.ways_round().verdicts),
    )
    driver = open_window(report)
    driver.window.start(["x"], [page])
    driver.backend.play()
    driver.window.show_todo(page)
    driver.press("todo.recheck.1")
    assert driver.backend.wanted == ((), (page,))


def test_a_service_that_opens_is_said_in_green_back_at_the_result_and_the_others_stay(open_window: Open, spoken_aloud: list[str]) -> None:
    driver = shown_tips(open_window, samples.mixed())
    driver.press("todo.recheck.1")
    finish(driver, alone(samples.all_works()))
    assert driver.screen == "result"
    news = driver.words("result.news")
    assert news.startswith("X ya funciona. Probado otra vez: hoy ")
    assert news in spoken_aloud
    label = driver.window.shell.screen_shown.findChild(QLabel, "result.news")
    assert isinstance(label, QLabel)
    assert label.property("state") == "ok"
    names = {card.accessibleName().split(".")[0]: card.accessibleName() for card in driver.shell.findChildren(Card) if card.isVisible()}
    assert names["X"].startswith("X. Funciona. ")
    assert "Probado otra vez: hoy " in names["X"]
    assert "Probado otra vez" not in names["WhatsApp"]
    before = {v.target: v for v in samples.mixed().verdicts if v.function is None}
    after = {v.target: v for v in driver.window.todo.shown(samples.mixed()).verdicts if v.function is None}
    assert {target: v for target, v in after.items() if target != "x"} == {target: v for target, v in before.items() if target != "x"}
    assert driver.shell.focusWidget().objectName() == "result.action.x"


def test_the_details_of_what_was_measured_again_are_its_own_and_can_be_saved(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    newer = alone(samples.all_works())
    finish(driver, newer)
    driver.press("result.save")
    assert driver.words("save.lead").startswith("Lo que probaste de nuevo no entra aquí")
    assert driver.window.screens.save.report == samples.ways_round()
    driver.key(Qt.Key.Key_Escape)
    driver.press("result.action.x")
    assert driver.words("detail.title") == "X: funciona"
    assert driver.words("detail.lead").startswith("Probado otra vez: hoy ")
    driver.press("detail.save")
    assert driver.words("save.lead").startswith("Este informe es solo de X. Probado otra vez: hoy ")
    assert driver.window.screens.save.report == newer
    driver.key(Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert driver.window.screens.save.report == newer, "the same key again does not turn to another report"


def test_a_service_without_a_second_measurement_has_no_report_of_its_own(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.key(Qt.Key.Key_Escape)
    driver.press("result.details.x")
    assert not driver.button("detail.save").isVisible()
    driver.key(Qt.Key.Key_Escape)
    driver.press("result.save")
    assert driver.words("save.lead") == ""


def test_when_it_stays_shut_the_next_tip_follows_and_nothing_false_is_said_of_the_first(open_window: Open, spoken_aloud: list[str]) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    finish(driver, alone(samples.ways_round()))
    assert driver.screen == "todo"
    assert titles(driver) == [QUAD9, TOR, OTHER], "an app of its own may open it still: the tip is not put last"
    news = driver.words("todo.news.1")
    assert news.startswith("X sigue así: bloqueado. Si el cambio fue solo en una aplicación, mira si ahí abre. Probado otra vez: hoy ")
    assert news in spoken_aloud
    assert not driver.button("todo.copy.1").isVisible()
    assert driver.button("todo.copy.2").isVisible()
    assert driver.shell.focusWidget().objectName() == "todo.fold.2"


def test_advice_after_a_second_measurement_is_that_of_the_second(open_window: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = shown_tips(open_window)
    asked: list[Report] = []

    def tips(report: Report, _target: str | None) -> Sequence[Advice]:
        asked.append(report)
        return sample_advice.measured("es")

    monkeypatch.setattr(driver.backend, "tips", tips)
    driver.press("todo.recheck.1")
    newer = alone(samples.x_blocked())
    finish(driver, newer)
    assert asked[-1] == newer
    assert driver.words("todo.lead").startswith("La guía de nombres de tu red da una dirección falsa")


def test_when_other_tips_fit_now_the_outcome_is_said_above_them_and_the_first_of_them_opens(
    open_window: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    monkeypatch.setattr(driver.backend, "advice", lambda language: [*sample_advice.measured(language)[1:], *others()])
    finish(driver, alone(samples.x_blocked()))
    assert driver.words("todo.notice").startswith("X sigue así: bloqueado. ")
    assert titles(driver) == [TOR, OTHER, "Otra cosa"]
    assert driver.shell.focusWidget().objectName() == "todo.fold.1"
    assert driver.button("todo.copy.1").isVisible()


def others() -> list[Advice]:
    return [msgspec.structs.replace(sample_advice.general("es")[0], id="other", say="Otra cosa")]


def test_better_but_not_open_is_said_and_the_tip_stays(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    partial = alone(samples.ways_round())
    partial = msgspec.structs.replace(partial, verdicts=(Verdict(target="x", status=Status.PARTIAL),))
    finish(driver, partial)
    assert driver.words("todo.news.1").startswith("X está mejor que antes: funciona a medias. Probado otra vez: ")
    assert driver.button("todo.copy.1").isVisible()


@pytest.mark.parametrize(
    "report",
    [
        alone(samples.ways_round(), cancelled=True),
        samples.faulty(Cause.NO_INTERNET),
        msgspec.structs.replace(samples.ways_round(), verdicts=(Verdict(target="x", status=Status.UNKNOWN),)),
        msgspec.structs.replace(samples.ways_round(), verdicts=()),
    ],
    ids=["cut short", "no internet", "unknown", "without the service"],
)
def test_a_measurement_that_says_nothing_changes_nothing(open_window: Open, report: Report) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    finish(driver, report)
    assert driver.words("todo.news.1").startswith("Esta vez no pudimos saberlo.")
    assert driver.window.todo.rechecks == {}
    driver.press("todo.back")
    assert driver.words("result.title") == "X está bloqueado en tu red"


@pytest.mark.parametrize("how", ["button", "escape"])
def test_it_can_be_stopped_in_the_middle_and_late_news_of_it_is_dropped(open_window: Open, how: str) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    driver.backend.play([RunStarted(targets=("x",))])
    assert driver.shell.focusWidget().objectName() == "todo.stop.1"
    if how == "button":
        driver.press("todo.stop.1")
    else:
        driver.key(Qt.Key.Key_Escape)
    assert (driver.screen, driver.backend.cancelled) == ("todo", 1)
    assert driver.words("todo.notice") == "Detenido. Lo que ya sabíamos sigue igual."
    finish(driver, alone(samples.all_works()))
    assert driver.screen == "todo"
    assert driver.window.todo.rechecks == {}
    driver.press("todo.recheck.1")
    assert driver.backend.runs == 3


def test_while_one_tip_is_measured_the_others_wait(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    driver.press("todo.fold.2")
    assert not driver.button("todo.recheck.2").isEnabled()
    assert nameless(driver.shell) == []
    driver.window.proxies.test([])
    driver.window.todo.recheck("tor-bridges")
    assert driver.backend.runs == 2


def test_a_run_of_everything_takes_the_place_of_measuring_one(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    driver.press("todo.again")
    assert driver.screen == "run"
    driver.backend.arrived.emit(2, (RunDone(report=alone(samples.all_works())),))
    assert driver.screen == "run"
    driver.backend.play()
    assert driver.words("result.title") == "X está bloqueado en tu red"


def test_an_outcome_that_arrives_elsewhere_waits_there(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    driver.press("rail.settings")
    finish(driver, alone(samples.all_works()))
    assert driver.screen == "settings"
    driver.key(Qt.Key.Key_Escape)
    assert driver.screen == "result"
    assert driver.words("result.title") == "Todo funciona"
    assert driver.words("result.news").startswith("X ya funciona.")


def test_a_measurement_that_ends_with_an_error_of_ours_is_calm(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    driver.backend.failed.emit(2, "")
    assert driver.screen == "todo"
    assert driver.words("todo.notice") == "No se pudo probar de nuevo. Lo que ya sabíamos sigue igual."


def test_what_was_found_is_said_in_the_language_that_is_chosen_later(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.press("todo.recheck.1")
    finish(driver, alone(samples.ways_round()))
    driver.window.choose_language("en")
    assert driver.words("todo.news.1").startswith("X is still like this: blocked. ")
    driver.press("todo.back")
    card = next(card for card in driver.shell.findChildren(Card) if card.isVisible())
    assert "Tested again: today " in card.accessibleName()


def test_the_whole_way_with_the_keyboard_alone(open_window: Open) -> None:
    driver = shown_tips(open_window)
    driver.button("todo.no.1").setFocus()
    driver.key(Qt.Key.Key_Return)
    assert driver.shell.focusWidget().objectName() == "todo.fold.1"
    for _ in range(10):
        if driver.shell.focusWidget().objectName() == "todo.recheck.1":
            break
        driver.key(Qt.Key.Key_Tab)
    driver.key(Qt.Key.Key_Return)
    assert driver.backend.runs == 2
    finish(driver, alone(samples.all_works()))
    assert driver.screen == "result"


# --- two measurements on one screen -----------------------------------------------------------------


WORKS, SLOW, PARTIAL, BLOCKED, UNKNOWN = (
    Verdict(target="x", status=status) for status in (Status.WORKS, Status.SLOW, Status.PARTIAL, Status.BLOCKED, Status.UNKNOWN)
)


@pytest.mark.parametrize(
    "before, after, found",
    [
        (BLOCKED, WORKS, Change.OPENS),
        (SLOW, WORKS, Change.OPENS),
        (BLOCKED, SLOW, Change.OPENS),
        (SLOW, SLOW, Change.SAME),
        (PARTIAL, SLOW, Change.OPENS),
        (BLOCKED, PARTIAL, Change.BETTER),
        (PARTIAL, PARTIAL, Change.SAME),
        (PARTIAL, BLOCKED, Change.SAME),
        (BLOCKED, BLOCKED, Change.SAME),
        (BLOCKED, UNKNOWN, Change.UNCLEAR),
        (BLOCKED, None, Change.UNCLEAR),
        (None, BLOCKED, Change.SAME),
        (None, WORKS, Change.OPENS),
    ],
)
def test_two_verdicts_say_whether_a_tip_helped(before: Verdict | None, after: Verdict | None, found: Change) -> None:
    assert change(before, after) is found


def test_laid_over_one_another_ids_never_meet_and_every_verdict_rests_on_its_own(open_window: Open) -> None:
    open_window(samples.mixed())
    from datetime import UTC, datetime

    first, second = samples.mixed(), alone(samples.all_works())
    picture = laid_over(first, {"x": Recheck(report=second, at=datetime.now(UTC))})
    ids = [o.id for o in picture.observations]
    assert len(ids) == len(set(ids))
    plans = sum(1 for o in second.observations if o.detail.get("kind") == "plan")
    assert len(ids) == len(first.observations) + len(second.observations) - plans
    by_id = {o.id: o for o in picture.observations}
    verdict = picture.of_target("x")
    assert verdict is not None
    assert verdict.status is Status.WORKS
    assert {by_id[each].target for each in verdict.evidence} == {"x"}
    assert answer_seconds(picture, "x") == answer_seconds(second, "x")
    assert headline(picture) != headline(first)
    assert laid_over(first, {}) is first
