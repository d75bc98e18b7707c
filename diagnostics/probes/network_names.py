"""What this computer's network is called: names of Wi-Fi networks, and the domains that are added to short names.

Read from the system without sending anything; wanted only so that they can be taken out of what is handed on.
"""

from __future__ import annotations

import array
import contextlib
import re
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")
_GET_SSID: Final = 0x8B1B
"""SIOCGIWESSID (linux/wireless.h)."""

_LONGEST_SSID: Final = 32
_SEARCHED: Final = re.compile(r"^[ \t]*(?:search|domain)[ \t]+([^#;\n]+)", re.MULTILINE)
_TCPIP: Final = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
_PROFILES: Final = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\NetworkList\Profiles"
_MOST: Final = 256
"""Subkeys of the registry that are read."""


def search_domains(root: Path = _ROOT) -> frozenset[str]:
    """Return the search domains, which the router or the administrator chose (resolv.conf(5); Windows' registry)."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        for words in _SEARCHED.findall((root / "etc/resolv.conf").read_text(encoding="utf-8", errors="replace")):
            found |= {word.strip(".") for word in words.split()}
    if sys.platform == "win32":
        for path in (_TCPIP, *_subkeys(rf"{_TCPIP}\Interfaces")):
            for name in ("Domain", "DhcpDomain", "SearchList", "DhcpDomainSearchList"):
                found |= {word.strip(".") for word in re.split(r"[\s,]+", _value(path, name))}
    return frozenset(found - {""})


def wifi_names(root: Path = _ROOT) -> frozenset[str]:
    """Return the names of Wi-Fi networks: those in use (Linux), all that are remembered (Windows); elsewhere nobody tells."""
    found: set[str] = set()
    if sys.platform == "win32":
        found |= {_value(path, "ProfileName") for path in _subkeys(_PROFILES)}
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            lines = (root / "proc/net/wireless").read_text(encoding="ascii", errors="replace").splitlines()[2:]
            found |= {_ssid(line.partition(":")[0].strip()) for line in lines}
    return frozenset(found - {""})


if sys.platform == "win32":
    import winreg

    def _value(path: str, name: str) -> str:
        """Return a text of the registry, or nothing."""
        with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
            return str(winreg.QueryValueEx(key, name)[0])
        return ""

    def _subkeys(path: str) -> Iterator[str]:
        with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
            for number in range(_MOST):
                yield rf"{path}\{winreg.EnumKey(key, number)}"


if sys.platform.startswith("linux"):

    def _ssid(device: str) -> str:
        """Return the name of the network that a Wi-Fi device is in, or nothing."""
        import fcntl

        name = array.array("B", bytes(_LONGEST_SSID + 1))
        place, length = name.buffer_info()
        request = struct.pack("16sPHH", device.encode()[:15], place, length, 0)
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            fcntl.ioctl(asking.fileno(), _GET_SSID, request)
            return name.tobytes().rstrip(b"\0").decode("utf-8", "replace")
        return ""
