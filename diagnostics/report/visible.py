"""Making what strangers wrote safe to look at: no control characters, no invisible ones, no changes of direction."""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that show nothing or move what stands around them: escape sequences, bidi overrides, zero widths."""

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def visible(text: str, *, longest: int | None = None) -> str:
    """Return ``text`` on one line, every character that cannot be seen replaced, at most ``longest`` characters long.

    A terminal obeys escape sequences wherever they come from, and a right-to-left override makes ``exe.gpj`` of
    ``jpg.exe``; a server's title and a stranger's report may hold both.
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\t\n\r":
        return " "
    return REPLACEMENT if unicodedata.category(character) in _HIDDEN else character
