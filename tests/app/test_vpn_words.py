"""What is said of VPNs: the state, the picture, the checks, the stages of a profile, and the comparison with and without it."""

from __future__ import annotations

import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import sample_vpn, samples
from app.cli_summary import write_summary
from app.sample_vpn import FULL, STATES, WIREGUARD, compared, profile_report, with_vpn
from app.terminal import Terminal
from app.texts import LANGUAGES, set_language, speaking
from app.vpn_steps import Outcome, opens_sentence, profile_stages
from app.vpn_words import (
    Place,
    beside,
    beside_sentence,
    check_sentence,
    check_title,
    checks_in_order,
    lanes,
    measured_through,
    picture_words,
    profile_sentence,
    vpn_at_home,
    vpn_sentence,
    vpn_state_word,
    watch_sentence,
)
from diagnostics.model import OUTSIDE, Cause, Certainty, Observation, Report, RouteVerdict, Status, Step, VpnCheck, VpnVerdict


@pytest.fixture(autouse=True)
def spanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATAJO_STRICT_TEXTS", "1")
    set_language("es")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_every_state_has_its_sentence_its_word_and_its_picture(state: str, language: str) -> None:
    with speaking(language):
        said = [vpn_sentence(STATES[state]), vpn_state_word(STATES[state]), picture_words(STATES[state])]
    assert all(said)
    assert "{" not in "".join(said)


def test_a_vpn_is_called_by_the_name_of_its_program() -> None:
    assert vpn_state_word(FULL) == "Activa (Proton VPN)"


def test_a_state_of_a_newer_engine_is_one_that_we_cannot_tell() -> None:
    assert vpn_sentence(VpnVerdict(state="quantum")) == "No pudimos saber si hay una VPN activa."


def test_the_picture_says_what_goes_inside_and_what_outside() -> None:
    assert picture_words(FULL) == (
        "Por dentro de Proton VPN: Las páginas, Los nombres de las páginas y Las llamadas. "
        "Por fuera, a la vista de tu proveedor: Lo que sale con tu dirección «IPv6»."
    )


def test_what_was_not_looked_at_is_neither_inside_nor_outside() -> None:
    bare = VpnVerdict(state="full", checks=(VpnCheck(check="udp", status=Status.UNKNOWN),))
    assert [(lane.id, lane.place) for lane in lanes(bare)] == [("pages", Place.INSIDE)]


def test_what_was_seen_from_outside_counts_for_more_than_where_a_route_points() -> None:
    routed = VpnCheck(check="ipv6", status=Status.PARTIAL, cause=Cause.VPN_IPV6_OUTSIDE)
    seen = VpnCheck(check="ipv6_seen", status=Status.WORKS)
    assert [lane.place for lane in lanes(VpnVerdict(state="full", checks=(routed, seen))) if lane.id == "ipv6"] == [Place.INSIDE]


def test_the_worst_check_comes_first_and_what_was_not_tested_is_left_out() -> None:
    assert [check.check for check in checks_in_order(FULL)] == ["ipv6", "mtu", "route", "names", "udp"]


def test_a_kill_switch_that_holds_is_good_although_it_has_a_cause() -> None:
    held = VpnCheck(check="kill_switch", status=Status.WORKS, cause=Cause.VPN_KILL_SWITCH_ACTIVE, rule="vpn.sample")
    assert check_sentence(held) == "Nada pudo salir por fuera de la VPN."


checks = st.builds(
    VpnCheck,
    check=st.text(max_size=20) | st.sampled_from(["route", "ipv6", "names", "kill_switch"]),
    status=st.sampled_from(list(Status)) | st.just(Status("half_eaten")),
    cause=st.none() | st.sampled_from([each for each in Cause if each.startswith("vpn_")]),
    certainty=st.sampled_from(list(Certainty)),
    rule=st.text(max_size=20),
)


@given(checks, st.text(max_size=12), st.lists(st.text(max_size=80), max_size=5))
def test_nothing_in_a_strangers_report_about_its_vpn_raises(check: VpnCheck, state: str, clients: list[str]) -> None:
    set_language("es")
    vpn = VpnVerdict(state=state, clients=tuple(clients), checks=(check,))
    assert all((check_title(check), check_sentence(check), vpn_sentence(vpn), picture_words(vpn)))


@pytest.mark.parametrize(
    "state, said", [("none", ""), ("full", "Tienes una VPN activa: lo que probemos irá por ella."), ("mesh", ""), ("unknown", "")]
)
def test_home_says_that_tests_go_through_the_vpn_only_when_they_do(state: str, said: str) -> None:
    assert vpn_at_home(state) == said


def test_the_summary_says_through_what_it_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert measured_through(with_vpn(samples.all_works(), FULL)) == "Medido a través de tu VPN (Proton VPN)."
    assert measured_through(samples.all_works()) == ""
    write_summary(with_vpn(samples.all_works(), FULL), Terminal(sys.stdout))
    assert "Medido a través de tu VPN (Proton VPN)." in capsys.readouterr().out


# --- with and without the VPN ---------------------------------------------------------------------


def test_services_are_held_against_each_other_with_and_without_the_vpn(capsys: pytest.CaptureFixture[str]) -> None:
    assert next((target, past) for target, _, past in beside(compared())) == ("x", Status.BLOCKED)
    assert beside_sentence(compared()) == "X abre con la VPN y sin ella no."
    write_summary(compared(), Terminal(sys.stdout))
    said = capsys.readouterr().out
    assert "X: Con la VPN: Funciona; Sin la VPN: Bloqueado" in said
    assert "outside" not in said


def test_a_kill_switch_that_refused_the_comparison_is_told_as_good() -> None:
    route = RouteVerdict(id=OUTSIDE, kind=OUTSIDE, status=Status.DOWN, cause=Cause.VPN_KILL_SWITCH_ACTIVE)
    report = msgspec.structs.replace(samples.all_works(), routes=(route,))
    assert beside_sentence(report).startswith("Tu VPN no dejó salir nada por fuera.")


def test_where_nothing_is_known_outside_nothing_is_claimed() -> None:
    quiet = msgspec.structs.replace(compared(), verdicts=tuple(v for v in compared().verdicts if v.route != OUTSIDE))
    assert beside_sentence(quiet) == "No se pudo probar por fuera de la VPN."
    assert beside_sentence(samples.all_works()) == ""


# --- a profile ------------------------------------------------------------------------------------


def outcomes(report: Report, kind: str = "wireguard") -> dict[str, Outcome]:
    return {stage.id: stage.outcome for stage in profile_stages(report, WIREGUARD.id, kind)}


def test_a_profile_that_works_passes_every_stage_and_says_what_would_open() -> None:
    found = outcomes(profile_report(WIREGUARD, works=True))
    assert list(found) == ["name", "address", "greeting", "keys", "data", "names", "sizes"]
    assert {found.pop("sizes"), *found.values()} == {Outcome.PARTLY, Outcome.PASSED}
    assert (
        opens_sentence(profile_report(WIREGUARD, works=True), WIREGUARD.id)
        == "Por este perfil se abre: X y WhatsApp. No se abre: Telegram."
    )


def test_behind_a_server_that_stays_silent_nothing_was_reached_and_no_cause_is_named() -> None:
    report = profile_report(WIREGUARD, works=False)
    found = outcomes(report)
    assert found["greeting"] is Outcome.UNKNOWN
    assert found["address"] is Outcome.NOT_TRIED
    assert {found[each] for each in ("keys", "data", "names", "sizes")} == {Outcome.NOT_REACHED}
    route = next(each for each in report.routes if each.id == WIREGUARD.id)
    assert "cort" not in profile_sentence(route)


def test_what_went_through_a_proxy_is_not_told_as_the_direct_way() -> None:
    step = Observation(id="p9", step=Step.VPN, route=WIREGUARD.id, detail={"stage": "handshake", "by": "socks5-1a2b"})
    report = Report(observations=(*profile_report(WIREGUARD, works=False).observations, step))
    assert outcomes(report)["greeting"] is Outcome.UNKNOWN


def test_a_silence_that_was_explained_is_a_failure_and_one_that_was_not_is_unknown() -> None:
    cut = profile_report(WIREGUARD, works=False, cut=True)
    assert outcomes(cut)["greeting"] is Outcome.FAILED
    under_way = msgspec.structs.replace(cut, routes=())
    greeting = next(stage for stage in profile_stages(under_way, WIREGUARD.id, "wireguard") if stage.id == "greeting")
    assert (greeting.outcome, greeting.sentence) == (Outcome.UNKNOWN, "No vimos respuesta al saludo. Con eso solo no se sabe la causa.")


def test_a_refusal_is_a_failure_whatever_is_held_of_the_profile() -> None:
    step = Observation(id="p1", step=Step.VPN, route=WIREGUARD.id, failure="connection_refused", detail={"stage": "port", "by": "direct"})
    assert outcomes(Report(observations=(step,)), "ssh")["port"] is Outcome.FAILED


def test_a_protocol_without_a_tunnel_shows_only_the_stages_it_has() -> None:
    assert list(outcomes(Report(), "ikev2")) == ["name", "address", "greeting"]  # over UDP there is no door to knock at
    assert list(outcomes(Report(), "ssh")) == ["name", "address", "port", "greeting"]
    assert set(outcomes(Report(), "ikev2").values()) == {Outcome.NOT_TRIED}


json_like = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3))


@given(st.sampled_from(["name", "alive", "port", "handshake", "keys", "login", "data", "dns", "mtu"]), json_like, st.booleans())
def test_no_observation_of_a_stranger_breaks_the_stages(stage: str, planted: object, failed: bool) -> None:
    set_language("es")
    detail = {"stage": stage, "by": planted, "passed": planted, "lost": planted, "signs": planted}
    seen = Observation(id="o1", step=Step.VPN, route=WIREGUARD.id, failure="connection_reset" if failed else None, detail=detail)
    assert all(stage.sentence for stage in profile_stages(Report(observations=(seen,)), WIREGUARD.id, "openvpn"))


# --- watching -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inside, what, said",
    [
        (False, "all", "A los 12 segundos la VPN se cayó y tu computadora salió sin ella."),
        (True, "all", "A los 12 segundos todo volvió a la VPN."),
        (True, "cut", "A los 12 segundos se cortó todo: nada salió sin la VPN."),
        (False, "names", "A los 12 segundos los nombres de las páginas salieron sin la VPN."),
        (False, "newer", "A los 12 segundos la VPN se cayó y tu computadora salió sin ella."),
    ],
)
def test_a_moment_of_watching_is_one_sentence(inside: bool, what: str, said: str) -> None:
    assert watch_sentence(inside=inside, what=what, seconds=12.2) == said


def test_the_samples_are_what_they_are_called() -> None:
    assert {name: vpn.state for name, vpn in sample_vpn.STATES.items()} == {name: name for name in sample_vpn.STATES}


SSH_RULES = {
    "vpn.port_closed": Cause.VPN_SERVER_UNREACHABLE,
    "vpn.name_unknown": Cause.VPN_SERVER_UNREACHABLE,
    "vpn.address_other_service": Cause.VPN_SERVER_UNREACHABLE,
    "vpn.address_closes": Cause.VPN_SERVER_UNREACHABLE,
    "vpn.answers_elsewhere": Cause.VPN_HANDSHAKE_BLOCKED,
    "vpn.name_misled": Cause.VPN_HANDSHAKE_BLOCKED,
    **dict.fromkeys(["vpn.address_answers", "vpn.address_cut", "vpn.closes_here"]),
    **dict.fromkeys(["vpn.silent_address", "vpn.way_ends", "vpn.not_measured"]),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", SSH_RULES)
def test_an_ssh_server_is_never_called_a_vpn(rule: str, language: str) -> None:
    for certainty in (Certainty.LIKELY, Certainty.CERTAIN):
        route = RouteVerdict(id="ssh-1", kind="ssh", status=Status.DOWN, cause=SSH_RULES[rule], certainty=certainty, rule=rule)
        if certainty is Certainty.CERTAIN and rule != "vpn.answers_elsewhere":
            continue  # the judge is never that sure of these
        with speaking(language):
            assert "VPN" not in profile_sentence(route)
