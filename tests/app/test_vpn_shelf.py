"""What stands behind the VPN screens: profiles held in memory alone, runs planned with the person's consent, a watch in few words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import vpn_shelf
from app.texts import set_language
from app.vpn_moments import moment_of
from app.vpn_shelf import MOST_PROFILES, VpnShelf
from diagnostics.catalog import load_catalog
from diagnostics.errors import InputError
from diagnostics.model import VpnVerdict
from diagnostics.plan import Plan
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import Link
from diagnostics.vpn import in_use
from diagnostics.vpn.state.facts import Interface, VpnFacts
from diagnostics.vpn.watch import Moment
from ui.vpn_backend import ProfileRead, ProfileRow, VpnWanted, WatchMoment

KEY = "gI6EdUSYvn8ugXOt8QQD6Yc+JyiZxIhp3GInSWRfWGE="
PEER = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="


def conf(number: int = 1) -> str:
    return (
        f"[Interface]\nPrivateKey = {KEY}\nAddress = 10.66.0.{number}/32\nPostUp = touch /tmp/never\n"
        f"[Peer]\nPublicKey = {PEER}\nEndpoint = 192.0.2.{number}:51820\nAllowedIPs = 0.0.0.0/0\n"
    )


class Now:
    """Does a job at once."""

    def work(self, job: Callable[[], object], done: Callable[[object, BaseException | None], None]) -> None:
        try:
            done(job(), None)
        except (InputError, OSError) as error:
            done(None, error)


@pytest.fixture(autouse=True)
def spanish() -> None:
    set_language("es")


@pytest.fixture(autouse=True)
def computer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that gives this computer adapters and addresses; it begins without any."""

    def be(*interfaces: Interface, addresses: frozenset[str] = frozenset()) -> None:
        async def facts() -> VpnFacts:
            return VpnFacts(system="linux", interfaces=interfaces)

        monkeypatch.setattr(in_use, "read_vpn_facts", facts)
        monkeypatch.setattr(in_use, "_addresses", lambda: set(addresses))

    be()
    return be


@pytest.fixture
def shelf() -> Iterator[VpnShelf]:
    made = VpnShelf(Now())
    yield made
    made.forget()


def read(shelf: VpnShelf, source: Path | str) -> ProfileRead:
    found: list[ProfileRead] = []
    shelf.read(source, found.append)
    return found[0]


def row(shelf: VpnShelf, source: Path | str) -> ProfileRow:
    found = read(shelf, source).row
    assert found is not None
    return found


def plan(shelf: VpnShelf, wanted: VpnWanted) -> Plan:
    return asyncio.run(shelf.job(wanted).plan(load_catalog()))


def test_a_profile_is_shown_without_its_keys_and_says_that_its_scripts_are_not_run(shelf: VpnShelf, tmp_path: Path) -> None:
    (tmp_path / "casa.conf").write_text(conf())
    found = row(shelf, tmp_path / "casa.conf")
    assert (found.kind, found.name, found.one_at_a_time, found.can_login) == ("wireguard", "casa", True, False)
    assert found.notes
    assert KEY not in repr(found)
    assert "192.0.2" not in repr(found)


@pytest.mark.parametrize("text", ["", "hola", "[Interface]\n", "\0" * 40])
def test_what_is_no_profile_is_one_sentence(shelf: VpnShelf, text: str) -> None:
    found = read(shelf, text)
    assert found.row is None
    assert found.problem is not None
    assert found.problem.words().endswith(".")


def test_a_run_without_a_profile_looks_at_the_vpn_that_is_on(shelf: VpnShelf) -> None:
    assert plan(shelf, VpnWanted()).vpn.protection
    assert plan(shelf, VpnWanted(kill_switch=True)).vpn.kill_switch
    beside = plan(shelf, VpnWanted(outside=True, targets=("x",)))
    assert (beside.vpn.outside, [target.id for target in beside.targets]) == (True, ["x"])


def test_no_service_is_tested_that_nobody_asked_for(shelf: VpnShelf) -> None:
    assert plan(shelf, VpnWanted()).targets == ()
    assert plan(shelf, VpnWanted(kill_switch=True)).targets == ()
    found = row(shelf, conf())
    assert [target.id for target in plan(shelf, VpnWanted(profile=found.id, targets=("x",))).targets] == ["x"]
    pageless = row(shelf, "ikev2://vpn.example.org")  # no page goes through what is only greeted
    assert plan(shelf, VpnWanted(profile=pageless.id, targets=("x",))).targets == ()


def test_a_look_that_fails_says_that_nothing_is_known(shelf: VpnShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> VpnVerdict:
        raise OSError

    monkeypatch.setattr(vpn_shelf, "look_now", broken)
    told: list[VpnVerdict | None] = []
    shelf.look(told.append)
    VpnShelf(Now(), simulated=True).look(told.append)
    assert told == [VpnVerdict(), None]


def test_a_profile_is_called_like_its_file_whatever_it_speaks(shelf: VpnShelf, tmp_path: Path) -> None:
    (tmp_path / "mi puente.txt").write_text(f"Bridge 192.0.2.7:443 {'A1' * 20}\n")
    found = row(shelf, tmp_path / "mi puente.txt")
    assert (found.kind, found.name) == ("tor", "mi puente")
    assert row(shelf, f"Bridge 192.0.2.7:443 {'A1' * 20}").name == ""


def test_a_profile_that_may_be_connected_is_only_greeted(shelf: VpnShelf) -> None:
    found = row(shelf, conf())
    assert plan(shelf, VpnWanted(profile=found.id, targets=("x",))).vpn.consent.data
    greeted = plan(shelf, VpnWanted(profile=found.id, targets=("x",), in_use=True)).vpn.consent
    assert (greeted.data, greeted.in_use, greeted.login) == (False, True, False)


@pytest.mark.parametrize(
    "up, doubt",
    [
        (Interface(label="wg0", kind="wireguard"), True),
        (Interface(label="utun4", kind="tun"), True),
        (Interface(label="tailscale0", kind="mesh"), False),
        (Interface(label="tun0", kind="tun", up=False), False),
        (Interface(label="eth0", kind="physical"), False),
    ],
    ids=["WireGuard", "a tunnel", "a mesh", "a tunnel that is down", "the line"],
)
def test_a_tunnel_that_may_be_the_profiles_is_asked_about_and_spared_until_the_person_says_it_is_another(
    up: Interface, doubt: bool, shelf: VpnShelf, computer: Callable[..., None]
) -> None:
    computer(up)
    found = row(shelf, conf())
    assert (found.in_use, found.may_be_in_use) == (False, doubt)
    consent = plan(shelf, VpnWanted(profile=found.id)).vpn.consent
    assert (consent.in_use, consent.doubt, consent.only_greet) == (False, doubt, doubt)
    assert not plan(shelf, VpnWanted(profile=found.id, not_in_use=True)).vpn.consent.only_greet


def test_a_tunnel_that_went_on_after_the_profile_was_read_is_spared_as_well(shelf: VpnShelf, computer: Callable[..., None]) -> None:
    found = row(shelf, conf())
    assert not found.may_be_in_use
    computer(Interface(label="wg0", kind="wireguard"))
    assert plan(shelf, VpnWanted(profile=found.id)).vpn.consent.doubt


def test_a_profile_whose_address_is_this_computers_is_in_use_whatever_was_answered(shelf: VpnShelf, computer: Callable[..., None]) -> None:
    computer(Interface(label="wg0", kind="wireguard"), addresses=frozenset({"10.66.0.1"}))
    found = row(shelf, conf())
    assert (found.in_use, found.may_be_in_use) == (True, False)
    consent = plan(shelf, VpnWanted(profile=found.id, not_in_use=True)).vpn.consent
    assert (consent.in_use, consent.doubt, consent.only_greet) == (True, False, True)


def test_on_a_simulated_network_this_computers_tunnels_raise_no_doubt(computer: Callable[..., None]) -> None:
    computer(Interface(label="wg0", kind="wireguard"))
    simulated = VpnShelf(Now(), simulated=True)
    found = row(simulated, conf())
    assert not found.may_be_in_use
    assert not plan(simulated, VpnWanted(profile=found.id)).vpn.consent.only_greet


def test_proxies_are_lent_for_the_greeting_alone_and_only_those_that_were_asked_for(shelf: VpnShelf) -> None:
    found = row(shelf, conf())
    links = [parse_link(f"{kind}://192.0.2.{n}:1080") for n, kind in enumerate(("http", *["socks5h"] * 6), start=1)]
    wanted = VpnWanted(profile=found.id, proxies=tuple("abcdefg"))
    made = asyncio.run(shelf.job(wanted, lambda: links).plan(load_catalog()))
    assert (made.routes, made.vpn.lent) == ((), tuple(links[1:5]))  # an HTTP proxy carries none of WireGuard's packets
    assert asyncio.run(shelf.job(VpnWanted(profile=found.id), lambda: links).plan(load_catalog())).vpn.lent == ()


def test_a_proxy_that_cannot_be_read_is_said(shelf: VpnShelf) -> None:
    def gone() -> list[Link]:
        raise InputError("proxies.gone")

    found = row(shelf, conf())
    with pytest.raises(InputError, match=r"proxies\.gone"):
        asyncio.run(shelf.job(VpnWanted(profile=found.id, proxies=("a",)), gone).plan(load_catalog()))


def test_a_profile_is_tested_without_the_direct_line(shelf: VpnShelf) -> None:
    found = row(shelf, conf())
    made = plan(shelf, VpnWanted(profile=found.id, targets=("x",)))
    assert not made.direct
    assert [profile.id for profile in made.vpn.profiles] == [found.id]


def test_what_was_typed_for_an_openvpn_login_is_in_that_run_alone(shelf: VpnShelf) -> None:
    from diagnostics.vpn.openvpn.profile import OpenVpnProfile
    from tests.vpn.openvpn.server import profile_text

    found = row(shelf, profile_text(1194, "auth-user-pass"))
    assert (found.kind, found.can_login, found.asks_login) == ("openvpn", True, True)
    made = plan(shelf, VpnWanted(profile=found.id, login=True, user="ana", password="una-clave")).vpn
    assert isinstance(made.profiles[0], OpenVpnProfile)
    assert (made.consent.login, made.profiles[0].asks_login, made.profiles[0].id) == (True, False, found.id)
    again = plan(shelf, VpnWanted(profile=found.id)).vpn
    assert isinstance(again.profiles[0], OpenVpnProfile)
    assert (again.consent.login, again.profiles[0].asks_login) == (False, True)
    with pytest.raises(InputError):
        plan(shelf, VpnWanted(profile=found.id, login=True, user="a" * 999, password="x"))


def test_a_profile_that_was_forgotten_is_said_and_never_becomes_another_run(shelf: VpnShelf) -> None:
    first = row(shelf, conf(1))
    for number in range(2, MOST_PROFILES + 2):
        row(shelf, conf(number))
    with pytest.raises(InputError):
        plan(shelf, VpnWanted(profile=first.id))


def test_closing_the_window_forgets_every_profile(shelf: VpnShelf) -> None:
    found = row(shelf, conf())
    shelf.forget()
    with pytest.raises(InputError):
        plan(shelf, VpnWanted(profile=found.id))


def test_in_a_simulation_this_computer_is_not_looked_at() -> None:
    seen: list[object] = []
    VpnShelf(Now(), simulated=True).look(seen.append)
    assert seen == [None]


def said(heard: list[tuple[str, str]], inside: dict[str, bool]) -> WatchMoment:
    return moment_of([Moment(t=3.0, what=what, part=part) for what, part in heard], inside)


def test_what_one_look_finds_is_told_as_one_moment() -> None:
    inside: dict[str, bool] = {}
    assert said([("inside", "four"), ("inside", "names")], inside) == WatchMoment(seconds=3.0, inside=True)
    assert said([("left", "names")], inside) == WatchMoment(seconds=3.0, inside=False, what="names")
    assert said([("left", "four"), ("gone", "")], inside) == WatchMoment(seconds=3.0, inside=False)
    assert said([("back", "four")], inside).inside is False  # the names are still outside
    assert said([("back", "names")], inside) == WatchMoment(seconds=3.0, inside=True)


def test_a_cut_is_told_as_one_and_not_as_a_leak() -> None:
    inside: dict[str, bool] = {}
    said([("inside", "four")], inside)
    assert said([("gone", ""), ("cut", "four")], inside) == WatchMoment(seconds=3.0, inside=True, what="cut")


def test_without_a_vpn_at_the_start_nothing_is_called_inside() -> None:
    assert said([("none", "")], {}) == WatchMoment(seconds=3.0, inside=False, what="none")
