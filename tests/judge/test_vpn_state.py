"""The rules of this computer's VPN on recorded facts: what each must say, and the look-alikes of which it must say nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.judge import judge
from diagnostics.judge.evidence import Evidence
from diagnostics.judge.vpn_state import judge_vpn_state
from diagnostics.model import Cause, Certainty, NetworkVerdict, Observation, Status, Step, VpnCheck, VpnVerdict
from diagnostics.vpn.state.facts import Interface, ResolverRoute, SmartNames, VpnFacts
from diagnostics.vpn.state.reading_facts import Adapter
from diagnostics.vpn.state.routes import Way
from tests.vpn.state.computers import FOUR, SIX, WIFI, WIFI_SIX, computer, to, tunnel

WORKING = NetworkVerdict(status=Status.WORKS, certainty=Certainty.CERTAIN, rule="network.controls_answer", evidence=("o5",))
OFFLINE = NetworkVerdict(status=Status.DOWN, cause=Cause.NO_INTERNET, certainty=Certainty.CERTAIN, evidence=("o7", "o8"))
NO_SIX = [Way(target=target, outcome="none") for target in SIX]


def judged(facts: VpnFacts, line: NetworkVerdict = WORKING, proxy: Mapping[str, Any] | None = None) -> VpnVerdict:
    """Return the verdict on what was read."""
    told = [Observation(id="o1", step=Step.SYSTEM, detail={"kind": "vpn", **msgspec.to_builtins(facts)})]
    if proxy is not None:
        told.append(Observation(id="o2", step=Step.SYSTEM, detail={"kind": "system_proxy", "settings": [], "way": dict(proxy)}))
    return judge_vpn_state(Evidence(told), line)


def of(*adapters: Adapter, ways: Sequence[Way], line: NetworkVerdict = WORKING, **more: Any) -> VpnVerdict:
    """Return the verdict on a computer."""
    return judged(computer(*adapters, ways=ways, **more).facts, line)


def check(verdict: VpnVerdict, name: str) -> VpnCheck:
    """Return one check; it must be there."""
    return next(each for each in verdict.checks if each.check == name)


def causes(verdict: VpnVerdict) -> list[str]:
    """Return what is held against the VPN."""
    return [str(each.cause) for each in verdict.checks if each.cause]


# --- the state ---------------------------------------------------------------------------------------


def test_a_computer_without_a_vpn_has_none_and_nothing_is_said() -> None:
    assert of(WIFI, ways=[*to(WIFI, *FOUR), *NO_SIX]) == VpnVerdict(state="none")


def test_a_tunnel_that_carries_everything_is_full_and_well() -> None:
    tun = tunnel()
    verdict = of(WIFI, tun, ways=[*to(tun, *FOUR), *NO_SIX], servers=[("10.8.0.1", tun)])
    assert (verdict.state, causes(verdict)) == ("full", [])
    assert {each.check: each.rule for each in verdict.checks} == {
        "route": "vpn.carries_everything",
        "ipv6": "vpn.ipv6_nowhere",
        "names": "vpn.names_inside",
    }
    assert all(each.evidence == ("o1",) for each in verdict.checks)


def test_policy_routing_counts_as_full_though_the_main_table_leads_everything_to_the_line() -> None:
    wg = tunnel("wg0", "10.2.0.2/32", "wireguard")
    assert of(WIFI, wg, ways=[*to(wg, *FOUR), *NO_SIX]).state == "full"


def test_a_tunnel_for_half_of_the_addresses_is_a_part_and_only_likely_a_fault() -> None:
    tun = tunnel()
    verdict = of(WIFI, tun, ways=[*to(tun, *FOUR[:4]), *to(WIFI, *FOUR[4:])])
    route = check(verdict, "route")
    assert (verdict.state, route.status, route.cause, route.certainty) == ("split", Status.PARTIAL, Cause.VPN_SPLIT, Certainty.LIKELY)


def test_a_program_that_is_meant_for_everything_and_carries_nothing_is_said() -> None:
    mullvad = tunnel("wg0-mullvad", "10.64.0.2/32", "wireguard")
    verdict = of(WIFI, mullvad, ways=to(WIFI, *FOUR))
    assert (check(verdict, "route").rule, verdict.clients) == ("vpn.carries_nothing", ("mullvad",))


def test_without_a_note_nothing_is_known() -> None:
    assert judge_vpn_state(Evidence([]), WORKING) == VpnVerdict()


def test_what_could_not_be_read_is_unknown() -> None:
    verdict = judged(VpnFacts())
    assert (verdict.state, [each.status for each in verdict.checks]) == ("unknown", [Status.UNKNOWN])


def test_a_note_of_another_shape_is_unknown_and_no_crash() -> None:
    note = Observation(id="o1", step=Step.SYSTEM, detail={"kind": "vpn", "interfaces": "tun0"})
    assert judge_vpn_state(Evidence([note]), WORKING) == VpnVerdict()


def test_addresses_on_two_adapters_are_unknown_and_not_none() -> None:
    twin = Adapter(name="vti0", kind="ipsec", names=("vti0",), addresses=("192.168.1.23/32",))
    assert of(WIFI, twin, ways=to(WIFI, *FOUR)).state == "unknown"


def test_ipsec_without_a_device_of_its_own_is_not_called_no_vpn() -> None:
    eth = Adapter(name="eth0", kind="physical", names=("eth0",), addresses=("192.168.1.23/24", "10.9.0.5/32"))
    verdict = of(eth, ways=[Way(target=target, outcome="routed", source="10.9.0.5") for target in FOUR])
    assert (verdict.state, check(verdict, "route").rule) == ("unknown", "vpn.address_unexplained")


# --- IPv6 --------------------------------------------------------------------------------------------


def test_ipv6_beside_the_tunnel_is_likely_outside() -> None:
    tun = tunnel()
    six = check(of(WIFI_SIX, tun, ways=[*to(tun, *FOUR), *to(WIFI_SIX, *SIX)]), "ipv6")
    assert (six.status, six.cause, six.certainty) == (Status.PARTIAL, Cause.VPN_IPV6_OUTSIDE, Certainty.LIKELY)


@pytest.mark.parametrize(
    "line, address, rule",
    [
        (NetworkVerdict(ipv6="broken"), "2001:db8::5/64", "vpn.ipv6_gets_nowhere"),
        (WORKING, "fd00::5/64", "vpn.ipv6_without_public_address"),
    ],
)
def test_ipv6_that_is_only_declared_is_no_fault(line: NetworkVerdict, address: str, rule: str) -> None:
    tun, wifi = tunnel(), Adapter(name="wlan0", kind="physical", addresses=("192.168.1.23/24", address))
    verdict = of(wifi, tun, ways=[*to(tun, *FOUR), *to(wifi, *SIX)], line=line)
    assert (check(verdict, "ipv6").rule, causes(verdict)) == (rule, [])


def test_an_error_of_ipv6_is_not_taken_for_no_way() -> None:
    tun = tunnel()
    verdict = of(WIFI, tun, ways=[*to(tun, *FOUR), *(Way(target=target, outcome="error") for target in SIX)])
    assert (check(verdict, "ipv6").status, causes(verdict)) == (Status.UNKNOWN, [])


def test_ipv6_that_a_vpns_program_swallows_is_inside() -> None:
    proton, trap = (
        tunnel("proton0", "10.2.0.2/32", "wireguard"),
        Adapter(name="ipv6leakintrf0", kind="kill_switch", addresses=("fdeb::1/64",)),
    )
    assert check(of(WIFI, proton, trap, ways=[*to(proton, *FOUR), *to(trap, *SIX)]), "ipv6").rule == "vpn.ipv6_inside"


# --- names -------------------------------------------------------------------------------------------


def test_a_name_server_of_the_line_is_likely_asked_outside_of_a_full_tunnel() -> None:
    tun = tunnel()
    names = check(of(WIFI, tun, ways=to(tun, *FOUR), servers=[("192.168.1.1", WIFI), ("10.8.0.1", tun)]), "names")
    assert (names.status, names.cause, names.certainty) == (Status.PARTIAL, Cause.VPN_DNS_OUTSIDE, Certainty.LIKELY)


def test_names_outside_of_a_tunnel_that_carries_a_part_accuse_nobody() -> None:
    tun = tunnel()
    verdict = of(WIFI, tun, ways=[*to(tun, *FOUR[:3]), *to(WIFI, *FOUR[3:])], servers=[("192.168.1.1", WIFI)])
    assert (check(verdict, "names").status, check(verdict, "names").cause) == (Status.PARTIAL, None)


def test_a_program_of_this_computer_that_is_asked_for_names_is_not_judged() -> None:
    tun = tunnel()
    facts = computer(WIFI, tun, ways=to(tun, *FOUR)).facts
    stub = msgspec.structs.replace(facts, resolvers=(ResolverRoute(place="loopback"),))
    assert (check(judged(stub), "names").status, causes(judged(stub))) == (Status.UNKNOWN, [])


def test_servers_for_one_network_only_do_not_count() -> None:
    tun = tunnel()
    facts = computer(WIFI, tun, ways=to(tun, *FOUR)).facts
    both = (ResolverRoute(place="private", via="tun0"), ResolverRoute(place="private", via="wlan0", used=False))
    assert check(judged(msgspec.structs.replace(facts, resolvers=both)), "names").rule == "vpn.names_inside"


@pytest.mark.parametrize(
    "smart, others, cause",
    [
        (SmartNames(on=True), True, Cause.VPN_DNS_AT_RISK),
        (SmartNames(on=False), True, None),
        (SmartNames(on=True, one_way=True), True, None),
        (SmartNames(on=True), False, None),
    ],
)
def test_windows_is_at_risk_only_if_it_may_ask_another_adapter(smart: SmartNames, others: bool, cause: Cause | None) -> None:
    tun = tunnel()
    servers = [ResolverRoute(place="private", via="tun0", on="tun0")]
    servers += [ResolverRoute(place="private", via="wlan0", on="wlan0", used=False)] * others
    facts = msgspec.structs.replace(computer(WIFI, tun, ways=to(tun, *FOUR)).facts, smart_names=smart, resolvers=tuple(servers))
    risk = check(judged(facts), "names_at_risk")
    assert (risk.cause, risk.certainty) == (cause, Certainty.LIKELY)


# --- proxies, two tunnels, remains --------------------------------------------------------------------


ALIVE = {"host": "127.0.0.1", "port": 8080, "alive": True, "program": "psiphon"}


def test_a_vpn_that_is_only_a_proxy_leaves_other_programs_outside() -> None:
    verdict = judged(computer(WIFI, ways=to(WIFI, *FOUR)).facts, proxy=ALIVE)
    only = check(verdict, "proxy_only")
    assert (verdict.state, verdict.clients, only.cause, only.certainty) == (
        "browser_only",
        ("psiphon",),
        Cause.VPN_PROXY_ONLY,
        Certainty.CERTAIN,
    )
    assert only.evidence == ("o1", "o2")


def test_a_proxy_of_nobody_known_is_only_likely_and_a_dead_one_no_vpn() -> None:
    facts = computer(WIFI, ways=to(WIFI, *FOUR)).facts
    assert check(judged(facts, proxy={**ALIVE, "program": "other"}), "proxy_only").certainty is Certainty.LIKELY
    assert judged(facts, proxy={**ALIVE, "alive": False}) == VpnVerdict(state="none")


def test_a_proxy_inside_a_full_tunnel_is_no_fault() -> None:
    tun = tunnel()
    assert causes(judged(computer(WIFI, tun, ways=to(tun, *FOUR)).facts, proxy=ALIVE)) == []


def test_two_tunnels_that_both_want_everything_are_a_conflict() -> None:
    one, two = tunnel("tun0", routes=["0.0.0.0/1", "128.0.0.0/1"]), tunnel("tun1", "10.9.0.2/24", routes=["0.0.0.0/0"])
    verdict = of(WIFI, one, two, ways=to(one, *FOUR))
    assert (check(verdict, "conflict").cause, verdict.state) == (Cause.VPN_CONFLICT, "full")


def test_a_tunnel_and_a_mesh_get_on() -> None:
    tun, mesh = tunnel(), tunnel("tailscale0", "100.101.1.2/32")
    verdict = of(WIFI, tun, mesh, ways=to(tun, *FOUR))
    assert (verdict.state, causes(verdict)) == ("full", [])


def test_a_network_that_is_here_and_in_the_tunnel_is_said() -> None:
    wg = tunnel("wg0", "10.2.0.2/32", "wireguard", routes=["192.168.0.0/16"])
    assert causes(of(WIFI, wg, ways=to(WIFI, *FOUR))) == ["vpn_subnet_overlap"]


def test_a_block_that_a_vpn_left_is_why_nothing_opens() -> None:
    trap = Adapter(name="pvpnksintrf0", kind="kill_switch", addresses=("100.85.0.1/24",))
    verdict = of(WIFI, trap, ways=to(trap, *FOUR), line=OFFLINE)
    left = check(verdict, "left_over")
    assert (verdict.state, left.status, left.cause, left.certainty) == (
        "stale",
        Status.DOWN,
        Cause.VPN_KILL_SWITCH_ACTIVE,
        Certainty.CERTAIN,
    )
    assert left.evidence == ("o1", "o7", "o8")


def test_a_default_route_into_a_dead_tunnel_is_only_likely_why() -> None:
    tun = tunnel(up=False)
    assert check(of(WIFI, tun, ways=to(tun, *FOUR), line=OFFLINE), "left_over").certainty is Certainty.LIKELY


def test_nobody_is_accused_of_a_block_while_the_line_answers() -> None:
    tun = tunnel(up=False)
    verdict = of(WIFI, tun, ways=to(tun, *FOUR))
    assert (check(verdict, "left_over").status, causes(verdict)) == (Status.UNKNOWN, [])


# --- look-alikes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "adapter",
    [
        Adapter(name="docker0", kind="virtual", addresses=("172.17.0.1/16",)),
        Adapter(name="virbr0", kind="virtual", addresses=("192.168.122.1/24",)),
        Adapter(name="utun3", kind="tun", addresses=("fe80::9/64",)),
        Adapter(name="utun4", kind="tun"),
        tunnel("tun0", up=False),
    ],
)
def test_what_is_no_vpn_is_none(adapter: Adapter) -> None:
    assert of(WIFI, adapter, ways=to(WIFI, *FOUR)) == VpnVerdict(state="none")


@pytest.mark.parametrize("address", ["190.200.1.2/32", "100.70.1.2/32", "10.64.1.2/32"])
def test_a_dsl_line_or_a_mobile_modem_is_no_vpn(address: str) -> None:
    """Behind the last, no other line lies: so it is the line itself."""
    ppp = Adapter(name="ppp0", kind="ppp", addresses=(address,))
    assert of(ppp, ways=to(ppp, *FOUR)) == VpnVerdict(state="none")


def test_a_dial_in_vpn_with_a_line_below_it_is_one() -> None:
    ppp = Adapter(name="ppp0", kind="ppp", names=("ppp0",), addresses=("10.64.1.2/32",))
    assert of(WIFI, ppp, ways=to(ppp, *FOUR)).state == "full"


@pytest.mark.parametrize(
    "name, address, state, client",
    [
        ("tailscale0", "100.101.1.2/32", "mesh", "tailscale"),
        ("ztabcdefgh", "10.147.17.5/24", "mesh", "zerotier"),
        ("nordlynx", "100.64.3.4/10", "mesh", "nordvpn"),
        ("cscotun0", "10.20.1.2/16", "split", "anyconnect"),
        ("wg0", "10.2.0.2/24", "split", "wireguard"),
    ],
)
def test_a_mesh_a_company_and_a_home_network_are_no_fault(name: str, address: str, state: str, client: str) -> None:
    each = tunnel(name, address)
    verdict = of(WIFI, each, ways=to(WIFI, *FOUR), servers=[("192.168.1.1", WIFI)])
    assert (verdict.state, verdict.clients, causes(verdict)) == (state, (client,), [])
    assert [(c.check, c.status, c.cause) for c in verdict.checks] == [("route", Status.WORKS, None)]


def test_a_company_that_takes_some_public_addresses_is_no_fault_either() -> None:
    access, wifi = tunnel("cscotun0", "10.20.1.2/16"), WIFI_SIX
    verdict = of(wifi, access, ways=[*to(access, *FOUR[:1]), *to(wifi, *FOUR[1:], *SIX)], servers=[("192.168.1.1", wifi)])
    assert (verdict.state, causes(verdict)) == ("split", [])


def test_a_mesh_whose_exit_is_used_is_a_full_tunnel() -> None:
    mesh = tunnel("tailscale0", "100.101.1.2/32")
    assert of(WIFI, mesh, ways=to(mesh, *FOUR)).state == "full"


def test_a_line_with_an_address_of_the_providers_own_range_is_no_mesh() -> None:
    wifi = Adapter(name="wlan0", kind="physical", names=("wlan0",), addresses=("100.66.3.4/24",))
    assert of(wifi, ways=to(wifi, *FOUR)) == VpnVerdict(state="none")


def test_a_program_that_runs_names_a_tunnel_that_has_no_name_of_its_own() -> None:
    tun = tunnel()
    assert of(WIFI, tun, ways=to(tun, *FOUR), running=["expressvpn"]).clients == ("expressvpn",)
    assert of(WIFI, tun, ways=to(tun, *FOUR), running=["expressvpn", "surfshark"]).clients == ("tun",)


# --- reports of strangers ------------------------------------------------------------------------------


LABELS = st.sampled_from(["tun0", "eth0", "", "adapter 1", "x" * 300])
KINDS = st.sampled_from(["tun", "physical", "mesh", "kill_switch", "quantum", ""])


@given(
    st.lists(
        st.builds(Interface, label=LABELS, kind=KINDS, up=st.booleans(), addressed=st.booleans(), claims_all=st.booleans()), max_size=6
    ),
    st.lists(st.tuples(st.sampled_from([4, 6, -1]), st.sampled_from(["routed", "none", "error", "?"]), LABELS), max_size=9),
    st.lists(st.builds(ResolverRoute, place=st.sampled_from(["loopback", "private", "?"]), via=LABELS, on=LABELS), max_size=4),
)
def test_no_note_brings_the_judge_to_fall(
    interfaces: list[Interface], routes: list[tuple[int, str, str]], resolvers: list[ResolverRoute]
) -> None:
    detail = {
        "kind": "vpn",
        "system": "linux",
        "interfaces": msgspec.to_builtins(interfaces),
        "resolvers": msgspec.to_builtins(resolvers),
        "routes": [{"family": family, "outcome": outcome, "via": via} for family, outcome, via in routes],
    }
    network = judge([Observation(id="o1", step=Step.SYSTEM, detail=detail)]).network
    assert network.vpn.state in {"none", "full", "split", "mesh", "stale", "unknown"}
