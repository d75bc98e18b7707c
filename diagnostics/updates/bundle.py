r"""A bundle of data files: read as it comes, within bounds, and believed only where a key that this build knows has signed it.

::

    atajo-data 1\n
    <signature: 128 hexadecimal digits, small letters>\n
    <manifest: JSON on one line>\n
    <the files, one right after the other, in the manifest's order; nothing after them>

Ed25519 (RFC 8032) signs ``SIGNED_AS`` and the manifest's bytes: the first part keeps a signature that was made for something else
from counting here.  There are no folders, links, attributes or compression in it, so there is nothing to unpack.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from diagnostics.updates.manifest import FORMAT, LAYOUT, MAX_MANIFEST, MAX_TOTAL, FileEntry, Manifest, Refusal, RefusedError, read_manifest

MAGIC: Final = b"atajo-data 1\n"
SIGNED_AS: Final = b"atajo data manifest, layout 1\0"
ENDING: Final = ".atajo"

SIGNATURE_LINE: Final = 129
"""Bytes: 64 of an Ed25519 signature in hexadecimal digits, and the end of the line."""

MAX_BUNDLE: Final = len(MAGIC) + SIGNATURE_LINE + MAX_MANIFEST + 1 + MAX_TOTAL
"""Bytes of the largest bundle that can be."""

CHUNK: Final = 64 * 1024

_HEX: Final = re.compile(rb"[0-9a-f]{128}")

Check = Callable[[Manifest, str], None]
"""Looks at a manifest whose signature is good, and at its SHA-256, before any file is read.  Raises RefusedError."""


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that was signed by a known key and is whole: its files by path, its bytes, and the SHA-256 of its manifest."""

    manifest: Manifest
    digest: str
    files: dict[str, bytes]
    raw: bytes


def _believe_all(_manifest: Manifest, _digest: str) -> None:
    """Have nothing against a manifest that is signed."""


class BundleReader:
    """Takes a bundle piece by piece; what cannot become one is refused at its first wrong byte, and no more is kept than that."""

    def __init__(self, keys: Sequence[bytes], check: Check = _believe_all) -> None:
        """Believe ``keys`` (32 bytes each), and ask ``check`` once the manifest is there.  Raises RefusedError if there is no key."""
        if not keys:
            raise RefusedError(Refusal.NO_KEY)
        self._keys = [Ed25519PublicKey.from_public_bytes(key) for key in keys]
        self._check = check
        self._bytes = bytearray()
        self._manifest: Manifest | None = None
        self._digest = ""
        self._begin = 0  # of the files

    def feed(self, data: bytes) -> None:
        """Take the next bytes.  Raises RefusedError."""
        for start in range(0, len(data), CHUNK):
            self._bytes += data[start : start + CHUNK]
            if self._manifest is None:
                self._head()
            if self._manifest is not None and len(self._bytes) - self._begin > self._manifest.total:
                raise RefusedError(Refusal.TOO_LARGE, "more than the manifest names")

    def finish(self) -> Bundle:
        """Return the bundle, after the last byte.  Raises RefusedError."""
        manifest = self._manifest
        if manifest is None or len(self._bytes) - self._begin != manifest.total:
            raise RefusedError(Refusal.DAMAGED if self._bytes else Refusal.NOT_OURS, "cut short")
        files: dict[str, bytes] = {}
        place = self._begin
        for entry in manifest.files:
            content = bytes(self._bytes[place : place + entry.size])
            if hashlib.sha256(content).hexdigest() != entry.sha256:
                raise RefusedError(Refusal.DAMAGED, "a file that is not what the manifest says")
            files[entry.path] = content
            place += entry.size
        return Bundle(manifest=manifest, digest=self._digest, files=files, raw=bytes(self._bytes))

    def _head(self) -> None:
        """Read the head once it is there."""
        beginning = bytes(self._bytes[: len(MAGIC)])
        if not MAGIC.startswith(beginning):
            raise RefusedError(Refusal.NOT_OURS)
        signed = len(MAGIC) + SIGNATURE_LINE
        if len(self._bytes) < signed:
            return
        if self._bytes[signed - 1 : signed] != b"\n" or not _HEX.fullmatch(self._bytes, len(MAGIC), signed - 1):
            raise RefusedError(Refusal.DAMAGED, "no signature")
        end = self._bytes.find(b"\n", signed, signed + MAX_MANIFEST + 1)
        if end < 0:
            if len(self._bytes) > signed + MAX_MANIFEST:
                raise RefusedError(Refusal.TOO_LARGE, "the manifest")
            return
        line = bytes(self._bytes[signed:end])
        self._verify(bytes.fromhex(self._bytes[len(MAGIC) : signed - 1].decode("ascii")), line)
        manifest = read_manifest(line)
        self._digest = hashlib.sha256(line).hexdigest()
        self._check(manifest, self._digest)
        self._manifest, self._begin = manifest, end + 1

    def _verify(self, signature: bytes, line: bytes) -> None:
        for key in self._keys:
            try:
                key.verify(signature, SIGNED_AS + line)
            except InvalidSignature:
                continue
            return
        raise RefusedError(Refusal.SIGNATURE)


def read_bundle(pieces: Iterable[bytes], keys: Sequence[bytes], check: Check = _believe_all) -> Bundle:
    """Return the bundle that comes in ``pieces``.  Raises RefusedError."""
    reader = BundleReader(keys, check)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


def make_bundle(
    files: dict[str, bytes], key: Ed25519PrivateKey, *, version: int, made: dt.datetime, expires: dt.datetime, app: str
) -> bytes:
    """Return the bytes of a bundle, the same for the same arguments.  Raises RefusedError for one that no reader would take."""
    entries = tuple(
        FileEntry(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest()) for path, content in sorted(files.items())
    )
    manifest = Manifest(format=FORMAT, layout=LAYOUT, version=version, made=made, expires=expires, app=app, files=entries)
    line = msgspec.json.encode(manifest)
    if len(line) > MAX_MANIFEST:
        raise RefusedError(Refusal.TOO_LARGE, "the manifest")
    read_manifest(line)
    signature = key.sign(SIGNED_AS + line).hex().encode("ascii")
    return b"".join((MAGIC, signature, b"\n", line, b"\n", *(files[entry.path] for entry in entries)))
