"""The stages of an OpenVPN profile in words: what was proved, what was refused, and what was merely not heard."""

from __future__ import annotations

from typing import Any

import pytest

from app.texts import set_language
from app.vpn_steps import profile_stages
from diagnostics.failures import INVALID_CERTIFICATE, TIMEOUT
from diagnostics.model import Observation, Report, Step

ROUTE = "openvpn-1a2b"
GREETED: Any = ("handshake", None, {})
PROVEN: Any = ("tls", None, {"settled": True})


def told(*steps: tuple[str, str | None, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return each stage's outcome and sentence."""
    set_language("en")
    seen = tuple(
        Observation(id=f"o{at}", step=Step.VPN, route=ROUTE, failure=failure, detail={"stage": stage, "by": "direct", **detail})
        for at, (stage, failure, detail) in enumerate(steps)
    )
    try:
        return {each.id: (str(each.outcome), each.sentence) for each in profile_stages(Report(observations=seen), ROUTE, "openvpn")}
    finally:
        set_language("es")


@pytest.mark.parametrize(
    "steps, stage, expected",
    [
        ((GREETED, PROVEN), "keys", ("passed", "The server proved to be this file's.")),
        (
            (GREETED, ("tls", INVALID_CERTIFICATE, {"reason": "authority"})),
            "keys",
            ("failed", "The server did not prove to be this file's."),
        ),
        (
            (GREETED, ("tls", TIMEOUT, {})),
            "keys",
            ("unknown", "What follows the greeting did not arrive, and the server could not prove who it is."),
        ),
        ((GREETED, ("tls", TIMEOUT, {}), GREETED, PROVEN), "keys", ("passed", "The server proved to be this file's.")),
        ((GREETED, PROVEN), "login", ("not_tried", "It was not tried: it needs your permission.")),
        ((GREETED, PROVEN, ("login", None, {"answer": "push"})), "login", ("passed", "The server lets you in.")),
        ((GREETED, PROVEN, ("login", "x", {"answer": "refused"})), "login", ("failed", "The server does not let you in.")),
        ((GREETED, PROVEN, ("login", TIMEOUT, {"answer": ""})), "login", ("unknown", "The server did not say whether it lets you in.")),
    ],
)
def test_each_stage_says_what_was_seen(steps: tuple[Any, ...], stage: str, expected: tuple[str, str]) -> None:
    assert told(*steps)[stage] == expected
