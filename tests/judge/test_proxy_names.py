"""A proxy's name: leads nowhere, leads astray, or is somebody's own; and the line is accused only where the proxy lives."""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.judge.evidence import Evidence
from diagnostics.judge.routes import judge_routes
from diagnostics.model import NetworkVerdict, Observation, Status, Step

ROUTE = "socks5h-1234"
NXDOMAIN, REFUSED, TIMEOUT, BOGON = "dns_nxdomain_error", "connection_refused", "generic_timeout_error", "dns_bogon_error"


def said(*stages: tuple[str, str | None]) -> tuple[str, str | None, str, str]:
    made = [Observation(id="o0", step=Step.SYSTEM, route=ROUTE, detail={"kind": "route", "id": ROUTE, "proxy": "socks5h", "why_not": ""})]
    for number, (stage, failure) in enumerate(stages, start=1):
        detail: dict[str, Any] = {"stage": stage, "kind": "socks5h"}
        made.append(Observation(id=f"o{number}", step=Step.PROXY, route=ROUTE, failure=failure, detail=detail))
    ((found,), _) = judge_routes(Evidence(made), (), NetworkVerdict(status=Status.WORKS))
    return found.status.value, found.cause.value if found.cause else None, found.certainty.value, found.rule


@pytest.mark.parametrize("failure", [NXDOMAIN, BOGON, "dns_server_misbehaving", TIMEOUT])
def test_a_name_that_leads_nowhere_here_to_a_proxy_that_lives_is_kept_from_us(failure: str) -> None:
    found = said(("name", failure), ("name_elsewhere", None), ("connect", None))
    assert found == ("down", "proxy_blocked", "likely", "route.name_misled")


def test_a_name_that_nobody_knows_accuses_nobody() -> None:
    assert said(("name", NXDOMAIN), ("name_elsewhere", NXDOMAIN)) == ("down", "proxy_unreachable", "likely", "route.name_unknown")
    assert said(("name", NXDOMAIN))[1:] == ("proxy_unreachable", "likely", "route.name_unknown")


def test_an_odd_address_that_answers_is_the_proxys_own() -> None:
    assert said(("name", BOGON), ("name_elsewhere", NXDOMAIN), ("connect", None), ("open", REFUSED))[3] != "route.name_unknown"
    assert said(("name", BOGON), ("name_elsewhere", NXDOMAIN), ("connect", REFUSED))[3] == "route.name_unknown"


@pytest.mark.parametrize("failure, cause, rule", [(REFUSED, "proxy_down", "route.refused"), (TIMEOUT, "proxy_unreachable", "route.silent")])
def test_a_proxy_that_is_not_there_either_is_off_and_not_kept_from_us(failure: str, cause: str, rule: str) -> None:
    assert said(("name", NXDOMAIN), ("name_elsewhere", None), ("connect", failure)) == ("down", cause, "likely", rule)


def test_a_name_that_is_found_here_is_no_matter() -> None:
    assert said(("name", None), ("connect", TIMEOUT))[3] == "route.silent"
