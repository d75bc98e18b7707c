"""A proxy as a person has it: what kind it is, where it lives, and secrets that do not print.

A link is parsed by ``diagnostics/routes/grammar.py``.  Nothing of it enters a report: there it is its ``id``, the kind and four
digits of a hash.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from typing import Final

from diagnostics.errors import InputError
from diagnostics.model import Fact

ID_DIGITS: Final = 4
"""Hexadecimal digits of the hash: enough to tell a person's own proxies apart, too few to find the link by trying."""


class LinkError(InputError):
    """A link that cannot be used; the sentence names the part that is wrong and repeats nothing secret."""


class Kind(enum.StrEnum):
    """What a proxy speaks."""

    AUTO = "auto"  # host and port alone: found out by asking
    HTTP = "http"  # CONNECT
    HTTPS = "https"  # CONNECT inside TLS to the proxy
    SOCKS4 = "socks4"
    SOCKS4A = "socks4a"
    SOCKS5 = "socks5"  # names are resolved here
    SOCKS5H = "socks5h"  # names are resolved by the proxy
    SHADOWSOCKS = "shadowsocks"
    OUTLINE = "outline"  # ssconf://: a page that holds the account
    TROJAN = "trojan"
    VLESS = "vless"
    VMESS = "vmess"
    HYSTERIA2 = "hysteria2"
    TUIC = "tuic"
    MTPROTO = "mtproto"  # Telegram's own
    SIGNAL = "signal"
    WHATSAPP = "whatsapp"


APPS: Final = {Kind.MTPROTO: "telegram", Kind.SIGNAL: "signal", Kind.WHATSAPP: "whatsapp"}
"""Kinds of proxies that carry one program alone, and the service that it belongs to."""

SPOKEN_HERE: Final = frozenset(
    {
        *(Kind.AUTO, Kind.HTTP, Kind.HTTPS, Kind.SOCKS4, Kind.SOCKS4A, Kind.SOCKS5, Kind.SOCKS5H),
        *(Kind.SHADOWSOCKS, Kind.OUTLINE, Kind.TROJAN, Kind.VLESS, Kind.VMESS, Kind.HYSTERIA2),
    }
)
"""Kinds through which any service can be reached by this program itself."""


class Secret:
    """A text that prints as dots: in logs, errors, reports and debuggers."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hide ``text``."""
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that sends or stores it."""
        return self._text

    def __repr__(self) -> str:
        """Show that there is one."""
        return "•••"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Show dots in f-strings, too."""
        return format("•••", spec)

    def __eq__(self, other: object) -> bool:
        """Compare what is hidden."""
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        """Hash what is hidden."""
        return hash(self._text)

    def __bool__(self) -> bool:
        """Tell whether anything is hidden."""
        return bool(self._text)

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be copied into a file by accident."""
        message = "a secret is not pickled"
        raise TypeError(message)


NO_SECRET: Final = Secret("")


class Link(Fact, frozen=True):
    """One proxy.

    ``secret`` is the password, the UUID or the key; ``options`` are the further parts of the link that matter to its kind, and
    may be secret as well; ``name`` is what the sender called it; ``insecure``: the link asks not to check the proxy's identity,
    which is never done; ``first`` is the proxy through which this one is reached (a chain of two).
    """

    kind: Kind
    host: str
    port: int
    user: Secret = NO_SECRET
    secret: Secret = NO_SECRET
    method: str = ""
    options: Mapping[str, Secret] = {}
    name: str = ""
    insecure: bool = False
    first: Link | None = None

    def option(self, key: str) -> str:
        """Return an option, or nothing."""
        found = self.options.get(key)
        return found.reveal() if found else ""

    @property
    def fingerprint(self) -> str:
        """Return a hash of everything in the link but its name."""
        parts = [str(self.kind), self.host.lower(), str(self.port), self.user.reveal(), self.secret.reveal(), self.method]
        parts += [f"{key}={self.options[key].reveal()}" for key in sorted(self.options)]
        parts += [self.first.fingerprint] if self.first else []
        return hashlib.sha256(chr(0).join(parts).encode()).hexdigest()

    @property
    def id(self) -> str:
        """Return how reports and logs call the proxy: its kind and the end of its fingerprint."""
        return f"{self.kind}-{self.fingerprint[-ID_DIGITS:]}"

    def __repr__(self) -> str:
        """Show the id alone: host names of private proxies are secrets, too."""
        return f"<proxy {self.id}>"

    __str__ = __repr__
