"""What is said of VPNs: which one is on, what goes inside it and what outside, and what became of a profile.

Pure: reads a report, or the judgement in it, and the texts.  What a newer engine looks at is shown as far as it can be.
"""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import resources
from app.report_facts import short
from app.sentences import BAD, name_of, some_names, status_word, text_of_cause
from app.texts import has_text, join_names, t
from diagnostics.model import DIRECT, OUTSIDE, RESOLVER_TARGET, Cause, Fact, Report, RouteVerdict, Status, Step, VpnCheck, VpnVerdict

STATES: Final = ("none", "full", "split", "mesh", "browser_only", "stale", "unknown")
THROUGH: Final = ("full", "split", "browser_only")
"""States in which what was measured went through something, at least in part."""

ON_REQUEST: Final = frozenset({"kill_switch", "watch"})
"""Checks that are made only for whoever asks for them."""

MOST_CLIENTS: Final = 3
"""Programs that a sentence names."""

_OPENS: Final = (Status.WORKS, Status.SLOW, Status.PARTIAL)
_SHUT: Final = tuple(status for status in BAD if status not in _OPENS)
_FOUR: Final = 4
_NOTHING: Final = frozenset({Status.UNKNOWN, Status.NOT_TESTED})
_ORDER: Final = (Status.DOWN, Status.BLOCKED, Status.LIKELY_BLOCKED, Status.PARTIAL, Status.SLOW, Status.UNKNOWN, Status.WORKS)


class Place(enum.StrEnum):
    """Where a kind of traffic goes."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    NOWHERE = "nowhere"
    UNKNOWN = "unknown"


class Lane(Fact, frozen=True):
    """One kind of traffic and where it goes; ``words`` name it."""

    id: str
    place: Place
    words: str


# --- which one, and what it is --------------------------------------------------------------------


@lru_cache(maxsize=1)
def _known_clients() -> dict[str, str]:
    """Return what each client is called, by its id; nothing where the data is not there or is not what it should be."""
    try:
        table = tomllib.loads(resources.text("vpn_clients.toml"))
    except (OSError, ValueError):
        return {}
    found = {}
    for rows in table.values():
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and isinstance(row.get("id"), str) and isinstance(row.get("name"), str):
                found[row["id"]] = row["name"]
    return found


def client_name(ident: str) -> str:
    """Return what a client, or a kind of adapter, is called."""
    if has_text(f"vpn.adapter.{ident}"):
        return t(f"vpn.adapter.{ident}")
    return _known_clients().get(ident) or short(ident)


def vpn_names(vpn: VpnVerdict) -> str:
    """Return the clients of a VPN as one phrase, or nothing where none is known."""
    return join_names([client_name(each) for each in vpn.clients[:MOST_CLIENTS]])


def state_id(vpn: VpnVerdict) -> str:
    """Return the state; one of a newer engine counts as unknown."""
    return vpn.state if vpn.state in STATES else "unknown"


def vpn_state_word(vpn: VpnVerdict) -> str:
    """Return the state in a word or two, with the client where one is known: «activa (Proton VPN)»."""
    word, names = t(f"vpn.state.{state_id(vpn)}"), vpn_names(vpn)
    return t("vpn.named", state=word, names=names) if names and state_id(vpn) != "none" else word


def vpn_sentence(vpn: VpnVerdict) -> str:
    """Return the one sentence about the VPN of this computer."""
    return t("vpn.computer.blocks") if vpn.left_block() is not None else t(f"vpn.computer.{state_id(vpn)}")


def vpn_at_home(state: str) -> str:
    """Return what is said of a VPN before a test, or nothing where it makes no difference."""
    text_id = "home.vpn" if state == "full" else f"home.vpn.{state}"
    return t(text_id) if state in THROUGH else ""


def measured_through(report: Report) -> str:
    """Return through what a report was measured, in one line, or nothing where no VPN had a part in it."""
    vpn = report.network.vpn
    if vpn.state not in THROUGH:
        return ""
    names = vpn_names(vpn)
    return t(f"vpn.through.{vpn.state}.named", names=names) if names else t(f"vpn.through.{vpn.state}")


# --- the checks -----------------------------------------------------------------------------------


def check_title(check: VpnCheck) -> str:
    """Return what was looked at."""
    title = f"vpn.check.{check.check}"
    return t(title) if has_text(title) else t("vpn.check.another")


def check_word(check: VpnCheck) -> str:
    """Return how it is, in a word or two."""
    candidates = (f"vpn.check_state.{check.check}.{check.status}", f"vpn.check_state.{check.status}", "vpn.check_state.unknown")
    return t(next(each for each in candidates if has_text(each)))


def check_sentence(check: VpnCheck) -> str:
    """Return the sentence of a check: by its cause and rule, else by what was looked at and how it is."""
    by_rule = f"vpn.rule.{check.rule.partition('.')[2]}"
    own = f"vpn.check.{check.check}.{check.status}"
    by_cause = "" if check.status is Status.WORKS else text_of_cause("cause", check)  # a kill switch that holds has its cause, too
    candidates = [by_cause, by_rule, own, f"vpn.check_is.{check.status}", "vpn.check_is.unknown"]
    return t(next(each for each in candidates if each and has_text(each)), service=t("vpn.the_vpn"), host="", name="")


def seen_sentence(report: Report) -> str:
    """Return in whose network others see this computer, and whose its line is where that is known; nothing where pages disagree."""
    steps = [o.detail for o in report.observations if o.step is Step.VPN and o.route == DIRECT and o.failure is None]
    exits = [d for d in steps if d.get("stage") == "exit" and d.get("family") == _FOUR and d.get("networks")]
    if not exits or len({str(d["networks"]) for d in exits}) > 1:
        return ""
    seen = {"network": _told(exits[0], "operator"), "country": _told(exits[0], "country")}
    kept = next((d.get("lines") for d in steps if d.get("stage") == "line"), None)
    lines = list(kept) if isinstance(kept, list | tuple) else []
    if len(lines) != 1 or not isinstance(lines[0], dict):  # of several lines nobody knows which this one is
        return t("vpn.seen_at", **seen)
    return t("vpn.seen_at.line", **seen, line=_told(lines[0], "operator"), home=_told(lines[0], "country"))


def _told(detail: dict[str, Any], key: str) -> str:
    value = detail.get(key)
    return short(value) if isinstance(value, str) and value else t("vpn.seen_at.unknown")


def checks_in_order(vpn: VpnVerdict) -> list[VpnCheck]:
    """Return the checks that say something, the worst first; what was not looked at is left out, unless it was asked for by name."""
    said = [check for check in vpn.checks if check.status is not Status.NOT_TESTED or check.check in ON_REQUEST]
    rank = {status: place for place, status in enumerate(_ORDER)}
    return sorted(said, key=lambda check: rank.get(check.status, len(rank)))


def check_of(vpn: VpnVerdict, name: str) -> VpnCheck | None:
    """Return one check, if it was made."""
    return next((check for check in vpn.checks if check.check == name), None)


# --- the picture ----------------------------------------------------------------------------------

_LANE_CHECKS: Final[dict[str, tuple[tuple[str, ...], Cause]]] = {
    "ipv6": (("ipv6", "ipv6_seen"), Cause.VPN_IPV6_OUTSIDE),
    "names": (("names", "names_seen"), Cause.VPN_DNS_OUTSIDE),
    "calls": (("udp",), Cause.VPN_UDP_OUTSIDE),
}
"""Lanes of a VPN that takes everything: the checks that speak of each, and the cause by which it is outside."""

_FIXED: Final[dict[str, tuple[tuple[str, Place], ...]]] = {
    "none": (("everything", Place.OUTSIDE),),
    "mesh": (("private", Place.INSIDE), ("pages", Place.OUTSIDE), ("everything_else", Place.OUTSIDE)),
    "browser_only": (("browser", Place.INSIDE), ("programs", Place.OUTSIDE), ("calls", Place.OUTSIDE)),
    "stale": (("everything", Place.NOWHERE),),
    "unknown": (("everything", Place.UNKNOWN),),
}


_STRAIGHT: Final = ("none", "mesh")
"""States in which pages go straight to the Internet, and are not meant to do otherwise."""


def lanes(vpn: VpnVerdict) -> tuple[Lane, ...]:
    """Return what goes inside the VPN and what outside; what was not looked at is not said to be either."""
    state = state_id(vpn)
    if state in _FIXED:
        return tuple(_lane(ident, place) for ident, place in _FIXED[state])
    first = [_lane("pages", Place.INSIDE)] if state == "full" else [_lane("some_pages", Place.INSIDE), _lane("other_pages", Place.OUTSIDE)]
    return (*first, *_judged(vpn))


def _judged(vpn: VpnVerdict) -> Iterator[Lane]:
    for ident, (names, cause) in _LANE_CHECKS.items():
        own = [check for check in vpn.checks if check.check in names and (check.cause is cause or check.status is Status.WORKS)]
        if own:  # what was seen from outside comes last, and tells more than where a route points
            yield _lane(ident, Place.OUTSIDE if own[-1].cause is cause else Place.INSIDE)


def _lane(ident: str, place: Place) -> Lane:
    return Lane(id=ident, place=place, words=t(f"vpn.lane.{ident}"))


def picture_words(vpn: VpnVerdict) -> str:
    """Return the picture as a screen reader says it."""
    found = lanes(vpn)
    parts = []
    for place in Place:
        names = [lane.words for lane in found if lane.place is place]
        if names:
            parts.append(f"{place_words(place, vpn)}: {join_names(names)}.")
    return " ".join(parts)


def place_words(place: Place, vpn: VpnVerdict) -> str:
    """Return the heading of a part of the picture; without a VPN that pages could go through nothing is outside of it."""
    if place is Place.OUTSIDE and state_id(vpn) in _STRAIGHT:
        return t("vpn.place.straight")
    if place is Place.INSIDE and vpn_names(vpn):
        return t("vpn.place.inside.named", names=vpn_names(vpn))
    return t(f"vpn.place.{place}")


# --- what left it while it was watched --------------------------------------------------------------


def watch_sentence(*, inside: bool, what: str, seconds: float) -> str:
    """Return what happened at one moment of watching, whole seconds after it began."""
    kinds = (f"vpn_watch.event.{what}", f"vpn_watch.{'back' if inside else 'left'}.{what}", f"vpn_watch.{'back' if inside else 'left'}.all")
    return t(next(each for each in kinds if has_text(each)), n=max(0, round(seconds)))


def watch_warning(exam: Status | None) -> str:
    """Return what is said before somebody pulls the plug; ``exam``: what trying to get out beside the VPN came to, if it was tried."""
    known = {Status.WORKS: "holds", Status.PARTIAL: "open"}
    return t(f"vpn_watch.warn.{known.get(exam, 'unknown') if exam is not None else 'unknown'}")


def beside(report: Report) -> list[tuple[str, Status, Status]]:
    """Return each target's id with its status through the VPN and beside it, for those that were tested beside it."""
    whole = {(v.target, v.route): v.status for v in report.verdicts if v.function is None}
    targets = [target for target, route in whole if route == OUTSIDE and not target.startswith(RESOLVER_TARGET)]
    return [(target, whole.get((target, DIRECT), Status.NOT_TESTED), whole[target, OUTSIDE]) for target in targets]


def _is_held(report: Report) -> bool:
    """Tell whether the VPN let nothing be tested beside it."""
    return any(each.id == OUTSIDE and each.cause is Cause.VPN_KILL_SWITCH_ACTIVE for each in report.routes)


def compared_well(report: Report) -> bool:
    """Tell whether a comparison with and without the VPN brought what it was asked for, and everything works with it."""
    found = beside(report)
    known = _is_held(report) or (bool(found) and all(past not in _NOTHING for _, _, past in found))
    through = [each.status for each in report.verdicts if each.route == DIRECT and each.function is None]
    return known and all(status is Status.WORKS for status in through)


def with_and_without(through: Status, past: Status) -> str:
    """Return how a service fares with the VPN and without it, as one phrase."""
    return "; ".join(way_words(kind, status) for kind, status in (("with", through), ("without", past)))


def way_words(kind: str, status: Status) -> str:
    """Return how a service fares one way; ``kind``: with, without."""
    return f"{t(f'vpn.outside.{kind}')}: {status_word(status)}"


def beside_sentence(report: Report) -> str:
    """Return what the comparison with and without the VPN comes to, or nothing where none was asked for."""
    found = beside(report)
    route = next((each for each in report.routes if each.id == OUTSIDE), None)
    if report.network.vpn.state == "none" and (route is not None or found):
        return t("vpn.outside.no_vpn")
    if route is None and not found:
        return ""
    if _is_held(report):
        return t("vpn.outside.held")
    if all(past in _NOTHING for _, _, past in found):
        return t("vpn.outside.none")
    only_with = [name_of(target, report) for target, through, past in found if through in _OPENS and past in _SHUT]
    only_without = [name_of(target, report) for target, through, past in found if past in _OPENS and through in _SHUT]
    said = [t("vpn.outside.only_with", n=len(only_with), names=some_names(only_with))] if only_with else []
    said += [t("vpn.outside.only_without", n=len(only_without), names=some_names(only_without))] if only_without else []
    if said or any(_NOTHING & {through, past} for _, through, past in found):
        return " ".join(said)
    return t("vpn.outside.alike") if all((through in _OPENS) == (past in _OPENS) for _, through, past in found) else ""


def profile_sentence(route: RouteVerdict) -> str:
    """Return the sentence about a profile: by its cause and rule, else by its rule, else by its status.

    What is no VPN, such as SSH, is not called one: it has sentences of its own, by its kind.
    """
    by_rule = f"vpn.rule.{route.rule.partition('.')[2]}"
    candidates = (text_of_cause("cause", route), by_rule, f"vpn_profile.is.{route.status}", "vpn_profile.is.unknown")
    found = next(each for each in candidates if each and has_text(each))
    own = f"{found}.{route.kind}"
    return t(own if has_text(own) else found, service=t("vpn.the_vpn"), host="", name="")
