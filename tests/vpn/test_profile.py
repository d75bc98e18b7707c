"""Profiles from strangers: each is read or refused with one sentence, and nothing secret is ever repeated."""

from __future__ import annotations

import base64
import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.texts import has_text
from diagnostics.errors import InputError
from diagnostics.vpn.profile import MAX_PROFILE, ProfileError, Protocol, Source, open_profile, read_profile
from diagnostics.vpn.wireguard.profile import WireGuardProfile

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()
GOOD = f"""[Interface]
PrivateKey = {KEY}
Address = 10.0.0.2/32, fd00::2/128
DNS = 10.0.0.1, example.lan
MTU = 1380

[Peer]
PublicKey = {OTHER}
Endpoint = vpn.example.org:51820
AllowedIPs = 0.0.0.0/0, ::/0
PersistentKeepalive = 25
"""


def read(text: bytes | str) -> WireGuardProfile:
    profile = read_profile(text)
    assert isinstance(profile, WireGuardProfile)
    return profile


def refusal_of(data: bytes | str) -> str:
    """Return the id of the sentence with which a text is refused, or nothing where it is read; neither repeats what it holds."""
    try:
        profile = read_profile(data)
    except ProfileError as error:
        return error.text
    if KEY in repr(profile):
        return repr(profile)
    return ""


def test_a_profile_is_read_whole() -> None:
    profile = read(GOOD)
    assert (profile.protocol, profile.host, profile.port, profile.mtu) == (Protocol.WIREGUARD, "vpn.example.org", 51820, 1380)
    assert profile.addresses == ("10.0.0.2", "fd00::2")
    assert profile.dns == ("10.0.0.1",)
    assert profile.allowed == ("0.0.0.0/0", "::/0")
    assert profile.notes == ()


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        codecs.BOM_UTF8 + GOOD.encode(),
        codecs.BOM_UTF16_LE + GOOD.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"),
        GOOD.encode("utf-16-le"),
        GOOD.replace("\n", "\r\n").encode(),
    ],
    ids=["plain", "mark", "utf-16", "utf-16-be", "utf-16 without a mark", "windows"],
)
def test_the_ways_in_which_programs_write_it_make_no_difference(data: bytes) -> None:
    assert read(data).id == read(GOOD).id


def test_an_ipv6_server_stands_in_brackets() -> None:
    assert read(GOOD.replace("vpn.example.org:51820", "[2001:db8::1]:51820")).host == "2001:db8::1"


def test_scripts_and_unknown_options_are_said() -> None:
    profile = read(GOOD.replace("MTU = 1380", "PostUp = rm -rf /\nColour = blue"))
    assert [note.text for note in profile.notes] == ["vpn.profile.scripts", "vpn.profile.ignored"]
    assert "colour" in profile.notes[1].values["names"]


def test_of_several_servers_the_one_that_carries_everything_is_taken() -> None:
    first = f"[Peer]\nPublicKey = {KEY}\nEndpoint = lan.example.org:1\nAllowedIPs = 192.168.0.0/24\n"
    profile = read(GOOD.replace("[Peer]", f"{first}\n[Peer]", 1))
    assert (profile.host, profile.notes[0].text) == ("vpn.example.org", "vpn.profile.wg.peers")


def test_a_disguise_makes_it_amneziawg() -> None:
    profile = read(GOOD.replace("MTU = 1380", "Jc = 4\nJmin = 40\nJmax = 70\nS1 = 15\nH1 = 77"))
    assert (profile.protocol, profile.junk.jc, profile.junk.h1, profile.junk.h2) == (Protocol.AMNEZIAWG, 4, 77, 2)


BAD = {
    "vpn.profile.empty": " \n",
    "vpn.profile.not_a_profile": "hello",
    "vpn.profile.too_big": "x" * (MAX_PROFILE + 1),
    "vpn.profile.wg.no_interface": f"[Peer]\nPublicKey = {KEY}\n",
    "vpn.profile.wg.two_interfaces": GOOD + "[Interface]\n",
    "vpn.profile.wg.no_peer": GOOD.partition("[Peer]")[0],
    "vpn.profile.wg.no_key": GOOD.replace("PrivateKey", "Privat"),
    "vpn.profile.wg.bad_key": GOOD.replace(KEY, KEY[:-4]),
    "vpn.profile.wg.no_endpoint": GOOD.replace("Endpoint", "Endpunkt"),
    "vpn.profile.wg.bad_endpoint": GOOD.replace(":51820", ":99999"),
    "vpn.profile.wg.bad_address": GOOD.replace("10.0.0.2/32", "10.0.0.999"),
    "vpn.profile.wg.bad_mtu": GOOD.replace("1380", "12"),
    "vpn.profile.wg.bad_junk": GOOD.replace("MTU = 1380", "Jc = many"),
}


@pytest.mark.parametrize("text_id", BAD)
def test_a_mistake_is_answered_with_its_sentence(text_id: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(BAD[text_id])
    assert caught.value.text == text_id
    assert has_text(text_id)
    assert KEY not in str(caught.value)


def in_text(number: int) -> str:
    """Return a key that is such a number."""
    return base64.b64encode(number.to_bytes(32, "little")).decode()


@pytest.mark.parametrize("number", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255 + 1])
def test_a_server_key_with_which_no_secret_can_be_agreed_is_refused(number: int) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(GOOD.replace(OTHER, in_text(number)))
    assert (caught.value.text, caught.value.values) == ("vpn.profile.wg.bad_key", {"key": "PublicKey"})


@pytest.mark.parametrize("number", [2, 9, 2**255 - 21, 2**255 + 9])
def test_a_server_key_that_only_looks_strange_is_taken(number: int) -> None:
    assert read(GOOD.replace(OTHER, in_text(number))).public_key.reveal() == in_text(number)


def test_of_many_name_servers_the_first_four_are_kept() -> None:
    def with_servers(count: int) -> tuple[str, ...]:
        return read(GOOD.replace("DNS = 10.0.0.1", "DNS = " + ", ".join(f"10.0.1.{n}" for n in range(count)))).dns

    assert with_servers(4) == ("10.0.1.0", "10.0.1.1", "10.0.1.2", "10.0.1.3")
    assert with_servers(300) == with_servers(4)


@given(st.one_of(st.binary(max_size=400), st.text(max_size=400)))
def test_whatever_a_stranger_hands_over_is_read_or_refused(data: bytes | str) -> None:
    assert has_text(refusal_of(data) or "vpn.in_use")


@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.text(max_size=8)), max_size=6))
def test_a_spoilt_profile_is_read_or_refused_and_repeats_no_key(edits: list[tuple[int, str]]) -> None:
    text = GOOD
    for place, put in edits:
        text = text[:place] + put + text[place:]
    assert KEY not in refusal_of(text)
    assert "example" not in refusal_of(text)


def test_a_file_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        open_profile(tmp_path / "missing.conf")
    with pytest.raises(ProfileError):
        open_profile(tmp_path)


def test_a_profile_can_name_only_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "secret.key").write_text("no")
    (tmp_path / "profiles" / "own.key").write_text("yes")
    (tmp_path / "profiles" / "link.key").symlink_to(tmp_path / "secret.key")
    source = Source("", tmp_path / "profiles")
    assert source.read("own.key") == b"yes"
    for name in ("../secret.key", "link.key", str(tmp_path / "secret.key"), "", "missing"):
        with pytest.raises(ProfileError):
            source.read(name)
    with pytest.raises(ProfileError):
        Source("").read("own.key")
