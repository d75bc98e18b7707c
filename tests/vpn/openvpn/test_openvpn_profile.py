"""OpenVPN's files from strangers: each is read or refused with one sentence, and nothing secret is ever repeated."""

from __future__ import annotations

import base64
import codecs
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from app.texts import has_text
from diagnostics.vpn.openvpn.identity import SERVER_AUTH, NameKind
from diagnostics.vpn.openvpn.profile import MOST_REMOTES, OpenVpnProfile, Remote, Wrap, with_login
from diagnostics.vpn.profile import ProfileError, Protocol, read_profile
from tests.vpn.openvpn.papers import Issuer, of_no_version
from tests.vpn.openvpn.server import KEY, KEY_TEXT, issuer, own, profile_text

GOOD = profile_text(1194).replace("127.0.0.1", "vpn.example.org")
WRAPPED = bytes(range(200)) + bytes(120) + (322).to_bytes(2)
V2_NAME = "OpenVPN tls-crypt-v2 client key"
V2 = f"-----BEGIN {V2_NAME}-----\n{base64.b64encode(KEY + WRAPPED).decode()}\n-----END {V2_NAME}-----"


def read(text: str | bytes, folder: Path | None = None) -> OpenVpnProfile:
    profile = read_profile(text, folder=folder)
    assert isinstance(profile, OpenVpnProfile)
    return profile


def with_lines(*lines: str) -> str:
    return GOOD + "\n".join(lines) + "\n"


def notes_of(*lines: str) -> list[str]:
    return [note.text for note in read(with_lines(*lines)).notes if note.text != "vpn.rule.carries_no_pages"]


def encrypted_key() -> str:
    key = serialization.load_pem_private_key(own().key.encode(), None)
    how = serialization.BestAvailableEncryption(b"secret")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how).decode()


def test_a_profile_is_read_whole() -> None:
    profile = read(GOOD)
    assert (profile.protocol, profile.host, profile.port, profile.transport) == (Protocol.OPENVPN, "vpn.example.org", 1194, "udp")
    assert profile.remotes == (Remote("vpn.example.org", 1194, "udp"),)
    assert (profile.wrap.wrap, profile.wants_login, profile.asks_login, profile.tap) == (Wrap.PLAIN, False, False, False)
    assert (profile.rules.usages, profile.rules.key_usage, profile.rules.strict) == ((SERVER_AUTH,), True, True)
    assert profile.certificates.key.reveal().startswith("-----BEGIN PRIVATE KEY-----")
    assert "example" not in repr(profile)


@pytest.mark.parametrize(
    "data",
    [GOOD.replace("\n", "\r\n").encode(), codecs.BOM_UTF8 + GOOD.encode(), codecs.BOM_UTF16_LE + GOOD.encode("utf-16-le")],
    ids=["windows", "mark", "utf-16"],
)
def test_the_ways_in_which_programs_write_it_make_no_difference(data: bytes) -> None:
    assert read(data).id == read(GOOD).id


REMOTE = "remote vpn.example.org 1194 udp"


@pytest.mark.parametrize(
    "lines, remotes",
    [
        ("remote a.example", [("a.example", 1194, "udp")]),
        ("remote a.example 443\nproto tcp-client", [("a.example", 443, "tcp")]),
        ("proto tcp\nport 8443\nremote a.example\nremote b.example 53 udp4", [("a.example", 8443, "tcp"), ("b.example", 53, "udp")]),
        ("remote 2001:db8::1 1194 udp6", [("2001:db8::1", 1194, "udp")]),
        ('--remote "a.example" 443 tcp6 # the first', [("a.example", 443, "tcp")]),
        (
            "<connection>\nremote a.example 443 tcp\n</connection>\n<connection>\nremote b.example\nproto udp\n</connection>",
            [("a.example", 443, "tcp"), ("b.example", 1194, "udp")],
        ),
        ("remote a.example 1\nremote a.example 1", [("a.example", 1, "udp")]),
    ],
)
def test_every_way_to_a_server_is_found_in_the_order_of_the_file(lines: str, remotes: list[Any]) -> None:
    profile = read(GOOD.replace(REMOTE, lines))
    assert [(each.host, each.port, each.transport) for each in profile.remotes] == remotes


def test_of_very_many_servers_the_first_are_kept() -> None:
    profile = read(GOOD.replace(REMOTE, "\n".join(f"remote s{n}.example" for n in range(90))))
    assert len(profile.remotes) == MOST_REMOTES
    assert [note.values for note in profile.notes if note.text == "vpn.profile.ovpn.servers"] == [{"count": "90"}]


@pytest.mark.parametrize(
    "lines, wrap, direction, digest",
    [
        (f"<tls-auth>\n{KEY_TEXT}</tls-auth>\nkey-direction 1\nauth SHA512", Wrap.TLS_AUTH, 1, "sha512"),
        (f"tls-auth [inline] 1\n<tls-auth>\n{KEY_TEXT}</tls-auth>", Wrap.TLS_AUTH, 1, "sha1"),
        (f"<tls-auth>\n{KEY_TEXT}</tls-auth>\nauth RSA-SHA256", Wrap.TLS_AUTH, None, "sha256"),
        (f"<tls-crypt>\n# 2048 bit\n{KEY_TEXT}</tls-crypt>\nauth WHIRLPOOL", Wrap.TLS_CRYPT, None, "sha1"),
    ],
)
def test_the_key_of_the_control_channel_is_read(lines: str, wrap: Wrap, direction: int | None, digest: str) -> None:
    found = read(with_lines(lines)).wrap
    assert (found.wrap, found.direction, found.digest, found.key.reveal()) == (wrap, direction, digest, KEY.hex())


def test_a_key_of_one_client_comes_in_two_parts() -> None:
    found = read(with_lines(f"<tls-crypt-v2>\n{V2}\n</tls-crypt-v2>")).wrap
    assert (found.wrap, found.key.reveal(), found.wrapped.reveal()) == (Wrap.TLS_CRYPT_V2, KEY.hex(), WRAPPED.hex())


def test_files_beside_the_profile_are_read_and_no_others(tmp_path: Path) -> None:
    for name, text in {"ca.crt": issuer().root, "own.crt": own().certificate, "own.key": own().key, "ta.key": KEY_TEXT}.items():
        (tmp_path / name).write_text(text)
    text = f"client\n{REMOTE}\nca ca.crt\ncert own.crt\nkey own.key\ntls-auth ta.key 1\n"
    profile = read(text, tmp_path)
    assert (profile.wrap.direction, profile.certificates.key.reveal()) == (1, own().key)
    with pytest.raises(ProfileError, match="file_missing"):
        read(text)
    with pytest.raises(ProfileError, match="file_missing"):
        read(text.replace("ca ca.crt", "ca /etc/hostname"), tmp_path)


@pytest.mark.parametrize("name", [".netrc", "pass.txt"])
def test_a_login_in_a_file_is_never_read_but_asked_for_and_the_file_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("machine bank.example login ana\npassword secreto\n")
    profile = read(with_lines(f"auth-user-pass {name}"), tmp_path)
    assert (profile.asks_login, profile.user.reveal(), profile.password.reveal()) == (True, "", "")
    (note,) = [note for note in profile.notes if note.text == "vpn.profile.ovpn.login_file"]
    assert note.values == {"name": name}


@pytest.mark.parametrize(
    "lines", ["auth-user-pass", "auth-user-pass [inline]\n<auth-user-pass>\nana\nsecreto\n</auth-user-pass>", "verb 3"]
)
def test_without_a_file_for_the_login_none_is_named(lines: str) -> None:
    assert notes_of(lines) == []


@pytest.mark.parametrize("part", ["ca", "cert", "extra-certs", "key", "tls-auth", "tls-crypt", "tls-crypt-v2"])
@pytest.mark.parametrize(
    "secret", ["ana\nsecreto\n", f"ssh-ed25519 secreto {KEY.hex()}\n", "-----BEGIN secreto-----\nabcd\n-----END secreto-----\n"]
)
def test_no_other_file_passes_for_a_certificate_or_a_key(part: str, secret: str, tmp_path: Path) -> None:
    papers = {"ca": issuer().root, "cert": own().certificate, "key": own().key}
    for name, text in (papers | {part: secret}).items():
        (tmp_path / f"{name}.txt").write_text(text)
    named = "\n".join(f"{name} {name}.txt" for name in dict.fromkeys((*papers, part)))
    with pytest.raises(ProfileError, match=r"bad_(certificate|key)") as refused:
        read(f"client\n{REMOTE}\n{named}\n", tmp_path)
    assert "secreto" not in f"{refused.value} {refused.value.values}"


@pytest.mark.parametrize(
    "lines, asks, user",
    [
        ("auth-user-pass", True, ""),
        ("auth-user-pass missing.txt", True, ""),
        ("<auth-user-pass>\nana\nsecreto\n</auth-user-pass>", False, "ana"),
        ("<auth-user-pass>\nana\n</auth-user-pass>", True, "ana"),
    ],
)
def test_a_name_and_a_password_are_asked_for_where_the_profile_lacks_them(lines: str, asks: bool, user: str) -> None:
    profile = read(with_lines(lines))
    assert (profile.wants_login, profile.asks_login, profile.user.reveal()) == (True, asks, user)
    assert "secreto" not in repr(profile)


def test_a_login_is_added_without_becoming_part_of_what_is_reported() -> None:
    profile = read(with_lines("auth-user-pass"))
    signed = with_login(profile, "ana", "secreto")
    assert (signed.asks_login, signed.id) == (False, profile.id)
    for user, password in (("", "x"), ("x", ""), ("x" * 129, "x"), ("a\nb", "x")):
        with pytest.raises(ProfileError, match="bad_login"):
            with_login(profile, user, password)


@pytest.mark.parametrize(
    "line, name, kind",
    [
        ("verify-x509-name server-1 name", "server-1", NameKind.NAME),
        ("verify-x509-name server- name-prefix", "server-", NameKind.PREFIX),
        ("verify-x509-name 'C=VE, CN=server-1'", "C=VE, CN=server-1", NameKind.SUBJECT),
    ],
)
def test_what_the_server_must_be_called_is_read(line: str, name: str, kind: NameKind) -> None:
    rules = read(with_lines(line)).rules
    assert (rules.name.reveal(), rules.name_kind) == (name, kind)


def test_a_fingerprint_takes_the_authoritys_place() -> None:
    begin, end = GOOD.index("<ca>"), GOOD.index("<cert>")
    profile = read(GOOD[:begin] + GOOD[end:] + "peer-fingerprint " + ":".join(["AB"] * 32) + "\n")
    assert (profile.rules.fingerprints, bool(profile.certificates.authority)) == (("ab" * 32,), False)


@pytest.mark.parametrize(
    "script",
    [
        *("up", "down", "route-up", "route-pre-down", "ipchange", "tls-verify", "auth-user-pass-verify", "client-connect", "plugin"),
        *("learn-address", "script-security", "setenv opt up"),
    ],
)
def test_scripts_are_never_run_and_said(script: str, tmp_path: Path) -> None:
    marker = tmp_path / "was-here"
    assert notes_of(f"{script} /usr/bin/touch {marker}") == ["vpn.profile.scripts"]
    assert not marker.exists()


@pytest.mark.parametrize(
    "lines, note",
    [
        ("comp-lzo", "vpn.profile.ovpn.compression"),
        ("compress lz4", "vpn.profile.ovpn.compression"),
        ("http-proxy 10.0.0.1 8080", "vpn.profile.ovpn.proxy"),
        ("socks-proxy 10.0.0.1 1080", "vpn.profile.ovpn.proxy"),
        ("dev tap0", "vpn.profile.ovpn.tap"),
        ('static-challenge "Code" 1', "vpn.profile.ovpn.code"),
    ],
)
def test_what_is_left_out_is_said(lines: str, note: str) -> None:
    assert notes_of(lines) == [note]
    assert has_text(note)


def test_what_changes_nothing_is_not_said() -> None:
    assert notes_of("comp-lzo no", "verb 3", "nobind", "persist-tun", "; up touch", "# plugin x", "setenv UV_ID 1") == []


def test_a_profile_that_cannot_tell_its_server_from_other_clients_is_warned_of() -> None:
    assert [note.text for note in read(GOOD.replace("remote-cert-tls server", "")).notes][1:] == ["vpn.profile.ovpn.unproven"]


BAD = {
    "twice": with_lines(f"<ca>\n{issuer().root}</ca>"),
    "unclosed": with_lines("<tls-auth>", KEY_TEXT),
    "bad_line": with_lines('setenv X "open'),
    "bad_key": with_lines("<tls-crypt>", "nothing", "</tls-crypt>"),
    "key_length": with_lines(f"<tls-crypt>\n{KEY_TEXT.replace('00', '', 1)}</tls-crypt>"),
    "missing": GOOD.replace("<ca>", "<was-ca>").replace("</ca>", "</was-ca>"),
    "bad_remote": GOOD.replace("1194 udp", "99999 udp"),
    "no_remote": GOOD.replace(REMOTE, "rport 1"),
    "of_server": with_lines("server 10.8.0.0 255.255.255.0"),
    "static": with_lines("secret static.key"),
    "key_elsewhere": with_lines("pkcs12 me.p12"),
    "two_keys": with_lines(f"<tls-crypt>\n{KEY_TEXT}</tls-crypt>", f"<tls-auth>\n{KEY_TEXT}</tls-auth>"),
    "direction": with_lines(f"<tls-auth>\n{KEY_TEXT}</tls-auth>", "key-direction 2"),
    "digest": with_lines(f"<tls-auth>\n{KEY_TEXT}</tls-auth>", "auth none"),
    "bad_certificate": GOOD.replace(issuer().root, issuer().root[:80] + issuer().root[90:]),
    "encrypted_key": GOOD.replace(own().key, encrypted_key()),
    "other_key": GOOD.replace(own().key, Issuer().issue("x").key),
    "bad_rule": with_lines("verify-x509-name x sideways"),
}
MORE_BAD = [
    ("bad_certificate", GOOD.replace(issuer().root, of_no_version(issuer().root))),
    ("bad_certificate", GOOD.replace(own().certificate, of_no_version(own().certificate))),
    ("bad_key", with_lines(f"<tls-crypt-v2>\n{V2.replace('AAEC', '!!!!')}\n</tls-crypt-v2>")),
    ("key_length", with_lines(f"<tls-crypt-v2>\n{V2.replace('AAEC', 'AAECAAEC', 1)}\n</tls-crypt-v2>")),
    ("bad_key", with_lines("<tls-auth>", KEY_TEXT.replace("00", "0g", 1), "</tls-auth>")),
    ("bad_key", GOOD.replace(own().key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")),
    ("missing", GOOD.replace("<key>", "<was-key>").replace("</key>", "</was-key>")),
    ("missing", with_lines("<connection>", "remote a.example", f"tls-auth {'x'}", "</connection>")),
    ("bad_rule", with_lines("peer-fingerprint 12:34")),
    ("bad_rule", with_lines("remote-cert-eku x.y")),
    ("of_server", with_lines("remote-cert-tls client")),
    ("of_server", with_lines("mode server")),
    ("of_server", GOOD.replace("1194 udp", "1194 tcp-server")),
    ("bad_remote", GOOD.replace("1194 udp", "1194 carrier-pigeon")),
    ("key_elsewhere", with_lines("<pkcs12>", "AAAA", "</pkcs12>")),
    ("bad_line", with_lines("setenv " + "x " * 40)),
]


@pytest.mark.parametrize("name, text", [*BAD.items(), *MORE_BAD])
def test_a_mistake_is_answered_with_its_sentence(name: str, text: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read_profile(text)
    assert caught.value.text == f"vpn.profile.ovpn.{name}"
    assert has_text(caught.value.text)
    assert "example" not in str(caught.value)


def problem_of(data: bytes | str) -> str:
    """Return the id of the sentence about what is wrong, or another where nothing is."""
    try:
        read_profile(data)
    except ProfileError as error:
        return error.text if KEY.hex()[:40] not in str(error) else ""
    return "vpn.in_use"


WHOLE = with_lines(f"<tls-auth>\n{KEY_TEXT}</tls-auth>", "key-direction 1", "auth SHA256", "auth-user-pass", "verify-x509-name x name")


@given(st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 60), st.text(max_size=8)), max_size=6))
def test_a_spoilt_profile_is_read_or_refused(edits: list[tuple[int, int, str]]) -> None:
    text = WHOLE
    for place, gone, put in edits:
        text = text[:place] + put + text[place + gone :]
    assert has_text(problem_of(text))


WORDS = ["remote", "proto", "<ca>", "</ca>", "tls-auth", "key-direction", "auth", '"', "'", "\\", "#", "a.example", "1194", "<connection>"]


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), max_size=40))
def test_words_in_any_order_are_read_or_refused(words: list[str]) -> None:
    assert has_text(problem_of("client\n" + " ".join(words)))
    assert has_text(problem_of("client\n" + "\n".join(words)))


@pytest.mark.parametrize(
    "part",
    ["<ca>\n", "-----BEGIN CERTIFICATE-----\n", "remote \n", '"a" ', "\n", "<a>\n</a>\n", "remote a.example\n", "auth-user-pass x\n"],
)
def test_a_large_file_of_nothing_is_refused_at_once(part: str) -> None:
    text = "client\n" + part * (900_000 // len(part)) + "x"
    assert has_text(problem_of(text))
    assert has_text(problem_of(f"client\nremote a.example\n<ca>\n{part * (900_000 // len(part))}\n</ca>"))
