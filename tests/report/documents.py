"""Reports for the tests of this folder: a small one that a run could have written, with everything personal in it."""

from __future__ import annotations

from typing import Any

import msgspec

from diagnostics.judge import judge
from diagnostics.model import AppFacts, Control, Endpoint, Function, Observation, Report, RunFacts, Service, Step
from diagnostics.plan import site_of
from diagnostics.report.secrets import Secrets

ROUTER = "192.168.77.1"
OWN = "192.168.77.23"
OWN_PUBLIC = "186.24.5.99"
OWN_SIX = "2800:a4:11:2200:8a2b:44ff:fe01:9c3d"
PROVIDERS_RESOLVER = "200.44.32.12"
TRUE_X = "104.244.42.1"
TYPED = "https://escuela.example.ve/familia/perez?token=abc123"

SECRETS = Secrets(
    addresses=frozenset({OWN, OWN_PUBLIC, OWN_SIX, ROUTER}),
    macs=frozenset({"88:2b:44:01:9c:3d"}),
    host_names=frozenset({"laptop-de-marisol"}),
    user_names=frozenset({"marisol"}),
    homes=frozenset({"/home/marisol"}),
    network_names=frozenset({"Familia Perez 5G"}),
    others=frozenset({"clave:secreta/1"}),
)


def observation(step: Step, number: int, **fields: Any) -> Observation:
    """Return one observation."""
    return Observation(id=f"o{number}", step=step, **fields)


def dns(number: int, host: str, answers: list[str], *, resolver: str = "system", address: str | None = None, **more: Any) -> Observation:
    """Return one answer of a resolver."""
    detail = {"engine": "udp", "resolver": resolver, "query": "A", "answers": answers, "rcode": "NOERROR", "tries": 1}
    detail |= {"replies": [{"after": 0.02, "rcode": "NOERROR", "answers": answers}], "filters": False, "purpose": "target"}
    detail |= {"authenticated": resolver != "system"}
    failure = more.pop("failure", None)
    return observation(Step.DNS, number, host=host, address=address, failure=failure, detail=detail, **more)


def plan() -> dict[str, Any]:
    """Return the plan: X and a site that the person typed."""
    x = Service(
        id="x", name={"es": "X", "en": "X"}, functions=(Function(id="web", core=True, endpoints=(Endpoint(host="x.com", checked=True),)),)
    )
    controls = (Control(id="example", operator="IANA", kind="https", host="example.org"),)
    resolvers = [
        {"id": "google", "operator": "Google", "addresses": ["8.8.8.8"]},
        {"id": "quad9", "operator": "Quad9", "addresses": ["9.9.9.9"]},
    ]
    written = {"kind": "plan", "targets": (x, site_of(TYPED)), "controls": controls, "resolvers": resolvers}
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(written))  # lists, as in a file
    return read


def observations() -> tuple[Observation, ...]:
    """Return a run in which X's name is answered with the router's address, and a portal asks the typed site to sign in."""
    portal = f"http://{ROUTER}/login?mac=88-2B-44-01-9C-3D&ip={OWN}&user=marisol"
    page: dict[str, Any] = {
        "port": 443,
        "url": TYPED,
        "purpose": "target",
        "hop": 0,
        "status": 302,
        "headers": {"location": portal, "server": "nginx/1.18.0.1"},
    }
    page |= {"title": f"Hola {OWN_PUBLIC}, [{OWN_SIX}]", "location": portal, "complete": True, "body_sha256": "aa"}
    return (
        observation(Step.SYSTEM, 1, detail=plan()),
        observation(Step.SYSTEM, 2, detail={"kind": "clock", "now": 1_700_000_000.0}),
        observation(Step.SYSTEM, 3, detail={"kind": "resolver", "addresses": [ROUTER, PROVIDERS_RESOLVER, "8.8.8.8"]}),
        observation(
            Step.SYSTEM,
            4,
            detail={"kind": "notes", "home": "/home/marisol/atajo", "ssid": "Otra red", "encoded": "2800%3Aa4%3A11%3A2200%3A%3A1"},
        ),
        dns(5, "x.com", [ROUTER], address=ROUTER, target="x", failure="dns_bogon_error"),
        dns(6, "x.com", ["127.0.0.1"], address=PROVIDERS_RESOLVER, target="x", failure="dns_bogon_error"),
        dns(7, "x.com", [TRUE_X], resolver="google", address="8.8.8.8", target="x"),
        dns(8, "x.com", [TRUE_X], resolver="quad9", address="9.9.9.9", target="x"),
        observation(Step.TCP, 9, target="x", host="x.com", address=TRUE_X, detail={"port": 443, "tries": 1, "purpose": "target"}),
        observation(Step.HTTP, 10, target=TYPED, host="escuela.example.ve", address="190.9.8.7", detail=page),
        dns(11, "example.org", ["93.184.216.34"], address=ROUTER),
    )


def report() -> Report:
    """Return the whole report."""
    seen = observations()
    judgement = judge(seen)
    return Report(
        app=AppFacts(version="0.1.0", platform="Linux 6.1", python="3.11.7"),
        run=RunFacts(id="abc", started="2026-08-10T15:04:00Z", seconds=2.5),
        network=judgement.network,
        routes=judgement.routes,
        verdicts=judgement.verdicts,
        observations=seen,
    )
