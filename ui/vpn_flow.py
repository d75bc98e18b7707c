"""VPNs in the window: checks of the one that is on, tests of profiles, and what the latest of each found out.

Each is a run of its own.  It does not touch the result that is on the screen, and it ends when another run begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from app.texts import join_names, language, t
from app.vpn_words import check_of, check_sentence, vpn_sentence
from diagnostics.events import Event
from diagnostics.model import Report, VpnCheck, VpnVerdict
from ui.a11y import announce
from ui.run_state import RunState
from ui.vpn_backend import VpnWanted, WatchMoment

if TYPE_CHECKING:
    from ui.flow import Window

KILL_SWITCH: Final = "kill_switch"
"""The check by which the exam is told."""


class VpnShown(NamedTuple):
    """What the window knows of the VPN, for its screen.

    ``checked``: it was looked at in depth; ``kill`` is what came of the exam, ``compared`` the report with and without the VPN.
    ``busy`` names what is under way (check, profile, kill_switch, outside) or nothing; ``names``: the services that are compared.
    """

    vpn: VpnVerdict = VpnVerdict()
    checked: bool = False
    kill: VpnCheck | None = None
    compared: Report | None = None
    busy: str = ""
    names: str = ""


class VpnFlow:
    """Runs about VPNs, and the screens that show them."""

    def __init__(self, window: Window) -> None:
        """Know nothing yet."""
        self._window = window
        self._state: RunState | None = None
        self._busy = ""
        self._ident = ""
        self.vpn = VpnVerdict()
        """What is held of this computer's VPN: from the latest run, or from looking without a packet."""
        self._checked = False
        self._kill: VpnCheck | None = None
        self._compared: Report | None = None
        self._profile: Report | None = None

    # --- what the rest of the window asks ---

    @property
    def busy(self) -> bool:
        """Tell whether something about VPNs is being measured."""
        return bool(self._busy)

    def look(self) -> None:
        """Show what is known, and find out which VPN is on; without a packet."""
        self.refresh()
        self._window.backend.vpn.look(self._looked)

    def _looked(self, vpn: VpnVerdict | None) -> None:
        weaker = vpn is not None and vpn.state == "none" and self.vpn.state == "browser_only"  # without a packet a proxy tells nothing
        if vpn is not None and not weaker and not self._busy:
            self._adopt(vpn)

    def learn(self, report: Report) -> None:
        """Keep what a run of the services found out about the VPN."""
        self._adopt(report.network.vpn)

    def _adopt(self, vpn: VpnVerdict) -> None:
        """Take what was seen in passing; of the same VPN a look in depth told more, and it stays."""
        same = (vpn.state, vpn.clients) == (self.vpn.state, self.vpn.clients)
        if vpn.state != "unknown" and not (same and self._checked):
            self.vpn, self._checked = vpn, False
        self.refresh()

    def ended(self) -> None:
        """Forget the run that was under way: another one takes its place."""
        self._state = None
        self._busy = ""
        self.refresh()

    def close(self) -> None:
        """End the watching."""
        if "vpn_watch" in self._window.screens.built and self._window.screens.vpn_watch.watching:
            self._window.backend.vpn.stop_watch()

    # --- running ---

    def check(self) -> None:
        """Look whether the VPN protects."""
        self._start("check", VpnWanted())

    def examine(self) -> None:
        """Try on purpose whether something gets out beside the VPN."""
        self._start(KILL_SWITCH, VpnWanted(kill_switch=True))

    def compare(self) -> None:
        """Test the ticked services with and without the VPN."""
        self._start("outside", VpnWanted(outside=True, targets=self._targets()))

    def test(self, wanted: VpnWanted) -> None:
        """Test a profile, and the usual services through it."""
        self._start("profile", msgspec.structs.replace(wanted, targets=self._targets()))

    def _targets(self) -> tuple[str, ...]:
        backend = self._window.backend
        return tuple(backend.preferences.targets or backend.default_targets())

    def _start(self, what: str, wanted: VpnWanted) -> None:
        window = self._window
        if window.under_way or window.todo.checking:
            self._say(t("vpn.other_run"), what)
            return
        window.proxies.ended()  # a test of single proxies gives way
        self._busy, self._ident = what, wanted.profile or ""
        if what == "profile":
            self._profile = None
        self._state = RunState(window.backend.start_vpn(wanted), wanted.targets)
        self.refresh()
        announce(window.shell, t(f"vpn.busy.{what}"))

    def stop(self) -> None:
        """Stop now; what is known is shown without waiting for the engine."""
        if self._state is None:
            return
        state, what = self._state, self._busy
        self._window.backend.cancel()
        state.stopped = True
        if state.network_known:
            self._keep(what, state.report())
        self.ended()
        self._say(t("vpn.stopped"), what)

    def arrived(self, number: int, events: Iterable[Event]) -> bool:
        """Take the events of a run about VPNs; tell whether they were of one."""
        state = self._state
        if state is None or number != state.number:
            return False
        for event in events:
            state.take(event)
        if state.whole is not None:
            what = self._busy
            self._keep(what, state.whole)
            self.ended()
            self._tell(what)
            if what == "profile":  # a VPN that went on meanwhile made the engine only greet: the screen asks whether it is this one
                self._window.backend.vpn.look(self._looked)
        elif self._busy == "profile":
            self._profile = state.report()
            self.refresh()
        return True

    def failed(self, number: int, sentence: str) -> bool:
        """Say why a run ended without a report; tell whether it was one about VPNs."""
        if self._state is None or number != self._state.number:
            return False
        what = self._busy
        self.ended()
        self._say(sentence or t("vpn.failed"), what)
        return True

    def _keep(self, what: str, report: Report) -> None:
        """Keep what came of a run."""
        vpn = report.network.vpn
        if what == "profile":
            self._profile = report
            return
        if what == "outside":
            self._compared = report
        self._kill = check_of(vpn, KILL_SWITCH) or self._kill
        if what == "check":
            self.vpn, self._checked = vpn, True
        else:
            self._adopt(vpn)

    def _tell(self, what: str) -> None:
        """Let a screen reader say what came of it."""
        screens = self._window.screens
        if what == "profile":
            announce(self._window.shell, screens.vpn_profile.spoken_outcome())
        elif what == KILL_SWITCH and self._kill is not None:
            announce(self._window.shell, check_sentence(self._kill))
        else:
            announce(self._window.shell, vpn_sentence(self.vpn))

    def _say(self, sentence: str, what: str) -> None:
        """Say something where it belongs."""
        screens = self._window.screens
        if what == "profile":
            screens.vpn_profile.note.say(sentence)
        elif "vpn" in screens.built:
            screens.vpn.note.say(sentence)
        announce(self._window.shell, sentence)

    # --- watching ---

    def watch(self) -> None:
        """Begin to watch."""
        self._window.screens.vpn_watch.begin()
        self._window.backend.vpn.watch(self._moment, self._watched)

    def stop_watching(self) -> None:
        """End the watching now."""
        self._window.backend.vpn.stop_watch()
        self._window.screens.vpn_watch.end()

    def _moment(self, moment: WatchMoment) -> None:
        self._window.screens.vpn_watch.take(moment)

    def _watched(self, problem: str) -> None:
        self._window.screens.vpn_watch.end(problem)

    # --- the screens ---

    def show(self, part: str = "") -> None:
        """Show the screen of the VPN, with one of its parts unfolded."""
        self._window.screens.get("vpn")
        self.refresh()
        self._window.show("vpn")
        if part:
            self._window.screens.vpn.unfold(part)

    def show_vpn(self) -> None:
        """Show the screen of the VPN as it is."""
        self.show()

    def show_profile(self) -> None:
        """Show the screen that tests a profile."""
        self._window.screens.get("vpn_profile")
        self.refresh()
        self._window.show("vpn_profile")

    def show_watch(self) -> None:
        """Show the screen that watches."""
        self._window.show("vpn_watch")

    def refresh(self) -> None:
        """Show what is known, wherever it is shown."""
        screens = self._window.screens
        if "home" in screens.built:
            screens.home.show_vpn(self.vpn.state)
        if "proxies" in screens.built:
            screens.proxies.show_vpn(self.vpn)
        if "vpn" in screens.built:
            names = {service.id: service.name.get(language()) or service.id for service in self._window.backend.services()}
            said = join_names([names.get(target, target) for target in self._targets()])
            screens.vpn.show_known(VpnShown(self.vpn, self._checked, self._kill, self._compared, self._busy, said))
        if "vpn_profile" in screens.built:
            screens.vpn_profile.lending = self._window.proxies.working()
            own = screens.vpn_profile.row is not None and screens.vpn_profile.row.id == self._ident
            screens.vpn_profile.show_test(self._profile if own else None, busy=self._busy == "profile")
            screens.vpn_profile.show_vpn(on=self.vpn.state not in ("none", "browser_only", "stale"))
