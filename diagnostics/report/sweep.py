"""The second line: what is about to be written is searched once more for everything that is known of this computer.

``redaction.py`` works on the document; this works on the bytes that leave, whatever drew them, and knows nothing of documents.  A
secret is looked for as it is, in either case, and as URL, HTML, JSON, base64, hexadecimal or UTF-16 would write it.  What is found is
replaced where that is safe: the result still reads, and nothing is found any more.  Else nothing is written at all.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import quote, unquote

from diagnostics.errors import InputError
from diagnostics.report.addresses import parse, spellings
from diagnostics.report.secrets import SHORTEST_WORD, Secrets, public_words

REMOVED: Final = "[removed]"
SHORTEST_ENCODED: Final = 6
"""Bytes from which on a secret is looked for in base64 and the like: fewer give letters that occur by chance."""

_SHORTEST_CORE: Final = 7
_RUN: Final = "[A-Za-z0-9+/=_-]*"
_CODED: Final = re.compile(rf"[a-z0-9+/_-]{{{_SHORTEST_CORE},}}")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_LETTERS: Final = {"n": " ", "r": " ", "t": " ", "b": " ", "f": " "}


def sweep(content: bytes, secrets: Secrets, *, ours: str = "", reads: Callable[[bytes], object] | None = None) -> bytes:
    """Return what may be written: ``content`` itself, or with ``[removed]`` where a secret stood.

    ``ours``: what every copy of Atajo writes (titles, headings, style): a word of it is no secret there.  ``reads`` raises InputError for
    bytes that are no longer what they have to be.  Raises InputError("error.report_not_clean").
    """
    text = content.decode("utf-8", "surrogateescape")
    needles = _Needles(secrets, ours)
    if not needles.found_in(text):
        return content
    cleaned = needles.replaced(text)
    if needles.found_in(cleaned):
        raise InputError("error.report_not_clean")
    written = cleaned.encode("utf-8", "surrogateescape")
    if reads is not None:
        try:
            reads(written)
        except InputError as error:
            raise InputError("error.report_not_clean") from error
    return written


class _Needles:
    """Everything that is searched: as it is, and encoded."""

    def __init__(self, secrets: Secrets, ours: str) -> None:
        common = ours.lower()
        words = {(text, True) for text in _words(secrets)} | {(text, False) for text in _parts(secrets)}
        self._plain = {text.lower(): _pattern(text, bounded=bounded) for text, bounded in words if text.lower() not in common}
        encoded = {*secrets.addresses, *(text for text, _ in words if parse(text) is None and text not in _spelt(secrets))}
        self._cores = {core.lower() for text in encoded for core in _cores(text)}

    def found_in(self, text: str) -> bool:
        """Tell whether anything is in a text, or in what a reader would make of it."""
        for view in _views(text):
            low = view.lower()
            runs = "\n".join(dict.fromkeys(_CODED.findall(low)))  # a large report says the same thousands of times
            if any(core in runs for core in self._cores):
                return True
            if any(word in low and pattern.search(view) for word, pattern in self._plain.items()):
                return True
        return False

    def replaced(self, text: str) -> str:
        """Return the text without what can be replaced where it stands."""
        low = text.lower()
        for core in self._cores:
            if core in low:
                text = re.sub(f"(?i){_RUN}{re.escape(core)}{_RUN}", REMOVED, text)
        for word, pattern in self._plain.items():
            text = pattern.sub(REMOVED, text) if word in low else text
            for written in _written(word):
                text = re.sub(f"(?i){re.escape(written)}", REMOVED, text) if written.lower() in low else text
        return text


def _words(secrets: Secrets) -> Iterator[str]:
    """Yield what counts only as a word of its own."""
    named = (secrets.user_names, secrets.host_names, secrets.network_names, secrets.domains, secrets.macs)
    yield from (text for group in named for text in group if len(text) >= SHORTEST_WORD and text.lower() not in public_words())
    for mac in secrets.macs:
        yield from (re.sub("[:-]", joiner, mac) for joiner in ("", ":", "-"))
    yield from _spelt(secrets)


def _spelt(secrets: Secrets) -> frozenset[str]:
    """Return this computer's addresses as they are, and as names and numbers write them."""
    known = [address for text in secrets.addresses if (address := parse(text)) is not None and not address.is_loopback]
    return frozenset(text for address in known for text in (str(address), address.exploded, *spellings(address)))


def _parts(secrets: Secrets) -> Iterator[str]:
    """Yield what counts wherever it stands."""
    yield from (text for text in (*secrets.homes, *secrets.others) if len(text) >= SHORTEST_WORD)


def _pattern(text: str, *, bounded: bool) -> re.Pattern[str]:
    if not bounded:
        return re.compile(re.escape(text), re.IGNORECASE)
    if parse(text) is None:
        return re.compile(rf"(?<![^\W_]){re.escape(text)}(?![^\W_])", re.IGNORECASE)
    return re.compile(rf"(?<![0-9A-Fa-f:.]){re.escape(text)}(?![0-9A-Fa-f:]|\.\d)", re.IGNORECASE)


def _cores(text: str) -> Iterator[str]:
    """Yield what is the same in every hexadecimal and base64 text that a secret is in, whatever stands before and behind it."""
    for each in {text, text.lower(), text.upper(), text.swapcase()}:
        raw = each.encode("utf-8", "surrogateescape")
        if len(raw) < SHORTEST_ENCODED:
            continue
        for coded in (raw, each.encode("utf-16-le", "surrogatepass"), each.encode("utf-16-be", "surrogatepass")):
            yield coded.hex()
            yield from (core for core in _base64(coded) if len(core) >= _SHORTEST_CORE)


def _base64(raw: bytes) -> Iterator[str]:
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode()
        core = whole[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        yield from {core, core.replace("+", "-").replace("/", "_")}


def _written(word: str) -> Iterable[str]:
    """Return how URLs, HTML and JSON write a word that holds anything but letters and digits."""
    escaped = "".join(character if character.isascii() else f"\\u{ord(character):04x}" for character in word if ord(character) < 1 << 16)
    forms = {quote(word, safe=""), quote(word), html.escape(word), word.replace("/", r"\/"), word.replace("\\", r"\\"), escaped}
    return sorted(forms - {word}, key=len, reverse=True)


def _views(text: str) -> Iterator[str]:
    """Yield a text as it is and as its readers would see it, each once."""
    seen = {text}
    yield text
    for read in (_without_escapes, html.unescape, unquote, unquote, lambda each: each.replace("\0", "")):
        text = read(text)
        if text not in seen:
            seen.add(text)
            yield text


def _without_escapes(text: str) -> str:
    return (
        _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _LETTERS.get(found[2], found[2]), text) if "\\" in text else text
    )
