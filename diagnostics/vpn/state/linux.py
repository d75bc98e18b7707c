"""Linux: adapters from psutil and /sys, the main routing table from /proc, name servers from resolv.conf and systemd-resolved.

Everything here can be read by an ordinary user.  Pure parsers, and ``read`` that feeds them.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from diagnostics.bogons import is_address, is_loopback
from diagnostics.vpn.state.clients import VpnNames, fits
from diagnostics.vpn.state.reading_facts import MOST, Adapter, Reading, Server
from diagnostics.vpn.state.system import ip_entries, printed, text_of

SYS: Final = Path("/sys/class/net")
ROUTES: Final = Path("/proc/net/route")
ROUTES6: Final = Path("/proc/net/ipv6_route")
RESOLV_CONF: Final = Path("/etc/resolv.conf")

_TAP: Final = 0x0002  # IFF_TAP of linux/if_tun.h
_ETHERNET, _PPP, _TUNNEL, _TUNNEL6, _NONE = 1, 512, 768, 769, 65534  # ARPHRD_* of linux/if_arp.h
_TUNNEL_DEVTYPES: Final = {"wireguard": "wireguard", "ovpn": "tun", "ovpn-dco": "tun"}
_REAL_DEVTYPES: Final = frozenset({"wlan", "wwan", "bond", "dsa", "vlan"})
_IPSEC: Final = ("ipsec*", "xfrm*", "vti*", "ip_vti*")
_RTF_UP: Final = 0x0001  # linux/route.h
_RTF_REJECT: Final = 0x0200


def kind_of(name: str, folder: Mapping[str, str], *, bridged: bool) -> str:
    """Return an adapter's kind by its folder in /sys: ``tun_flags``, ``type``, ``uevent``, and ``device`` where hardware is behind.

    ``bridged``: it is part of a bridge, so a virtual machine's and no tunnel of this computer.
    """
    devtype = _uevent(folder.get("uevent", "")).get("DEVTYPE", "")
    hardware = _number(folder.get("type", ""))
    if name == "lo":
        return "loopback"
    if bridged or devtype in ("bridge", "vxlan", "geneve"):
        return "virtual"
    if "tun_flags" in folder:
        return "tun"
    if devtype in _TUNNEL_DEVTYPES:
        return _TUNNEL_DEVTYPES[devtype]
    if "device" in folder or devtype in _REAL_DEVTYPES:
        return "ppp" if hardware == _PPP else "physical"
    if hardware == _PPP or devtype == "ppp":
        return "ppp"
    if fits(_IPSEC, [name]) and hardware in (_NONE, _TUNNEL, _TUNNEL6):
        return "ipsec"
    return "physical"  # Ethernet of whatever sort: where a container's line ends looks the same


def is_tap(folder: Mapping[str, str]) -> bool:
    """Tell whether a TUN/TAP device carries Ethernet frames."""
    flags = folder.get("tun_flags", "").strip()
    return bool(re.fullmatch(r"0x[0-9a-f]{1,8}", flags)) and bool(int(flags, 16) & _TAP)


def serves_machines(addresses: Sequence[str], routes: Sequence[str]) -> bool:
    """Tell whether a TAP device looks like a virtual machine's: this computer is the first of its network, and nothing else leads there."""
    own = [each for text in addresses if (each := ipaddress.ip_interface(text)).version == 4]
    networks = {str(each.network) for each in own}
    beyond = [route for route in routes if ":" not in route and route not in networks]
    return bool(own) and not beyond and all(each.ip == each.network[1] for each in own if each.network.num_addresses > 1)


def _uevent(text: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in text.splitlines())


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,6}", text.strip()) else 0


def parse_routes(text: str) -> dict[str, list[str]]:
    """Return the prefixes that lead into each adapter, from /proc/net/route (hexadecimal, the bytes in this computer's order)."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines()[1 : MOST * 16]:
        cells = line.split()
        try:
            flags = int(cells[3], 16)
            address, mask = (ipaddress.IPv4Address(struct.pack("=I", int(cells[at], 16))) for at in (1, 7))
            prefix = ipaddress.ip_network(f"{address}/{mask}")
        except (IndexError, ValueError, struct.error):
            continue
        if flags & _RTF_UP and not flags & _RTF_REJECT:
            found.setdefault(cells[0], []).append(str(prefix))
    return found


def parse_routes6(text: str) -> dict[str, list[str]]:
    """Return the same from /proc/net/ipv6_route: destination, its length, ..., flags, adapter."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines()[: MOST * 16]:
        cells = line.split()
        try:
            flags, length = int(cells[8], 16), int(cells[1], 16)
            prefix = ipaddress.IPv6Network((int(cells[0], 16), length), strict=False)
        except (IndexError, ValueError):
            continue
        if flags & _RTF_UP and not flags & _RTF_REJECT and not prefix.is_multicast and not prefix.is_link_local:
            found.setdefault(cells[9], []).append(str(prefix))
    return found


def parse_resolv_conf(text: str) -> list[str]:
    """Return the addresses after ``nameserver``."""
    lines = (line.split("#")[0].split(";")[0].split() for line in text.splitlines()[: MOST * 4])
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver" and is_address(words[1].partition("%")[0])][:MOST]


_LINK: Final = re.compile(r"Link \d+ \(([^)\s]{1,64})\):\s*(.*)")


def parse_per_link(text: str) -> dict[str, list[str]]:
    """Return the words of each link, "" for those of the whole system, from ``resolvectl dns``, ``domain`` or ``default-route``."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines()[: MOST * 2]:
        link = _LINK.match(line)
        if link:
            found[link[1]] = link[2].split()
        elif line.startswith("Global:"):
            found[""] = line.removeprefix("Global:").split()
    return found


def resolved_servers(dns: str, domains: str, default_route: str) -> list[Server]:
    """Return the servers behind systemd-resolved's own address, and which of them are asked for ordinary names.

    Where some link has the domain ``~.``, its servers take every name; else those of the whole system and of each link that is a default
    route for names (resolved.conf(5), systemd's docs/RESOLVED-VPNS.md).
    """
    servers, names, routes = parse_per_link(dns), parse_per_link(domains), parse_per_link(default_route)
    catch_all = [link for link in servers if servers[link] and ("~." in names.get(link, ()) or "." in names.get(link, ()))]
    found = []
    for link, addresses in servers.items():
        asked = link in catch_all if catch_all else link == "" or routes.get(link, ["yes"]) != ["no"]
        found += [Server(address=host, on=link, used=asked) for text in addresses if is_address(host := _bare(text))]
    return found[:MOST]


def _bare(text: str) -> str:
    """Return the address in what resolved prints: ``[2001:db8::1]:53%wg0#dns.example``."""
    text = text.partition("#")[0]
    if text.startswith("["):
        return text[1:].partition("]")[0].partition("%")[0]
    text = text.partition("%")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def read(names: VpnNames) -> Reading:
    """Return what this computer tells; blocking.  Raises OSError and psutil.Error."""
    entries = ip_entries()
    routes = parse_routes(text_of(ROUTES))
    for device, prefixes in parse_routes6(text_of(ROUTES6)).items():
        routes.setdefault(device, []).extend(prefixes)
    adapters = tuple(_adapter(names, entry, routes.get(entry[0], [])) for entry in entries)
    return Reading(system="linux", adapters=adapters, servers=tuple(_servers()))


def _adapter(names: VpnNames, entry: tuple[str, bool, tuple[str, ...]], routes: Sequence[str]) -> Adapter:
    name, up, addresses = entry
    folder = SYS / name
    facts = {key: text_of(folder / key) for key in ("tun_flags", "type", "uevent") if (folder / key).exists()}
    if (folder / "device").exists():
        facts["device"] = ""
    kind = kind_of(name, facts, bridged=(folder / "bridge").exists() or (folder / "brport").exists())
    if kind == "tun" and is_tap(facts) and serves_machines(addresses, routes):
        kind = "virtual"
    other = names.other_of("linux", [name]) if kind not in ("tun", "wireguard", "loopback") else None
    return Adapter(
        name=name, kind=str(other.kind) if other else kind, names=(name,), up=up, addresses=addresses, routes=tuple(routes[:MOST])
    )


def _servers() -> Iterator[Server]:
    written = parse_resolv_conf(text_of(RESOLV_CONF))
    if written and all(is_loopback(address) for address in written):
        behind = resolved_servers(*(printed("resolvectl", "--no-pager", word) for word in ("dns", "domain", "default-route")))
        if behind:
            yield from behind
            return
    for address in written:
        yield Server(address=address)
