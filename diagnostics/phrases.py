"""What error pages say of themselves, by words that people can correct (``resources/pages.toml``).

Only the kind of the words that were found is kept of a page: its text may hold the person's own address.
"""

from __future__ import annotations

import datetime as dt
import enum
import html
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import msgspec

import resources
from diagnostics.errors import InputError
from diagnostics.tomlfile import decode, line_of

SHORTEST: Final = 7
"""Characters that a phrase must have: shorter words stand on too many pages."""

WEIGHED: Final = frozenset({401, 403, 429, 451, 503})
"""Statuses whose pages are looked into; on other pages the words are content."""

_TAGS: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)


class Kind(enum.StrEnum):
    """Why a page was sent."""

    COUNTRY = "country"
    CHALLENGE = "challenge"


class _Phrase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Kind
    text: str
    source: str
    checked: bool


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    as_of: dt.date
    phrase: tuple[_Phrase, ...]


def read_phrases(text: str, file: str) -> dict[str, Kind]:
    """Return the kinds by phrase.  Raises InputError("error.data" or "error.toml") with file and line."""
    read = decode(text, file, _File, "error.data")
    for where, found, allowed in _problems(read):
        raise InputError("error.data", file=file, line=line_of(text, where), found=found, allowed=allowed)
    return {phrase.text: phrase.kind for phrase in read.phrase}


def _problems(read: _File) -> Iterator[tuple[tuple[str | int, ...], object, str]]:
    for index, phrase in enumerate(read.phrase):
        if len(phrase.text) < SHORTEST or phrase.text != " ".join(phrase.text.lower().split()):
            yield ("phrase", index, "text"), phrase.text, f"small letters, at least {SHORTEST}"
        if not phrase.source.strip():
            yield ("phrase", index, "source"), phrase.source, "where this is known from"


@lru_cache(maxsize=1)
def phrases() -> dict[str, Kind]:
    """Return the phrases that ship."""
    return read_phrases(resources.text("pages.toml"), "resources/pages.toml")


def told_by(status: int, body: bytes) -> Kind | None:
    """Return what an error page says of itself; a check for robots goes before a refusal, which may only be its threat."""
    if status not in WEIGHED:
        return None
    visible = " ".join(html.unescape(_TAGS.sub(" ", body.decode("utf-8", "replace"))).lower().split())
    found = {kind for phrase, kind in phrases().items() if phrase in visible}
    return next((kind for kind in (Kind.CHALLENGE, Kind.COUNTRY) if kind in found), None)
