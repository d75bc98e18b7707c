"""A bundle that only its receiver can open: age encryption (C2SP age-encryption.org/v1), to a public key or by a passphrase.

The library is the Rust implementation of age; nothing of the cryptography is ours.  Who has the file without the key learns its
size and that Atajo's help line may be meant, nothing else.  A passphrase is slow to guess by design: about a second a try.
"""

from __future__ import annotations

from typing import Final

from diagnostics.errors import InputError

MAGIC: Final = b"age-encryption.org/v1\n"
SHORTEST: Final = 12
"""Characters of a passphrase; shorter ones can be guessed by who keeps the file."""

MAX_KEYS: Final = 20
"""Identities that are tried on one file."""

_IDENTITY: Final = "AGE-SECRET-KEY-1"


def is_sealed(start: bytes) -> bool:
    """Tell whether a file that begins so is encrypted in this format."""
    return start.startswith(MAGIC)


def seal_to(content: bytes, recipient: str) -> bytes:
    """Return ``content`` so that only the holder of the key behind ``recipient`` (``age1...``) reads it.

    Raises InputError("error.recipient") for what is no public key.
    """
    import pyrage

    try:
        return bytes(pyrage.encrypt(content, [pyrage.x25519.Recipient.from_str(recipient.strip())]))
    except pyrage.RecipientError as error:
        raise InputError("error.recipient") from error


def seal_by(content: bytes, passphrase: str) -> bytes:
    """Return ``content`` encrypted by a passphrase.  Raises InputError("error.passphrase_short", least)."""
    import pyrage

    if len(passphrase) < SHORTEST:
        raise InputError("error.passphrase_short", least=SHORTEST)
    return bytes(pyrage.passphrase.encrypt(content, passphrase))


def open_with(content: bytes, keys: str, name: str) -> bytes:
    """Return what is in a sealed file by the secret keys in ``keys``, the text of an age identity file.

    Raises InputError: ``error.identity`` (no key in it), ``error.seal_shut`` (file).
    """
    import pyrage

    lines = [line.strip() for line in keys.splitlines() if line.strip().startswith(_IDENTITY)][:MAX_KEYS]
    identities = []
    for line in lines:
        try:
            identities.append(pyrage.x25519.Identity.from_str(line))
        except pyrage.IdentityError:
            continue
    if not identities:
        raise InputError("error.identity")
    try:
        return bytes(pyrage.decrypt(content, identities))
    except pyrage.DecryptError as error:
        raise InputError("error.seal_shut", file=name) from error


def open_by(content: bytes, passphrase: str, name: str) -> bytes:
    """Return what is in a sealed file by its passphrase; a file that asks for very long work is not worked on.

    Raises InputError("error.seal_shut", file).
    """
    import pyrage

    try:
        return bytes(pyrage.passphrase.decrypt(content, passphrase))
    except pyrage.DecryptError as error:
        raise InputError("error.seal_shut", file=name) from error
