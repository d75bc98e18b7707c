"""Which controls a run asks, and how; the plan, the probes and the judge agree on it here."""

from __future__ import annotations

from typing import Final

from diagnostics.model import Control, Endpoint, Probe, Service

PORTALS: Final = 3
SECURE: Final = 4
"""Controls asked in a run: two operators must agree, and one may be down."""

DATAGRAMS: Final = 3
"""Controls that a protocol over UDP is compared with, where a target needs it: two must agree, and one may be down."""

KINDS: Final = {"portal": Probe.HTTP, "https": Probe.HTTPS, "stun": Probe.STUN}


def endpoint_of(control: Control) -> Endpoint:
    """Return a control as an endpoint."""
    return Endpoint(host=control.host, port=control.port, probe=KINDS[control.kind], path=control.path, source=control.source)


def chosen(controls: tuple[Control, ...]) -> list[Control]:
    """Return the controls of a run: of each kind the first, one an operator before a second of any."""
    return [*_first_of(controls, "portal", PORTALS), *_first_of(controls, "https", SECURE)]


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
