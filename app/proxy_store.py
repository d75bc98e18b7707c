"""The person's own proxies, kept between two starts.

How to use it (nothing here belongs on the window's thread but ``all``: the system's store of secrets may take seconds)::

    store = ProxyStore()
    kept = store.add(link)  # Kept(id, name, kind, route); the same link again gives the same
    store.all()  # tuple[Kept, ...]: reads one small file, no secret
    store.link(kept.id)  # the Link, its name as the person calls it
    store.names()  # {route id: name}, for app.route_words
    store.rename(kept.id, "casa")
    store.remove(kept.id)
    store.wipe()
    store.set_aside  # True: a damaged file was put aside (say ``proxies.set_aside`` once)

Two files of the data folder, both for their owner alone (0600; on Windows the profile's own rights): ``proxies.json`` lists id, name
and kind; the link itself, which is the secret, lies in the system's store (``app/keychain.py``) and only where there is none, or
where it does not take it, in ``proxy-secrets.json``.  An id is made by chance and says nothing about the proxy.

Errors are ``InputError`` with one sentence: ``proxies.full``, ``proxies.not_kept`` (the disk refuses), ``proxies.gone`` (the store of
secrets is locked or lost it), ``proxies.left_behind`` (removed here, but the store of secrets did not let go of it).
"""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import threading
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from app.keychain import SERVICE, Keychain
from app.paths import data_folder, write_whole
from diagnostics.errors import InputError
from diagnostics.routes.grammar import format_link, parse_link
from diagnostics.routes.link import Kind, Link, LinkError
from diagnostics.routes.parts import MAX_NAME, clean_name

log = logging.getLogger("atajo.proxies")

MOST: Final = 200
"""Proxies that are kept: as many as one pasted subscription gives."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""A file of ours has at most ``MOST`` links of 8 KiB; a larger one is not ours."""

SHORTEST: Final = 6
"""Characters from which on a part of a link is looked for in the name that its sender gave it."""

_LIST, _SECRETS = "proxies.json", "proxy-secrets.json"
_ID: Final = re.compile(r"\b[0-9a-f]{16}\b")

T = TypeVar("T")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy that is kept.  ``route`` is how reports call it; two proxies may, by chance, share it."""

    id: str
    name: str
    kind: Kind
    route: str

    def __repr__(self) -> str:
        """Show how reports call it: a name may tell whose it is."""
        return f"<kept {self.route}>"

    __str__ = __repr__


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list; ``in_file``: its link is in the file and not in the system's store."""

    id: str
    name: str
    kind: Kind
    route: str
    in_file: bool = False

    def __post_init__(self) -> None:
        """Refuse what we did not write, so that a damaged file is noticed."""
        if not _ID.fullmatch(self.id) or len(self.name) > MAX_NAME or len(self.route) > MAX_NAME:
            message = "an entry that is not ours"
            raise ValueError(message)

    @property
    def shown(self) -> Kept:
        return Kept(id=self.id, name=self.name, kind=self.kind, route=self.route)


class ProxyStore:
    """The proxies of this data folder; safe to use from several threads."""

    def __init__(self, folder: Path | None = None, keychain: Keychain | None = None) -> None:
        """Use ``folder``, or the usual one; nothing is read or written yet."""
        self._folder = folder or data_folder()
        self._keychain = keychain or Keychain()
        self._lock = threading.RLock()
        self.set_aside = False

    # --- reading ---

    def all(self) -> tuple[Kept, ...]:
        """Return the proxies in the order in which they were added; none while their file cannot be read."""
        try:
            return tuple(entry.shown for entry in self._entries())
        except InputError:
            return ()

    def names(self) -> dict[str, str]:
        """Return what the person calls each proxy, by its id in reports."""
        return {kept.route: kept.name for kept in self.all() if kept.name}

    def link(self, ident: str) -> Link:
        """Return a proxy with its secrets.  Raises InputError("proxies.gone") when they cannot be read."""
        with self._lock:
            entry = self._entry(ident)
            text = self._file().get(ident) if entry.in_file else self._keychain.read(ident)
        try:
            found = parse_link(text or "")
        except LinkError:
            raise InputError("proxies.gone") from None
        return msgspec.structs.replace(found, name=entry.name)

    # --- changing ---

    def add(self, link: Link) -> Kept:
        """Keep a proxy and return it; one that is kept already is returned as it is.  Raises InputError."""
        with self._lock:
            entries = self._entries()
            text = format_link(msgspec.structs.replace(link, name=""))
            for entry in entries:
                if entry.route == link.id and self._same(entry, text):
                    return entry.shown
            if len(entries) >= MOST:
                raise InputError("proxies.full", n=MOST)
            ident = secrets.token_hex(8)
            in_file = not self._keychain.keep(ident, text)
            entry = _Entry(id=ident, name=_harmless(link), kind=link.kind, route=link.id, in_file=in_file)
            try:
                if in_file:
                    self._write(_SECRETS, self._file() | {ident: text})
                self._write(_LIST, [*entries, entry])
            except OSError as error:
                self._keychain.forget(ident)
                log.warning("proxies not written: %s", error.strerror)
                raise InputError("proxies.not_kept") from error
            return entry.shown

    def rename(self, ident: str, name: str) -> None:
        """Call a proxy ``name``.  Raises InputError."""
        with self._lock:
            renamed = msgspec.structs.replace(self._entry(ident), name=clean_name(name))
            self._rewrite([renamed if entry.id == ident else entry for entry in self._entries()])

    def remove(self, ident: str) -> None:
        """Forget a proxy, its secrets first; an unknown one is no error.  Raises InputError: not_kept, left_behind."""
        with self._lock:
            entries = self._entries()
            gone = [entry for entry in entries if entry.id == ident]
            if gone:
                left = self._drop_secrets(gone)
                self._rewrite([entry for entry in entries if entry.id != ident])
                _tell_of(left)

    def wipe(self) -> None:
        """Forget every proxy, those of files that were put aside and of writes that were cut short too.  Raises InputError."""
        with self._lock:
            entries, known = self._entries(), set[str]()
            with contextlib.suppress(OSError):
                known |= set(_ID.findall((self._folder / f"{_LIST}.broken").read_text("utf-8", "replace")[:MAX_BYTES]))
            left = [entry for entry in entries if not self._keychain.forget(entry.id) and not entry.in_file]
            for ident in known - {entry.id for entry in entries}:
                self._keychain.forget(ident)
            try:
                for name in (_SECRETS, _LIST):
                    for path in [self._folder / name, self._folder / f"{name}.broken", *self._folder.glob(f".{name}.*.part")]:
                        path.unlink(missing_ok=True)
            except OSError as error:
                raise InputError("proxies.not_kept") from error
            _tell_of(left)

    # --- the files ---

    def _entries(self) -> list[_Entry]:
        with self._lock:
            return self._read(_LIST, list[_Entry], [])

    def _entry(self, ident: str) -> _Entry:
        found = next((entry for entry in self._entries() if entry.id == ident), None)
        if found is None:
            raise InputError("proxies.gone")
        return found

    def _file(self) -> dict[str, str]:
        return self._read(_SECRETS, dict[str, str], {})

    def _same(self, entry: _Entry, text: str) -> bool:
        kept = self._file().get(entry.id) if entry.in_file else self._keychain.read(entry.id)
        return kept == text

    def _drop_secrets(self, entries: list[_Entry]) -> list[_Entry]:
        """Forget the secrets of entries; return those whose secret may still be in the system's store."""
        kept, idents = self._file(), {entry.id for entry in entries}
        # of those in the file, too, something may have arrived there after we had stopped waiting for it
        left = [entry for entry in entries if not self._keychain.forget(entry.id) and not entry.in_file]
        if not kept.keys().isdisjoint(idents):
            self._rewrite({ident: text for ident, text in kept.items() if ident not in idents}, _SECRETS)
        return left

    def _rewrite(self, content: object, name: str = _LIST) -> None:
        try:
            self._write(name, content)
        except OSError as error:
            log.warning("proxies not written: %s", error.strerror)
            raise InputError("proxies.not_kept") from error

    def _write(self, name: str, content: object) -> None:
        write_whole(self._folder / name, msgspec.json.format(msgspec.json.encode(content), indent=1), private=True)

    def _read(self, name: str, kind: type[T], instead: T) -> T:
        """Return the content of a file; a damaged one is put aside, whole, for somebody who may mend it."""
        path = self._folder / name
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return instead  # none was ever kept
        except OSError as error:  # held by another program for a moment: what is written now would erase what it holds
            log.info("%s not read: %s", name, error.strerror)
            raise InputError("proxies.not_kept") from error
        try:
            if len(content) > MAX_BYTES:
                message = "too large"
                raise ValueError(message)
            return msgspec.json.decode(content, type=kind)
        except (ValueError, RecursionError) as error:  # its message may quote the file: only its kind is told
            self.set_aside = True
            log.info("%s set aside: %s", name, type(error).__name__)
            with contextlib.suppress(OSError):
                path.replace(path.with_name(f"{name}.broken"))
            return instead


def _tell_of(left: list[_Entry]) -> None:
    """Say that secrets may be left in the system's store, once everything else is gone.  Raises InputError."""
    if left:
        raise InputError("proxies.left_behind", n=len(left), name=SERVICE)


def _harmless(link: Link) -> str:
    """Return the name that its sender gave a proxy, unless a secret is part of it."""
    hidden = [link.user.reveal(), link.secret.reveal(), *(option.reveal() for option in link.options.values())]
    name = clean_name(link.name)
    return "" if any(len(part) >= SHORTEST and part.lower() in name.lower() for part in hidden) else name
