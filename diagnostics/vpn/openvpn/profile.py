"""An OpenVPN profile (.ovpn): where its servers are, what proves who they are, and what they want to know of the person.

Scripts and plug-ins are never run; of files only certificates and keys are read, which prove to be such, and only in the profile's own
folder.  What OpenVPN itself would insist on before it
sends a password (the authority, the kind of certificate, the name in it) is kept, and insisted on here as well.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final

import msgspec

from diagnostics.plan import ascii_host
from diagnostics.routes.link import NO_SECRET, Secret
from diagnostics.vpn.openvpn.certificates import Certificates, read_certificates
from diagnostics.vpn.openvpn.config import Config, Option, read_config
from diagnostics.vpn.openvpn.identity import ServerRules, read_rules
from diagnostics.vpn.openvpn.keys import client_key, static_key
from diagnostics.vpn.profile import Note, Profile, ProfileError, Protocol, Source, decoded

PORT: Final = 1194
"""OpenVPN's own (IANA)."""

MOST_REMOTES: Final = 16
"""Servers of one profile that are kept; providers put up to some dozens into one."""

MOST_LOGIN: Final = 128
"""Characters of a user's name or password (OpenVPN's USER_PASS_LEN without PKCS#11)."""

MOST_NAME: Final = 80
"""Characters that are shown of a file's name."""

INLINE: Final = "[inline]"
LOGIN: Final = "auth-user-pass"
DIGESTS: Final = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})
CIPHERS: Final = ("AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305")
"""What OpenVPN 2.6 offers for the data channel if the profile says nothing."""

_TCP: Final = frozenset({"tcp", "tcp-client", "tcp4", "tcp4-client", "tcp6", "tcp6-client"})
_UDP: Final = frozenset({"udp", "udp4", "udp6"})
_SCRIPTS: Final = frozenset(
    {
        *("up", "down", "route-up", "route-pre-down", "ipchange", "tls-verify", "auth-user-pass-verify", "client-connect"),
        *("client-disconnect", "client-crresponse", "plugin", "learn-address", "script-security", "tls-crypt-v2-verify", "iproute"),
    }
)
_COMPRESSION: Final = frozenset({"comp-lzo", "compress"})
_PROXIES: Final = frozenset({"http-proxy", "socks-proxy"})
_SERVERS_OWN: Final = frozenset({"server", "server-bridge", "server-ipv6", "tls-server"})
_KEYS_ELSEWHERE: Final = frozenset({"pkcs12", "cryptoapicert", "pkcs11-id", "pkcs11-providers", "management-external-key"})


class Remote(msgspec.Struct, frozen=True):
    """One way to one of the profile's servers."""

    host: str
    port: int
    transport: str


class Wrap(enum.StrEnum):
    """How the packets of the control channel are protected before anything else is."""

    PLAIN = "plain"
    TLS_AUTH = "tls-auth"
    TLS_CRYPT = "tls-crypt"
    TLS_CRYPT_V2 = "tls-crypt-v2"


class WrapKey(msgspec.Struct, frozen=True):
    """The key of the control channel, in hexadecimal digits.  ``wrapped``: the part for the server; ``direction``: of tls-auth."""

    wrap: Wrap = Wrap.PLAIN
    key: Secret = NO_SECRET
    wrapped: Secret = NO_SECRET
    direction: int | None = None
    digest: str = "sha1"


class OpenVpnProfile(Profile, frozen=True, kw_only=True):
    """An OpenVPN profile; ``remotes`` has the first server as well."""

    remotes: tuple[Remote, ...]
    wrap: WrapKey = WrapKey()
    certificates: Certificates
    rules: ServerRules = ServerRules()
    user: Secret = NO_SECRET
    password: Secret = NO_SECRET
    wants_login: bool = False
    """Whether it logs in with a name and a password at all."""
    ciphers: tuple[str, ...] = CIPHERS
    """Those of the data channel, which is never opened: a server may refuse a client that has none of its own."""
    tap: bool = False

    @property
    def asks_login(self) -> bool:
        """Tell whether it needs a name and a password that it does not hold."""
        return self.wants_login and not (self.user and self.password)

    def parts(self) -> tuple[str, ...]:
        """Return what tells this profile from another."""
        places = (f"{each.host}:{each.port}/{each.transport}" for each in self.remotes)
        return (*super().parts(), *places, self.wrap.key.reveal(), *self.certificates.parts())


def with_login(profile: OpenVpnProfile, user: str, password: str) -> OpenVpnProfile:
    """Return the profile with a name and a password.  Raises ProfileError for what OpenVPN itself would not take."""
    for text in (user, password):
        if not text or len(text) > MOST_LOGIN or any(ord(letter) < ord(" ") for letter in text):
            raise ProfileError("vpn.profile.ovpn.bad_login", most=MOST_LOGIN)
    return msgspec.structs.replace(profile, user=Secret(user), password=Secret(password))


def parse_ovpn(source: Source) -> OpenVpnProfile:
    """Return the profile in an .ovpn file.  Raises ProfileError."""
    config = read_config(source.text)
    _refuse(config)
    remotes = _remotes(config)
    wants_login, user, password = _login(config)
    rules = read_rules(config)
    return OpenVpnProfile(
        protocol=Protocol.OPENVPN,
        host=remotes[0].host,
        port=remotes[0].port,
        transport=remotes[0].transport,
        name=source.name,
        notes=tuple(_notes(config, remotes, rules)),
        remotes=remotes[:MOST_REMOTES],
        wrap=_wrap(config, source),
        certificates=read_certificates(
            lambda name: text_of(config, source, name), needs_authority=not rules.fingerprints, level=rules.level
        ),
        rules=rules,
        user=Secret(user),
        password=Secret(password),
        wants_login=wants_login,
        ciphers=_ciphers(config),
        tap=_device(config) == "tap",
    )


def text_of(config: Config, source: Source, name: str) -> str | None:
    """Return what a block holds or the file that an option names; None if the profile has neither.  Raises ProfileError."""
    option = config.last(name)
    if name in config.blocks:
        return config.blocks[name]
    if option is None:
        return None
    if option.word() in ("", INLINE):
        raise ProfileError("vpn.profile.ovpn.missing", name=name)
    return decoded(source.read(option.word())).replace("\r\n", "\n")


def _refuse(config: Config) -> None:
    """Refuse what is no client's profile, or needs what is not in it."""
    mode = config.last("mode")
    if config.has(*_SERVERS_OWN) or (mode is not None and mode.word() == "server"):
        raise ProfileError("vpn.profile.ovpn.of_server")
    if config.has("secret") or "secret" in config.blocks:
        raise ProfileError("vpn.profile.ovpn.static")
    if config.has(*_KEYS_ELSEWHERE) or "pkcs12" in config.blocks:
        raise ProfileError("vpn.profile.ovpn.key_elsewhere")


# --- where the servers are ---


def _remotes(config: Config) -> tuple[Remote, ...]:
    """Return every way to a server, in the order of the file."""
    last = _last(config.options)
    own = [_remote(option, last) for option in config.options if option.name == "remote"]
    parts = [_remote(option, last | _last(part)) for part in config.connections for option in part if option.name == "remote"]
    found = tuple(dict.fromkeys([*parts, *own]))
    if not found:
        raise ProfileError("vpn.profile.ovpn.no_remote")
    return found


def _last(options: tuple[Option, ...]) -> dict[str, str]:
    """Return what holds for ways that do not say it themselves."""
    return {each.name: each.word() for each in options if each.name in ("port", "rport", "proto")}


def _remote(option: Option, last: dict[str, str]) -> Remote:
    """Return the way that one line names, completed by the options around it."""
    host = ascii_host(option.word().strip("[]"))
    port = option.word(1) or last.get("rport") or last.get("port") or str(PORT)
    proto = (option.word(2) or last.get("proto") or "udp").lower()
    if proto == "tcp-server":
        raise ProfileError("vpn.profile.ovpn.of_server")
    valid = port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535
    if host is None or not valid or proto not in _TCP | _UDP:
        raise ProfileError("vpn.profile.ovpn.bad_remote", line=option.line)
    return Remote(host, int(port), "tcp" if proto in _TCP else "udp")


# --- keys and login ---


def _wrap(config: Config, source: Source) -> WrapKey:
    """Return how the control channel is protected."""
    given = [wrap for wrap in (Wrap.TLS_CRYPT_V2, Wrap.TLS_CRYPT, Wrap.TLS_AUTH) if wrap in config.blocks or config.has(wrap)]
    if len(given) > 1:
        raise ProfileError("vpn.profile.ovpn.two_keys", one=str(given[0]), other=str(given[1]))
    wrap = given[0] if given else Wrap.PLAIN
    text = text_of(config, source, wrap) if given else None
    if text is None:
        if given:  # inside a ``connection``, where it is rare enough to be said
            raise ProfileError("vpn.profile.ovpn.missing", name=str(wrap))
        return WrapKey()
    if wrap is Wrap.TLS_CRYPT_V2:
        key, wrapped = client_key(text)
        return WrapKey(wrap, Secret(key.hex()), Secret(wrapped.hex()))
    secret = Secret(static_key(text, wrap).hex())
    return WrapKey(wrap, secret) if wrap is Wrap.TLS_CRYPT else WrapKey(wrap, secret, NO_SECRET, _direction(config), _digest(config))


def _direction(config: Config) -> int | None:
    """Return which half of the key is ours: behind the file's name, or by an option of its own."""
    named, own = config.last("tls-auth"), config.last("key-direction")
    text = (named.word(1) if named else "") or (own.word() if own else "")
    if text not in ("", "0", "1"):
        raise ProfileError("vpn.profile.ovpn.direction")
    return int(text) if text else None


def _digest(config: Config) -> str:
    option = config.last("auth")
    name = option.word().lower().removeprefix("rsa-").replace("-", "") if option else "sha1"
    if name not in DIGESTS:
        raise ProfileError("vpn.profile.ovpn.digest")
    return name


def _login(config: Config) -> tuple[bool, str, str]:
    """Return whether it logs in, and the name and password that stand in the profile itself.

    Those of a file that it names are asked for instead: a login has no form of its own by which to tell it, so a stranger's profile
    could have any file of the folder sent to its server.
    """
    text = config.blocks.get(LOGIN)
    if text is None:
        return config.last(LOGIN) is not None, "", ""
    user, password, *_ = [*text.replace("\r", "").split("\n"), "", ""]
    return True, user[:MOST_LOGIN], password[:MOST_LOGIN]


def _login_file(config: Config) -> str:
    """Return which file the profile names for its login, as much of it as is shown; nothing if it names none or holds the login itself."""
    option = config.last(LOGIN)
    named = option.word() if option is not None and LOGIN not in config.blocks else ""
    return "" if named == INLINE else named[-MOST_NAME:]


def _ciphers(config: Config) -> tuple[str, ...]:
    """Return the ciphers that the profile offers for data."""
    names: list[str] = []
    for name in ("data-ciphers", "ncp-ciphers", "cipher", "data-ciphers-fallback"):
        option = config.last(name)
        names += option.word().upper().split(":") if option else []
    told = [each.lstrip("?") for each in names if each.lstrip("?").replace("-", "").isalnum() and len(each) < 32]
    listed = config.has("data-ciphers", "ncp-ciphers")
    return tuple(dict.fromkeys(told if listed else [*CIPHERS, *told]))[:16] or CIPHERS


def _device(config: Config) -> str:
    """Return tun or tap: what the network inside is made of."""
    kind, device = config.last("dev-type"), config.last("dev")
    return (kind.word() if kind else device.word() if device else "tun")[:3]


# --- what is worth knowing ---


def _notes(config: Config, remotes: tuple[Remote, ...], rules: ServerRules) -> Iterator[Note]:
    yield Note(text="vpn.rule.carries_no_pages")
    if config.has(*_SCRIPTS):
        yield Note(text="vpn.profile.scripts")
    if config.has(*_PROXIES):
        yield Note(text="vpn.profile.ovpn.proxy")
    if any(option.name in _COMPRESSION and option.word() not in ("no", "stub", "stub-v2", "migrate") for option in config.options):
        yield Note(text="vpn.profile.ovpn.compression")
    if _device(config) == "tap":
        yield Note(text="vpn.profile.ovpn.tap")
    if file := _login_file(config):
        yield Note(text="vpn.profile.ovpn.login_file", values={"name": file})
    if config.has("static-challenge"):
        yield Note(text="vpn.profile.ovpn.code")
    if not rules.strict:
        yield Note(text="vpn.profile.ovpn.unproven")
    if len(remotes) > 1:
        yield Note(text="vpn.profile.ovpn.servers", values={"count": str(len(remotes))})
