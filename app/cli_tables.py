"""``services``, ``scenarios`` and ``resolvers``: what Atajo knows, with its dates."""

from __future__ import annotations

import argparse
import datetime as dt

from app import cli, wording
from app.data_store import DataStore
from app.data_words import as_of
from app.terminal import Terminal
from app.texts import join_names, language, t
from diagnostics.catalog import load_catalog
from diagnostics.model import Resolver, Service


def services(_options: argparse.Namespace, out: Terminal, _err: Terminal) -> int:
    """List the services."""
    rows = [tuple(t(f"cli.table.{column}") for column in ("id", "name", "functions", "places", "date", "checked"))]
    known = load_catalog().services.values()
    rows += [_service_row(service) for service in known]
    out.table(rows)
    _say_date(out)
    risky = [_name(service) for service in known if service.sensitive]
    if risky:
        out.line()
        out.line(t("services.sensitive", names=join_names(risky)))
    return cli.OK


def _say_date(out: Terminal) -> None:
    """Say how old the data is."""
    active = DataStore().activate()
    out.line()
    out.line(as_of(active))
    if active.old(dt.datetime.now(dt.UTC)):
        out.line(t("data.old"))


def _name(service: Service) -> str:
    return service.name.get(language()) or service.name.get("en") or service.id


def _service_row(service: Service) -> tuple[str, ...]:
    places = {endpoint.key: endpoint for function in service.functions for endpoint in function.endpoints}
    unverified = sum(1 for endpoint in places.values() if not endpoint.checked)
    return (
        service.id,
        _name(service),
        ", ".join(wording.function_name(function.id) for function in service.functions),
        str(len(places)),
        service.as_of,
        t("cli.table.unverified", n=unverified) if unverified else t("cli.table.all_checked"),
    )


def scenarios(options: argparse.Namespace, out: Terminal, err: Terminal) -> int:
    """List the simulated networks, each with what happens on it; or run them all (``--matrix``)."""
    if options.matrix:
        from app.cli_matrix import matrix

        return matrix(options, out, err)
    if options.names or options.innocent or options.runs or options.json:
        raise cli.UsageError("cli.error.missing", what="--matrix")
    from diagnostics.sim.scenario import load_scenarios

    for scenario in load_scenarios().values():
        name, summary = (getattr(text, language(), text.en) for text in (scenario.name, scenario.summary))
        out.line(f"{scenario.id}: {name} ({scenario.as_of.isoformat()})", style="bold", hanging=2)
        out.line(summary, indent=2)
    return cli.OK


def resolvers(_options: argparse.Namespace, out: Terminal, _err: Terminal) -> int:
    """List the public resolvers."""
    rows = [tuple(t(f"cli.table.{column}") for column in ("id", "operator", "addresses", "ways", "filters", "checked"))]
    rows += [_resolver_row(resolver) for resolver in load_catalog().resolvers]
    out.table(rows)
    _say_date(out)
    return cli.OK


def _resolver_row(resolver: Resolver) -> tuple[str, ...]:
    return (
        resolver.id,
        resolver.operator,
        ", ".join(resolver.addresses[:2]),
        ways_of(resolver),
        t("cli.table.yes") if resolver.filters else "",
        t("cli.table.all_checked") if resolver.checked else t("cli.table.unverified", n=1),
    )


def ways_of(resolver: Resolver) -> str:
    """Return how a resolver can be asked."""
    ways = ["UDP", "TCP"] if resolver.plain else []
    return " ".join([*ways, *(["DoT"] if resolver.dot_name else []), *(["DoH"] if resolver.doh_url else [])])


TABLES = {"services": services, "scenarios": scenarios, "resolvers": resolvers}
"""The commands of this module by name."""
