"""The keys of OONI's tests: web_connectivity, whatsapp, telegram, signal and facebook_messenger (ooni/spec ts-017 to -020 and -029).

A key that our evidence does not carry is null.  What each stands for here is in ``docs/reports.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from diagnostics.model import Cause, Endpoint, Observation, Probe, Step, Verdict
from diagnostics.report.ooni_records import Record
from diagnostics.report.ooni_seen import Seen, is_blocked, is_good

Verdicts: TypeAlias = Mapping[str, Verdict]
"""The verdicts of a target's functions over the direct route, by function."""

NO_CONTROL: Final = "unknown_failure: no test helper was asked"
"""Why there is no control measurement, in the form of OONI's error strings (df-007)."""

BLOCKING: Final = {
    Cause.DNS_TAMPERING: "dns",
    Cause.DNS_NO_ANSWER: "dns",
    Cause.IP_BLOCKED: "tcp_ip",
    Cause.NAME_BLOCKED: "http-failure",
    Cause.HTTP_BLOCKED: "http-failure",
    Cause.BLOCK_PAGE: "http-diff",
}
"""OONI's word for what is in the way (ts-017, ``blocking``).  Interception, throttling and refusals have none of theirs."""

_WHATSAPP_ENDPOINT: Final = re.compile(r"e\d{1,2}\.whatsapp\.net")

_FACEBOOK_HOSTS: Final = {
    "stun": "stun.fbsbx.com",
    "b_api": "b-api.facebook.com",
    "b_graph": "b-graph.facebook.com",
    "edge": "edge-mqtt.facebook.com",
    "external_cdn": "external.xx.fbcdn.net",
    "scontent_cdn": "scontent.xx.fbcdn.net",
    "star": "star.c10r.facebook.com",
}
"""OONI's names for the places that its test asks (ts-019)."""

_SIGNAL_HOSTS: Final = {
    "chat": ("chat.signal.org",),
    "contacts": ("cdsi.signal.org",),
    "storage": ("storage.signal.org",),
    "media": ("cdn.signal.org", "cdn2.signal.org"),
    "calls": ("sfu.voip.signal.org",),
}
"""The places that OONI's test asks, by our function (ts-029 with the hosts of probe-cli's signal.go)."""


def web_connectivity(seen: Seen, verdict: Verdict | None, endpoint: Endpoint) -> Record:
    """Return the keys of one page."""
    pages = seen.pages()
    accessible: bool | None = None
    blocking: str | bool | None = None
    consistency: str | None = None
    if verdict is not None and is_good(verdict) and _is_genuine(verdict, pages, endpoint):
        accessible, blocking = True, False
        consistency = "consistent" if endpoint.probe is Probe.HTTPS else None  # a certificate vouches for the address
    elif verdict is not None and is_blocked(verdict, *BLOCKING) and _rests_on(seen, verdict, endpoint.host) and _stands(verdict, pages):
        blocking, accessible = BLOCKING[verdict.cause] if verdict.cause else None, False
        consistency = "inconsistent" if verdict.cause is Cause.DNS_TAMPERING else None
    return {
        "agent": "redirect",
        "client_resolver": None,
        "retries": None,
        "socksproxy": None,
        "x_control_request": None,
        "control": None,
        "control_failure": NO_CONTROL,
        "dns_experiment_failure": seen.dns_failure(endpoint.host),
        "dns_consistency": consistency,
        "http_experiment_failure": seen.failure(),
        "body_proportion": None,
        "body_length_match": None,
        "headers_match": None,
        "status_code_match": None,
        "title_match": None,
        "blocking": blocking,
        "accessible": accessible,
    }


def whatsapp(seen: Seen, verdicts: Verdicts) -> Record:
    """Return the keys of OONI's test of WhatsApp: its own servers e1 to e16, registration, and WhatsApp Web."""
    chat = verdicts.get("chat")
    tried = sorted({o.host for o in seen.of(Step.TCP) if o.host and _WHATSAPP_ENDPOINT.fullmatch(o.host)})
    alive = {o.host for o in seen.named_by(chat) if o.failure is None} if chat and is_good(chat) else set()
    dead = [host for host in tried if host not in alive]
    status: str | None = None
    blocked: list[str] | None = None
    if len(dead) < len(tried):
        status, blocked = "ok", None if dead else []
    elif tried and is_blocked(chat) and not seen.connects(tried):
        status, blocked = "blocked", tried
    web = _status(seen, verdicts.get("web"), "web.whatsapp.com")
    registration = _status(seen, verdicts.get("registration"), "v.whatsapp.net")
    return {
        "registration_server_failure": registration[1],
        "registration_server_status": registration[0],
        "whatsapp_endpoints_blocked": blocked,
        "whatsapp_endpoints_dns_inconsistent": [],  # "legacy key that is always empty" (ts-018)
        "whatsapp_endpoints_status": status,
        "whatsapp_web_failure": web[1],
        "whatsapp_web_status": web[0],
    }


def telegram(seen: Seen, verdicts: Verdicts) -> Record:
    """Return the keys of OONI's test of Telegram; its servers were asked in Telegram's own protocol, never over HTTP."""
    chat = verdicts.get("chat")
    tcp: bool | None = None
    if any(o.failure is None for o in seen.of(Step.MTPROTO)):
        tcp = False
    elif chat and is_blocked(chat, Cause.IP_BLOCKED) and not seen.connects(o.host or "" for o in seen.named_by(chat)):
        tcp = True
    web = _status(seen, verdicts.get("web"), "web.telegram.org")
    return {"telegram_http_blocking": None, "telegram_tcp_blocking": tcp, "telegram_web_failure": web[1], "telegram_web_status": web[0]}


def signal(seen: Seen, verdicts: Verdicts) -> Record:
    """Return the keys of OONI's test of Signal: any of its places blocked is blocked, all of them well is well."""
    parts = [_status(seen, verdicts.get(function), *hosts) for function, hosts in _SIGNAL_HOSTS.items()]
    blocked = [part for part in parts if part[0] == "blocked"]
    status = "blocked" if blocked else "ok" if all(part[0] == "ok" for part in parts) else None
    return {"signal_backend_failure": blocked[0][1] if blocked else None, "signal_backend_status": status}


def facebook_messenger(seen: Seen, verdicts: Verdicts) -> Record:
    """Return the keys of OONI's test of Messenger.

    Its test asks if an address belongs to Facebook's network; ours if a valid certificate was had there.
    """
    keys: Record = {}
    for name, host in _FACEBOOK_HOSTS.items():
        about = [v for v in verdicts.values() if any(o.host == host for o in seen.named_by(v))]
        honest = any(o.failure is None and seen.vouched(o) for o in seen.of(Step.TLS, host))
        lied = any(is_blocked(v, Cause.DNS_TAMPERING) and _rests_on(seen, v, host) for v in about)
        cut_off = any(is_blocked(v, Cause.IP_BLOCKED) and _rests_on(seen, v, host) for v in about)
        keys[f"facebook_{name}_dns_consistent"] = True if honest else False if lied else None
        secured = any(o.failure is None for o in seen.of(Step.TLS, host))  # a mere connection may be anybody's
        keys[f"facebook_{name}_reachable"] = True if secured else False if cut_off else None
    for what, suffix in (("facebook_dns_blocking", "_dns_consistent"), ("facebook_tcp_blocking", "_reachable")):
        found = [value for key, value in keys.items() if key.endswith(suffix)]
        keys[what] = True if False in found else None if None in found else False
    return keys


def _status(seen: Seen, verdict: Verdict | None, *hosts: str) -> tuple[str | None, str | None]:
    """Return OONI's status and failure of a function: ok or blocked where that is certain, else nothing."""
    if is_good(verdict) and all(any(o.failure is None for o in seen.of(Step.HTTP, host)) for host in hosts):
        return "ok", None
    if is_blocked(verdict):
        return "blocked", seen.failure(hosts) or next((why for host in hosts if (why := seen.dns_failure(host))), None)
    return None, None


def _is_genuine(verdict: Verdict, pages: Sequence[Observation], endpoint: Endpoint) -> bool:
    """Tell whether a page is the site's own: a certificate says so, or the verdict itself names it.

    In clear text anybody may have written it, and a function of several pages works as soon as another of them does.
    """
    return bool(pages) if endpoint.probe is Probe.HTTPS else any(o.id in verdict.evidence for o in pages)


def _stands(verdict: Verdict, pages: Sequence[Observation]) -> bool:
    """Tell whether a blocked function speaks of this page, too: none came in, or what did is what the verdict calls a notice."""
    return not pages or (verdict.cause is Cause.BLOCK_PAGE and all(o.id in verdict.evidence for o in pages))


def _rests_on(seen: Seen, verdict: Verdict, host: str) -> bool:
    return any(o.host == host for o in seen.named_by(verdict))


APP_TESTS: Final[dict[str, tuple[str, Callable[[Seen, Verdicts], Record]]]] = {
    "whatsapp": ("whatsapp", whatsapp),
    "telegram": ("telegram", telegram),
    "signal": ("signal", signal),
    "messenger": ("facebook_messenger", facebook_messenger),
}
"""Services for which OONI has a test of their own: its name and its keys."""
