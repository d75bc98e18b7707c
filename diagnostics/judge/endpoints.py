"""One endpoint: the layers in order, each judged only on what the layer below vouches for."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from diagnostics.bogons import is_address
from diagnostics.judge.connections import Dialled, judge_connections
from diagnostics.judge.datagrams import judge_mtproto, judge_quic, judge_udp, served_otherwise
from diagnostics.judge.evidence import OURS, Evidence, Finding, ids
from diagnostics.judge.handshakes import HandshakeLayer
from diagnostics.judge.names import NameLayer
from diagnostics.judge.pages import judge_clear_notice, judge_cut, judge_page, next_url, page_of, path_of
from diagnostics.judge.throughput import judge_freeze, judge_speed
from diagnostics.model import Cause, Certainty, Endpoint, Observation, Probe, Status, Step

MAX_HOPS: Final = 8


class EndpointJudge:
    """Judges endpoints of one run; names are worked out once."""

    def __init__(self, evidence: Evidence) -> None:
        """Judge by ``evidence``."""
        self.evidence = evidence
        self._names: dict[str, NameLayer] = {}

    def names(self, host: str) -> NameLayer:
        """Return what is known of a name."""
        if host not in self._names:
            self._names[host] = NameLayer(self.evidence, host)
        return self._names[host]

    def judge(self, target: str | None, endpoint: Endpoint, hop: int = 0) -> Finding:
        """Return what is to be said of one endpoint over the direct line."""
        found = self._reached(target, endpoint, hop)
        slow = judge_speed(self.evidence, target, endpoint.host) if found.status is Status.WORKS and target is not None else None
        return slow or found

    def _reached(self, target: str | None, endpoint: Endpoint, hop: int) -> Finding:
        served = self._served(target, endpoint)
        literal = is_address(endpoint.host)
        name = None if literal else self.names(endpoint.host).finding()
        if served is not None and (name is None or served.address in self.names(endpoint.host).given):
            return self._page(target, endpoint, served, hop) if name is None else name
        if name is not None:
            return name
        if self._cut_short(target, endpoint):
            return Finding(status=Status.NOT_TESTED, rule="run.interrupted", certainty=Certainty.NONE)
        dialled = self._dialled(target, endpoint)
        over_udp = {Probe.STUN: judge_udp, Probe.QUIC: judge_quic}.get(endpoint.probe)
        found = over_udp(self.evidence, dialled) if over_udp else self._connected(endpoint, dialled)
        if found is not None:
            return found
        seen = self.evidence.by_host.get(endpoint.host, [])
        status = Status.UNKNOWN if seen else Status.NOT_TESTED
        return Finding(status=status, rule="evidence.none", certainty=Certainty.NONE, evidence=ids(seen[:6]))

    def _connected(self, endpoint: Endpoint, dialled: Dialled) -> Finding | None:
        """Return what stopped a way that begins with a connection."""
        if endpoint.probe is Probe.MTPROTO:
            return judge_connections(self.evidence, dialled) or judge_mtproto(self.evidence, dialled)
        return (
            judge_connections(self.evidence, dialled)
            or HandshakeLayer(self.evidence, dialled).finding()
            or judge_freeze(self.evidence, dialled.target, endpoint)
            or judge_cut(self.evidence, endpoint, dialled.target)
        )

    def _dialled(self, target: str | None, endpoint: Endpoint) -> Dialled:
        if is_address(endpoint.host):
            return Dialled(target or "", endpoint.host, endpoint.port, (endpoint.host,), frozenset({endpoint.host}))
        names = self.names(endpoint.host)
        return Dialled(target or "", endpoint.host, endpoint.port, tuple(names.believed), names.backed)

    def _served(self, target: str | None, endpoint: Endpoint) -> Observation | None:
        """Return the step that gave what the endpoint's probe asks for, or None."""
        evidence, port = self.evidence, endpoint.port
        found: list[Observation] = []
        if endpoint.probe in (Probe.HTTPS, Probe.HTTP):
            found = [o for o in page_of(evidence, endpoint, target) if o.failure is None and o.detail.get("complete")]
        elif endpoint.probe is Probe.TLS:
            found = [o for o in evidence.proven(endpoint.host).values() if evidence.port(o) == port]
        elif endpoint.probe in (Probe.TCP, Probe.TCP_HOLD):
            wanted = {"hold"} if endpoint.probe is Probe.TCP_HOLD else OURS
            steps = [o for o in evidence.by_host.get(endpoint.host, ()) if o.step is Step.TCP and evidence.port(o) == port]
            found = [o for o in steps if o.failure is None and evidence.purpose(o) in wanted]
        elif endpoint.probe is Probe.DNS:
            found = [o for o in evidence.system_lookups(endpoint.host) if evidence.public_answers([o])]
        else:
            found = served_otherwise(evidence, target, endpoint)
        given = [endpoint.host] if is_address(endpoint.host) else self.names(endpoint.host).given
        return next((o for o in found if o.address in given), next(iter(found), None))

    def _page(self, target: str | None, endpoint: Endpoint, served: Observation, hop: int) -> Finding:
        if endpoint.probe not in (Probe.HTTPS, Probe.HTTP):
            return Finding(status=Status.WORKS, rule=f"{served.step}.answers", evidence=ids(served))
        notice = judge_clear_notice(self.evidence, served) if endpoint.probe is Probe.HTTP else None
        if notice:
            return notice
        url = next_url(served)
        following = _endpoint_of(url) if url else None
        if following is None or not self._visited(target, following):
            return judge_page(served)
        if hop >= MAX_HOPS or following.key == endpoint.key:
            return Finding(
                status=Status.DOWN,
                rule="http.redirects_for_ever",
                cause=Cause.SERVER_FAULT,
                certainty=Certainty.LIKELY,
                evidence=ids(served),
            )
        further = self.judge(target, following, hop + 1)
        if further.status is Status.NOT_TESTED:
            return judge_page(served)
        return Finding(
            status=further.status,
            rule=further.rule,
            cause=further.cause,
            certainty=further.certainty,
            evidence=tuple(dict.fromkeys((served.id, *further.evidence))),
        )

    def _visited(self, target: str | None, endpoint: Endpoint) -> bool:
        """Tell whether a redirect's place was followed at all."""
        hops = (o for o in self.evidence.by_host.get(endpoint.host, ()) if o.target == target)
        return any(self.evidence.port(o) in (0, endpoint.port) for o in hops)

    def _cut_short(self, target: str | None, endpoint: Endpoint) -> bool:
        """Tell whether the endpoint was still being measured when the run was stopped."""
        return (target, endpoint.host) in self.evidence.interrupted


def _endpoint_of(url: str) -> Endpoint | None:
    """Return a URL as an endpoint, or None."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port:
        return None
    return Endpoint(host=parts.hostname, port=port, probe=Probe(parts.scheme), path=path_of(parts))
