"""VPNs in the window: checks of the one that is on, tests of profiles, and what the latest of each found out.

Each is a run of its own.  It does not touch the result that is on the screen, and it ends when another run begins.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from app.texts import join_names, language, t
from app.vpn_words import check_of, check_sentence, vpn_sentence
from diagnostics.events import Event
from diagnostics.model import Report, RunFacts, Step, VpnCheck, VpnVerdict
from ui.a11y import announce
from ui.run_state import RunState
from ui.tip_card import Head
from ui.todo_flow import Subject
from ui.vpn_backend import Said, VpnWanted, WatchMoment

if TYPE_CHECKING:
    from ui.flow import Window

SCREENS: Final = ("vpn", "vpn_profile", "vpn_watch")
"""Screens that are about VPNs whatever they show."""

KILL_SWITCH: Final = "kill_switch"
"""The check by which the exam is told."""


class VpnShown(NamedTuple):
    """What the window knows of the VPN, for its screen.

    ``checked``: it was looked at in depth; ``kill`` is what came of the exam, ``compared`` the report with and without the VPN.
    ``busy`` names what is under way (check, profile, kill_switch, outside) or nothing; ``names``: the services that are compared.
    ``advised``: everything that was seen of this VPN, as a report to be advised upon; ``saves``: a run of its own can be saved.
    """

    vpn: VpnVerdict = VpnVerdict()
    checked: bool = False
    kill: VpnCheck | None = None
    compared: Report | None = None
    busy: str = ""
    names: str = ""
    advised: Report = Report()
    saves: bool = False


class VpnRun(NamedTuple):
    """A run about VPNs that ended by itself: ``what`` it was (check, profile, kill_switch, outside), and its report."""

    what: str
    report: Report


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
        self._run: VpnRun | None = None  # the latest about the VPN that is on
        self._profile_run: VpnRun | None = None

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
        """Keep what a run found out about the VPN; one that ended before it looked says nothing, not even that nothing is known."""
        if _looked_at(report):
            self._adopt(report.network.vpn)

    def _adopt(self, vpn: VpnVerdict) -> None:
        """Take what was seen in passing; of the same VPN a look in depth told more, and it stays."""
        same = (vpn.state, vpn.clients) == (self.vpn.state, self.vpn.clients)
        if not (same and self._checked):
            self.vpn, self._checked = vpn, False
        if not same:
            self._kill = self._compared = self._run = None  # they are about another one
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
            self._say(lambda: t("vpn.other_run"), what)
            return
        window.proxies.ended()  # a test of single proxies gives way
        self._busy = what
        if what == "profile":
            self._ident = wanted.profile or ""
            self._profile = self._profile_run = None
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
        self._say(lambda: t("vpn.stopped"), what)

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
            if what == "profile":
                self._profile_run = VpnRun(what, state.whole)
            else:
                self._run = VpnRun(what, state.whole)
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
        self._say(lambda: sentence or t("vpn.failed"), what)
        return True

    def _keep(self, what: str, report: Report) -> None:
        """Keep what came of a run."""
        vpn = report.network.vpn
        if what == "profile":
            self._profile = report
            return
        self.learn(report)  # first: what is known of another one is forgotten
        if what == "check" and _looked_at(report):
            self.vpn, self._checked = vpn, True
        if what == "outside":
            self._compared = report
        self._kill = check_of(vpn, KILL_SWITCH) or self._kill

    def _tell(self, what: str) -> None:
        """Let a screen reader say what came of it."""
        screens = self._window.screens
        if what == "profile":
            announce(self._window.shell, screens.vpn_profile.spoken_outcome())
        elif what == KILL_SWITCH and self._kill is not None:
            announce(self._window.shell, check_sentence(self._kill))
        else:
            announce(self._window.shell, screens.vpn.spoken_outcome() if "vpn" in screens.built else vpn_sentence(self.vpn))

    def _say(self, words: Callable[[], str], what: str) -> None:
        """Say something where it belongs; it follows the language."""
        screens = self._window.screens
        if what == "profile":
            screens.vpn_profile.tell(words)
        elif "vpn" in screens.built:
            screens.vpn.tell(words)
        announce(self._window.shell, words())

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

    def _watched(self, problem: Said | None) -> None:
        self._window.screens.vpn_watch.end(problem)

    # --- what to do, and saving ---

    @property
    def on_screen(self) -> bool:
        """Tell whether what is on the screen is about VPNs."""
        window = self._window
        over = window.saving.about_vpn if window.shell.current == "save" else window.todo.about is not None
        return window.shell.current in SCREENS or (window.shell.current in ("todo", "qr", "save") and over)

    def run_on_screen(self) -> VpnRun | None:
        """Return the run whose report can be saved from here."""
        current, about = self._window.shell.current, self._window.todo.about
        if self.busy or current == "vpn_watch":
            return None
        if current == "vpn_profile":
            row = self._window.screens.vpn_profile.row
            return self._profile_run if row is not None and row.id == self._ident else None
        over = current != "vpn" and about is not None and about.ident != "vpn"
        return self._profile_run if over else self._run

    def show_todo(self) -> None:
        """Show what to do about the VPN, or about the profile that is on the screen."""
        profile = self._window.shell.current == "vpn_profile"
        subject = self._about_profile() if profile else self._about_vpn()
        if subject is not None:
            self._window.todo.show_about(subject)
            self._window.show("todo")

    def _about_vpn(self) -> Subject:
        from app.vpn_summary_words import vpn_finding  # not before it is wanted: the first picture needs none of it

        report = self._advised()

        def head() -> Head:
            return Head(why=vpn_finding(report), title=t("tips.title.vpn"), none=t("tips.none.vpn"), saves=self._run is not None)

        def again() -> None:
            self._window.return_to("vpn")
            self.check()

        return Subject("vpn", report, head, again)

    def _about_profile(self) -> Subject | None:
        from app.vpn_summary_words import profile_finding

        run, ident = self._profile_run, self._ident
        if run is None:
            return None

        def head() -> Head:
            return Head(why=profile_finding(run.report, ident), title=t("tips.title.profile"), none=t("tips.none.vpn"))

        def again() -> None:
            self._window.return_to("vpn_profile")
            self._window.screens.vpn_profile.again()

        return Subject(ident, run.report, head, again)

    def _advised(self) -> Report:
        """Return everything that was seen of this computer's VPN as one report.  It is for advice alone, and never saved."""
        base = self._run.report if self._run is not None else Report(run=RunFacts(started=dt.datetime.now(dt.UTC).isoformat()))
        exam = [self._kill] if self._kill is not None else []
        checks = (*(check for check in self.vpn.checks if check.check != KILL_SWITCH), *exam)
        vpn = msgspec.structs.replace(self.vpn, checks=checks)
        return msgspec.structs.replace(base, network=msgspec.structs.replace(base.network, vpn=vpn))

    def again(self) -> bool:
        """Do once more what the screen is about, if it is about VPNs; tell whether it is."""
        if not self.on_screen:
            return False
        about = self._window.todo.about
        if self.busy or self._window.shell.current == "vpn_watch":
            pass
        elif self._window.shell.current == "vpn":
            self.check()
        elif self._window.shell.current == "vpn_profile":
            self._window.screens.vpn_profile.again()
        elif about is not None:
            about.again()
        return True

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
        self._window.screens.get("vpn_watch")
        self.refresh()
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
            known = VpnShown(self.vpn, self._checked, self._kill, self._compared, self._busy, said, self._advised(), self._run is not None)
            screens.vpn.show_known(known)
        if "vpn_watch" in screens.built:
            screens.vpn_watch.show_exam(self._kill.status if self._kill is not None else None)
        if "vpn_profile" in screens.built:
            screens.vpn_profile.lending = self._window.proxies.working()
            own = screens.vpn_profile.row is not None and screens.vpn_profile.row.id == self._ident
            screens.vpn_profile.show_test(self._profile if own else None, busy=self._busy == "profile", whole=self._profile_run is not None)
            screens.vpn_profile.show_vpn(on=self.vpn.state not in ("none", "browser_only", "stale"))


def _looked_at(report: Report) -> bool:
    """Tell whether a run looked at this computer's VPN, whatever it made of it."""
    vpn = report.network.vpn
    return vpn.state != "unknown" or any(o.step is Step.SYSTEM and o.detail.get("kind") == "vpn" for o in report.observations)
