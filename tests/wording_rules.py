"""The rules of wording that a machine can keep: each function takes a text and returns what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

PLACEHOLDER: Final = re.compile(r"\{[a-z0-9_]+\}")
QUOTED: Final = re.compile(r"«[^»]*»|“[^”]*”")
WORD: Final = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
NO_BREAK_SPACE: Final = "\u00a0"

MAX_TITLE: Final = 40
MAX_TITLE_WORDS: Final = 8
MAX_TEXT: Final = 140
MAX_BODY: Final = 200
MAX_SENTENCE_WORDS: Final = 20

JARGON: Final = re.compile(
    r"\b(DNS|TLS|SNI|TCP|UDP|RST|IP|IPv[46]|HTTPS?|handshake|timeout|endpoint|host|certificad\w*|certificate\w*|anomal\w*|middlebox)\b"
    r"|error fatal|fatal error",
    re.IGNORECASE,
)
CAPITALS_ALLOWED: Final = frozenset(
    {"X", "VPN", "MB", "PDF", "HTML", "ZIP", "Wi-Fi", "SOCKS", "SSH", "SSTP", "TP", "TUIC", "VLESS", "WhatsApp", "JSON", "QR", "AM", "PM"}
)

NOT_TU: Final = re.compile(
    r"\b(usted|ustedes|vos|vosotros|vuestr\w+"
    r"|abra|escriba|elija|espere|guarde|haga|intente|pegue|presione|pruebe|pulse|quite|revise|seleccione|vuelva|acepte"
    r"|tenés|podés|querés|sabés|abrí|acercate|elegí|escribí|esperá|fijate|guardá|hacé|mirá|pegá|probá|quitá|revisá|volvé)\b",
    re.IGNORECASE,
)
OTHER_WORDS: Final = {
    "es": re.compile(
        r"\b(ordenador\w*|computador|añad\w+|contraseña\w*|salvar|móvil|proxys|proxies"
        r"|cancel\w+|elimin\w+|suprim\w+|test\w+|chequ\w+|comproba\w+|comprueb\w+|verific\w+)\b",
        re.IGNORECASE,
    ),
    "en": re.compile(r"\b(delet\w+|cancel\w*|verif\w+|abort\w*|please)\b", re.IGNORECASE),
}
VERDICT_SYNONYMS: Final = re.compile(
    r"\b(caíd[oa]s?|censurad[oa]s?|sospechos[oa]s?|prohibid[oa]s?|censored|suspicious|banned|forbidden|anomaly)\b", re.IGNORECASE
)
BARE_BUTTONS: Final = frozenset({"aceptar", "ok", "sí", "no", "yes", "cancelar", "cancel", "accept"})


def shown(text: str) -> str:
    """Return a text with every placeholder replaced by one word of one letter."""
    return PLACEHOLDER.sub("X", text)


def sentences(text: str) -> list[str]:
    """Split a text into sentences; a dot inside a name, a number or "p. m." ends none."""
    return [part for part in re.split(r"(?<=[.?:])\s+(?=[A-ZÁÉÍÓÚÑ¿«“])|(?<=;)\s+", shown(text)) if part]


def words(text: str) -> int:
    """Count words."""
    return len(shown(text).split())


def title_faults(text: str) -> Iterator[str]:
    """A title is short and uses no other word for a verdict."""
    if len(shown(text)) > MAX_TITLE:
        yield f"title of {len(shown(text))} characters, more than {MAX_TITLE}"
    if words(text) > MAX_TITLE_WORDS:
        yield f"title of {words(text)} words, more than {MAX_TITLE_WORDS}"
    if found := VERDICT_SYNONYMS.search(text):
        yield f"another word for a verdict: {found[0]}"


def length_faults(text: str, limit: int = MAX_TEXT) -> Iterator[str]:
    """A text fits its place and a sentence one breath."""
    if len(shown(text)) > limit:
        yield f"{len(shown(text))} characters, more than {limit}"
    for sentence in sentences(text):
        if words(sentence) > MAX_SENTENCE_WORDS:
            yield f"sentence of {words(sentence)} words: {sentence}"


def jargon_faults(text: str) -> Iterator[str]:
    """No jargon and no shouting; words of other programs, in quotation marks, stay as they are there."""
    plain = QUOTED.sub("X", shown(text))
    if found := JARGON.search(plain):
        yield f"jargon: {found[0]}"
    for word in WORD.findall(plain):
        if len(word) > 1 and word.isupper() and word not in CAPITALS_ALLOWED:
            yield f"capitals: {word}"
    if "!" in plain or "¡" in plain:
        yield "exclamation mark"


def speech_faults(text: str, language: str) -> Iterator[str]:
    """Tú and never usted or vos, and one verb for one thing."""
    plain = QUOTED.sub("X", shown(text))
    if language == "es" and (found := NOT_TU.search(plain)):
        yield f"not tú: {found[0]}"
    if found := OTHER_WORDS[language].search(plain):
        yield f"a word that is another one here: {found[0]}"
    if language == "es" and "?" in text and "¿" not in text:
        yield "a question without its first mark"


def mark_faults(text: str, language: str) -> Iterator[str]:
    """Quotation marks of the language, one ellipsis, no-break spaces before units and in "p. m."."""
    wrong = {"es": '“”"', "en": '«»"'}[language]
    if any(mark in text for mark in wrong):
        yield f"quotation marks of another language: one of {wrong}"
    if text.count("«") != text.count("»") or text.count("“") != text.count("”"):
        yield "a quotation mark without its other half"
    if "..." in text:
        yield "three dots instead of …"
    if re.search(r"(\d|\{seconds\}) (s|ms|min|h|MB|kB|GB|%|Mbit|kbit)\b", text) or re.search(r"\b[ap]\. ?m\.", text):
        yield "an ordinary space, or none, where a no-break space belongs"
    if text != text.strip() or "  " in text:
        yield "spaces at an end or doubled"
