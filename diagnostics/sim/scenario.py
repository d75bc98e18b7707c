"""Scenarios: what is wrong with a simulated network, written in TOML (``resources/scenarios``).

A scenario describes a whole line: its distance, its losses, what stands in the way, and what an honest diagnosis of it
must be.  Nothing in here touches a network.  What a key means stands with its field; a typo in a file is answered with the file,
the line, what was found and what is allowed.
"""

from __future__ import annotations

import datetime as dt
import difflib
import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

import resources
from diagnostics import tomlfile
from diagnostics.errors import InputError
from diagnostics.model import Cause, Certainty, Fact, Status
from diagnostics.sim.behaviour import Certificate, Dns, DnsScope, Http, Ipv6, Link, Mtproto, Sees, Serves, Tcp, Tls, Udp, Where
from diagnostics.sim.vpn import ExpectedVpn, SimVpn
from diagnostics.workarounds.identity import parse_way

ERROR: Final = "error.scenario"
MISSING: Final = "error.scenario.missing"
SENTENCES: Final = tomlfile.Sentences(wrong=ERROR, example="error.scenario.example", missing=MISSING)

SUGGESTIONS: Final = 5
"""Shipped scenarios that are named when another one was asked for; the whole list is a wall."""

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Text(Fact, frozen=True, forbid_unknown_fields=True):
    """One line in every language of the app."""

    es: str
    en: str


class CensorRule(Fact, frozen=True, forbid_unknown_fields=True):
    """One [[censor]]: whom it hits, and at most one behaviour a layer.  The first match of a layer wins."""

    hosts: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()  # a name itself and everything below it
    service: str | None = None  # all hosts of a service...
    function: str | None = None  # ...or of one of its functions
    resolvers: tuple[str, ...] | Literal["all-public"] = ()  # their addresses
    addresses: tuple[str, ...] = ()  # literals or networks (a.b.c.d/n)
    ports: tuple[int, ...] = ()  # empty: every port
    dns: Dns | None = None
    answer: str = "127.0.0.1"
    dns_scope: DnsScope = DnsScope.SYSTEM
    tcp: Tcp | None = None
    udp: Udp | None = None
    mtproto: Mtproto | None = None  # after the first bytes, by the address that was dialled
    tls: Tls | None = None
    http: Http | None = None
    rate_kib: float | None = None  # KiB a second that the server's answers are let through
    freeze_after: int | None = None  # bytes of the server's, after which nothing more comes
    cut_after: int | None = None  # bytes of the server's, after which the connection is reset
    residual_s: float = 0.0  # for how long the address and port that were dialled stay cut for every name, after a `tls` hit
    where: Where = Where.SNI
    sees: Sees = Sees.MESSAGE  # how well it reads what the connection says first
    issuer: str = "Red Segura CA"
    page_status: int = 200
    page_title: str = "Aviso"
    page_body: str = "El acceso a este sitio no está disponible."
    location: str = "http://aviso.red-segura.example/"


class Site(Fact, frozen=True, forbid_unknown_fields=True):
    """One [[site]]: a host that the catalog does not have, or another behaviour of those that it has."""

    host: str | None = None
    service: str | None = None  # all its hosts
    function: str | None = None
    addresses: tuple[str, ...] = ()  # made up when empty
    tcp: Tcp | None = None
    certificate: Certificate = Certificate.VALID
    issuer: str = "Red Segura CA"
    status: int = 200
    title: str | None = None
    body: str | None = None
    serves: Serves = Serves.PAGE
    close_after_bytes: int | None = None  # of the answer to a request
    redirect_to: str | None = None  # every page sends there
    also: tuple[str, ...] = ()  # further names in its certificate: a content network's place that serves them too
    page_bytes: int | None = None  # size of its pages; front pages of services have some 100 kB, others 6 kB
    clear: bool = False  # port 80 shows the page instead of leading to https


class Portal(Fact, frozen=True, forbid_unknown_fields=True):
    """A captive portal: nothing passes before somebody has signed in on its page."""

    host: str
    address: str = "192.168.1.1"
    dns: Literal["truthful", "portal"] = "truthful"
    others: Literal["silence", "refused"] = "silence"  # every port but 80
    page_title: str = "Wi-Fi"
    page_body: str = "Inicia sesión para usar esta red."


class Expected(Fact, frozen=True, forbid_unknown_fields=True):
    """One [[expected]]: what an honest diagnosis says of a target."""

    target: str
    status: Status
    cause: Cause | None = None
    certainty: Certainty | None = None
    function: str | None = None


class ExpectedWays(Fact, frozen=True, forbid_unknown_fields=True):
    """One [[expected_ways]]: which ways round (``workarounds/identity.py``) must lead to a target, and which must not."""

    target: str
    works: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()


class ExpectedNetwork(Fact, frozen=True, forbid_unknown_fields=True):
    """[expected_network]: what an honest diagnosis says of the line."""

    status: Status | None = None
    cause: Cause | None = None


class ScenarioText(Fact, frozen=True, forbid_unknown_fields=True):
    """A scenario as it is written.  Distances are whole round trips in milliseconds, ``loss`` a probability each way."""

    id: str
    name: Text
    summary: Text
    as_of: dt.date
    source: str
    rtt_ms: float = 40.0
    censor_rtt_ms: float | None = None  # to the censor and to the provider's resolver; a quarter of `rtt_ms`
    loss: float = 0.0
    link: Link = Link.UP
    ipv6: Ipv6 = Ipv6.NONE
    clock_offset_days: float = 0.0  # how far the world is ahead of this computer's clock
    nameservers: tuple[str, ...] = ("192.168.1.1",)
    intercepts_dns: bool = False  # every clear-text question over UDP is answered by the provider's resolver, whoever was asked
    installed_roots: tuple[str, ...] = ()  # issuers that this computer's own store believes
    hosts: dict[str, str] = msgspec.field(default_factory=dict)  # the hosts file
    portal: Portal | None = None
    vpn: SimVpn | None = None
    censor: tuple[CensorRule, ...] = ()
    site: tuple[Site, ...] = ()
    expected: tuple[Expected, ...] = ()
    expected_network: ExpectedNetwork | None = None
    expected_vpn: ExpectedVpn | None = None
    expected_ways: tuple[ExpectedWays, ...] = ()


class Scenario(ScenarioText, frozen=True):
    """A scenario and where it was read; ``text`` serves to find the line of what is wrong."""

    file: str = ""
    text: str = ""

    @property
    def rtt(self) -> float:
        """Return the round trip to a server, in seconds."""
        return self.rtt_ms / 1000

    @property
    def censor_rtt(self) -> float:
        """Return the round trip to the censor, in seconds."""
        return self.rtt / 4 if self.censor_rtt_ms is None else self.censor_rtt_ms / 1000

    @property
    def asks_for(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the services and the URLs that are spoken of in ``expected``: what a run must test to be compared with it."""
        services = dict.fromkeys(row.target for row in self.expected if ":" not in row.target)
        urls = dict.fromkeys(row.target for row in self.expected if "://" in row.target)
        return tuple(services), tuple(urls)

    def error(self, path: Iterable[str | int], found: object, allowed: Iterable[str] | str) -> InputError:
        """Return the error about the value at ``path``."""
        words = allowed if isinstance(allowed, str) else ", ".join(sorted(allowed))
        line = tomlfile.line_of(self.text, tuple(path))
        return InputError(ERROR, file=self.file, line=line, found=str(found), allowed=words)

    def missing(self, path: Iterable[str | int], words: Iterable[str]) -> InputError:
        """Return the error about a table at ``path`` that has none of these keys."""
        line = tomlfile.line_of(self.text, tuple(path))
        return InputError(MISSING, file=self.file, line=line, allowed=" | ".join(words))


def read_scenario(text: str, file: str) -> Scenario:
    """Return the scenario in a TOML text.  Raises InputError("error.toml" or "error.scenario")."""
    written = tomlfile.decode(text, file, ScenarioText, SENTENCES)
    scenario = Scenario(**{name: getattr(written, name) for name in written.__struct_fields__}, file=file, text=text)
    _check_values(scenario)
    return scenario


def load_scenarios() -> dict[str, Scenario]:
    """Return the shipped scenarios by id, in alphabetical order.  Raises InputError."""
    found = {}
    for entry in sorted(resources.path("scenarios").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            scenario = read_scenario(entry.read_text(encoding="utf-8"), f"resources/scenarios/{entry.name}")
            if scenario.id != entry.name.removesuffix(".toml"):
                raise scenario.error(("id",), scenario.id, entry.name.removesuffix(".toml"))
            found[scenario.id] = scenario
    return found


def find_scenario(name_or_path: str) -> Scenario:
    """Return a shipped scenario by id, or read one from a file: whatever ends in ``.toml`` or names a folder is one.

    Raises InputError: "error.unknown_scenario" (name=, known= some that are alike, close= the likeliest or nothing),
    "error.scenario_file" (file=, reason=), or what ``read_scenario`` raises.
    """
    if name_or_path.endswith(".toml") or any(separator in name_or_path for separator in "/\\"):
        path = Path(name_or_path)
        return read_scenario(tomlfile.read(path, "error.scenario_file"), str(path))
    shipped = load_scenarios()
    if name_or_path not in shipped:
        asked = name_or_path.lower()[:64]
        alike = [name for name in shipped if name.startswith(asked)] if asked else []
        alike += difflib.get_close_matches(asked, shipped, SUGGESTIONS)
        known = list(dict.fromkeys([*alike, *difflib.get_close_matches(asked, shipped, SUGGESTIONS, cutoff=0.0)]))[:SUGGESTIONS]
        close = alike[0] if alike else ""
        raise InputError("error.unknown_scenario", name=name_or_path, known=", ".join(known), close=close)
    return shipped[name_or_path]


# --- what the types cannot say ----------------------------------------------------------------------

_PREY: Final = ("hosts", "suffixes", "service", "resolvers", "addresses")
_LAYERS: Final = ("dns", "tcp", "udp", "mtproto", "tls", "http", "rate_kib", "freeze_after", "cut_after")
_RANGES: Final = {"rtt_ms": (0.0, 60_000.0), "censor_rtt_ms": (0.0, 60_000.0), "loss": (0.0, 0.9), "clock_offset_days": (-3650.0, 3650.0)}


def _check_values(scenario: Scenario) -> None:
    if not _ID.fullmatch(scenario.id):  # a report without it would pass for one of a real network
        raise scenario.error(("id",), scenario.id, "a-z 0-9 . _ -")
    for key, (low, high) in _RANGES.items():
        value = getattr(scenario, key)
        if value is not None and not low <= value <= high:
            raise scenario.error((key,), value, f"{low:g} … {high:g}")
    for index, address in enumerate(scenario.nameservers):
        _check_address(scenario, ("nameservers", index), address)
    if not scenario.nameservers:
        raise scenario.error(("nameservers",), "[]", '["192.168.1.1"]')
    for name, address in scenario.hosts.items():
        _check_address(scenario, ("hosts", name), address)
    for index, rule in enumerate(scenario.censor):
        _check_rule(scenario, index, rule)
    for index, site in enumerate(scenario.site):
        _check_site(scenario, index, site)
    if scenario.vpn and (wrong := scenario.vpn.unknown_label()):
        raise scenario.error(("vpn", *wrong[:2]), wrong[2], [each.label for each in scenario.vpn.adapters])
    _check_known_words(scenario)
    _check_ways(scenario)


def _check_ways(scenario: Scenario) -> None:
    """Refuse ways round that do not exist."""
    for index, row in enumerate(scenario.expected_ways):
        for key, ways in (("works", row.works), ("fails", row.fails)):
            for position, way in enumerate(ways):
                if parse_way(way) is None:
                    raise scenario.error(
                        ("expected_ways", index, key, position), way, "doh:quad9 | rec:snimid | doh:quad9|rec:snimid | h3 ..."
                    )


def _check_site(scenario: Scenario, index: int, site: Site) -> None:
    if (site.host is None) == (site.service is None):
        if site.host is None:
            raise scenario.missing(("site", index), ("host", "service"))
        raise scenario.error(("site", index), "host + service", "host | service")
    _check_status(scenario, ("site", index, "status"), site.status)
    for position, address in enumerate(site.addresses):
        _check_address(scenario, ("site", index, "addresses", position), address)


def _check_rule(scenario: Scenario, index: int, rule: CensorRule) -> None:
    if not any(getattr(rule, key) for key in _PREY):
        raise scenario.missing(("censor", index), _PREY)
    if all(getattr(rule, key) is None for key in _LAYERS):
        raise scenario.missing(("censor", index), _LAYERS)
    _check_status(scenario, ("censor", index, "page_status"), rule.page_status)
    for key in ("rate_kib", "freeze_after", "cut_after", "residual_s"):
        value = getattr(rule, key)
        if value is not None and not (value > 0 or (key == "residual_s" and value == 0)):
            raise scenario.error(("censor", index, key), value, "> 0")
    for position, network in enumerate(rule.addresses):
        try:
            ipaddress.ip_network(network)
        except ValueError as problem:
            raise scenario.error(("censor", index, "addresses", position), network, "a.b.c.d[/n]") from problem


def _check_status(scenario: Scenario, path: tuple[str | int, ...], status: int) -> None:
    if not 200 <= status <= 599:
        raise scenario.error(path, status, "200 … 599")


def _check_address(scenario: Scenario, path: tuple[str | int, ...], address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError as problem:
        raise scenario.error(path, address, "a.b.c.d | a:b::c") from problem


def _check_known_words(scenario: Scenario) -> None:
    """Refuse expected words that the vocabulary lacks: its enums are open for reports, not for our own files."""
    rows: list[tuple[tuple[str | int, ...], Any]] = [(("expected", index), row) for index, row in enumerate(scenario.expected)]
    if scenario.expected_network:
        rows.append((("expected_network",), scenario.expected_network))
    if scenario.expected_vpn:
        for index, cause in enumerate(scenario.expected_vpn.causes):
            if cause not in list(Cause):
                raise scenario.error(("expected_vpn", "causes", index), cause, list(Cause))
    for path, row in rows:
        for key, kind in (("status", Status), ("cause", Cause), ("certainty", Certainty)):
            value = getattr(row, key, None)
            if value is not None and value not in list(kind):
                raise scenario.error((*path, key), value, list(kind))
