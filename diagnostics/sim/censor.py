"""What stands in the way: the scenario's rules, asked once for every event of every flow.

The first rule that matches wins in each layer.  Nothing that a flow does can disarm a rule for the next; the one thing that
is remembered between flows is residual blocking: an address and port that stay cut for a while after a forbidden name.
"""

from __future__ import annotations

import collections
import ipaddress
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from diagnostics import clienthello
from diagnostics.bogons import is_address
from diagnostics.model import Fact
from diagnostics.sim.behaviour import Dns, DnsScope, Http, Mtproto, Sees, Tcp, Tls, Udp, Where
from diagnostics.sim.check import service_hosts
from diagnostics.sim.scenario import CensorRule, Scenario
from diagnostics.sim.world import World, resolver_owner

if TYPE_CHECKING:
    from diagnostics.catalog import Catalog

_LOG_LENGTH: Final = 10_000  # a run makes some hundreds of flows


class CensorAction(Fact, frozen=True):
    """One thing that the censor did; for trainers."""

    time: float  # seconds since the network was opened
    flow: str  # protocol, address and port that the program dialled
    rule: str  # which [[censor]] of the scenario, from 1
    action: str  # layer, behaviour and the name that was seen


class FirstFlight:
    """What a client said first, packet by packet as it came."""

    def __init__(self, packets: Sequence[bytes]) -> None:
        """Read the whole of it."""
        self._packets = packets
        self.bytes = b"".join(packets)
        hello = clienthello.parse(self.bytes)
        self.is_hello = hello is not None
        self.server_name = hello.server_name if hello else None

    def shows_name(self, sees: Sees) -> bool:
        """Tell whether somebody who looks so well finds the name."""
        name = (self.server_name or "").encode()
        if not name or sees is Sees.MESSAGE:
            return True  # nothing to find: what is said of the flow does not depend on how well one looks
        if sees is Sees.PACKET:
            return any(name in packet.lower() for packet in self._packets)
        seen = self.bytes if sees is Sees.STREAM else clienthello.first_record(self.bytes)
        return name in seen.lower()


class _Prey:
    """Whom one rule hits, worked out once."""

    def __init__(self, rule: CensorRule, catalog: Catalog, world: World) -> None:
        self.rule = rule
        self._names = set(rule.hosts)
        if rule.service:
            self._names.update(service_hosts(catalog, rule.service, rule.function))
        hosts = [host for name, host in world.hosts.items() if self.has_name(name)]
        self._addresses = {address for host in hosts for address in host.addresses}
        if rule.service:
            wanted = (each for each in catalog.services[rule.service].functions if rule.function in (None, each.id))
            self._addresses |= {end.host for function in wanted for end in function.endpoints if is_address(end.host)}
        self._networks = [ipaddress.ip_network(text) for text in rule.addresses]
        for resolver in catalog.resolvers:
            if rule.resolvers == "all-public" or resolver.id in rule.resolvers:
                self._addresses.update(resolver.addresses + resolver.addresses6)
                owned = (host for host in world.hosts.values() if host.owner == resolver_owner(resolver))
                self._addresses.update(address for host in owned for address in host.addresses)

    def has_name(self, name: str | None) -> bool:
        """Tell whether a name is prey."""
        if name is None:
            return False
        return name in self._names or any(name == suffix or name.endswith(f".{suffix}") for suffix in self.rule.suffixes)

    def has_address(self, address: str, port: int) -> bool:
        """Tell whether an address and port are prey."""
        if self.rule.ports and port not in self.rule.ports:
            return False
        return address in self._addresses or any(ipaddress.ip_address(address) in network for network in self._networks)


class Censor:
    """The rules of one scenario, and the log of what they did."""

    def __init__(self, scenario: Scenario, catalog: Catalog, world: World) -> None:
        """Prepare the rules."""
        self._prey = [_Prey(rule, catalog, world) for rule in scenario.censor]
        self._system = frozenset(scenario.nameservers)
        self._began = time.monotonic()
        self._residue: dict[tuple[str, int], tuple[float, CensorRule]] = {}  # until when an address and port stay cut, and how
        self.log: collections.deque[CensorAction] = collections.deque(maxlen=_LOG_LENGTH)

    def on_question(self, flow: str, name: str, server: str) -> CensorRule | None:
        """Return the rule for a clear-text question that goes to ``server``, if it does not let it pass."""

        def hit(prey: _Prey) -> Dns | None:
            in_scope = prey.rule.dns_scope is DnsScope.ALL_PLAIN or server in self._system
            asked = prey.has_name(name) or prey.has_address(server, 53)
            return prey.rule.dns if in_scope and asked else None

        return self._first(flow, hit, Dns.ALLOW, "dns", name)

    def injects(self, address: str) -> bool:
        """Tell whether some rule answers questions to any address, also where no resolver lives."""
        return address not in self._system and any(p.rule.dns_scope is DnsScope.ALL_PLAIN and p.rule.dns for p in self._prey)

    def on_connect(self, flow: str, address: str, port: int) -> Tcp:
        """Return what becomes of a connection or of datagrams to an address."""
        rule = self._first(flow, lambda prey: prey.rule.tcp if prey.has_address(address, port) else None, Tcp.ALLOW, "tcp", "")
        return rule.tcp or Tcp.ALLOW if rule else Tcp.ALLOW

    def on_datagram(self, flow: str, address: str, port: int) -> bool:
        """Tell whether a datagram to an address passes; what swallows or refuses its connections stops it too."""
        if self.on_connect(flow, address, port) not in (Tcp.ALLOW, Tcp.RESET):
            return False
        return self._first(flow, lambda prey: prey.rule.udp if prey.has_address(address, port) else None, Udp.ALLOW, "udp", "") is None

    def on_first_bytes(self, flow: str, address: str, port: int) -> Mtproto:
        """Return what becomes of a data centre's connection after the client has spoken."""

        def hit(prey: _Prey) -> Mtproto | None:
            return prey.rule.mtproto if prey.has_address(address, port) else None

        rule = self._first(flow, hit, Mtproto.ALLOW, "mtproto", "")
        return rule.mtproto or Mtproto.ALLOW if rule else Mtproto.ALLOW

    def on_hello(self, flow: str, first: FirstFlight, address: str, port: int) -> CensorRule | None:
        """Return the rule for a ClientHello, if it does not let it pass."""
        server_name = first.server_name

        def hit(prey: _Prey) -> Tls | None:
            met = self._named_or_dialled(prey, server_name, address, port)
            return prey.rule.tls if met and (prey.rule.where is Where.ADDRESS or first.shows_name(prey.rule.sees)) else None

        rule = self._first(flow, hit, Tls.ALLOW, "tls", server_name or "")
        if rule and rule.residual_s:
            self._residue[address, port] = (time.monotonic() + rule.residual_s, rule)
        until, residual = self._residue.get((address, port), (0.0, None))
        if rule is None and residual and time.monotonic() < until:
            self._note(flow, 0, f"tls residual {residual.tls} {server_name or ''}".rstrip())
            return residual
        return rule

    def on_bytes(self, flow: str, name: str | None, address: str, port: int) -> CensorRule | None:
        """Return the rule that slows, freezes or cuts a flow by the amount of what the server sends, if there is one."""

        def hit(prey: _Prey) -> str | None:
            rule = prey.rule
            kind = "throttle" if rule.rate_kib else "freeze" if rule.freeze_after else "cut" if rule.cut_after else None
            return kind if kind and self._named_or_dialled(prey, name, address, port) else None

        return self._first(flow, hit, "", "bytes", name or "")

    def on_request(self, flow: str, host: str | None, address: str, port: int) -> CensorRule | None:
        """Return the rule for a clear-text request (``host`` None: before anything was said), if it does not let it pass."""

        def hit(prey: _Prey) -> Http | None:
            return prey.rule.http if self._named_or_dialled(prey, host, address, port) else None

        return self._first(flow, hit, Http.ALLOW, "http", host or "")

    def takes_over(self, address: str, port: int) -> bool:
        """Tell whether clear-text requests to an address are answered by the censor, whoever lives there."""
        rules = (prey.rule for prey in self._prey if prey.rule.http and self._named_or_dialled(prey, None, address, port))
        rule = next(rules, None)
        return rule is not None and rule.http is not Http.ALLOW

    @staticmethod
    def _named_or_dialled(prey: _Prey, name: str | None, address: str, port: int) -> bool:
        if prey.rule.where is Where.ADDRESS:
            return prey.has_address(address, port)
        return prey.has_name(name) and (not prey.rule.ports or port in prey.rule.ports)

    def _first(self, flow: str, hit: Callable[[_Prey], str | None], exempt: str, layer: str, name: str) -> CensorRule | None:
        for number, prey in enumerate(self._prey, 1):
            behaviour = hit(prey)
            if behaviour == exempt:
                return None
            if behaviour:
                self._note(flow, number, f"{layer} {behaviour} {name}".rstrip())
                return prey.rule
        return None

    def _note(self, flow: str, number: int, action: str) -> None:
        self.log.append(CensorAction(time=time.monotonic() - self._began, flow=flow, rule=f"censor {number}", action=action))
