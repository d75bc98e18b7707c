"""The VPN of this computer: a picture of what goes inside it, what was checked, and what can be tried, each explained first."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.texts import t
from app.vpn_summary_words import vpn_finding
from app.vpn_words import (
    beside,
    beside_sentence,
    check_sentence,
    check_title,
    check_word,
    checks_in_order,
    vpn_names,
    vpn_sentence,
    vpn_state_word,
    watch_warning,
    way_words,
)
from app.wording import name_of
from diagnostics.model import Status, VpnVerdict
from ui.fold import Fold
from ui.layouts import Flow
from ui.looks import look
from ui.screen import Screen
from ui.theme import Theme
from ui.tunnel_picture import TunnelPicture
from ui.vpn_flow import VpnShown
from ui.widgets import Button, Card, Label, Mark, Notice, Row, column, drop


class VpnScreen(Screen):
    """State, checks, and three things that are explained before they can be done."""

    name = "vpn"
    check_asked = Signal()
    stop_asked = Signal()
    profile_asked = Signal()
    watch_asked = Signal()
    kill_asked = Signal()
    compare_asked = Signal()
    advice_asked = Signal()
    save_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen; what is known comes with :meth:`show_known`."""
        super().__init__(theme)
        self._shown = VpnShown()
        self._note_words: Callable[[], str] = str
        self.finding = Notice(theme, "vpn.finding")
        self.head.insertWidget(1, self.finding)  # what is wrong, before which VPN it is about
        self._state = Label(rank="name", name="vpn.state")
        self.picture = TunnelPicture(theme)
        self._todo = Label(rank="muted", name="vpn.todo")
        self._asks = Label(rank="muted", name="vpn.asks")
        self.note = Label(state="warn", name="vpn.note")
        self._checks_title = Label(rank="name", name="vpn.checks")
        self._checks = column([])
        for part in (self._state, self.picture, self._todo, self._asks, self.note, self._checks_title, self._checks):
            self.body.addWidget(part)
        self._build_folds()
        self.body.addStretch(1)
        self._build_foot()

    def _build_foot(self) -> None:
        self.back = Button(self.theme, "vpn.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self._save = self._button("vpn.save", self.save_asked)
        self._go = Button(self.theme, "vpn.go", rank="primary")
        self._go.clicked.connect(self._press)
        self._try = self._button("vpn.try", self.profile_asked)
        self._advice = self._button("vpn.advice", self.advice_asked)
        self.primary = self._go
        self.foot.fill([self.back, self._save, self._go, self._try, self._advice])

    def _build_folds(self) -> None:
        theme = self.theme
        self._profile_why = Label(rank="muted", name="vpn.profile.why")
        self._profile = self._button("vpn.profile.open", self.profile_asked)
        self._kill_why, self._kill_short = Label(rank="muted", name="vpn.kill.why"), Label(rank="muted", name="vpn.kill.short")
        self._kill = self._button("vpn.kill.go", self.kill_asked)
        self._kill_said = Notice(theme, "vpn.kill.said")
        self._watch_why = Label(rank="muted", name="vpn.watch.why")
        self._watch_risk = Label(state="warn", name="vpn.watch.risk")
        self._watch = self._button("vpn.watch.open", self.watch_asked)
        self._outside_why, self._outside_seen = Label(rank="muted", name="vpn.outside.why"), Label(rank="muted", name="vpn.outside.seen")
        self._compare = self._button("vpn.outside.go", self.compare_asked)
        self._compared_said, self._compared = Label(rank="name", name="vpn.outside.said"), column([])
        self._only_with_vpn = [Label(rank="muted", name=f"vpn.needs_one.{number}") for number in range(3)]
        first, second, third = self._only_with_vpn
        self._folds = {
            "profile": Fold(theme, "vpn.profile.fold", [self._profile_why, Row([self._profile])]),
            "outside": Fold(
                theme,
                "vpn.outside.fold",
                [self._outside_why, self._outside_seen, first, Row([self._compare]), self._compared_said, self._compared],
            ),
            "kill": Fold(theme, "vpn.kill.fold", [self._kill_why, self._kill_short, second, Row([self._kill]), self._kill_said]),
            "watch": Fold(theme, "vpn.watch.fold", [self._watch_why, self._watch_risk, third, Row([self._watch])]),
        }
        self.body.addSpacing(8)
        for fold in self._folds.values():
            fold.unfolded.connect(self.set_reading_order)
            self.body.addWidget(fold)

    def _button(self, name: str, asked: SignalInstance) -> Button:
        button = Button(self.theme, name)
        button.clicked.connect(asked)
        return button

    # --- words ---

    def show_known(self, shown: VpnShown) -> None:
        """Show what is known now."""
        if shown.busy and not self._shown.busy:
            self._note_words = str
        self._shown = shown
        self.retranslate()

    def tell(self, words: Callable[[], str]) -> None:
        """Say something about what was asked for; it follows the language."""
        self._note_words = words
        self.note.say(words())

    def unfold(self, name: str) -> None:
        """Unfold one part and put the focus on its heading."""
        self._folds[name].open()
        self._folds[name].button.setFocus()

    def retranslate(self) -> None:
        """Write everything anew."""
        shown = self._shown
        vpn, none = shown.vpn, shown.vpn.state == "none"
        self.title.say(t("vpn.title"))
        self.lead.say(vpn_sentence(vpn))
        finding = "" if shown.busy else vpn_finding(shown.advised)
        self.finding.say(finding if finding != vpn_sentence(vpn) else "", drawing="alert", role="warn")
        self._state.say(vpn_state_word(vpn) if vpn_names(vpn) else "")
        self.picture.show_vpn(self._seen())
        self._todo.say(t("vpn.computer.none.todo") if none else "")
        self._asks.say(t(f"vpn.busy.{shown.busy}") if shown.busy else "" if shown.checked else t("vpn.asks.body"))
        self.note.say(self._note_words())
        self._say_folds(none=none)
        self._say_foot(none=none, helps=bool(finding))
        for button in (self._kill, self._compare, self._profile, self._watch):
            button.setEnabled(not shown.busy)
        self._show_checks()
        self._show_compared()
        self._show_kill()
        self.set_reading_order()

    def _say_folds(self, *, none: bool) -> None:
        for name, fold in self._folds.items():
            fold.button.say(t(f"vpn.{name}.fold"))
        for label in self._only_with_vpn:
            label.say(t("vpn.needs_one") if none else "")
        self._profile_why.say(t("vpn.profile.why.body"))
        self._profile.say(t("vpn.profile.open"))
        self._kill_why.say(t("vpn.kill.why.body"))
        self._kill_short.say(t("vpn.kill.short.body"))
        self._kill.say(t("vpn.kill.go"))
        self._watch_why.say(t("vpn.watch.why.body"))
        kill = self._shown.kill
        self._watch_risk.say("" if none else watch_warning(kill.status if kill is not None else None))
        self._watch.say(t("vpn.watch.open"))
        self._outside_why.say(t("vpn.outside.why.body"))
        self._outside_seen.say(t("vpn.outside.seen.body", names=self._shown.names))
        self._compare.say(t("vpn.outside.go"))

    def _say_foot(self, *, none: bool, helps: bool) -> None:
        """Show the buttons that make sense now; the one that is the next step stands out."""
        shown = self._shown
        self.back.say(t("nav.back"))
        self._save.say(t("result.save"))
        self._try.say(t("vpn.profile.open"))
        self._advice.say(t("result.todo"))
        self._go.say(t("vpn.stop" if shown.busy else "vpn.go.again" if shown.checked else "vpn.go"))
        self._save.setVisible(shown.saves and not shown.busy)
        self._try.setVisible(none and not shown.busy)
        self._advice.setVisible(helps)
        self._folds["profile"].setVisible(not none)
        known = shown.checked or shown.saves  # a look at the settings alone is a beginning: then a check comes first
        self.primary = self._advice if helps and known else self._try if none and not shown.busy else self._go
        quiet = [button for button in (self._save, self._advice, self._go, self._try) if button is not self.primary]
        for button in (*quiet, self.primary):
            button.set_rank("primary" if button is self.primary else "")
        self.foot.fill([self.back, *quiet, self.primary], far=sum(button.isVisibleTo(self.foot) for button in (*quiet, self.primary)))

    def _seen(self) -> VpnVerdict:
        """Return what may be shown of the VPN; while it is checked anew, nothing of what was found before."""
        vpn = self._shown.vpn
        return msgspec.structs.replace(vpn, checks=()) if self._shown.busy == "check" else vpn

    def _press(self) -> None:
        if self._shown.busy:
            self.stop_asked.emit()
        else:
            self.check_asked.emit()

    # --- what was found out ---

    def spoken_outcome(self) -> str:
        """Return what a screen reader says at the end of a check: what is wrong first."""
        return " ".join(part for part in (self.finding.words, self.lead.accessibleName()) if part)

    def _show_checks(self) -> None:
        checks = checks_in_order(self._seen())
        nothing = self._shown.checked and self._shown.busy != "check"
        self._checks_title.say(t("vpn.checks") if checks else t("vpn.checks.none") if nothing else "")
        _clear(self._checks)
        for check in checks:
            drawing, role = look(check.status)
            card = Card(self.theme, drawing=drawing, role=role)
            card.say(check_title(check), check_word(check), check_sentence(check), drawing=drawing, role=role)
            _put(self._checks, card)

    def _show_kill(self) -> None:
        check = self._shown.kill
        drawing, role = look(check.status if check is not None else Status.UNKNOWN)
        self._kill_said.say(check_sentence(check) if check is not None else "", drawing=drawing, role=role)

    def _show_compared(self) -> None:
        report = self._shown.compared
        self._compared_said.say(
            (beside_sentence(report) or ("" if beside(report) else t("vpn.outside.none"))) if report is not None else ""
        )
        _clear(self._compared)
        if report is None:
            return
        for target, through, past in beside(report):
            drawing, role = look(through)
            card, name = Card(self.theme, drawing=drawing, role=role, below=self._two(through, past)), name_of(target, report)
            card.say(name, "", "", drawing=drawing, role=role)
            words = [way_words(kind, status) for kind, status in (("with", through), ("without", past))]
            card.setAccessibleName(". ".join([name, *words]) + ".")
            _put(self._compared, card)

    def _two(self, through: Status, past: Status) -> QWidget:
        """Return how a service fares with the VPN and without it, side by side while they fit."""
        holder = QWidget()
        flow = Flow(holder)
        for kind, status in (("with", through), ("without", past)):
            drawing, role = look(status)
            way = QWidget()
            box = QHBoxLayout(way)
            box.setContentsMargins(0, 2, 8, 2)
            box.setSpacing(6)
            box.addWidget(Mark(self.theme, drawing, role, 18, disc=False))
            box.addWidget(Label(way_words(kind, status), short=True), 1)
            flow.addWidget(way)
        return holder


def _clear(holder: QWidget) -> None:
    box = holder.layout()
    while box is not None and box.count():
        widget = box.takeAt(0).widget()
        if isinstance(widget, Card):
            drop(widget)


def _put(holder: QWidget, card: Card) -> None:
    box = holder.layout()
    if box is not None:
        box.addWidget(card)
        card.show()
