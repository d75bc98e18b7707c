"""What is personal in a URL: sign-in data, what follows the path, and all of a typed address but its host."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

_URL: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)([^\s/?#\"'<>]*)([^\s\"'<>]*)")
_URL_TYPED: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)([^\s/?#\"'<>]*)(\S*)")
"""For what was measured for a typed site, where no character ends an address: a redirect may hold quotation marks."""

_PLACEHOLDER: Final = re.compile(r"[/?](?:\[\d+\])?")


class UrlCleaner:
    """Cleans the URLs of one document, equal ones alike."""

    def __init__(self, document: Mapping[str, Any], took: Callable[[str, str], None]) -> None:
        """Read from the plan which sites were typed and which pages are the catalogue's.

        ``took`` is told what is removed and what stands there instead.
        """
        self._took = took
        self._typed_ids: set[str] = set()
        self._typed_hosts: set[str] = set()
        self._public: set[tuple[str, str]] = set()
        self._numbers: dict[str, int] = {}
        for observation in document["observations"]:
            if observation["step"] == "system" and observation["detail"].get("kind") == "plan":
                self._read_plan(observation["detail"])

    def _read_plan(self, plan: Mapping[str, Any]) -> None:
        for service in _dicts(plan.get("targets")):
            endpoints = [e for f in _dicts(service.get("functions")) for e in _dicts(f.get("endpoints"))]
            pages = {(str(e.get("host")).lower(), str(e.get("path"))) for e in endpoints}
            if service.get("kind") == "url":
                self._typed_ids.add(str(service.get("id")))
                self._typed_hosts |= {host for host, _ in pages}
            else:
                self._public |= pages
        self._public |= {(str(c.get("host")).lower(), str(c.get("path"))) for c in _dicts(plan.get("controls"))}

    def is_typed(self, target: object) -> bool:
        """Tell whether a target is a site that the person typed."""
        return target in self._typed_ids

    def path(self, path: str) -> str:
        """Return a typed site's path and query as a number that stands for them."""
        if _PLACEHOLDER.fullmatch(path) or not path:
            return path
        return f"/{self._number(path)}"

    def _number(self, what: str) -> str:
        """Return what stands for a path or a query: the same for the same, so that redirects can still be compared."""
        shown = f"[{self._numbers.setdefault(what, len(self._numbers) + 1)}]"
        self._took(what, shown)
        return shown

    def clean(self, text: str, *, typed: bool) -> str:
        """Return ``text`` with its URLs cleaned; ``typed``: it was measured for a typed site."""
        if "://" in text:
            pattern = _URL_TYPED if typed else _URL
            return pattern.sub(lambda found: self._of_url(found, typed=typed), text)
        return text

    def relative(self, text: str, *, typed: bool) -> str:
        """Return a redirect's target that names no host, cleaned."""
        return self.path(text) if typed else self._without_query(text)

    def _of_url(self, found: re.Match[str], *, typed: bool) -> str:
        scheme, authority, rest = found[1], found[2], found[3]
        signed_in, at, place = authority.rpartition("@")
        if at:
            self._took(signed_in, "")
        host = _host(scheme + place)
        if (host, rest) in self._public or rest in ("", "/"):
            return scheme + place + rest
        if typed or host in self._typed_hosts:
            return scheme + place + self.path(rest)
        return scheme + place + self._without_query(rest)

    def _without_query(self, rest: str) -> str:
        start = next((number for number, character in enumerate(rest) if character in "?#"), len(rest))
        query = rest[start:]
        return rest if _PLACEHOLDER.fullmatch(query) or not query else f"{rest[:start]}?{self._number(query)}"


def absolute(url: str, location: str) -> str:
    """Return where a redirect from ``url`` leads; a broken one as it is."""
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""  # brackets without an address in them


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []
