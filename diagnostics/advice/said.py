"""A chosen tip in words: its placeholders filled from what was measured, or nothing where that is not enough.  Pure."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from diagnostics.advice.platforms import ANY
from diagnostics.advice.tips import Tip, TipText
from diagnostics.advice.tried import Resolution, Tried, TriedWay
from diagnostics.model import Fact, Resolver, TipChoice

HOLE: Final = re.compile(r"\{([a-z0-9_]+)\}")
NO_BREAK_SPACE: Final = "\u00a0"

_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")
_BY_ADDRESS: Final = ("address", "address6")
_OF_RESOLVER: Final = frozenset({"resolver", "profile", "dot_name", "doh_url", *_BY_ADDRESS})


class Known(Fact, frozen=True):
    """What a tip may name.

    ``names``: targets as people call them; ``hosts``: the domains that are a target's own (another name is told only below one of
    them, whatever a report says); ``labels``: the person's proxies by route.
    """

    resolvers: tuple[Resolver, ...] = ()
    names: Mapping[str, str] = {}
    hosts: Mapping[str, tuple[str, ...]] = {}
    labels: Mapping[str, str] = {}


class Said(Fact, frozen=True):
    """A tip on one platform.  ``way`` None: nothing was proved; else ``how`` is that way as a phrase."""

    text: TipText
    way: TriedWay | None = None

    @property
    def how(self) -> str:
        """Return the way as a phrase."""
        return self.text.how


def said(tip: Tip, choice: TipChoice, tried: Tried, known: Known, language: str, platform: str, target: str | None = None) -> Said | None:
    """Return a tip as it is told on a platform (``any``: its steps for every system), or None if it cannot be told there.

    It is told with the first way of ``choice`` that fills all its placeholders: a resolver is named only with what passed in this
    run.  ``target``: the target that the person looks at, where a tip helps several.
    """
    steps = tip.steps_on(platform, language)
    if not steps:
        return None
    targets = _targets(choice, target)
    text = _with_steps(tip.in_language(language), steps)
    if not tip.needs:
        filled = _filled(text, {"service": _service(targets, known)})
        return None if filled is None else Said(text=filled)
    for way in _ways(tip, choice, targets, tried):
        values = values_of(way, steps, tried, known, targets)
        filled = _filled(text, {**values, **_numbers(way, language)})
        if filled is not None:
            return Said(text=filled, way=None if way.way.exit else way)
    return None


def can_be_said(tip: Tip, way: TriedWay, tried: Tried, known: Known) -> bool:
    """Tell whether some platform's steps can name what they must, as far as the resolvers are concerned."""
    given = {"seconds": "-", "rate": "-", "service": "-", "name": "-", "port": "-"}
    for platform in tip.on_platforms():
        steps = tip.steps_on(platform, "es")
        values = {**given, **values_of(way, steps, tried, known, (way.outcome.target,))}
        if _filled(_with_steps(tip.in_language("es"), steps), values) is not None:
            return True
    return False


def values_of(way: TriedWay, steps: Iterable[str], tried: Tried, known: Known, targets: Iterable[str | None]) -> dict[str, str]:
    """Return what the placeholders stand for with one way; what is not known or did not pass is missing."""
    target = way.outcome.target
    values = {"service": _service([target] if target is not None else targets, known)}
    values |= _flight(way, known)
    if way.way.route:
        values["name"] = known.labels.get(way.way.route, "")
    wanted = {hole for step in steps for hole in HOLE.findall(step)}
    if way.way.engine:
        resolver = next((each for each in known.resolvers if each.id == way.way.resolver), None)
        if resolver is not None:
            values |= _resolver(resolver, wanted, tried.with_resolver(resolver.id, (target,)))
    elif way.way.flight:
        values |= _any_resolver(wanted & _OF_RESOLVER, tried, known)
    return {key: value for key, value in values.items() if value}


def _any_resolver(wanted: set[str], tried: Tried, known: Known) -> dict[str, str]:
    """Return what is wanted of a resolver for a flight that names none.

    It is the first that led to a page in this run, of whatever target; those that hide no names by policy go before the others.
    """
    for resolver in sorted(known.resolvers, key=lambda each: each.filters) if wanted else ():
        answered = tried.anywhere(resolver.id)
        values = _resolver(resolver, wanted, answered) if answered.passed else {}
        if all(values.get(hole) for hole in wanted):
            return values
    return {}


def _resolver(resolver: Resolver, wanted: set[str], answered: Resolution) -> dict[str, str]:
    """Return what may be said of a resolver, by what passed."""
    values = {"resolver": resolver.operator, "profile": _profile(resolver, answered)}
    return values | _addresses(resolver, wanted, answered) | _dot(resolver, wanted, answered) | _doh(resolver, wanted, answered)


def _addresses(resolver: Resolver, wanted: set[str], answered: Resolution) -> dict[str, str]:
    """Return the addresses to set: for the engine that the other placeholders speak of, else for plain questions."""
    needed = {"doh"} if "doh_url" in wanted else {"dot"} if "dot_name" in wanted else {"udp"}
    if not needed & answered.passed:
        return {}
    six = resolver.addresses6[:1] or ("",)
    return {"address": (resolver.addresses[:1] or ("",))[0], "address6": six[0]}


def _dot(resolver: Resolver, wanted: set[str], answered: Resolution) -> dict[str, str]:
    """Return the name for DNS over TLS.

    Without an address beside it a system looks the name up itself: it must have been seen to lead to the resolver, which only
    ``doh-name`` shows, and only where both have the same name.
    """
    if "dot" not in answered.passed or not _NAME.fullmatch(resolver.dot_name) or _is_address(resolver.dot_name):
        return {}
    found = "doh-name" in answered.passed and _doh_host(resolver) == resolver.dot_name
    return {"dot_name": resolver.dot_name} if found or wanted & set(_BY_ADDRESS) else {}


def _doh(resolver: Resolver, wanted: set[str], answered: Resolution) -> dict[str, str]:
    """Return the address of DNS over HTTPS: as published where its name was said and passed, else with the resolver's address."""
    url = resolver.doh_url
    if not url:
        return {}
    if wanted & set(_BY_ADDRESS):
        return {"doh_url": url} if "doh" in answered.passed and _name_passed(resolver, answered) else {}
    if "doh-name" in answered.passed:
        return {"doh_url": url}
    if "doh" not in answered.passed:
        return {}
    if resolver.doh_by_address:
        return {"doh_url": f"https://{resolver.addresses[0]}{urlsplit(url).path}"} if resolver.addresses else {}
    return {} if "doh-name" in answered.failed else {"doh_url": url}


def _profile(resolver: Resolver, answered: Resolution) -> str:
    """Return the operator of a resolver whose profile for a system may be set up: it asks over HTTPS, and says the name."""
    named = bool(_doh_host(resolver)) and not _is_address(_doh_host(resolver)) and _name_passed(resolver, answered)
    return resolver.operator if named and not answered.failed & {"doh", "doh-name"} else ""


def _name_passed(resolver: Resolver, answered: Resolution) -> bool:
    """Tell whether the host of the resolver's ``doh_url`` was said in a handshake that passed (``resolvers.server_name``)."""
    if "doh-name" in answered.passed:
        return True
    return "doh" in answered.passed and (not resolver.doh_by_address or _is_address(_doh_host(resolver)))


def _doh_host(resolver: Resolver) -> str:
    return urlsplit(resolver.doh_url).hostname or ""


def _flight(way: TriedWay, known: Known) -> dict[str, str]:
    """Return the other name or port of a way."""
    _, _, argument = way.way.flight.partition(":")
    if way.way.kind == "port":
        return {"port": argument}
    if way.way.kind != "name" or not _NAME.fullmatch(argument) or _is_address(argument):
        return {}
    own = known.hosts.get(way.outcome.target or "", ())
    return {"name": argument} if any(argument == host or argument.endswith(f".{host}") for host in own) else {}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _targets(choice: TipChoice, wanted: str | None) -> list[str]:
    """Return the targets that a choice helps; only the wanted one if it is among them."""
    found = [reason.removeprefix("target:") for reason in choice.because if reason.startswith("target:")]
    return [wanted] if wanted is not None and wanted in found else found


def _ways(tip: Tip, choice: TipChoice, targets: list[str], tried: Tried) -> list[TriedWay]:
    """Return the ways that a choice rests on and that passed, those for the first target before those for another."""
    ids = {reason.removeprefix("workaround:") for reason in choice.because if reason.startswith("workaround:")}
    places: list[str | None] = [*targets] or [None]
    found = [way for target in places for way in tried.passed(tip, target) if way.outcome.id in ids]
    return list(dict.fromkeys(found))


def _service(targets: Iterable[str | None], known: Known) -> str:
    return next((known.names[target] for target in targets if target is not None and target in known.names), "")


def _with_steps(text: TipText, steps: tuple[str, ...]) -> TipText:
    return TipText(title=text.title, why=text.why, risk=text.risk, steps=steps, how=text.how)


def _filled(text: TipText, values: Mapping[str, str]) -> TipText | None:
    """Return the text with its placeholders filled, or None where one is not known."""
    lines = (text.title, text.why, text.risk, text.how, *text.steps)
    if any(not values.get(hole) for line in lines for hole in HOLE.findall(line)):
        return None
    title, why, risk, how, *steps = (HOLE.sub(lambda hole: values[hole[1]], line) for line in lines)
    return TipText(title=title, why=why, risk=risk, how=how, steps=tuple(steps))


def _numbers(way: TriedWay, language: str) -> dict[str, str]:
    """Return how long a way took and how often it passed, as people write it."""
    outcome = way.outcome
    return {"seconds": _seconds(outcome.seconds, language), "rate": rate(outcome.passed, outcome.tries, language)}


def _seconds(value: float, language: str) -> str:
    if not math.isfinite(value) or value <= 0:
        return ""
    shown = f"{max(value, 0.01):.2f}" if value < 0.095 else f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return f"{shown if language == 'en' else shown.replace('.', ',')}{NO_BREAK_SPACE}s"


def rate(passed: int, tries: int, language: str) -> str:
    """Return how often something passed: «3 de 4 veces»."""
    return f"{passed} of {tries} times" if language == "en" else f"{passed} de {tries} veces"


def platforms_of(tip: Tip) -> tuple[str, ...]:
    """Return the platforms that a tip may be told on."""
    return tip.on_platforms() or (ANY,)
