"""What the page behind an Outline key (``ssconf://``) may hold: a link, JSON or YAML; pure.

Source: developers.google.com/outline, "dynamic access keys" and "configuration"; checked 2026-11.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from diagnostics.routes.accounts import ACCOUNTS, shadowsocks_link
from diagnostics.routes.link import Kind, Link, LinkError, Secret
from diagnostics.routes.parts import checked, host_of, place_of, port_of
from diagnostics.routes.tunnel import BAD_REPLY, NOT_SUPPORTED, ProxyRefusal

MAX_PAGE: Final = 64 * 1024
MAX_LINE: Final = 8 * 1024
MAX_DEPTH: Final = 6
"""Transports that may lie inside each other; real keys have two."""

_SHADOWSOCKS: Final = "shadowsocks"
_BOTH: Final = "tcpudp"


def account_of(page: bytes) -> Link:
    """Return the Shadowsocks account of a page.  Raises ProxyRefusal: BAD_REPLY for none, NOT_SUPPORTED for another transport."""
    try:
        text = page.decode("utf-8").strip().removeprefix("\ufeff")
        return _link(text) if text.startswith("ss://") else _transport(_parsed(text), MAX_DEPTH)
    except (UnicodeDecodeError, LinkError):
        raise ProxyRefusal(BAD_REPLY, "no key on the page") from None


def _link(text: str) -> Link:
    line = text.split(maxsplit=1)[0]
    if len(line) > MAX_LINE:
        raise ProxyRefusal(BAD_REPLY, "an endless link")
    return ACCOUNTS["ss"](checked(line))


def _parsed(text: str) -> object:
    import yaml

    try:
        return json.loads(text) if text.startswith("{") else yaml.safe_load(text)
    except (ValueError, RecursionError, OverflowError, TypeError, yaml.YAMLError):  # YAML's dates and numbers raise in many ways
        raise ProxyRefusal(BAD_REPLY, "neither link nor JSON nor YAML") from None


def _transport(found: object, depth: int) -> Link:
    """Return the account in a configuration, or in the transport for TCP of one."""
    if isinstance(found, str) and found.startswith("ss://"):
        return _link(found)
    if not isinstance(found, Mapping) or depth == 0:
        raise ProxyRefusal(BAD_REPLY, "no configuration")
    kind = found.get("$type", "")
    if "transport" in found:
        return _transport(found["transport"], depth - 1)
    if kind == _BOTH:
        return _transport(found.get("tcp"), depth - 1)
    if kind not in ("", _SHADOWSOCKS):
        raise ProxyRefusal(NOT_SUPPORTED, "another transport than Shadowsocks")
    return _account(found)


def _account(found: Mapping[Any, Any]) -> Link:
    """Return the account of the old form (server, server_port, method, password) or of the new one (endpoint, cipher, secret)."""

    def value(*keys: str) -> str:
        each = next((found[key] for key in keys if key in found), "")
        return str(each) if isinstance(each, str | int) and not isinstance(each, bool) else ""

    if isinstance(found.get("endpoint"), Mapping):
        raise ProxyRefusal(NOT_SUPPORTED, "an endpoint that is reached in another way")
    if "endpoint" in found:
        host, port = place_of(value("endpoint"), Kind.SHADOWSOCKS)
    else:
        host, port = host_of(value("server")), port_of(value("server_port"), Kind.SHADOWSOCKS)
    prefix = value("prefix")
    options = {"prefix": Secret(prefix)} if prefix else {}
    return shadowsocks_link(value("method", "cipher"), value("password", "secret"), host, port, options=options)
