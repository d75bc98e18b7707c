"""Rules of the address layer: do the believed addresses of a name take connections?

A direct line alone can rarely be certain here: a service that is switched off looks like a blocked address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.bogons import network_of
from diagnostics.failures import REFUSED, RESET, TIMEOUT, UNREACHABLE
from diagnostics.judge.evidence import OURS, Evidence, Finding, base_domain, ids, is_six
from diagnostics.judge.loss import tries_that_prove
from diagnostics.judge.pages import foreign_pages, leads_home, page_mark
from diagnostics.model import Cause, Certainty, Fact, Observation, Status, Step

ENOUGH_REFUSALS: Final = 2
ENOUGH_NETWORKS: Final = 2

SILENT: Final = frozenset({TIMEOUT, "timed_out"})
_RULES: Final = {
    REFUSED: "tcp.refused",
    RESET: "tcp.reset",
    TIMEOUT: "tcp.silent",
    "timed_out": "tcp.silent",
    UNREACHABLE: "tcp.unreachable",
}
"""What the other side or a router on the way can do; any other failure is this computer's own."""


class Dialled(Fact, frozen=True, kw_only=False):
    """What is to be judged: a port of a name's believed addresses, and which of those somebody else backs."""

    target: str
    host: str
    port: int
    believed: tuple[str, ...]
    backed: frozenset[str]


def judge_connections(evidence: Evidence, dialled: Dialled) -> Finding | None:
    """Return why none of the believed addresses can be connected to, or None if one can or none was tried."""
    tried = [o for address in dialled.believed for o in evidence.attempts(address, dialled.port)]
    if any(o.failure is None for o in tried) or not tried:
        return _cut_after_connecting(evidence, dialled)
    four = [o for o in tried if not is_six(o.address)]
    if not four and evidence.six_is_dead():
        return _said(Status.DOWN, "tcp.only_dead_ipv6", Cause.BROKEN_IPV6, ids(tried))
    failed = four or tried
    if all(o.failure == "permission_denied" for o in failed):
        return _said(Status.DOWN, "tcp.not_permitted", Cause.LOCAL_FIREWALL, ids(failed))
    if not all(o.failure in _RULES for o in failed):
        return _unknown("tcp.local_error", ids(failed))  # this computer's own trouble, such as too many open files
    control = evidence.port_control(dialled.port, dialled.target)
    if control is None or not _repeated(evidence, failed):
        return _unknown("tcp.no_control", ids(failed, control))
    return judge_notice(evidence, dialled.target, dialled.host, failed) or _closed(evidence, dialled, failed, control)


def _closed(evidence: Evidence, dialled: Dialled, failed: Sequence[Observation], control: Observation) -> Finding:
    """Judge addresses that stay closed although the line and the port work."""
    if not dialled.backed & set(dialled.believed):
        shared = [o for a in dialled.believed for o in evidence.sharing(a, dialled.host)]
        if shared:
            return _said(Status.LIKELY_BLOCKED, "dns.strangers_share_an_address", Cause.DNS_TAMPERING, ids(failed, shared[:4]))
        return _unknown("tcp.unbacked", ids(failed))
    speaking = _pages_of_its_own(evidence, failed)
    if speaking:
        return _unknown("tcp.only_clear_text", ids(failed, speaking))
    neighbours = _neighbours(evidence, dialled, failed)
    if neighbours:
        return Finding(
            status=Status.BLOCKED,
            rule="tcp.neighbours_answer",
            cause=Cause.IP_BLOCKED,
            certainty=Certainty.CERTAIN,
            evidence=ids(failed, neighbours),
        )
    return _said(Status.LIKELY_BLOCKED, _RULES[str(failed[0].failure)], Cause.IP_BLOCKED, ids(failed, control))


def _pages_of_its_own(evidence: Evidence, failed: Sequence[Observation]) -> list[Observation]:
    """Return clear-text pages that the failing addresses serve themselves: such a site may have no secure page at all."""
    pages = evidence.questions.at(Step.HTTP, "plain", [o.address for o in failed])
    return [o for o in pages if o.detail.get("status") is not None and not leads_home(o)]


def _cut_after_connecting(evidence: Evidence, dialled: Dialled) -> Finding | None:
    """Judge connections that are made and then cut, all of them, while those of other targets are left alone."""
    own = evidence.questions.for_target(Step.TCP, "hold", dialled.target)
    here = [o for o in own if o.host == dialled.host and evidence.port(o) == dialled.port]
    if not here or any(o.failure is None for o in own):
        return None
    secured = [o for group in evidence.tls.values() for o in group if o.target != dialled.target and evidence.purpose(o) in OURS]
    spared = [o for o in [*evidence.questions.of(Step.TCP, "hold"), *secured] if o.failure is None]
    if len(own) < ENOUGH_REFUSALS or not spared:
        return _unknown("tcp.cut_without_control", ids(own))
    return _said(Status.LIKELY_BLOCKED, "tcp.cut_after_connecting", Cause.IP_BLOCKED, ids(own, spared[:2]))


def _said(status: Status, rule: str, cause: Cause, evidence: tuple[str, ...]) -> Finding:
    return Finding(status=status, rule=rule, cause=cause, certainty=Certainty.LIKELY, evidence=evidence)


def _unknown(rule: str, evidence: tuple[str, ...]) -> Finding:
    return Finding(status=Status.UNKNOWN, rule=rule, certainty=Certainty.NONE, evidence=evidence)


def _repeated(evidence: Evidence, failed: Sequence[Observation]) -> bool:
    """Tell whether chance is out of the question: as many lost tries as this line's losses ask for, or two refusals."""
    lost = sum(int(o.detail.get("tries") or 1) for o in failed if o.failure in SILENT)
    answered = [o for o in failed if o.failure not in SILENT]
    enough = tries_that_prove(evidence) if lost else None
    return (enough is not None and lost >= enough) or len(answered) >= ENOUGH_REFUSALS


def _neighbours(evidence: Evidence, dialled: Dialled, failed: Sequence[Observation]) -> list[Observation]:
    """Return connections to neighbours of silent addresses, if those lie in two networks at least and all have some.

    A refusal is never enough: it is what a server says that is switched off.
    """
    networks = {network_of(str(o.address)): str(o.address) for o in failed}
    found = [evidence.neighbour(address, dialled.port, dialled.target) for address in networks.values()]
    near = [o for o in found if o is not None]
    silent = all(o.failure in SILENT for o in failed)
    return near if silent and len(networks) >= ENOUGH_NETWORKS and len(near) == len(networks) else []


def judge_notice(evidence: Evidence, target: str, host: str, failed: Sequence[Observation]) -> Finding | None:
    """Return the finding that a notice page stands in the service's place, or None.

    Certain when names of different owners at addresses of different networks show the same page, and no error page: no
    server does that by itself.  One page alone only counts if it leads to somebody else: a site without a secure page
    shows its own.
    """
    addresses = {str(o.address) for o in failed}
    foreign = foreign_pages(evidence, target)
    pages = [o for o in foreign if o.address in addresses and o.host == host]
    if not pages:
        return None
    mark = page_mark(pages[0])
    same = [o for o in foreign if page_mark(o) == mark]
    owners = {base_domain(str(o.host)) for o in same}
    networks = {network_of(str(o.address)) for o in same}
    certain = len(owners) >= ENOUGH_NETWORKS and len(networks) >= ENOUGH_NETWORKS
    if not certain and not mark[0]:
        return None
    return Finding(
        status=Status.BLOCKED if certain else Status.LIKELY_BLOCKED,
        rule="http.same_page_for_strangers" if certain else "http.page_instead",
        cause=Cause.BLOCK_PAGE,
        certainty=Certainty.CERTAIN if certain else Certainty.LIKELY,
        evidence=ids(failed, same),
    )
