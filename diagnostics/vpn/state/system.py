"""Small blocking readers that the systems share."""

from __future__ import annotations

import ipaddress
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from diagnostics.vpn.state.reading_facts import MOST

MAX_TEXT: Final = 256 * 1024
"""Bytes of a file or of a tool's output that are read."""

TOOL_SECONDS: Final = 1.0
MOST_PROCESSES: Final = 4096

_SYSTEM_FAMILIES: Final = ("AF_INET", "AF_INET6")


def text_of(path: Path) -> str:
    """Return the beginning of a file as text, or nothing if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_TEXT).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def printed(*words: str) -> str:
    """Return what a tool of the system prints, or nothing: it is missing, fails or hangs."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TOOL_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout[:MAX_TEXT].decode("utf-8", "replace") if done.returncode == 0 else ""


def ip_entries() -> list[tuple[str, bool, tuple[str, ...]]]:
    """Return name, whether it runs, and addresses with prefix length of every adapter.  Raises OSError."""
    import psutil

    stats = psutil.net_if_stats()
    found = []
    for name, entries in list(psutil.net_if_addrs().items())[:MOST]:
        addresses = tuple(
            with_length(each.address, each.netmask) for each in entries if getattr(each.family, "name", "") in _SYSTEM_FAMILIES
        )[:MOST]
        found.append((name, name in stats and stats[name].isup, addresses))
    return found


def with_length(address: str, netmask: str | None) -> str:
    """Return ``10.8.0.2/24`` for an address and its mask; without one, the address alone is its network."""
    bare = address.partition("%")[0]
    parsed = ipaddress.ip_address(bare)
    if not netmask:
        return f"{bare}/{parsed.max_prefixlen}"
    bits = int(ipaddress.ip_address(netmask.partition("%")[0].partition("/")[0]))
    return f"{bare}/{bits.bit_count()}"


def programs() -> frozenset[str]:
    """Return the names of the processes that run, in small letters and without .exe; of at most ``MOST_PROCESSES``."""
    import psutil

    names = _names(psutil.process_iter(["name"]))
    return frozenset(name.strip().lower().removesuffix(".exe") for name in names)


def _names(processes: Iterator[object]) -> Iterator[str]:
    for number, process in enumerate(processes):
        if number >= MOST_PROCESSES:
            return
        yield str(getattr(process, "info", {}).get("name") or "")
