"""The way through one VPN profile, stage by stage: what was found at each, in plain words, and what would open through it.

Pure: reads a report's observations over the profile's route (``diagnostics/vpn/probing.py`` says what they hold).
"""

from __future__ import annotations

import enum
import statistics
from collections.abc import Mapping
from typing import Final

from app.report_facts import short
from app.sentences import BAD, name_of, some_names, status_word
from app.texts import has_text, number, seconds, t
from diagnostics.failures import INTERRUPTED, TIMEOUT
from diagnostics.model import DIRECT, Fact, Observation, Report, RouteVerdict, Status, Step

_KEYS: Final = ("name", "address", "greeting", "keys", "data", "names", "sizes")
_LOGIN: Final = ("name", "address", "port", "greeting", "keys", "login")
_DATAGRAMS: Final = ("name", "address", "greeting")
_SERVER: Final = ("name", "address", "port", "greeting")
_OF_KIND: Final[dict[str, tuple[str, ...]]] = {
    "wireguard": _KEYS,
    "amneziawg": _KEYS,
    "openvpn": _LOGIN,
    "ikev2": _DATAGRAMS,
    "l2tp": _DATAGRAMS,
}
"""The stages that a protocol has; those that were measured all the same are added."""

_IN_ORDER: Final = ("name", "address", "port", "greeting", "keys", "login", "data", "names", "sizes")
_STAGES: Final[dict[str, tuple[str, ...]]] = {
    "name": ("name",),
    "address": ("alive",),
    "port": ("port",),
    "greeting": ("handshake",),
    "keys": ("keys", "tls"),
    "login": ("login",),
    "data": ("data",),
    "names": ("dns",),
    "sizes": ("mtu",),
}
"""The stages of observations behind each stage that is shown."""

_OPENS: Final = (Status.WORKS, Status.SLOW, Status.PARTIAL)


def lendable(kinds: Mapping[str, str], profile: str) -> tuple[str, ...]:
    """Return those of some proxies, given with their kinds, that may greet the server of a kind of profile from elsewhere."""
    from diagnostics.vpn.lending import can_lend

    return tuple(ident for ident, kind in kinds.items() if can_lend(kind, profile))


class Outcome(enum.StrEnum):
    """How a stage went."""

    PASSED = "passed"
    PARTLY = "partly"
    FAILED = "failed"
    UNKNOWN = "unknown"  # nothing came back, and nothing that was seen says why
    NOT_REACHED = "not_reached"
    NOT_TRIED = "not_tried"


class ProfileStage(Fact, frozen=True):
    """One stage: how it went, and one sentence about it."""

    id: str
    outcome: Outcome
    title: str
    sentence: str


def kind_title(kind: str) -> str:
    """Return what a protocol is called; an unknown one keeps its id."""
    return t(f"vpn.protocol.{kind}") if has_text(f"vpn.protocol.{kind}") else short(kind)


def profile_route(report: Report, ident: str) -> RouteVerdict | None:
    """Return what is held of a profile, if the report knows it."""
    return next((route for route in report.routes if route.id == ident), None)


def profile_stages(report: Report, ident: str, kind: str) -> list[ProfileStage]:
    """Return the stages of a profile's test in the order in which a connection passes them, also of one that is under way."""
    own = [o for o in report.observations if o.route == ident and o.step is Step.VPN and o.failure != INTERRUPTED]
    direct = [o for o in own if str(o.detail.get("by") or DIRECT) == DIRECT]
    seen = {stage: [o for o in direct if o.detail.get("stage") in names] for stage, names in _STAGES.items()}
    wanted = _OF_KIND.get(kind, _SERVER)
    shown = [stage for stage in _IN_ORDER if stage in wanted or seen[stage]]
    route = profile_route(report, ident)
    held = route is not None and route.status in BAD
    made: list[ProfileStage] = []
    broken = False
    for stage in shown:
        outcome = _outcome(stage, seen, started=bool(own), broken=broken)
        if outcome is Outcome.FAILED and not held and _silent(stage, seen[stage]):
            outcome = Outcome.UNKNOWN
        made.append(ProfileStage(id=stage, outcome=outcome, title=t(f"vpn_stage.title.{stage}"), sentence=_sentence(stage, outcome, seen)))
        broken = broken or outcome in (Outcome.FAILED, Outcome.UNKNOWN)
    return made


Seen = dict[str, list[Observation]]


def _silent(stage: str, steps: list[Observation]) -> bool:
    """Tell whether a stage failed without a sign of why: silence has many causes, and alone proves none."""
    unheard = stage == "login" and steps[-1].detail.get("answer") != "refused"
    return unheard or all(o.failure == TIMEOUT for o in steps if o.failure is not None)


def _outcome(stage: str, seen: Seen, *, started: bool, broken: bool) -> Outcome:
    steps = seen[stage]
    if stage == "name" and not steps and started:
        return Outcome.PASSED  # the profile holds the address itself
    if stage == "address":
        return _address(seen)
    if not steps:
        return Outcome.NOT_REACHED if broken else Outcome.NOT_TRIED
    good = [o for o in steps if o.failure is None]
    if stage == "sizes" and good and any(o.detail.get("lost") for o in good):
        return Outcome.PARTLY
    if not good:
        return Outcome.FAILED
    strict = stage in ("keys", "login") and not _in_tls(steps)  # of several ways one that leads on is enough
    return Outcome.FAILED if strict and len(good) < len(steps) else Outcome.PASSED


def _in_tls(steps: list[Observation]) -> bool:
    """Tell whether the keys of a profile are proved by certificates."""
    return any(o.detail.get("stage") == "tls" for o in steps)


def _address(seen: Seen) -> Outcome:
    """Return whether anything lives at the server's address: whatever answered from there says so."""
    answered = [o for stage in ("port", "greeting") for o in seen[stage] if o.failure in (None, "connection_refused")]
    signs = [o for o in seen["address"] if o.failure is None and o.detail.get("signs")]
    if answered or signs:
        return Outcome.PASSED
    return Outcome.NOT_TRIED  # that nothing answers proves nothing


def _sentence(stage: str, outcome: Outcome, seen: Seen) -> str:
    if outcome in (Outcome.NOT_REACHED, Outcome.NOT_TRIED):
        own = f"vpn_stage.{stage}.{outcome}"
        return t(own if has_text(own) else f"vpn_stage.{outcome}")
    if outcome is Outcome.PASSED and stage == "name" and not seen["name"]:
        return t("vpn_stage.name.none")
    if outcome is Outcome.PASSED and stage == "greeting":
        return t("vpn_stage.greeting.passed", seconds=seconds(statistics.median(o.seconds for o in seen[stage] if o.failure is None)))
    if stage == "sizes" and outcome is Outcome.PARTLY:
        largest = max((size for o in seen[stage] for size in _sizes(o)), default=0)
        return t("vpn_stage.sizes.partly", size=number(largest))
    own = _about(stage, outcome, seen[stage]) or f"vpn_stage.{stage}.{outcome}"
    return t(own if has_text(own) else f"vpn_stage.{stage}.{Outcome.FAILED}")


def _about(stage: str, outcome: Outcome, steps: list[Observation]) -> str:
    """Return the id of what is said of a proof by certificates, or of a login that nobody refused; nothing for the rest."""
    failed = outcome in (Outcome.FAILED, Outcome.UNKNOWN)
    if stage == "keys" and _in_tls(steps):
        unheard = failed and not any(o.detail.get("reason") for o in steps)
        proof = Outcome.FAILED if failed else outcome
        return "vpn_stage.proof.unheard" if unheard else f"vpn_stage.proof.{proof}"
    if stage == "login" and failed and steps[-1].detail.get("answer") != "refused":
        return "vpn_stage.login.unheard"
    return ""


def _sizes(o: Observation) -> list[int]:
    """Return the sizes that passed; a stranger's report may hold anything there."""
    passed = o.detail.get("passed")
    return [size for size in passed if isinstance(size, int)] if isinstance(passed, list | tuple) else []


# --- the verdict ------------------------------------------------------------------------------------


def profile_word(route: RouteVerdict) -> str:
    """Return how a profile is, in a few words."""
    if route.status in _OPENS:
        return t("vpn_profile.state.ok") if route.status is Status.WORKS else status_word(route.status)
    return t("vpn_profile.state.bad") if route.status in BAD else status_word(route.status)


def would_open(report: Report, ident: str) -> list[tuple[str, Status]]:
    """Return the name of each service that was tried through a profile, and how it fared."""
    own = [v for v in report.verdicts if v.route == ident and v.function is None and v.status is not Status.NOT_TESTED]
    return [(name_of(v.target, report), v.status) for v in own]


def opens_sentence(report: Report, ident: str) -> str:
    """Return the answer to "would X open through it?", or nothing where no service was tried."""
    found = would_open(report, ident)
    opens = [name for name, status in found if status in _OPENS]
    shut = [name for name, status in found if status in BAD and status not in _OPENS]
    said = [t("vpn_profile.opens", names=some_names(opens))] if opens else []
    said += [t("vpn_profile.shut", names=some_names(shut))] if shut else []
    if found and not said:
        said = [t("vpn_profile.opens_unknown", names=some_names([name for name, _ in found]))]
    return " ".join(said)
