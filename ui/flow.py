"""Which screen is shown when: the way through the window.

welcome → home → run → result → detail, what to do, save
→ failure (a fault of this computer or line, or of Atajo)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QApplication

from app.texts import language, set_language, t
from app.wording import failure
from diagnostics.events import Event, RunStarted
from diagnostics.model import Report
from ui.a11y import announce
from ui.backend import Backend
from ui.build import Screens
from ui.proxy_flow import ProxyFlow
from ui.run_state import RunState
from ui.save_flow import SaveFlow
from ui.shell import Shell
from ui.theme import Theme
from ui.todo_flow import TodoFlow
from ui.vpn_flow import VpnFlow
from ui.widgets import Button

_OUTCOMES: Final = ("result", "fail")


class Wanted(NamedTuple):
    """What the run on the screen was asked for: services, typed pages, and the kept proxies that they are tested through."""

    targets: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    over: tuple[str, ...] = ()


class Window(QObject):
    """The window with its screens and the way through them."""

    def __init__(self, app: QApplication, backend: Backend) -> None:
        """Build everything that the first screen needs; nothing is measured and nothing heavy imported."""
        super().__init__()
        preferences = backend.preferences
        set_language(preferences.spoken)
        self.backend = backend
        self.theme = Theme(app, preferences.theme, preferences.text_size)
        self.theme.speak(language())
        self.shell = Shell(self.theme)
        self.state: RunState | None = None
        self.wanted = Wanted()
        self._behind: list[str] = []
        self.target = ""
        self.screens = Screens(self)
        self.proxies = ProxyFlow(self)
        self.todo = TodoFlow(self)
        self.vpn = VpnFlow(self)
        self.saving = SaveFlow(self)
        self.services_shown = False
        self.shell.set_simulated(simulated=backend.simulated is not None)
        self._connect_shell()
        self.shell.show_screen(self.screens.get("home" if preferences.welcomed else "welcome").name)

    def _connect_shell(self) -> None:
        self.backend.listen(self._arrived, self._failed)
        self.shell.painted.connect(self.opened, Qt.ConnectionType.QueuedConnection)
        self.shell.closing.connect(self._close)
        self.shell.escape_pressed.connect(self.escape)
        self.shell.again_pressed.connect(self.again)
        self.shell.save_pressed.connect(self.save)
        self.shell.rail_pressed.connect(self._rail)

    @Slot()
    def _close(self) -> None:
        self.proxies.close()
        self.vpn.close()
        self.backend.close()

    # --- going somewhere ---

    @Slot()
    def opened(self) -> None:
        """Begin what could wait for the first picture: the catalog, then the engine's imports in their own thread."""
        self._show_services()
        self.backend.open()
        self.vpn.look()

    def _show_services(self) -> None:
        if not self.services_shown:
            self.services_shown = True
            home = self.screens.home
            ticked = self.backend.preferences.targets
            home.show_services(self.backend.services(), self.backend.default_targets() if ticked is None else ticked)
            self.show_routes()
            if self.shell.current == "home":
                home.enter()

    def show_routes(self) -> None:
        """Offer to test through the proxies that are kept."""
        self.screens.home.show_proxies(len(self.proxies.rows()), ticked=self.backend.preferences.through_proxies)

    def show(self, name: str, *, coming_back: bool = False) -> None:
        """Show a screen, and remember where the person came from."""
        screen = self.screens.get(name)
        if not coming_back and self.shell.current not in ("", name, "welcome"):
            self._behind = [each for each in self._behind if each != name] + [self.shell.current]
        if name == "home":
            self._behind.clear()
        self.shell.show_screen(screen.name)

    @Slot()
    def go_back(self) -> None:
        """Show the screen that was left, or home."""
        left = self.shell.current
        name = self._behind.pop() if self._behind else "home"
        self.show(name, coming_back=True)
        if name == "result" and left in ("detail", "todo"):
            self.screens.result.focus_on(self.target)

    def return_to(self, name: str) -> None:
        """Show a screen that lies behind this one, and forget what lay between."""
        if name in self._behind:
            del self._behind[self._behind.index(name) :]
        self.show(name, coming_back=True)

    @Slot()
    def escape(self) -> None:
        """Stop what is measured on this screen; else go back."""
        if self.shell.current == "run":
            self.stop()
        elif self.shell.current == "todo" and self.todo.checking:
            self.todo.stop()
        elif self.shell.current in ("vpn", "vpn_profile") and self.vpn.busy:
            self.vpn.stop()
        elif self.shell.current not in ("home", "welcome"):
            self.go_back()

    @Slot(str)
    def _rail(self, name: str) -> None:
        if self.shell.current == "welcome":
            return
        if name == "home" and self.under_way:
            name = "run"
        if name == "proxies":
            self.screens.get(name)  # built before it is filled
            self.proxies.refresh()
            self.vpn.look()
        if name != self.shell.current:
            self.show(name)

    def leave_welcome(self) -> None:
        """Go from the first screen to the choice of services."""
        self.backend.change(welcomed=True)
        self._show_services()
        self.show("home")

    def leave_welcome_and_start(self) -> None:
        """Go from the first screen straight to the usual test."""
        self.backend.change(welcomed=True)
        self._show_services()
        self.start(list(self.backend.default_targets()), [])

    # --- running ---

    @property
    def under_way(self) -> bool:
        """Tell whether a run of the services is under way."""
        return self.state is not None and self.state.whole is None and not self.state.stopped

    def start(self, targets: Sequence[str], urls: Sequence[str]) -> None:
        """Begin a run and show it."""
        over = [row.id for row in self.proxies.rows()] if self.backend.preferences.through_proxies else []
        self.wanted = Wanted(tuple(targets), tuple(urls), tuple(over))
        self.proxies.ended()  # a test of single proxies gives way
        self.todo.ended()
        self.vpn.ended()
        number = self.backend.start(targets, urls, over)
        self.state = RunState(number, targets)
        names = {service.id: service.name.get(language()) or service.id for service in self.backend.services()}
        self.screens.run.begin(self.state, names)
        self._behind.clear()
        self.show("run")
        announce(self.shell, t("run.started"))

    @Slot()
    def again(self) -> None:
        """Test the same once more; from home, test what is ticked there."""
        if self.under_way or self.vpn.again():
            return
        if self.shell.current == "home":
            self.screens.home.press_primary()
        elif self.state is not None:
            self.start(self.wanted.targets, self.wanted.urls)

    @Slot()
    def stop(self) -> None:
        """Stop now: the window shows what is known without waiting for the engine."""
        if self.state is None or not self.under_way:
            return
        self.state.stopped = True
        self.backend.cancel()
        self._show_outcome()
        announce(self.shell, t("run.stopped"))

    @Slot(int, tuple)
    def _arrived(self, number: int, events: tuple[Event, ...]) -> None:
        """Take the engine's events; late ones of an earlier run are dropped."""
        state = self.state
        taken = any(each.arrived(number, events) for each in (self.proxies, self.todo, self.vpn))
        if taken or state is None or number != state.number:
            return
        for event in events:
            state.take(event)
            if isinstance(event, RunStarted) and event.simulated:
                self.shell.set_simulated(simulated=True)
        if state.whole is not None:
            self.proxies.learn(state.whole)
            self.vpn.learn(state.whole)
        if state.whole is not None or state.stopped:
            self._show_outcome()
        else:
            self.screens.run.refresh()

    @Slot(int, str)
    def _failed(self, number: int, sentence: str) -> None:
        """Say that a run ended without a report; what was known is kept."""
        state = self.state
        if self.proxies.failed(number, sentence) or self.todo.failed_run(number, sentence) or self.vpn.failed(number, sentence):
            return
        if state is None or number != state.number or state.stopped:
            return
        state.stopped = True
        if sentence:
            self.show("home")
            self.screens.home.problem.say(sentence)
            announce(self.shell, sentence)
            return
        self.unexpected()

    @Slot()
    def unexpected(self) -> None:
        """Say calmly that something went wrong in Atajo."""
        state = self.state
        if state is not None and state.whole is None:
            state.stopped = True
        self.screens.fail.show_unexpected(state.report() if state is not None and state.knows_anything else None)
        self.show("fail")

    # --- the outcome ---

    def report(self) -> Report | None:
        """Return the report on the screen, whole or partial."""
        return self.state.report() if self.state is not None else None

    def _show_outcome(self) -> None:
        """Show the result, or the fault that masks it; a screen that lies over it stays where it is."""
        report = self.report()
        if report is None:
            return
        self.screens.run.end()
        name = "fail" if failure(report) else "result"
        self._fill(name, report)
        self._behind = [name if each in ("run", *_OUTCOMES) else each for each in self._behind]
        if self.shell.current == "run" or (self.shell.current in _OUTCOMES and self.shell.current != name):
            self._behind.clear()
            self.show(name, coming_back=True)

    def _fill(self, name: str, report: Report) -> None:
        if name == "fail":
            self.screens.fail.show_report(report)
        else:
            self.screens.result.show_report(self.todo.shown(report), self.proxies.names(), self.todo.moments())

    def recheck_done(self) -> None:
        """Write anew what shows a target that was measured again."""
        report = self.report()
        if report is not None and "result" in self.screens.built and not failure(report):
            self._fill("result", report)
        if self.shell.current == "detail":
            self._fill_detail()

    def show_opened(self, target: str, sentence: str) -> None:
        """Say that a target opens now, back where all of them are seen; a screen that has nothing to do with it stays."""
        result = self.screens.result
        if self.shell.current in ("todo", "detail", "qr") and not self.vpn.on_screen:
            self._behind.clear()
            self.show("result", coming_back=True)
            result.focus_on(target)
        else:
            self._behind = [each for each in self._behind if each not in ("todo", "detail", "qr")]
        result.say_news(sentence)
        announce(self.shell, sentence)

    def show_masked_result(self) -> None:
        """Show the services although a fault of the line hides them: each says that nothing can be said yet."""
        report = self.report()
        if report is not None:
            self._fill("result", report)
            self.show("result")

    def show_detail(self, target: str) -> None:
        """Show one target from close."""
        self.target = target
        if self._fill_detail():
            self.show("detail")

    def _fill_detail(self) -> bool:
        report = self.todo.report_of(self.target)
        if report is not None:
            self.screens.detail.show_target(report, self.target, self.proxies.names(), self.todo.moments().get(self.target))
        return report is not None

    def show_proxy(self, ident: str) -> None:
        """Show one of the person's proxies from close."""
        if self.proxies.fill(ident):
            self.show("proxy")

    def show_route(self, route: str) -> None:
        """Show the proxy that reports call ``route``, if it is still kept."""
        self.show_proxy(self.proxies.ident_of(route))

    def show_todo(self, target: str) -> None:
        """Show the advice for one target; for the line when it is empty."""
        if self.report() is not None:
            self.target = target
            self.todo.show(target)
            self.show("todo")

    def show_code(self) -> None:
        """Show the code for the phone."""
        self.show("qr")

    @Slot()
    def save(self) -> None:
        """Offer to save the report of what is on the screen."""
        self.saving.save()

    def copy_result(self) -> bool:
        """Put the summary of the services into the clipboard; tell whether there was one."""
        report = self.report()
        if report is not None:
            self._fill("result", report)
            self.screens.result.copy()
        return report is not None

    def press(self, name: str) -> None:
        """Press the button with an id, as a person would."""
        button = self.shell.findChild(Button, name)
        if button is not None:
            button.click()

    def show_welcome(self) -> None:
        """Show the first screen again."""
        self.show("welcome", coming_back=True)

    def show_home(self) -> None:
        """Show the choice of services."""
        self.show("home")

    # --- choices that hold at once ---

    @Slot(str)
    def choose_language(self, code: str) -> None:
        """Speak another language, on every screen."""
        set_language(code)
        self.theme.speak(code)
        self.backend.change(language=code)
        self.shell.retranslate()
        for screen in self.screens.built.values():
            screen.retranslate()
        if "todo" in self.screens.built:
            self.todo.fill(self.screens.todo.open_tip())
        if "welcome" in self.screens.built:
            self.screens.welcome.show_language(code)
        if "settings" in self.screens.built:
            self.screens.settings.show_preferences(self.backend.preferences)

    @Slot(str)
    def choose_theme(self, choice: str) -> None:
        """Wear other colours."""
        self.backend.change(theme=choice)
        self.theme.set(choice, self.backend.preferences.text_size)

    @Slot(int)
    def choose_size(self, percent: int) -> None:
        """Write larger or smaller."""
        self.backend.change(text_size=percent)
        self.theme.set(self.backend.preferences.theme, percent)
