"""Taking the person out of a report before it is handed on.

It works on the structured document, not on its text: every string, key and nested detail is looked at.

    * what is known exactly goes first, longest first (a pattern that ran earlier could cut a secret in two): passwords,
      home folders, Wi-Fi names, host names, user names;
    * then patterns: what a URL carries behind its path, MAC addresses, home folders of others, addresses;
    * addresses of services and of public resolvers stay, and so do 127.0.0.1 and 0.0.0.0 in answers: they are the evidence.
      This computer's addresses and every private one get placeholders of the same range (``addresses.py``);
    * the provider's resolvers become ``[resolver 1]``; of a site that the person typed only the host stays, its paths
      become ``/[1]``.

Replaying a redacted report gives the same verdicts, since equal texts stay equal and different ones different.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from diagnostics.bogons import is_bogon
from diagnostics.model import Report
from diagnostics.report.addresses import Address, AddressBook, parse
from diagnostics.report.contract import Json
from diagnostics.report.secrets import SHORTEST_WORD, Secrets, public_addresses, public_words
from diagnostics.report.urls import UrlCleaner, absolute

_MAC: Final = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9A-Fa-f][:-])(?:(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Za-z])(?![:-][0-9A-Fa-f])"
)
_HOME: Final = re.compile(r"(?i)(?:/home/|/Users/|(?:\\\\[?.]\\)?[a-z]:\\+Users\\+)[^/\\:*?\"<>|\s]{1,64}")
_PERSONAL_KEYS: Final = {
    "ssid": "network_name",
    "bssid": "mac",
    "mac": "mac",
    "hostname": "host_name",
    "host_name": "host_name",
    "user": "user",
    "username": "user",
    "user_name": "user",
    "password": "secret",
    "secret": "secret",
    "token": "secret",
}
"""Keys of details whose value is personal whatever it says."""

MOST_ENCODED: Final = 3
"""Times that a text may be URL-encoded over again and is still looked into."""

_ENUM_FIELDS: Final = frozenset({"step", "status", "cause", "certainty"})
_FREE_FIELDS: Final = frozenset({"detail"})
"""Where keys are not the contract's own."""


class Redacted(msgspec.Struct, frozen=True):
    """A report without the person in it, and how many different things of each kind were removed.

    Kinds: address, resolver, mac, host_name, user, home, network_name, url, secret.
    """

    report: Report
    removed: dict[str, int]


def redacted(report: Report, *, secrets: Secrets | None = None) -> Redacted:
    """Return ``report`` as it may be handed on; ``secrets`` None means those of this computer."""
    document = msgspec.to_builtins(report)
    cleaner = _Cleaner(document, Secrets.of_this_computer() if secrets is None else secrets)
    cleaned = cleaner.document(document)
    return Redacted(msgspec.convert(cleaned, Report), {kind: len(found) for kind, found in sorted(cleaner.removed.items()) if found})


class _Cleaner:
    """Removes one set of secrets from one document."""

    def __init__(self, document: Mapping[str, Any], secrets: Secrets) -> None:
        self.removed: dict[str, set[str]] = {}
        self._resolvers = _own_resolvers(document)
        self._book = AddressBook(secrets.addresses | set(self._resolvers), _evidence(document, set(self._resolvers)), self._address_taken)
        self._words = self._exact(secrets)
        self._longest_first = sorted(self._words, key=len, reverse=True)
        self._exactly = re.compile("|".join(map(self._alternative, self._longest_first)), re.IGNORECASE) if self._words else None
        self._urls = UrlCleaner(document, lambda url: self._took("url", url))
        self._known: dict[tuple[str, str, bool], str] = {}

    def _took(self, kind: str, what: str) -> None:
        self.removed.setdefault(kind, set()).add(what)

    def _address_taken(self, address: Address) -> None:
        self._took("resolver" if str(address) in self._resolvers else "address", str(address))

    def _exact(self, secrets: Secrets) -> dict[str, tuple[str, str, bool]]:
        """Return what is searched as it is: folded text -> (kind, placeholder, may be part of a word)."""
        words: dict[str, tuple[str, str, bool]] = {}
        for kind, shown, texts in (
            ("network_name", "[network]", secrets.network_names),
            ("user", "[user]", secrets.user_names),
            ("host_name", "[host]", secrets.host_names),
            ("mac", "[mac]", secrets.macs),
        ):
            for text in texts:
                if len(text) >= SHORTEST_WORD and text.lower() not in public_words():
                    words[text.lower()] = (kind, shown, False)
        for mac in secrets.macs:
            words |= {mac.lower().replace(old, new): ("mac", "[mac]", False) for old in ":-" for new in ("", ":", "-")}
        words |= {text.lower(): ("home", "[home]", True) for text in secrets.homes if len(text) > SHORTEST_WORD}
        words |= {text.lower(): ("secret", "[secret]", True) for text in secrets.others if text}
        words |= {spelling.lower(): ("address", "", False) for spelling in self._book.spellings}
        return words

    def _alternative(self, word: str) -> str:
        """Return the part of the pattern that finds one exact secret: a group of its own."""
        return f"({re.escape(word)})" if self._words[word][2] else f"((?<![^\\W_]){re.escape(word)}(?![^\\W_]))"

    # --- the document -------------------------------------------------------------------------

    def document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document with every string looked at."""
        return {
            key: value if key in ("format", "version") else [self._observation(item) for item in value] if key == "observations"
            else self._value(value, key, free=False, typed=False)
            for key, value in document.items()
        }  # fmt: skip

    def _observation(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        typed = self._urls.is_typed(observation.get("target"))
        cleaned = {key: self._value(value, key, free=False, typed=typed) for key, value in observation.items()}
        detail = observation["detail"]
        if typed and isinstance(detail.get("location"), str) and isinstance(detail.get("url"), str):
            cleaned["detail"]["location"] = self._string(absolute(detail["url"], detail["location"]), "location", free=True, typed=True)
        if detail.get("resolver") == "system" and observation.get("address") in self._resolvers:
            cleaned["address"] = self._resolver(observation["address"])
        if observation["step"] == "system" and detail.get("kind") == "resolver" and isinstance(detail.get("addresses"), list):
            cleaned["detail"]["addresses"] = [
                self._resolver(item) if item in self._resolvers else self._value(item, "", free=True, typed=False)
                for item in detail["addresses"]
            ]
        return cleaned

    def _resolver(self, address: str) -> str:
        self._took("resolver", str(parse(address)))
        return f"[resolver {self._resolvers[address]}]"

    def _value(self, value: Json, key: str, *, free: bool, typed: bool) -> Json:
        """Return any value of the document; ``free``: inside a detail, where keys are not the contract's."""
        if isinstance(value, str):
            return self._string(value, key, free=free, typed=typed)
        if isinstance(value, Mapping):
            typed = typed or value.get("kind") == "url"
            inside = free or key in _FREE_FIELDS
            return self._mapping(value, free=inside, typed=typed)
        if isinstance(value, list | tuple):
            return [self._value(item, key, free=free, typed=typed) for item in value]
        return value

    def _mapping(self, value: Mapping[str, Any], *, free: bool, typed: bool) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for name, item in value.items():
            key = str(name)
            shown = self._string(key, "", free=free, typed=typed) if free else key
            while shown in cleaned:
                shown += "'"  # two keys that differed only in what was removed
            cleaned[shown] = self._value(item, key, free=free, typed=typed)
        return cleaned

    def _string(self, text: str, key: str, *, free: bool, typed: bool) -> str:
        kind = _PERSONAL_KEYS.get(key.lower()) if free else None
        if kind and text:
            self._took(kind, text)
            return f"[{kind.removesuffix('_name')}]"
        if text.lower() in public_words():
            return text if not self._is_other(text) else "[secret]"
        memo = (text, key if key in ("server", "path", "location") else "", typed)
        if memo not in self._known:
            self._known[memo] = self._cleaned(text, memo[1], typed=typed)
        cleaned = self._known[memo]
        return "[removed]" if not free and key in _ENUM_FIELDS and cleaned != text else cleaned

    def _is_other(self, text: str) -> bool:
        return self._words.get(text.lower(), ("", "", False))[0] == "secret"

    # --- one text -----------------------------------------------------------------------------

    def _cleaned(self, text: str, key: str, *, typed: bool) -> str:
        product = key == "server"
        if typed and key == "path":
            text = self._urls.path(text)
        elif key == "location" and "://" not in text:
            text = self._urls.relative(text, typed=typed)
        else:
            text = self._urls.clean(text, typed=typed)
        cleaned = self._pieces(text, product=product)
        plain = cleaned
        for _ in range(MOST_ENCODED):  # what a decoder would find must not be there either
            decoded = unquote(plain)
            if decoded == plain:
                break
            plain = self._pieces(decoded, product=product)
            cleaned = plain if plain != decoded else cleaned
        return cleaned

    def _pieces(self, text: str, *, product: bool) -> str:
        if self._exactly is not None:
            text = self._exactly.sub(self._of_word, text)
        text = _MAC.sub(lambda found: self._of_kind("mac", found[0]), text)
        text = _HOME.sub(lambda found: self._of_kind("home", found[0]), text)
        return self._book.clean(text, product=product)

    def _of_word(self, found: re.Match[str]) -> str:
        word = self._longest_first[(found.lastindex or 1) - 1]  # not the text itself: some letters have two small forms
        kind, shown, _ = self._words[word]
        if kind == "address":
            return self._book.placeholder(self._book.spellings[word])
        self._took(kind, word)
        return shown

    def _of_kind(self, kind: str, what: str) -> str:
        self._took(kind, what)
        return f"[{kind}]"


def _own_resolvers(document: Mapping[str, Any]) -> dict[str, int]:
    """Return the resolvers that this computer is configured to ask and that identify its network, numbered."""
    public = set(public_addresses()) | {
        address for _, detail in _details(document, "plan") for r in _list(detail.get("resolvers")) for address in _addresses(r)
    }
    found: dict[str, int] = {}
    for observation in document["observations"]:
        detail = observation["detail"]
        asked = [observation["address"]] if detail.get("resolver") == "system" else []
        if observation["step"] == "system" and detail.get("kind") == "resolver":
            asked += _list(detail.get("addresses"))
        for text in asked:
            address = parse(text) if isinstance(text, str) else None
            if address and not address.is_loopback and text not in public:
                found.setdefault(text, len(found) + 1)
    return found


def _evidence(document: Mapping[str, Any], own_resolvers: set[str]) -> set[str]:
    """Return the public addresses that the report is about: asked, answered, planned."""
    found = set(public_addresses())
    for _, detail in _details(document, "plan"):
        for resolver in _list(detail.get("resolvers")):
            found |= set(_addresses(resolver))
    for observation in document["observations"]:
        detail = observation["detail"]
        texts = [observation["address"], observation["host"], *_list(detail.get("answers"))]
        texts += [answer for reply in _list(detail.get("replies")) if isinstance(reply, Mapping) for answer in _list(reply.get("answers"))]
        found |= {text for text in texts if isinstance(text, str)}
    return {text for text in found - own_resolvers if not is_bogon(text)}


def _details(document: Mapping[str, Any], kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    return [(o["id"], o["detail"]) for o in document["observations"] if o["step"] == "system" and o["detail"].get("kind") == kind]


def _list(value: object) -> list[Json]:
    return list(value) if isinstance(value, list | tuple) else []


def _addresses(resolver: object) -> list[str]:
    return [text for text in _list(resolver.get("addresses")) if isinstance(text, str)] if isinstance(resolver, Mapping) else []
