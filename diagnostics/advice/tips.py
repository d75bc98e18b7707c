"""The tips that ship: plain next steps as data (``resources/tips``), each with its risk, its source and its date."""

from __future__ import annotations

import datetime as dt
import enum
from functools import cache
from importlib.resources.abc import Traversable

import msgspec

import resources
from diagnostics.advice.platforms import ANY, PLATFORMS
from diagnostics.errors import InputError
from diagnostics.tomlfile import decode, line_of


class Effort(enum.StrEnum):
    """What a tip asks of a person."""

    NONE = "none"  # open something else, or wait
    SETTING = "setting"
    INSTALL = "install"
    EXPERT = "expert"


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is read: a misspelt key is an error."""


class TipText(_Entry, frozen=True):
    """A tip in one language: what to do, why it fits, how, and what it may cost.  Nothing in it was measured here.

    ``how`` is the way round as a phrase ("with the encrypted name directory of {resolver}"), for the sentence that says what it
    brought in this run.
    """

    title: str
    why: str
    risk: str
    steps: tuple[str, ...] = ()
    how: str = ""


class _Languages(_Entry, frozen=True):
    es: TipText
    en: TipText


class StepsText(_Entry, frozen=True):
    """The steps on one platform, with the words of its menus."""

    es: tuple[str, ...]
    en: tuple[str, ...]

    def in_language(self, code: str) -> tuple[str, ...]:
        """Return the steps in a language, as :meth:`Tip.in_language` does."""
        return self.en if code == "en" else self.es


class Tip(_Entry, frozen=True):
    """One piece of advice.

    ``unless`` names causes whose presence anywhere in the run makes the advice useless; the cause's next tip takes over.
    ``rules`` narrows it to verdicts that one of these rules decided, ``statuses`` to these statuses, ``services`` to these
    targets, ``clear_text`` to pages that were asked for with http://.
    ``beside``: a warning that is given together with the cause's tip instead of taking its place.
    ``way_round``: it claims to lead past an obstacle, which nobody has tried on this network; that is said beside it.
    ``needs``: ways round (``patterns.py``), one of which must have passed for the target in this run.
    ``contradicted_by``: ways of which none may have been tried in vain; if all that were tried failed, the tip is not given.
    ``further``: it is given besides the cause's tip, and only where ways round were tried.
    ``replaces``: tips that it makes superfluous where it was proved.
    ``rank`` orders what was not measured: 1 stands before everything, 11 and above behind everything.
    ``expires``: from the day after, it stands last with a warning; if it leads to a ``download``, it is not given at all.
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
    statuses: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    clear_text: bool = False
    beside: bool = False
    way_round: bool = False
    needs: tuple[str, ...] = ()
    contradicted_by: tuple[str, ...] = ()
    further: bool = False
    replaces: tuple[str, ...] = ()
    rank: int = 9
    effort: Effort = Effort.NONE
    expires: dt.date | None = None
    download: bool = False
    platforms: dict[str, StepsText] = {}

    @property
    def always_counts(self) -> bool:
        """Tell whether the tip takes the place of every later one for its causes."""
        narrowed = self.unless or self.rules or self.statuses or self.services or self.clear_text
        return not (narrowed or self.beside or self.needs or self.contradicted_by or self.further or self.download)

    @property
    def has_general_steps(self) -> bool:
        """Tell whether there are steps that name no system."""
        return bool(self.text.es.steps) or ANY in self.platforms

    def in_language(self, code: str) -> TipText:
        """Return the text in a language; Spanish, in which tips are written, for one that Atajo does not have."""
        return self.text.en if code == "en" else self.text.es

    def steps_on(self, platform: str, code: str) -> tuple[str, ...]:
        """Return the steps on a platform (``any``: those that name none), none if it has no steps of its own."""
        if platform in self.platforms:
            return self.platforms[platform].in_language(code)
        return self.in_language(code).steps if platform == ANY else ()

    def expired(self, today: dt.date | None) -> bool:
        """Tell whether the tip is out of date; never where the day is not known."""
        return today is not None and self.expires is not None and today > self.expires

    def on_platforms(self) -> tuple[str, ...]:
        """Return the platforms that the tip has steps for."""
        return tuple(p for p in PLATFORMS if p in self.platforms or (p == ANY and self.has_general_steps))


class TipsFile(_Entry, frozen=True):
    """One file of tips."""

    tip: tuple[Tip, ...]


FILES = ("basic", "proxies", "names", "flights", "apps", "tunnels", "line")
"""The files in the order of advice; others follow by name."""


def load_tips(folder: Traversable | None = None) -> dict[str, Tip]:
    """Return the tips of ``folder`` (default: those that ship) by id, in the order of advice.

    Raises InputError("error.data", file=, line=, found=, allowed=) for a value that may not stand where it stands, and
    InputError("error.toml", file=, line=, reason=) for a file that is no TOML.
    """
    from diagnostics.advice.checks import problems

    below = folder or resources.path("tips")
    tips: dict[str, Tip] = {}
    for name in sorted((entry.name for entry in below.iterdir() if entry.name.endswith(".toml")), key=_place):
        shown = f"resources/tips/{name}"
        text = below.joinpath(name).read_text(encoding="utf-8")
        read = decode(text, shown, TipsFile, "error.data").tip
        for where, found, allowed in problems(read, tips):
            raise InputError("error.data", file=shown, line=line_of(text, where), found=found, allowed=allowed)
        tips.update((tip.id, tip) for tip in read)
    return tips


def _place(name: str) -> tuple[int, str]:
    stem = name.removesuffix(".toml")
    return (FILES.index(stem) if stem in FILES else len(FILES)), name


@cache
def shipped_tips() -> dict[str, Tip]:
    """Return the tips that ship, read once.  Raises InputError like :func:`load_tips`."""
    return load_tips()
