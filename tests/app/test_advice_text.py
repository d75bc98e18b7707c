"""A tip as plain text: whole, short enough for a code, and never without its risk."""

from __future__ import annotations

from app.advice import MAX_TEXT, advice_text
from app.sample_advice import measured
from app.texts import set_language
from ui.backend import Advice, AdviceSteps


def test_the_text_has_title_proof_device_steps_and_risk_in_that_order() -> None:
    set_language("es")
    lines = advice_text(measured("es")[0], "android").splitlines()
    assert lines[0] == "Pon la guía de nombres cifrada de Quad9"
    assert lines[1].startswith("Probado ahora")
    assert lines[2] == "Android:"
    assert [line[:2] for line in lines[3:6]] == ["1.", "2.", "3."]
    assert lines[6].startswith("Riesgo: ")


def test_what_nobody_tried_says_so_and_an_unknown_device_gets_the_steps_for_any() -> None:
    set_language("es")
    lines = advice_text(measured("es")[2], "toaster").splitlines()
    assert lines[1] == "Este consejo no se probó en tu red."
    assert lines[2].startswith("1. ")


def test_a_text_that_is_too_long_loses_its_last_steps_but_not_its_risk() -> None:
    set_language("es")
    steps = tuple(f"Paso {n}: {'palabra ' * 15}" for n in range(20))
    here = AdviceSteps(platform="any", name="Todo", steps=steps)
    text = advice_text(Advice(id="a", say="Título", why="", steps=(), caution="Mira bien.", platforms=(here,)), "any")
    assert len(text) <= MAX_TEXT
    assert text.splitlines()[-2:] == ["…", "Riesgo: mira bien."]


def test_even_a_title_without_end_is_cut() -> None:
    assert len(advice_text(Advice(id="a", say="x" * 5000, why="", steps=("y",), caution="z"), "")) == MAX_TEXT
