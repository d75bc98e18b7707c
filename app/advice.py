"""The tips for the "what to do" screen: chosen by the engine, worded in the person's language."""

from __future__ import annotations

from typing import Final

from app.sentences import risk_line
from app.texts import t
from diagnostics.advice import load_tips, tips_for
from diagnostics.model import Cause, Report
from ui.backend import Advice

_ASKS_DIRECTORIES = (Cause.DNS_TAMPERING, Cause.DNS_NO_ANSWER)
"""Causes that tempt people to set another name directory: what is known of those is said beside them."""


MAX_SHARED: Final = 900
"""Longest tip as plain text, characters: a QR code of them is still read off a screen by a phone."""


def advice_for(report: Report, target: str | None, language: str) -> tuple[Advice, ...]:
    """Return the advice for one target, or for the line when ``target`` is None; best first.

    Raises InputError when our own file of tips is damaged.
    """
    known = load_tips()
    wanted = {f"target:{target}", f"cause:{report.network.cause}"}  # a fault of the line hinders every target
    verdict = report.of_target(target or "")
    if verdict is not None and verdict.cause in _ASKS_DIRECTORIES:
        wanted.add(f"cause:{Cause.RESOLVER_BLOCKED}")
    return tuple(
        Advice(
            id=choice.id,
            say=(text := known[choice.id].in_language(language)).title,
            why=text.why,
            steps=text.steps,
            caution=text.risk,
            general=known[choice.id].way_round,  # no way round was tried: measured ones come with their own feature
        )
        for choice in tips_for(report.verdicts, report.network)
        if wanted & set(choice.because)
    )


def advice_text(advice: Advice, platform: str) -> str:
    """Return a tip as plain text of at most ``MAX_SHARED`` characters: the title, what was measured, the steps, the risk.

    ``platform`` chooses the kind of device; one that the tip does not know gives the steps for any.  Too long a text loses its last
    steps, never its risk.
    """
    chosen = next((each for each in advice.platforms if each.platform == platform), None)
    steps = chosen.steps if chosen is not None else advice.steps
    head = [advice.say, *((advice.proved,) if advice.proved else (t("tips.unmeasured"),) if advice.general else ())]
    if chosen is not None:
        head.append(f"{chosen.name}:")
    lines = [f"{place}. {step}" for place, step in enumerate(steps, start=1)]
    risk = risk_line(advice.caution)
    text = "\n".join((*head, *lines, risk))
    while len(text) > MAX_SHARED and lines:
        lines.pop()
        text = "\n".join((*head, *lines, "…", risk))
    return text if len(text) <= MAX_SHARED else f"{text[: MAX_SHARED - 1]}…"
