"""Windows: adapters as records of GetAdaptersAddresses, and three settings of the registry; both are read in ``windows_calls.py``.

Nothing is taken from ``ipconfig`` or ``netsh``: they speak the language of the person.  Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from diagnostics.bogons import is_address
from diagnostics.model import Fact
from diagnostics.vpn.state.clients import VpnNames
from diagnostics.vpn.state.facts import SmartNames
from diagnostics.vpn.state.reading_facts import MOST, Adapter, Reading, Server

_PPP, _LOOPBACK, _VIRTUAL, _TUNNEL = 23, 24, 53, 131  # IF_TYPE_* of ipifcons.h
_UP: Final = 1  # IfOperStatusUp of ifdef.h

_PLACEHOLDERS: Final = frozenset({"fec0:0:0:ffff::1", "fec0:0:0:ffff::2", "fec0:0:0:ffff::3"})
"""What Windows lists as the IPv6 name servers of an adapter that has none (withdrawn draft-ietf-ipv6-dns-discovery)."""


class Record(Fact, frozen=True):
    """What GetAdaptersAddresses says of one adapter.

    ``alias`` is what people read and may change, ``description`` the driver's; ``type`` and ``status`` are its numbers; ``metric``: the
    lower, the more preferred, for IPv4.
    """

    alias: str
    description: str
    type: int
    status: int
    addresses: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    metric: int = 0


class Registry(Fact, frozen=True):
    """Values as they stand in the registry; None where there is none.

    ``smart_off``: DisableSmartNameResolution of the policy; ``rules``: the names (NRPT) that each rule of a policy sends to servers of its
    own.
    """

    smart_off: int | None = None
    parallel_off: int | None = None
    rules: tuple[tuple[str, ...], ...] = ()


def kind_of(record: Record, names: VpnNames) -> str:
    """Return an adapter's kind."""
    known = (record.description, record.alias)
    if record.type == _LOOPBACK:
        return "loopback"
    other = names.other_of("windows", known)
    if other:
        return str(other.kind)
    if record.type == _PPP:
        return "ppp"
    if record.type == _TUNNEL:
        return "virtual"  # Teredo, 6to4, ISATAP: ways of Windows itself to speak IPv6
    if names.client_of("windows", known) or record.type == _VIRTUAL:
        return "tun"
    return "physical"


def adapters_of(records: Sequence[Record], names: VpnNames) -> tuple[Adapter, ...]:
    """Return the adapters."""
    return tuple(
        Adapter(
            name=each.alias,
            kind=kind_of(each, names),
            names=(each.description, each.alias),
            up=each.status == _UP,
            addresses=each.addresses,
        )
        for each in records[:MOST]
    )


def servers_of(records: Sequence[Record], kinds: Mapping[str, str]) -> tuple[Server, ...]:
    """Return the name servers of adapters that are up; ``kinds`` by alias.

    Those of the preferred adapter are asked for every name; the others may be asked, too (``SmartNames``), which is judged apart.
    """
    able = [r for r in records[:MOST] if r.status == _UP and kinds.get(r.alias) not in ("loopback", "idle") and _real(r)]
    first = min(able, key=lambda record: record.metric, default=None)
    return tuple(Server(address=address, on=r.alias, used=r is first) for r in able for address in _real(r))[:MOST]


def _real(record: Record) -> list[str]:
    servers = (server.partition("%")[0] for server in record.servers)
    return [server for server in servers if is_address(server) and server not in _PLACEHOLDERS]


def smart_names(registry: Registry) -> SmartNames:
    """Return whether names are asked of all adapters at once: Windows' default since version 8, which a policy may switch off."""
    one_way = any("." in rule for rule in registry.rules)
    return SmartNames(on=registry.smart_off in (None, 0), one_way=one_way)


def reading(records: Sequence[Record], registry: Registry, names: VpnNames) -> Reading:
    """Return what this computer tells."""
    adapters = adapters_of(records, names)
    servers = servers_of(records, {adapter.name: adapter.kind for adapter in adapters})
    return Reading(system="windows", adapters=adapters, servers=servers, smart_names=smart_names(registry))
