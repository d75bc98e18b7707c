"""What is said inside TLS: the exchange of keys with name and password, and what the server pushes; no data channel comes of it.

Source: OpenVPN 2.6's ssl.c (``key_method_2_write``), push.c and ssl_common.h; IV_PROTO's bits are those of ssl.h.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import Final

import msgspec

from diagnostics.vpn.openvpn.profile import OpenVpnProfile

KEY_METHOD: Final = b"\0\0\0\0\2"
"""How an exchange of keys begins, from either side."""

RANDOM_BYTES: Final = 112
"""The client's share: 48 bytes of secret and two times 32."""

PUSH_REQUEST: Final = b"PUSH_REQUEST\0"
EXIT: Final = b"EXIT\0"

_DATA_V2, _REQUEST_PUSH, _KEY_EXPORT, _AUTH_PENDING, _EXIT_NOTIFY, _TEMPORARY = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 7, 1 << 8
IV_PROTO: Final = _DATA_V2 | _REQUEST_PUSH | _KEY_EXPORT | _AUTH_PENDING | _EXIT_NOTIFY | _TEMPORARY

MOST_OPTIONS: Final = 2000
"""Options that are counted in what a server pushes; thousands of routes are none of this program's business."""

_PLATFORMS: Final = {"win32": "win", "darwin": "mac"}


class Pushed(msgspec.Struct):
    """What a server pushed, in numbers: addresses and names of its network are not kept."""

    routes: int = 0
    dns: int = 0
    everything: bool = False
    """Whether all traffic is to go inside."""
    block_outside_dns: bool = False
    ipv6: bool = False
    exits: bool = False
    """Whether the server understands a farewell on the control channel."""
    more: bool = False
    """Whether another message continues this one."""
    options: int = 0

    def add(self, text: str) -> None:
        """Count the options of one message."""
        self.more = False
        for option in text.split(","):
            self.options += 1
            if self.options > MOST_OPTIONS:
                self.more = False
                return
            self._count(option.split()[:8])

    def _count(self, words: list[str]) -> None:
        match words:
            case ["route" | "route-ipv6", *_]:
                self.routes += 1
            case ["dhcp-option", "DNS" | "DNS6", *_] | ["dns", "server", _, "address", *_]:
                self.dns += 1
            case ["redirect-gateway" | "redirect-private", *_]:
                self.everything |= words[0] == "redirect-gateway"
            case ["block-outside-dns", *_]:
                self.block_outside_dns = True
            case ["ifconfig-ipv6", *_]:
                self.ipv6 = True
            case ["protocol-flags", *flags]:
                self.exits |= "cc-exit" in flags
            case ["push-continuation", "2", *_]:
                self.more = True


def key_exchange(profile: OpenVpnProfile) -> bytes:
    """Return our side of the exchange of keys, with the name and the password where the profile has them."""
    remote = "TCPv4_CLIENT" if profile.transport == "tcp" else "UDPv4"
    device = "tap" if profile.tap else "tun"
    options = (
        f"V4,dev-type {device},link-mtu 1549,tun-mtu 1500,proto {remote},cipher {profile.ciphers[0]},"
        "auth [null-digest],key-method 2,tls-client"
    )
    about = (
        f"IV_VER=2.6.14\nIV_PLAT={_PLATFORMS.get(sys.platform, 'linux')}\nIV_TCPNL=1\nIV_MTU=1600\nIV_NCP=2\n"
        f"IV_CIPHERS={':'.join(profile.ciphers)}\nIV_PROTO={IV_PROTO}\n"
    )
    words = (options, profile.user.reveal(), profile.password.reveal(), about)
    return KEY_METHOD + os.urandom(RANDOM_BYTES) + b"".join(_text(each) for each in words)


def _text(text: str) -> bytes:
    """Return a text behind its length, which counts the zero at its end; nothing is just a length of zero."""
    data = text.encode() + b"\0" if text else b""
    return struct.pack("!H", len(data)) + data


class Heard:
    """What the server said so far.  ``answer``: nothing yet, ``keys`` (its side of the exchange), or how it ended.

    Endings: ``push`` (let in), ``refused``, ``challenge`` (asks for a further code), ``cipher`` (no common cipher), ``busy`` (asks to
    come back later), ``pending`` (waits for the person elsewhere), ``halted``.
    """

    def __init__(self) -> None:
        """Have heard nothing."""
        self.answer = ""
        self.pushed = Pushed()

    @property
    def over(self) -> bool:
        """Tell whether nothing more is to be waited for."""
        return self.answer not in ("", "keys")

    def take(self, record: bytes) -> None:
        """Take one record of TLS: OpenVPN writes each message as one."""
        if record.startswith(KEY_METHOD):
            self.answer = self.answer or "keys"
            return
        for message in record.split(b"\0"):
            if not self.over:
                self._take(message.decode("utf-8", "replace"))

    def _take(self, message: str) -> None:
        word, _, rest = message.partition(",")
        match word:
            case "PUSH_REPLY":
                self.pushed.add(rest)
                self.answer = self.answer if self.pushed.more else "push"
            case "AUTH_FAILED":
                self.answer = _refusal(rest)
            case "AUTH_PENDING":
                self.answer = "pending"
            case "RESTART" | "HALT":
                self.answer = "halted"


def _refusal(reason: str) -> str:
    """Return why a login was refused, as far as OpenVPN itself has words for it; the server's own are not repeated."""
    if reason.startswith("CRV1:"):
        return "challenge"
    if reason.startswith("TEMP"):
        return "busy"
    return "cipher" if "cipher negotiation failed" in reason else "refused"
