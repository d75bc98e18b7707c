"""The grammar of OpenVPN's files: words, quotation marks, comments and blocks; nothing here knows what an option means.

Source: OpenVPN 2.6's ``parse_line`` and ``read_config_file`` (options.c) and its manual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from diagnostics.vpn.profile import ProfileError

MOST_LINES: Final = 20_000
MOST_WORDS: Final = 16
"""OpenVPN's own bound of words in a line (MAX_PARMS)."""

MOST_LINE: Final = 2000
"""Characters of a line outside blocks; OpenVPN itself takes 256."""

CONNECTION: Final = "connection"
"""The block that holds options; all others hold a file's contents."""

_BLOCK: Final = re.compile(r"<([A-Za-z0-9_-]{1,40})>")
_WORD: Final = re.compile(r""""((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s"'\\#;]|\\.)(?:[^\s"'\\]|\\.)*)""")
_ESCAPED: Final = re.compile(r"\\(.)")


class Option(NamedTuple):
    """One line: the option's name without dashes, in small letters, its words, and where it stands."""

    name: str
    words: tuple[str, ...]
    line: int

    def word(self, at: int = 0) -> str:
        """Return one of its words, or nothing."""
        return self.words[at] if at < len(self.words) else ""


class Config(NamedTuple):
    """A file: its options in order, the contents of its blocks, and the options of each ``connection``."""

    options: tuple[Option, ...]
    blocks: dict[str, str]
    connections: tuple[tuple[Option, ...], ...]

    def has(self, *names: str) -> bool:
        """Tell whether any of some options is set, outside or inside a ``connection``."""
        return any(option.name in names for option in (*self.options, *(each for part in self.connections for each in part)))

    def last(self, name: str) -> Option | None:
        """Return an option as it stands last, which is the one that counts; None without it."""
        return next((option for option in reversed(self.options) if option.name == name), None)


def read_config(text: str) -> Config:
    """Return what a file holds.  Raises ProfileError: a block that does not end, stands twice, or a line that cannot be taken apart."""
    options: list[Option] = []
    blocks: dict[str, str] = {}
    connections: list[tuple[Option, ...]] = []
    lines = enumerate(text.split("\n"), start=1)
    for number, line in lines:
        if number > MOST_LINES:
            raise ProfileError("vpn.profile.too_big")
        opened = _BLOCK.fullmatch(line.strip())
        if opened is None:
            options += _option(line, number)
            continue
        name, inside = opened[1].lower(), _inside(opened[1], number, lines)
        if name == CONNECTION:
            connections.append(tuple(option for at, each in inside for option in _option(each, at)))
        elif name in blocks:
            raise ProfileError("vpn.profile.ovpn.twice", line=number)
        else:
            blocks[name] = "\n".join(each for _, each in inside)
    return Config(tuple(options), blocks, tuple(connections))


def _inside(name: str, began: int, lines: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the lines of a block up to its end."""
    found: list[tuple[int, str]] = []
    for number, line in lines:
        if line.strip() == f"</{name}>":
            return found
        found.append((number, line))
    raise ProfileError("vpn.profile.ovpn.unclosed", line=began)


def _option(line: str, number: int) -> list[Option]:
    """Return the option of a line, or none for an empty one and a comment; ``setenv opt X`` is X."""
    words = _words(line, number)
    if words[:2] == ["setenv", "opt"]:
        words = words[2:]
    if not words:
        return []
    return [Option(words[0].removeprefix("--").lower(), tuple(words[1:]), number)]


def _words(line: str, number: int) -> list[str]:
    """Return the words of a line as OpenVPN takes them apart."""
    found: list[str] = []
    at, line = 0, line.strip()
    if len(line) > MOST_LINE and not line.startswith(("#", ";")):
        raise ProfileError("vpn.profile.ovpn.bad_line", line=number)
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        if line[at] in "#;":
            break
        word = _WORD.match(line, at)
        if word is None or len(found) >= MOST_WORDS:
            raise ProfileError("vpn.profile.ovpn.bad_line", line=number)
        double, single, bare = word.groups()
        found.append(single if single is not None else _ESCAPED.sub(r"\1", double if double is not None else bare))
        at = word.end()
    return found
