"""Watching the VPN: one calm sentence in large type, the seconds, and what happened, while the person pulls the plug."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from app.texts import t
from app.vpn_words import watch_sentence, watch_warning
from diagnostics.model import Status
from ui.a11y import announce
from ui.screen import Screen
from ui.theme import Theme
from ui.vpn_backend import Said, WatchMoment
from ui.widgets import Button, Card, Label, column, drop

MOST_MOMENTS: Final = 20
"""Moments that are listed; of more, the latest."""

_DISPLAYS: Final = {"cut": "vpn_watch.cut", "none": "vpn_watch.none"}
"""What the large display says of moments at which it is not about inside and outside."""


_LEAKED: Final = ("alert", "warn")
"""How it looks that something was outside, and is inside again: no tick, since it was seen."""


class VpnWatchScreen(Screen):
    """A large sentence, a counter and a list; begins and ends with one button."""

    name = "vpn_watch"
    start_asked = Signal()
    stop_asked = Signal()

    def __init__(self, theme: Theme) -> None:
        """Build the screen; nothing is watched yet."""
        super().__init__(theme)
        self.watching = self._ended = False
        self._exam: Status | None = None
        self._problem: Said | None = None
        self._seconds = 0
        self._moments: list[WatchMoment] = []
        self._now = Card(theme, drawing="circle", role="muted")
        self._now.name.setProperty("rank", "title")
        self._before, self._warning = Label(state="warn", name="vpn_watch.before"), Label(state="warn", name="vpn_watch.warning")
        self._hint = Label(rank="muted", name="vpn_watch.hint")
        self.note = Label(state="warn", name="vpn_watch.note")
        self._title = Label(rank="name", name="vpn_watch.moments")
        self._list = column([])
        for part in (self._before, self._now, self._warning, self._hint, self.note, self._title, self._list):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.timer = QTimer(self)
        self.timer.setInterval(1000)
        self.timer.timeout.connect(self._tick)
        self.back = Button(theme, "vpn_watch.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self.primary = Button(theme, "vpn_watch.go", rank="primary")
        self.primary.clicked.connect(self._press)
        self.foot.fill([self.back, self.primary], far=1)

    def retranslate(self) -> None:
        """Write everything anew."""
        self.title.say(t("vpn_watch.title"))
        self.lead.say("" if self._moments else t("vpn_watch.lead"))  # what was seen needs the room more
        self.back.say(t("nav.back"))
        if self.primary is not None:
            self.primary.say(t("vpn_watch.stop" if self.watching else "vpn_watch.go"))
        warning = "" if self._left is not None else watch_warning(self._exam)
        self._before.say("" if self.watching else warning)  # while it is watched what is seen stands first
        self._warning.say(warning if self.watching else "")
        self._hint.say(t("vpn_watch.hint") if self.watching else "")
        self.note.say(self._problem.words() if self._problem is not None else "")
        self._show_now()
        self._show_moments()
        self.set_reading_order()

    def show_exam(self, exam: Status | None) -> None:
        """Take in what the exam of the VPN came to, if it was made: it says what happens when the plug is pulled."""
        self._exam = exam
        self.retranslate()

    @property
    def display(self) -> str:
        """Return what the large display says."""
        return self._now.name.accessibleName()

    def _show_now(self) -> None:
        latest = self._moments[-1] if self._moments else None
        if latest is None:
            waiting = ("dots", "accent") if self.watching else ("circle", "muted")
            sentence, (drawing, role) = t("vpn_watch.wait" if self.watching else "vpn_watch.ready"), waiting
        elif self._left is not None and latest.inside and latest.what not in _DISPLAYS:
            sentence, (drawing, role) = t("vpn_watch.returned", n=max(1, round(self._seconds_outside()))), _LEAKED
        else:
            sentence = t(_DISPLAYS.get(latest.what, "vpn_watch.inside" if latest.inside else "vpn_watch.outside"))
            drawing, role = _look(latest)
        word = t("vpn_watch.ended") if self._ended and not self.watching else ""
        first = self._sentence(self._left) if self._left is not None else ""
        counted = t("vpn_watch.seconds", n=self._seconds) if self._seconds or self.watching else ""
        self._now.say(sentence, word, f"{first} {counted}".strip(), drawing=drawing, role=role)

    @property
    def _left(self) -> WatchMoment | None:
        """Return the first moment at which anything was outside the VPN; what came afterwards does not undo it."""
        return next((moment for moment in self._moments if _outside(moment)), None)

    def _seconds_outside(self) -> float:
        ends = [moment.seconds for moment in self._moments[1:]] + [float(self._seconds)]
        return sum(max(0.0, end - moment.seconds) for moment, end in zip(self._moments, ends, strict=True) if _outside(moment))

    def _show_moments(self) -> None:
        self._title.say(t("vpn_watch.moments") if self._moments else "")
        box = self._list.layout()
        while box is not None and box.count():
            widget = box.takeAt(0).widget()
            if isinstance(widget, Card):
                drop(widget)
        for moment in reversed(self._moments[-MOST_MOMENTS:]):
            drawing, role = _look(moment)
            card = Card(self.theme, drawing=drawing, role=role)
            card.say(self._sentence(moment), "", "", drawing=drawing, role=role)
            if box is not None:
                box.addWidget(card)
                card.show()

    def _sentence(self, moment: WatchMoment) -> str:
        if moment is self._moments[0] and moment.what not in _DISPLAYS:
            return t("vpn_watch.began" if moment.inside else "vpn_watch.began_outside")
        return watch_sentence(inside=moment.inside, what=moment.what, seconds=moment.seconds)

    def first_focus(self) -> QWidget | None:
        """Begin with the button."""
        return self.primary

    # --- watching ---

    def _press(self) -> None:
        if self.watching:
            self.stop_asked.emit()
        else:
            self.start_asked.emit()

    def begin(self) -> None:
        """Show that the watching began."""
        self.watching, self._ended, self._seconds = True, False, 0
        self._moments.clear()
        self._problem = None
        self.timer.start()
        self.retranslate()

    def take(self, moment: WatchMoment) -> None:
        """Show what changed; a screen reader hears it."""
        if not self.watching:
            return
        self._moments.append(moment)
        self._seconds = max(self._seconds, round(moment.seconds))
        self.retranslate()
        returned = self._left is not None and moment.inside and moment.what not in _DISPLAYS
        announce(self, self.display if returned else self._sentence(moment))

    def end(self, problem: Said | None = None) -> None:
        """Show that the watching ended; what was seen stays."""
        if not self.watching:
            return
        self.watching, self._ended = False, True
        self.timer.stop()
        self._problem = problem
        self.retranslate()
        if self._left is not None:
            announce(self, self._now.accessibleName())

    def _tick(self) -> None:
        self._seconds += 1
        self._show_now()


def _outside(moment: WatchMoment) -> bool:
    """Tell whether something went beside the VPN from this moment on; without a VPN there is nothing to be beside of."""
    return not moment.inside and moment.what not in _DISPLAYS


def _look(moment: WatchMoment) -> tuple[str, str]:
    """Return drawing and role of a moment."""
    if moment.what in ("cut", "gap", "gone"):
        return "alert", "warn"
    if moment.what == "none":
        return "question", "muted"
    return ("check", "ok") if moment.inside else ("cross", "bad")
