"""Calls over UDP and Telegram's data centres: what is said, and what must not be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from diagnostics.model import Control, Endpoint, Function, Observation, Probe, Rule, Service, Step
from tests.judge.story import CONTROL_ADDRESS, TRUE, Story

CENTRES = tuple(f"149.154.{number}.50" for number in (161, 163, 165, 167, 171, 175))
STUN = (
    Control(id="stun1", operator="Uno", kind="stun", host="stun.uno.example", port=3478),
    Control(id="stun2", operator="Dos", kind="stun", host="stun.dos.example", port=3478),
)
SILENT: dict[str, Any] = {"failure": "generic_timeout_error", "tries": 4}


class Calls(Story):
    """A service that needs one server for calls, beside two controls."""

    def __init__(self) -> None:
        calls = Function(id="calls", core=True, endpoints=(Endpoint(host="turn.x.com", port=3478, probe=Probe.STUN, checked=True),))
        super().__init__(Service(id="x", functions=(calls,)))
        plan = self.observations[0]
        detail = plan.detail | {"controls": [*plan.detail["controls"], *msgspec.to_builtins(STUN)]}
        self.observations[0] = msgspec.structs.replace(plan, detail=detail)
        self.healthy().system("turn.x.com", TRUE).doh("turn.x.com", TRUE)

    def stun(self, host: str = "turn.x.com", address: str = TRUE, *, failure: str | None = None, tries: int = 1) -> Calls:
        own = host == "turn.x.com"
        detail = {"port": 3478, "protocol": "stun", "tries": tries, "purpose": "target" if own else "control", "received": 0}
        self.add(Step.UDP, host=host, address=address, target="x" if own else None, failure=failure, detail=detail)
        return self

    def controls(self, **how: Any) -> Calls:
        for control in STUN:
            self.stun(control.host, CONTROL_ADDRESS, **how)
        return self


def test_a_server_for_calls_that_answers_works() -> None:
    found = Calls().stun().verdict()
    assert (found.status, found.rule) == ("works", "target.all_functions")
    assert Calls().stun().verdict(function="calls").rule == "udp.answers"


def test_a_server_for_calls_that_is_silent_beside_others_that_answer_looks_blocked() -> None:
    assert Calls().stun(**SILENT).controls().said() == ("likely_blocked", "ip_blocked", "likely")


def test_one_control_that_answers_is_enough() -> None:
    told = Calls().stun(**SILENT).stun(STUN[0].host, CONTROL_ADDRESS, **SILENT).stun(STUN[1].host, CONTROL_ADDRESS)
    assert told.said()[0] == "likely_blocked"


def test_where_no_udp_passes_at_all_nobody_is_accused_and_the_rule_says_so() -> None:
    told = Calls().stun(**SILENT).controls(**SILENT)
    assert told.said() == ("unknown", None, "none")
    assert told.verdict(function="calls").rule == "udp.no_stun_anywhere"


def test_without_controls_silence_says_nothing() -> None:
    assert Calls().stun(**SILENT).verdict(function="calls").rule == "udp.no_control"


@pytest.mark.parametrize("how", [{"failure": "generic_timeout_error", "tries": 1}, {"failure": "connection_refused"}])
def test_a_lost_question_and_a_closed_port_accuse_nobody(how: dict[str, Any]) -> None:
    assert Calls().stun(**how).controls().said()[0] == "unknown"


def test_this_computers_own_filter_is_named() -> None:
    assert Calls().stun(failure="permission_denied").controls().said()[:2] == ("down", "local_firewall")


def test_an_address_that_only_the_systems_resolver_gives_may_be_the_lie() -> None:
    told = Calls()
    told.observations = [o for o in told.observations if not (o.host == "turn.x.com" and o.detail.get("engine") == "doh")]
    assert told.stun(**SILENT).controls().said()[0] == "unknown"


# --- data centres -----------------------------------------------------------------------------------


class Telegram(Story):
    """Six data centres that do not replace each other."""

    def __init__(self) -> None:
        endpoints = tuple(Endpoint(host=host, probe=Probe.MTPROTO, checked=True) for host in CENTRES)
        super().__init__(Service(id="telegram", functions=(Function(id="chat", core=True, rule=Rule.MOST_OF, endpoints=endpoints),)))
        self.healthy()

    def centre(self, host: str, failure: str | None = None, *, purpose: str = "target", received: int = 0) -> Telegram:
        self.tcp(host, host=host, target="telegram", purpose=purpose)
        detail = {"port": 443, "purpose": purpose, "answered": failure is None, "received": received if failure else 100}
        self.add(Step.MTPROTO, host=host, address=host, target="telegram", failure=failure, detail=detail)
        return self

    def cut(self, *hosts: str, failure: str = "connection_reset") -> Telegram:
        for host in hosts:
            self.centre(host, failure).centre(host, failure, purpose="repeat")
        return self

    def silent(self, *hosts: str) -> Telegram:
        for host in hosts:
            self.tcp(host, "generic_timeout_error", host=host, target="telegram", tries=5)
        return self

    def alive(self, *hosts: str) -> Telegram:
        for host in hosts:
            self.centre(host)
        return self


def test_data_centres_that_all_answer_work_and_the_evidence_counts_them() -> None:
    found = Telegram().alive(*CENTRES).verdict("telegram", "chat")
    assert (found.status, len(found.evidence)) == ("works", len(CENTRES))


def test_a_lone_dead_data_centre_is_what_maintenance_looks_like() -> None:
    told = Telegram().silent(CENTRES[0]).alive(*CENTRES[1:])
    assert told.said("telegram")[0] == "works"
    dead = next(o.id for o in told.observations if o.host == CENTRES[0])
    assert dead in told.verdict("telegram", "chat").evidence


@pytest.mark.parametrize("dead", [2, 3, 5])
def test_several_dead_data_centres_are_works_in_part(dead: int) -> None:
    told = Telegram().silent(*CENTRES[:dead]).alive(*CENTRES[dead:])
    assert told.said("telegram") == ("partial", "ip_blocked", "likely")


def test_all_dead_is_what_the_dead_ones_say() -> None:
    assert Telegram().silent(*CENTRES).said("telegram") == ("likely_blocked", "ip_blocked", "likely")


@pytest.mark.parametrize("failure", ["connection_reset", "eof_error", "generic_timeout_error"])
def test_cuts_after_the_first_bytes_at_several_centres_look_blocked(failure: str) -> None:
    told = Telegram().cut(*CENTRES, failure=failure)
    assert told.said("telegram") == ("likely_blocked", "ip_blocked", "likely")
    assert told.verdict("telegram", "chat").rule == "mtproto.cut"


def test_a_single_cut_accuses_nobody() -> None:
    told = Telegram().alive(*CENTRES[1:]).centre(CENTRES[0], "connection_reset").centre(CENTRES[0], "connection_reset", purpose="repeat")
    assert told.said("telegram")[0] == "works"
    assert told.verdict("telegram", "chat").cause is None


def test_a_wrong_answer_is_no_cut() -> None:
    told = Telegram()
    for host in CENTRES:
        told.centre(host, "unknown_failure: wrong answer", received=20)
    assert told.said("telegram")[0] == "unknown"


def test_cuts_while_nothing_else_goes_on_accuse_nobody() -> None:
    told = Telegram().cut(*CENTRES)
    told.observations = [o for o in told.observations if o.step not in (Step.TLS, Step.HTTP)]
    assert told.said("telegram")[0] == "unknown"


def test_observations_of_a_stranger_do_not_bring_the_rules_to_fall() -> None:
    told = Telegram()
    told.observations.append(Observation(id="odd", step=Step.MTPROTO, target="telegram", host=CENTRES[0], failure="eof_error"))
    told.observations.append(Observation(id="odd2", step=Step.UDP, target="telegram", host=CENTRES[0]))
    assert told.said("telegram")[0] in ("unknown", "not_tested")
