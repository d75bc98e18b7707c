"""Whether a scenario fits the catalog: every service, function, resolver and host that it names must exist."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from diagnostics.bogons import is_address
from diagnostics.model import RESOLVER_TARGET
from diagnostics.sim.behaviour import Dns
from diagnostics.sim.scenario import CensorRule, Scenario
from diagnostics.workarounds.exits import known_exits

if TYPE_CHECKING:
    from diagnostics.catalog import Catalog


def service_hosts(catalog: Catalog, service: str, function: str | None = None) -> tuple[str, ...]:
    """Return the names (no address literals) of a service or of one of its functions, in the catalog's order."""
    functions = (each for each in catalog.services[service].functions if function in (None, each.id))
    hosts = (endpoint.host for each in functions for endpoint in each.endpoints)
    return tuple(dict.fromkeys(host for host in hosts if not is_address(host)))


def known_hosts(scenario: Scenario, catalog: Catalog) -> set[str]:
    """Return every name that a rule of the scenario may mean."""
    hosts = {host for service in catalog.services for host in service_hosts(catalog, service)}
    hosts |= {endpoint.host for way_out in known_exits() for endpoint in way_out.endpoints if not is_address(endpoint.host)}
    return hosts | {control.host for control in catalog.controls} | {site.host for site in scenario.site if site.host}


def check_against(scenario: Scenario, catalog: Catalog) -> None:
    """Refuse services, functions, resolvers and hosts that do not exist.  Raises InputError("error.scenario")."""
    for index, rule in enumerate(scenario.censor):
        _check_service(scenario, catalog, ("censor", index, "service"), rule.service, rule.function)
        _check_rule(scenario, catalog, index, rule)
    for index, site in enumerate(scenario.site):
        _check_service(scenario, catalog, ("site", index, "service"), site.service, site.function)
    for index, ways in enumerate(scenario.expected_ways):
        if "://" not in ways.target:
            _check_service(scenario, catalog, ("expected_ways", index, "target"), ways.target, None)
    for index, row in enumerate(scenario.expected):
        if "://" in row.target or row.target.startswith(RESOLVER_TARGET):
            continue  # a site that is typed, or a public resolver
        _check_service(scenario, catalog, ("expected", index, "target"), row.target, row.function)


def _check_service(scenario: Scenario, catalog: Catalog, path: tuple[str | int, ...], service: str | None, function: str | None) -> None:
    if service is None:
        return
    if service not in catalog.services:
        raise scenario.error(path, service, catalog.services)
    functions = [each.id for each in catalog.services[service].functions]
    if function is not None and function not in functions:
        raise scenario.error((*path[:-1], "function"), function, functions)


def _check_rule(scenario: Scenario, catalog: Catalog, index: int, rule: CensorRule) -> None:
    hosts = known_hosts(scenario, catalog)
    for position, host in enumerate(rule.hosts):
        if host not in hosts:
            alike = difflib.get_close_matches(host, sorted(hosts), 3)
            raise scenario.error(("censor", index, "hosts", position), host, alike or "host | [[site]]")
    resolvers = [resolver.id for resolver in catalog.resolvers]
    for position, resolver in enumerate(() if isinstance(rule.resolvers, str) else rule.resolvers):
        if resolver not in resolvers:
            raise scenario.error(("censor", index, "resolvers", position), resolver, [*resolvers, "all-public"])
    if rule.dns in (Dns.ADDRESS, Dns.BOGON, Dns.RACE) and not is_address(rule.answer) and rule.answer not in hosts:
        raise scenario.error(("censor", index, "answer"), rule.answer, "a.b.c.d | host")
