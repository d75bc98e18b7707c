"""``check --list FILE``: a person's own list of sites, from a file or from standard input."""

from __future__ import annotations

from app.site_notes import content_of, notes_of, shown
from app.terminal import Terminal
from diagnostics.errors import InputError
from diagnostics.sitelist import read_sites


def listed_sites(name: str, err: Terminal, *, quiet: bool = False) -> tuple[str, ...]:
    """Return the sites of a file (``-``: standard input), and say on ``err`` what was left out unless ``quiet``.

    Raises InputError for a file that cannot be read and for one without a single site.
    """
    found = read_sites(content_of(name))
    for note in () if quiet else notes_of(found):
        err.line(note)
    if not found.urls:
        raise InputError("error.list_empty", file=shown(name))
    return found.urls
