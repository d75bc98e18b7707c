"""Proxies in the terminal: where their links come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.site_notes import content_of
from diagnostics.errors import InputError

if TYPE_CHECKING:
    from diagnostics.routes.link import Link


def links_of(given: str) -> list[Link]:
    """Return the proxies of one ``--proxy``: a link, ``@FILE`` with links, or ``-`` for links on standard input.

    What stands on a command line can be read by every program of this computer, so a secret is better handed over in a file.
    Raises InputError with the sentence about what is wrong.
    """
    from diagnostics.routes.grammar import parse_link
    from diagnostics.routes.paste import read_links

    if given != "-" and not given.startswith("@"):
        return [parse_link(given)]
    name = given.removeprefix("@")
    pasted = read_links(content_of(name).decode("utf-8", "replace"))
    if pasted.unread:
        first = pasted.unread[0]
        raise InputError(first.text, **first.values)
    if not pasted.links:
        raise InputError("link.empty")
    return list(pasted.links)
