"""Bridge lines: where a person's way into Tor begins.

Source: the ``Bridge`` option of tor's manual (``Bridge [transport] IP:ORPort [fingerprint] [key=value ...]``) and what lyrebird's obfs4
client asks for (``cert``: 20 bytes of node id and 32 of a public key in base64 without padding, ``iat-mode``: 0 to 2).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from diagnostics.routes.link import NO_SECRET, Secret
from diagnostics.vpn.profile import Note, Profile, ProfileError, Protocol, Source

CERT_BYTES: Final = 52
MOST_BRIDGES: Final = 200
MOST_WORDS: Final = 32
"""Bridges, and words of one line, that are read: people get two or three bridges, with five words."""

IAT_MODES: Final = frozenset({"0", "1", "2"})
TRANSPORTS: Final = frozenset(
    {"obfs2", "obfs3", "scramblesuit", "fte", "meek", "meek_lite", "meek-azure", "snowflake", "webtunnel", "conjure", "dnstt"}
)
"""Disguises of bridges that are known by name and not spoken here."""

_FINGERPRINT: Final = re.compile(r"\$?([0-9A-Fa-f]{40})")
_PLACE: Final = re.compile(r"(?:(?P<v4>\d{1,3}(?:\.\d{1,3}){3})|\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]):(?P<port>\d{1,5})")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_PLUGIN: Final = re.compile(r"\s*ClientTransportPlugin\s", re.IGNORECASE)


class BridgeProfile(Profile, frozen=True):
    """A bridge.

    ``fingerprint``: the SHA-1 of its RSA identity, 40 capital digits, or nothing where the line has none.  ``cert``: what proves an
    obfs4 bridge to be the right one, and lets nobody else in.
    """

    fingerprint: str = ""
    cert: Secret = NO_SECRET
    iat_mode: str = "0"

    def parts(self) -> tuple[str, ...]:
        """Return what tells this bridge from another."""
        return (*super().parts(), self.fingerprint, self.cert.reveal(), self.iat_mode)


def parse_bridge(source: Source) -> BridgeProfile:
    """Return the first bridge of a torrc or of some lines that can be tested here; the others are noted.

    Raises ProfileError: about the first line if none can be used.
    """
    found: BridgeProfile | None = None
    refused: ProfileError | None = None
    count = 0
    for words in _lines(source.text):
        count += 1
        if count > MOST_BRIDGES:
            break
        try:
            found = found or _bridge(words, source.name)
        except ProfileError as error:
            refused = refused or error
    if found is None:
        raise refused or ProfileError("vpn.bridge.none")
    return _noted(found, source.text, count)


def _noted(bridge: BridgeProfile, text: str, count: int) -> BridgeProfile:
    notes = []
    if count > 1:
        notes.append(Note(text="vpn.note.more_bridges", values={"count": str(min(count, MOST_BRIDGES) - 1)}))
    if any(_PLUGIN.match(line) for line in text.splitlines()):
        notes.append(Note(text="vpn.note.plugin_not_run"))
    if not bridge.fingerprint:
        notes.append(Note(text="vpn.note.no_fingerprint"))
    return msgspec.structs.replace(bridge, notes=tuple(notes))


def _lines(text: str) -> Iterator[list[str]]:
    """Return the words of every line that names a bridge, without the word ``Bridge``."""
    for line in text.splitlines():
        words = line.partition("#")[0].split(maxsplit=MOST_WORDS)
        named = bool(words) and words[0].lower() == "bridge"
        if named:
            words = words[1:]
            yield words
        elif words and (_PLACE.fullmatch(words[0]) or (len(words) > 1 and _PLACE.fullmatch(words[1]) and _NAME.fullmatch(words[0]))):
            yield words


def _bridge(words: list[str], name: str) -> BridgeProfile:
    if not words or len(words) > MOST_WORDS:
        raise ProfileError("vpn.bridge.address")
    transport = ""
    if not _PLACE.fullmatch(words[0]) and _NAME.fullmatch(words[0]):
        transport = words[0].lower()
        words = words[1:]
    if transport and transport != Protocol.OBFS4:
        raise _not_spoken(transport)
    host, port = _place(words)
    fingerprint, options = _fingerprint(words[1:])
    cert, iat_mode = _obfs4(options) if transport else (NO_SECRET, "0")
    return BridgeProfile(
        protocol=Protocol.OBFS4 if transport else Protocol.TOR,
        host=host,
        port=port,
        transport="tcp",
        name=name,
        fingerprint=fingerprint,
        cert=cert,
        iat_mode=iat_mode,
    )


def _not_spoken(transport: str) -> ProfileError:
    """Return the sentence about another disguise; a word that is no known one is not repeated."""
    return (
        ProfileError("vpn.bridge.transport", transport=transport)
        if transport in TRANSPORTS
        else ProfileError("vpn.bridge.unknown_transport")
    )


def _place(words: list[str]) -> tuple[str, int]:
    found = _PLACE.fullmatch(words[0]) if words else None
    if found is None:
        raise ProfileError("vpn.bridge.address")
    try:
        address = ipaddress.ip_address(found["v4"] or found["v6"])
    except ValueError:
        raise ProfileError("vpn.bridge.address") from None
    port = int(found["port"])
    if not 1 <= port <= 65535 or address.is_unspecified or address.is_multicast:
        raise ProfileError("vpn.bridge.address")
    return str(address), port


def _fingerprint(words: list[str]) -> tuple[str, list[str]]:
    """Return the fingerprint (none: nothing) and the words behind it."""
    if not words or "=" in words[0]:
        return "", words
    found = _FINGERPRINT.fullmatch(words[0])
    if found is None:
        raise ProfileError("vpn.bridge.fingerprint")
    return found[1].upper(), words[1:]


def _obfs4(words: list[str]) -> tuple[Secret, str]:
    options: dict[str, str] = {}
    for word in words:
        key, _, value = word.partition("=")
        if key in options:
            raise ProfileError("vpn.bridge.twice")
        options[key] = value
    cert, iat_mode = options.get("cert", "").rstrip("="), options.get("iat-mode", "0")
    if _bytes_of(cert) != CERT_BYTES:
        raise ProfileError("vpn.bridge.cert")
    if iat_mode not in IAT_MODES:
        raise ProfileError("vpn.bridge.iat_mode")
    return Secret(cert), iat_mode


def _bytes_of(text: str) -> int:
    """Return how many bytes a base64 text without padding holds; 0 for one that is none."""
    if len(text) > 2 * CERT_BYTES or not text.isascii():
        return 0
    try:
        return len(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError):
        return 0
