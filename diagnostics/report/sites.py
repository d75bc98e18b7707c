"""Hiding the sites that a person typed, so that the report can still be worked out again.

Whatever such a site is known by gets a stand-in that keeps what the judge compares:

    * its names: everything under one registered name becomes ``site-1.invalid`` (RFC 2606: exists nowhere), with ``www`` and ``*`` kept
      and any other label numbered, so that a redirect home is still one, and a certificate still names its host;
    * its addresses: others of a public range, those of one network again of one (``addresses.py``);
    * what could be looked up: titles, fingerprints of pages and certificates, who a certificate was made for.

Names that the site led to, or that stand in its certificate, are hidden with it: they would name it.  Kept is what every copy of Atajo
carries, and what was met with another target too: a notice that all blocked sites show is no secret of one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from diagnostics.bogons import is_address, is_bogon, network_of
from diagnostics.judge.evidence import base_domain
from diagnostics.report.secrets import public_words

_NAME: Final = re.compile(r"(?i)\b(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.){1,10}(?:[a-z]{2,24}|xn--[a-z0-9-]{1,59})\b")
_KEPT_LABELS: Final = frozenset({"www", "*", "m"})
_LOOKED_UP: Final = frozenset({"sha256", "body_sha256", "title", "subject", "issuer", "first_bytes"})
"""Keys whose value leads to a site by itself.  An issuer does where a site signed for itself."""

SHORTEST_LABEL: Final = 5
"""Letters of a site's own label (``escuela`` of escuela.example.ve) that are searched for alone: shorter ones are parts of anything."""

STAND_IN: Final = "invalid"


class HiddenSites:
    """What is to be hidden of one document, and what stands there instead."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read from the plan which sites were typed, and from the observations what they are known by."""
        plans = [o["detail"] for o in document["observations"] if o["step"] == "system" and o["detail"].get("kind") == "plan"]
        typed = [each for plan in plans for each in _dicts(plan.get("targets")) if each.get("kind") == "url"]
        self.targets = frozenset(str(each.get("id")) for each in typed)
        self._of_typed = [o for o in document["observations"] if o["target"] in self.targets]
        others = [o for o in document["observations"] if o["target"] not in self.targets and o["target"] is not None]
        self._public_names = _public_names(plans, others)
        self._public_bases = {base_domain(name) for name in self._public_names}
        self._typed = _hosts(typed)
        self._public_texts = {text for o in others for text in _marks(o["detail"])}
        self._roots: dict[str, str] = {}
        self._labels: dict[tuple[str, str], str] = {}
        self._marks: dict[str, str] = {}
        for host in [*_hosts(typed), *(name for o in self._of_typed for name in _names_of(o))]:
            self._hide(host.lower().rstrip("."))
        for text in (text for o in self._of_typed for text in _marks(o["detail"])):
            if text not in self._public_texts and not text.startswith("["):
                self._marks.setdefault(text, f"[mark {len(self._marks) + 1}]")
        self.addresses = frozenset(self._addresses(document, _hosts(typed)))
        longest = sorted(self._roots, key=len, reverse=True)
        alone = "|".join(map(re.escape, longest))
        self._pattern = re.compile(rf"(?i)(?<![\w-])((?:(?:[\w-]+|\*)\.)*)({alone})(?![\w-]|\.[\w-])") if longest else None

    # --- names ------------------------------------------------------------------------------------

    def _hide(self, host: str) -> None:
        if not self._can_hide(host):
            return
        base = base_domain(host.removeprefix("*."))
        number = len(self._roots) + 1
        if base in self._public_bases:  # one of many on a place that everybody knows: the place stays
            self._roots.setdefault(host.removeprefix("*.").removeprefix("www."), f"site-{number}.{base}")
        elif not base.endswith(f".{STAND_IN}"):
            self._roots.setdefault(base, f"site-{number}.{STAND_IN}")

    def _can_hide(self, host: str) -> bool:
        """Tell whether a host is a name (what can be typed has a dot) that not everybody knows."""
        return "." in host and not is_address(host) and not self._is_public(host)

    def _is_public(self, host: str) -> bool:
        """Tell whether every copy of Atajo, or this run's other targets, know a name, with ``www`` before it or without."""
        bare = host.removeprefix("www.")
        return bool({bare, f"www.{bare}"} & self._public_names) or bare in self._public_bases

    def words(self) -> dict[str, str]:
        """Return the labels that name a hidden site by themselves, with what stands in their place."""
        found: dict[str, str] = {}
        for root, stand_in in self._roots.items():
            shown = f"[{stand_in.partition('.')[0].replace('-', ' ')}]"
            typed = {label for host in self._typed if host == root or host.endswith(f".{root}") for label in host.split(".")[:-1]}
            for label in {root.partition(".")[0], *typed}:
                for each in (label, _spoken(label)):
                    if len(each) >= SHORTEST_LABEL and each not in public_words():
                        found.setdefault(each, shown)
        return found

    @property
    def names(self) -> frozenset[str]:
        """Return what hidden sites are called, for whoever searches what was written."""
        return frozenset({*self._roots, *self.words(), *(host for host in self._typed if self._can_hide(host))})

    def found(self, text: str) -> list[tuple[str, str]]:
        """Return the names of hidden sites in a text, each with its stand-in, in their order."""
        if self._pattern is None:
            return []
        return [(found[0], self._stand_in(found)) for found in self._pattern.finditer(text)]

    def replaced(self, text: str) -> str:
        """Return a text with its hidden names replaced."""
        return self._pattern.sub(self._stand_in, text) if self._pattern is not None else text

    def _stand_in(self, found: re.Match[str]) -> str:
        root = found[2].lower()
        labels = [self._label(root, label.lower()) for label in found[1].split(".")[:-1]]
        return ".".join([*labels, self._roots[root]])

    def _label(self, root: str, label: str) -> str:
        if label in _KEPT_LABELS:
            return label
        number = sum(1 for known, _ in self._labels if known == root) + 1
        return self._labels.setdefault((root, label), f"part-{number}")

    # --- what could be looked up ------------------------------------------------------------------

    def mark(self, key: str, text: str) -> str | None:
        """Return what stands for a title, a fingerprint or a subject of a hidden site, or None if it may stay."""
        return self._marks.get(text) if key in _LOOKED_UP else None

    def _addresses(self, document: Mapping[str, Any], typed: Iterable[str]) -> Iterator[str]:
        """Yield the addresses of hidden sites and their neighbours, those of networks that others need as well excepted."""
        hosts = set(typed)
        mine: set[str] = {host for host in hosts if is_address(host)}
        theirs: set[str] = set()
        for o in document["observations"]:
            places = [text for text in _places(o) if is_address(text) and not is_bogon(text)]
            if o["target"] in self.targets or str(o["host"]).lower() in hosts - self._public_names:
                mine |= set(places)
            elif o["target"] is not None or str(o["host"]).lower() in self._public_names:
                theirs |= set(places)
        networks = {network_of(each) for each in mine} - {network_of(each) for each in theirs}
        every = {text for o in document["observations"] for text in [*_places(o), str(o["host"])]} | mine
        yield from (text for text in every if is_address(text) and not is_bogon(text) and network_of(text) in networks)


def _spoken(label: str) -> str:
    """Return a label as people write it: ``peña`` for ``xn--pea-8ma`` (RFC 3492)."""
    try:
        return label.removeprefix("xn--").encode("ascii").decode("punycode").lower() if label.startswith("xn--") else label
    except UnicodeError:
        return label


def _public_names(plans: Iterable[Mapping[str, Any]], others: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names of what this run tested besides, of its controls and of what every copy of Atajo carries."""
    found = {word for word in public_words() if "." in word}
    for plan in plans:
        found |= set(_hosts(each for each in _dicts(plan.get("targets")) if each.get("kind") != "url"))
        found |= {str(each.get("host")).lower() for each in _dicts(plan.get("controls"))}
    return found | {name.lower() for o in others for name in _names_of(o)}


def _hosts(services: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(e.get("host")).lower() for s in services for f in _dicts(s.get("functions")) for e in _dicts(f.get("endpoints"))]


def _names_of(observation: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that an observation holds: asked, led to, written in a certificate."""
    detail = observation["detail"]
    certificate = detail.get("certificate")
    parts = certificate if isinstance(certificate, Mapping) else {}
    yield from (str(text) for text in (observation["host"], detail.get("server_name")) if text)
    listed = parts.get("names")
    yield from (str(name) for name in (listed if isinstance(listed, list | tuple) else ()))
    for url in (detail.get("url"), detail.get("location")):
        if isinstance(url, str) and "://" in url:
            yield from _host_of(url)
    yield from (found[0] for found in _NAME.finditer(str(parts.get("subject") or "")))


def _host_of(url: str) -> Iterator[str]:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return
    if host:
        yield host


def _places(observation: Mapping[str, Any]) -> list[str]:
    """Return the addresses that an observation is about; the one of a question for a name is the resolver's."""
    detail = observation["detail"]
    replies = _dicts(detail.get("replies"))
    lists = [detail.get("answers"), *(reply.get("answers") for reply in replies)]
    found = [str(text) for each in lists if isinstance(each, list | tuple) for text in each]
    return [*found, *([str(observation["address"])] if observation["address"] and observation["step"] != "dns" else [])]


def _marks(detail: Mapping[str, Any]) -> Iterator[str]:
    certificate = detail.get("certificate")
    for each in (detail, certificate if isinstance(certificate, Mapping) else {}):
        yield from (text for key in _LOOKED_UP - {"issuer"} if isinstance(text := each.get(key), str))


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []
