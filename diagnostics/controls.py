"""Which controls a run asks, and how; the plan, the probes and the judge agree on it here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from diagnostics.model import Control, Endpoint, Probe, Service

PORTALS: Final = 3
SECURE: Final = 4
"""Controls asked in a run: two operators must agree, and one may be down."""

DATAGRAMS: Final = 3
"""Controls that a protocol over UDP is compared with, where a target needs it: two must agree, and one may be down."""

KINDS: Final = {"portal": Probe.HTTP, "https": Probe.HTTPS, "stun": Probe.STUN, "quic": Probe.QUIC}

ENOUGH: Final = 2
"""Operators of a kind that must be left for the others to be left out."""


def endpoint_of(control: Control) -> Endpoint:
    """Return a control as an endpoint."""
    return Endpoint(host=control.host, port=control.port, probe=KINDS[control.kind], path=control.path, source=control.source)


def chosen(controls: tuple[Control, ...]) -> list[Control]:
    """Return the controls of a run: of each kind the first, one an operator before a second of any."""
    return [*_first_of(controls, "portal", PORTALS), *_first_of(controls, "https", SECURE)]


def chosen_secure(controls: tuple[Control, ...]) -> list[Control]:
    """Return the secure pages that show whether a proxy leads anywhere at all: two operators, since one may be down."""
    return _first_of(controls, "https", ENOUGH)


def chosen_clear(controls: tuple[Control, ...]) -> list[Control]:
    """Return the pages in clear text that show whether a proxy changes what passes: two operators must agree."""
    return _first_of(controls, "portal", ENOUGH)


def chosen_stun(controls: tuple[Control, ...]) -> Control | None:
    """Return a place that answers over UDP, or None."""
    return next(iter(_first_of(controls, "stun", 1)), None)


def several_stun(controls: tuple[Control, ...], most: int) -> list[Control]:
    """Return places of different operators that answer over UDP."""
    return _first_of(controls, "stun", most)


def chosen_exit(controls: tuple[Control, ...]) -> Control | None:
    """Return the page that tells in which country a visitor comes out, or None."""
    return next((control for control in controls if control.kind == "exit"), None)


def chosen_for(probe: Probe, controls: tuple[Control, ...], targets: tuple[Service, ...]) -> list[Control]:
    """Return the controls of a protocol over UDP, or none where no target needs it."""
    needed = any(endpoint.probe is probe for target in targets for function in target.functions for endpoint in function.endpoints)
    return _first_of(controls, probe, DATAGRAMS) if needed else []


def _first_of(controls: tuple[Control, ...], kind: str, most: int) -> list[Control]:
    operators: dict[str, Control] = {}
    for control in controls:
        if control.kind == kind:
            operators.setdefault(control.operator, control)
    return list(operators.values())[:most]


def independent(controls: tuple[Control, ...], targets: Iterable[Service], services: Iterable[Service]) -> tuple[Control, ...]:
    """Return the controls that may speak for a run of ``targets``: none of an operator whose own place is tested.

    A place and its operator fall together, so such a control says nothing of the line.  Only when fewer than ``ENOUGH``
    operators of a kind would remain, as in a run of hundreds of sites, the others stay behind the independent ones: nobody then
    vouches alone.  Harmless names (kind neutral) are compared as names, so only a tested name itself is left out.
    """
    from diagnostics.judge.evidence import base_domain  # the judge imports this module

    suffixes = {suffix: service.operator for service in services for suffix in service.suffixes if service.operator}
    own = {base_domain(control.host): control.operator for control in controls}
    domains, operators = set[str](), set[str]()
    for target in targets:
        operators.add(target.operator)
        for host in _hosts(target):
            domains.add(base_domain(host))
            operators.add(own.get(base_domain(host), ""))
            operators |= {suffixes[tail] for tail in _tails(host) if tail in suffixes}
    bound = [c for c in controls if (base_domain(c.host) in domains if c.kind == "neutral" else c.operator in operators)]
    free = [c for c in controls if c not in bound]
    left = {kind: {c.operator for c in free if c.kind == kind} for kind in {c.kind for c in bound}}
    return (*free, *(c for c in bound if len(left[c.kind]) < (1 if c.kind == "neutral" else ENOUGH)))


def _hosts(target: Service) -> Iterator[str]:
    return (endpoint.host for function in target.functions for endpoint in function.endpoints)


def _tails(host: str) -> Iterator[str]:
    """Yield a name and every name above it."""
    labels = host.split(".")
    return (".".join(labels[place:]) for place in range(len(labels)))
