"""Saving a report in the window: what goes is seen before it goes, what is left out is listed, and each choice is drawn at once."""

from __future__ import annotations

import pytest

from app import samples
from app.texts import t
from diagnostics.report.case_code import case_code
from tests.ui.conftest import Open, SampleDriver
from ui.backend import SaveChoices
from ui.preview import PagePreview


@pytest.fixture
def driver(open_window: Open) -> SampleDriver:
    opened = open_window(samples.x_blocked())
    opened.show(samples.x_blocked())
    opened.press("result.save")
    return opened


def page(driver: SampleDriver) -> str:
    (found,) = driver.window.screens.save.findChildren(PagePreview)
    return found.toPlainText()


def test_what_goes_is_seen_and_what_is_left_out_is_listed_before_anything_is_saved(driver: SampleDriver) -> None:
    assert driver.button("save.removed").accessibleName() == "Quitamos 14 datos."
    driver.press("save.removed")
    assert "[user]" in driver.words("save.removed.lines")
    driver.press("save.preview")
    assert "X está bloqueado en tu red" in page(driver)
    assert driver.words("save.outcome") == ""
    assert driver.words("save.code") == f"Código: {case_code(samples.x_blocked())}"


def test_a_choice_is_drawn_at_once_and_saved_as_it_was_drawn(driver: SampleDriver) -> None:
    assert driver.backend.chosen == SaveChoices()
    driver.press("save.hide_sites")
    assert driver.backend.chosen == SaveChoices(hide_sites=True)
    driver.press("save.exact_time")
    driver.press("save.go")
    assert (driver.backend.chosen.hide_sites, driver.backend.chosen.exact_time) == (True, True)


def test_the_preview_follows_the_language(driver: SampleDriver) -> None:
    driver.window.choose_language("en")
    assert "X is blocked on your network" in page(driver)
    assert driver.button("save.removed").accessibleName() == "We removed 14 items."


def test_a_key_is_asked_for_only_where_a_file_goes_to_support(driver: SampleDriver) -> None:
    field = driver.window.screens.save.key
    assert not field.isVisible()
    driver.press("save.kind.support")
    assert field.isVisible()
    driver.type("save.key", " age1abc ")
    driver.press("save.go")
    assert driver.backend.chosen.key == "age1abc"
    driver.press("save.kind.page")
    driver.press("save.go")
    assert driver.backend.chosen.key == ""


def test_why_nothing_was_written_is_said_in_place_of_where(driver: SampleDriver) -> None:
    driver.press("save.kind.support")
    driver.backend.refuses = t("error.recipient")
    driver.press("save.go")
    assert driver.words("save.outcome") == "No se guardó"
    assert driver.words("save.where") == t("error.recipient")
    assert not driver.button("save.open").isVisible()


@pytest.mark.parametrize("kind", ["page", "paper", "support", "data"])
def test_every_kind_can_be_saved(kind: str, driver: SampleDriver) -> None:
    driver.press(f"save.kind.{kind}")
    driver.press("save.go")
    assert f"atajo.{kind}" in driver.words("save.where")
