"""What this build knows of updates: the version of its own data, whose signatures count, and where to ask (``resources/updates.toml``)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Final
from urllib.parse import urlsplit

import msgspec

import resources
from diagnostics.errors import InputError
from diagnostics.tomlfile import decode, line_of
from diagnostics.updates.manifest import day_of

FILE: Final = "updates.toml"
MOST_KEYS: Final = 2
"""The present key and the next one."""

MOST_SOURCES: Final = 4

_KEY: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")

Problem = tuple[tuple[str | int, ...], object, str]


class _Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    public: str


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    sources: tuple[str, ...]
    key: tuple[_Key, ...] = ()


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """An https page that holds the newest bundle."""

    host: str
    port: int
    path: str


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """The version of the data that ships, the public keys (32 bytes each) and the places of bundles."""

    version: int
    keys: tuple[bytes, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def day(self) -> dt.date:
        """Return the day of the data that ships."""
        return day_of(self.version)


def load_pinned(file: Traversable | None = None) -> Pinned:
    """Return what ships; no update can change it.  Raises InputError "error.data" or "error.toml"."""
    text = (file or resources.shipped(FILE)).read_text(encoding="utf-8")
    shown = f"resources/{FILE}"
    read = decode(text, shown, _File, "error.data")
    for where, found, allowed in _problems(read):
        raise InputError("error.data", file=shown, line=line_of(text, where), found=found, allowed=allowed)
    sources = tuple(source for source in map(_source, read.sources) if source is not None)
    return Pinned(version=read.version, keys=tuple(bytes.fromhex(key.public) for key in read.key), sources=sources)


def _problems(file: _File) -> Iterator[Problem]:
    try:
        day_of(file.version)
    except ValueError:
        yield ("version",), file.version, "2026112600"
    if len(file.key) > MOST_KEYS:
        yield ("key", MOST_KEYS), len(file.key), f"at most {MOST_KEYS} keys"
    if len(file.sources) > MOST_SOURCES:
        yield ("sources",), len(file.sources), f"at most {MOST_SOURCES} sources"
    for index, key in enumerate(file.key):
        if not _ID.fullmatch(key.id):
            yield ("key", index, "id"), key.id, "small letters and digits, words joined by -"
        if not _KEY.fullmatch(key.public):
            yield ("key", index, "public"), key.public, "64 hexadecimal digits in small letters"
    for index, url in enumerate(file.sources):
        if _source(url) is None:
            yield ("sources", index), url, "https://name/path"


def _source(url: str) -> Source | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        return None
    sound = url.isascii() and url.isprintable() and " " not in url and parts.path.startswith("/") and "@" not in parts.netloc
    if parts.scheme != "https" or not host or not sound or parts.query or parts.fragment:
        return None
    return Source(host=host, port=port, path=parts.path)
