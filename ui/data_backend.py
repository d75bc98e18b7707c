"""What the window asks about the data that Atajo knows, and how it gets newer data; part of :class:`ui.backend.Backend`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

Told = Callable[[str], None]
"""Takes a sentence about what is being done."""

Ended = Callable[[Sequence[str], bool], None]
"""Takes the sentences that say how an update ended, and whether the newest data that could be had is here now."""


class DataFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of the data in use, in the person's language.

    ``notices`` is empty for data that is whole and young; ``contacts`` says who is contacted by an update over the network, and
    ``can_fetch`` whether there is such a one; ``can_take`` whether this copy takes newer data at all, be it from a file.
    """

    as_of: str
    notices: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    can_fetch: bool = False
    can_take: bool = False


class Data(Protocol):
    """The data in use.  Everything is called from the window's thread and returns at once."""

    def facts(self) -> DataFacts:
        """Return what is said of it."""
        ...

    def fetch(self, told: Told, ended: Ended) -> None:
        """Look for newer data over the network, because the person asked for it."""
        ...

    def take(self, file: Path, ended: Ended) -> None:
        """Take newer data from a file."""
        ...

    def stop(self) -> None:
        """End the search; ``ended`` is told as always."""
        ...
