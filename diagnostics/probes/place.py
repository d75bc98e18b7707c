"""Where a step goes and what it says there."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec

from diagnostics.bogons import is_address, is_bogon

MAX_URL: Final = 2048
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
USUAL_PORTS: Final = {"https": 443, "http": 80}


class Place(msgspec.Struct, frozen=True):
    """One URL on the way of an endpoint; ``hop`` counts redirects."""

    scheme: str
    host: str
    port: int
    path: str = "/"
    hop: int = 0

    @property
    def url(self) -> str:
        """Return the URL with a port only where it is not the scheme's own."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """Return what goes into the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == USUAL_PORTS.get(self.scheme) else f"{host}:{self.port}"


class Asking(msgspec.Struct, frozen=True):
    """On whose behalf a step is made, at which address, and why."""

    address: str
    target: str | None
    purpose: str


class Greeting(msgspec.Struct, frozen=True):
    """A handshake to be made: ``name`` is said, ``host`` is the name that is being examined."""

    port: int
    name: str
    host: str
    asking: Asking


def is_onion(host: str) -> bool:
    """Tell whether a name exists only inside Tor: it is never looked up (RFC 7686), for whoever is asked would know of it."""
    return host.lower().rstrip(".").endswith(".onion")


def covers(pattern: str, host: str) -> bool:
    """Tell whether a certificate's name is for ``host``: equal, or with a star for its first label (RFC 9525, section 6.3)."""
    pattern, host = pattern.lower(), host.lower()
    return pattern == host or (pattern.startswith("*.") and "." in host and pattern[1:] == host[host.index(".") :])


def next_place(place: Place, status: int, location: str | None) -> Place | None:
    """Return where a redirect leads, or None for a page, and for anything that must not be followed.

    A redirect to a private address is not followed: a server must not make this computer talk to its own network; nor one to a name
    inside Tor, which must not be asked for.
    """
    if status not in REDIRECTS or not location or len(location) > MAX_URL:
        return None
    try:
        parts = urlsplit(urljoin(place.url, location))
        host, port = (parts.hostname or "").rstrip("."), parts.port or USUAL_PORTS.get(parts.scheme, 0)
        host = host if is_address(host) else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None
    if parts.scheme not in USUAL_PORTS or not host or not port or (is_address(host) and is_bogon(host)) or is_onion(host):
        return None
    path, query = _wire_safe(parts.path or "/"), _wire_safe(parts.query)
    return Place(parts.scheme, host, port, f"{path}?{query}" if query else path, place.hop + 1)


def _wire_safe(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isprintable() and c != " ")
