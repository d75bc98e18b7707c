"""What a condition is: a setting of the laboratory, what is checked under it, and what has to be said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.real_servers.setting import Setting
from tests.real_servers.world import World

ANYTHING = "*"


@dataclass(frozen=True)
class Expected:
    """The verdict on one target; each field lists what may be said, ``*`` stands for anything, an empty cause for none."""

    target: str
    status: tuple[str, ...]
    cause: tuple[str, ...] = (ANYTHING,)
    certainty: tuple[str, ...] = (ANYTHING,)

    def misses(self, verdict: dict[str, object]) -> bool:
        """Tell whether a verdict is none of those."""
        found = [(self.status, verdict["status"]), (self.cause, verdict["cause"] or ""), (self.certainty, verdict["certainty"])]
        return any(ANYTHING not in allowed and value not in allowed for allowed, value in found)


@dataclass(frozen=True)
class Condition:
    """A condition; whoever is not in ``expected`` with such a status must not be accused.

    ``checked`` are the words of the command line, ``network`` the cause that the line has to have (None: any).
    ``resolvers`` tells whether public resolvers may be said to be blocked, ``ways`` which of their ways (resolver, transport,
    rule) must be.
    """

    id: str
    make: Callable[[World], Setting]
    checked: tuple[str, ...]
    expected: tuple[Expected, ...]
    network: str | None = None
    resolvers: bool = False
    ways: tuple[tuple[str, str, str], ...] = ()
    timeout: int = 30


def works(*targets: str) -> tuple[Expected, ...]:
    """Return that each target works."""
    return tuple(Expected(target, ("works",)) for target in targets)


def blocked(target: str, cause: str) -> Expected:
    """Return that a target is blocked, for certain."""
    return Expected(target, ("blocked",), (cause,), ("certain",))


def likely(target: str, cause: str) -> Expected:
    """Return that a target looks blocked."""
    return Expected(target, ("likely_blocked",), (cause,), ("likely",))


def down(target: str, cause: str) -> Expected:
    """Return that a target does not work, by nobody's doing on the way."""
    return Expected(target, ("down",), (cause,))
