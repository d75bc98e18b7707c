"""What the systems' own settings say about proxies: from their texts and values to ``Setting``; pure.

Formats: Windows Internet options (Microsoft, "INTERNET_PER_CONN_OPTION" and WinINet's ProxyServer), the binary values beside them
(undocumented; the layout that many programs read is in ``parse_blob``), ``scutil --proxy`` (macOS), ``gsettings list-recursively
org.gnome.system.proxy`` (GVariant text format), KDE's ``kioslaverc`` (KConfig), and the variables that curl documents.
None of them is localised.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from diagnostics.model import Fact
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import NO_SECRET, Kind, Link, LinkError, Secret
from diagnostics.routes.parts import credential, place_of
from diagnostics.routes.system_proxy import Setting, Source

MAX_TEXT: Final = 256 * 1024
MOST_EXCEPTIONS: Final = 256
MAX_PAC_URL: Final = 2048

_KINDS: Final = {"http": Kind.HTTP, "https": Kind.HTTP, "ftp": Kind.HTTP, "all": Kind.HTTP, "socks": Kind.SOCKS5H}
"""What a proxy speaks that is set for something: the one for secure pages is asked by CONNECT in the clear."""

_WINDOWS_PORTS: Final = {Kind.HTTP: 80, Kind.SOCKS5H: 1080}
"""WinINet's ports for addresses that name none."""


class _Made:
    """A setting in the making: what cannot be understood is noted and the rest is kept."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.links: dict[str, Link] = {}
        self.unread: list[str] = []

    def put(self, use: str, text: str, port: int | None = None) -> None:
        """Take the proxy for ``use``; ``port`` is the one that an address without a port means there."""
        text = text.strip()
        if not text:
            return
        try:
            self.links[use] = _link(text, _KINDS[use], port)
        except LinkError as error:
            self.unread.append(error.text)

    def done(self, *, pac: str = "", detect: bool = False, exceptions: Iterable[str] = (), in_force: bool = True) -> Setting:
        """Return the setting."""
        script = pac.strip()[:MAX_PAC_URL]
        skipped = [each.strip() for each in exceptions]
        return Setting(
            source=self.source,
            links=self.links,
            pac=Secret(script) if script else NO_SECRET,
            detect=detect,
            exceptions=tuple(each for each in skipped if each)[:MOST_EXCEPTIONS],
            unread=tuple(self.unread),
            in_force=in_force,
        )


def _link(text: str, kind: Kind, port: int | None = None) -> Link:
    """Return the proxy of an address or link.  Raises LinkError."""
    if "://" in text:
        scheme, _, rest = text.partition("://")
        has_port = re.search(r":\d+/?$", rest)
        if port and not has_port and scheme.lower() in ("http", "https"):
            text = f"{scheme}://{rest.rstrip('/')}:{port}"
        return parse_link(text)
    host, found = place_of(text if port is None or re.search(r":\d+$", text) else f"{text}:{port}", kind)
    return Link(kind=kind, host=host, port=found)


# --- Windows --------------------------------------------------------------------------------------

_MANUAL, _SCRIPT, _DETECT = 0x02, 0x04, 0x08
"""Bits of the flags in a blob: PROXY_TYPE_PROXY, PROXY_TYPE_AUTO_PROXY_URL, PROXY_TYPE_AUTO_DETECT (WinINet)."""


class Blob(Fact, frozen=True):
    """A binary setting: its flags and texts."""

    flags: int
    proxy: str = ""
    bypass: str = ""
    pac: str = ""


def parse_blob(data: bytes) -> Blob | None:
    """Return a binary value of Windows (DefaultConnectionSettings, WinHttpSettings), or None for anything else.

    Little-endian 32-bit numbers: version, a counter of changes, flags; then texts, each behind its length: proxy, exceptions and, in
    the first of the two, the script's address.
    """
    if len(data) < 12 or len(data) > MAX_TEXT:
        return None
    flags = struct.unpack_from("<I", data, 8)[0]
    texts: list[str] = []
    at = 12
    while len(texts) < 3 and at + 4 <= len(data):
        length = struct.unpack_from("<I", data, at)[0]
        if at + 4 + length > len(data):
            return None
        texts.append(data[at + 4 : at + 4 + length].decode("utf-8", "replace"))
        at += 4 + length
    texts += [""] * (3 - len(texts))
    return Blob(flags=flags, proxy=texts[0], bypass=texts[1], pac=texts[2])


def parse_windows(values: Mapping[str, object], connection: bytes = b"") -> Setting:
    """Return what Internet options say: the named values, and DefaultConnectionSettings for what is searched for."""
    made, blob = _Made(Source.WINDOWS), parse_blob(connection)
    if values.get("ProxyEnable") == 1:
        _put_windows(made, str(values.get("ProxyServer") or ""))
    detect = values.get("AutoDetect") == 1 or bool(blob and blob.flags & _DETECT)
    exceptions = re.split(r"[;\s]+", str(values.get("ProxyOverride") or "")) if made.links else []
    return made.done(pac=str(values.get("AutoConfigURL") or ""), detect=detect, exceptions=exceptions)


def parse_winhttp(data: bytes) -> Setting:
    """Return what WinHttpSettings says: the proxy of services, which browsers never use."""
    made, blob = _Made(Source.WINHTTP), parse_blob(data)
    if blob and blob.flags & _MANUAL:
        _put_windows(made, blob.proxy)
    return made.done(exceptions=re.split(r"[;\s]+", blob.bypass) if blob and made.links else ())


def _put_windows(made: _Made, server: str) -> None:
    """Take apart ``h:p`` for everything, or ``http=h:p;https=h:p;socks=h:p``."""
    for part in re.split(r"[;\s]+", server[:MAX_TEXT]):
        use, equals, address = part.partition("=")
        use = use.strip().lower() if equals else "all"
        if use in _KINDS:
            made.put(use, address if equals else part, _WINDOWS_PORTS[_KINDS[use]])


# --- macOS ----------------------------------------------------------------------------------------

_SCUTIL: Final = re.compile(r"^\s*(\S+) : (.*)$")


def parse_scutil(text: str) -> Setting:
    """Return what ``scutil --proxy`` prints: one dictionary; those inside it (one for each interface) are passed over."""
    made, values, exceptions = _Made(Source.MACOS), dict[str, str](), list[str]()
    inside: list[str] = []
    for line in text[:MAX_TEXT].splitlines():
        found = _SCUTIL.match(line)
        if line.strip() == "}":
            inside = inside[:-1]
        elif found is None:
            if line.rstrip().endswith("{"):
                inside.append("")
        elif found[2].endswith("{"):
            inside.append(found[1])
        elif len(inside) == 1:
            values[found[1]] = found[2].strip()
        elif inside[1:] == ["ExceptionsList"]:
            exceptions.append(found[2])
    for use, key in (("http", "HTTP"), ("https", "HTTPS"), ("ftp", "FTP"), ("socks", "SOCKS")):
        if values.get(f"{key}Enable") == "1" and values.get(f"{key}Proxy"):
            host, port = values[f"{key}Proxy"], values.get(f"{key}Port", "")
            made.put(use, _with_port(host, port))
    pac = values.get("ProxyAutoConfigURLString", "") if values.get("ProxyAutoConfigEnable") == "1" else ""
    return made.done(pac=pac, detect=values.get("ProxyAutoDiscoveryEnable") == "1", exceptions=exceptions if made.links else ())


def _with_port(host: str, port: str) -> str:
    host = f"[{host}]" if ":" in host and not host.startswith("[") and "://" not in host else host
    return f"{host}:{port}" if port and port != "0" else host


# --- Linux desktops -------------------------------------------------------------------------------

_GSETTING: Final = re.compile(r"^org\.gnome\.system\.proxy(?:\.(\w+))? ([\w-]+) (.*)$")
_GSTRING: Final = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


def parse_gsettings(text: str, *, in_force: bool = True) -> Setting:
    """Return what GNOME's settings say, printed by ``gsettings list-recursively org.gnome.system.proxy``."""
    made, values = _Made(Source.GNOME), dict[tuple[str, str], str]()
    for line in text[:MAX_TEXT].splitlines():
        if found := _GSETTING.match(line):
            values[found[1] or "", found[2]] = found[3]

    def word(group: str, key: str) -> str:
        return next(iter(_strings(values.get((group, key), ""))), "")

    mode = word("", "mode")
    if mode == "manual":
        for use in ("http", "https", "ftp", "socks"):
            host, port = word(use, "host"), values.get((use, "port"), "")
            if host.strip() and port != "0":  # a port of 0 means: not set
                made.put(use, _with_port(host.strip(), port))
        _put_login(made, values, word)
    script = word("", "autoconfig-url") if mode == "auto" else ""
    exceptions = _strings(values.get(("", "ignore-hosts"), "")) if made.links else []
    return made.done(pac=script, detect=mode == "auto" and not script, exceptions=exceptions, in_force=in_force)


def _put_login(made: _Made, values: Mapping[tuple[str, str], str], word: Callable[[str, str], str]) -> None:
    """GNOME keeps one login, for the proxy of plain pages."""
    link = made.links.get("http")
    if link is None or values.get(("http", "use-authentication")) != "true":
        return
    try:
        user, secret = credential(word("http", "authentication-user")), credential(word("http", "authentication-password"))
    except LinkError as error:
        made.unread.append(error.text)
        return
    made.links["http"] = Link(kind=link.kind, host=link.host, port=link.port, user=user, secret=secret)


def _strings(text: str) -> list[str]:
    """Return the strings of a GVariant text: one, or those of a list."""
    return [re.sub(r"\\(.)", r"\1", single or double) for single, double in _GSTRING.findall(text)]


_KDE_MANUAL, _KDE_SCRIPT, _KDE_DETECT = "1", "2", "3"
"""KProtocolManager::ProxyType; 0 is none and 4 the environment, which is read by itself."""


def parse_kioslaverc(text: str, *, in_force: bool = True) -> Setting:
    """Return what KDE's settings say: the group "Proxy Settings" of ``kioslaverc``."""
    made = _Made(Source.KDE)
    values, group = dict[str, str](), ""
    for line in text[:MAX_TEXT].splitlines():
        key, equals, value = line.partition("=")
        if line.strip().startswith("["):
            group = line.strip()
        elif group == "[Proxy Settings]" and equals:
            values[key.partition("[")[0].strip()] = value.strip()  # a mark such as [$e] may follow the key
    kind = values.get("ProxyType", "0").strip()
    if kind == _KDE_MANUAL:
        for use in ("http", "https", "ftp", "socks"):
            made.put(use, re.sub(r"\s+(?=\d+/?$)", ":", values.get(f"{use}Proxy", "").strip()))
    only_exceptions = values.get("ReversedException", "").strip().lower() == "true"  # the proxy is for the exceptions alone
    return made.done(
        pac=values.get("Proxy Config Script", "") if kind == _KDE_SCRIPT else "",
        detect=kind == _KDE_DETECT,
        exceptions=re.split(r"[,\s]+", values.get("NoProxyFor", "")) if made.links else (),
        in_force=in_force and not only_exceptions,
    )


# --- the environment ------------------------------------------------------------------------------


def parse_environment(variables: Mapping[str, str]) -> list[Setting]:
    """Return what the variables of this process say; two settings where capitals and small letters disagree.

    Programs differ in which of the two they read (curl takes ``http_proxy`` in small letters alone).
    """
    small, capitals = _variables(variables, str.lower), _variables(variables, str.upper)
    differ = any(small[use] != capitals[use] for use in small.keys() & capitals.keys())
    if not differ:
        return [_environment(Source.ENVIRONMENT, capitals | small)]
    return [_environment(Source.ENVIRONMENT, small), _environment(Source.ENVIRONMENT_CAPITALS, capitals)]


def _environment(source: Source, values: Mapping[str, str]) -> Setting:
    made = _Made(source)
    for use in ("http", "https", "ftp", "all"):
        made.put(use, values.get(use, ""))
    return made.done(exceptions=re.split(r"[,\s]+", values.get("no", "")) if made.links else ())


def _variables(variables: Mapping[str, str], case: Callable[[str], str]) -> dict[str, str]:
    """Return the variables of one case by what they are for."""
    names = {use: case(f"{use}_proxy") for use in ("http", "https", "ftp", "all", "no")}
    return {use: variables[name] for use, name in names.items() if variables.get(name, "").strip()}
