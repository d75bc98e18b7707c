"""Which controls a run asks, and how; the plan, the probes and the judge agree on it here."""

from __future__ import annotations

from typing import Final

from diagnostics.model import Control, Endpoint, Probe

PORTALS: Final = 3
SECURE: Final = 4
"""Controls asked in a run: two operators must agree, and one may be down."""

KINDS: Final = {"portal": Probe.HTTP, "https": Probe.HTTPS}


def endpoint_of(control: Control) -> Endpoint:
    """Return a control as an endpoint."""
    return Endpoint(host=control.host, port=control.port, probe=KINDS[control.kind], path=control.path, source=control.source)


def chosen(controls: tuple[Control, ...]) -> list[Control]:
    """Return the controls of a run: of each kind the first, one an operator before a second of any."""
    picked: list[Control] = []
    for kind, most in (("portal", PORTALS), ("https", SECURE)):
        operators: dict[str, Control] = {}
        for control in controls:
            if control.kind == kind:
                operators.setdefault(control.operator, control)
        picked += list(operators.values())[:most]
    return picked
