"""The support bundle as a file: a ZIP archive of a few named parts with their checksums.

Archives come from strangers.  Nothing is ever unpacked onto a disk, and every bound holds before the work that it bounds:
the directory's size before it is read, the parts' number and names before their content, the content's size while it is
inflated.  Every fault is one :class:`~diagnostics.errors.InputError`.

Written archives are deterministic: the same parts give the same bytes, whenever and wherever (fixed times, order and modes).
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from diagnostics.errors import InputError

MAX_ARCHIVE: Final = 64 << 20
"""Largest archive that is read, in bytes: a run of 10 000 targets packs into about 5 MB."""

MAX_DIRECTORY: Final = 64 << 10
"""Bytes of an archive's table of contents: some 600 parts, of which only a few are ours."""

MAX_PARTS: Final = 64
MAX_PART: Final = 128 << 20
"""Largest part after inflating, in bytes; as large as the largest report."""

MAX_ALL: Final = 320 << 20
"""Bytes that all parts of one archive may inflate to."""

SUMS: Final = "SHA256SUMS"
"""The part with the checksums of all others, in the form of ``sha256sum``."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that a ZIP archive can name."""

_END: Final = struct.Struct("<4s4H2LH")
"""The end-of-central-directory record (APPNOTE.TXT 4.3.16), without a comment."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUM: Final = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]{0,63})")
_BLOCK: Final = 1 << 20
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError)
"""What ``zipfile`` raises of an archive that is not one: a wrong record, data or checksum, an early end, a kind of packing it does not
have (a RuntimeError), a name that is no text (a ValueError), and an offset outside the file (an OSError)."""


def is_archive(start: bytes) -> bool:
    """Tell whether a file that begins so is a ZIP archive."""
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def pack(parts: Mapping[str, bytes]) -> bytes:
    """Return the archive of ``parts`` by name, in their order, and of their checksums.  Raises ValueError for a name with more in it."""
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(parts.items()))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in {**parts, SUMS: sums.encode()}.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"not a plain name: {name!r}")
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # whatever system writes it
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return file.getvalue()


def unpack(source: Path | bytes, name: str = "", wanted: frozenset[str] | None = None) -> dict[str, bytes]:
    """Return the parts of an archive by name, those in ``wanted`` if it is given; their checksums are held against them.

    Raises InputError: ``error.report_unreadable`` (file, reason), ``error.bundle_too_big`` (file), ``error.bundle_many``
    (file), ``error.bundle_damaged`` (file), ``error.bundle_changed`` (file, part).
    """
    label = name or (str(source) if isinstance(source, Path) else "")
    content = _content(source, label)
    _check_directory(content, label)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = _parts(archive, label, wanted)
    except _BROKEN as error:
        raise InputError("error.bundle_damaged", file=label) from error
    _check_sums(found, label)
    return found


def _content(source: Path | bytes, label: str) -> bytes:
    if isinstance(source, bytes):
        content = source[: MAX_ARCHIVE + 1]
    else:
        try:
            with source.open("rb") as file:
                content = file.read(MAX_ARCHIVE + 1)
        except OSError as error:
            raise InputError("error.report_unreadable", file=label, reason=error.strerror or type(error).__name__) from error
    if len(content) > MAX_ARCHIVE:
        raise InputError("error.bundle_too_big", file=label)
    return content


def _check_directory(content: bytes, label: str) -> None:
    """Refuse an archive whose table of contents is larger than any of ours, before anything reads it."""
    if len(content) < _END.size or content[-_END.size : -_END.size + 4] != b"PK\x05\x06":
        raise InputError("error.bundle_damaged", file=label)
    _, _, _, _, parts, size, _, _ = _END.unpack(content[-_END.size :])
    if parts > MAX_PARTS or size > MAX_DIRECTORY:
        raise InputError("error.bundle_many", file=label)
    if content[-_END.size - 20 : -_END.size - 16] == b"PK\x06\x07":  # ZIP64 counts elsewhere; ours never need it
        raise InputError("error.bundle_many", file=label)


def _parts(archive: zipfile.ZipFile, label: str, wanted: frozenset[str] | None) -> dict[str, bytes]:
    entries = archive.infolist()
    if len(entries) > MAX_PARTS:
        raise InputError("error.bundle_many", file=label)
    found: dict[str, bytes] = {}
    left = MAX_ALL
    for entry in entries:
        _check_entry(entry, found, label)
        if wanted is not None and entry.filename not in wanted and entry.filename != SUMS:
            continue
        found[entry.filename] = _inflated(archive, entry, min(left, MAX_PART), label)
        left -= len(found[entry.filename])
    return found


def _check_entry(entry: zipfile.ZipInfo, found: Mapping[str, bytes], label: str) -> None:
    """Refuse what no archive of ours holds: folders, links, paths, the same name twice, encryption."""
    mode = entry.external_attr >> 16
    plain = stat.S_IFMT(mode) in (0, stat.S_IFREG) and not entry.flag_bits & 0x1
    packed = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if not (_NAME.fullmatch(entry.filename) and plain and packed) or entry.filename in found:
        raise InputError("error.bundle_damaged", file=label)


def _inflated(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, label: str) -> bytes:
    """Return a part's content; what it says of its own size is not believed."""
    blocks: list[bytes] = []
    size = 0
    with archive.open(entry) as part:
        while block := part.read(min(_BLOCK, most + 1 - size)):
            size += len(block)
            if size > most:
                raise InputError("error.bundle_too_big", file=label)
            blocks.append(block)
    return b"".join(blocks)


def _check_sums(found: dict[str, bytes], label: str) -> None:
    """Hold the parts against their checksums, which a mail or a disk may have outlived; take the list away."""
    listed = found.pop(SUMS, None)
    if listed is None:
        raise InputError("error.bundle_damaged", file=label)
    sums = {match[2]: match[1] for match in _SUM.finditer(listed[:MAX_DIRECTORY].decode("ascii", "replace"))}
    for part, content in found.items():
        if sums.get(part) != hashlib.sha256(content).hexdigest():
            raise InputError("error.bundle_changed", file=label, part=part)
