"""Rules of the address layer: do the believed addresses of a name take connections?

A direct line alone can rarely be certain here: a service that is switched off looks like a blocked address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.bogons import network_of
from diagnostics.failures import REFUSED, RESET, TIMEOUT
from diagnostics.judge.evidence import Evidence, Finding, base_domain, ids, is_six
from diagnostics.judge.pages import foreign_pages
from diagnostics.model import Cause, Certainty, Observation, Status

ENOUGH_TRIES: Final = 3
"""SYNs that must have been lost together before silence counts: at 5 % loss each way once in a thousand."""

ENOUGH_REFUSALS: Final = 2
ENOUGH_NETWORKS: Final = 2

_RULES: Final = {REFUSED: "tcp.refused", RESET: "tcp.reset", TIMEOUT: "tcp.silent", "timed_out": "tcp.silent"}


def judge_connections(evidence: Evidence, target: str, host: str, port: int, believed: Sequence[str]) -> Finding | None:
    """Return why none of the believed addresses can be connected to, or None if one can or none was tried."""
    tried = [o for address in believed for o in evidence.attempts(address, port)]
    if any(o.failure is None for o in tried) or not tried:
        return None
    four = [o for o in tried if not is_six(o.address)]
    if not four and evidence.six_is_dead():
        return Finding(
            status=Status.DOWN, rule="tcp.only_dead_ipv6", cause=Cause.BROKEN_IPV6, certainty=Certainty.LIKELY, evidence=ids(tried)
        )
    failed = four or tried
    if all(o.failure == "permission_denied" for o in failed):
        return Finding(
            status=Status.DOWN, rule="tcp.not_permitted", cause=Cause.LOCAL_FIREWALL, certainty=Certainty.LIKELY, evidence=ids(failed)
        )
    control = evidence.port_control(port, target)
    if control is None or not _repeated(failed):
        return Finding(status=Status.UNKNOWN, rule="tcp.no_control", certainty=Certainty.NONE, evidence=ids(failed, control))
    notice = judge_notice(evidence, target, host, failed)
    if notice:
        return notice
    neighbours = _neighbours(evidence, failed)
    if neighbours:
        return Finding(
            status=Status.BLOCKED,
            rule="tcp.neighbours_answer",
            cause=Cause.IP_BLOCKED,
            certainty=Certainty.CERTAIN,
            evidence=ids(failed, neighbours),
        )
    first = str(failed[0].failure)
    return Finding(
        status=Status.LIKELY_BLOCKED,
        rule=_RULES.get(first, "tcp.unreachable"),
        cause=Cause.IP_BLOCKED,
        certainty=Certainty.LIKELY,
        evidence=ids(failed, control),
    )


def _repeated(failed: Sequence[Observation]) -> bool:
    """Tell whether chance is out of the question: three lost tries, two refusals, or two addresses."""
    lost = sum(int(o.detail.get("tries") or 1) for o in failed if o.failure in (TIMEOUT, "timed_out"))
    answered = [o for o in failed if o.failure not in (TIMEOUT, "timed_out")]
    return lost >= ENOUGH_TRIES or len(answered) >= ENOUGH_REFUSALS


def _neighbours(evidence: Evidence, failed: Sequence[Observation]) -> list[Observation]:
    """Return connections to neighbours of failing addresses, if those lie in two networks at least and all have some."""
    networks = {network_of(str(o.address)): str(o.address) for o in failed}
    near = [found for address in networks.values() if (found := evidence.neighbour(address)) is not None]
    return near if len(networks) >= ENOUGH_NETWORKS and len(near) == len(networks) else []


def judge_notice(evidence: Evidence, target: str, host: str, failed: Sequence[Observation]) -> Finding | None:
    """Return the finding that a notice page stands in the service's place, or None.

    Certain when names of different owners at addresses of different networks show the same page: no server does that by
    itself.  One such page alone may be the site's own clear-text page beside a broken secure one.
    """
    addresses = {str(o.address) for o in failed}
    pages = [o for o in foreign_pages(evidence, target) if o.address in addresses and o.host == host]
    if not pages:
        return None
    mark = page_mark(pages[0])
    same = [o for o in foreign_pages(evidence, target) if page_mark(o) == mark]
    owners = {base_domain(str(o.host)) for o in same}
    networks = {network_of(str(o.address)) for o in same}
    certain = len(owners) >= ENOUGH_NETWORKS and len(networks) >= ENOUGH_NETWORKS
    return Finding(
        status=Status.BLOCKED if certain else Status.LIKELY_BLOCKED,
        rule="http.same_page_for_strangers" if certain else "http.page_instead",
        cause=Cause.BLOCK_PAGE,
        certainty=Certainty.CERTAIN if certain else Certainty.LIKELY,
        evidence=ids(failed, same),
    )


def page_mark(page: Observation) -> tuple[str, str]:
    """Return what makes two pages the same: where a redirect leads, or the body."""
    location = str(page.detail.get("location") or "")
    return (location, "") if location else ("", str(page.detail.get("body_sha256")))
