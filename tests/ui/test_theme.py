"""Colours: every pair that is used has its contrast; shapes, not only colours, tell states apart."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor

import resources
from app import samples
from diagnostics.model import Status
from tests.ui.conftest import Open
from ui.looks import LOOKS, UNDER_WAY, WAITING, look
from ui.stage_picture import LOOKS as STAGE_LOOKS
from ui.theme import PAIRS, SCHEMES, Tokens, contrast, load_tokens


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_pair_of_colours_that_is_used_can_be_read(scheme: str) -> None:
    tokens = load_tokens(scheme)
    faint = [
        (ink, ground, round(contrast(tokens.of(ink), tokens.of(ground)), 2))
        for ink, ground, least in PAIRS
        if contrast(tokens.of(ink), tokens.of(ground)) < least
    ]
    assert faint == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("role", ["ok", "warn", "bad", "muted", "accent"])
def test_an_icon_stands_out_from_its_pale_disc(scheme: str, role: str) -> None:
    tokens = load_tokens(scheme)
    ink, ground = QColor(tokens.of(role)), QColor(tokens.surface)
    pairs = ((ink.red(), ground.red()), (ink.green(), ground.green()), (ink.blue(), ground.blue()))
    disc = QColor(*(round(0.14 * above + 0.86 * below) for above, below in pairs))
    assert contrast(ink.name(), disc.name()) >= 4.0


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#777777") == pytest.approx(1.0)


def test_states_of_one_colour_differ_by_shape() -> None:
    kinds = {"works": Status.WORKS, "warn": Status.SLOW, "blocked": Status.BLOCKED, "down": Status.DOWN}
    shapes = [LOOKS[status][0] for status in (*kinds.values(), Status.UNKNOWN, Status.NOT_TESTED)]
    assert len(set(shapes)) == len(shapes)
    assert len({drawing for drawing, _role in STAGE_LOOKS.values()}) == len(STAGE_LOOKS)


def test_unknown_is_never_red_and_a_status_of_a_newer_report_looks_unknown() -> None:
    assert look(Status.UNKNOWN)[1] == "muted"
    assert look(Status("half_eaten")) == look(Status.UNKNOWN)


def test_every_status_has_a_look_and_every_look_a_drawing() -> None:
    assert set(LOOKS) == set(Status)
    for drawing, _role in (*LOOKS.values(), *STAGE_LOOKS.values(), UNDER_WAY, WAITING):
        assert "currentColor" in resources.text("icons", f"{drawing}.svg")


def test_tokens_are_complete_in_every_scheme() -> None:
    for scheme in SCHEMES:
        tokens = load_tokens(scheme)
        assert all(QColor(tokens.of(name)).isValid() for name in Tokens.__struct_fields__)


def test_a_chosen_scheme_is_worn_at_once_and_remembered(open_window: Open) -> None:
    driver = open_window(samples.x_blocked())
    driver.press("rail.settings")
    driver.press("settings.theme.contrast")
    assert driver.window.theme.tokens == load_tokens("contrast")
    assert driver.shell.palette().window().color().name() == "#000000"
    driver.press("settings.theme.light")
    assert driver.shell.palette().window().color().name() == load_tokens("light").window
    assert driver.backend.preferences.theme == "light"
