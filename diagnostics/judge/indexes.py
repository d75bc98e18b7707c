"""What the rules ask of a whole run, kept ready while it grows.

With thousands of targets a rule that reads every observation for each of them takes minutes.  Everything here is found in
a step or two; where any witness will do, the first few are given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Final

from diagnostics.bogons import is_bogon, network_of
from diagnostics.model import Observation, Step

FEW: Final = 8
"""Witnesses given where any will do; no rule names more than four."""

EVERYDAY: Final = frozenset({"target", "control", "survey", "ipv6"})
"""Purposes of which there are thousands and which no rule looks for across targets."""


class Connections:
    """The connections of a run to public addresses, by port and by network."""

    def __init__(self) -> None:
        """Know none."""
        self.made: list[Observation] = []
        self.six_tried = 0
        self.six_made = False
        self.four_made = False
        self._by_port: dict[int, dict[str | None, Observation]] = defaultdict(dict)
        self._by_network: dict[str, list[Observation]] = defaultdict(list)

    def add(self, o: Observation, port: int, *, hold: bool) -> None:
        """Take one connection in, made or failed."""
        address = str(o.address)
        six = ":" in address
        if six and not hold:
            self.six_tried += 1
            self.six_made |= o.failure is None
        if o.failure is not None or is_bogon(address):
            return
        self.made.append(o)
        self._by_network[str(network_of(address))].append(o)
        if not six:
            self.four_made = True
            owners = self._by_port[port]
            if len(owners) < FEW:
                owners.setdefault(o.target, o)

    def at_port(self, port: int, but: str) -> Observation | None:
        """Return a connection to a port over IPv4 that somebody other than the target ``but`` made."""
        return next((o for target, o in self._by_port.get(port, {}).items() if target != but), None)

    def near(self, address: str) -> list[Observation]:
        """Return the connections to the /24 or /48 of an address."""
        return self._by_network.get(str(network_of(address)), [])


class SystemAnswers:
    """What this computer's resolver said for names (A), by owner and by address."""

    def __init__(self) -> None:
        """Know none."""
        self._working: dict[str, list[Observation]] = {}
        self._giving: dict[str, dict[str, list[Observation]]] = defaultdict(dict)

    def add(self, o: Observation, owner: str, answers: Iterable[str], *, ours: bool) -> None:
        """Take in what was said for a name of ``owner``."""
        public = False
        for address in answers:
            public |= not is_bogon(address)
            _keep(self._giving[address], owner, o)
        if public and ours:
            _keep(self._working, owner, o)

    def working(self, but: str) -> list[Observation]:
        """Return a few answers with public addresses for names of other owners than ``but``."""
        return _few(self._working, but)

    def giving(self, address: str, but: str) -> list[Observation]:
        """Return a few answers that gave an address for names of other owners than ``but``."""
        return _few(self._giving.get(address, {}), but)


def _keep(known: dict[str, list[Observation]], owner: str, o: Observation) -> None:
    """Keep an observation of an owner while there are few; of two owners at least, whoever asks is not both."""
    if len(known) < FEW or owner in known:
        witnesses = known.setdefault(owner, [])
        if len(witnesses) < FEW:
            witnesses.append(o)


def _few(known: dict[str, list[Observation]], but: str) -> list[Observation]:
    return list(islice((o for owner, witnesses in known.items() if owner != but for o in witnesses), FEW))


class Questions:
    """The rarer steps of a run, those that a failure or a doubt asked for, by purpose and by address."""

    def __init__(self) -> None:
        """Know none."""
        self._by_purpose: dict[tuple[Step, str], list[Observation]] = defaultdict(list)
        self._by_address: dict[tuple[Step, str, str], list[Observation]] = defaultdict(list)
        self._by_target: dict[tuple[Step, str, str | None], list[Observation]] = defaultdict(list)

    def add(self, o: Observation, purpose: str) -> None:
        """Take one step in, unless its purpose is an everyday one."""
        if purpose not in EVERYDAY:
            self._by_purpose[o.step, purpose].append(o)
            self._by_address[o.step, purpose, str(o.address)].append(o)
            self._by_target[o.step, purpose, o.target].append(o)

    def of(self, step: Step, purpose: str) -> list[Observation]:
        """Return all steps of a kind and purpose."""
        return self._by_purpose.get((step, purpose), [])

    def at(self, step: Step, purpose: str, addresses: Iterable[str | None]) -> list[Observation]:
        """Return those at some addresses."""
        wanted = dict.fromkeys(str(address) for address in addresses)
        return [o for address in wanted for o in self._by_address.get((step, purpose, address), ())]

    def for_target(self, step: Step, purpose: str, target: str | None) -> list[Observation]:
        """Return those made on behalf of a target."""
        return self._by_target.get((step, purpose, target), [])
