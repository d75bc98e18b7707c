"""How a status looks: a shape and a role.  The word comes from ``app.wording``; never colour alone."""

from __future__ import annotations

from typing import Final

from diagnostics.model import Status

LOOKS: Final[dict[Status, tuple[str, str]]] = {
    Status.WORKS: ("check", "ok"),
    Status.SLOW: ("alert", "warn"),
    Status.PARTIAL: ("alert", "warn"),
    Status.LIKELY_BLOCKED: ("alert", "warn"),
    Status.BLOCKED: ("cross", "bad"),
    Status.DOWN: ("plug", "bad"),
    Status.UNKNOWN: ("question", "muted"),
    Status.NOT_TESTED: ("dash", "muted"),
}
"""Drawing and role of each status."""

WAITING: Final = ("circle", "muted")
UNDER_WAY: Final = ("dots", "accent")


def look(status: Status) -> tuple[str, str]:
    """Return drawing and role; a status from a newer report looks unknown."""
    return LOOKS.get(status, LOOKS[Status.UNKNOWN])
