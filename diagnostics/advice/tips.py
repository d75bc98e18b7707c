"""The tips that ship: plain next steps as data (``resources/tips``), each with its risk, its source and its date."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources.abc import Traversable
from typing import Final

import msgspec

import resources
from diagnostics.errors import InputError
from diagnostics.model import Cause
from diagnostics.tomlfile import decode, line_of

MAX_STEPS: Final = 6
"""More steps than this nobody follows; the windows are laid out for them."""

_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

_RULE: Final = re.compile(r"[a-z]+\.[a-z0-9_]+")

Problem = tuple[tuple[str | int, ...], object, str]
"""Where in the file a mistake stands, what was found there, and what may stand there."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is read: a misspelt key is an error."""


class TipText(_Entry, frozen=True):
    """A tip in one language: what to do, why it fits, how, and what it may cost.  Nothing in it was measured here."""

    title: str
    why: str
    steps: tuple[str, ...]
    risk: str


class _Languages(_Entry, frozen=True):
    es: TipText
    en: TipText


class Tip(_Entry, frozen=True):
    """One piece of advice.

    ``unless`` names causes whose presence anywhere in the run makes the advice useless; the cause's next tip takes over.
    ``rules`` narrows it to verdicts that one of these rules decided, ``clear_text`` to pages that were asked for with http://.
    ``beside``: a warning that is given together with the cause's tip instead of taking its place.
    ``way_round``: it claims to lead past an obstacle, which nobody has tried on this network; that is said beside it.
    ``checked``: somebody walked through the steps on the systems that they name.
    """

    id: str
    causes: tuple[str, ...]
    source: str
    date: dt.date  # when the source was read
    checked: bool
    text: _Languages
    unless: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    clear_text: bool = False
    beside: bool = False
    way_round: bool = False

    @property
    def always_counts(self) -> bool:
        """Tell whether the tip takes the place of every later one for its causes."""
        return not (self.unless or self.rules or self.clear_text or self.beside)

    def in_language(self, code: str) -> TipText:
        """Return the text in a language; Spanish, in which tips are written, for one that Atajo does not have."""
        return self.text.en if code == "en" else self.text.es


class _TipsFile(_Entry, frozen=True):
    tip: tuple[Tip, ...]


def load_tips(folder: Traversable | None = None) -> dict[str, Tip]:
    """Return the tips of ``folder`` (default: those that ship) by id, in the order of advice.

    Raises InputError("error.data", file=, line=, found=, allowed=) for a value that may not stand where it stands, and
    InputError("error.toml", file=, line=, reason=) for a file that is no TOML.
    """
    below = folder or resources.path("tips")
    tips: dict[str, Tip] = {}
    for name in sorted(entry.name for entry in below.iterdir() if entry.name.endswith(".toml")):
        shown = f"resources/tips/{name}"
        text = below.joinpath(name).read_text(encoding="utf-8")
        read = decode(text, shown, _TipsFile, "error.data").tip
        for where, found, allowed in _problems(read, tips):
            raise InputError("error.data", file=shown, line=line_of(text, where), found=found, allowed=allowed)
        tips.update((tip.id, tip) for tip in read)
    return tips


@cache
def shipped_tips() -> dict[str, Tip]:
    """Return the tips that ship, read once.  Raises InputError like :func:`load_tips`."""
    return load_tips()


def _problems(tips: tuple[Tip, ...], others: dict[str, Tip]) -> Iterator[Problem]:
    """Find what is wrong with the tips of one file; ``others`` are those of the files before it."""
    known = [cause.value for cause in Cause]
    ids = set(others)
    settled = {cause for tip in others.values() if tip.always_counts for cause in tip.causes}
    for index, tip in enumerate(tips):
        if not _ID.fullmatch(tip.id):
            yield ("tip", index, "id"), tip.id, "small letters and digits, words joined by -"
        if tip.id in ids:
            yield ("tip", index, "id"), tip.id, "an id that is not used before"
        yield from _cause_problems(index, tip, known)
        for place, rule in enumerate(tip.rules):
            if not _RULE.fullmatch(rule):
                yield ("tip", index, "rules", place), rule, "the id of a rule, such as dns.denied"
        for place, cause in enumerate(tip.causes):
            if cause in settled and not tip.beside:
                yield ("tip", index, "causes", place), cause, "a cause that no tip before this one always answers"
        settled |= set(tip.causes) if tip.always_counts else set()
        ids.add(tip.id)
        if not tip.source.strip():
            yield ("tip", index, "source"), tip.source, "where this is known from"
        yield from _text_problems(index, tip)


def _cause_problems(index: int, tip: Tip, known: list[str]) -> Iterator[Problem]:
    if not tip.causes:
        yield ("tip", index, "causes"), "[]", ", ".join(known)
    for key, causes in (("causes", tip.causes), ("unless", tip.unless)):
        for place, cause in enumerate(causes):
            if cause not in known or cause in causes[:place]:
                yield ("tip", index, key, place), cause, ", ".join(known)


def _text_problems(index: int, tip: Tip) -> Iterator[Problem]:
    for code in ("es", "en"):
        text = tip.in_language(code)
        for key in ("title", "why", "risk"):
            if not str(getattr(text, key)).strip():
                yield ("tip", index, "text", code, key), "-", "a sentence"
        if not 1 <= len(text.steps) <= MAX_STEPS or not all(step.strip() for step in text.steps):
            yield ("tip", index, "text", code, "steps"), len(text.steps), f"1 to {MAX_STEPS} sentences"
    if len(tip.text.es.steps) != len(tip.text.en.steps):
        yield ("tip", index, "text", "en", "steps"), len(tip.text.en.steps), f"{len(tip.text.es.steps)}, as in Spanish"
