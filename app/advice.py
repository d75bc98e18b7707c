"""The tips for the "what to do" screen: chosen by the engine, worded in the person's language."""

from __future__ import annotations

from typing import Final

from app import texts
from app.given_tips import GivenSteps, GivenTip, chosen, worded
from app.texts import t
from app.wording import risk_line
from diagnostics.advice import MASKING_VPN, vpn_causes
from diagnostics.advice.platforms import ANY
from diagnostics.model import Cause, Report
from ui.backend import Advice, AdviceSteps

MAX_TEXT: Final = 900
"""Longest tip for a chat or a QR code, in characters: a code with more is hard to read from a screen."""

_ASKS_DIRECTORIES: Final = (Cause.DNS_TAMPERING, Cause.DNS_NO_ANSWER)
"""Causes that tempt people to set another name directory: what is known of those is said beside them."""


def advice_for(report: Report, target: str | None, language: str, *, computer: str | None = None) -> tuple[Advice, ...]:
    """Return the advice for one target, or for the line when ``target`` is None; best first.

    ``computer``: whose steps come first (``diagnostics.advice.PLATFORMS``), this one's by default.  Raises InputError when our own
    file of tips is damaged, and ValueError for a language that Atajo does not speak.
    """
    wanted = {f"target:{target}", f"cause:{report.network.cause}"}  # a fault of the line hinders every target
    if target is None:  # what a VPN lets nothing through by is a fault of the line, too
        wanted |= {f"cause:{cause}" for cause in vpn_causes(report.network, ()) if cause in MASKING_VPN}
    verdict = report.of_target(target or "")
    if verdict is not None and verdict.cause in _ASKS_DIRECTORIES:
        wanted.add(f"cause:{Cause.RESOLVER_BLOCKED}")
    choices = [choice for choice in chosen(report) if wanted & set(choice.because)]
    with texts.speaking(language):
        return tuple(_advice(tip) for tip in worded(report, choices, target=target, computer=computer))


def vpn_advice_for(report: Report, language: str, *, computer: str | None = None) -> tuple[Advice, ...]:
    """Return the advice for what a report says of this computer's VPN, or of the profiles that it tested; best first.

    What stands in the way of the whole line is part of it, what hinders single services is not: they have advice of their own.
    Raises like :func:`advice_for`.
    """
    wanted = {f"cause:{report.network.cause}", *(f"cause:{cause}" for cause in vpn_causes(report.network, report.routes))}
    choices = [choice for choice in chosen(report) if wanted & set(choice.because)]
    with texts.speaking(language):
        return tuple(_advice(tip) for tip in worded(report, choices, computer=computer))


def _advice(tip: GivenTip) -> Advice:
    return Advice(
        id=tip.id,
        say=tip.title,
        why=tip.why,
        steps=tip.steps,
        caution=tip.risk,
        general=tip.untested,
        proved=tip.proved,
        platforms=() if [p.platform for p in tip.platforms] == [ANY] else tuple(map(_steps, tip.platforms)),
        source=tip.source,
        dated=tip.dated,
        verified=tip.verified,
        expired=tip.expired,
    )


def _steps(given: GivenSteps) -> AdviceSteps:
    return AdviceSteps(platform=given.platform, name=given.name, steps=given.steps, here=given.here)


def advice_text(advice: Advice, platform: str = "") -> str:
    """Return a tip as plain text for a chat or a QR code: at most 900 characters, in the language that is spoken now.

    ``platform`` chooses the steps; unknown or empty: those for this computer.  What does not fit is left out in the order in which
    it can be spared: the reason, then the last steps.  The risk always stays; where a tip comes from is said in the window.
    """
    own = next((each for each in advice.platforms if each.platform == platform), None)
    steps = own.steps if own else advice.steps
    numbered = [f"{number}. {step}" for number, step in enumerate(steps, start=1)]
    heading = [t("tips.on", device=own.name)] if own and own.platform != ANY else []
    tail = [risk_line(advice.caution)]
    tail += [t("tips.unmeasured")] if advice.general and not advice.proved else []
    tail += [t("tips.expired")] if advice.expired else []
    proved = [advice.proved] if advice.proved else []
    for why in ([advice.why], []):
        text = "\n".join((advice.say, *proved, *why, *heading, *numbered, *tail))
        if len(text) <= MAX_TEXT:
            return text
    while numbered and len("\n".join((advice.say, *proved, *heading, *numbered, "…", *tail))) > MAX_TEXT:
        numbered.pop()
    return "\n".join((advice.say, *proved, *heading, *numbered, "…", *tail))[:MAX_TEXT]
