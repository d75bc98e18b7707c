"""What this computer's settings say about proxies: every system's format becomes the same findings, and nothing in it can raise.

Where the inputs come from: written by hand, after these descriptions and after what people publish of their own computers.  None was
recorded on a computer of ours, but GNOME's were compared with what the real tool prints (gsettings-desktop-schemas 43).  Windows
values: Microsoft's documentation of WinINet (ProxyServer, INTERNET_PER_CONN_OPTION); the binary values: the layout of registry exports
that people publish (lengths before texts, flags 9 = "detect automatically", 3 = manual).  ``scutil --proxy``: its printed form on
macOS as published in bug reports.  ``kioslaverc``: as KDE's settings write it, both ``host port`` and ``host:port``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.routes.link import Kind, Link, Secret
from diagnostics.routes.proxy_settings import (
    parse_blob,
    parse_environment,
    parse_gsettings,
    parse_kioslaverc,
    parse_scutil,
    parse_windows,
    parse_winhttp,
)
from diagnostics.routes.system_proxy import Setting, Source, SystemProxies, is_here


def ways(setting: Setting) -> dict[str, str]:
    return {use: f"{link.kind}://{link.host}:{link.port}" for use, link in setting.links.items()}


def blob(flags: int, *texts: str, version: int = 0x46) -> bytes:
    parts = [struct.pack("<I", len(text)) + text.encode() for text in texts]
    return struct.pack("<III", version, 5, flags) + b"".join(parts) + bytes(32)


# --- Windows --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "server, expected",
    [
        ("127.0.0.1:8080", {"all": "http://127.0.0.1:8080"}),
        ("proxy", {"all": "http://proxy:80"}),
        (
            "http=127.0.0.1:1;https=127.0.0.1:2;socks=127.0.0.1:3",
            {"http": "http://127.0.0.1:1", "https": "http://127.0.0.1:2", "socks": "socks5h://127.0.0.1:3"},
        ),
        ("http=http://h.example:3128 ; ftp=h.example", {"http": "http://h.example:3128", "ftp": "http://h.example:80"}),
        ("socks5://127.0.0.1:1080", {"all": "socks5://127.0.0.1:1080"}),
        ("https=[::1]:7890", {"https": "http://::1:7890"}),
        ("gopher=h.example:70", {}),
    ],
)
def test_windows_internet_options(server: str, expected: Mapping[str, str]) -> None:
    setting = parse_windows({"ProxyEnable": 1, "ProxyServer": server, "ProxyOverride": "*.local;<local>"})
    assert ways(setting) == expected
    assert setting.for_browsers
    assert setting.exceptions == (("*.local", "<local>") if expected else ())


def test_windows_keeps_an_address_that_is_switched_off_and_so_it_counts_for_nothing() -> None:
    setting = parse_windows({"ProxyEnable": 0, "ProxyServer": "127.0.0.1:8080"})
    assert not setting.says_something


def test_windows_scripts_and_automatic_search_are_seen_in_either_place() -> None:
    assert parse_windows({"AutoConfigURL": "http://127.0.0.1:33331/pac"}).pac.reveal() == "http://127.0.0.1:33331/pac"
    assert parse_windows({"AutoDetect": 1}).detect
    assert parse_windows({}, blob(9, "", "", "")).detect
    assert not parse_windows({}, blob(1, "", "", "")).detect


def test_the_binary_values_are_taken_apart_and_anything_else_is_none() -> None:
    whole = blob(7, "h.example:80", "<local>", "http://h.example/p.pac")
    read = parse_blob(whole)
    assert read is not None
    assert (read.flags, read.proxy, read.bypass, read.pac) == (7, "h.example:80", "<local>", "http://h.example/p.pac")
    assert parse_blob(whole[:20]) is None
    assert parse_blob(b"") is None


def test_the_proxy_of_windows_services_is_not_the_browsers() -> None:
    setting = parse_winhttp(blob(3, "http=127.0.0.1:8080", "<local>", version=0x28))
    assert ways(setting) == {"http": "http://127.0.0.1:8080"}
    assert setting.exceptions == ("<local>",)
    assert not setting.for_browsers
    assert not parse_winhttp(blob(1, "", "", version=0x18)).says_something


# --- macOS ----------------------------------------------------------------------------------------

SCUTIL = """<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
    1 : 169.254/16
  }
  ExcludeSimpleHostnames : 0
  FTPPassive : 1
  HTTPEnable : 1
  HTTPPort : 7890
  HTTPProxy : 127.0.0.1
  HTTPSEnable : 1
  HTTPSPort : 7890
  HTTPSProxy : ::1
  ProxyAutoConfigEnable : 0
  ProxyAutoConfigURLString : http://old.example/p.pac
  ProxyAutoDiscoveryEnable : 0
  SOCKSEnable : 1
  SOCKSPort : 7891
  SOCKSProxy : 127.0.0.1
  __SCOPED__ : <dictionary> {
    en0 : <dictionary> {
      HTTPSEnable : 1
      HTTPSPort : 1
      HTTPSProxy : other.example
    }
  }
}
"""


def test_macos_settings() -> None:
    setting = parse_scutil(SCUTIL)
    expected = {"http": "http://127.0.0.1:7890", "https": "http://::1:7890", "socks": "socks5h://127.0.0.1:7891"}
    assert ways(setting) == expected
    assert setting.exceptions == ("*.local", "169.254/16")
    assert not setting.pac
    assert not setting.detect


def test_macos_settings_that_are_switched_off_keep_their_addresses() -> None:
    off = (
        SCUTIL.replace("Enable : 1", "Enable : 0")
        .replace("ConfigEnable : 0", "ConfigEnable : 1")
        .replace("DiscoveryEnable : 0", "DiscoveryEnable : 1")
    )
    setting = parse_scutil(off)
    assert (setting.links, setting.pac.reveal(), setting.detect) == ({}, "http://old.example/p.pac", True)


# --- Linux ----------------------------------------------------------------------------------------

GSETTINGS = """org.gnome.system.proxy autoconfig-url ''
org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8', '::1']
org.gnome.system.proxy mode 'manual'
org.gnome.system.proxy use-same-proxy true
org.gnome.system.proxy.ftp host ''
org.gnome.system.proxy.ftp port 0
org.gnome.system.proxy.http authentication-password 'it\\'s'
org.gnome.system.proxy.http authentication-user 'ana'
org.gnome.system.proxy.http enabled false
org.gnome.system.proxy.http host '127.0.0.1'
org.gnome.system.proxy.http port 8889
org.gnome.system.proxy.http use-authentication true
org.gnome.system.proxy.https host '127.0.0.1'
org.gnome.system.proxy.https port 8889
org.gnome.system.proxy.socks host "127.0.0.1"
org.gnome.system.proxy.socks port 1089
"""


def test_gnome_settings() -> None:
    setting = parse_gsettings(GSETTINGS)
    assert ways(setting) == {"http": "http://127.0.0.1:8889", "https": "http://127.0.0.1:8889", "socks": "socks5h://127.0.0.1:1089"}
    assert setting.exceptions == ("localhost", "127.0.0.0/8", "::1")
    assert (setting.links["http"].user, setting.links["http"].secret) == (Secret("ana"), Secret("it's"))
    assert "it's" not in repr(setting)
    assert "ana" not in repr(setting)


@pytest.mark.parametrize(
    "mode, url, pac, detect", [("none", "x", "", False), ("auto", "http://h/p.pac", "http://h/p.pac", False), ("auto", "", "", True)]
)
def test_gnome_modes(mode: str, url: str, pac: str, detect: bool) -> None:
    setting = parse_gsettings(GSETTINGS.replace("'manual'", f"'{mode}'").replace("autoconfig-url ''", f"autoconfig-url '{url}'"))
    assert (setting.links, setting.pac.reveal(), setting.detect) == ({}, pac, detect)


KIOSLAVERC = """PersistentProxyConnection=false
[$Version]
update_info=kioslave.upd:kde2.2/r1

[Proxy Settings]
AuthMode=0
NoProxyFor[$e]=localhost,.example.test
Proxy Config Script=http://h.example/p.pac
ProxyType=1
ReversedException=false
ftpProxy=
httpProxy=http://127.0.0.1 10809
httpsProxy=http://127.0.0.1:10809/
socksProxy=socks://127.0.0.1 10808
"""


def test_kde_settings() -> None:
    setting = parse_kioslaverc(KIOSLAVERC)
    assert ways(setting) == {"http": "http://127.0.0.1:10809", "https": "http://127.0.0.1:10809", "socks": "socks5h://127.0.0.1:10808"}
    assert setting.exceptions == ("localhost", ".example.test")
    assert setting.for_browsers


@pytest.mark.parametrize("kind, pac, detect", [("0", "", False), ("2", "http://h.example/p.pac", False), ("3", "", True), ("4", "", False)])
def test_kde_modes(kind: str, pac: str, detect: bool) -> None:
    setting = parse_kioslaverc(KIOSLAVERC.replace("ProxyType=1", f"ProxyType={kind}"))
    assert (setting.links, setting.pac.reveal(), setting.detect) == ({}, pac, detect)


def test_kde_proxies_that_are_for_the_exceptions_alone_are_not_what_browsers_use() -> None:
    assert not parse_kioslaverc(KIOSLAVERC.replace("Exception=false", "Exception=true")).for_browsers


def test_of_several_desktops_only_the_one_that_runs_counts() -> None:
    assert not parse_gsettings(GSETTINGS, in_force=False).for_browsers


# --- the environment ------------------------------------------------------------------------------


def test_variables_in_either_case() -> None:
    (setting,) = parse_environment(
        {"https_proxy": "http://u:p%40@h.example:3128/", "ALL_PROXY": "socks5h://127.0.0.1:9050", "NO_PROXY": "a,b"}
    )
    assert setting.links == {
        "https": Link(kind=Kind.HTTP, host="h.example", port=3128, user=Secret("u"), secret=Secret("p@")),
        "all": Link(kind=Kind.SOCKS5H, host="127.0.0.1", port=9050),
    }
    assert setting.exceptions == ("a", "b")
    assert not setting.for_browsers


def test_capitals_that_disagree_are_listed_beside_and_flagged() -> None:
    found = parse_environment({"https_proxy": "http://one.example:1", "HTTPS_PROXY": "http://two.example:2"})
    assert [setting.source for setting in found] == [Source.ENVIRONMENT, Source.ENVIRONMENT_CAPITALS]
    assert SystemProxies(settings=tuple(found)).contradictory


def test_what_cannot_be_understood_is_said_and_the_rest_is_kept() -> None:
    (setting,) = parse_environment({"https_proxy": "http://h.example:99999", "http_proxy": "http://h.example:1"})
    assert setting.unread == ("link.port",)
    assert ways(setting) == {"http": "http://h.example:1"}


# --- what programs do with it ---------------------------------------------------------------------


def test_which_proxy_pages_go_through() -> None:
    only_http = parse_windows({"ProxyEnable": 1, "ProxyServer": "http=127.0.0.1:1"})
    with_socks = parse_windows({"ProxyEnable": 1, "ProxyServer": "http=127.0.0.1:1;socks=127.0.0.1:3"})
    spared = parse_windows({"ProxyEnable": 1, "ProxyServer": "127.0.0.1:1", "ProxyOverride": "*"})
    found = [each and each.port for each in (s.link_for("https") for s in (only_http, with_socks, spared))]
    assert found == [None, 3, None]


def test_sources_that_agree_do_not_contradict_and_those_of_other_desktops_do_not_count() -> None:
    windows = parse_windows({"ProxyEnable": 1, "ProxyServer": "127.0.0.1:1"})
    (same,) = parse_environment({"https_proxy": "http://127.0.0.1:1"})
    (other,) = parse_environment({"https_proxy": "http://127.0.0.1:2"})
    kde = parse_kioslaverc(KIOSLAVERC, in_force=False)
    assert not SystemProxies(settings=(windows, same)).contradictory
    assert not SystemProxies(settings=(windows, kde)).contradictory
    assert SystemProxies(settings=(windows, other)).contradictory
    assert SystemProxies(settings=(same, windows)).browsers == windows
    assert SystemProxies(settings=(same, kde)).browsers is None


@pytest.mark.parametrize(
    "host, here", [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("LocalHost.", True), ("10.0.0.1", False), ("h", False)]
)
def test_what_is_this_computer(host: str, here: bool) -> None:
    assert is_here(host) is here


# --- hostile input --------------------------------------------------------------------------------


@given(st.text(max_size=300), st.binary(max_size=200), st.sampled_from(["", SCUTIL, GSETTINGS, KIOSLAVERC]))
def test_no_setting_whatsoever_raises(text: str, data: bytes, begin: str) -> None:
    for parse in (parse_scutil, parse_gsettings, parse_kioslaverc):
        assert isinstance(parse(begin[: len(text) * 2] + text), Setting)
    values = {"ProxyEnable": 1, "ProxyServer": text, "ProxyOverride": text, "AutoConfigURL": text}
    assert isinstance(parse_windows(values, data), Setting)
    assert isinstance(parse_windows(dict.fromkeys(values, data)), Setting)
    assert isinstance(parse_winhttp(blob(3)[:12] + data), Setting)
    assert parse_environment({"https_proxy": text, "HTTPS_PROXY": begin, "no_proxy": text})
