"""Links of accounts and of apps' own proxies, each from text to ``Link`` and back; pure.

Sources: SIP002 and SIP022 (Shadowsocks), Trojan's and Xray's share links, v2rayN's vmess JSON, hysteria.network (hysteria2://),
core.telegram.org (tg://proxy, tg://socks), Signal-TLS-Proxy's README, developers.google.com/outline; checked 2026-11.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from diagnostics.routes.link import Kind, Link, LinkError, Secret
from diagnostics.routes.parts import (
    Parts,
    base64_decoded,
    base64_encoded,
    base64_text,
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
    uuid_of,
)

KEY_SIZES: Final = {
    "aes-128-gcm": 16,
    "aes-192-gcm": 24,
    "aes-256-gcm": 32,
    "chacha20-ietf-poly1305": 32,
    "2022-blake3-aes-128-gcm": 16,
    "2022-blake3-aes-256-gcm": 32,
    "2022-blake3-chacha20-poly1305": 32,
}
"""Shadowsocks ciphers and the bytes of their keys (SIP004, SIP022); older ones without authentication are refused."""

_ALIASES: Final = {"chacha20-poly1305": "chacha20-ietf-poly1305", "aead_aes_256_gcm": "aes-256-gcm", "aead_aes_128_gcm": "aes-128-gcm"}
_HEX: Final = re.compile(r"^[0-9a-f]+$", re.IGNORECASE)
_STREAM_OPTIONS: Final = ("type", "security", "sni", "host", "path", "flow", "pbk", "sid", "fp", "alpn", "serviceName", "headerType")
MAX_VMESS: Final = 16 * 1024
_SECRET_BYTES: Final = 16


def _shadowsocks(text: str) -> Link:
    body = text.partition("://")[2]
    if "@" not in body.partition("#")[0]:  # the old form hides everything in base64
        coded, _, name = body.partition("#")
        text = f"ss://{base64_text(coded.partition('?')[0].rstrip('/'), 'link')}" + (f"#{name}" if name else "")
        method, colon, rest = text.partition("://")[2].partition(":")
        password, at, where = rest.partition("#")[0].rpartition("@")
        if not colon or not at:
            raise LinkError("link.no_method")
        host, port = place_of(where, Kind.SHADOWSOCKS)
        return shadowsocks_link(method, password, host, port, clean_name(percent_decoded(name)))
    parts = Parts(text, Kind.SHADOWSOCKS)
    host, port = parts.place()
    userinfo = percent_decoded(parts.userinfo or "")
    if ":" not in userinfo:
        userinfo = base64_text(userinfo, "password")
    method, colon, password = userinfo.partition(":")
    if not colon:
        raise LinkError("link.no_method")
    plugin = parts.option("plugin")
    if plugin:
        raise LinkError("link.plugin", plugin=clean_name(plugin.partition(";")[0])[:30])
    options = parts.options("outline")
    if parts.option("prefix"):  # the first bytes on the wire, which may be anything
        options["prefix"] = Secret(parts.option("prefix"))
    return shadowsocks_link(method, password, host, port, parts.name, options)


def shadowsocks_link(method: str, password: str, host: str, port: int, name: str = "", options: Mapping[str, Secret] | None = None) -> Link:
    """Return a Shadowsocks account.  Raises LinkError for a cipher, key or prefix that cannot be used."""
    method = method.lower()
    method = _ALIASES.get(method, method)
    if method not in KEY_SIZES:
        raise LinkError("link.method", method=clean_name(method)[:30])
    if not password:
        raise LinkError("link.no_password")
    if method.startswith("2022-"):
        keys = [base64_decoded(each, "password") for each in password.split(":")]
        if any(len(key) != KEY_SIZES[method] for key in keys):
            raise LinkError("link.key_size", size=KEY_SIZES[method])
    prefix = (options or {}).get("prefix")
    if prefix and any(ord(c) > 0xFF for c in prefix.reveal()):
        raise LinkError("link.prefix")
    if prefix and len(prefix.reveal()) > KEY_SIZES[method]:
        raise LinkError("link.prefix")
    secret = Secret(checked(password))
    return Link(kind=Kind.SHADOWSOCKS, host=host, port=port, method=method, secret=secret, name=name, options=options or {})


def _format_shadowsocks(link: Link) -> str:
    login = f"{link.method}:{link.secret.reveal()}"
    coded = f"{link.method}:{quoted(link.secret.reveal())}" if link.method.startswith("2022-") else base64_encoded(login.encode())
    query = _query({key: link.option(key) for key in ("outline", "prefix")})
    return f"ss://{coded}@{place_text(link)}{'/' + query if query else ''}{name_text(link)}"


def _outline(text: str) -> Link:
    parts = Parts(text, Kind.OUTLINE)
    host, port = parts.place()
    if parts.userinfo is not None:
        raise LinkError("link.userinfo")
    query = text.partition("?")[2].partition("#")[0]
    return Link(
        kind=Kind.OUTLINE,
        host=host,
        port=port,
        secret=Secret(checked((parts.path or "/") + (f"?{query}" if query else ""))),
        name=parts.name,
    )


def _format_outline(link: Link) -> str:
    return f"ssconf://{place_text(link)}{link.secret.reveal()}{name_text(link)}"


def _with_secret(text: str, kind: Kind) -> Link:
    """Return trojan://, hysteria2:// and tuic:// accounts: what stands before the @ is the password."""
    parts = Parts(text, kind)
    host, port = parts.place()
    user, _, password = (parts.userinfo or "").partition(":")
    secret = percent_decoded(parts.userinfo or "")
    options = parts.options(*_STREAM_OPTIONS, "obfs", "obfs-password", "congestion_control")
    if not secret:
        raise LinkError("link.no_password")
    if kind is Kind.TUIC:
        login = credential(percent_decoded(password))
        return Link(
            kind=kind, host=host, port=port, user=uuid_of(user), secret=login, options=options, name=parts.name, insecure=parts.insecure
        )
    if parts.option("peer"):
        options.setdefault("sni", Secret(checked(parts.option("peer"))))
    return Link(kind=kind, host=host, port=port, secret=Secret(secret), options=options, name=parts.name, insecure=parts.insecure)


def _format_with_secret(link: Link) -> str:
    login = (f"{link.user.reveal()}:" if link.user else "") + quoted(link.secret.reveal())
    return f"{link.kind}://{login}@{place_text(link)}{_query(_shown(link))}{name_text(link)}"


def _vless(text: str) -> Link:
    parts = Parts(text, Kind.VLESS)
    host, port = parts.place()
    if parts.option("encryption") not in ("", "none"):
        raise LinkError("link.encryption")
    return Link(
        kind=Kind.VLESS,
        host=host,
        port=port,
        secret=uuid_of(percent_decoded(parts.userinfo or "")),
        options=parts.options(*_STREAM_OPTIONS),
        name=parts.name,
        insecure=parts.insecure,
    )


def _vmess(text: str) -> Link:
    body = text.partition("://")[2].partition("#")[0].rstrip("/")
    if len(body) > MAX_VMESS:
        raise LinkError("link.too_long", kib=MAX_VMESS // 1024)
    try:
        found = json.loads(base64_text(body, "link"))
    except (ValueError, RecursionError):
        raise LinkError("link.json") from None
    if not isinstance(found, dict):
        raise LinkError("link.json")

    def value(key: str) -> str:
        each = found.get(key)
        return checked(str(each)) if isinstance(each, str | int) and not isinstance(each, bool) else ""

    if value("aid") not in ("", "0"):
        raise LinkError("link.alter_id")
    names = {"net": "type", "tls": "security", "sni": "sni", "host": "host", "path": "path", "scy": "scy", "fp": "fp", "alpn": "alpn"}
    options = {ours: Secret(value(theirs)) for theirs, ours in names.items() if value(theirs)}
    if value("type") not in ("", "none"):  # a disguise inside plain TCP, not the transport
        options["headerType"] = Secret(value("type"))
    return Link(
        kind=Kind.VMESS,
        host=host_of(value("add")),
        port=port_of(value("port"), Kind.VMESS),
        secret=uuid_of(value("id")),
        options=options,
        name=clean_name(value("ps")),
        insecure=value("allowInsecure").lower() in ("1", "true"),
    )


def _format_vmess(link: Link) -> str:
    back = {"type": "net", "security": "tls", "headerType": "type"}
    found: dict[str, Any] = {"v": "2", "ps": link.name, "add": link.host, "port": str(link.port), "id": link.secret.reveal(), "aid": "0"}
    found |= {back.get(key, key): secret.reveal() for key, secret in link.options.items()}
    found |= {"allowInsecure": "1"} if link.insecure else {}
    return f"vmess://{base64_encoded(json.dumps(found, ensure_ascii=False).encode())}"


def _telegram(text: str) -> Link:
    parts = Parts(text, Kind.MTPROTO)
    what = (parts.where or parts.path).strip("/").lower()
    if what not in ("proxy", "socks"):
        raise LinkError("link.telegram")
    host = host_of(parts.option("server"))
    port = port_of(parts.option("port"), Kind.MTPROTO)
    if what == "socks":
        user, password = credential(parts.option("user")), credential(parts.option("pass"))
        return Link(kind=Kind.SOCKS5H, host=host, port=port, user=user, secret=password)
    return Link(kind=Kind.MTPROTO, host=host, port=port, secret=Secret(_telegram_secret(parts.option("secret")).hex()))


def _telegram_secret(text: str) -> bytes:
    """Return a secret: 16 bytes, or dd and 16 bytes (padded), or ee, 16 bytes and the name of the site it poses as."""
    if not text:
        raise LinkError("link.no_secret")
    found = bytes.fromhex(text) if _HEX.match(text) and len(text) % 2 == 0 else base64_decoded(text, "secret")
    if len(found) == _SECRET_BYTES:
        return found
    if len(found) == _SECRET_BYTES + 1 and found[0] == 0xDD:
        return found
    if len(found) > _SECRET_BYTES + 1 and found[0] == 0xEE:
        try:
            host_of(found[_SECRET_BYTES + 1 :].decode("ascii"))
        except (UnicodeDecodeError, LinkError):
            raise LinkError("link.secret_name") from None
        return found
    raise LinkError("link.secret_size")


def _format_telegram(link: Link) -> str:
    return f"tg://proxy?{urlencode({'server': link.host, 'port': link.port, 'secret': link.secret.reveal()})}"


def _signal(text: str) -> Link:
    where = checked(text.partition("#")[2])
    host, port = place_of(where, Kind.SIGNAL)
    return Link(kind=Kind.SIGNAL, host=host, port=port)


def _format_signal(link: Link) -> str:
    return f"https://signal.tube/#{link.host if link.port == 443 and ':' not in link.host else place_text(link)}"


def _whatsapp(text: str) -> Link:
    """Return WhatsApp's proxy: ``whatsapp://host[:port]?media=587``, or the address that the app shares (unverified, 2026-11)."""
    parts = Parts(text, Kind.WHATSAPP)
    shared = text.lower().startswith(("http://", "https://"))
    host, port = (host_of(parts.option("host")), port_of(parts.option("chatport"), Kind.WHATSAPP)) if shared else parts.place()
    media = parts.option("mediaport", "media")
    if media:
        port_of(media, Kind.WHATSAPP)
    return Link(kind=Kind.WHATSAPP, host=host, port=port, options={"media": Secret(media)} if media else {}, name=parts.name)


def _format_whatsapp(link: Link) -> str:
    return f"whatsapp://{place_text(link)}{_query({'media': link.option('media')})}{name_text(link)}"


def _shown(link: Link) -> dict[str, str]:
    return {key: secret.reveal() for key, secret in link.options.items()} | ({"allowInsecure": "1"} if link.insecure else {})


def _query(options: Mapping[str, str]) -> str:
    found = {key: value for key, value in options.items() if value}
    return f"?{urlencode(found)}" if found else ""


def _format_vless(link: Link) -> str:
    return f"vless://{link.secret.reveal()}@{place_text(link)}{_query(_shown(link))}{name_text(link)}"


ACCOUNTS: Final[dict[str, Callable[[str], Link]]] = {
    "ss": _shadowsocks,
    "ssconf": _outline,
    "trojan": lambda text: _with_secret(text, Kind.TROJAN),
    "hysteria2": lambda text: _with_secret(text, Kind.HYSTERIA2),
    "hy2": lambda text: _with_secret(text, Kind.HYSTERIA2),
    "tuic": lambda text: _with_secret(text, Kind.TUIC),
    "vless": _vless,
    "vmess": _vmess,
    "tg": _telegram,
    "sgnl": _signal,
    "whatsapp": _whatsapp,
}
"""By the scheme of the link."""

FORMATS: Final[dict[Kind, Callable[[Link], str]]] = {
    Kind.SHADOWSOCKS: _format_shadowsocks,
    Kind.OUTLINE: _format_outline,
    Kind.TROJAN: _format_with_secret,
    Kind.HYSTERIA2: _format_with_secret,
    Kind.TUIC: _format_with_secret,
    Kind.VLESS: _format_vless,
    Kind.VMESS: _format_vmess,
    Kind.MTPROTO: _format_telegram,
    Kind.SIGNAL: _format_signal,
    Kind.WHATSAPP: _format_whatsapp,
}
