"""Builds each screen when it is first needed and connects what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from app.texts import language
from ui.screen import Screen
from ui.screens.detail import DetailScreen
from ui.screens.failure import FailureScreen
from ui.screens.home import HomeScreen
from ui.screens.result import ResultScreen
from ui.screens.run import RunScreen
from ui.screens.save import SaveScreen
from ui.screens.settings import SettingsScreen
from ui.screens.todo import TodoScreen
from ui.screens.welcome import WelcomeScreen

if TYPE_CHECKING:
    from ui.flow import Window


def _welcome(window: Window) -> Screen:
    screen = WelcomeScreen(window.theme)
    screen.show_language(language())
    screen.language_chosen.connect(window.choose_language)
    screen.choose_asked.connect(window.leave_welcome)
    screen.go_asked.connect(window.leave_welcome_and_start)
    return screen


def _home(window: Window) -> Screen:
    screen = HomeScreen(window.theme, window.backend)
    screen.start_asked.connect(window.start)
    screen.chosen.connect(lambda targets: window.backend.change(targets=targets))
    return screen


def _run(window: Window) -> Screen:
    screen = RunScreen(window.theme)
    screen.stop_asked.connect(window.stop)
    return screen


def _result(window: Window) -> Screen:
    screen = ResultScreen(window.theme)
    screen.again_asked.connect(window.again)
    screen.other_asked.connect(window.show_home)
    screen.save_asked.connect(window.save)
    screen.detail_asked.connect(window.show_detail)
    screen.todo_asked.connect(window.show_todo)
    return screen


def _failure(window: Window) -> Screen:
    screen = FailureScreen(window.theme)
    screen.again_asked.connect(window.again)
    screen.save_asked.connect(window.save)
    screen.todo_asked.connect(lambda: window.show_todo(""))
    screen.details_asked.connect(window.show_masked_result)
    screen.page_asked.connect(window.backend.show)
    return screen


def _todo(window: Window) -> Screen:
    screen = TodoScreen(window.theme)
    screen.again_asked.connect(window.again)
    screen.save_asked.connect(window.save)
    return screen


def _detail(window: Window) -> Screen:
    screen = DetailScreen(window.theme)
    screen.todo_asked.connect(window.show_todo)
    return screen


def _save(window: Window) -> Screen:
    screen = SaveScreen(window.theme, window.backend)
    screen.copy_asked.connect(window.copy)
    return screen


def _settings(window: Window) -> Screen:
    screen = SettingsScreen(window.theme)
    screen.show_preferences(window.backend.preferences)
    screen.language_chosen.connect(window.choose_language)
    screen.theme_chosen.connect(window.choose_theme)
    screen.size_chosen.connect(window.choose_size)
    return screen


BUILDERS: Final[dict[str, Callable[[Window], Screen]]] = {
    "welcome": _welcome,
    "home": _home,
    "run": _run,
    "result": _result,
    "fail": _failure,
    "todo": _todo,
    "detail": _detail,
    "save": _save,
    "settings": _settings,
}
"""How each screen is made, by its name."""
