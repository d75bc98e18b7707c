"""Reading the settings themselves: tools, files and a registry that the test makes up, whatever system it runs on."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import types
from collections.abc import Mapping
from pathlib import Path

import pytest

from diagnostics.network import RealNetwork
from diagnostics.routes import proxy_readers
from diagnostics.routes.system_proxy import NOTHING, Setting, Source, read_system_proxies
from diagnostics.trust import Trust
from tests.conftest import RunAsync
from tests.routes.test_system_proxy import GSETTINGS, KIOSLAVERC, SCUTIL, blob, ways


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the tools of Linux desktops")
def test_a_linux_desktop_is_read_from_its_tool_its_file_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_async: RunAsync
) -> None:
    tool = tmp_path / "gsettings"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{GSETTINGS}END\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "kioslaverc").write_text(KIOSLAVERC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "KDE")
    found = run_async(RealNetwork(Trust()).system_proxies())
    assert [(s.source, s.for_browsers) for s in found.settings] == [(Source.KDE, True), (Source.GNOME, False), (Source.ENVIRONMENT, False)]
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "ubuntu:GNOME")
    browsers = run_async(read_system_proxies()).browsers
    assert browsers is not None
    assert browsers.source is Source.GNOME


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the tools of Linux desktops")
def test_a_tool_that_hangs_or_fails_costs_only_what_it_would_have_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "gsettings"
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(proxy_readers, "TOOL_SECONDS", 0.2)
    for script in ("exec tail -f /dev/null", "echo \"org.gnome.system.proxy mode 'auto'\"; exit 1"):
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o700)
        assert not any(setting.says_something for setting in proxy_readers.read_settings())


def test_a_reading_that_takes_too_long_says_nothing(monkeypatch: pytest.MonkeyPatch, run_async: RunAsync) -> None:
    def refuses() -> list[Setting]:
        raise TimeoutError

    monkeypatch.setattr(proxy_readers, "read_settings", refuses)
    assert run_async(read_system_proxies()) == NOTHING


class FakeKey:
    """An open key of the registry that a test makes up."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values

    def __enter__(self) -> FakeKey:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""


class FakeRegistry(types.ModuleType):
    """Stands in for ``winreg``, which exists on Windows alone."""

    HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE = 1, 2

    def __init__(self, keys: Mapping[tuple[int, str], Mapping[str, object]]) -> None:
        super().__init__("winreg")
        self.keys = keys

    def OpenKey(self, hive: int, path: str) -> FakeKey:
        try:
            return FakeKey(self.keys[hive, path])
        except KeyError:
            raise FileNotFoundError(2, "no such key") from None

    def QueryValueEx(self, key: FakeKey, name: str) -> tuple[object, int]:
        try:
            return key.values[name], 0
        except KeyError:
            raise FileNotFoundError(2, "no such value") from None


USER, MACHINE = 1, 2
INTERNET = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
POLICY = r"SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\Internet Settings"
REGISTRY: dict[tuple[int, str], dict[str, object]] = {
    (USER, INTERNET): {"ProxyEnable": 1, "ProxyServer": "127.0.0.1:10809", "ProxyOverride": "<local>"},
    (USER, rf"{INTERNET}\Connections"): {"DefaultConnectionSettings": blob(11, "127.0.0.1:10809", "<local>", "")},
    (MACHINE, INTERNET): {"ProxyEnable": 1, "ProxyServer": "proxy.empresa.example:8080"},
    (MACHINE, rf"{INTERNET}\Connections"): {"WinHttpSettings": blob(3, "h.example:1", "", version=0x28)},
}


def read_on_windows(monkeypatch: pytest.MonkeyPatch, registry: Mapping[tuple[int, str], Mapping[str, object]]) -> list[Setting]:
    """Return what the reader finds in a registry that is made up, whatever system the test runs on."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "winreg", FakeRegistry(registry))
    spec = importlib.util.spec_from_file_location("readers_on_windows", proxy_readers.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [setting for setting in module.read_settings() if setting.says_something]


def test_the_registry_is_read_for_browsers_and_for_services(monkeypatch: pytest.MonkeyPatch) -> None:
    browsers, services = read_on_windows(monkeypatch, REGISTRY)
    assert (ways(browsers), browsers.detect, browsers.exceptions) == ({"all": "http://127.0.0.1:10809"}, True, ("<local>",))
    assert (services.source, ways(services)) == (Source.WINHTTP, {"all": "http://h.example:1"})


def test_a_rule_for_the_whole_computer_comes_before_the_persons_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_on_windows(monkeypatch, REGISTRY | {(MACHINE, POLICY): {"ProxySettingsPerUser": 0}})
    assert ways(found[0]) == {"all": "http://proxy.empresa.example:8080"}


def test_an_empty_registry_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_on_windows(monkeypatch, {}) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for the tool")
def test_macos_is_asked_by_its_own_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "scutil"
    tool.write_text(f"#!/bin/sh\n[ \"$1\" = --proxy ] && cat <<'END'\n{SCUTIL}END\n")
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "platform", "darwin")
    (setting,) = [each for each in proxy_readers.read_settings() if each.says_something]
    assert setting.source is Source.MACOS


def test_a_real_gnome_setting_is_read_as_the_real_tool_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = shutil.which("gsettings")
    if tool is None:
        pytest.skip("gsettings is not installed")
    monkeypatch.setenv("GSETTINGS_BACKEND", "keyfile")  # a file of the test's own instead of the person's settings
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "GNOME")
    wanted = [
        ("", "mode", "manual"),
        (".https", "host", "127.0.0.1"),
        (".https", "port", "7890"),
        (".socks", "host", "::1"),
        (".socks", "port", "7891"),
    ]
    wanted += [("", "ignore-hosts", "['localhost', \"it's.example\"]"), (".http", "host", "h.example"), (".http", "port", "0")]
    for group, key, value in wanted:
        done = subprocess.run([tool, "set", f"org.gnome.system.proxy{group}", key, value], capture_output=True, check=False, timeout=20)
        if done.returncode:
            pytest.skip("the desktop's settings are not installed")
    (setting,) = [each for each in proxy_readers.read_settings() if each.source is Source.GNOME]
    assert ways(setting) == {"https": "http://127.0.0.1:7890", "socks": "socks5h://::1:7891"}
    assert setting.exceptions == ("localhost", "it's.example")
    assert setting.for_browsers
