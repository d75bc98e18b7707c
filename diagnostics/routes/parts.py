"""What all links have in common: places, credentials and names, each checked by itself; pure."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit

from diagnostics.plan import ascii_host
from diagnostics.routes.link import Kind, Link, LinkError, Secret

MAX_NAME: Final = 80
MAX_OPTIONS: Final = 64
MAX_CREDENTIAL: Final = 255
"""Bytes of a user name or a password: more does not fit into SOCKS5's one byte of length (RFC 1929)."""

USUAL_PORTS: Final = {
    Kind.HTTP: 8080,
    Kind.HTTPS: 443,
    Kind.SOCKS4: 1080,
    Kind.SOCKS4A: 1080,
    Kind.SOCKS5: 1080,
    Kind.SOCKS5H: 1080,
    Kind.SIGNAL: 443,
    Kind.WHATSAPP: 443,
    Kind.OUTLINE: 443,
    Kind.TROJAN: 443,
    Kind.HYSTERIA2: 443,
    Kind.TUIC: 443,
}
_ONE_LABEL: Final = re.compile(r"^(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$", re.IGNORECASE)
_UUID: Final = re.compile(r"^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$", re.IGNORECASE)
_INSECURE: Final = ("insecure", "allowinsecure", "allow_insecure", "skip-cert-verify")
_TRUE: Final = ("1", "true", "yes")


class Parts:
    """A link taken apart, with errors that name the part."""

    def __init__(self, text: str, kind: Kind) -> None:
        """Split ``scheme://user:secret@host:port/path?query#name``.  Raises LinkError."""
        self.kind = kind
        try:
            split = urlsplit(text)
        except ValueError:
            raise LinkError("link.host") from None
        userinfo, at, where = split.netloc.rpartition("@")
        self.userinfo = userinfo if at else None
        self.where = where
        self.path = split.path
        try:
            self.query = dict(parse_qsl(split.query, keep_blank_values=True, max_num_fields=MAX_OPTIONS)) if split.query else {}
        except ValueError:
            raise LinkError("link.options") from None
        self.name = clean_name(percent_decoded(split.fragment))

    def place(self) -> tuple[str, int]:
        """Return host and port.  Raises LinkError."""
        return place_of(self.where, self.kind)

    def option(self, *keys: str) -> str:
        """Return the first option that is there; keys are compared without regard to capitals."""
        lower = {key.lower(): value for key, value in self.query.items()}
        return next((lower[key] for key in keys if key in lower), "")

    @property
    def insecure(self) -> bool:
        """Tell whether the link asks not to check the proxy's identity."""
        return self.option(*_INSECURE).lower() in _TRUE

    def options(self, *keys: str) -> dict[str, Secret]:
        """Return the options of these names that are there."""
        return {key: Secret(value) for key in keys if (value := checked(self.option(key.lower())))}


def place_of(where: str, kind: Kind) -> tuple[str, int]:
    """Return host and port of ``host:port``, IPv6 in brackets.  Raises LinkError."""
    if where.startswith("["):
        host, bracket, rest = where[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise LinkError("link.host")
        port = rest[1:]
        if ":" not in host:
            raise LinkError("link.host")
    else:
        host, colon, port = where.rpartition(":")
        if not colon:
            host, port = where, ""
        if ":" in host:
            raise LinkError("link.brackets")
    return host_of(host), port_of(port, kind)


def host_of(text: str) -> str:
    """Return a host as it goes on the wire.  Raises LinkError for none, and for names that mix alphabets to look like another."""
    host = percent_decoded(text).strip()
    if not host:
        raise LinkError("link.no_host")
    if not host.isascii() and _mixes_alphabets(host):
        raise LinkError("link.lookalike")
    found = ascii_host(host) or (host.lower() if _ONE_LABEL.match(host) else None)  # companies call theirs "proxy"
    if found is None:
        raise LinkError("link.host")
    return found


def _mixes_alphabets(host: str) -> bool:
    """Tell whether one label of a name has letters of several alphabets: what a homograph needs."""
    for label in host.split("."):
        scripts = {unicodedata.name(c, "?").split()[0] for c in label if c.isalpha()}
        if len(scripts) > 1:
            return True
    return False


def port_of(text: str, kind: Kind) -> int:
    """Return a port, the kind's usual one if none is given.  Raises LinkError."""
    if not text:
        if kind not in USUAL_PORTS:
            raise LinkError("link.no_port")
        return USUAL_PORTS[kind]
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise LinkError("link.port")
    return int(text)


def percent_decoded(text: str) -> str:
    """Decode percent signs once.  Raises LinkError for bytes that are no text."""
    try:
        return checked(unquote_to_bytes(text).decode("utf-8"))
    except UnicodeDecodeError:
        raise LinkError("link.bytes") from None


def checked(text: str) -> str:
    """Return a text without control characters: they would change what is sent.  Raises LinkError."""
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise LinkError("link.control")
    return text


def credential(text: str) -> Secret:
    """Return a user name or password.  Raises LinkError if it is too long for any protocol."""
    if len(text.encode()) > MAX_CREDENTIAL:
        raise LinkError("link.long_credential")
    return Secret(checked(text))


def clean_name(text: str) -> str:
    """Return what the sender called the proxy, in one short line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_NAME]


def uuid_of(text: str) -> Secret:
    """Return a UUID in its usual form.  Raises LinkError."""
    if not _UUID.match(text):
        raise LinkError("link.uuid")
    digits = text.replace("-", "").lower()
    return Secret("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))


def base64_decoded(text: str, part: str) -> bytes:
    """Decode base64 of either alphabet, with or without padding.  Raises LinkError."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise LinkError(f"link.base64.{part}") from None


def base64_text(text: str, part: str) -> str:
    """Decode base64 of a text.  Raises LinkError."""
    try:
        return checked(base64_decoded(text, part).decode("utf-8"))
    except UnicodeDecodeError:
        raise LinkError(f"link.base64.{part}") from None


def base64_encoded(data: bytes) -> str:
    """Encode for a link: the alphabet of addresses, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def place_text(link: Link) -> str:
    """Return ``host:port``."""
    return f"[{link.host}]:{link.port}" if ":" in link.host else f"{link.host}:{link.port}"


def name_text(link: Link) -> str:
    """Return the name behind its mark, or nothing."""
    return f"#{quoted(link.name)}" if link.name else ""


def quoted(text: str) -> str:
    """Quote everything that could end a part of a link."""
    return quote(text, safe="")


def wire_path(text: str) -> str:
    """Return a path and query as a request line may have them: what is not allowed there in percent signs, once."""
    return quote(text if text.startswith("/") else f"/{text}", safe="/?&=%:@!$'()*+,;~-._[]")
