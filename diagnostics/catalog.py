"""What Atajo knows of the outside: services, public resolvers and controls, read from ``resources`` and checked.

The files are meant to be corrected by people, so every mistake is told with its file, its line and what may stand there
(InputError "error.data").  Whoever loads the catalog keeps it: reading takes some milliseconds and nothing is cached here.
"""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.resources.abc import Traversable
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

import resources
from diagnostics.errors import InputError
from diagnostics.model import Control, Endpoint, Fact, Function, Probe, Resolver, Rule, Service
from diagnostics.tomlfile import decode, line_of

MAX_AGE: Final = dt.timedelta(days=180)
"""Older data gets a notice: hosts move, and Signal's moves have been mistaken for blocks four times (ooni/probe#2627)."""

LANGUAGES: Final = ("es", "en")

_ID: Final = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.(?!\d+$){_LABEL}")
_PATH: Final = re.compile(r"/[!-~]*")

_NAMELESS: Final = (Probe.TCP, Probe.TCP_HOLD, Probe.MTPROTO, Probe.STUN)
"""Probes that need no name: nothing in them is certified."""

T = TypeVar("T")

Where = tuple[str | int, ...]
Problem = tuple[Where, object, str]
"""Where in the file a mistake stands, what was found there, and what may stand there."""


class Catalog(Fact, frozen=True):
    """Everything that can be tested and everything that it is compared with."""

    services: dict[str, Service] = msgspec.field(default_factory=dict)  # by id, in the order in which they are offered
    resolvers: tuple[Resolver, ...] = ()
    controls: tuple[Control, ...] = ()
    aliases: dict[str, str] = msgspec.field(default_factory=dict)  # what people also call a service: its id


def load_catalog(folder: Traversable | None = None) -> Catalog:
    """Return the catalog of ``folder`` (default: the one that ships).

    Raises InputError("error.data", file=, line=, found=, allowed=) for a value that may not stand where it stands, and
    InputError("error.toml", file=, line=, reason=) for a file that is no TOML.
    """
    root = folder or resources.path()
    below = root.joinpath("services")
    names = sorted(entry.name for entry in below.iterdir() if entry.name.endswith(".toml"))
    files = sorted((_service_file(below, name) for name in names), key=lambda file: (file.rank, file.id))
    return Catalog(
        services={file.id: file.service() for file in files},
        resolvers=_resolvers(root.joinpath("resolvers.toml")),
        controls=_controls(root.joinpath("controls.toml")),
        aliases={alias: file.id for file in files for alias in file.aliases},
    )


def stale(service: Service, today: dt.date) -> bool:
    """Tell whether the service's data is so old that the person should know; a site that was typed has no date."""
    return bool(service.as_of) and today - dt.date.fromisoformat(service.as_of) > MAX_AGE


# --- the shape of the files -----------------------------------------------------------------------


class _Gender(enum.StrEnum):
    MASCULINE = "m"
    FEMININE = "f"


class _Kind(enum.StrEnum):
    PORTAL = "portal"
    HTTPS = "https"
    NEUTRAL = "neutral"
    STUN = "stun"
    QUIC = "quic"
    EXIT = "exit"


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is read: a misspelt key is an error."""


class _EndpointEntry(_Entry, frozen=True):
    host: str
    source: str
    checked: bool
    port: int = 443
    probe: Probe = Probe.HTTPS
    path: str = "/"


class _FunctionEntry(_Entry, frozen=True):
    id: str
    rule: Rule
    endpoints: tuple[_EndpointEntry, ...]
    core: bool = False


class _ServiceFile(_Entry, frozen=True):
    id: str
    name: dict[str, str]
    as_of: dt.date
    suffixes: tuple[str, ...]
    function: tuple[_FunctionEntry, ...]
    rank: int = 100  # place in the list that a person chooses from
    aliases: tuple[str, ...] = ()  # what people also call it, typed in a terminal
    gender: _Gender = _Gender.MASCULINE
    operator: str = ""  # who runs it, as the controls name it
    sensitive: bool = False  # asking for it may put somebody at risk
    roots: str | None = None
    addresses_allowed: bool = False  # endpoints may be addresses: only for a service whose servers have no names

    def service(self) -> Service:
        """Return the service as the rest of the engine knows it."""
        return Service(
            id=self.id,
            name=self.name,
            gender=self.gender,
            as_of=self.as_of.isoformat(),
            operator=self.operator,
            sensitive=self.sensitive,
            suffixes=self.suffixes,
            roots=self.roots,
            functions=tuple(
                Function(id=f.id, core=f.core, rule=f.rule, endpoints=tuple(_as(Endpoint, e) for e in f.endpoints)) for f in self.function
            ),
        )


class _ResolverEntry(_Entry, frozen=True):
    id: str
    operator: str
    addresses: tuple[str, ...]
    source: str
    checked: bool
    filters: bool = False
    addresses6: tuple[str, ...] = ()
    plain: bool = True
    doh_url: str = ""
    doh_by_address: bool = False
    dot_name: str = ""


class _ResolversFile(_Entry, frozen=True):
    as_of: dt.date
    resolver: tuple[_ResolverEntry, ...]


class _ControlEntry(_Entry, frozen=True):
    id: str
    operator: str
    kind: _Kind
    host: str
    source: str
    checked: bool
    port: int = 443
    path: str = "/"
    expect_status: int = 200
    expect_body: str = ""


class _ControlsFile(_Entry, frozen=True):
    as_of: dt.date
    control: tuple[_ControlEntry, ...]


def _as(kind: type[T], entry: _Entry) -> T:
    """Return an entry as the struct of the model that has the same fields."""
    return msgspec.convert(msgspec.to_builtins(entry), kind)


# --- reading --------------------------------------------------------------------------------------


def _read(file: Traversable, shown: str, kind: type[T], problems: Callable[[T], Iterable[Problem]]) -> T:
    """Return the contents of a file, or raise InputError for the first of its problems."""
    text = _text(file, shown)
    read = decode(text, shown, kind, "error.data")
    for where, found, allowed in problems(read):
        raise InputError("error.data", file=shown, line=line_of(text, where), found=found, allowed=allowed)
    return read


def _text(file: Traversable, shown: str) -> str:
    """Return the text of a data file, with the line ends that the line numbers count."""
    try:
        raw = file.read_bytes()
    except OSError as problem:
        raise InputError("error.report_unreadable", file=shown, reason=problem.strerror or type(problem).__name__) from problem
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise InputError("error.toml", file=shown, line=line, reason="UTF-8") from problem


def _service_file(folder: Traversable, name: str) -> _ServiceFile:
    def problems(file: _ServiceFile) -> Iterator[Problem]:
        if file.id != name.removesuffix(".toml"):
            yield ("id",), file.id, f"{name.removesuffix('.toml')}, like the file"
        yield from _service_problems(file)
        if file.roots is not None:
            yield from _roots_problems(file, folder)

    return _read(folder.joinpath(name), f"resources/services/{name}", _ServiceFile, problems)


def _resolvers(file: Traversable) -> tuple[Resolver, ...]:
    read = _read(file, f"resources/{file.name}", _ResolversFile, _resolvers_problems)
    return tuple(_as(Resolver, entry) for entry in read.resolver)


def _controls(file: Traversable) -> tuple[Control, ...]:
    read = _read(file, f"resources/{file.name}", _ControlsFile, _controls_problems)
    return tuple(_as(Control, entry) for entry in read.control)


# --- what may stand in them -----------------------------------------------------------------------


def _service_problems(file: _ServiceFile) -> Iterator[Problem]:
    yield from id_problems(("id",), file.id)
    for language in LANGUAGES:
        if not file.name.get(language, "").strip():
            yield ("name",), ", ".join(file.name), f"a name in each of {', '.join(LANGUAGES)}"
    for index, suffix in enumerate(file.suffixes):
        yield from name_problems(("suffixes", index), suffix)
    for index, alias in enumerate(file.aliases):
        yield from id_problems(("aliases", index), alias)
    yield from _twice("function", [f.id for f in file.function])
    for index, function in enumerate(file.function):
        yield from _function_problems(("function", index), function, file)
    if not any(f.rule is not Rule.INFO for f in file.function):
        yield ("function",), "-", "at least one function whose rule is any_of, all_of or most_of"


def _function_problems(where: Where, function: _FunctionEntry, file: _ServiceFile) -> Iterator[Problem]:
    yield from id_problems((*where, "id"), function.id)
    if not function.endpoints:
        yield (*where, "endpoints"), "[]", "at least one endpoint"
    for index, endpoint in enumerate(function.endpoints):
        yield from _endpoint_problems((*where, "endpoints", index), endpoint, file)
    if function.rule is Rule.INFO:
        if function.core:
            yield (*where, "core"), "true", "false: a function with rule info decides nothing"
    elif not any(endpoint.checked for endpoint in function.endpoints):
        yield (*where, "endpoints"), "checked = false", f"at least one endpoint with checked = true, or rule {Rule.INFO}"


def _endpoint_problems(where: Where, endpoint: _EndpointEntry, file: _ServiceFile) -> Iterator[Problem]:
    if _address(endpoint.host):
        if not file.addresses_allowed:
            yield (*where, "host"), endpoint.host, "a host name (addresses only with addresses_allowed = true)"
        if endpoint.probe not in _NAMELESS:
            yield (*where, "probe"), endpoint.probe, f"{', '.join(_NAMELESS)} for an address"
    else:
        yield from name_problems((*where, "host"), endpoint.host)
        if not _within(endpoint.host, file.suffixes):
            yield (*where, "host"), endpoint.host, f"a name within {', '.join(file.suffixes)}"
    yield from place_problems(where, endpoint.port, endpoint.path)
    yield from source_problems(where, endpoint.source)


def _roots_problems(file: _ServiceFile, folder: Traversable) -> Iterator[Problem]:
    """Look at a service's own roots; they are believed for the names of this service only, which ``suffixes`` bounds."""
    name = file.roots or ""
    shipped = [entry.name for entry in folder.iterdir() if entry.name.endswith(".pem")]
    if name not in shipped:
        yield ("roots",), name, ", ".join(shipped) or "a .pem file in this folder"
    elif b"-----BEGIN CERTIFICATE-----" not in folder.joinpath(name).read_bytes():
        yield ("roots",), name, "a file with certificates (PEM)"


def _resolvers_problems(file: _ResolversFile) -> Iterator[Problem]:
    yield from _twice("resolver", [entry.id for entry in file.resolver])
    for index, entry in enumerate(file.resolver):
        yield from _resolver_problems(("resolver", index), entry)


def _resolver_problems(where: Where, entry: _ResolverEntry) -> Iterator[Problem]:
    yield from id_problems((*where, "id"), entry.id)
    yield from source_problems(where, entry.source)
    if not entry.operator.strip():
        yield (*where, "operator"), entry.operator, "who runs it"
    if not entry.addresses:
        yield (*where, "addresses"), "[]", "at least one IPv4 address"
    for key, version, addresses in (("addresses", 4, entry.addresses), ("addresses6", 6, entry.addresses6)):
        for index, text in enumerate(addresses):
            address = _address(text)
            if address is None or address.version != version or not address.is_global:
                yield (*where, key, index), text, f"a public IPv{version} address"
    if not (entry.plain or entry.doh_url or entry.dot_name):
        yield (*where, "plain"), "false", "true, or a doh_url or a dot_name"
    if entry.dot_name and not _address(entry.dot_name):
        yield from name_problems((*where, "dot_name"), entry.dot_name)
    if entry.doh_by_address and not entry.doh_url:
        yield (*where, "doh_by_address"), "true", "false without a doh_url"
    if entry.doh_url:
        yield from _url_problems((*where, "doh_url"), entry)


def _url_problems(where: Where, entry: _ResolverEntry) -> Iterator[Problem]:
    allowed = "https://name/path"
    try:
        parts = urlsplit(entry.doh_url)
        host, plain = parts.hostname or "", parts.netloc
    except ValueError:
        yield where, entry.doh_url, allowed
        return
    named = bool(_NAME.fullmatch(host)) or (entry.doh_by_address and _address(host) is not None)
    if parts.scheme != "https" or plain != host or not named or not _PATH.fullmatch(parts.path):
        yield where, entry.doh_url, f"{allowed} (an address only with doh_by_address = true)"


def _controls_problems(file: _ControlsFile) -> Iterator[Problem]:
    yield from _twice("control", [entry.id for entry in file.control])
    for index, entry in enumerate(file.control):
        where: Where = ("control", index)
        yield from id_problems((*where, "id"), entry.id)
        yield from name_problems((*where, "host"), entry.host)
        yield from place_problems(where, entry.port, entry.path)
        yield from source_problems(where, entry.source)
        if not entry.operator.strip():
            yield (*where, "operator"), entry.operator, "who runs it"
        if not 100 <= entry.expect_status <= 599:
            yield (*where, "expect_status"), entry.expect_status, "100 to 599"
    for kind in (_Kind.PORTAL, _Kind.HTTPS, _Kind.NEUTRAL):  # the line itself is judged by these
        if not any(entry.kind is kind for entry in file.control):
            yield ("control",), "-", f"at least one control of kind {kind}"


# --- single values --------------------------------------------------------------------------------


def id_problems(where: Where, text: str) -> Iterator[Problem]:
    """Tell what is wrong with an id."""
    if not _ID.fullmatch(text):
        yield where, text, "small letters and digits, words joined by _ or -"


def name_problems(where: Where, text: str) -> Iterator[Problem]:
    """Tell what is wrong with a host name."""
    if not _NAME.fullmatch(text):
        yield where, text, "a host name in small letters"


def place_problems(where: Where, port: int, path: str) -> Iterator[Problem]:
    """Tell what is wrong with a port and a path."""
    if not 1 <= port <= 65535:
        yield (*where, "port"), port, "1 to 65535"
    if not _PATH.fullmatch(path):
        yield (*where, "path"), path, "/ and what follows, without spaces"


def source_problems(where: Where, source: str) -> Iterator[Problem]:
    """Tell what is wrong with a source."""
    if not source.strip():
        yield (*where, "source"), source, "where this is known from"


def _twice(table: str, ids: Sequence[str]) -> Iterator[Problem]:
    for index, each in enumerate(ids):
        if each in ids[:index]:
            yield (table, index, "id"), each, "an id that is not used above"


def _within(host: str, suffixes: Iterable[str]) -> bool:
    return any(host == suffix or host.endswith(f".{suffix}") for suffix in suffixes)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address literal as an address, or None."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
