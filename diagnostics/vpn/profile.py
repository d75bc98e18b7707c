"""A person's VPN profile: a file, a few lines or a link, read without trusting any of it.

``read_profile`` finds out what it is and hands it to that protocol's own parser.  Nothing in a profile is ever executed, no file beyond
its own folder is opened, and nothing of it enters a report: there it is its ``id``, the protocol and four digits of a hash.
"""

from __future__ import annotations

import codecs
import enum
import hashlib
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from diagnostics.errors import InputError
from diagnostics.model import Fact
from diagnostics.routes.link import ID_DIGITS

MAX_PROFILE: Final = 1_000_000
"""Bytes: the largest profiles carry some certificates and hundreds of routes, a tenth of this."""

MAX_KEY_FILE: Final = 200_000
"""Bytes of one file that a profile names."""

_BYTE_ORDERS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

_PLACE: Final = r"(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\]):\d+"
_BRIDGE: Final = rf"^[ \t]*(bridge\s+\S|[a-z][a-z0-9_-]*\s+{_PLACE}(\s|$)|{_PLACE}\s+[0-9A-F]{{40}})"
"""How a line of a bridge begins: with its word, with the name of a disguise, or with address and fingerprint."""

_OVPN: Final = (
    r"^[ \t]*(client|tls-client|dev[ \t]+(tun|tap)\w*|proto[ \t]+(udp|tcp)[\w-]*|remote[ \t]+[^\s=]+([ \t]+\d+([ \t]+\w+)?)?"
    r"|auth-user-pass([ \t].*)?|<(ca|cert|connection|tls-auth|tls-crypt|tls-crypt-v2)>)[ \t]*([#;].*)?$"
)
"""Lines that only OpenVPN's files have."""


_ADDRESS: Final = r"^[ \t]*(ikev2|l2tp|sstp|anyconnect|ssh)://"
"""How the address of a server begins of which there is no profile."""


class ProfileError(InputError):
    """A profile that cannot be used; the sentence names the part that is wrong and repeats nothing secret."""


class Protocol(enum.StrEnum):
    """What a profile speaks."""

    WIREGUARD = "wireguard"
    AMNEZIAWG = "amneziawg"
    TOR = "tor"  # a bridge without disguise: an ORPort
    OBFS4 = "obfs4"
    IKEV2 = "ikev2"
    L2TP = "l2tp"
    SSTP = "sstp"
    ANYCONNECT = "anyconnect"
    SSH = "ssh"
    OPENVPN = "openvpn"


ONE_AT_A_TIME: Final = frozenset({Protocol.WIREGUARD, Protocol.AMNEZIAWG})
"""Protocols whose server sends everything to whoever used the key last."""


class Note(Fact, frozen=True):
    """Something worth saying of a profile, as the id of a text and its values: scripts that are not run, options that are left out."""

    text: str
    values: Mapping[str, str] = {}


class Profile(Fact, frozen=True):
    """One profile; each protocol adds its own fields.

    ``host`` and ``port`` are those of its first server, ``transport`` is udp or tcp.  ``name`` is what the person's file is called.
    ``parts`` feed the fingerprint: everything that tells this profile from another.
    """

    protocol: Protocol
    host: str
    port: int
    transport: str = "udp"
    name: str = ""
    notes: tuple[Note, ...] = ()

    def parts(self) -> tuple[str, ...]:
        """Return what tells this profile from another; those of a protocol add their keys."""
        return (str(self.protocol), self.host.lower(), str(self.port), self.transport)

    @property
    def id(self) -> str:
        """Return how reports and logs call the profile: its protocol and the end of a hash."""
        return f"{self.protocol}-{hashlib.sha256(chr(0).join(self.parts()).encode()).hexdigest()[-ID_DIGITS:]}"

    def __repr__(self) -> str:
        """Show the id alone: the names of private servers are secrets, too."""
        return f"<profile {self.id}>"

    __str__ = __repr__


class Consent(Fact, frozen=True):
    """What the person allowed.

    ``login``: an OpenVPN login may end a connection of theirs that is up.  ``data``: packets through a WireGuard tunnel move it to this
    program while the same key is in use elsewhere; ``in_use``: this computer's own tunnel uses the profile, so that neither is done;
    ``doubt``: a tunnel that is up here may be the profile's, so that nothing but a greeting is sent either.
    """

    login: bool = False
    data: bool = True
    in_use: bool = False
    doubt: bool = False

    @property
    def only_greet(self) -> bool:
        """Tell whether no packet may go through a tunnel."""
        return self.in_use or self.doubt or not self.data


class Source:
    """Where a profile came from: its text, and the files beside it that it may name."""

    def __init__(self, text: str, folder: Path | None = None, name: str = "") -> None:
        """Take a text; without ``folder`` (pasted, or handed over) no file can be read."""
        self.text = text
        self.name = name
        self._folder = folder

    def read(self, name: str) -> bytes:
        """Return a file that the profile names: a regular one in the profile's own folder, and no larger than ``MAX_KEY_FILE``.

        Raises ProfileError: a stranger's profile must not make us open whatever it likes.
        """
        shown = name[-80:]
        if self._folder is None:
            raise ProfileError("vpn.profile.file_missing", name=shown)
        folder = self._folder.resolve()
        path = (folder / name.replace("\\", "/").rpartition("/")[2]).resolve() if name else folder
        try:
            facts = path.stat()
            if path.parent != folder or not stat.S_ISREG(facts.st_mode):
                raise ProfileError("vpn.profile.file_missing", name=shown)
            if facts.st_size > MAX_KEY_FILE:
                raise ProfileError("vpn.profile.file_too_big", name=shown)
            with path.open("rb") as file:
                return file.read(MAX_KEY_FILE)
        except (OSError, ValueError) as error:
            raise ProfileError("vpn.profile.file_missing", name=shown) from error


def open_profile(path: Path) -> Profile:
    """Return the profile in a file.  Raises ProfileError, and InputError for a file that cannot be read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ProfileError("vpn.profile.folder")
        if not stat.S_ISREG(mode):
            raise ProfileError("vpn.profile.not_a_profile")
        with path.open("rb") as file:
            data = file.read(MAX_PROFILE + 1)
    except OSError as error:
        raise InputError("error.cannot_read", file=str(path), reason=error.strerror or type(error).__name__) from error
    return read_profile(data, folder=path.parent, name=path.stem)


def read_profile(data: bytes | str, *, folder: Path | None = None, name: str = "") -> Profile:
    """Return the profile in some bytes or in a pasted text.  Raises ProfileError with the sentence about what is wrong."""
    if len(data) > MAX_PROFILE:
        raise ProfileError("vpn.profile.too_big")
    text = data if isinstance(data, str) else decoded(data)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise ProfileError("vpn.profile.empty")
    if "\0" in text:
        raise ProfileError("vpn.profile.not_a_profile")
    return _parser(text)(Source(text, folder, name))


def decoded(data: bytes) -> str:
    """Return bytes as text: UTF-8 or UTF-16 by their mark, else UTF-8, else the old Western set; nothing is refused."""
    for mark, encoding in _BYTE_ORDERS:
        if data.startswith(mark):
            return data.removeprefix(mark).decode(encoding, "replace")
    if data[1::2].count(0) > len(data) // 4:
        return data.decode("utf-16-le", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parser(text: str) -> Callable[[Source], Profile]:
    """Return the parser for what a text looks like; each is imported only when it is wanted."""
    if re.search(r"^[ \t]*\[[ \t]*(interface|peer)[ \t]*\]", text, re.IGNORECASE | re.MULTILINE):
        from diagnostics.vpn.wireguard.profile import parse_conf

        return parse_conf
    if re.search(_OVPN, text, re.IGNORECASE | re.MULTILINE):
        from diagnostics.vpn.openvpn.profile import parse_ovpn

        return parse_ovpn
    if re.search(_BRIDGE, text, re.IGNORECASE | re.MULTILINE):
        from diagnostics.vpn.tor.bridge import parse_bridge

        return parse_bridge
    if re.search(_ADDRESS, text, re.IGNORECASE | re.MULTILINE):
        from diagnostics.vpn.address.profile import parse_address

        return parse_address
    raise ProfileError("vpn.profile.not_a_profile")
