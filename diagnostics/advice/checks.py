"""What may stand in the files of tips: every mistake is told with the place where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from diagnostics.advice.patterns import is_pattern
from diagnostics.advice.platforms import ANY, PLACEHOLDERS, PLATFORMS
from diagnostics.advice.tips import Tip
from diagnostics.model import Cause, Status
from diagnostics.workarounds.identity import EXIT

MAX_STEPS: Final = 6
"""More steps than this nobody follows; the windows are laid out for them."""

MAX_RANK: Final = 12

_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_RULE: Final = re.compile(r"[a-z]+\.[a-z0-9_]+")
_HOLE: Final = re.compile(r"\{([^{}]*)\}")
_MEASURED: Final = frozenset(PLACEHOLDERS) - {"service"}
"""Placeholders that only a measured way can fill."""

Problem = tuple[tuple[str | int, ...], object, str]
"""Where in the file a mistake stands, what was found there, and what may stand there."""


def problems(tips: tuple[Tip, ...], others: dict[str, Tip]) -> Iterator[Problem]:
    """Find what is wrong with the tips of one file; ``others`` are those of the files before it."""
    ids = set(others)
    settled = {cause for tip in others.values() if tip.always_counts for cause in tip.causes}
    for index, tip in enumerate(tips):
        if not _ID.fullmatch(tip.id):
            yield ("tip", index, "id"), tip.id, "small letters and digits, words joined by -"
        if tip.id in ids:
            yield ("tip", index, "id"), tip.id, "an id that is not used before"
        yield from _cause_problems(index, tip)
        for place, cause in enumerate(tip.causes):
            if cause in settled and not (tip.beside or tip.further or tip.needs):
                yield ("tip", index, "causes", place), cause, "a cause that no tip before this one always answers"
        settled |= set(tip.causes) if tip.always_counts else set()
        ids.add(tip.id)
        if not tip.source.strip():
            yield ("tip", index, "source"), tip.source, "where this is known from"
        yield from _condition_problems(index, tip)
        yield from _way_problems(index, tip, ids)
        yield from _text_problems(index, tip)
        yield from _platform_problems(index, tip)


def _cause_problems(index: int, tip: Tip) -> Iterator[Problem]:
    known = [cause.value for cause in Cause]
    if not tip.causes:
        yield ("tip", index, "causes"), "[]", ", ".join(known)
    for key, causes in (("causes", tip.causes), ("unless", tip.unless)):
        for place, cause in enumerate(causes):
            if cause not in known or cause in causes[:place]:
                yield ("tip", index, key, place), cause, ", ".join(known)


def _condition_problems(index: int, tip: Tip) -> Iterator[Problem]:
    for place, rule in enumerate(tip.rules):
        if not _RULE.fullmatch(rule):
            yield ("tip", index, "rules", place), rule, "the id of a rule, such as dns.denied"
    known = [status.value for status in Status]
    for place, status in enumerate(tip.statuses):
        if status not in known:
            yield ("tip", index, "statuses", place), status, ", ".join(known)
    if not 1 <= tip.rank <= MAX_RANK:
        yield ("tip", index, "rank"), tip.rank, f"1 to {MAX_RANK}"
    if tip.expires is not None and tip.expires <= tip.date:
        yield ("tip", index, "expires"), tip.expires.isoformat(), f"a day after {tip.date}"
    if tip.download and tip.expires is None:
        yield ("tip", index, "download"), "true", "a download only in a tip that expires"


def _way_problems(index: int, tip: Tip, ids: set[str]) -> Iterator[Problem]:
    for key, patterns in (("needs", tip.needs), ("contradicted_by", tip.contradicted_by)):
        for place, pattern in enumerate(patterns):
            if not is_pattern(pattern):
                yield ("tip", index, key, place), pattern, "doh:*, dot:*, cut, ech, h3, ipv6, name, port, *|cut, route:*, exit:ID …"
    for place, other in enumerate(tip.replaces):
        if other not in ids:
            yield ("tip", index, "replaces", place), other, "the id of a tip before this one"
    leading = [pattern for pattern in tip.needs if not pattern.startswith(f"{EXIT}:")]
    for code in ("es", "en"):
        how = tip.in_language(code).how.strip()
        if bool(how) != bool(leading):
            allowed = "the way as a phrase" if leading else "nothing: it needs no way that leads to a target"
            yield ("tip", index, "text", code, "how"), how or "-", allowed


def _text_problems(index: int, tip: Tip) -> Iterator[Problem]:
    own = {name for name in tip.platforms if name != ANY}
    for code in ("es", "en"):
        text = tip.in_language(code)
        where: tuple[str | int, ...] = ("tip", index, "text", code)
        for key in ("title", "why", "risk"):
            if not str(getattr(text, key)).strip():
                yield (*where, key), "-", "a sentence"
            if str(getattr(text, key)).lstrip().startswith("{"):  # it is told behind a colon, with a small letter
                yield (*where, key), str(getattr(text, key)), "a sentence that begins with a word of its own"
            yield from _hole_problems((*where, key), str(getattr(text, key)), tip)
        yield from _hole_problems((*where, "how"), text.how, tip)
        if (text.steps or not tip.platforms) and not _are_steps(text.steps):
            yield (*where, "steps"), len(text.steps), f"1 to {MAX_STEPS} sentences"
        if text.steps and ANY in tip.platforms:
            yield ("tip", index, "platforms", ANY), ANY, "either platforms.any or text.….steps"
        for place, step in enumerate(text.steps):
            yield from _hole_problems((*where, "steps", place), step, tip)
    if len(tip.text.es.steps) != len(tip.text.en.steps):
        yield ("tip", index, "text", "en", "steps"), len(tip.text.en.steps), f"{len(tip.text.es.steps)}, as in Spanish"
    if not tip.needs and not tip.further and own and not tip.has_general_steps:
        yield ("tip", index, "text", "es", "steps"), "-", "steps for those whose system is not named"


def _platform_problems(index: int, tip: Tip) -> Iterator[Problem]:
    for name, steps in tip.platforms.items():
        where: tuple[str | int, ...] = ("tip", index, "platforms", name)
        if name not in PLATFORMS:
            yield where, name, ", ".join(PLATFORMS)
        for code in ("es", "en"):
            said = steps.in_language(code)
            if not _are_steps(said):
                yield (*where, code), len(said), f"1 to {MAX_STEPS} sentences"
            for place, step in enumerate(said):
                yield from _hole_problems((*where, code, place), step, tip)
        if len(steps.es) != len(steps.en):
            yield (*where, "en"), len(steps.en), f"{len(steps.es)}, as in Spanish"


def _are_steps(steps: tuple[str, ...]) -> bool:
    return 1 <= len(steps) <= MAX_STEPS and all(step.strip() for step in steps)


def _hole_problems(where: tuple[str | int, ...], text: str, tip: Tip) -> Iterator[Problem]:
    """Find placeholders that nothing fills."""
    holes = _HOLE.findall(text)
    for hole in holes:
        if hole not in PLACEHOLDERS:
            yield where, f"{{{hole}}}", ", ".join(PLACEHOLDERS)
        elif hole in _MEASURED and not tip.needs:
            yield where, f"{{{hole}}}", "placeholders of a way only in a tip that needs one"
    if text.count("{") != len(holes) or text.count("}") != len(holes):
        yield where, text, "braces only around placeholders"
