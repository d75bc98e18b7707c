"""Watching the VPN in the window: what is said before the plug is pulled, while it is watched, and at the end."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from app import samples
from app.sample_vpn import FULL, examined
from app.texts import t
from diagnostics.events import RunDone
from diagnostics.model import Status
from tests.ui.conftest import Open, SampleDriver
from ui.vpn_backend import Said, WatchMoment


@pytest.fixture
def watched(open_window: Open) -> SampleDriver:
    opened = open_window(samples.all_works())
    opened.window.vpn.show("watch")
    opened.press("vpn.watch.open")
    return opened


def test_nothing_is_watched_before_the_button_and_the_seconds_count_after_it(watched: SampleDriver) -> None:
    screen = watched.window.screens.vpn_watch
    assert watched.backend.tunnels.tell is None
    assert screen.display == "Todavía no estamos vigilando."
    watched.press("vpn_watch.go")
    assert screen.timer.isActive()
    screen.timer.timeout.emit()
    assert any("Llevamos un segundo." in label.accessibleName() for label in watched.shell.findChildren(QLabel))


def test_the_first_moment_at_which_the_vpn_dropped_is_named(watched: SampleDriver) -> None:
    watched.press("vpn_watch.go")
    tell = watched.backend.tunnels.tell
    assert tell is not None
    screen = watched.window.screens.vpn_watch
    tell(WatchMoment(seconds=0.0, inside=True))
    assert screen.display == "Todo va por la VPN"
    tell(WatchMoment(seconds=12.3, inside=False))
    assert screen.display == "Algo va por fuera de la VPN"
    heard = [label.accessibleName() for label in screen.findChildren(QLabel)]
    assert "A los 12 segundos la VPN se cayó y tu computadora salió sin ella." in heard


def test_after_a_leak_there_is_no_tick_and_the_first_moment_stays_named(watched: SampleDriver) -> None:
    watched.press("vpn_watch.go")
    tell = watched.backend.tunnels.tell
    assert tell is not None
    screen = watched.window.screens.vpn_watch
    tell(WatchMoment(seconds=0.0, inside=True))
    tell(WatchMoment(seconds=12.0, inside=False))
    tell(WatchMoment(seconds=19.0, inside=True))
    tell(WatchMoment(seconds=30.0, inside=False, what="names"))
    tell(WatchMoment(seconds=33.0, inside=True, what="names"))
    for _ in range(30):  # the first moment would have left the list
        tell(WatchMoment(seconds=40.0, inside=True, what="gap"))
    watched.press("vpn_watch.go")
    assert screen.display == "Volvió a la VPN, pero estuvo fuera 10 segundos"
    assert screen._now.mark.drawing == "alert"
    assert "A los 12 segundos la VPN se cayó y tu computadora salió sin ella." in screen._now.accessibleName()


def test_what_is_still_outside_at_the_end_is_said_to_be(watched: SampleDriver) -> None:
    watched.press("vpn_watch.go")
    tell = watched.backend.tunnels.tell
    assert tell is not None
    tell(WatchMoment(seconds=0.0, inside=True))
    tell(WatchMoment(seconds=4.0, inside=False))
    watched.press("vpn_watch.go")
    screen = watched.window.screens.vpn_watch
    assert (screen.display, screen._now.mark.drawing) == ("Algo va por fuera de la VPN", "cross")
    watched.press("vpn_watch.go")  # another watch begins without what the last one saw
    again = watched.backend.tunnels.tell
    assert again is not None
    again(WatchMoment(seconds=0.0, inside=True))
    assert screen.display == "Todo va por la VPN"


@pytest.mark.parametrize(
    "status, said", [(None, "unknown"), (Status.UNKNOWN, "unknown"), (Status.PARTIAL, "open"), (Status.WORKS, "holds")]
)
def test_before_the_plug_is_pulled_it_is_said_what_may_get_out(status: Status | None, said: str, open_window: Open) -> None:
    opened = open_window(samples.all_works())
    opened.backend.tunnels.state = FULL
    opened.window.vpn.look()
    opened.window.vpn.show("watch")
    if status is not None:
        opened.window.vpn.examine()
        opened.backend.play([RunDone(report=examined(status))])
    warning = t(f"vpn_watch.warn.{said}")
    assert opened.words("vpn.watch.risk") == warning
    opened.press("vpn.watch.open")
    assert opened.words("vpn_watch.before") == warning
    opened.press("vpn_watch.go")
    assert opened.words("vpn_watch.warning") == warning


def test_a_cut_is_no_leak(watched: SampleDriver) -> None:
    watched.press("vpn_watch.go")
    tell = watched.backend.tunnels.tell
    assert tell is not None
    tell(WatchMoment(seconds=0.0, inside=True))
    tell(WatchMoment(seconds=5.0, inside=True, what="cut"))
    assert watched.window.screens.vpn_watch.display == "No sale nada, ni por la VPN ni por fuera"


def test_watching_ends_with_the_button_and_what_was_seen_stays(watched: SampleDriver) -> None:
    watched.press("vpn_watch.go")
    tell = watched.backend.tunnels.tell
    assert tell is not None
    tell(WatchMoment(seconds=0.0, inside=True))
    watched.press("vpn_watch.go")
    screen = watched.window.screens.vpn_watch
    assert watched.backend.tunnels.stopped == 1
    assert not screen.timer.isActive()
    assert screen.display == "Todo va por la VPN"
    tell(WatchMoment(seconds=9.0, inside=False))
    assert screen.display == "Todo va por la VPN"  # what comes late is not heard


def test_closing_the_window_ends_the_watching(watched: SampleDriver) -> None:
    watched.press("vpn_watch.go")
    watched.shell.close()
    assert watched.backend.tunnels.stopped == 1


def test_leaving_the_screen_does_not_end_it(watched: SampleDriver) -> None:
    watched.press("vpn_watch.go")
    watched.key(Qt.Key.Key_Escape)
    assert watched.screen == "vpn"
    assert watched.window.screens.vpn_watch.watching


def test_a_watch_that_could_not_go_on_says_so_in_the_language_that_is_spoken(watched: SampleDriver) -> None:
    watched.press("vpn_watch.go")
    done = watched.backend.tunnels.done
    assert done is not None
    done(Said(text="vpn.failed"))
    assert watched.words("vpn_watch.note") == "Esta prueba no se pudo terminar."
    watched.window.choose_language("en")
    assert watched.words("vpn_watch.note") == "This test could not be finished."
    watched.press("vpn_watch.go")
    assert watched.words("vpn_watch.note") == ""
