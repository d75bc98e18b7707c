"""The tips for the "what to do" screen: chosen by the engine, worded in the person's language."""

from __future__ import annotations

from diagnostics.advice import load_tips, tips_for
from diagnostics.model import Report
from ui.backend import Advice


def advice_for(report: Report, target: str | None, language: str) -> tuple[Advice, ...]:
    """Return the advice for one target, or for the line when ``target`` is None; best first.

    Raises InputError when our own file of tips is damaged.
    """
    known = load_tips()
    wanted = {f"target:{target}", f"cause:{report.network.cause}"}  # a fault of the line hinders every target
    return tuple(
        Advice(
            id=choice.id,
            say=(text := known[choice.id].in_language(language)).title,
            why=text.why,
            steps=text.steps,
            caution=text.risk,
            general=True,  # nothing was tried: measured ways round come with their own feature
        )
        for choice in tips_for(report.verdicts, report.network)
        if wanted & set(choice.because)
    )
