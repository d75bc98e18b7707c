"""What the details of an observation look like, so that a stranger's report cannot bring the judge to fall.

Only what the judge and the renderers rely on is checked; keys that are not listed may hold anything.  The probes that
write these keys document them (``diagnostics/probes``).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from diagnostics.bogons import is_address
from diagnostics.model import Observation, Step
from diagnostics.vpn.state.facts import Interface, Overlap, ResolverRoute, RouteTest, SmartNames, VpnFacts

MAX_ADDRESSES: Final = 256
"""Most addresses in one list; the probes keep 16."""

_PLACE: Final = re.compile(r" - at `\$\.?(.*)`$", re.DOTALL)


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Base: unknown keys are ignored."""


class _Reply(_Shape, frozen=True):
    after: float = 0.0
    rcode: str | None = None
    answers: tuple[str, ...] = ()


class _Dns(_Shape, frozen=True):
    engine: str
    resolver: str
    query: str
    answers: tuple[str, ...] = ()
    rcode: str | None = None
    replies: tuple[_Reply, ...] = ()
    tries: int = 1
    authenticated: bool = False
    filters: bool = False
    purpose: str = "target"


class _Tcp(_Shape, frozen=True):
    port: int
    tries: int = 1
    rtt: float | None = None
    purpose: str = "target"


class _Certificate(_Shape, frozen=True):
    subject: str | dict[str, Any] | None = None
    issuer: str | dict[str, Any] | None = None
    not_before: str | None = None
    not_after: str | None = None
    names: tuple[str, ...] = ()
    sha256: str | None = None


class _Tls(_Shape, frozen=True):
    port: int
    server_name: str | None = None
    purpose: str = "target"
    version: str | None = None
    cipher: str | None = None
    alpn: str | None = None
    certificate: _Certificate | None = None
    received: int = 0
    reason: str | None = None
    verify_code: int | None = None
    first_bytes: str | None = None


class _Http(_Shape, frozen=True):
    port: int
    url: str
    purpose: str = "target"
    hop: int = 0
    status: int | None = None
    headers: dict[str, str] = {}
    title: str | None = None
    body_bytes: int | None = None
    body_sha256: str | None = None
    head_seconds: float | None = None
    body_seconds: float | None = None
    received: int = 0
    complete: bool | None = None
    told: str | None = None
    location: str | None = None
    date: float | None = None


class _Udp(_Shape, frozen=True):
    port: int
    protocol: str = ""
    purpose: str = "target"
    tries: int = 1
    received: int = 0
    answer: str | None = None
    family: int | None = None


class _Mtproto(_Shape, frozen=True):
    port: int
    purpose: str = "target"
    answered: bool = False
    received: int = 0
    error_code: int | None = None


class _Endpoint(_Shape, frozen=True):
    host: str
    port: int = 443
    probe: str = "https"
    path: str = "/"
    source: str = ""
    checked: bool = False


class _Function(_Shape, frozen=True):
    id: str
    core: bool = False
    rule: str = "all_of"
    endpoints: tuple[_Endpoint, ...] = ()


class _Service(_Shape, frozen=True):
    id: str
    name: dict[str, str] = {}
    kind: str = "service"
    operator: str = ""
    sensitive: bool = False
    functions: tuple[_Function, ...] = ()


class _Control(_Shape, frozen=True):
    id: str
    operator: str
    kind: str
    host: str
    port: int = 443
    path: str = "/"


class _Resolver(_Shape, frozen=True):
    id: str
    operator: str = ""
    addresses: tuple[str, ...] = ()


class _Plan(_Shape, frozen=True):
    targets: tuple[_Service, ...]
    controls: tuple[_Control, ...] = ()
    resolvers: tuple[_Resolver, ...] = ()


class _Clock(_Shape, frozen=True):
    now: float


class _Nameservers(_Shape, frozen=True):
    addresses: tuple[str, ...] = ()


class _Ipv6(_Shape, frozen=True):
    route: bool


class _HostsFile(_Shape, frozen=True):
    entries: dict[str, tuple[str, ...]] = {}


class _SystemProxyWay(_Shape, frozen=True):
    host: str
    port: int
    source: str = ""
    kind: str = ""
    tries: int = 0
    refused: int = 0
    alive: bool = True
    program: str = ""


class _SystemProxySetting(_Shape, frozen=True):
    source: str = ""
    for_browsers: bool = False
    pac: bool = False
    detect: bool = False
    https: str | None = None
    loopback: bool = False


class _SystemProxy(_Shape, frozen=True):
    settings: tuple[_SystemProxySetting, ...] = ()
    way: _SystemProxyWay | None = None
    searched: bool = False
    contradictory: bool = False


class _Lateness(_Shape, frozen=True):
    worst: float = 0.0
    share: float = 0.0


class _Other(_Shape, frozen=True):
    kind: str = ""


VPN_SHAPES: Final = (VpnFacts, Interface, RouteTest, ResolverRoute, Overlap, SmartNames)
"""The shapes of the note on the VPN: their keys are words of the report's format (``secrets.public_words``)."""

_SHAPES: Final[dict[Step, type[_Shape]]] = {
    Step.DNS: _Dns,
    Step.TCP: _Tcp,
    Step.TLS: _Tls,
    Step.HTTP: _Http,
    Step.UDP: _Udp,
    Step.MTPROTO: _Mtproto,
}
_KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "plan": _Plan,
    "clock": _Clock,
    "resolver": _Nameservers,
    "ipv6": _Ipv6,
    "hosts_file": _HostsFile,
    "system_proxy": _SystemProxy,
    "lateness": _Lateness,
    "vpn": VpnFacts,
}


def wrong_detail(observation: Observation) -> str:
    """Return the place of the first detail that has the wrong type (``detail.answers[2]``), or nothing."""
    shape: type[msgspec.Struct] | None = _SHAPES.get(observation.step)
    if observation.step is Step.SYSTEM:
        kind = observation.detail.get("kind")
        shape = (_KINDS.get(kind) if isinstance(kind, str) else None) or _Other
    if shape is None:
        return ""  # a step of a newer Atajo
    try:
        found = msgspec.convert(observation.detail, shape)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        return f"detail.{place[1]}".rstrip(".") if place else "detail"
    if isinstance(found, _Dns):
        lists = [("answers", found.answers)] + [(f"replies[{n}].answers", reply.answers) for n, reply in enumerate(found.replies)]
        return next((f"detail.{name}" for name, addresses in lists if not _all_addresses(addresses)), "")
    if isinstance(found, VpnFacts):
        parts = ("interfaces", "routes", "resolvers", "overlaps", "running")
        return next((f"detail.{part}" for part in parts if len(getattr(found, part)) > MAX_ADDRESSES), "")
    if shape in _SHAPES.values() and observation.address and not is_address(observation.address):
        return "address"
    return ""


def _all_addresses(texts: tuple[str, ...]) -> bool:
    return len(texts) <= MAX_ADDRESSES and all(is_address(text) for text in texts)
