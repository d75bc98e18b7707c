"""What a system's own tools and files say; blocking, bounded in time and size, and nothing is sent."""

from __future__ import annotations

import ipaddress
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

TOOL_SECONDS: Final = 2.0
MAX_TEXT: Final = 1_000_000
"""Bytes that are read of a file or of a tool's output."""

MOST_SERVERS: Final = 3
"""Name servers of one interface that are used; resolv.conf(5) takes as many."""


def printed(*words: str) -> str:
    """Return what a tool prints, or nothing: it is missing, fails or hangs."""
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


def text_of(path: Path) -> str:
    """Return the text of a file, or nothing: it is missing or not for us."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_TEXT).decode("utf-8", "replace")
    except OSError:
        return ""


def servers(words: Iterable[str]) -> list[str]:
    """Return the addresses among some words that may be name servers: loopback is a forwarder of this computer, link-local needs more."""
    found: list[str] = []
    for word in words:
        try:
            address = ipaddress.ip_address(word.strip(" ,;\"'"))
        except ValueError:
            continue
        if not (address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast):
            found.append(str(address))
    return list(dict.fromkeys(found))[:MOST_SERVERS]
