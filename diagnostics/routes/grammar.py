"""The links in which proxies are shared: from text to ``Link`` and back; pure.

Every part is checked before anything is dialled.  What is wrong is said in one sentence that names the part and repeats nothing
that could be secret.  Accounts with a scheme of their own are in ``accounts.py``.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

import msgspec

from diagnostics.routes.accounts import ACCOUNTS, FORMATS
from diagnostics.routes.link import NO_SECRET, Kind, Link, LinkError, Secret
from diagnostics.routes.parts import (
    Parts,
    checked,
    clean_name,
    credential,
    host_of,
    name_text,
    percent_decoded,
    place_of,
    place_text,
    port_of,
    quoted,
)

MAX_LINK: Final = 8 * 1024
PLAIN_SCHEMES: Final = {
    "http": Kind.HTTP,
    "https": Kind.HTTPS,
    "socks4": Kind.SOCKS4,
    "socks4a": Kind.SOCKS4A,
    "socks": Kind.SOCKS5H,  # people who write it mean "a SOCKS proxy": asked with names, it does not leak them
    "socks5": Kind.SOCKS5,
    "socks5h": Kind.SOCKS5H,
}
CHAINABLE: Final = frozenset(
    {
        *(Kind.HTTP, Kind.HTTPS, Kind.SOCKS4, Kind.SOCKS4A, Kind.SOCKS5, Kind.SOCKS5H),
        *(Kind.SHADOWSOCKS, Kind.TROJAN, Kind.VLESS, Kind.VMESS),
    }
)
"""Kinds that carry a stream and are spoken over one."""

_SCHEME: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]{0,31}):")


def parse_link(text: str) -> Link:
    """Return the proxy that a link or address leads to, or the chain of ``FIRST|SECOND``.  Raises LinkError with one sentence."""
    text = text.strip().strip("<>\"'«»“”").replace("&amp;", "&")  # copied out of a page's source, as messengers do
    if not text:
        raise LinkError("link.empty")
    if len(text) > MAX_LINK:
        raise LinkError("link.too_long", kib=MAX_LINK // 1024)
    checked(text)
    if any(c.isspace() for c in text.partition("#")[0]):
        raise LinkError("link.spaces")
    first, bar, rest = text.partition("|")
    if bar and "#" not in first and _SCHEME.match(rest):  # behind a # it belongs to a name
        return _chain(parse_link(first), parse_link(rest))
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found and text[found.end() :].startswith("//") else ""
    if scheme in ACCOUNTS:
        return ACCOUNTS[scheme](text)
    if scheme in ("http", "https") and (app := _app_link(text)):
        return app
    if scheme in PLAIN_SCHEMES:
        return _plain(text, PLAIN_SCHEMES[scheme])
    if scheme:
        raise LinkError("link.scheme", scheme=scheme[:20])
    return _address(text)


def _chain(first: Link, second: Link) -> Link:
    """Return the proxy ``second`` as it is reached through ``first``."""
    if second.first is not None:
        raise LinkError("link.chain_length")
    for link in (first, second):
        if link.kind not in CHAINABLE:
            raise LinkError("link.chain_kind")
    return msgspec.structs.replace(second, first=first)


def _app_link(text: str) -> Link | None:
    """Return the proxy of a page address that an app answers to (t.me/proxy, signal.tube), or None."""
    try:
        split = urlsplit(text)
        host = (split.hostname or "").lower().removeprefix("www.")
    except ValueError:
        return None
    if host in ("t.me", "telegram.me", "telegram.dog") and split.path.strip("/") in ("proxy", "socks"):
        return ACCOUNTS["tg"](f"tg://{split.path.strip('/')}?{split.query}")
    if host == "signal.tube":
        return ACCOUNTS["sgnl"](text)
    if host == "wa.me" and split.path.strip("/") == "proxy":
        return ACCOUNTS["whatsapp"](text)
    return None


def _plain(text: str, kind: Kind) -> Link:
    parts = Parts(text, kind)
    host, port = parts.place()
    if parts.path.strip("/") or parts.query:
        raise LinkError("link.page")  # the address of a page, not of a proxy
    user, password = _login(parts.userinfo)
    if kind in (Kind.SOCKS4, Kind.SOCKS4A) and password:
        raise LinkError("link.socks4_password")
    return Link(kind=kind, host=host, port=port, user=user, secret=password, name=parts.name)


def _login(userinfo: str | None) -> tuple[Secret, Secret]:
    if userinfo is None:
        return NO_SECRET, NO_SECRET
    user, _, password = userinfo.partition(":")
    return credential(percent_decoded(user)), credential(percent_decoded(password))


def _address(text: str) -> Link:
    """Return the proxy of ``host:port``, ``user:password@host:port`` or ``host:port:user:password``, whatever it speaks."""
    address, _, name = text.partition("#")
    userinfo, at, where = address.rpartition("@")
    if not at and not where.startswith("[") and where.count(":") >= 3 and not _is_six(where):
        name_typed, port_typed, user, password = where.split(":", 3)
        login = (credential(user), credential(password))
        return Link(kind=Kind.AUTO, host=host_of(name_typed), port=port_of(port_typed, Kind.AUTO), user=login[0], secret=login[1])
    if "/" in where or "?" in where:
        raise LinkError("link.not_a_proxy")
    host, port = place_of(where, Kind.AUTO)
    user_secret, password_secret = _login(userinfo if at else None)
    return Link(kind=Kind.AUTO, host=host, port=port, user=user_secret, secret=password_secret, name=clean_name(percent_decoded(name)))


def _is_six(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def format_link(link: Link) -> str:
    """Return the link as text, with its secrets: for the person alone.  ``parse_link`` gives the same ``Link`` again."""
    if link.first is not None:
        return f"{format_link(link.first)}|{format_link(msgspec.structs.replace(link, first=None))}"
    if link.kind in FORMATS:
        return FORMATS[link.kind](link)
    scheme = "" if link.kind is Kind.AUTO else f"{link.kind}://"
    login = ""
    if link.user or link.secret:
        login = quoted(link.user.reveal()) + (f":{quoted(link.secret.reveal())}" if link.secret else "") + "@"
    return f"{scheme}{login}{place_text(link)}{name_text(link)}"
