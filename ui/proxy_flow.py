"""The person's proxies in the window: testing them beside everything else, and what their latest tests found out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from app.route_words import label, state_word
from app.texts import t
from app.wording import after_colon
from diagnostics.events import Event, RunDone
from diagnostics.model import Report, RouteVerdict, Status
from ui.a11y import announce
from ui.proxy_backend import ProxyRow

if TYPE_CHECKING:
    from ui.flow import Window


OWN_CLIENT: Final = "route.needs_its_own_client"
"""The rule of kinds that only their own program speaks."""

_WORKING: Final = (Status.WORKS, Status.SLOW)


class ProxyFlow:
    """Tests of single proxies, and the screens about them.

    A test of proxies is a run of its own.  It does not touch the result that is on the screen, and it ends when another run begins.
    """

    def __init__(self, window: Window) -> None:
        """Know nothing yet."""
        self._window = window
        self._number: int | None = None
        self._testing: set[str] = set()
        self._known: dict[str, tuple[RouteVerdict, Report]] = {}

    # --- what the rest of the window asks ---

    def rows(self) -> Sequence[ProxyRow]:
        """Return the proxies that count: all that are kept but one that is being removed."""
        built = "proxies" in self._window.screens.built
        kept = self._window.screens.proxies.kept_ids() if built else None
        return [row for row in self._window.backend.proxies.all() if kept is None or row.id in kept]

    def names(self) -> dict[str, str]:
        """Return what the person calls each proxy, by its id in reports."""
        return {row.route: row.name for row in self._window.backend.proxies.all() if row.name}

    def working(self) -> dict[str, str]:
        """Return the kept proxies that worked when they were last tested, by their ids, with their kinds."""
        known = ((row.id, self._known.get(row.id)) for row in self.rows())
        return {ident: found[0].kind for ident, found in known if found is not None and found[0].status in _WORKING}

    def ended(self) -> None:
        """Forget the test that was under way: another run takes its place."""
        self._number = None
        self._testing.clear()
        self.refresh()

    def learn(self, report: Report) -> None:
        """Keep what a run found out about the proxies."""
        rows = {row.route: row.id for row in self._window.backend.proxies.all()}
        for route in report.routes:
            if route.id in rows:
                self._known[rows[route.id]] = (route, report)
        self.refresh()

    def close(self) -> None:
        """Carry out the removal that could still be taken back."""
        if "proxies" in self._window.screens.built:
            self._window.screens.proxies.forget_removed()

    # --- testing ---

    def test(self, idents: Sequence[str]) -> None:
        """Test some proxies: the ticked services, or the usual ones, over each of them and directly."""
        window = self._window
        known = {row.id for row in self.rows()}
        wanted = [ident for ident in idents if ident in known]
        if not wanted:
            return
        if window.under_way or window.todo.checking:
            self._say(t("proxies.busy"))
            return
        targets = window.backend.preferences.targets or window.backend.default_targets()
        window.vpn.ended()  # a test about the VPN gives way
        self._number = window.backend.start(targets, [], wanted)
        self._testing = set(wanted)
        self.refresh()
        self._say(t("proxies.state.busy"))

    def arrived(self, number: int, events: Iterable[Event]) -> bool:
        """Take the events of a test; tell whether they were of one."""
        if number != self._number:
            return False
        for event in events:
            if isinstance(event, RunDone):
                self._number = None
                self._testing.clear()
                self.learn(event.report)
                self._tell(event.report)
                if any(route.rule == OWN_CLIENT for route in event.report.routes) and "proxies" in self._window.screens.built:
                    self._window.screens.proxies.look_around()  # its own program may be running: then its port is what to test
        return True

    def failed(self, number: int, sentence: str) -> bool:
        """Say why a test ended without a report; tell whether it was one."""
        if number != self._number:
            return False
        self.ended()
        self._say(sentence or t("proxies.failed"))
        return True

    def _tell(self, report: Report) -> None:
        names = self.names()
        said = [f"{label(r.id, report, names)}: {after_colon(state_word(r))}" for r in report.routes if r.id != "direct"]
        announce(self._window.shell, ". ".join(said))

    def _say(self, sentence: str) -> None:
        if "proxies" in self._window.screens.built:
            self._window.screens.proxies.note.say(sentence)
        announce(self._window.shell, sentence)

    # --- the screens ---

    def refresh(self) -> None:
        """Show what is known."""
        built = self._window.screens.built
        if "proxies" in built:
            self._window.screens.proxies.show_known(self._known, self._testing)
            if not self._testing and self._window.screens.proxies.note.text() == t("proxies.state.busy"):
                self._window.screens.proxies.note.say("")
        if "proxy" in built and self._window.screens.proxy.shown:
            self.fill(self._window.screens.proxy.shown)

    def fill(self, ident: str) -> bool:
        """Fill the screen of one proxy; False if there is no such proxy."""
        row = next((each for each in self._window.backend.proxies.all() if each.id == ident), None)
        if row is not None:
            self._window.screens.proxy.show_proxy(row, self._known.get(ident), busy=bool(self._testing))
        return row is not None

    def ident_of(self, route: str) -> str:
        """Return the id of the kept proxy that reports call ``route``, or nothing."""
        return next((row.id for row in self._window.backend.proxies.all() if row.route == route), "")

    def rename(self, ident: str, name: str) -> None:
        """Call a proxy something else."""

        def done(problem: str) -> None:
            self.refresh()
            self._window.screens.proxy.say_renamed(problem)

        self._window.backend.proxies.rename(ident, name, done)
