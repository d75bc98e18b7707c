"""What no test may do, as objects the fixtures of ``conftest.py`` use: reach past loopback, leave threads or windows behind."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

NUMERIC_NAMES: Final = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
JOIN_SECONDS: Final = 2.0
"""How long a thread that is already ending may take to end (a busy machine)."""


class OutsideContactError(AssertionError):
    """A test was about to send something to an address that is not loopback."""


def is_local(host: object) -> bool:
    """Whether a host, as given to a socket call, stays on this machine without asking any resolver."""
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):
        return host is None
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def is_numeric(host: object) -> bool:
    """Whether a host is an address already, so that looking it up sends nothing."""
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return host in {None, "", b""}
    return True


class LoopbackOnly:
    """Stands in front of Python's socket calls and lets through only what stays on this machine.

    It raises *and* remembers: an engine that turns every error into an observation would swallow the exception, and the
    test would pass having called the outside world.  asyncio's selector loops come through here too, since they call the
    same methods of the same sockets; Windows' proactor talks to the system past them and is guarded by itself.
    """

    def __init__(self) -> None:
        self.offences: list[str] = []

    def install(self) -> None:
        """Guard this process until it ends."""
        for name, address_at in (("connect", 0), ("connect_ex", 0), ("sendto", -1), ("sendmsg", 3)):
            if hasattr(socket.socket, name):
                setattr(socket.socket, name, self._socket_call(name, address_at))
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            setattr(socket, name, self._lookup(name))
        for name in ("gethostbyaddr", "getnameinfo"):
            setattr(socket, name, self._reverse_lookup(name))
        self._guard_proactor()

    def refuse(self, what: str) -> None:
        """Remember an offence and raise it."""
        self.offences.append(what)
        raise OutsideContactError(what)

    def check_address(self, call: str, family: int, address: object) -> None:
        """Refuse an address of the Internet families that is not loopback; other families (Unix, netlink) stay here anyway."""
        if family in {socket.AF_INET, socket.AF_INET6}:
            host = address[0] if isinstance(address, tuple) and address else address
            if not is_local(host):
                self.refuse(f"{call}({host!r})")

    def _socket_call(self, name: str, address_at: int) -> Callable[..., Any]:
        original = getattr(socket.socket, name)

        def guarded(sock: socket.socket, *args: Any) -> Any:
            if address_at < len(args) and args[address_at] is not None:
                self.check_address(name, sock.family, args[address_at])
            return original(sock, *args)

        return guarded

    def _lookup(self, name: str) -> Callable[..., Any]:
        original = getattr(socket, name)

        def guarded(host: object, *args: Any, **options: Any) -> Any:
            if not is_local(host) and not is_numeric(host):
                self.refuse(f"{name}({host!r})")
            return original(host, *args, **options)

        return guarded

    def _reverse_lookup(self, name: str) -> Callable[..., Any]:
        original = getattr(socket, name)

        def guarded(where: Any, flags: int = 0) -> Any:
            host = where[0] if isinstance(where, tuple) else where
            if not is_local(host) and flags & NUMERIC_NAMES != NUMERIC_NAMES:
                self.refuse(f"{name}({host!r})")
            return original(where, flags) if name == "getnameinfo" else original(where)

        return guarded

    def _guard_proactor(self) -> None:
        if sys.platform == "win32":
            from asyncio import windows_events

            for name in ("connect", "sendto"):
                setattr(windows_events.IocpProactor, name, self._proactor_call(getattr(windows_events.IocpProactor, name), name))

    def _proactor_call(self, original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def guarded(proactor: object, conn: socket.socket, *args: Any) -> Any:
            self.check_address(name, conn.family, args[-1])
            return original(proactor, conn, *args)

        return guarded


def threads_left(before: set[threading.Thread]) -> list[str]:
    """Return the names of the threads started since ``before`` that do not end by themselves.

    Threads that Python did not start (Qt's) stay in its list for ever once they ran a line of Python: not counted.
    """
    started = [t for t in threading.enumerate() if t not in before and not isinstance(t, threading._DummyThread)]
    for thread in started:
        thread.join(JOIN_SECONDS)
    return [thread.name for thread in started if thread.is_alive()]


def windows_left() -> list[str]:
    """Return the windows still on screen, and close them so that the next test is not blamed."""
    if "PySide6.QtWidgets" not in sys.modules:
        return []
    from PySide6.QtWidgets import QApplication

    left = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    for widget in left:
        widget.close()
    return [widget.objectName() or type(widget).__name__ for widget in left]


def may_make_namespaces() -> bool:
    """Whether tests that need root can run."""
    return sys.platform == "linux" and os.geteuid() == 0
