"""Colours and sizes: one table of tokens per scheme, one style sheet made from it.

Widgets carry properties (``rank``, ``state``) and roles, never colours.  The tables are ``resources/theme/*.toml``, the
icons single-colour drawings in ``resources/icons`` that are coloured by role when they are painted.
"""

from __future__ import annotations

import tomllib
from typing import Final

import msgspec
from PySide6.QtCore import QByteArray, QLibraryInfo, QObject, QSize, Qt, QTranslator, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

import resources

SCHEMES: Final = ("light", "dark", "contrast")
BASE_POINTS: Final = 10.5
"""Least size of ordinary text at 100 %, points; a system with a larger one keeps its own."""


class Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The colours of one scheme, named by what they are for; each ``#rrggbb``."""

    window: str
    surface: str
    text: str
    muted: str
    line: str
    edge: str
    accent: str
    on_accent: str
    ok: str
    warn: str
    bad: str
    ribbon: str
    on_ribbon: str

    def of(self, role: str) -> str:
        """Return the colour of a role."""
        return str(getattr(self, role))


PAIRS: Final[tuple[tuple[str, str, float], ...]] = (
    *((role, ground, 4.5) for ground in ("surface", "window") for role in ("text", "muted", "accent", "ok", "warn", "bad")),
    *(("edge", ground, 3.0) for ground in ("surface", "window")),
    ("on_accent", "accent", 4.5),
    ("on_ribbon", "ribbon", 4.5),
)
"""Every pair of colours that is used, and the least contrast it must have (WCAG 2: words 4.5, outlines 3.0)."""


def load_tokens(scheme: str) -> Tokens:
    """Return the tokens of ``light``, ``dark`` or ``contrast``."""
    return msgspec.convert(tomllib.loads(resources.text("theme", f"{scheme}.toml"))["tokens"], Tokens)


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def palette(tokens: Tokens) -> QPalette:
    """Return the palette that makes every stock widget follow the tokens."""
    role, result = QPalette.ColorRole, QPalette()
    for name, roles in {
        "window": (role.Window, role.AlternateBase),
        "surface": (role.Base, role.Button, role.ToolTipBase),
        "text": (role.WindowText, role.Text, role.ButtonText, role.ToolTipText),
        "muted": (role.PlaceholderText,),
        "accent": (role.Highlight, role.Link, role.Accent),
        "on_accent": (role.HighlightedText,),
        "edge": (role.Mid, role.Dark),
    }.items():
        for each in roles:
            result.setColor(each, QColor(tokens.of(name)))
    return result


def style_sheet(c: Tokens, points: float) -> str:
    """Return the one style sheet; ``points`` is the size of ordinary text."""
    states = "".join(f'QLabel[state="{role}"] {{ color: {c.of(role)}; font-weight: 600; }}' for role in ("ok", "warn", "bad", "muted"))
    large = points > BASE_POINTS * 1.4  # headings grow less than the text: they would fill a small window
    title, lead = points * (1.35 if large else 1.8), points * (1.0 if large else 1.1)
    return f"""
        QMainWindow, #shell, #page, #body {{ background: {c.window}; }}
        QScrollArea {{ background: transparent; border: 0; }}
        #ribbon {{ background: {c.ribbon}; border-bottom: 2px dashed {c.on_ribbon}; }}
        #ribbon QLabel {{ color: {c.on_ribbon}; font-weight: 600; }}
        #rail {{ background: {c.surface}; border: 0; border-right: 1px solid {c.line}; }}
        #card {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 10px; }}
        QLabel {{ background: transparent; }}
        QLabel[rank="title"] {{ font-size: {title:.1f}pt; font-weight: 700; }}
        QLabel[rank="lead"] {{ font-size: {lead:.1f}pt; color: {c.muted}; }}
        QLabel[rank="name"] {{ font-weight: 700; }}
        QLabel[rank="muted"] {{ color: {c.muted}; }} {states}
        QPushButton {{ padding: 7px 16px; border: 1px solid {c.edge}; border-radius: 8px;
                       background: {c.surface}; color: {c.text}; }}
        QPushButton:hover {{ border-color: {c.accent}; }}
        QPushButton:disabled {{ color: {c.muted}; border-color: {c.line}; }}
        QPushButton:flat {{ border-color: transparent; background: transparent; color: {c.accent}; }}
        QPushButton[rank="fold"] {{ color: {c.text}; font-weight: 700; padding: 4px 8px; text-align: left; }}
        QPushButton[rank="primary"] {{ border-color: {c.accent}; background: {c.accent}; color: {c.on_accent};
                                       font-weight: 600; padding: 9px 20px; }}
        QPushButton[rank="primary"]:disabled {{ background: {c.surface}; border-color: {c.line}; color: {c.muted}; }}
        QPushButton[rank="choice"] {{ padding: 11px 16px; text-align: left; }}
        QPushButton[rank="choice"]:checked {{ border: 2px solid {c.accent}; padding: 10px 15px; font-weight: 600; }}
        QPushButton[rank="rail"] {{ border-color: transparent; background: transparent; padding: 9px 8px; text-align: left; }}
        QPushButton[rank="rail"]:checked {{ background: {c.window}; color: {c.accent}; font-weight: 600; }}
        QLineEdit {{ padding: 8px 10px; border: 1px solid {c.edge}; border-radius: 8px; background: {c.surface}; color: {c.text}; }}
        QLineEdit:focus {{ border: 2px solid {c.accent}; padding: 7px 9px; }}
        QPlainTextEdit {{ border: 1px solid {c.edge}; border-radius: 8px; background: {c.surface}; color: {c.text}; padding: 6px; }}
        QPlainTextEdit:focus {{ border: 2px solid {c.accent}; padding: 5px; }}
        QProgressBar {{ background: {c.line}; border: 0; border-radius: 3px; max-height: 6px; min-height: 6px; }}
        QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
        QListView {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 10px; outline: 0; }}
        QTableWidget {{ background: {c.surface}; border: 1px solid {c.line}; border-radius: 10px; gridline-color: {c.line};
                        selection-background-color: {c.window}; selection-color: {c.text}; }}
        QTableWidget:focus {{ border: 2px solid {c.accent}; }}
        QTableWidget::item {{ padding: 3px 6px; }}
        QTableWidget::item:focus {{ border: 2px solid {c.accent}; padding: 1px 4px; color: {c.text}; }}
        QTableCornerButton::section {{ background: {c.surface}; border: 0; }}
        QHeaderView {{ background: {c.surface}; }}
        QHeaderView::section {{ background: {c.surface}; color: {c.text}; border: 0; padding: 4px 8px; font-weight: 600; }}
        QToolTip {{ background: {c.surface}; color: {c.text}; border: 1px solid {c.edge}; padding: 4px; }}
    """


class Theme(QObject):
    """The look that is in force: the tokens, the text size and the icons drawn in them."""

    changed = Signal()
    """The look was changed; whoever paints by itself paints again."""

    def __init__(self, app: QApplication, choice: str = "system", percent: int = 100) -> None:
        """Dress ``app``: Fusion, a scheme, a text size."""
        super().__init__(app)
        self._app = app
        self._choice = choice
        self._system_points = max(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).pointSizeF(), BASE_POINTS)
        self._pixmaps: dict[tuple[str, str, int, float, bool], QPixmap] = {}
        self._drawings: dict[str, str] = {}
        self._translator = QTranslator(self)
        self.percent = percent
        self.tokens = load_tokens(self._scheme())
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._system_changed)
        self._apply()

    @property
    def points(self) -> float:
        """Return the size of ordinary text, points."""
        return self._system_points * self.percent / 100

    @property
    def font(self) -> QFont:
        """Return the font of ordinary text, for whoever draws it."""
        return QFont(self._app.font())

    @property
    def unit(self) -> float:
        """Return how much larger than usual everything is that goes with the text."""
        return self.percent / 100

    def set(self, choice: str, percent: int) -> None:
        """Change the scheme (``system``, ``light``, ``dark``, ``contrast``) and the text size, at once."""
        self._choice, self.percent = choice, percent
        self.tokens = load_tokens(self._scheme())
        self._apply()

    def speak(self, code: str) -> None:
        """Let Qt's own dialogs (choose a folder) speak a language too; English is theirs."""
        self._app.removeTranslator(self._translator)
        if code != "en" and self._translator.load(f"qtbase_{code}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
            self._app.installTranslator(self._translator)

    def icon(self, drawing: str, role: str, size: int = 18) -> QIcon:
        """Return an icon in the colour of a role."""
        return QIcon(self.pixmap(drawing, role, round(size * self.unit)))

    def pixmap(self, drawing: str, role: str, size: int, *, ratio: float = 2.0, disc: bool = False) -> QPixmap:
        """Return a drawing in the colour of a role, ``size`` logical pixels wide; ``disc`` puts it on a pale disc."""
        key = (drawing, role, size, ratio, disc)
        if key not in self._pixmaps:
            self._pixmaps[key] = self._draw(drawing, self.tokens.of(role), size, ratio, disc=disc)
        return self._pixmaps[key]

    def _draw(self, drawing: str, colour: str, size: int, ratio: float, *, disc: bool) -> QPixmap:
        if drawing not in self._drawings:
            self._drawings[drawing] = resources.text("icons", f"{drawing}.svg")
        svg = self._drawings[drawing].replace("currentColor", colour)
        if disc:
            body = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
            svg = (
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
                f'<circle cx="12" cy="12" r="12" fill="{colour}" fill-opacity=".14"/>'
                f'<g transform="translate(3.6 3.6) scale(.7)">{body}</g></svg>'
            )
        pixmap = QPixmap(QSize(size, size) * ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        QSvgRenderer(QByteArray(svg.encode())).render(painter)
        painter.end()
        pixmap.setDevicePixelRatio(ratio)
        return pixmap

    def _scheme(self) -> str:
        if self._choice in SCHEMES:
            return self._choice
        dark = self._app.styleHints().colorScheme() is Qt.ColorScheme.Dark
        return "dark" if dark else "light"

    def _system_changed(self) -> None:
        if self._choice not in SCHEMES:
            self.set(self._choice, self.percent)

    def _apply(self) -> None:
        self._pixmaps.clear()
        font = QFont(self._app.font())
        font.setPointSizeF(self.points)
        self._app.setFont(font)
        self._app.setPalette(palette(self.tokens))
        self._app.setStyleSheet(style_sheet(self.tokens, self.points))
        self.changed.emit()
