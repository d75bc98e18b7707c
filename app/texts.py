"""Every text of Atajo by id, in the person's language; numbers, durations and moments written as they are there.

The engine, the terminal, the report and the window share these texts (``resources/i18n``), so nothing here needs Qt.
A text is a table ``[section.id]`` with ``text``, or with ``one`` and ``other`` for a count ``n``.  A gap in a language is
filled from English, and at last with the id itself; with ``ATAJO_STRICT_TEXTS=1`` (tests) a gap raises KeyError instead.
``ATAJO_PSEUDO=200`` grows every text to 200 % between ⟦ ⟧, to see what a long translation would do to a layout.
"""

from __future__ import annotations

import datetime as dt
import locale
import math
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import resources

LANGUAGES: Final = ("es", "en")
DEFAULT_LANGUAGE: Final = "es"
FALLBACK_LANGUAGE: Final = "en"

_FORMS: Final = frozenset({"text", "one", "other"})
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_COUNTS: Final = frozenset({"n", "done", "total"})  # placeholders that are grouped like 1.234; others may be years or ports
_MOST: Final = 1e15  # above it a double no longer counts single units, and nobody reads the digits

Forms = Mapping[str, str]


class _Speaker:
    """The language that is spoken now: the one thing here that changes."""

    def __init__(self) -> None:
        self.language: str = DEFAULT_LANGUAGE


_speaker = _Speaker()


# --- the language ---------------------------------------------------------------------------------


def set_language(code: str) -> None:
    """Speak ``code`` ("es" or "en") from now on.  Raises ValueError for a language that Atajo does not have."""
    if code not in LANGUAGES:
        message = f"{code!r} is none of {', '.join(LANGUAGES)}"
        raise ValueError(message)
    _speaker.language = code


def language() -> str:
    """Return the language that is spoken now."""
    return _speaker.language


def detect_language() -> str:
    """Return this computer's language if Atajo has it, else Spanish, the language it is written in.

    The environment comes first (POSIX: LC_ALL, LC_MESSAGES, LANG); Windows and macOS may leave it empty and tell
    Python's locale module instead.
    """
    names = [os.environ.get(variable) for variable in ("LC_ALL", "LC_MESSAGES", "LANG")]
    name = next((each for each in names if each), None) or locale.getlocale()[0] or ""
    code = re.split(r"[_.\-@ ]", name.lower())[0]
    by_name = {"spanish": "es", "english": "en"}  # Windows writes "Spanish_Venezuela"
    code = by_name.get(code, code)
    return code if code in LANGUAGES else DEFAULT_LANGUAGE


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak another language for a while.  Raises ValueError like :func:`set_language`."""
    before = _speaker.language
    set_language(code)
    try:
        yield
    finally:
        set_language(before)


# --- texts ----------------------------------------------------------------------------------------


def t(text_id: str, **values: object) -> str:
    """Return a text with ``values`` in its placeholders; ``n`` also chooses between one and other.

    Values are put in as they are and never read as placeholders themselves.  A missing id gives the id, a missing value
    leaves its placeholder; with ``ATAJO_STRICT_TEXTS=1`` both raise KeyError.
    """
    forms = _find(text_id)
    if forms is None:
        if _strict():
            raise KeyError(text_id)
        return text_id
    return _grown(_filled(text_id, _form(forms, values.get("n")), values))


def has_text(text_id: str) -> bool:
    """Tell whether there is such a text, in this language or in the one that fills its gaps."""
    return _find(text_id) is not None


def catalogue(code: str) -> Mapping[str, Mapping[str, Any]]:
    """Return every entry of a language by its id, with its forms and what is noted for translators."""
    return _load(code)


def _find(text_id: str) -> Forms | None:
    return _load(_speaker.language).get(text_id) or _load(FALLBACK_LANGUAGE).get(text_id)


def _form(forms: Forms, n: object) -> str:
    """Return the form for a count; both languages use ``one`` for exactly 1 only."""
    if "text" in forms:
        return forms["text"]
    return forms["one"] if n == 1 and "one" in forms else forms["other"]


def _filled(text_id: str, text: str, values: Mapping[str, object]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            if _strict():
                message = f"{text_id}: {name}"
                raise KeyError(message)
            return found[0]
        given = values[name]
        return number(given) if name in _COUNTS and isinstance(given, int) else str(given)

    return _PLACEHOLDER.sub(value, text)


def _strict() -> bool:
    return os.environ.get("ATAJO_STRICT_TEXTS") == "1"


def _grown(text: str) -> str:
    """Return the text as the pseudo-locale shows it: its own words over again until it is long enough."""
    wanted = os.environ.get("ATAJO_PSEUDO", "")
    if not wanted.isascii() or not wanted.isdigit():
        return text
    length = min(len(text) * int(wanted) // 100, len(text) * 10)
    copies = length // (len(text) + 1) + 1
    return f"⟦{' '.join([text] * copies)[: max(length, len(text))]}⟧"


@cache
def _load(code: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the entries of a language; read once, a few milliseconds."""
    found: dict[str, Mapping[str, Any]] = {}
    _collect(tomllib.loads(resources.text("i18n", f"{code}.toml")), "", found)
    return found


def _collect(table: Mapping[str, Any], path: str, found: dict[str, Mapping[str, Any]]) -> None:
    """Gather the entries below a table; a table may be an entry and hold others (home.add, home.add.hint)."""
    own = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    if _FORMS & own.keys():
        found[path] = own
    for key, value in table.items():
        if isinstance(value, Mapping):
            _collect(value, f"{path}.{key}" if path else key, found)


# --- numbers, durations, moments, lists -------------------------------------------------------------


def number(value: float, digits: int = 0) -> str:
    """Return a number with ``digits`` decimals: 1.234,5 in Spanish (as in Venezuela), 1,234.5 in English."""
    if not math.isfinite(value):
        return "\u2013"
    text = f"{value:,.{digits}f}" if abs(value) < _MOST else f"{value:.1e}"
    return text.translate(str.maketrans(",.", ".,")) if _speaker.language == "es" else text


def seconds(value: float) -> str:
    """Return a duration in seconds as a person reads it: «0,3 s» / “0.3 s”, with a no-break space.

    Two decimals below 0.1 s, one below 10 s, none above; never milliseconds, and never "0.0".
    """
    if value < 0 or not math.isfinite(value):
        return t("unit.seconds", value="\u2013")
    if value < 0.095:
        return t("unit.seconds", value=number(max(value, 0.01), 2))
    return t("unit.seconds", value=number(value, 1 if value < 9.95 else 0))


def when(moment: dt.datetime, now: dt.datetime | None = None) -> str:
    """Return a moment as the window shows it: «hoy 3:04 p. m.», «ayer 9:12 a. m.», «9 ago 2026, 3:04 p. m.».

    ``moment`` with a time zone is turned into this computer's; ``now`` defaults to this moment.
    """
    local = _local(moment)
    today = _local(now or dt.datetime.now(dt.UTC)).date()
    half = "when.morning" if local.hour < 12 else "when.afternoon"
    time = t(half, time=f"{local.hour % 12 or 12}:{local.minute:02}")
    if local.date() == today:
        return t("when.today", time=time)
    if local.date() == today - dt.timedelta(days=1):
        return t("when.yesterday", time=time)
    return t("when.date", day=local.day, month=_month(local), year=local.year, time=time)


def day(date: dt.date) -> str:
    """Return a day as people write it: «9 ago 2026»."""
    return t("when.day", day=date.day, month=_month(date), year=date.year)


def _month(date: dt.date) -> str:
    months = _form(_find("when.months") or {"text": ""}, None).split()
    return months[date.month - 1] if len(months) == 12 else str(date.month)


def join_names(names: Iterable[str] | Sequence[str]) -> str:
    """Return names as one phrase: «X, WhatsApp y Signal»; Spanish says «e» before an i sound («X e Instagram»)."""
    listed = [name for name in names if name]
    if len(listed) < 2:
        return "".join(listed)
    last = listed[-1]
    word = t("list.and")
    if _speaker.language == "es" and re.match(r"(i|í|hi(?!e|a|o))", last, re.IGNORECASE):
        word = "e"
    return f"{', '.join(listed[:-1])} {word} {last}"


def _local(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone() if moment.tzinfo else moment
