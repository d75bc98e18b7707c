"""Builds each screen when it is first needed and connects what it asks for.

The modules of the screens are imported with them: the first picture needs one of nine.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from app.texts import language
from ui.screen import Screen

if TYPE_CHECKING:
    from ui.flow import Window
    from ui.screens.detail import DetailScreen
    from ui.screens.failure import FailureScreen
    from ui.screens.home import HomeScreen
    from ui.screens.proxies import ProxiesScreen
    from ui.screens.proxy import ProxyScreen
    from ui.screens.qr import QrScreen
    from ui.screens.result import ResultScreen
    from ui.screens.run import RunScreen
    from ui.screens.save import SaveScreen
    from ui.screens.settings import SettingsScreen
    from ui.screens.todo import TodoScreen
    from ui.screens.vpn import VpnScreen
    from ui.screens.vpn_profile import VpnProfileScreen
    from ui.screens.vpn_watch import VpnWatchScreen
    from ui.screens.welcome import WelcomeScreen

S = TypeVar("S", bound=Screen)


class Screens:
    """The screens of a window, each made when somebody first asks for it."""

    def __init__(self, window: Window) -> None:
        """Make none yet."""
        self._window = window
        self.built: dict[str, Screen] = {}

    def get(self, name: str) -> Screen:
        """Return a screen by its name."""
        screen = getattr(self, name)
        if not isinstance(screen, Screen):
            raise KeyError(name)
        return screen

    def _add(self, screen: S) -> S:
        """Put a new screen into the window and its words into it."""
        self.built[screen.name] = screen
        self._window.shell.add(screen)
        screen.escaped.connect(self._window.go_back)
        screen.retranslate()
        return screen

    @cached_property
    def welcome(self) -> WelcomeScreen:
        """Return the first screen of the first start."""
        from ui.screens.welcome import WelcomeScreen

        screen = self._add(WelcomeScreen(self._window.theme))
        screen.show_language(language())
        screen.language_chosen.connect(self._window.choose_language)
        screen.choose_asked.connect(self._window.leave_welcome)
        screen.go_asked.connect(self._window.leave_welcome_and_start)
        return screen

    @cached_property
    def home(self) -> HomeScreen:
        """Return the choice of services."""
        from ui.screens.home import HomeScreen

        screen = self._add(HomeScreen(self._window.theme, self._window.backend))
        screen.start_asked.connect(self._window.start)
        screen.chosen.connect(lambda targets: self._window.backend.change(targets=targets))
        screen.proxies_chosen.connect(lambda wanted: self._window.backend.change(through_proxies=wanted))
        return screen

    @cached_property
    def run(self) -> RunScreen:
        """Return the list that grows true."""
        from ui.screens.run import RunScreen

        screen = self._add(RunScreen(self._window.theme))
        screen.stop_asked.connect(self._window.stop)
        return screen

    @cached_property
    def result(self) -> ResultScreen:
        """Return the result."""
        from ui.screens.result import ResultScreen

        screen = self._add(ResultScreen(self._window.theme))
        screen.again_asked.connect(self._window.again)
        screen.other_asked.connect(self._window.show_home)
        screen.save_asked.connect(self._window.save)
        screen.detail_asked.connect(self._window.show_detail)
        screen.todo_asked.connect(self._window.show_todo)
        screen.route_asked.connect(self._window.show_route)
        screen.compare_asked.connect(lambda: self._window.vpn.show("outside"))
        return screen

    @cached_property
    def fail(self) -> FailureScreen:
        """Return the screen for faults of the line and of our own."""
        from ui.screens.failure import FailureScreen

        screen = self._add(FailureScreen(self._window.theme))
        screen.again_asked.connect(self._window.again)
        screen.save_asked.connect(self._window.save)
        screen.todo_asked.connect(lambda: self._window.show_todo(""))
        screen.details_asked.connect(self._window.show_masked_result)
        screen.page_asked.connect(self._window.backend.show)
        return screen

    @cached_property
    def todo(self) -> TodoScreen:
        """Return the advice."""
        from ui.screens.todo import TodoScreen

        screen = self._add(TodoScreen(self._window.theme))
        screen.save_asked.connect(self._window.save)
        todo = self._window.todo
        screen.again_asked.connect(todo.again)
        screen.copy_asked.connect(todo.copy)
        screen.code_asked.connect(todo.code)
        screen.worked.connect(todo.worked)
        screen.failed.connect(todo.failed)
        screen.recheck_asked.connect(todo.recheck)
        screen.stop_asked.connect(todo.stop)
        return screen

    @cached_property
    def qr(self) -> QrScreen:
        """Return the code for the phone."""
        from ui.screens.qr import QrScreen

        return self._add(QrScreen(self._window.theme))

    @cached_property
    def detail(self) -> DetailScreen:
        """Return one target from close."""
        from ui.screens.detail import DetailScreen

        screen = self._add(DetailScreen(self._window.theme))
        screen.todo_asked.connect(self._window.show_todo)
        screen.save_asked.connect(self._window.save)
        return screen

    @cached_property
    def save(self) -> SaveScreen:
        """Return the screen that saves a report."""
        from ui.screens.save import SaveScreen

        screen = self._add(SaveScreen(self._window.theme, self._window.backend))
        screen.copy_asked.connect(self._window.saving.copy)
        return screen

    @cached_property
    def proxies(self) -> ProxiesScreen:
        """Return the person's proxies."""
        from ui.screens.proxies import ProxiesScreen

        screen = self._add(ProxiesScreen(self._window.theme, self._window.backend.proxies))
        screen.test_asked.connect(self._window.proxies.test)
        screen.detail_asked.connect(self._window.show_proxy)
        screen.changed.connect(self._window.show_routes)
        screen.vpn_asked.connect(self._window.vpn.show_vpn)
        screen.profile_asked.connect(self._window.vpn.show_profile)
        return screen

    @cached_property
    def proxy(self) -> ProxyScreen:
        """Return one proxy from close."""
        from ui.screens.proxy import ProxyScreen

        screen = self._add(ProxyScreen(self._window.theme))
        screen.test_asked.connect(self._window.proxies.test)
        screen.rename_asked.connect(self._window.proxies.rename)
        return screen

    @cached_property
    def vpn(self) -> VpnScreen:
        """Return this computer's VPN."""
        from ui.screens.vpn import VpnScreen

        screen, flow = self._add(VpnScreen(self._window.theme)), self._window.vpn
        screen.check_asked.connect(flow.check)
        screen.stop_asked.connect(flow.stop)
        screen.profile_asked.connect(flow.show_profile)
        screen.watch_asked.connect(flow.show_watch)
        screen.kill_asked.connect(flow.examine)
        screen.compare_asked.connect(flow.compare)
        screen.advice_asked.connect(flow.show_todo)
        screen.save_asked.connect(self._window.save)
        return screen

    @cached_property
    def vpn_profile(self) -> VpnProfileScreen:
        """Return the test of a profile."""
        from ui.screens.vpn_profile import VpnProfileScreen

        screen = self._add(VpnProfileScreen(self._window.theme, self._window.backend.vpn))
        screen.test_asked.connect(self._window.vpn.test)
        screen.stop_asked.connect(self._window.vpn.stop)
        screen.advice_asked.connect(self._window.vpn.show_todo)
        screen.save_asked.connect(self._window.save)
        return screen

    @cached_property
    def vpn_watch(self) -> VpnWatchScreen:
        """Return the watching of the VPN."""
        from ui.screens.vpn_watch import VpnWatchScreen

        screen = self._add(VpnWatchScreen(self._window.theme))
        screen.start_asked.connect(self._window.vpn.watch)
        screen.stop_asked.connect(self._window.vpn.stop_watching)
        return screen

    @cached_property
    def settings(self) -> SettingsScreen:
        """Return the settings."""
        from ui.screens.settings import SettingsScreen

        screen = self._add(SettingsScreen(self._window.theme, self._window.backend.data))
        screen.show_preferences(self._window.backend.preferences)
        screen.language_chosen.connect(self._window.choose_language)
        screen.theme_chosen.connect(self._window.choose_theme)
        screen.size_chosen.connect(self._window.choose_size)
        screen.search_chosen.connect(lambda name, on: self._window.backend.change(**{name: on}))
        return screen
