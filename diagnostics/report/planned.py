"""What a report says of its own plan: the services that were asked for and the public resolvers that were to be asked.

Pure functions of observations that may be a stranger's: an entry of a plan that cannot be read is left out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from diagnostics.model import Observation, Service, Step


class _PlannedResolver(msgspec.Struct, frozen=True):
    """What a plan says of a resolver, as far as it is read here."""

    id: str
    addresses: tuple[str, ...]


def planned_services(observations: Iterable[Observation]) -> dict[str, Service]:
    """Return the services of the plans among the observations by id, in the order asked for."""
    found: dict[str, Service] = {}
    for entry in _entries(observations, "targets"):
        with contextlib.suppress(msgspec.ValidationError):
            service = msgspec.convert(entry, Service)
            found[service.id] = service
    return found


def planned_resolvers(observations: Iterable[Observation]) -> dict[str, tuple[str, ...]]:
    """Return the addresses of the public resolvers of the plans among the observations by id."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in _entries(observations, "resolvers"):
        with contextlib.suppress(msgspec.ValidationError):
            resolver = msgspec.convert(entry, _PlannedResolver)
            found[resolver.id] = resolver.addresses
    return found


def _entries(observations: Iterable[Observation], key: str) -> Iterator[Any]:
    for observation in observations:
        if observation.step is Step.SYSTEM and observation.detail.get("kind") == "plan":
            entries = observation.detail.get(key)
            yield from entries if isinstance(entries, list | tuple) else ()
