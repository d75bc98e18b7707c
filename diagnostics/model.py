"""The vocabulary of Atajo: what is tested, what was seen, what it means.

Data flows one way.  A *plan* names targets; measuring yields *observations*, one a step; judging turns observations
into *verdicts*; a *report* carries all of it.  Every struct is frozen: a fact does not change after it was recorded.
Ids (enum values, rule ids, keys) are a public contract: they appear in reports and are never renamed.

Enums that appear in reports are *open*: a report written by a newer Atajo may carry a value that this one does not
know, and it is shown as it is instead of being refused.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from diagnostics.enums import LOCAL_CAUSES as LOCAL_CAUSES
from diagnostics.enums import MAX_ENUM_TEXT as MAX_ENUM_TEXT
from diagnostics.enums import Cause as Cause
from diagnostics.enums import Certainty as Certainty
from diagnostics.enums import OpenEnum as OpenEnum
from diagnostics.enums import Status as Status
from diagnostics.enums import Step as Step

REPORT_FORMAT = "atajo-report"
REPORT_VERSION = 1

RESOLVER_TARGET = "resolver:"
"""Prefix of the targets under which public resolvers are judged; they are no services and nobody asked for them."""


DIRECT = "direct"
"""The route of whatever goes out as it is."""

OUTSIDE = "outside"
"""The route beside a VPN that is up: what the same line shows without it."""

WAYS = "ways"
"""The route of everything that was tried as a way round: it says nothing about the line as it is, and is judged apart."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Base of every immutable record."""


class Observation(Fact, frozen=True):
    """One step with its outcome: what happened, not what it means.

    ``t`` is the start in seconds since the run began, ``seconds`` the duration.  ``failure`` is one of OONI's failure
    strings (df-007) or None.  ``address`` is the peer: for ``dns`` the resolver's address, else the server's.
    ``detail`` is specific to the step; its keys are documented with the probe that writes them
    (``diagnostics/probes``).
    """

    id: str
    step: Step
    target: str | None = None
    host: str | None = None
    address: str | None = None
    route: str = "direct"
    t: float = 0.0
    seconds: float = 0.0
    failure: str | None = None
    detail: dict[str, Any] = {}

    def __str__(self) -> str:
        """Say the observation in one line, for logs and terminals."""
        where = "/".join(part for part in (self.target, self.host, self.address) if part)
        return f"{self.id} {self.step} {where} {self.failure or 'ok'} {self.seconds:.3f}s"


class Verdict(Fact, frozen=True):
    """What we hold to be true of one target over one route, and why.

    A verdict claims no more than the observations named in ``evidence`` carry, so that anybody can check it later
    without a network.  ``function`` None speaks of the whole target.  ``rule`` is ``layer.name``.
    """

    target: str
    function: str | None = None
    route: str = "direct"
    status: Status = Status.UNKNOWN
    cause: Cause | None = None
    certainty: Certainty = Certainty.NONE
    rule: str = ""
    evidence: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say the verdict in one line."""
        what = f"{self.target}/{self.function}" if self.function else self.target
        return f"{what} {self.status} {self.cause or '-'} {self.certainty} [{self.rule}]"


class VpnCheck(Fact, frozen=True):
    """One thing that was looked at about this computer's VPN: ``check`` says which, the rest what was found.

    ``works``: it is as it should be; ``partial``: it protects only in part; ``down``: it does not work; ``unknown``, ``not_tested``.
    """

    check: str
    status: Status = Status.UNKNOWN
    cause: Cause | None = None
    certainty: Certainty = Certainty.NONE
    rule: str = ""
    evidence: tuple[str, ...] = ()


class VpnVerdict(Fact, frozen=True):
    """What we hold to be true of this computer's VPN.

    ``state``: none, full, split, mesh, browser_only, stale (an adapter or a block is left, no tunnel), unknown.  ``clients``: ids of
    ``resources/vpn_clients.toml``, or a kind of adapter where no client is recognised.
    """

    state: str = "unknown"
    clients: tuple[str, ...] = ()
    checks: tuple[VpnCheck, ...] = ()

    def left_block(self) -> VpnCheck | None:
        """Return the check that found what is left of a VPN and lets nothing out, if one did."""
        return self._down_by(Cause.VPN_KILL_SWITCH_ACTIVE)

    def no_traffic(self) -> VpnCheck | None:
        """Return the check by which nothing comes back through the VPN, if one says so."""
        return self._down_by(Cause.VPN_NO_TRAFFIC)

    def _down_by(self, cause: Cause) -> VpnCheck | None:
        return next((check for check in self.checks if check.cause is cause and check.status is Status.DOWN), None)


class NetworkVerdict(Fact, frozen=True):
    """What we hold to be true of this computer and its line."""

    status: Status = Status.UNKNOWN
    cause: Cause | None = None
    certainty: Certainty = Certainty.NONE
    rule: str = ""
    evidence: tuple[str, ...] = ()
    ipv6: str = "unknown"  # works, broken, none, unknown
    clock_skew_s: float | None = None  # this computer's clock minus the controls' Date, seconds
    system_proxy: str | None = None
    vpn: VpnVerdict = VpnVerdict()

    def cut_by(self) -> VpnCheck | None:
        """Return what of a VPN explains that nothing passes over this line, else None: then neither modem nor provider is at fault."""
        return self.vpn.left_block() or self.vpn.no_traffic() if self.cause is Cause.NO_INTERNET else None


class RouteVerdict(Fact, frozen=True):
    """What we hold to be true of one way out."""

    id: str = "direct"
    kind: str = "direct"
    label: str = ""
    status: Status = Status.UNKNOWN
    cause: Cause | None = None
    certainty: Certainty = Certainty.NONE
    rule: str = ""
    evidence: tuple[str, ...] = ()


class Workaround(Fact, frozen=True):
    """One way round that was tried for a target.  ``id`` is written in the grammar of ``diagnostics/workarounds/identity.py``.

    ``works``: every try brought a valid certificate and the page; ``partial``: ``passed`` of ``tries`` did; ``blocked``: none of at
    least two; ``unknown``: too few tries to tell; ``not_tested``: none was made.  ``seconds`` is the median of those that passed, from
    the question for the name to the last byte of the page, and 0 without one.
    """

    id: str
    target: str | None = None
    status: Status = Status.UNKNOWN
    seconds: float = 0.0
    evidence: tuple[str, ...] = ()
    tries: int = 0
    passed: int = 0


class TipChoice(Fact, frozen=True):
    """One piece of advice: its id in ``resources/tips``, its rank, and what it rests on (``cause:x`` or ids)."""

    id: str
    rank: int
    because: tuple[str, ...] = ()


class AppFacts(Fact, frozen=True):
    """Which program wrote the report."""

    version: str = ""
    platform: str = ""
    python: str = ""


class RunFacts(Fact, frozen=True):
    """When and how the run took place.  ``simulated`` is the scenario's id, or None on a real network."""

    id: str = ""
    started: str = ""  # ISO 8601, UTC
    seconds: float = 0.0
    simulated: str | None = None
    cancelled: bool = False


class Report(Fact, frozen=True):
    """The report contract, version 1 (``atajo-report``)."""

    format: str = REPORT_FORMAT
    version: int = REPORT_VERSION
    app: AppFacts = AppFacts()
    run: RunFacts = RunFacts()
    network: NetworkVerdict = NetworkVerdict()
    routes: tuple[RouteVerdict, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    workarounds: tuple[Workaround, ...] = ()
    tips: tuple[TipChoice, ...] = ()
    observations: tuple[Observation, ...] = ()

    def of_target(self, target: str) -> Verdict | None:
        """Return the verdict of a whole target over the direct route."""
        found = (v for v in self.verdicts if v.target == target and v.function is None and v.route == "direct")
        return next(found, None)


# --- what can be tested ---------------------------------------------------------------------------


class Probe(enum.StrEnum):
    """How far an endpoint is followed."""

    HTTPS = "https"  # names, connection, valid certificate, response with its body
    HTTP = "http"  # the same in clear text
    TLS = "tls"  # up to a valid certificate
    TCP = "tcp"  # up to a connection
    TCP_HOLD = "tcp-hold"  # a connection that is still open a moment later
    DNS = "dns"  # the name only
    STUN = "stun"  # a binding response over UDP: what calls need
    QUIC = "quic"  # an answer over UDP 443, as HTTP/3 would need
    MTPROTO = "mtproto"  # a connection, and an answer in Telegram's own protocol


class Rule(enum.StrEnum):
    """How the endpoints of a function combine."""

    ANY_OF = "any_of"  # a pool: one is enough
    MOST_OF = "most_of"  # a pool whose members do not replace each other: each person is tied to one of them
    ALL_OF = "all_of"
    INFO = "info"  # shown, never decides


class Endpoint(Fact, frozen=True):
    """One place that a function needs.  ``host`` is a name, or an address literal where a service has no name."""

    host: str
    port: int = 443
    probe: Probe = Probe.HTTPS
    path: str = "/"
    source: str = ""
    checked: bool = False  # False: from general knowledge; may never alone make a service blocked

    @property
    def key(self) -> str:
        """Return the endpoint's identity within a run."""
        return f"{self.probe}:{self.host}:{self.port}{self.path if self.probe in (Probe.HTTPS, Probe.HTTP) else ''}"


class Function(Fact, frozen=True):
    """What a person notices: messages, pictures, calls.  Combines endpoints by its rule.

    ``core`` functions carry the service: when all of them fail the service is blocked or down, whatever else answers;
    when one of them works it is at worst partial.  A service without core functions counts all of them as core.
    """

    id: str
    core: bool = False
    rule: Rule = Rule.ALL_OF
    endpoints: tuple[Endpoint, ...] = ()


class Service(Fact, frozen=True):
    """A service from ``resources/services``, or a site that the person typed (``kind`` "url")."""

    id: str
    name: dict[str, str] = {}
    kind: str = "service"
    gender: str = "m"  # for Spanish agreement: "X está bloqueado", "Wikipedia está bloqueada"
    as_of: str = ""
    operator: str = ""  # who runs it; its own places are no controls for it
    sensitive: bool = False  # asking for it may put the person at risk: only ever tested when picked by name
    suffixes: tuple[str, ...] = ()
    roots: str | None = None  # file in resources/services with the service's own root certificates (PEM)
    functions: tuple[Function, ...] = ()


class Resolver(Fact, frozen=True):
    """A public resolver.  An empty tuple or string means: not offered or not known."""

    id: str
    operator: str
    filters: bool = False  # refuses some names by policy: never the only control
    addresses: tuple[str, ...] = ()  # IPv4 for UDP and TCP 53, DoT 853 and DoH 443
    addresses6: tuple[str, ...] = ()
    plain: bool = True  # answers on port 53
    doh_url: str = ""  # https://host/path
    doh_by_address: bool = False  # the certificate names the address itself
    dot_name: str = ""
    source: str = ""
    checked: bool = False


class Control(Fact, frozen=True):
    """A place that must work on an uncensored line; its operator is never the target's."""

    id: str
    operator: str
    kind: str  # "portal": clear text, known body; "https": valid certificate; "neutral": name for swaps; "stun": UDP; "exit": country
    host: str
    port: int = 443
    path: str = "/"
    expect_status: int = 200
    expect_body: str = ""
    source: str = ""
    checked: bool = False
