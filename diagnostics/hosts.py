"""This computer's hosts file: names that are sent elsewhere before any resolver is asked.

Format: hosts(5), the same on Linux, macOS and Windows: an address, then names, ``#`` begins a comment.  People, companies and
programs write into it to block or to unblock a site, and forget it.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from diagnostics.bogons import is_address

MAX_BYTES: Final = 8 * 1024 * 1024
"""Block lists of advertisers have some MB; more than this is not read."""


def hosts_path() -> Path:
    """Return where the system keeps the file."""
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "drivers", "etc", "hosts")
    return Path("/etc/hosts")


def read_hosts_file(path: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Return the addresses by name; empty for a file that is missing, unreadable or too large."""
    try:
        with (path or hosts_path()).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError:
        return {}
    return parse_hosts(raw.decode("utf-8-sig", "replace")) if len(raw) <= MAX_BYTES else {}


def parse_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """Return the addresses by name (small letters, without a trailing dot); lines that are none are passed over."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) < 2 or not is_address(words[0]):
            continue
        for name in words[1:]:
            found[name.lower().rstrip(".")].append(words[0].partition("%")[0])
    return {name: tuple(dict.fromkeys(addresses)) for name, addresses in found.items()}
