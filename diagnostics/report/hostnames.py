"""Placeholders inside the names of computers: there they are labels, since brackets would make a URL one that no reader takes.

The judge splits URLs and compares whose names are; with ``https://[user].example/`` it could say nothing about a site that is called
like the person, or that lies in the domain of the person's network.
"""

from __future__ import annotations

import re
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\[(user|host|network|secret|mac|site)(?: (\d+))?\]")
_AUTHORITY: Final = re.compile(r"(?<=://)(?:[^\s/?#\"'<>\[]|\[[a-z]+(?: \d+)?\]|\[)+")
_NAME: Final = re.compile(r"(?i)(?:[a-z0-9_*.-]|\[[a-z]+(?: \d+)?\])+")
_LABELS: Final = {"network": "network.invalid"}
"""A domain is one still: what lies below it has the same owner (RFC 2606 for the ending)."""

HOLDS_NAMES: Final = frozenset({"host", "server_name", "names"})
"""Keys whose whole value is a name, even one without a dot."""


def with_labels(text: str, key: str) -> str:
    """Return a text with the placeholders in its names written as labels."""
    if "[" not in text:
        return text
    if _NAME.fullmatch(text) and (key in HOLDS_NAMES or "." in text):
        return _PLACEHOLDER.sub(_label, text)
    return _AUTHORITY.sub(lambda found: _PLACEHOLDER.sub(_label, found[0]), text)


def _label(found: re.Match[str]) -> str:
    label = _LABELS.get(found[1], found[1])
    return f"{label}-{found[2]}" if found[2] else label
