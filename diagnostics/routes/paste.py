"""What people paste: several links, a subscription in base64, addresses in a chat message; pure."""

from __future__ import annotations

import re
from typing import Final

from diagnostics.model import Fact
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import Link, LinkError
from diagnostics.routes.parts import base64_decoded

MAX_TEXT: Final = 1024 * 1024
MAX_LINKS: Final = 500
"""Links that are kept of one text: a subscription has some hundred."""

_LINK: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,31}://[^\s<>\"'«»“”]+")
_ADDRESS: Final = re.compile(r"^(?:\S+@)?(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@]+):\d{1,5}(?::[^\s:]*:\S*)?$")
_CODED: Final = re.compile(r"^[A-Za-z0-9+/_=\s-]{16,}$")


class Unread(Fact, frozen=True):
    """A piece that was not understood: its place from 1, and the sentence that says why; the piece itself may be secret."""

    number: int
    text: str
    values: dict[str, object]


class Pasted(Fact, frozen=True):
    """What a text holds."""

    links: tuple[Link, ...] = ()
    duplicates: int = 0
    unread: tuple[Unread, ...] = ()
    cut: bool = False


def read_links(text: str) -> Pasted:
    """Return every proxy in a text; nothing in it can raise."""
    cut = len(text) > MAX_TEXT
    text = text[:MAX_TEXT]
    found: list[Link] = []
    unread: list[Unread] = []
    duplicates = 0
    for number, piece in enumerate(_pieces(_opened(text)), start=1):
        try:
            link = parse_link(piece)
        except LinkError as error:
            unread.append(Unread(number=number, text=error.text, values=dict(error.values)))
            continue
        if link in found:
            duplicates += 1
        elif len(found) == MAX_LINKS:
            cut = True
            break
        else:
            found.append(link)
    return Pasted(links=tuple(found), duplicates=duplicates, unread=tuple(unread[:MAX_LINKS]), cut=cut)


def _opened(text: str) -> str:
    """Return the text of a subscription, which is one block of base64; any other text as it is."""
    if "://" in text or not _CODED.match(text.strip()):
        return text
    try:
        inner = base64_decoded("".join(text.split()), "text").decode("utf-8")
    except (LinkError, UnicodeDecodeError):
        return text
    return inner if "://" in inner else text


def _pieces(text: str) -> list[str]:
    """Return the pieces that look like links or addresses; a line that has none is a piece by itself, and will say why not."""
    pieces: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", "//")):
            continue
        links = [each.rstrip(".,;)") for each in _LINK.findall(stripped)]
        addresses = [word for word in stripped.split() if _ADDRESS.match(word.strip(".,;()"))]
        pieces += links or [word.strip(".,;()") for word in addresses] or [stripped]
    return pieces
