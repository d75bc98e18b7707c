"""Where newer data is kept, and how it comes into use.

Three files in ``updates`` of the data folder::

    current.atajo   the bundle in use, as it came: verified anew at every start, signature and all
    previous.atajo  the one before it
    state.json      the newest version that was ever taken, and which bundle our readers have accepted

Nothing is unpacked.  A bundle is read into memory, verified, and laid over what ships; so nobody reads half of one, and what happens to
the files later does not matter.  The switch is the renaming of one file.  A bundle that is damaged, signed by a key that no longer
counts, refused by our readers or older than what ships is left aside: then the previous one counts, and at last what ships.
"""

from __future__ import annotations

import datetime as dt
import enum
import errno
import logging
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

import resources
from app import __version__
from app.paths import data_folder, write_whole

if TYPE_CHECKING:
    from diagnostics.updates.bundle import Bundle, Check
    from diagnostics.updates.manifest import Standing
    from diagnostics.updates.pinned import Pinned

log = logging.getLogger("atajo.data")

OLD_AFTER: Final = dt.timedelta(days=180)
"""Older data gets a quiet notice, as that of a single service does (``diagnostics.catalog.MAX_AGE``)."""

MAX_STATE: Final = 4096
"""Bytes; a larger file is not ours."""

CHUNK: Final = 64 * 1024

_CURRENT, _PREVIOUS, _STATE = "current.atajo", "previous.atajo", "state.json"


class Origin(enum.StrEnum):
    """Where the data in use comes from."""

    SHIPPED = "shipped"
    UPDATED = "updated"


class Active(msgspec.Struct, frozen=True, kw_only=True):
    """The data in use.  ``damaged``: a newer one is here and cannot be used.  ``expires`` is None for what ships."""

    version: int
    day: dt.date
    origin: Origin = Origin.SHIPPED
    expires: dt.datetime | None = None
    damaged: bool = False

    def old(self, now: dt.datetime) -> bool:
        """Tell whether the person should know how old it is."""
        return now.date() - self.day > OLD_AFTER or (self.expires is not None and now >= self.expires)


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """``highest`` and ``digest``: the newest version that was ever taken, and the SHA-256 of its manifest.

    ``accepted`` is the SHA-256 of the manifest that our readers accepted, ``by`` the version of the program and of its data then.
    """

    highest: int = 0
    digest: str = ""
    accepted: str = ""
    by: str = ""


class DataStore:
    """The data that is in use, and the way in for newer data; safe to use from several threads."""

    def __init__(self, folder: Path | None = None, pinned: Pinned | None = None, *, shipped_only: bool = False) -> None:
        """Keep bundles in ``folder`` (default: the usual one) and believe what is ``pinned`` (default: what ships).

        ``shipped_only``: what ships is used, whatever is kept: a simulated network is the same on every computer.
        """
        self._folder = (folder or data_folder()) / "updates"
        self._names = () if shipped_only else (_CURRENT, _PREVIOUS)
        self._given = pinned
        self._lock = threading.RLock()
        self._active: Active | None = None
        self._next: Active | None = None

    @property
    def pinned(self) -> Pinned:
        """Return what this build knows of updates.  Raises InputError when our own file is damaged."""
        if self._given is None:
            from diagnostics.updates.pinned import load_pinned

            self._given = load_pinned()
        return self._given

    # --- what is in use ---

    def activate(self) -> Active:
        """Lay the newest usable data over what ships and return what is in use from now on; asking again changes nothing."""
        with self._lock:
            if self._active is None:
                self._active = self._choose()
            return self._active

    def _choose(self) -> Active:
        from diagnostics.updates.manifest import day_of

        pinned = self.pinned
        shipped = Active(version=pinned.version, day=day_of(pinned.version))
        damaged = False
        for name in self._names:
            bundle, unusable = self._kept(name)
            damaged |= unusable
            if bundle is None or bundle.manifest.version <= pinned.version:
                continue  # the program itself was renewed since
            resources.lay_over(bundle.files)
            manifest = bundle.manifest
            day = day_of(manifest.version)
            return Active(version=manifest.version, day=day, origin=Origin.UPDATED, expires=manifest.expires, damaged=damaged)
        resources.lay_over({})
        return msgspec.structs.replace(shipped, damaged=damaged)

    def _kept(self, name: str) -> tuple[Bundle | None, bool]:
        """Return a kept bundle that can be used, or None and whether there is one that cannot."""
        path = self._folder / name
        try:
            size = path.stat().st_size
        except OSError:
            return None, False  # none was ever kept, or the folder is out of reach
        from diagnostics.updates.manifest import RefusedError

        try:
            bundle = read_file(path, self.pinned)
            state = self._state()
            if (state.accepted, state.by) != (bundle.digest, self._readers):
                from diagnostics.updates.content import check_content

                check_content(bundle.files)
        except (RefusedError, OSError) as problem:
            log.info("%s of %d bytes is not used: %s", name, size, problem)
            return None, True
        return bundle, False

    @property
    def _readers(self) -> str:
        """Return what decides whether our readers accept a bundle: the program, and the data that lies below."""
        return f"{__version__}/{self.pinned.version}"

    # --- taking newer data ---

    @property
    def next(self) -> Active:
        """Return what will be in use at the next start."""
        with self._lock:
            return self._next or self.activate()

    def standing(self) -> Standing:
        """Return what a bundle has to be newer than."""
        from diagnostics.updates.manifest import Standing

        state = self._state()
        return Standing(active=self.next.version, shipped=self.pinned.version, highest=state.highest, digest=state.digest)

    def check(self, now: dt.datetime) -> Check:
        """Return what looks at the manifest of a bundle before the rest of it is read."""
        from diagnostics.updates.manifest import judge

        standing = self.standing()
        return lambda manifest, digest: judge(manifest, digest, standing, now, __version__)

    def install(self, bundle: Bundle, now: dt.datetime) -> Active:
        """Keep a verified bundle, to be used from the next start on, and return what will be.  Raises RefusedError; nothing changes then.

        What was ever taken is noted first: should the computer stop in between, the same bundle can be taken again and no older one.
        """
        from diagnostics.updates.content import check_content
        from diagnostics.updates.manifest import Refusal, RefusedError, day_of

        manifest = bundle.manifest
        with self._lock:
            self.check(now)(manifest, bundle.digest)
            check_content(bundle.files)
            try:
                for left in self._folder.glob(".*.part"):  # of a computer that stopped while it wrote
                    left.unlink(missing_ok=True)
                self._note(highest=manifest.version, digest=bundle.digest)
                if self._next is None and self.activate().origin is Origin.UPDATED and not self.activate().damaged:
                    write_whole(self._folder / _PREVIOUS, (self._folder / _CURRENT).read_bytes())
                write_whole(self._folder / _CURRENT, bundle.raw)
                self._note(accepted=bundle.digest, by=self._readers)
            except OSError as error:
                log.info("newer data not written: %s", error.strerror)
                raise RefusedError(Refusal.NOT_WRITTEN, error.strerror or "", manifest) from error
            day = day_of(manifest.version)
            self._next = Active(version=manifest.version, day=day, origin=Origin.UPDATED, expires=manifest.expires)
            return self._next

    def wipe(self) -> None:
        """Forget everything that was ever taken; what ships is used from the next start on.  Raises OSError."""
        with self._lock:
            for path in [*self._folder.glob(".*.part"), *(self._folder / name for name in (_CURRENT, _PREVIOUS, _STATE))]:
                path.unlink(missing_ok=True)
            self._next = None

    def _state(self) -> _State:
        """Return what is noted; of a file that is damaged or gone the kept bundle itself is what is left."""
        try:
            with (self._folder / _STATE).open("rb") as file:
                return msgspec.json.decode(file.read(MAX_STATE), type=_State)
        except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
            return _State()

    def _note(self, **changes: object) -> None:
        state = msgspec.structs.replace(self._state(), **changes)
        write_whole(self._folder / _STATE, msgspec.json.encode(state))


def read_file(path: Path, pinned: Pinned, check: Check | None = None) -> Bundle:
    """Return the bundle in an ordinary file, of which no more is read than a bundle can have.  Raises RefusedError, OSError."""
    from diagnostics.updates.bundle import read_bundle

    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait, reading a device would never end
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    with path.open("rb") as file:
        return read_bundle(_pieces(file), pinned.keys, *([check] if check else []))


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(CHUNK):
        yield piece
