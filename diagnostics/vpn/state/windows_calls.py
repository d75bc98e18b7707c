"""Windows' own calls: GetAdaptersAddresses by ctypes, and the registry.  As little as possible stands here; ``windows.py`` understands it.

Structures and constants: Microsoft, iptypes.h and "GetAdaptersAddresses function (iphlpapi.h)".
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import contextlib
    import ctypes
    import ipaddress
    import winreg
    from collections.abc import Iterator
    from ctypes import wintypes
    from typing import Any, Final

    from diagnostics.vpn.state.clients import VpnNames
    from diagnostics.vpn.state.reading_facts import MOST, Reading
    from diagnostics.vpn.state.windows import Record, Registry, reading

    _AF_INET: Final = 2
    _AF_INET6: Final = 23
    _SKIP: Final = 0x0002 | 0x0004  # GAA_FLAG_SKIP_ANYCAST, GAA_FLAG_SKIP_MULTICAST
    _OVERFLOW: Final = 111  # ERROR_BUFFER_OVERFLOW
    _NO_DATA: Final = 232  # ERROR_NO_DATA
    _FIRST_SIZE: Final = 64 * 1024
    _LARGEST: Final = 4 * 1024 * 1024

    class _SocketAddress(ctypes.Structure):
        _fields_ = (("address", ctypes.c_void_p), ("length", ctypes.c_int))

    class _Unicast(ctypes.Structure):
        """IP_ADAPTER_UNICAST_ADDRESS_LH."""

    _Unicast._fields_ = (
        ("length", wintypes.ULONG),
        ("flags", wintypes.DWORD),
        ("next", ctypes.POINTER(_Unicast)),
        ("address", _SocketAddress),
        ("prefix_origin", ctypes.c_int),
        ("suffix_origin", ctypes.c_int),
        ("dad_state", ctypes.c_int),
        ("valid_lifetime", wintypes.ULONG),
        ("preferred_lifetime", wintypes.ULONG),
        ("lease_lifetime", wintypes.ULONG),
        ("on_link_prefix_length", ctypes.c_uint8),
    )

    class _DnsServer(ctypes.Structure):
        """IP_ADAPTER_DNS_SERVER_ADDRESS_XP."""

    _DnsServer._fields_ = (
        ("length", wintypes.ULONG),
        ("reserved", wintypes.DWORD),
        ("next", ctypes.POINTER(_DnsServer)),
        ("address", _SocketAddress),
    )

    class _Adapter(ctypes.Structure):
        """IP_ADAPTER_ADDRESSES_LH, up to the metric of IPv4."""

    _Adapter._fields_ = (
        ("length", wintypes.ULONG),
        ("index", wintypes.DWORD),
        ("next", ctypes.POINTER(_Adapter)),
        ("name", ctypes.c_char_p),
        ("first_unicast", ctypes.POINTER(_Unicast)),
        ("first_anycast", ctypes.c_void_p),
        ("first_multicast", ctypes.c_void_p),
        ("first_dns_server", ctypes.POINTER(_DnsServer)),
        ("dns_suffix", ctypes.c_wchar_p),
        ("description", ctypes.c_wchar_p),
        ("friendly_name", ctypes.c_wchar_p),
        ("physical_address", ctypes.c_ubyte * 8),
        ("physical_address_length", wintypes.ULONG),
        ("flags", wintypes.ULONG),
        ("mtu", wintypes.ULONG),
        ("type", wintypes.DWORD),
        ("status", ctypes.c_int),
        ("index6", wintypes.DWORD),
        ("zones", wintypes.ULONG * 16),
        ("first_prefix", ctypes.c_void_p),
        ("transmit_speed", ctypes.c_uint64),
        ("receive_speed", ctypes.c_uint64),
        ("first_wins_server", ctypes.c_void_p),
        ("first_gateway", ctypes.c_void_p),
        ("metric4", wintypes.ULONG),
    )

    def read(names: VpnNames) -> Reading:
        """Return what this computer tells; blocking.  Raises OSError."""
        return reading(list(_records()), _registry(), names)

    def _records() -> Iterator[Record]:
        function = ctypes.WinDLL("iphlpapi").GetAdaptersAddresses
        size = wintypes.ULONG(_FIRST_SIZE)
        buffer = ctypes.create_string_buffer(size.value)
        result = function(0, _SKIP, None, buffer, ctypes.byref(size))
        for _ in range(3):  # adapters may come while it is asked
            if result != _OVERFLOW or size.value > _LARGEST:
                break
            buffer = ctypes.create_string_buffer(size.value)
            result = function(0, _SKIP, None, buffer, ctypes.byref(size))
        if result == _NO_DATA:
            return
        if result:
            raise OSError(result, "GetAdaptersAddresses")
        for adapter in _chain(ctypes.cast(buffer, ctypes.POINTER(_Adapter))):
            yield Record(
                alias=adapter.friendly_name or "",
                description=adapter.description or "",
                type=adapter.type,
                status=adapter.status,
                addresses=tuple(f"{text}/{e.on_link_prefix_length}" for e in _chain(adapter.first_unicast) if (text := _text(e))),
                servers=tuple(text for e in _chain(adapter.first_dns_server) if (text := _text(e))),
                metric=adapter.metric4,
            )

    def _chain(first: Any) -> Iterator[Any]:  # noqa: ANN401 - ctypes' pointers have no common type
        for _ in range(MOST):
            if not first:
                return
            yield first.contents
            first = first.contents.next

    def _text(entry: Any) -> str:  # noqa: ANN401 - one of two structures with an address
        """Return the address in a sockaddr_in or sockaddr_in6."""
        place, length = entry.address.address, entry.address.length
        if not place or length < 16:
            return ""
        raw = ctypes.string_at(place, length)
        family = int.from_bytes(raw[:2], "little")
        if family == _AF_INET:
            return str(ipaddress.IPv4Address(raw[4:8]))
        return str(ipaddress.IPv6Address(raw[8:24])) if family == _AF_INET6 and length >= 28 else ""

    _POLICY: Final = r"SOFTWARE\Policies\Microsoft\Windows NT\DNSClient"
    _CACHE: Final = r"SYSTEM\CurrentControlSet\Services\Dnscache\Parameters"
    _RULES: Final = (rf"{_POLICY}\DnsPolicyConfig", rf"{_CACHE}\DnsPolicyConfig")

    def _registry() -> Registry:
        return Registry(
            smart_off=_number(_POLICY, "DisableSmartNameResolution"),
            parallel_off=_number(_CACHE, "DisableParallelAandAAAA"),
            rules=tuple(rule for path in _RULES for rule in _rules(path)),
        )

    def _number(path: str, name: str) -> int | None:
        with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
            value = winreg.QueryValueEx(key, name)[0]
            return value if isinstance(value, int) else None
        return None

    def _rules(path: str) -> Iterator[tuple[str, ...]]:
        """Yield the names of each rule of the name resolution policy."""
        with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
            for number in range(MOST):
                with winreg.OpenKey(key, winreg.EnumKey(key, number)) as rule:
                    value = winreg.QueryValueEx(rule, "Name")[0]
                yield tuple(str(each) for each in value) if isinstance(value, list) else (str(value),)
