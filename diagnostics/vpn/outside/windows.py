"""Windows: routes, adapters and name servers, read from iphlpapi's tables and the registry.  Not run on Windows yet.

The texts of ``ipconfig`` and ``route`` are in the person's language; these tables are not.  Layouts: MIB_IPFORWARDTABLE, MIB_IPADDRTABLE
and MIB_IFTABLE of ipmib.h and ifmib.h; ``dwType`` is IANA's ifType.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import struct
import sys
from collections.abc import Iterator
from typing import Any, Final

import psutil

from diagnostics.model import Fact
from diagnostics.vpn.outside.interfaces import Default, Physical, Rank
from diagnostics.vpn.outside.reading import servers

_FORWARD_ROW: Final = struct.Struct("<4s4sI4sII8I")
_ADDRESS_ROW: Final = struct.Struct("<4sIIIIHH")
_IF_ROW: Final = struct.Struct("<512sII3I8s15II256s")
_MOST_ROWS: Final = 4096

_TUNNEL_TYPES: Final = frozenset({53, 131})
"""propVirtual (Wintun and WireGuard) and tunnel."""

_PPP: Final = 23
_TUNNEL_WORDS: Final = re.compile(r"TAP-|Wintun|WireGuard|OpenVPN|VPN|Tunnel|ZeroTier", re.IGNORECASE)
"""Words of driver descriptions, which are not translated: TAP adapters say that they are Ethernet."""

_INTERFACES: Final = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces"


class Adapter(Fact, frozen=True):
    """One row of the table of interfaces: its number, ifType, the driver's description and the GUID that the registry knows it by."""

    index: int
    kind: int
    description: str
    guid: str


class Windows:
    """The adapter; devices go by psutil's names, which the person may have changed."""

    def __init__(self) -> None:
        """Read the tables once."""
        self._adapters = {each.index: each for each in parse_adapters(_table("GetIfTable"))}
        named = {str(a.address): name for name, addresses in psutil.net_if_addrs().items() for a in addresses}
        self._index = {named[address]: index for address, index in parse_addresses(_table("GetIpAddrTable")) if address in named}

    def defaults(self) -> list[Default]:
        """Return the IPv4 default routes, and an IPv6 one for each device that has a global address."""
        names = {index: name for name, index in self._index.items()}
        four = parse_forwards(_table("GetIpForwardTable"))
        found = [Default(device=names[i], gateway=gateway, metric=metric) for i, gateway, metric in four if i in names]
        return [*found, *(Default(device=each.device, metric=each.metric, six=True) for each in found if _has_six(each.device))]

    def rank(self, device: str) -> Rank:
        """Return what the driver says of itself."""
        return rank_of(self._adapters.get(self.index(device)))

    def index(self, device: str) -> int:
        """Return the number of the adapter that has one of the device's addresses."""
        return self._index.get(device, 0)

    def nameservers(self, physical: Physical) -> list[str]:
        """Return what the person set for the adapter, else what its network told it."""
        adapter = self._adapters.get(physical.index)
        return _registered(adapter.guid) if adapter and adapter.guid else []


def rank_of(adapter: Adapter | None) -> Rank:
    """Return what kind of thing an adapter is; one that nobody knows counts as a tunnel, so that it is never bound to."""
    if adapter is None or adapter.kind in _TUNNEL_TYPES or _TUNNEL_WORDS.search(adapter.description):
        return Rank.TUNNEL
    return Rank.DIAL_UP if adapter.kind == _PPP else Rank.LINE


def parse_forwards(table: bytes) -> Iterator[tuple[int, str, int]]:
    """Yield (interface, next router, cost) of the default routes in a MIB_IPFORWARDTABLE."""
    for target, mask, _policy, router, index, _kind, *rest in _rows(table, _FORWARD_ROW):
        if target == mask == bytes(4):
            gateway = ipaddress.IPv4Address(router)
            yield index, "" if gateway.is_unspecified else str(gateway), rest[3]


def parse_addresses(table: bytes) -> Iterator[tuple[str, int]]:
    """Yield (address, interface) of a MIB_IPADDRTABLE."""
    for address, index, *_ in _rows(table, _ADDRESS_ROW):
        yield str(ipaddress.IPv4Address(address)), index


def parse_adapters(table: bytes) -> Iterator[Adapter]:
    """Yield the rows of a MIB_IFTABLE."""
    for row in _rows(table, _IF_ROW):
        name = row[0].decode("utf-16-le", "replace").partition("\0")[0]
        guid = re.search(r"\{[0-9A-Fa-f-]{36}\}", name)
        length, description = row[-2], row[-1]
        yield Adapter(
            index=row[1], kind=row[2], description=description[:length].decode("latin-1").rstrip("\0"), guid=guid[0] if guid else ""
        )


def _rows(table: bytes, layout: struct.Struct) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table that begins with their number; a table that is cut short has fewer."""
    if len(table) < struct.calcsize("<I"):
        return
    (count,) = struct.unpack_from("<I", table)
    for number in range(min(count, _MOST_ROWS, (len(table) - 4) // layout.size)):
        yield layout.unpack_from(table, 4 + number * layout.size)


def _has_six(device: str) -> bool:
    for each in psutil.net_if_addrs().get(device, ()):
        with contextlib.suppress(ValueError):
            parsed = ipaddress.ip_address(each.address.partition("%")[0])
            if parsed.version == 6 and parsed.is_global:
                return True
    return False


if sys.platform == "win32":
    import ctypes
    import winreg

    def _table(function: str) -> bytes:
        """Return one of iphlpapi's tables: the first call says how large it is (ERROR_INSUFFICIENT_BUFFER)."""
        call = getattr(ctypes.windll.iphlpapi, function)
        size = ctypes.c_ulong(0)
        call(None, ctypes.byref(size), True)
        buffer = ctypes.create_string_buffer(size.value)
        return buffer.raw if call(buffer, ctypes.byref(size), True) == 0 else b""

    def _registered(guid: str) -> list[str]:
        try:
            key = winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{_INTERFACES}\{guid}")
        except OSError:
            return []
        with key:
            for name in ("NameServer", "DhcpNameServer"):
                with contextlib.suppress(OSError):  # not set
                    found = servers(re.split(r"[\s,]+", str(winreg.QueryValueEx(key, name)[0])))
                    if found:
                        return found
        return []

else:

    def _table(function: str) -> bytes:
        """Return nothing: there are no such tables here."""
        del function
        return b""

    def _registered(guid: str) -> list[str]:
        """Return nothing: there is no registry here."""
        del guid
        return []
