"""Pictures of every screen: ``python -m app.shots DIR`` (developers; no screen is needed).

Every screen in Spanish and English, light and dark, at 100 and 200 % text size, from hand-made reports.  The files are
called ``screen-language-theme-scale.png``.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from app import sample_advice, samples
from app.sample_data import SampleData
from app.sample_proxies import FOUND, LINKS, SampleProxies, compared
from app.sample_saving import SampleSaving
from app.sample_vpn import VPN_WALKS, SampleVpn
from app.settings import Settings, ThemeChoice
from app.texts import LANGUAGES, language
from diagnostics.errors import InputError
from diagnostics.events import Event, RunDone
from diagnostics.model import Cause, Report, Service
from ui.backend import Advice, Arrived, Failed, SitesRead, UrlCheck
from ui.flow import Window
from ui.vpn_backend import VpnWanted

SCALES: Final = (100, 200)
THEMES: Final = (ThemeChoice.LIGHT, ThemeChoice.DARK)


class SampleBackend(SampleSaving, QObject):
    """A :class:`ui.backend.Backend` that plays a hand-made report instead of measuring."""

    arrived = Signal(int, tuple)
    failed = Signal(int, str)

    def __init__(self, app: QApplication, settings: Settings, report: Report, simulated: str | None = None) -> None:
        """Play the events of ``report``."""
        super().__init__()
        self.app = app
        self._settings = settings
        self._simulated = simulated
        self.sample = report
        self.runs = 0
        self.cancelled = 0
        self.shown: list[str] = []
        self.closed = False
        self.wanted: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        self.over: tuple[str, ...] = ()
        self.shelf = SampleProxies()
        self.tunnels = SampleVpn()
        self.vpn_wanted: list[VpnWanted] = []
        self.data = SampleData()
        self.advice: sample_advice.Tips = sample_advice.general

    def listen(self, arrived: Arrived, failed: Failed) -> None:
        """Connect the window."""
        self.arrived.connect(arrived)
        self.failed.connect(failed)

    @property
    def simulated(self) -> str | None:
        """Return the scenario's id."""
        return self._simulated

    @property
    def preferences(self) -> Settings:
        """Return the settings."""
        return self._settings

    def change(self, **changes: object) -> None:
        """Change settings in memory."""
        self._settings = Settings(**{**{f: getattr(self._settings, f) for f in self._settings.__struct_fields__}, **changes})

    def open(self) -> None:
        """Do nothing."""

    def services(self) -> Sequence[Service]:
        """Return the usual services."""
        return samples.SERVICES

    def default_targets(self) -> Sequence[str]:
        """Return all of them."""
        return [service.id for service in samples.SERVICES]

    def check_url(self, text: str) -> UrlCheck:
        """Check a typed page as the engine would."""
        from app.texts import t
        from diagnostics.plan import site_of

        try:
            return UrlCheck(url=site_of(text).id)
        except InputError as error:
            return UrlCheck(problem=t(error.text, **error.values))

    def read_sites(self, source: Path | str, done: Callable[[SitesRead], None]) -> None:
        """Read a list of pages at once."""
        from app.backend import sites_in

        done(sites_in(source))

    @property
    def proxies(self) -> SampleProxies:
        """Return proxies that are kept in memory."""
        return self.shelf

    def start(self, targets: Sequence[str], urls: Sequence[str], proxies: Sequence[str] = ()) -> int:
        """Remember what was asked for; :meth:`play` tells the events."""
        self.runs += 1
        self.wanted = (tuple(targets), tuple(urls))
        self.over = tuple(proxies)
        return self.runs

    @property
    def vpn(self) -> SampleVpn:
        """Return a VPN that is made up."""
        return self.tunnels

    def start_vpn(self, wanted: VpnWanted) -> int:
        """Remember what was asked for."""
        self.runs += 1
        self.vpn_wanted.append(wanted)
        return self.runs

    def play(self, events: Sequence[Event] | None = None) -> None:
        """Tell events of the latest run, by default all of the sample's."""
        self.arrived.emit(self.runs, tuple(samples.events_of(self.sample)) if events is None else tuple(events))

    def cancel(self) -> None:
        """Count."""
        self.cancelled += 1

    def tips(self, _report: Report, _target: str | None) -> Sequence[Advice]:
        """Return the tips that were laid out."""
        return self.advice(language())

    def vpn_tips(self, report: Report) -> Sequence[Advice]:
        """Return the tips that ship, as the program would."""
        from app.advice import vpn_advice_for

        return vpn_advice_for(report, language())

    def tip_text(self, advice: Advice, platform: str) -> str:
        """Return a tip as plain text, as the program would."""
        from app.advice import advice_text

        return advice_text(advice, platform)

    def show(self, address: str) -> None:
        """Remember what would have been opened."""
        self.shown.append(address)

    def close(self) -> None:
        """Remember that the window was closed."""
        self.closed = True


def every_screen(app: QApplication, settings: Settings) -> Iterator[tuple[str, Window]]:
    """Yield every screen in every state worth a picture, as (name, window); each window is closed before the next."""
    for name, report, walk in _WALKS:
        backend = SampleBackend(app, settings, report, simulated="ve-2024-08" if name == "simulated" else None)
        window = Window(app, backend)
        window.shell.painted.disconnect()
        window.opened()
        window.shell.show()
        walk(window, backend)
        settle(app)
        yield name, window
        window.shell.close()
        window.shell.deleteLater()
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def settle(app: QApplication) -> None:
    """Let every layout find its size: one that wraps asks its parent again, a few times over."""
    for _ in range(3):
        loop = QEventLoop()
        QTimer.singleShot(0, loop.quit)
        loop.exec()
        app.sendPostedEvents()


def _run(window: Window, backend: SampleBackend) -> None:
    window.start([service.id for service in backend.services()], [])


def _half(window: Window, backend: SampleBackend) -> None:
    _run(window, backend)
    events = list(samples.events_of(backend.sample))
    backend.play(events[: len(events) * 2 // 3])


def _done(window: Window, backend: SampleBackend) -> None:
    _run(window, backend)
    backend.play()


def _detail(window: Window, backend: SampleBackend) -> None:
    _done(window, backend)
    window.show_detail("x")


def _technical(window: Window, backend: SampleBackend) -> None:
    _detail(window, backend)
    window.press("detail.technical")


def _todo(window: Window, backend: SampleBackend) -> None:
    _done(window, backend)
    window.show_todo("x")


def _tips(window: Window, backend: SampleBackend) -> None:
    backend.advice = sample_advice.measured
    _todo(window, backend)


def _code(window: Window, backend: SampleBackend) -> None:
    _tips(window, backend)
    window.press("todo.code.1")


def _rechecking(window: Window, backend: SampleBackend) -> None:
    _tips(window, backend)
    window.press("todo.no.1")
    window.press("todo.recheck.1")


def _still_shut(window: Window, backend: SampleBackend) -> None:
    _tips(window, backend)
    window.press("todo.recheck.1")
    backend.play()


def _opens_now(window: Window, backend: SampleBackend) -> None:
    _tips(window, backend)
    window.press("todo.recheck.1")
    backend.play([RunDone(report=samples.all_works())])


def _save(window: Window, backend: SampleBackend) -> None:
    _done(window, backend)
    window.save()


def _previewed(window: Window, backend: SampleBackend) -> None:
    _save(window, backend)
    for name in ("save.kind.support", "save.removed", "save.preview"):
        window.press(name)


def _saved(window: Window, backend: SampleBackend) -> None:
    _save(window, backend)
    settle(backend.app)
    window.press("save.go")


def _not_saved(window: Window, backend: SampleBackend) -> None:
    backend.writes = False
    _saved(window, backend)


def _settings(window: Window, _backend: SampleBackend) -> None:
    window.press("rail.settings")


def _settings_old(window: Window, backend: SampleBackend) -> None:
    backend.data.old = True
    _settings(window, backend)
    window.press("settings.data.update")
    backend.data.end()


def _stopped(window: Window, backend: SampleBackend) -> None:
    _half(window, backend)
    window.stop()


def _unexpected(window: Window, backend: SampleBackend) -> None:
    _half(window, backend)
    window.unexpected()


def _welcome(window: Window, _backend: SampleBackend) -> None:
    window.show_welcome()


def _with_proxies(window: Window, backend: SampleBackend) -> None:
    backend.shelf.add("\n".join(LINKS))
    backend.shelf.found = [FOUND]
    _done(window, backend)


def _over_proxies(window: Window, backend: SampleBackend) -> None:
    _with_proxies(window, backend)
    window.show_detail("x")


def _proxies(window: Window, backend: SampleBackend) -> None:
    _with_proxies(window, backend)
    window.press("rail.proxies")
    window.press("proxies.find")


def _no_proxies(window: Window, _backend: SampleBackend) -> None:
    window.press("rail.proxies")


def _proxies_asked(window: Window, _backend: SampleBackend) -> None:
    window.press("rail.proxies")
    window.screens.proxies.paste("socks5://192.168.1.5:1080\nss://nada")


def _proxy(window: Window, backend: SampleBackend) -> None:
    _with_proxies(window, backend)
    window.show_route(backend.shelf.all()[0].route)


def _stay(_window: Window, _backend: SampleBackend) -> None:
    pass


Walk = Callable[[Window, SampleBackend], None]
_WALKS: Final[tuple[tuple[str, Report, Walk], ...]] = (
    ("welcome", samples.all_works(), _welcome),
    ("home", samples.all_works(), _stay),
    ("run", samples.mixed(), _half),
    ("result", samples.x_blocked(), _done),
    ("result-works", samples.all_works(), _done),
    ("result-mixed", samples.mixed(), _done),
    ("result-down", samples.service_down(), _done),
    ("result-stopped", samples.mixed(), _stopped),
    ("simulated", samples.x_blocked(simulated="ve-2024-08"), _done),
    *((f"fail-{cause}", samples.faulty(cause), _done) for cause in
      (Cause.NO_INTERNET, Cause.CAPTIVE_PORTAL, Cause.WRONG_CLOCK, Cause.LOCAL_INTERCEPTION, Cause.STALE_PROXY)),
    ("fail-unexpected", samples.mixed(), _unexpected),
    ("todo", samples.x_blocked(), _todo),
    ("todo-proved", samples.ways_round(), _tips),
    ("todo-code", samples.ways_round(), _code),
    ("todo-busy", samples.ways_round(), _rechecking),
    ("todo-unchanged", samples.ways_round(), _still_shut),
    ("result-again", samples.ways_round(), _opens_now),
    ("detail", samples.mixed(), _detail),
    ("detail-ways", samples.ways_round(), _detail),
    ("detail-technical", samples.x_blocked(), _technical),
    ("save", samples.x_blocked(), _save),
    ("save-preview", samples.x_blocked(), _previewed),
    ("save-done", samples.x_blocked(), _saved),
    ("save-failed", samples.x_blocked(), _not_saved),
    ("settings", samples.all_works(), _settings),
    ("settings-updated", samples.all_works(), _settings_old),
    ("result-compared", compared(), _with_proxies),
    ("detail-compared", compared(), _over_proxies),
    ("proxies", compared(), _proxies),
    ("proxies-none", samples.all_works(), _no_proxies),
    ("proxies-asked", samples.all_works(), _proxies_asked),
    ("proxy", compared(), _proxy),
    *VPN_WALKS,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pictures and return 0."""
    parser = argparse.ArgumentParser(prog="app.shots", description="Pictures of every screen.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="only screens whose name begins so")
    parser.add_argument("--size", default="760x620")
    options = parser.parse_args(argv)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(app, QApplication):
        return 2
    options.folder.mkdir(parents=True, exist_ok=True)
    width, height = map(int, options.size.split("x"))
    for spoken, theme, scale in itertools.product(LANGUAGES, THEMES, SCALES):
        settings = Settings(language=spoken, theme=theme, text_size=scale, welcomed=True)
        for name, window in every_screen(app, settings):
            if name.startswith(options.only):
                window.shell.resize(width, height)
                settle(app)
                window.shell.grab().save(str(options.folder / f"{name}-{spoken}-{theme}-{scale}.png"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
