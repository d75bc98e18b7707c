"""Tying sockets to an interface: the option of each system, and what happens where it cannot be had."""

from __future__ import annotations

import errno
import socket
import sys

import pytest

from diagnostics.failures import failure_of
from diagnostics.vpn.outside.binding import BindingError, bind, may_bind, option_for
from diagnostics.vpn.outside.interfaces import Physical

LINE = Physical(name="eth0", index=0x0102)
IP, IPV6 = socket.IPPROTO_IP, socket.IPPROTO_IPV6


@pytest.mark.parametrize(
    "platform, family, expected",
    [
        ("linux", socket.AF_INET, (socket.SOL_SOCKET, 25, b"eth0\0")),
        ("linux", socket.AF_INET6, (socket.SOL_SOCKET, 25, b"eth0\0")),
        ("win32", socket.AF_INET, (IP, 31, b"\0\0\1\2")),
        ("win32", socket.AF_INET6, (IPV6, 31, (0x0102).to_bytes(4, sys.byteorder))),
        ("darwin", socket.AF_INET, (IP, 25, (0x0102).to_bytes(4, sys.byteorder))),
        ("darwin", socket.AF_INET6, (IPV6, 125, (0x0102).to_bytes(4, sys.byteorder))),
        ("plan9", socket.AF_INET, None),
    ],
)
def test_each_system_has_its_own_option(platform: str, family: socket.AddressFamily, expected: tuple[int, int, bytes] | None) -> None:
    assert option_for(platform, family, LINE) == expected


def test_an_interface_that_is_gone_is_never_taken_for_a_kill_switch() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(BindingError) as caught:
        bind(sock, Physical(name="no-such-if0", index=9999))
    assert caught.value.errno == errno.ENOPROTOOPT
    assert failure_of(caught.value) != "permission_denied"
    assert not may_bind(Physical(name="no-such-if0", index=9999))


def test_a_system_without_such_an_option_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    assert not may_bind(LINE)
