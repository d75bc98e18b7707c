"""The steps of a tip as a code for the phone: a page of its own, so that the code has all the room there is."""

from __future__ import annotations

from app.texts import t
from ui.qr import QrCode
from ui.screen import Screen
from ui.theme import Theme
from ui.widgets import Button, Label


class QrScreen(Screen):
    """One code, and what it holds."""

    name = "qr"

    def __init__(self, theme: Theme) -> None:
        """Build the screen."""
        super().__init__(theme)
        self._about, self._text = "", ""
        self.shown = ("", "")
        self.code = QrCode("qr.code")
        self.body.addWidget(self.code, 1)
        self.holds = Label(rank="muted", name="qr.holds")
        self.body.addWidget(self.holds)
        self.back = Button(theme, "qr.back", rank="flat", icon="back")
        self.back.clicked.connect(self.escaped)
        self.foot.fill([self.back])

    def show_text(self, about: str, text: str, shown: tuple[str, str]) -> None:
        """Show the code of ``text``, the steps of the tip called ``about``; ``shown`` are the ids of tip and kind of device."""
        self._about, self._text, self.shown = about, text, shown
        self.retranslate()

    def retranslate(self) -> None:
        """Put the words in; what the code holds comes from whoever asked for it."""
        self.title.say(t("qr.title"))
        self.lead.say(t("qr.lead"))
        self.holds.say(t("qr.holds"))
        self.back.say(t("nav.back"))
        if self._text:
            self.code.show_text(self._text, t("qr.code", tip=self._about))

    def first_focus(self) -> Button:
        """Put the focus on the way back."""
        return self.back

    def spoken(self) -> str:
        """Say what the code is of."""
        return f"{self.title.accessibleName()}. {self.code.accessibleName()}"
