"""What was measured over one proxy, sorted for the rules; nothing here decides.

Failures and words of ``routes/tunnel.py``, ``routes/socks.py`` and ``probes/route.py`` are repeated here: the judge reads them from
reports and imports no dialer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.failures import CERTIFICATE_FAILURES, DEATHS, INTERRUPTED, TIMEOUT, died
from diagnostics.judge.evidence import OURS, Evidence, Finding, base_domain
from diagnostics.model import Cause, Certainty, Observation, Status, Step

AUTH: Final = "proxy_authentication_failed"
WRONG_PROTOCOL: Final = "proxy_wrong_protocol"
BAD_REPLY: Final = "proxy_bad_reply"
NOT_ALLOWED: Final = "socks_connection_not_allowed"
FORBIDDEN: Final = 403
TOR: Final = "tor"
GUESS: Final = "guess"
"""Purpose of steps that only ask what a proxy speaks."""

SILENCES: Final = frozenset({TIMEOUT, "timed_out"})
OWN_SPEECH: Final = {
    "socks4": "socks4",
    "socks4a": "socks4",
    "socks5": "socks5",
    "socks5h": "socks5",
    "http": "http_proxy",
    "https": "https_proxy",
}
"""What is heard where a proxy of a kind answers as one."""

INSIDE_TLS: Final = frozenset({"https", "trojan", "vless", "vmess"})
INSIDE_TLS_SPEECH: Final = frozenset({"tls", "http", "https_proxy"})
"""Kinds that may be spoken inside TLS, and what is heard at their ports by who greets in the clear: an alert, or the page with which
web servers ask for TLS."""

READABLE: Final = frozenset({"http", "socks4", "socks4a", "socks5", "socks5h"})
"""Kinds inside which everybody between this computer and the proxy reads what would be read without it."""


class RouteEvidence:
    """What was measured over one route."""

    def __init__(self, observations: Sequence[Observation]) -> None:
        """Sort by step; what was interrupted proves nothing."""
        whole = [o for o in observations if o.failure != INTERRUPTED]
        self.note = next((o for o in whole if o.step is Step.SYSTEM and o.detail.get("kind") == "route"), None)
        self.proxy = [o for o in whole if o.step is Step.PROXY]
        shaken = [o for o in whole if o.step is Step.TLS]
        self.tls = [o for o in shaken if word(o, "purpose") in OURS]
        self.neutral = [o for o in shaken if o.detail.get("purpose") == "neutral_name"]
        self.pages = [o for o in whole if o.step is Step.HTTP]
        self.mtproto = [o for o in whole if o.step is Step.MTPROTO]

    def stage(self, name: str) -> list[Observation]:
        """Return the steps of one stage of getting through, without those that only asked what the proxy speaks."""
        return [o for o in self.proxy if o.detail.get("stage") == name and word(o, "purpose") not in (GUESS, "neutral_name")]

    @property
    def guesses(self) -> list[Observation]:
        """Return the steps that asked what the proxy speaks."""
        return [o for o in self.proxy if o.detail.get("purpose") == GUESS]

    @property
    def heard(self) -> list[Observation]:
        """Return the steps in which another protocol than the proxy's was heard."""
        own = INSIDE_TLS_SPEECH if self.kind in INSIDE_TLS else {OWN_SPEECH.get(self.kind)}
        return [o for o in self.proxy if word(o, "speaks") not in ("", *own)]

    @property
    def whole_pages(self) -> list[Observation]:
        """Return the pages that came in whole."""
        return [o for o in self.pages if o.failure is None and o.detail.get("complete")]

    @property
    def told_kind(self) -> str:
        """Return the kind as the person gave it."""
        return word(self.note, "proxy") if self.note else ""

    @property
    def kind(self) -> str:
        """Return what kind of proxy it is: as found out where the person gave an address alone."""
        told = self.told_kind
        if told != "auto":
            return told
        used = [word(o, "kind") for o in self.stage("open")]
        asked = [(word(o, "kind"), word(o, "speaks")) for o in self.guesses]
        answered = [kind for kind, speaks in asked if speaks and speaks == OWN_SPEECH.get(kind)]
        return next(iter([*used, *answered]), told)

    @property
    def near(self) -> bool:
        """Tell whether the proxy lives on this computer or in its own network, so that nobody outside sees the way to it.

        A name that leads there does not count: a directory that lies may have said so.
        """
        return not self.stage("name") and any(o.detail.get("bogon") for o in self.stage("connect"))

    @property
    def believed(self) -> Certainty:
        """Return how far a refusal in words is believed: what travels readably can be forged by whoever reads it."""
        return Certainty.CERTAIN if self.near or self.kind not in READABLE else Certainty.LIKELY

    def strangers(self) -> list[Observation]:
        """Return the handshakes with targets that ended at a certificate which was not believed."""
        return [o for o in self.tls if o.failure in CERTIFICATE_FAILURES and "verify_code" in o.detail]

    def deaths(self, target: str | None) -> list[Observation]:
        """Return the handshakes with the places of a target that were cut."""
        return [o for o in self.tls if o.target == target and died(o)]

    def passing_neutrals(self, target: str | None) -> list[Observation]:
        """Return handshakes with a harmless name that places of a target went on with, up to a certificate."""
        return [o for o in self.neutral if o.target == target and (o.failure is None or "verify_code" in o.detail)]


class DirectLine:
    """What the direct line showed of the same places: what fails alike there is no proxy's fault."""

    def __init__(self, evidence: Evidence, name_blocked: frozenset[str] = frozenset()) -> None:
        """Look into ``evidence``; ``name_blocked`` are the targets whose name is cut there for certain."""
        self._evidence = evidence
        self.name_blocked = name_blocked

    def shaken(self, host: str) -> list[Observation]:
        """Return the handshakes with a name that went out directly."""
        return [o for o in self._evidence.tls.get(host, ()) if Evidence.purpose(o) in OURS]

    def alike(self, over: Observation) -> list[Observation]:
        """Return direct handshakes with the same name that ended at a certificate for the same reason."""
        own = self.shaken(str(over.host))
        return [o for o in own if o.failure == over.failure and o.detail.get("verify_code") == over.detail.get("verify_code")]

    def well(self, host: str) -> list[Observation]:
        """Return direct handshakes with a name that showed a valid certificate."""
        return [o for o in self.shaken(host) if o.failure is None]


def word(o: Observation, key: str) -> str:
    """Return a word of a step's detail, or nothing: a report comes from strangers."""
    value = o.detail.get(key)
    return value if isinstance(value, str) else ""


def code(o: Observation, key: str = "verify_code") -> int:
    """Return a number of a step's detail, or 0."""
    value = o.detail.get(key)
    return value if isinstance(value, int) else 0


def owners(steps: Sequence[Observation]) -> set[str]:
    """Return who owns the names of some steps."""
    return {base_domain(str(o.host)) for o in steps}


def cut(o: Observation) -> bool:
    """Tell whether a step was ended by somebody: reset, closed, or left without an answer."""
    return o.failure in DEATHS


def said(status: Status, rule: str, cause: Cause | None, certainty: Certainty, evidence: Sequence[str]) -> Finding:
    """Return a finding."""
    return Finding(status=status, rule=rule, cause=cause, certainty=certainty, evidence=tuple(evidence))
