"""The language of evidence for proxies: each method adds what a proxy's probe would have recorded."""

from __future__ import annotations

from typing import Any, Self

from diagnostics.model import Cause, Service, Step
from tests.judge.story import CONTROL_ADDRESS, TRUE, TRUE_ELSEWHERE, Story, service

ROUTE = "socks5h-1234"
X = service("x.com")
TIMEOUT, RESET, EOF = "generic_timeout_error", "connection_reset", "eof_error"
UNKNOWN_CA: dict[str, Any] = {"failure": "ssl_unknown_authority", "verify_code": 20}
EXPIRED: dict[str, Any] = {"failure": "ssl_invalid_certificate", "verify_code": 10}
WRONG_NAME: dict[str, Any] = {"failure": "ssl_invalid_hostname", "verify_code": 62}
AUTH = "proxy_authentication_failed"
CONTROLS = ("es.wikipedia.org", "example.org")


class Way(Story):
    """A story with one proxy in it."""

    def __init__(self, *targets: Service, kind: str = "socks5h", **note: Any) -> None:
        """Begin with the plan and the proxy."""
        super().__init__(*(targets or (X,)))
        self.kind = kind
        self.used = kind
        facts: dict[str, Any] = {"kind": "route", "proxy": kind, "why_not": "", "names_here": False} | note
        self._add(Step.SYSTEM, **facts)

    def _add(self, step: Step, failure: str | None = None, host: str | None = None, target: str | None = None, **detail: Any) -> Self:
        return self.add(step, failure=failure, route=ROUTE, host=host, target=target, detail=detail)

    def connects(self, failure: str | None = None, *, bogon: bool = False) -> Self:
        """Add a connection to the proxy."""
        return self._add(Step.PROXY, failure, stage="connect", kind=self.used, tries=1, bogon=bogon)

    def secures(self, failure: str | None = None, **detail: Any) -> Self:
        """Add a handshake with the proxy."""
        self.connects()
        return self._add(Step.PROXY, failure, stage="secure", kind=self.used, **detail)

    def opens(self, host: str, failure: str | None = None, *, target: str | None = "x", **detail: Any) -> Self:
        """Add a question to the proxy; ``target`` None is for harmless places."""
        self.connects()
        purpose = detail.pop("purpose", "target" if target else "control")
        facts = {"stage": "open", "kind": self.used, "purpose": purpose, "port": 443, "late": False, "received": 0} | detail
        return self._add(Step.PROXY, failure, host, target, **facts)

    def shakes(self, host: str, failure: str | None = None, *, target: str | None = "x", **detail: Any) -> Self:
        """Add a handshake through the proxy, which agreed."""
        purpose = detail.pop("purpose", "target" if target else "control")
        self.opens(host, target=target, purpose=purpose, late=detail.pop("late", False))
        return self._add(Step.TLS, failure, host, target, port=443, server_name=host, purpose=purpose, received=0, **detail)

    def gives(self, host: str, *, target: str | None = "x", status: int = 200, complete: bool = True, **detail: Any) -> Self:
        """Add a whole page through the proxy."""
        self.shakes(host, target=target)
        cut = None if complete else EOF
        return self._add(Step.HTTP, cut, host, target, port=443, url=f"https://{host}/", status=status, complete=complete, hop=0, **detail)

    def delivers(self) -> Self:
        """Add harmless pages that came in whole."""
        for host in CONTROLS:
            self.gives(host, target=None)
        return self

    def refuses_everything(self, failure: str, **detail: Any) -> Self:
        """Add the same answer for both harmless places."""
        for host in CONTROLS:
            self.opens(host, failure, target=None, **detail)
        return self

    def heard(self, kind: str, speaks: str = "", failure: str | None = None) -> Self:
        """Add a question in another protocol than the proxy's own."""
        detail = {"speaks": speaks} if speaks else {}
        return self._add(Step.PROXY, failure, "example.org", stage="open", kind=kind, purpose="guess", port=443, **detail)

    def well(self) -> Self:
        """Add a direct line on which the service and the controls are well."""
        self.healthy()
        self.system("x.com", TRUE).doh("x.com", TRUE).tls("x.com", TRUE).page("x.com", TRUE)
        return self

    def cut_by_name(self) -> Self:
        """Add a direct line that cuts the service by its name, for certain."""
        self.healthy()
        self.system("x.com", TRUE, TRUE_ELSEWHERE).doh("x.com", TRUE, TRUE_ELSEWHERE)
        for address in (TRUE, TRUE_ELSEWHERE):
            self.tls("x.com", address, RESET)
            self.tls("x.com", address, None, name="example.org", purpose="neutral_name")
        self.tls("example.org", CONTROL_ADDRESS, None, purpose="control_neutral")
        return self.tls("x.com", CONTROL_ADDRESS, RESET, purpose="control_address")

    @property
    def way(self) -> tuple[str, str | None, str, str]:
        """Return status, cause, certainty and rule of the proxy."""
        found = next(route for route in self.judged().routes if route.id == ROUTE)
        return str(found.status), found.cause and str(found.cause), str(found.certainty), found.rule

    @property
    def over(self) -> tuple[str, str | None, str, str]:
        """Return status, cause, certainty and rule of the service over the proxy."""
        found = next(v for v in self.judged().verdicts if (v.target, v.route, v.function) == ("x", ROUTE, "web"))
        return str(found.status), found.cause and str(found.cause), str(found.certainty), found.rule


def clouded(way: Way, cause: Cause) -> None:
    """Add what a wrong clock or a root of this computer does to every secure control."""
    for number, host in enumerate(CONTROLS):
        if cause is Cause.WRONG_CLOCK:
            way.tls(host, TRUE, "ssl_invalid_certificate", verify_code=10, purpose="control")
            way.page(host, TRUE, scheme="http", purpose="control", date=1_700_000_000.0 + 40 * 86400 + number)
        else:
            way.tls(host, TRUE, "ssl_unknown_authority", verify_code=20, purpose="control")
            way.tls(host, TRUE, None, purpose="system_roots")
