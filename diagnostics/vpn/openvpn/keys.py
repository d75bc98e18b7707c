"""The keys of OpenVPN's files: static keys of 2048 bits, and those of one client that carry a part only the server can read."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from diagnostics.vpn.profile import ProfileError

KEY_BYTES: Final = 256
"""A static key: two pairs of 64 bytes for encryption and 64 for authentication (OpenVPN's crypto.h, ``struct key2``)."""

LEAST_WRAPPED: Final = 256 + 32 + 2
MOST_WRAPPED: Final = 1024
"""Bytes of the part that only the server can read: a tag of 32, the key itself and a length of 2, and up to 733 of metadata
(tls_crypt.h, ``TLS_CRYPT_V2_MAX_WKC_LEN``)."""

MOST_PARTS: Final = 64
"""PEM parts of one block that are looked at; chains have a handful."""

_STATIC: Final = "OpenVPN Static key V1"
_CLIENT: Final = "OpenVPN tls-crypt-v2 client key"


def static_key(text: str, name: str) -> bytes:
    """Return a static key.  Raises ProfileError, which names the option alone."""
    try:
        key = bytes.fromhex("".join(_inside(text, _STATIC, name).split()))
    except ValueError:
        raise ProfileError("vpn.profile.ovpn.bad_key", key=name) from None
    if len(key) != KEY_BYTES:
        raise ProfileError("vpn.profile.ovpn.key_length", key=name)
    return key


def client_key(text: str) -> tuple[bytes, bytes]:
    """Return the key of a ``tls-crypt-v2`` client, and what is sent along for the server.  Raises ProfileError."""
    name = "tls-crypt-v2"
    try:
        data = base64.b64decode("".join(_inside(text, _CLIENT, name).split()), validate=True)
    except (binascii.Error, ValueError):
        raise ProfileError("vpn.profile.ovpn.bad_key", key=name) from None
    key, wrapped = data[:KEY_BYTES], data[KEY_BYTES:]
    told = int.from_bytes(wrapped[-2:], "big")
    if not LEAST_WRAPPED <= len(wrapped) <= MOST_WRAPPED or told != len(wrapped):
        raise ProfileError("vpn.profile.ovpn.key_length", key=name)
    return key, wrapped


def pem_parts(text: str) -> list[tuple[str, str]]:
    """Return what each PEM part of a text is called, and the part whole; found without going over anything twice."""
    found: list[tuple[str, str]] = []
    at = text.find("-----BEGIN ")
    while at >= 0 and len(found) < MOST_PARTS:
        label = text[at + 11 : at + 64].partition("-----")[0]
        close = f"-----END {label}-----"
        end = text.find(close, at)
        if end < 0:
            break
        found.append((label, text[at : end + len(close)] + "\n"))
        at = text.find("-----BEGIN ", end)
    return found


def _inside(text: str, label: str, name: str) -> str:
    """Return what stands between the first and the last line of a key."""
    head, tail = f"-----BEGIN {label}-----", f"-----END {label}-----"
    begin = text.find(head)
    end = text.find(tail, begin)
    if begin < 0 or end < 0 or not text[begin:end].isascii():
        raise ProfileError("vpn.profile.ovpn.bad_key", key=name)
    return text[begin + len(head) : end]
