"""Which addresses a report is about: those of services and public resolvers stay, the network's own resolvers get numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from diagnostics.bogons import is_bogon
from diagnostics.report.addresses import parse
from diagnostics.report.contract import Json
from diagnostics.report.secrets import public_addresses


def own_resolvers(document: Mapping[str, Any]) -> dict[str, int]:
    """Return the resolvers that this computer is configured to ask and that identify its network, numbered."""
    public = set(public_addresses()) | {
        address for _, detail in _details(document, "plan") for r in _list(detail.get("resolvers")) for address in _addresses(r)
    }
    found: dict[str, int] = {}
    for observation in document["observations"]:
        detail = observation["detail"]
        asked = [observation["address"]] if detail.get("resolver") == "system" else []
        if observation["step"] == "system" and detail.get("kind") == "resolver":
            asked += _list(detail.get("addresses"))
        for text in asked:
            address = parse(text) if isinstance(text, str) else None
            if address and not address.is_loopback and text not in public:
                found.setdefault(text, len(found) + 1)
    return found


def evidence_addresses(document: Mapping[str, Any], taken: Collection[str]) -> set[str]:
    """Return the public addresses that the report is about: asked, answered, planned."""
    found = set(public_addresses())
    for _, detail in _details(document, "plan"):
        for resolver in _list(detail.get("resolvers")):
            found |= set(_addresses(resolver))
    for observation in document["observations"]:
        detail = observation["detail"]
        texts = [observation["address"], observation["host"], *_list(detail.get("answers"))]
        texts += [answer for reply in _list(detail.get("replies")) if isinstance(reply, Mapping) for answer in _list(reply.get("answers"))]
        found |= {text for text in texts if isinstance(text, str)}
    return {text for text in found.difference(taken) if not is_bogon(text)}


def _details(document: Mapping[str, Any], kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    return [(o["id"], o["detail"]) for o in document["observations"] if o["step"] == "system" and o["detail"].get("kind") == kind]


def _list(value: object) -> list[Json]:
    return list(value) if isinstance(value, list | tuple) else []


def _addresses(resolver: object) -> list[str]:
    return [text for text in _list(resolver.get("addresses")) if isinstance(text, str)] if isinstance(resolver, Mapping) else []
