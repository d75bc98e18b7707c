"""What a bundle says of itself, and every reason not to take it.

The manifest is what is signed.  It names each file with its size and SHA-256, so that the signature vouches for all of it.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from typing import Final

import msgspec

FORMAT: Final = "atajo-data"
LAYOUT: Final = 1

MAX_FILES: Final = 400
MAX_TOTAL: Final = 4 * 1024 * 1024
"""Bytes of all files of a bundle together; what ships has some 200 KB."""

MAX_MANIFEST: Final = 128 * 1024
"""Bytes of the manifest: 400 entries of 200 bytes, and some air."""

LONGEST_LIFE: Final = dt.timedelta(days=400)
"""A bundle that would be valid for longer is a mistake of whoever made it."""

CLOCK_SLACK: Final = dt.timedelta(days=1)
"""How far a clock may be behind the moment at which a bundle was made: a wrong time zone is no reason to refuse."""

FOLDERS: Final = ("services", "tips")
SINGLE: Final = ("controls.toml", "exits.toml", "local_proxies.toml", "pages.toml", "protection.toml", "resolvers.toml", "vpn_clients.toml")
"""What a bundle may replace: facts about the outside that grow old.  ``docs/data-updates.md`` says why nothing else may."""

_PATH: Final = re.compile(rf"(?:{'|'.join(FOLDERS)})/[a-z0-9][a-z0-9_-]{{0,63}}\.toml|{'|'.join(map(re.escape, SINGLE))}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_VERSION: Final = re.compile(r"\d{1,4}(\.\d{1,4}){0,3}")


class Refusal(enum.StrEnum):
    """Why a bundle was not taken."""

    NOT_OURS = "not_ours"  # it does not begin like a bundle
    DAMAGED = "damaged"  # cut short, or not what its manifest says
    TOO_LARGE = "too_large"
    SIGNATURE = "signature"  # signed by nobody whose key this build knows, or changed after it was signed
    SAME = "same"  # what is in use already
    OLDER = "older"  # than what is in use, what ships, or what was ever taken
    EXPIRED = "expired"
    CLOCK = "clock"  # from the future, by this computer's clock
    NEWER_APP = "newer_app"  # needs a newer version of the program
    UNUSABLE = "unusable"  # signed, but our own readers refuse it
    NO_KEY = "no_key"  # this build knows no key at all
    NOT_WRITTEN = "not_written"  # the disk refuses
    UNREADABLE = "unreadable"  # the file cannot be read
    NO_SOURCE = "no_source"  # this build knows no place to fetch from
    NOT_REACHED = "not_reached"  # no route leads to any of the places


class RefusedError(Exception):
    """A bundle that is not taken.  ``manifest`` is there where its signature was good; ``note`` is for developers."""

    def __init__(self, why: Refusal, note: str = "", manifest: Manifest | None = None) -> None:
        """Say why."""
        super().__init__(f"{why}: {note}" if note else str(why))
        self.why = why
        self.note = note
        self.manifest = manifest


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: its path below ``resources``, its size in bytes, and its SHA-256 in hexadecimal digits."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed.  ``version`` is the day (YYYYMMDD) and two digits; ``app`` the oldest version of Atajo that can read it."""

    format: str
    layout: int
    version: int
    made: dt.datetime
    expires: dt.datetime
    app: str
    files: tuple[FileEntry, ...]

    @property
    def total(self) -> int:
        """Return the bytes of all files together."""
        return sum(entry.size for entry in self.files)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is in use, what ships and what was the newest ever taken, as versions; ``digest`` is the SHA-256 of that one's manifest."""

    active: int
    shipped: int
    highest: int = 0
    digest: str = ""


def day_of(version: int) -> dt.date:
    """Return the day of a version.  Raises ValueError for one that has none."""
    return dt.datetime.strptime(f"{version // 100:08}", "%Y%m%d").replace(tzinfo=dt.UTC).date()


def app_number(text: str) -> tuple[int, ...]:
    """Return a version of the program as numbers that can be compared.  Raises ValueError for what is none."""
    if not _VERSION.fullmatch(text):
        raise ValueError(text)
    return tuple(int(part) for part in text.split("."))


def read_manifest(raw: bytes) -> Manifest:
    """Return a manifest whose signature is good.  Raises RefusedError for one that nobody should have signed."""
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
        wrong = _wrong(manifest)
    except (ValueError, OverflowError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise RefusedError(Refusal.DAMAGED, str(error)) from error
    if wrong:
        raise RefusedError(Refusal.DAMAGED, wrong)
    if len(manifest.files) > MAX_FILES or manifest.total > MAX_TOTAL:
        raise RefusedError(Refusal.TOO_LARGE)
    return manifest


def _wrong(manifest: Manifest) -> str:
    """Return what is wrong with a manifest, or nothing."""
    if (manifest.format, manifest.layout) != (FORMAT, LAYOUT):
        return "another format"
    if manifest.made.tzinfo is None or manifest.expires.tzinfo is None:
        return "a time without a zone"
    if day_of(manifest.version) != manifest.made.astimezone(dt.UTC).date():
        return "the version is not of the day on which it was made"
    if not dt.timedelta() < manifest.expires - manifest.made <= LONGEST_LIFE:
        return "the times do not fit"
    app_number(manifest.app)
    if not manifest.files:
        return "no file"
    paths = [entry.path for entry in manifest.files]
    if len(set(paths)) != len(paths):
        return "a file twice"
    for entry in manifest.files:
        if not _PATH.fullmatch(entry.path):
            return "a file that no update may replace"
        if entry.size < 0 or not _HASH.fullmatch(entry.sha256):
            return "a size or a hash that is none"
    return ""


def judge(manifest: Manifest, digest: str, standing: Standing, now: dt.datetime, app: str) -> None:
    """Raise RefusedError unless a signed manifest is newer than everything before it, of our time, and for this program.

    ``digest`` is the SHA-256 of its bytes: what was taken before and is not in use (its file was damaged) may be taken again, but
    no other bundle of the same version.
    """

    def refuse(why: Refusal) -> RefusedError:
        return RefusedError(why, manifest=manifest)

    if manifest.version < max(standing.active, standing.shipped, standing.highest):
        raise refuse(Refusal.OLDER)
    again = manifest.version == standing.highest and digest != standing.digest
    if manifest.version in (standing.active, standing.shipped) or again:
        raise refuse(Refusal.SAME)
    if app_number(manifest.app) > app_number(app):
        raise refuse(Refusal.NEWER_APP)
    if manifest.made > now + CLOCK_SLACK:
        raise refuse(Refusal.CLOCK)
    if now >= manifest.expires:
        raise refuse(Refusal.EXPIRED)
