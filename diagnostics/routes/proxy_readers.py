"""Reads the systems' own proxy settings; blocking, with time limits, and nothing is sent.

What cannot be read (a tool that is missing, a key that does not exist) is left out: most computers have most of it not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from diagnostics.routes.proxy_settings import (
    MAX_TEXT,
    parse_environment,
    parse_gsettings,
    parse_kioslaverc,
    parse_scutil,
    parse_windows,
    parse_winhttp,
)
from diagnostics.routes.system_proxy import Setting

TOOL_SECONDS: Final = 2.0

_KDE: Final = ("kde", "plasma")
_BY_GSETTINGS: Final = ("gnome", "unity", "cinnamon", "mate", "pantheon", "budgie", "deepin", "ukui")
"""Words of XDG_CURRENT_DESKTOP; Chromium's net/proxy_resolution asks the same settings on these desktops."""

_INTERNET: Final = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"
_POLICY: Final = r"SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\Internet Settings"


def read_settings() -> list[Setting]:
    """Return what every source of this system says, those first that browsers go by."""
    if sys.platform == "win32":
        found = list(_windows())
    elif sys.platform == "darwin":
        found = [parse_scutil(text)] if (text := _printed("scutil", "--proxy")) else []
    else:
        found = sorted(_desktops(os.environ.get("XDG_CURRENT_DESKTOP", "")), key=lambda setting: not setting.in_force)
    return [*found, *parse_environment(dict(os.environ))]


def _desktops(running: str) -> Iterator[Setting]:
    words = running.lower().replace(":", " ").split()
    listed = _printed("gsettings", "list-recursively", "org.gnome.system.proxy")
    if listed:
        yield parse_gsettings(listed, in_force=any(name in word for word in words for name in _BY_GSETTINGS))
    folder = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    written = _text(Path(folder) / "kioslaverc")
    if written:
        yield parse_kioslaverc(written, in_force=any(word in _KDE for word in words))


def _printed(*words: str) -> str:
    """Return what a tool prints, or nothing: it is missing, fails or hangs."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TOOL_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout[:MAX_TEXT].decode("utf-8", "replace") if done.returncode == 0 else ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_TEXT).decode("utf-8", "replace")
    except OSError:
        return ""


if sys.platform == "win32":
    import winreg

    def _windows() -> Iterator[Setting]:
        machine_wide = _values(winreg.HKEY_LOCAL_MACHINE, _POLICY, "ProxySettingsPerUser").get("ProxySettingsPerUser") == 0
        hive = winreg.HKEY_LOCAL_MACHINE if machine_wide else winreg.HKEY_CURRENT_USER
        names = ("ProxyEnable", "ProxyServer", "ProxyOverride", "AutoConfigURL", "AutoDetect")
        connection = _values(hive, rf"{_INTERNET}\Connections", "DefaultConnectionSettings")
        yield parse_windows(_values(hive, _INTERNET, *names), _bytes(connection.get("DefaultConnectionSettings")))
        services = _values(winreg.HKEY_LOCAL_MACHINE, rf"{_INTERNET}\Connections", "WinHttpSettings")
        yield parse_winhttp(_bytes(services.get("WinHttpSettings")))

    def _bytes(value: object) -> bytes:
        return value if isinstance(value, bytes) else b""

    def _values(hive: int, path: str, *names: str) -> dict[str, object]:
        found: dict[str, object] = {}
        try:
            key = winreg.OpenKey(hive, path)
        except OSError:
            return found
        with key:
            for name in names:
                try:
                    found[name] = winreg.QueryValueEx(key, name)[0]
                except OSError:  # not set
                    continue
        return found
