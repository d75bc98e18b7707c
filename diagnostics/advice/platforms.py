"""The kinds of computer, phone and browser that tips have steps for."""

from __future__ import annotations

from typing import Final

ANY: Final = "any"
"""Steps that name no system: they are given where a system has none of its own."""

BROWSERS: Final = ("firefox", "chrome")
"""Browsers that run on this computer whatever it is; "chrome" stands for Chrome and Edge."""

PHONES: Final = ("android", "iphone")
COMPUTERS: Final = ("windows11", "windows10", "macos", "linux")
PLATFORMS: Final = (*COMPUTERS, *PHONES, *BROWSERS, ANY)

PLACEHOLDERS: Final = ("resolver", "address", "address6", "dot_name", "doh_url", "profile", "seconds", "service", "name", "port", "rate")
"""What the texts of a tip may leave to the measurement.

``profile`` is the operator like ``resolver``, but only where its DNS over HTTPS passed under its name, as a profile for a system sets
it up.
"""

_WINDOWS_11: Final = 22000
"""First build of Windows 11; it still calls itself version 10.0."""


def computer_platform(system: str, release: str = "", version: str = "") -> str:
    """Return the platform of a computer: ``system`` is ``sys.platform``, the others ``platform.release()`` and ``.version()``.

    A system that no tip knows gets the general steps.
    """
    if system == "darwin":
        return "macos"
    if system.startswith("linux"):
        return "linux"
    if system != "win32":
        return ANY
    build = version.rpartition(".")[2]
    eleven = release.startswith("11") or (build.isdecimal() and len(build) < 9 and int(build) >= _WINDOWS_11)
    return "windows11" if eleven else "windows10"


def order_for(computer: str) -> tuple[str, ...]:
    """Return all platforms as they are shown on a computer: itself, its browsers, what fits anywhere, then the others."""
    first = (computer, *BROWSERS, ANY)
    return tuple(dict.fromkeys((*(p for p in first if p in PLATFORMS), *PHONES, *COMPUTERS)))


def is_here(platform: str, computer: str) -> bool:
    """Tell whether steps for a platform can be followed on this computer."""
    return platform in (computer, *BROWSERS, ANY)
