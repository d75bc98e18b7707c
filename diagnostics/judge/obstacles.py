"""Where a target is stopped: the places for which a way round is worth trying."""

from __future__ import annotations

from typing import Final

from diagnostics.judge.endpoints import EndpointJudge
from diagnostics.model import Cause, Endpoint, Fact, Probe, Rule, Service, Status

TRIED: Final = frozenset(
    {
        *(Cause.DNS_TAMPERING, Cause.DNS_NO_ANSWER, Cause.NAME_BLOCKED, Cause.IP_BLOCKED, Cause.TLS_INTERCEPTION),
        *(Cause.HTTP_BLOCKED, Cause.BLOCK_PAGE, Cause.THROTTLED),
    }
)
"""Causes that a way without a proxy may lead round."""

OPENED: Final = (Probe.HTTPS, Probe.HTTP, Probe.TLS)
"""Probes whose success proves the place by its certificate, or leads to one that does."""

SHUT: Final = (Status.BLOCKED, Status.LIKELY_BLOCKED)


class Obstacle(Fact, frozen=True):
    """A place that is shut, and by what."""

    endpoint: Endpoint
    cause: Cause


def obstacles(endpoints: EndpointJudge, target: Service) -> tuple[Obstacle, ...]:
    """Return the places of a target that are shut, what carries the service first, each host once.

    Of places that stand for each other (``any_of``, ``most_of``) one is enough: opening it opens the function.
    """
    found: dict[str, Obstacle] = {}
    for function in sorted(target.functions, key=lambda f: not f.core):
        for endpoint in () if function.rule is Rule.INFO else function.endpoints:
            if endpoint.probe not in OPENED or endpoint.host in found:
                continue
            finding = endpoints.judge(target.id, endpoint)
            if finding.cause in TRIED and finding.status in SHUT:
                found[endpoint.host] = Obstacle(endpoint=endpoint, cause=finding.cause)
                if function.rule is not Rule.ALL_OF:
                    break
    return tuple(found.values())
