"""The tips for the "what to do" screen: chosen by the engine, worded in the person's language."""

from __future__ import annotations

from diagnostics.advice import load_tips, tips_for
from diagnostics.model import Cause, Report
from ui.backend import Advice

_ASKS_DIRECTORIES = (Cause.DNS_TAMPERING, Cause.DNS_NO_ANSWER)
"""Causes that tempt people to set another name directory: what is known of those is said beside them."""


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
