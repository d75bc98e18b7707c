"""The system's own store of secrets (Windows' credentials, macOS's keychain, the Secret Service), where there is a real one.

It may hang (a locked session bus), ask the person for a password, or raise whatever its backend likes: each call runs in a thread
of its own with a time limit, and never on the window's thread.  After one call that did not come back no other is made.

Nothing here logs a secret or a message of a backend, which may repeat one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE: Final = "Atajo"
"""What the system's own screens call our entries."""

PATIENCE: Final = 15.0
"""Seconds for one call: somebody may have to type a password to open the store."""

_ENOUGH: Final = 1.0
"""``keyring`` gives a backend that may be recommended a priority of 1 or more; plain text files have less."""

_NEVER: Final = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")
"""Backends that lose secrets, or keep them for everybody to read, whatever priority they claim."""

T = TypeVar("T")

log = logging.getLogger("atajo.keychain")


class Keychain:
    """The system's store.  Every method returns at once, or within ``patience`` seconds."""

    def __init__(self, patience: float = PATIENCE) -> None:
        """Ask nothing yet."""
        self._patience = patience
        self._hung = False

    def keep(self, name: str, secret: str) -> bool:
        """Keep a secret; False where it is not certain that it can be read again."""

        def put(backend: KeyringBackend) -> bool:
            backend.set_password(SERVICE, name, secret)
            return backend.get_password(SERVICE, name) == secret  # some cut what is long, and say nothing

        return self._call(put) is True

    def read(self, name: str) -> str | None:
        """Return a secret, or None: not there, locked, or no store at all."""
        found = self._call(lambda backend: backend.get_password(SERVICE, name))
        return found if isinstance(found, str) else None

    def forget(self, name: str) -> bool:
        """Remove a secret; False where it may still be there."""

        def drop(backend: KeyringBackend) -> bool:
            if backend.get_password(SERVICE, name) is not None:
                backend.delete_password(SERVICE, name)
            return True

        return self._call(drop) is True

    def _call(self, use: Callable[[KeyringBackend], T]) -> T | None:
        """Return what ``use`` makes of the store, or None: there is none, it failed, or it did not come back."""
        if self._hung:
            return None
        import asyncio

        return asyncio.run(self._within_patience(lambda: _with_backend(use)))

    async def _within_patience(self, work: Callable[[], T | None]) -> T | None:
        import asyncio

        from diagnostics.daemon import daemon_call

        task = asyncio.get_running_loop().create_task(daemon_call(work))
        await asyncio.wait([task], timeout=self._patience)
        if not task.done():
            self._hung = True
            task.cancel()
            await asyncio.wait([task])
            log.info("the system's store of secrets does not answer")
            return None
        error = task.exception()
        if error is not None:
            log.info("the system's store of secrets failed: %s", type(error).__name__)
            return None
        return task.result()


def _with_backend(use: Callable[[KeyringBackend], T]) -> T | None:
    import keyring  # looks for backends on the session bus: it may take a while

    backend = _real(keyring.get_keyring())
    return None if backend is None else use(backend)


def _real(backend: KeyringBackend) -> KeyringBackend | None:
    """Return the backend, or the first good one of a chain, if it keeps secrets from others."""
    chained = getattr(backend, "backends", None)
    members = list(chained) if isinstance(chained, list | tuple) else [backend]
    return next((each for each in members if each.priority >= _ENOUGH and not type(each).__module__.startswith(_NEVER)), None)
