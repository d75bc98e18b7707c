"""What is secret about the person's own ways out: where a proxy or a VPN's server lives, its passwords and keys, what it is called.

Nothing of it is written into a report; a server on the way may say it all the same, as a proxy's error page does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from diagnostics.judge.evidence import base_domain
from diagnostics.model import Fact
from diagnostics.report.addresses import Address, parse
from diagnostics.report.secrets import SHORTEST_WORD, Secrets, public_addresses, public_words
from diagnostics.routes.link import Secret

SHORTEST_SECRET: Final = 6
"""Characters from which on a password is searched for as a part of anything; shorter ones only as words of their own."""

_NAMING: Final = frozenset({"host", "name", "server_name", "remote", "user", "fingerprint"})
"""Fields of links and profiles that are no secret by type and still name somebody's server, or whose it is."""

_HOST: Final = re.compile(r"(?i)[a-z0-9_-]+(\.[a-z0-9_-]+)+\.?")


def with_ways(secrets: Secrets, ways: Iterable[Fact]) -> Secrets:
    """Return ``secrets`` and those of proxies (``Link``) and VPN profiles (``Profile``)."""
    hosts: set[str] = set()
    hidden: set[str] = set()
    for way in ways:
        for key, value in _texts(way, ""):
            if isinstance(value, Secret):
                hidden.add(value.reveal())
            elif key in _NAMING or _address(value) is not None:
                hosts.add(value)
    texts = {text for text in hosts | hidden if text.lower() not in public_words()}
    addresses = {str(address) for text in texts if (address := _address(text)) is not None and not address.is_unspecified}
    named = {text for text in texts if _address(text) is None}
    long = {text for text in named & hidden if len(text) >= SHORTEST_SECRET and not _HOST.fullmatch(text)}
    words = {text for text in named - long if len(text) >= SHORTEST_WORD and not _is_public(text)}
    return msgspec.structs.replace(
        secrets,
        addresses=secrets.addresses | (addresses - public_addresses()),
        host_names=secrets.host_names | words,
        others=secrets.others | long,
    )


def _address(text: str) -> Address | None:
    """Return the address that a field holds, in brackets or with the length of its network."""
    return parse(text.partition("/")[0].strip("[]")) if text[:1] in "[0123456789abcdefABCDEF:" else None


def _is_public(text: str) -> bool:
    """Tell whether a name belongs to a place that every copy of Atajo knows: a front that thousands of proxies share."""
    return _HOST.fullmatch(text) is not None and base_domain(text.lower().rstrip(".")) in _public_bases()


def _public_bases() -> frozenset[str]:
    return frozenset(base_domain(word) for word in public_words() if "." in word)


def _texts(value: object, key: str) -> Iterator[tuple[str, str | Secret]]:
    """Yield the texts of a way, with the field that they stand in."""
    if isinstance(value, str | Secret):
        yield key, value
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from _texts(getattr(value, field), field)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner, key)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, key)
