"""Rules of the proxies of Telegram, Signal and WhatsApp: each carries one program, and is judged by what that program needs.

Proof is an answer that only the service itself can give: Telegram's reply to our question, Signal's certificate inside the proxy's
own TLS, WhatsApp's certificate through the ports of pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from diagnostics.failures import CERTIFICATE_FAILURES, EOF, FAILED_HANDSHAKE, REFUSED, RESET, TIMEOUT, WRONG_ANSWER
from diagnostics.judge.evidence import Finding, ids
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, RouteVerdict, Service, Status, Step, Verdict
from diagnostics.routes.link import APPS

if TYPE_CHECKING:
    from diagnostics.judge.route_evidence import RouteEvidence

AUTH: Final = "proxy_authentication_failed"
WRONG_PROTOCOL: Final = "proxy_wrong_protocol"
BAD_REPLY: Final = "proxy_bad_reply"
"""Failures of ``routes/tunnel.py``; the judge reads them from reports and imports no dialer."""

CLOCK_BEHIND, CLOCK_AHEAD = -300.0, 600.0
"""Seconds by which this computer's clock may be off before a disguised Telegram proxy may answer as a stranger: half of what
mtprotoproxy allows (TIME_SKEW_MIN -1200, TIME_SKEW_MAX 600 of the server's time minus ours), since other proxies allow less."""

CLOCK_EXACT: Final = 3.0
"""Seconds within which a clock is right enough for the strictest of them (mtg allows 5 by default; a Date header has whole seconds)."""

SIGNAL_CHAT: Final = "chat.signal.org"
WHATSAPP_FRONT: Final = "whatsapp.net"
NEUTRAL: Final = "neutral_name"
DATES: Final = (9, 10)
"""OpenSSL's verify codes of a certificate that is not valid yet, or not any more."""

MEDIA_DOORS: Final = 2
"""Ports of pictures that must have failed before they are called dead."""

_EXPIRED: Final = 10
_SILENT: Final = frozenset({TIMEOUT, "timed_out"})
_CUT: Final = frozenset({RESET, EOF, "connection_aborted"})
_GOOD: Final = (Status.WORKS, Status.PARTIAL)


def app_of(known: RouteEvidence) -> str:
    """Return the service whose own proxy a route is, or nothing for a route that carries any."""
    told = str(known.note.detail.get("proxy")) if known.note else ""
    return next((app for kind, app in APPS.items() if kind == told), "")


def judge_app(
    route: str, observations: Sequence[Observation], known: RouteEvidence, targets: Sequence[Service], network: NetworkVerdict
) -> tuple[RouteVerdict, list[Verdict]]:
    """Return the verdict of an app's proxy, and of its service over it if that is in the plan; other services do not pass it."""
    app = app_of(known)
    case = _Case(known, network, [o for o in observations if o.step is Step.SYSTEM and o.detail.get("kind") == "heard"])
    found, functions = _JUDGES[app](case)
    if found.status not in _GOOD and network.cause in (Cause.NO_INTERNET, Cause.CAPTIVE_PORTAL):
        found, functions = _masked(network), {}
    verdict = found.of_route(route, next(kind for kind, name in APPS.items() if name == app))
    service = next((target for target in targets if target.id == app), None)
    if service is None:
        return verdict, []
    own = {function.id for function in service.functions}
    said: dict[str | None, Finding] = {None: found, **{key: value for key, value in functions.items() if key in own}}
    return verdict, [finding.of_target(app, function, route) for function, finding in said.items()]


def may_confirm(over: Verdict, routes: Sequence[RouteVerdict]) -> bool:
    """Tell whether a service over a route proves what it is held against: of an app's own proxy, the function that was proven."""
    apps = {each.id for each in routes if each.kind in APPS}
    return over.route not in apps or (over.function is not None and over.certainty is Certainty.CERTAIN)


def carried_by_none(targets: Sequence[Service], routes: Sequence[RouteVerdict], over: Sequence[Verdict]) -> Iterator[Verdict]:
    """Yield the services of a run without the direct line that none of its proxies carries."""
    told = {verdict.target for verdict in over}
    if routes and all(route.kind in APPS for route in routes):
        yield from (Verdict(target=t.id, status=Status.NOT_TESTED, rule="plan.empty") for t in targets if t.id not in told)


class _Case:
    """What is known of one proxy: its own steps, the line, and which other protocols were heard inside."""

    def __init__(self, known: RouteEvidence, network: NetworkVerdict, heard: Sequence[Observation]) -> None:
        self.known = known
        self.network = network
        self.heard = heard

    def stage(self, name: str) -> list[Observation]:
        return self.known.stage(name)

    def not_reached(self) -> Finding | None:
        """Judge a proxy whose name leads nowhere, or whose ports all fail."""
        names, known = _all_failed(self.stage("name")), [o for o in self.stage("name_elsewhere") if o.failure is None]
        there = [o for o in self.stage("connect") if o.failure is None]
        if names and not known and not there:
            return _said(Status.DOWN, "route.name_unknown", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, names)
        if names and known and there:
            return _said(Status.DOWN, "route.name_misled", Cause.PROXY_BLOCKED, Certainty.LIKELY, names, known, there[:1])
        failed = _all_failed(self.stage("connect"))
        if any(o.failure == REFUSED for o in failed):
            sure = Certainty.CERTAIN if self.known.near else Certainty.LIKELY
            return _said(Status.DOWN, "route.refused", Cause.PROXY_DOWN, sure, failed)
        return _said(Status.DOWN, "route.silent", Cause.PROXY_UNREACHABLE, Certainty.LIKELY, failed) if failed else None

    def not_secured(self) -> Finding | None:
        """Judge a proxy with which no TLS session came about."""
        failed = _all_failed(self.stage("secure"))
        if not failed:
            return None
        strangers = _strangers(failed)
        if strangers:
            if masked := self.masks_certificate(strangers):
                return masked
            if strangers[0].detail.get("verify_code") == _EXPIRED:
                return _said(Status.DOWN, "route.outer_expired", None, Certainty.LIKELY, strangers)
            return _said(Status.DOWN, "route.outer_certificate", Cause.PROXY_INTERCEPTS, Certainty.LIKELY, strangers)
        if any(o.failure in _CUT | _SILENT for o in failed):
            # a server that is no such proxy closes as well: nobody is accused without a harmless name that passes
            return _said(Status.DOWN, "route.cut_at_first_word", None, Certainty.LIKELY, failed)
        return _said(Status.DOWN, "route.no_tls", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, failed)

    def masks_certificate(self, strangers: Sequence[Observation]) -> Finding | None:
        """Return what else explains a certificate that was not believed: this computer's clock, or a root of its own."""
        dates = any(o.detail.get("verify_code") in DATES for o in strangers)
        clock = self.network.cause is Cause.WRONG_CLOCK and dates
        return _masked(self.network) if clock or self.network.cause is Cause.LOCAL_INTERCEPTION else None


def _said(status: Status, rule: str, cause: Cause | None, certainty: Certainty, *evidence: Sequence[Observation]) -> Finding:
    return Finding(status=status, rule=rule, cause=cause, certainty=certainty, evidence=ids(*evidence))


def _masked(network: NetworkVerdict) -> Finding:
    return Finding(
        status=Status.UNKNOWN, rule=network.rule, cause=network.cause, certainty=Certainty.NONE, evidence=tuple(network.evidence[:8])
    )


def _all_failed(steps: Sequence[Observation]) -> list[Observation]:
    """Return the failed steps if there is no other."""
    failed = [o for o in steps if o.failure]
    return failed if len(failed) == len(steps) else []


def _strangers(steps: Sequence[Observation]) -> list[Observation]:
    """Return handshakes that we ended because the certificate was not believed."""
    return [o for o in steps if o.failure in CERTIFICATE_FAILURES and "verify_code" in o.detail]


_NOT_MEASURED: Final = Finding(status=Status.NOT_TESTED, rule="route.not_measured", certainty=Certainty.NONE)
_Judged = tuple[Finding, dict[str, Finding]]


# --- Telegram ------------------------------------------------------------------------------------------


def _telegram(case: _Case) -> _Judged:
    answered = [o for o in case.known.mtproto if o.failure is None and o.detail.get("answered") is True]
    if answered:
        found = _said(Status.WORKS, "route.app_answers", None, Certainty.CERTAIN, answered)
        return found, {"chat": found}
    return case.not_reached() or _telegram_secret(case) or _telegram_beyond(case), {}


def _telegram_secret(case: _Case) -> Finding | None:
    """Judge a disguised proxy that did not take our secret: it shows its site to whoever lacks it."""
    failed = _all_failed(case.stage("secret"))
    if not failed:
        return None
    site = [o for o in failed if o.failure == AUTH or (o.failure in _SILENT and _number(o, "received") > 0)]
    if site:
        off, cause = case.network.clock_skew_s, case.network.cause
        if cause is Cause.LOCAL_INTERCEPTION:
            return _masked(case.network)
        if cause is Cause.WRONG_CLOCK or (off is not None and not CLOCK_BEHIND <= off <= CLOCK_AHEAD):
            return _said(Status.UNKNOWN, "route.clock_too_far", Cause.WRONG_CLOCK, Certainty.NONE, site)
        whole = off is not None and abs(off) <= CLOCK_EXACT and any(o.detail.get("whole") is True for o in site)
        return _said(Status.DOWN, "route.decoy_answers", Cause.PROXY_AUTH, Certainty.CERTAIN if whole else Certainty.LIKELY, site)
    other = [o for o in failed if o.failure in (WRONG_PROTOCOL, BAD_REPLY)]
    if other:
        return _said(Status.DOWN, "route.other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.CERTAIN, other)
    neutral = [o for o in case.stage("neutral") if o.failure is None]
    if neutral:
        return _said(Status.DOWN, "route.site_name_cut", Cause.PROXY_BLOCKED, Certainty.LIKELY, failed, neutral)
    return _silent_or_cut(failed, "route.does_not_answer", Cause.PROXY_WRONG_PROTOCOL)


def _telegram_beyond(case: _Case) -> Finding:
    """Judge a proxy that took the connection, and perhaps the secret, and brought nothing from Telegram."""
    failed = case.known.mtproto
    if not failed:
        return _NOT_MEASURED
    if any(isinstance(o.detail.get("error_code"), int) for o in failed):
        return _said(Status.UNKNOWN, "route.cut_short", None, Certainty.NONE, failed)  # it was reached, and said no to our question
    taken = [o for o in case.stage("secret") if o.failure is None]
    if taken:
        return _said(Status.DOWN, "route.app_unreachable", None, Certainty.LIKELY, taken, failed)
    if any(o.detail.get("speaks") for o in failed):
        return _said(Status.DOWN, "route.site_answers", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, failed)
    if any(o.failure == WRONG_ANSWER for o in failed):
        return _said(Status.DOWN, "route.other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, failed)
    return _silent_or_cut(failed, "route.silent_to_secret", None)


def _silent_or_cut(failed: Sequence[Observation], silent: str, cause: Cause | None) -> Finding:
    """Judge a proxy that says nothing: silence is the rule ``silent``; cutting is what a wrong secret looks like, and a filter too."""
    if all(o.failure in _SILENT for o in failed):
        return _said(Status.DOWN, silent, cause, Certainty.LIKELY, failed)
    return _said(Status.DOWN, "route.secret_or_cut", Cause.PROXY_AUTH, Certainty.LIKELY, failed)


def _number(o: Observation, key: str) -> float:
    value: Any = o.detail.get(key)
    return value if isinstance(value, int | float) else 0


# --- Signal --------------------------------------------------------------------------------------------


def _signal(case: _Case) -> _Judged:
    inner = [o for o in case.known.tls if o.host == SIGNAL_CHAT]
    shaken = [o for o in inner if o.failure is None]
    if not shaken:
        return case.not_reached() or case.not_secured() or _signal_beyond(case, inner), {}
    pages = [o for o in case.known.pages if o.host == SIGNAL_CHAT]
    whole = [o for o in pages if o.failure is None and o.detail.get("complete")]
    if pages and not whole:
        return _said(Status.UNKNOWN, "route.cut_short", None, Certainty.NONE, shaken, pages), {}
    strangers_pass = [o for o in _neutral(case) if o.failure is None]
    rule = "route.open_relay" if strangers_pass else "route.app_answers"
    found = _said(Status.WORKS, rule, None, Certainty.CERTAIN, shaken, whole, strangers_pass)
    return found, {"chat": found}


def _neutral(case: _Case) -> list[Observation]:
    """Return the handshakes with a name that is not Signal's."""
    return [o for o in case.known.neutral if o.detail.get("purpose") == NEUTRAL and o.host != SIGNAL_CHAT]


def _signal_beyond(case: _Case, inner: Sequence[Observation]) -> Finding:
    """Judge a proxy that is there, and inside which nobody proved to be Signal."""
    if not inner:
        return _NOT_MEASURED
    strangers = _strangers(inner)
    if strangers:
        if masked := case.masks_certificate(strangers):
            return masked
        if all(o.detail.get("verify_code") in DATES for o in strangers):
            return _said(Status.UNKNOWN, "route.cut_short", None, Certainty.NONE, strangers)  # an old certificate is no stranger's
        others = _strangers(_neutral(case))
        sure = Certainty.CERTAIN if others else Certainty.LIKELY
        return _said(Status.DOWN, "route.another_answers", Cause.PROXY_INTERCEPTS, sure, strangers, others)
    if case.heard and any(o.failure == FAILED_HANDSHAKE for o in inner):
        return _said(Status.DOWN, "route.other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.CERTAIN, inner, case.heard[:1])
    return _said(Status.DOWN, "route.app_unreachable", None, Certainty.LIKELY, inner)


# --- WhatsApp ------------------------------------------------------------------------------------------


def _whatsapp(case: _Case) -> _Judged:
    media = [o for o in case.known.tls if o.host == WHATSAPP_FRONT]
    proof = [o for o in media if o.failure is None and _is_whatsapps(o)]
    chat = [o for o in case.stage("chat") if o.failure is None]
    spoken = [o for o in chat if o.detail.get("noise") is True]
    if proof and chat:
        found = _said(Status.WORKS, "route.app_answers", None, Certainty.CERTAIN, spoken or chat, proof)
        return found, {"chat": _chat(spoken, chat), "media": _said(Status.WORKS, "route.app_answers", None, Certainty.CERTAIN, proof)}
    heard = [o for o in case.stage("chat") if o.failure == WRONG_PROTOCOL]
    if heard and not chat and not proof:
        return _said(Status.DOWN, "route.other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.CERTAIN, heard), {}
    foreign = _strangers(media) + [o for o in media if o.failure is None and not _is_whatsapps(o)]
    if foreign and not proof:
        return _foreign(case, foreign), {}
    if proof:
        dead = [o for o in (*case.stage("connect"), *case.stage("secure"), *case.stage("chat")) if o.failure and _door(o) == "chat"]
        return _half(proof, dead, "route.media_only", _said(Status.WORKS, "route.app_answers", None, Certainty.CERTAIN, proof), "media")
    if chat:
        shut = [o for o in case.stage("connect") if o.failure and _door(o) == "media"] + [o for o in media if o.failure]
        shut = shut if len(shut) >= MEDIA_DOORS else []
        return _half(chat, shut, "route.chat_only", _chat(spoken, chat), "chat")
    return case.not_reached() or _whatsapp_beyond(case, media), {}


def _chat(spoken: Sequence[Observation], held: Sequence[Observation]) -> Finding:
    """Judge the chat: certain where WhatsApp's own protocol was answered."""
    return _said(Status.WORKS, "route.app_answers", None, Certainty.CERTAIN if spoken else Certainty.LIKELY, spoken or held)


def _half(alive: Sequence[Observation], dead: Sequence[Observation], rule: str, works: Finding, function: str) -> _Judged:
    """Judge a proxy of which one half is alive; what happened to the other one must have been measured."""
    if not dead:
        return _said(Status.UNKNOWN, "route.cut_short", None, Certainty.NONE, alive), {}
    other = "media" if function == "chat" else "chat"
    gone = _said(Status.DOWN, rule, None, Certainty.LIKELY, dead)
    return _said(Status.PARTIAL, rule, None, Certainty.LIKELY, alive, dead), {function: works, other: gone}


def _foreign(case: _Case, foreign: Sequence[Observation]) -> Finding:
    """Judge certificates of somebody else where WhatsApp's own was due."""
    if masked := case.masks_certificate(foreign):
        return masked
    if all(o.detail.get("verify_code") in DATES for o in foreign):
        return _said(Status.UNKNOWN, "route.cut_short", None, Certainty.NONE, foreign)  # an old certificate is no stranger's
    sure = Certainty.CERTAIN if len(foreign) >= MEDIA_DOORS else Certainty.LIKELY
    return _said(Status.DOWN, "route.another_answers", Cause.PROXY_INTERCEPTS, sure, foreign)


def _whatsapp_beyond(case: _Case, media: Sequence[Observation]) -> Finding:
    """Judge a proxy whose computer takes connections, none of which led to WhatsApp."""
    tried = [o for o in (*case.stage("chat"), *media) if o.failure]
    if any(o.failure == WRONG_ANSWER for o in tried):
        return _said(Status.DOWN, "route.other_protocol", Cause.PROXY_WRONG_PROTOCOL, Certainty.LIKELY, tried)
    if tried:
        return _said(Status.DOWN, "route.app_unreachable", None, Certainty.LIKELY, tried)
    return case.not_secured() or _NOT_MEASURED


def _door(o: Observation) -> object:
    return o.detail.get("door")


def _is_whatsapps(o: Observation) -> bool:
    """Tell whether a valid certificate belongs to WhatsApp."""
    certificate = o.detail.get("certificate")
    names = certificate.get("names") if isinstance(certificate, dict) else None
    found = [str(name).lower() for name in names] if isinstance(names, list | tuple) else []
    return any(name == WHATSAPP_FRONT or name.endswith(f".{WHATSAPP_FRONT}") for name in found)


_JUDGES: Final[dict[str, Callable[[_Case], _Judged]]] = {"telegram": _telegram, "signal": _signal, "whatsapp": _whatsapp}
