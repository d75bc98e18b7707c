"""What was taken out of a report, as a list that a person can look at: never with the thing itself in it."""

from __future__ import annotations

from typing import Final

from diagnostics.model import Fact

MOST_PLACES: Final = 8
"""Places that are named for one removal; the count goes on."""

LONGEST_STEP: Final = 40
"""Characters of one step of a place: a server may have written the key."""


class Removal(Fact, frozen=True):
    """One kind of thing that was removed and is shown in the same way everywhere.

    ``kind``: address, resolver, mac, host_name, user, home, network_name, url, secret, site, time.  ``shown`` stands in its place
    and is empty where nothing does.  ``times``: how often it was met.  ``places``: where, as in ``observations[].detail.answers``, at
    most ``MOST_PLACES``.
    """

    kind: str
    shown: str
    times: int
    places: tuple[str, ...]


Taken = tuple[str, str, str]
"""One thing taken out of one text: its kind, the thing, what is shown instead."""


class Ledger:
    """Keeps count while a document is cleaned, in the order in which things were met."""

    def __init__(self) -> None:
        """Begin at the top of the document."""
        self.at: list[str] = []
        """The keys that lead to what is being cleaned; ``[]`` for an item of a list."""
        self._things: dict[str, set[str]] = {}
        self._times: dict[tuple[str, str], int] = {}
        self._places: dict[tuple[str, str], dict[str, None]] = {}

    def add(self, taken: Taken) -> None:
        """Count one thing at the present place."""
        kind, thing, shown = taken
        self._things.setdefault(kind, set()).add(thing)
        key = (kind, shown)
        self._times[key] = self._times.get(key, 0) + 1
        places = self._places.setdefault(key, {})
        if len(places) < MOST_PLACES:
            places[self._place()] = None

    def _place(self) -> str:
        return ".".join(step[:LONGEST_STEP] for step in self.at).replace(".[]", "[]")

    def counts(self) -> dict[str, int]:
        """Return how many different things of each kind were removed."""
        return {kind: len(things) for kind, things in sorted(self._things.items())}

    def removals(self) -> tuple[Removal, ...]:
        """Return the list, by kind."""
        return tuple(
            Removal(kind=kind, shown=shown, times=times, places=tuple(self._places[kind, shown]))
            for (kind, shown), times in sorted(self._times.items(), key=lambda item: item[0][0])
        )
