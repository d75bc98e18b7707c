"""Public resolvers that cannot be reached at all while the line works: changing to one of them would not help here."""

from __future__ import annotations

from typing import Any, Final

from diagnostics.judge.evidence import Evidence, died, ids
from diagnostics.model import RESOLVER_TARGET, Cause, Certainty, NetworkVerdict, Observation, Status, Step, Verdict

ENOUGH_TRANSPORTS: Final = 2
"""Transports that must have failed, and all that were tried: one alone may be a lost packet or a service not offered."""

NO_WAY: Final = frozenset({"network_unreachable", "network_down", "address_not_available", "address_family_not_supported"})

WELL: Final = frozenset({Status.WORKS, Status.SLOW, Status.PARTIAL})


def judge_resolvers(evidence: Evidence, network: NetworkVerdict) -> list[Verdict]:
    """Return a verdict for each public resolver that is out of reach; none while the line itself does not work."""
    plan = evidence.system.get("plan")
    known = plan.detail.get("resolvers", ()) if plan else ()
    if network.status not in WELL:
        return []
    found = (_unreachable(evidence, entry) for entry in known if isinstance(entry, dict) and entry.get("checked", True))
    return [verdict for verdict in found if verdict is not None]


def _unreachable(evidence: Evidence, entry: dict[str, Any]) -> Verdict | None:
    name, addresses = str(entry.get("id")), entry.get("addresses") or ()
    steps = [o for o in evidence.observations if o.address in addresses and _about(o, name)]
    failed = {_transport(o) for o in steps if _out_of_reach(o)}
    reached = [o for o in steps if o.step is Step.DNS and o.detail.get("rcode") is not None]
    if reached or len(failed) < ENOUGH_TRANSPORTS:
        return None
    return Verdict(
        target=f"{RESOLVER_TARGET}{name}",
        status=Status.LIKELY_BLOCKED,
        cause=Cause.RESOLVER_BLOCKED,
        certainty=Certainty.LIKELY,
        rule="resolver.unreachable",
        evidence=ids(o for o in steps if _out_of_reach(o)),
    )


def _about(o: Observation, name: str) -> bool:
    """Tell whether a step spoke to a resolver itself, and not to something else at its address."""
    asked = o.step is Step.DNS and o.detail.get("resolver") == name
    return asked or (o.host == name and str(o.detail.get("purpose", "")).startswith("resolver_"))


def _transport(o: Observation) -> str:
    return str(o.detail.get("engine") or str(o.detail.get("purpose")).removeprefix("resolver_"))


def _out_of_reach(o: Observation) -> bool:
    """Tell whether nothing of the resolver came back in this step, and not for want of a way there."""
    if o.failure in NO_WAY:
        return False
    if o.step is Step.DNS:
        return o.failure is not None and o.detail.get("rcode") is None
    return o.failure is not None and (o.step is Step.TCP or died(o))
