"""Bridge lines as people get them, and as strangers might send them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.texts import has_text
from diagnostics.vpn.profile import Profile, ProfileError, Protocol, Source, read_profile
from diagnostics.vpn.tor.bridge import BridgeProfile, parse_bridge

FINGERPRINT = "0123456789ABCDEF0123456789abcdef01234567"
CERT = base64.b64encode(bytes(range(52))).decode().rstrip("=")
OBFS4 = f"obfs4 192.0.2.7:443 {FINGERPRINT} cert={CERT} iat-mode=1"


def read(text: str) -> BridgeProfile:
    profile = read_profile(text)
    assert isinstance(profile, BridgeProfile)
    return profile


def refused(text: str) -> str:
    with pytest.raises(ProfileError) as error:
        parse_bridge(Source(text))
    return error.value.text


def test_an_obfs4_line_gives_all_that_it_holds() -> None:
    bridge = read(OBFS4)
    assert (bridge.protocol, bridge.host, bridge.port, bridge.transport) == (Protocol.OBFS4, "192.0.2.7", 443, "tcp")
    assert (bridge.fingerprint, bridge.cert.reveal(), bridge.iat_mode) == (FINGERPRINT.upper(), CERT, "1")
    assert bridge.notes == ()


@pytest.mark.parametrize(
    "line", [f"Bridge 192.0.2.7:9001 {FINGERPRINT}", f"192.0.2.7:9001 {FINGERPRINT}", f"  bridge\t192.0.2.7:9001 ${FINGERPRINT}"]
)
def test_a_plain_bridge_is_read_with_and_without_its_word(line: str) -> None:
    bridge = read(line)
    assert (bridge.protocol, bridge.host, bridge.port, bridge.fingerprint) == (Protocol.TOR, "192.0.2.7", 9001, FINGERPRINT.upper())


def test_an_ipv6_bridge_is_read() -> None:
    bridge = read(f"Bridge obfs4 [2001:DB8::7]:8443 {FINGERPRINT} cert={CERT}")
    assert (bridge.host, bridge.port, bridge.iat_mode) == ("2001:db8::7", 8443, "0")


def test_of_several_lines_the_first_counts_and_the_others_are_noted() -> None:
    torrc = f"""# from a friend
UseBridges 1
ClientTransportPlugin obfs4 exec /usr/bin/evil --run
Bridge {OBFS4}
Bridge obfs4 192.0.2.8:444 {FINGERPRINT} cert={CERT}
"""
    bridge = read(torrc)
    assert bridge.host == "192.0.2.7"
    assert [note.text for note in bridge.notes] == ["vpn.note.more_bridges", "vpn.note.plugin_not_run"]
    assert bridge.notes[0].values == {"count": "1"}
    assert all(has_text(note.text) for note in bridge.notes)


def test_a_line_that_cannot_be_tested_gives_way_to_one_that_can() -> None:
    assert read(f"Bridge snowflake 192.0.2.3:80 {FINGERPRINT}\nBridge {OBFS4}").protocol is Protocol.OBFS4


def test_a_bridge_without_a_fingerprint_is_taken_and_says_so() -> None:
    bridge = read("Bridge 192.0.2.7:9001")
    assert bridge.fingerprint == ""
    assert [note.text for note in bridge.notes] == ["vpn.note.no_fingerprint"]


@pytest.mark.parametrize("transport", ["snowflake", "meek_lite", "webtunnel"])
def test_other_disguises_are_named(transport: str) -> None:
    line = f"{transport} [2001:db8::1]:443 {FINGERPRINT} url=https://example.com/secret"
    with pytest.raises(ProfileError) as error:
        read_profile(line)
    assert (error.value.text, error.value.values) == ("vpn.bridge.transport", {"transport": transport})


@pytest.mark.parametrize(
    "line, text",
    [
        ("Bridge", "vpn.bridge.address"),
        ("Bridge example.com:443", "vpn.bridge.address"),
        (f"Bridge 192.0.2.7:0 {FINGERPRINT}", "vpn.bridge.address"),
        (f"Bridge 192.0.2.7:65536 {FINGERPRINT}", "vpn.bridge.address"),
        (f"Bridge 192.0.2.777:443 {FINGERPRINT}", "vpn.bridge.address"),
        (f"Bridge 0.0.0.0:443 {FINGERPRINT}", "vpn.bridge.address"),
        (f"Bridge [fe80::1%eth0]:443 {FINGERPRINT}", "vpn.bridge.address"),
        ("Bridge 192.0.2.7:443 " + FINGERPRINT[:39], "vpn.bridge.fingerprint"),
        ("Bridge 192.0.2.7:443 " + FINGERPRINT + "0", "vpn.bridge.fingerprint"),
        (f"Bridge mystery 192.0.2.7:443 {FINGERPRINT}", "vpn.bridge.unknown_transport"),
        (f"obfs4 192.0.2.7:443 {FINGERPRINT}", "vpn.bridge.cert"),
        (f"obfs4 192.0.2.7:443 {FINGERPRINT} cert={CERT[:-2]}", "vpn.bridge.cert"),
        (f"obfs4 192.0.2.7:443 {FINGERPRINT} cert={CERT}AA", "vpn.bridge.cert"),
        (f"obfs4 192.0.2.7:443 {FINGERPRINT} cert={'*' * 70}", "vpn.bridge.cert"),
        (f"obfs4 192.0.2.7:443 {FINGERPRINT} cert={CERT} iat-mode=9", "vpn.bridge.iat_mode"),
        (f"obfs4 192.0.2.7:443 {FINGERPRINT} cert={CERT} cert={CERT}", "vpn.bridge.twice"),
        ("nothing of that kind", "vpn.bridge.none"),
    ],
)
def test_a_broken_line_gets_the_sentence_about_what_is_wrong(line: str, text: str) -> None:
    assert refused(line) == text
    assert has_text(text)


def test_the_secret_of_a_bridge_is_nowhere_to_be_read() -> None:
    bridge = read(OBFS4)
    assert not any(part in f"{bridge} {bridge!r} {bridge.cert} {bridge.id}" for part in (CERT, "192.0.2.7", FINGERPRINT.upper()))


def test_bridges_that_differ_in_their_secret_alone_have_names_of_their_own() -> None:
    other = base64.b64encode(bytes(52)).decode().rstrip("=")
    assert read(OBFS4).id != read(OBFS4.replace(CERT, other)).id


WORDS = st.sampled_from(
    ["Bridge", "obfs4", "192.0.2.7:443", "[2001:db8::7]:9", FINGERPRINT, f"cert={CERT}", "cert=", "iat-mode=2", "#", "\n", "="]
)


@given(st.lists(WORDS | st.text(max_size=20), max_size=40))
def test_whatever_a_stranger_writes_is_a_bridge_or_one_sentence(words: list[str]) -> None:
    try:
        profile: Profile = parse_bridge(Source(" ".join(words)))
    except ProfileError as error:
        said = error.text
    else:
        said = "vpn.port" if 1 <= profile.port <= 65535 else ""
    assert said.startswith("vpn.")
