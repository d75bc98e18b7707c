"""Rules of what is neither a web page nor its connection: calls over UDP, and Telegram's own protocol.

Silence over UDP accuses nobody by itself: companies, universities and some providers let no UDP out but to resolvers, and
then no call works with any service.  So a silent server counts only beside others that answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.controls import chosen_for
from diagnostics.failures import DEATHS, TIMEOUT
from diagnostics.judge.connections import Dialled
from diagnostics.judge.evidence import OURS, Evidence, Finding, base_domain, ids, is_six
from diagnostics.judge.loss import tries_that_prove
from diagnostics.model import Cause, Certainty, Endpoint, Observation, Probe, Status, Step

ENOUGH_REQUESTS: Final = 4
"""Requests that must at least have been lost together before silence counts: one whole asking; lossy lines ask for more."""

ENOUGH_SILENT: Final = 2
"""Operators of controls that must be silent as well before it is said that no UDP passes at all."""

ENOUGH_CUTS: Final = 2
ENOUGH_CENTRES: Final = 2
"""Cuts at one data centre, and data centres at which they happen: one alone may be restarting."""


_STEPS: Final = {Probe.STUN: Step.UDP, Probe.QUIC: Step.QUIC, Probe.MTPROTO: Step.MTPROTO}


def served_otherwise(evidence: Evidence, target: str | None, endpoint: Endpoint) -> list[Observation]:
    """Return the steps over UDP or in Telegram's protocol that gave an endpoint what its probe asks for."""
    step = _STEPS.get(endpoint.probe)
    return [o for o in _steps(evidence, endpoint.host, endpoint.port, step) if o.failure is None and o.target == target]


def _steps(evidence: Evidence, host: str, port: int, step: Step | None) -> list[Observation]:
    seen = evidence.by_host.get(host, ())
    return [o for o in seen if o.step is step and evidence.port(o) == port and evidence.purpose(o) in OURS]


# --- calls ------------------------------------------------------------------------------------------


def judge_udp(evidence: Evidence, dialled: Dialled) -> Finding | None:
    """Return why no believed address answered over UDP, or None if none was asked."""
    asked = [o for o in _steps(evidence, dialled.host, dialled.port, Step.UDP) if o.address in dialled.believed]
    four = [o for o in asked if not is_six(o.address)]
    if not asked:
        return None
    if not four and evidence.six_is_dead():
        return Finding(
            status=Status.DOWN, rule="udp.only_dead_ipv6", cause=Cause.BROKEN_IPV6, certainty=Certainty.LIKELY, evidence=ids(asked)
        )
    failed = four or asked
    if all(o.failure == "permission_denied" for o in failed):
        return Finding(
            status=Status.DOWN, rule="udp.not_permitted", cause=Cause.LOCAL_FIREWALL, certainty=Certainty.LIKELY, evidence=ids(failed)
        )
    silent = [o for o in failed if o.failure == TIMEOUT]
    if len(silent) < len(failed):
        return _unknown("udp.refused", failed)  # what a server says that is switched off, and any router
    if not _proves(evidence, silent):
        return _unknown("udp.too_few_tries", failed)
    return _beside_others(evidence, dialled, silent)


def _beside_others(evidence: Evidence, dialled: Dialled, silent: list[Observation]) -> Finding:
    """Judge silence by what others got: the controls, and other targets' servers."""
    controls = chosen_for(Probe.STUN, evidence.controls, evidence.targets)
    asked = {c.operator: _steps(evidence, c.host, c.port, Step.UDP) for c in controls}
    answering = [o for steps in asked.values() for o in steps if o.failure is None] + _other_targets(evidence, dialled)
    if answering:
        # without a second resolver's word for the address, it may be the lie
        backed = bool(dialled.backed & {str(o.address) for o in silent})
        if not backed:
            return _unknown("udp.unbacked", [*silent, *answering[:2]])
        return Finding(
            status=Status.LIKELY_BLOCKED,
            rule="udp.no_answer",
            cause=Cause.IP_BLOCKED,
            certainty=Certainty.LIKELY,
            evidence=ids(silent, answering[:2]),
        )
    mute = {operator: steps for operator, steps in asked.items() if _proves(evidence, steps)}
    if len(mute) >= ENOUGH_SILENT and evidence.connected():
        return _unknown("udp.no_stun_anywhere", [*silent, *(o for steps in mute.values() for o in steps)][:12])
    return _unknown("udp.no_control", silent)


def _other_targets(evidence: Evidence, dialled: Dialled) -> list[Observation]:
    """Return answers over UDP that other targets got from servers of other owners."""
    places = {
        (e.host, e.port)
        for target in evidence.targets
        if target.id != dialled.target
        for function in target.functions
        for e in function.endpoints
        if e.probe is Probe.STUN and base_domain(e.host) != base_domain(dialled.host)
    }
    return [o for host, port in sorted(places) for o in _steps(evidence, host, port, Step.UDP) if o.failure is None]


def _proves(evidence: Evidence, steps: Sequence[Observation]) -> bool:
    """Tell whether so many requests were lost that chance is out of the question on this line."""
    lost = sum(int(o.detail.get("tries") or 1) for o in steps if o.failure == TIMEOUT)
    enough = tries_that_prove(evidence)
    return enough is not None and lost >= max(ENOUGH_REQUESTS, enough)


# --- HTTP/3 -----------------------------------------------------------------------------------------


def judge_quic(evidence: Evidence, dialled: Dialled) -> Finding | None:
    """Return that UDP 443 is silent where the secure page of the same place came in, or None if it was not asked.

    A server may have given HTTP/3 up, so it is never certain; what cannot be compared with a place that serves is unknown.
    """
    asked = [o for o in _steps(evidence, dialled.host, dialled.port, Step.QUIC) if not is_six(o.address) and o.target == dialled.target]
    silent = [o for o in asked if o.failure == TIMEOUT]
    if not asked:
        return None
    serving = [o for o in evidence.proven(dialled.host).values() if o.address in {s.address for s in silent}]
    if len(silent) < len(asked) or not serving or not _proves(evidence, silent):
        return _unknown("quic.no_control", [*asked, *serving])
    controls = chosen_for(Probe.QUIC, evidence.controls, evidence.targets)
    others = {c.operator: _steps(evidence, c.host, c.port, Step.QUIC) for c in controls}
    answering = [o for steps in others.values() for o in steps if o.failure is None]
    mute = [o for steps in others.values() if _proves(evidence, steps) for o in steps]
    if not answering and not mute:
        return _unknown("quic.no_control", [*asked, *serving])
    return Finding(
        status=Status.LIKELY_BLOCKED,
        rule="quic.silent" if answering else "quic.silent_everywhere",
        cause=Cause.QUIC_BLOCKED,
        certainty=Certainty.LIKELY,
        evidence=ids(silent, serving[:1], (answering or mute)[:4]),
    )


# --- Telegram's protocol ----------------------------------------------------------------------------


def judge_mtproto(evidence: Evidence, dialled: Dialled) -> Finding | None:
    """Return why a data centre took the connection and gave no answer, or None if it was not asked."""
    own = [o for o in _steps(evidence, dialled.host, dialled.port, Step.MTPROTO) if o.target == dialled.target]
    if not own or any(o.failure is None for o in own):
        return None
    cuts = [o for o in own if o.failure in DEATHS and not o.detail.get("received")]
    if len(cuts) < len(own):
        return _unknown("mtproto.wrong_answer", own)  # somebody answered; who, and why so, cannot be told
    centres = _cut_centres(evidence, dialled.target)
    if evidence.late and all(o.failure == TIMEOUT for o in cuts):
        return _unknown("mtproto.this_computer_is_late", own)
    if len(cuts) < ENOUGH_CUTS or len(centres) < ENOUGH_CENTRES:
        return _unknown("mtproto.cut_once", own)
    spared = _spared(evidence, dialled.target)
    if not spared:
        return _unknown("mtproto.no_control", own)
    others = [o for steps in centres.values() for o in steps[:1]]
    return Finding(
        status=Status.LIKELY_BLOCKED,
        rule="mtproto.cut",
        cause=Cause.IP_BLOCKED,
        certainty=Certainty.LIKELY,
        evidence=ids(cuts, others[:4], spared[:2]),
    )


def _cut_centres(evidence: Evidence, target: str) -> dict[str, list[Observation]]:
    """Return the data centres of a target where our first bytes were the end of every connection, each with its cuts."""
    hosts = {e.host for t in evidence.targets if t.id == target for f in t.functions for e in f.endpoints if e.probe is Probe.MTPROTO}
    found: dict[str, list[Observation]] = {}
    for host in sorted(hosts):
        steps = [o for o in evidence.by_host.get(host, ()) if o.step is Step.MTPROTO and o.target == target]
        cuts = [o for o in steps if o.failure in DEATHS and not o.detail.get("received")]
        if len(cuts) >= ENOUGH_CUTS and len(cuts) == len(steps):
            found[host] = cuts
    return found


def _spared(evidence: Evidence, target: str) -> list[Observation]:
    """Return secure connections of other targets and controls that went on after their first bytes."""
    return [o for steps in evidence.tls.values() for o in steps if o.failure is None and o.target != target and evidence.purpose(o) in OURS]


def _unknown(rule: str, evidence: Sequence[Observation]) -> Finding:
    return Finding(status=Status.UNKNOWN, rule=rule, certainty=Certainty.NONE, evidence=ids(evidence))
