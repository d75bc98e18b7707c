"""Taking the person out of a report before it is handed on.

It works on the structured document, not on its text: every string, key and nested detail is looked at.

    * what is known exactly goes first, longest first (a pattern that ran earlier could cut a secret in two): passwords,
      home folders, Wi-Fi names, host names, user names;
    * then patterns: what a URL carries behind its path, MAC addresses, home folders of others, addresses;
    * addresses of services and of public resolvers stay, and so do 127.0.0.1 and 0.0.0.0 in answers: they are the evidence.
      This computer's addresses and every private one get placeholders of the same range (``addresses.py``);
    * the provider's resolvers become ``[resolver 1]``; of a site that the person typed only the host stays, its paths
      become ``/[1]``; if the person wants it, the host goes as well (``sites.py``);
    * the time of day, to the hour unless the person wants it exact (``times.py``).

Replaying a redacted report gives the same verdicts, since equal texts stay equal and different ones different.  What was written
in the end is searched once more (``sweep.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from diagnostics.model import Report
from diagnostics.report.addresses import Address, AddressBook, parse
from diagnostics.report.choices import AS_USUAL, RedactionChoices, Sites, Times
from diagnostics.report.contract import Json
from diagnostics.report.hostnames import HOLDS_NAMES, with_labels
from diagnostics.report.places import evidence_addresses, own_resolvers
from diagnostics.report.removals import Ledger, Removal, Taken
from diagnostics.report.secrets import SHORTEST_WORD, Secrets, public_words
from diagnostics.report.sites import HiddenSites
from diagnostics.report.times import TimeShift
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

_TELLING_KEYS: Final = frozenset({"server", "path", "location"}) | HOLDS_NAMES
"""Keys that decide how their text is read."""

_ENUM_FIELDS: Final = frozenset({"step", "status", "cause", "certainty"})
_FREE_FIELDS: Final = frozenset({"detail"})
"""Where keys are not the contract's own."""


class Redacted(msgspec.Struct, frozen=True):
    """A report without the person in it, how many different things of each kind were removed, and the list of them.

    Kinds: address, resolver, mac, host_name, user, home, network_name, url, secret, site, time.
    """

    report: Report
    removed: dict[str, int]
    removals: tuple[Removal, ...] = ()


def redacted(report: Report, *, secrets: Secrets | None = None, choices: RedactionChoices = AS_USUAL) -> Redacted:
    """Return ``report`` as it may be handed on; ``secrets`` None means those of this computer."""
    document = msgspec.to_builtins(report)
    cleaner = _Cleaner(document, Secrets.of_this_computer() if secrets is None else secrets, choices)
    cleaned = msgspec.convert(cleaner.document(document), Report)
    return Redacted(cleaned, cleaner.ledger.counts(), cleaner.ledger.removals())


class _Cleaner:
    """Removes one set of secrets from one document."""

    def __init__(self, document: Mapping[str, Any], secrets: Secrets, choices: RedactionChoices) -> None:
        self.ledger = Ledger()
        self._taken: list[Taken] = []
        self._resolvers = own_resolvers(document)
        self._sites = HiddenSites(document) if choices.sites is Sites.HIDDEN else None
        hidden = self._sites.addresses if self._sites else frozenset()
        evidence = evidence_addresses(document, {*self._resolvers, *hidden})
        self._book = AddressBook(secrets.addresses | set(self._resolvers), evidence, self._address_taken, hidden=hidden)
        self._words = self._exact(secrets)
        self._longest_first = sorted(self._words, key=len, reverse=True)
        self._exactly = re.compile("|".join(map(self._alternative, self._longest_first)), re.IGNORECASE) if self._words else None
        self._urls = UrlCleaner(document, lambda url, shown: self._took("url", url, shown))
        shift = TimeShift(document)
        self._times = shift if choices.time is Times.HOUR and shift.moves else None
        self._known: dict[tuple[str, str, bool], tuple[str, tuple[Taken, ...]]] = {}

    def _took(self, kind: str, what: str, shown: str) -> None:
        self._taken.append((kind, what, shown))

    def _address_taken(self, address: Address, shown: str) -> None:
        self._took("resolver" if str(address) in self._resolvers else "address", str(address), shown)

    def _count(self, taken: Iterable[Taken]) -> None:
        for each in taken:
            self.ledger.add(each)

    def _exact(self, secrets: Secrets) -> dict[str, tuple[str, str, bool]]:
        """Return what is searched as it is: folded text -> (kind, placeholder, may be part of a word)."""
        words: dict[str, tuple[str, str, bool]] = {}
        for kind, shown, texts in (
            ("network_name", "[network]", secrets.network_names),
            ("user", "[user]", secrets.user_names),
            ("host_name", "[host]", secrets.host_names),
            ("mac", "[mac]", secrets.macs),
            ("network_name", "[network]", secrets.domains),
        ):
            for text in texts:
                if len(text) >= SHORTEST_WORD and text.lower() not in public_words():
                    words[text.lower()] = (kind, shown, False)
        for mac in secrets.macs:
            words |= {mac.lower().replace(old, new): ("mac", "[mac]", False) for old in ":-" for new in ("", ":", "-")}
        words |= {text.lower(): ("home", "[home]", True) for text in secrets.homes if len(text) > SHORTEST_WORD}
        words |= {text.lower(): ("site", shown, False) for text, shown in (self._sites.words() if self._sites else {}).items()}
        words |= {text.lower(): ("secret", "[secret]", True) for text in secrets.others if text}
        words |= {spelling.lower(): ("address", "", False) for spelling in self._book.spellings}
        return words

    def _alternative(self, word: str) -> str:
        """Return the part of the pattern that finds one exact secret: a group of its own."""
        return f"({re.escape(word)})" if self._words[word][2] else f"((?<![^\\W_]){re.escape(word)}(?![^\\W_]))"

    # --- the document -------------------------------------------------------------------------

    def document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document with every string looked at."""
        cleaned: dict[str, Any] = {}
        for key, value in document.items():
            self.ledger.at = [key]
            if key in ("format", "version"):
                cleaned[key] = value
            elif key == "observations":
                self.ledger.at = [key, "[]"]
                cleaned[key] = [self._observation(item) for item in value]
            else:
                cleaned[key] = self._value(value, key, free=False, typed=False)
        if self._times is not None:
            cleaned["run"]["started"] = self._times.start(cleaned["run"]["started"])
        return cleaned

    def _observation(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        typed = self._urls.is_typed(observation.get("target"))
        detail = observation["detail"]
        changed: dict[str, Any] = {}
        if typed and isinstance(detail.get("location"), str) and isinstance(detail.get("url"), str):
            changed["detail"] = {**detail, "location": absolute(detail["url"], detail["location"])}
        if detail.get("resolver") == "system" and observation.get("address") in self._resolvers:
            changed["address"] = self._resolver(observation["address"], "address")
        if observation["step"] == "system" and detail.get("kind") == "resolver" and isinstance(detail.get("addresses"), list):
            named = [self._resolver(each, "detail.addresses[]") if each in self._resolvers else each for each in detail["addresses"]]
            changed["detail"] = {**detail, "addresses": named}
        return self._mapping({**observation, **changed}, free=False, typed=typed)

    def _resolver(self, address: str, place: str) -> str:
        """Return what stands for a resolver of the network; nothing of that is taken for anything else afterwards."""
        shown = f"[resolver {self._resolvers[address]}]"
        self.ledger.at.append(place)
        self.ledger.add(("resolver", str(parse(address)), shown))
        self.ledger.at.pop()
        return shown

    def _value(self, value: Json, key: str, *, free: bool, typed: bool) -> Json:
        """Return any value of the document; ``free``: inside a detail, where keys are not the contract's."""
        if isinstance(value, str):
            return self._string(value, key, free=free, typed=typed)
        if isinstance(value, Mapping):
            typed = typed or value.get("kind") == "url"
            inside = free or key in _FREE_FIELDS
            return self._mapping(value, free=inside, typed=typed)
        if isinstance(value, list | tuple):
            self.ledger.at.append("[]")
            items = [self._value(item, key, free=free, typed=typed) for item in value]
            self.ledger.at.pop()
            return items
        if free and self._times is not None and isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value, self._times)
        return value

    def _number(self, value: float, times: TimeShift) -> float:
        moved = times.number(value)
        if moved != value:
            self.ledger.add(("time", "time", times.begin))
        return moved

    def _mapping(self, value: Mapping[str, Any], *, free: bool, typed: bool) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for name, item in value.items():
            key = str(name)
            shown = self._string(key, "", free=free, typed=typed) if free else key
            while shown in cleaned:
                shown += "'"  # two keys that differed only in what was removed
            self.ledger.at.append(shown)
            cleaned[shown] = self._value(item, key, free=free, typed=typed)
            self.ledger.at.pop()
        return cleaned

    def _string(self, text: str, key: str, *, free: bool, typed: bool) -> str:
        kind = _PERSONAL_KEYS.get(key.lower()) if free else None
        if kind and text:
            shown = f"[{kind.removesuffix('_name')}]"
            if text != shown:
                self.ledger.add((kind, text, shown))
            return shown
        if text.lower() in public_words():
            return text if not self._is_other(text) else "[secret]"
        mark = self._sites.mark(key, text) if self._sites and free else None
        if mark is not None:
            self.ledger.add(("site", text, mark))
            return mark
        memo = (text, key if key in _TELLING_KEYS else "", typed)
        if memo not in self._known:
            self._taken = []
            self._known[memo] = (self._cleaned(text, memo[1], typed=typed), tuple(self._taken))
        cleaned, taken = self._known[memo]
        self._count(taken)
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
        cleaned = self._pieces(self._timed(text), product=product)
        plain = cleaned
        for _ in range(MOST_ENCODED):  # what a decoder would find must not be there either
            decoded = unquote(plain)
            if decoded == plain:
                break
            plain = self._pieces(decoded, product=product)
            cleaned = plain if plain != decoded else cleaned
        return with_labels(cleaned, key)

    def _timed(self, text: str) -> str:
        """Return a text with its moments moved, once, however often the text is encoded."""
        decoded = text
        for _ in range(MOST_ENCODED if self._times else 0):
            moved = self._times.text(decoded) if self._times else decoded
            if moved != decoded:
                self._took("time", "time", self._times.begin if self._times else "")
                return moved
            decoded = unquote(decoded)
        return text

    def _pieces(self, text: str, *, product: bool) -> str:
        if self._sites is not None:
            for name, shown in self._sites.found(text):
                self._took("site", name.lower(), shown)
            text = self._sites.replaced(text)
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
        self._took(kind, word, shown)
        return shown

    def _of_kind(self, kind: str, what: str) -> str:
        self._took(kind, what, f"[{kind}]")
        return f"[{kind}]"
