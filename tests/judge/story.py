"""A small language for evidence: each method adds one observation, as a probe would have recorded it."""

from __future__ import annotations

from typing import Any, Self

import msgspec

from diagnostics.judge import Judgement, judge
from diagnostics.model import Control, Endpoint, Function, Observation, Probe, Rule, Service, Step, Verdict

TRUE = "104.244.42.1"
TRUE_ELSEWHERE = "151.101.1.140"
FOREIGN = "200.44.32.9"
CONTROL_ADDRESS = "93.184.216.34"

CONTROLS = (
    Control(id="example", operator="IANA", kind="https", host="example.org"),
    Control(id="wiki", operator="Wikimedia", kind="https", host="es.wikipedia.org"),
    Control(id="portal", operator="Mozilla", kind="portal", host="detectportal.firefox.com", port=80, path="/success.txt"),
    Control(id="portal2", operator="Google", kind="portal", host="connectivitycheck.gstatic.com", port=80, expect_status=204),
    Control(id="neutral", operator="IANA", kind="neutral", host="example.org"),
)
RESOLVERS: list[dict[str, Any]] = [
    {"id": name, "operator": name.partition("-")[0]} for name in ("cloudflare", "google", "quad9", "quad9-unfiltered", "cira")
]


def service(*hosts: str, ident: str = "x", rule: Rule = Rule.ALL_OF, probe: Probe = Probe.HTTPS, checked: bool = True) -> Service:
    """Return a service with one function that needs ``hosts``."""
    endpoints = tuple(Endpoint(host=host, probe=probe, source="test", checked=checked) for host in hosts)
    return Service(id=ident, name={"es": ident}, functions=(Function(id="web", core=True, rule=rule, endpoints=endpoints),))


class Story:
    """Observations in the making, and their judgement."""

    def __init__(self, *targets: Service) -> None:
        """Begin with the plan."""
        self.observations: list[Observation] = []
        self.targets = targets
        plan = {"targets": msgspec.to_builtins(targets), "controls": msgspec.to_builtins(CONTROLS)}
        plan["resolvers"] = [dict(entry) for entry in RESOLVERS]
        self.add(Step.SYSTEM, detail={"kind": "plan", **plan})
        self.add(Step.SYSTEM, detail={"kind": "clock", "now": 1_700_000_000.0})
        self.add(Step.SYSTEM, detail={"kind": "ipv6", "route": False})

    def add(self, step: Step, *, failure: str | None = None, detail: dict[str, Any], **fields: Any) -> Self:
        """Add any observation."""
        number = len(self.observations) + 1
        self.observations.append(Observation(id=f"o{number}", step=step, failure=failure, detail=detail, **fields))
        return self

    def lookup(self, host: str, *answers: str, failure: str | None = None, tries: int = 1, **detail: Any) -> Self:
        """Add one DNS answer; by default of the system's resolver over UDP."""
        facts: dict[str, Any] = {
            "engine": "udp",
            "resolver": "system",
            "query": "A",
            "authenticated": False,
            "filters": False,
            "purpose": "target",
        }
        replies = [] if failure == "generic_timeout_error" else [{"after": 0.02, "rcode": "NOERROR", "answers": list(answers)}]
        facts |= {"answers": list(answers), "tries": tries, "replies": replies, "rcode": "NOERROR" if replies else None} | detail
        return self.add(Step.DNS, host=host, address="192.168.1.1", failure=failure, detail=facts)

    def getaddrinfo(self, host: str, *answers: str, failure: str | None = None) -> Self:
        """Add what getaddrinfo said."""
        return self.lookup(host, *answers, failure=failure, engine="getaddrinfo")

    def system(self, host: str, *answers: str, failure: str | None = None, tries: int = 1) -> Self:
        """Add what getaddrinfo and the configured server said, alike."""
        return self.getaddrinfo(host, *answers, failure=failure).lookup(host, *answers, failure=failure, tries=tries)

    def doh(self, host: str, *answers: str, resolver: str = "cloudflare", failure: str | None = None, filters: bool = False) -> Self:
        """Add an answer that nobody on the way can forge."""
        return self.lookup(host, *answers, failure=failure, engine="doh", resolver=resolver, authenticated=True, filters=filters)

    def tcp(self, address: str, failure: str | None = None, *, host: str = "x.com", port: int = 443, tries: int = 1, **more: Any) -> Self:
        """Add a connection."""
        detail = {"port": port, "tries": tries, "purpose": more.pop("purpose", "target")}
        return self.add(Step.TCP, host=host, address=address, failure=failure, target=more.pop("target", "x"), detail=detail)

    def tls(self, host: str, address: str, failure: str | None = None, *, purpose: str = "target", **detail: Any) -> Self:
        """Add a handshake that says ``name`` (default: the host), and the connection below it."""
        facts: dict[str, Any] = {
            "port": 443,
            "server_name": detail.pop("name", host),
            "purpose": purpose,
            "received": 3000 if failure is None else 0,
        }
        self.tcp(address, host=host, purpose=purpose)
        return self.add(Step.TLS, host=host, address=address, target="x", failure=failure, detail=facts | detail)

    def page(self, host: str, address: str, status: int = 200, *, failure: str | None = None, **detail: Any) -> Self:
        """Add a page over TLS; ``scheme="http"`` for clear text."""
        scheme = detail.pop("scheme", "https")
        target = detail.pop("target", "x")
        facts: dict[str, Any] = {
            "port": 443 if scheme == "https" else 80,
            "url": f"{scheme}://{host}/",
            "hop": 0,
            "purpose": "target",
            "status": status,
        }
        facts |= {"complete": failure is None, "body_sha256": "aa", "location": None} | detail
        return self.add(Step.HTTP, host=host, address=address, target=target, failure=failure, detail=facts)

    def serves(self, host: str, address: str = TRUE) -> Self:
        """Add a connection, a valid certificate and a page."""
        return self.tls(host, address).page(host, address)

    def healthy(self) -> Self:
        """Add two controls of different operators that work."""
        for control in CONTROLS[:2]:
            self.lookup(control.host, CONTROL_ADDRESS, purpose="control")
            self.tcp(CONTROL_ADDRESS, host=control.host, target=None, purpose="control")
            detail = {"port": 443, "server_name": control.host, "purpose": "control", "received": 3000}
            self.add(Step.TLS, host=control.host, address=CONTROL_ADDRESS, detail=detail)
            self.page(control.host, CONTROL_ADDRESS, purpose="control", target=None)
        return self

    def judged(self) -> Judgement:
        """Return the judgement of everything added."""
        return judge(self.observations)

    def verdict(self, target: str = "x", function: str | None = None) -> Verdict:
        """Return one verdict."""
        return next(v for v in self.judged().verdicts if (v.target, v.function) == (target, function))

    def said(self, target: str = "x", function: str | None = None) -> tuple[str, str | None, str]:
        """Return status, cause and certainty of one verdict, as plain words."""
        verdict = self.verdict(target, function)
        return verdict.status.value, verdict.cause.value if verdict.cause else None, verdict.certainty.value
