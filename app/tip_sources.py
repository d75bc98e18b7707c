"""Where a tip is known from, as names and dates alone: the notes in the files of tips are English, the person may not be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.texts import t

_GENERAL: Final = "general knowledge"
_ASIDE: Final = re.compile(r"\([^()]*\)")
_SMALL: Final = frozenset({"README", "READMEs"})
"""Words in capitals that are no names."""


def source_names(source: str) -> str:
    """Return the names and dates in a note about sources, and "general knowledge" in the language that is spoken."""
    parts = [part for each in _ASIDE.sub(" ", source).split(";") for part in _names(each.strip())]
    named = [part for part in parts if part != _GENERAL]
    general = [t("tips.source.general")] if _GENERAL in parts else []
    return "; ".join(dict.fromkeys([*named, *general]))


def _names(part: str) -> Iterator[str]:
    if part.endswith((f"is {_GENERAL}", f"are {_GENERAL}")):
        yield _GENERAL
        return
    for piece in part.split(" and "):
        if _GENERAL in piece:
            yield _GENERAL
        elif name := _name(piece.split()):
            yield name


def _name(words: list[str]) -> str:
    """Return the words up to the first that is plain prose; nothing without a letter in them."""
    kept: list[str] = []
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        if word in _SMALL or not (_is_name(word) or (kept and (following[:1].isupper() or following.startswith("al.")))):
            break
        kept.append(word.removesuffix("'s"))
        if word.endswith("'s"):
            break
    name = " ".join(kept).rstrip(" ,:.")
    return name if any(letter.isalpha() for letter in name) else ""


def _is_name(word: str) -> bool:
    return word[:1].isupper() or word[:1].isdigit() or "/" in word or "." in word
