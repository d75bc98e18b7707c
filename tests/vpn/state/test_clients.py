"""The list of VPN programs: it ships whole, and a mistake in it is answered with its line."""

from __future__ import annotations

import datetime as dt
import tomllib

import pytest

import resources
from diagnostics.errors import InputError
from diagnostics.routes.local_clients import known_clients
from diagnostics.vpn.state.clients import FILE, Is, Role, fits, known_names, read_names

GOOD = """as_of = 2026-11-26

[[client]]
id = "one"
name = "One"
role = "full"
windows = ["One Tunnel*"]
linux = ["one0"]
addresses = ["10.85.0.0/24"]
processes = ["oned"]
source = "tests"
checked = false

[[other]]
id = "boxes"
kind = "virtual"
linux = ["box*"]
source = "tests"
checked = false
"""


def test_the_list_that_ships_is_dated_and_says_where_each_name_is_from() -> None:
    written = tomllib.loads(resources.text(FILE))
    assert written["as_of"] >= dt.date(2026, 11, 1)
    assert all(entry["source"] for entry in (*written["client"], *written["other"]))
    assert not [entry["id"] for entry in written["client"] if entry["source"] == "general knowledge" and entry["checked"]]


def test_every_kind_of_client_ships() -> None:
    assert {client.role for client in known_names().clients} == set(Role)
    assert {other.kind for other in known_names().others} == set(Is)


def test_who_offers_a_proxy_here_is_called_alike_in_both_lists() -> None:
    proxies = {client.id for client in known_names().clients if client.role is Role.PROXY}
    assert proxies <= {client.id for client in known_clients()}


@pytest.mark.parametrize(
    "system, names, client",
    [
        ("linux", ["wg0-mullvad"], "mullvad"),
        ("linux", ["wg7"], "wireguard"),
        ("linux", ["proton0"], "proton"),
        ("linux", ["nordlynx"], "nordvpn"),
        ("linux", ["CloudflareWARP"], "warp"),
        ("linux", ["ztabcdefgh"], "zerotier"),
        ("windows", ["WireGuard Tunnel", "casa"], "wireguard"),
        ("windows", ["Wintun Userspace Tunnel", "Mullvad"], "mullvad"),
        ("windows", ["TAP-Windows Adapter V9 #2", "Ethernet 3"], "openvpn"),
        ("windows", ["TAP-NordVPN Windows Adapter V9", "x"], "nordvpn"),
        ("windows", ["sing-tun Tunnel", "singbox_tun"], "sing-box"),
        ("macos", ["ipsec0"], "ikev2"),
    ],
)
def test_adapters_of_known_programs_are_recognised(system: str, names: list[str], client: str) -> None:
    found = known_names().client_of(system, names)
    assert found is not None
    assert found.id == client


def test_an_address_names_a_client_whose_adapter_has_no_name() -> None:
    found = known_names().client_of("macos", ["utun5"], ["fd7a:115c:a1e0::1"])
    assert found is not None
    assert found.id == "tailscale"
    assert known_names().client_of("macos", ["utun5"], ["10.8.0.2"]) is None


def test_a_process_is_a_hint() -> None:
    assert known_names().by_process({"expressvpnd", "bash"}) == ("expressvpn",)
    assert known_names().by_process({"bash"}) == ()


def test_patterns_know_no_case_and_no_middle() -> None:
    assert fits(["One Tunnel*"], ["one tunnel #2"])
    assert not fits(["one0"], ["xone0", ""])


def test_a_good_list_is_read() -> None:
    found = read_names(GOOD, "f")
    assert (found.as_of, found.clients[0].linux, found.others[0].kind) == ("2026-11-26", ("one0",), Is.VIRTUAL)
    assert found.client("one") is found.clients[0]
    assert found.client("two") is None


@pytest.mark.parametrize(
    "old, new, line, found",
    [
        ('role = "full"', 'role = "half"', 6, "half"),
        ('id = "one"', 'id = "One!"', 4, "One!"),
        ('id = "boxes"', 'id = "one"', 15, "one"),
        ('name = "One"', 'name = " "', 5, " "),
        ('["one0"]', '["*"]', 8, "*"),
        ('["One Tunnel*"]', '["ok then", "?"]', 7, "?"),
        ('["10.85.0.0/24"]', '["10.85.0.1/24"]', 9, "10.85.0.1/24"),
        ('["oned"]', '["One.exe"]', 10, "One.exe"),
        ('kind = "virtual"', 'kind = "odd"', 16, "odd"),
        ('linux = ["box*"]', 'linus = ["box*"]', 17, "linus"),
    ],
)
def test_a_mistake_is_answered_with_file_and_line(old: str, new: str, line: int, found: str) -> None:
    with pytest.raises(InputError) as caught:
        read_names(GOOD.replace(old, new), "mine.toml")
    values = caught.value.values
    assert (caught.value.text, values["file"], values["line"], str(values["found"])) == ("error.data", "mine.toml", line, found)
