"""The steps of a tip as a code for the phone: a page of its own, so that the code has all the room there is."""

from __future__ import annotations

from typing import Final

from app.texts import t
from ui.qr import QrCode
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Label

_NO_LIMIT: Final = (1 << 24) - 1
"""What Qt takes for no largest height: QWIDGETSIZE_MAX, logical pixels."""


class QrScreen(Screen):
    """One code, and what it holds."""

    name = "qr"

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._about, self._text, self._device = "", "", ""
        self.shown = ("", "")
        self.code = QrCode("qr.code")
        self.device = Label(rank="name", name="qr.device")
        self.body.addWidget(self.device)
        self.body.addWidget(self.code, 1)
        self.holds = Label(rank="muted", name="qr.holds")
        self.body.addWidget(self.holds)
        self.back = Button(theme, "qr.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self.foot.fill([self.back])
        self._scroll.verticalScrollBar().rangeChanged.connect(self._lead_to_code)  # once everything has its place, and whenever it moved

    def show_text(self, about: str, text: str, shown: tuple[str, str], device: str = "") -> None:
        """Show the code of ``text``, the steps of the tip called ``about`` for a kind of ``device``; ``shown`` are the ids of both."""
        self._about, self._text, self.shown, self._device = about, text, shown, device
        self.retranslate()

    def retranslate(self) -> None:
        """Put the words in; what the code holds comes from whoever asked for it."""
        self.title.say(t("qr.title"))
        self.lead.say(t("qr.lead"))
        self.device.say(t("qr.device", device=self._device) if self._device else "")
        self.holds.say(t("qr.holds"))
        self.back.say(t("nav.back"))
        if self._text:
            self.code.show_text(self._text, t("qr.code", tip=self._about))

    def enter(self) -> None:
        """Get ready to be seen, with the whole code in sight where the head does not leave it the room."""
        super().enter()
        self._lead_to_code()

    def _fit(self) -> None:
        """Where head and buttons scroll along, make the code as large as can be seen at once below the device's name."""
        super()._fit()
        seen = self._scroll.viewport().size()
        below = seen.height() - self.device.heightForWidth(seen.width()) - self.body.spacing()
        side = min(seen.width(), max(below, min(seen.height(), self.code.sizeHint().height()))) if self._together else 0
        least, most = (side, side) if side else (0, _NO_LIMIT)
        if (self.code.minimumHeight(), self.code.maximumHeight()) != (least, most):
            self.code.setMinimumHeight(least)
            self.code.setMaximumHeight(most)

    def _least_middle(self, height: int) -> float:
        return max(super()._least_middle(height), self.code.sizeHint().height() + self.device.sizeHint().height())

    def _lead_to_code(self) -> None:
        if self._together:
            self._scroll.ensureWidgetVisible(self.device, 0, 0)
            self._scroll.ensureWidgetVisible(self.code, 0, 0)  # last: of the two it matters more

    def first_focus(self) -> Button:
        """Put the focus on the way back."""
        return self.back

    def spoken(self) -> str:
        """Say what the code is of."""
        parts = (self.title.accessibleName(), self.device.accessibleName() if self._device else "", self.code.accessibleName())
        return ". ".join(part for part in parts if part)
