"""A small language for what is measured over an app's own proxy: each method adds one observation, as a probe would have recorded it."""

from __future__ import annotations

from typing import Any, Self

from diagnostics.judge.app_proxies import judge_app
from diagnostics.judge.route_evidence import RouteEvidence
from diagnostics.model import NetworkVerdict, Observation, RouteVerdict, Service, Status, Step, Verdict

FINE = NetworkVerdict(status=Status.WORKS, clock_skew_s=0.5)


class Way:
    """What was measured over one app proxy, in the making."""

    def __init__(self, kind: str) -> None:
        self.kind, self.id = kind, f"{kind}-1234"
        self.observations: list[Observation] = []
        self._add(Step.SYSTEM, {"kind": "route", "id": self.id, "proxy": kind, "why_not": "", "names_here": False})

    def _add(self, step: Step, detail: dict[str, Any], failure: str | None = None, host: str | None = None) -> Self:
        number = len(self.observations) + 1
        self.observations.append(Observation(id=f"p{number}", step=step, route=self.id, failure=failure, host=host, detail=detail))
        return self

    def stage(self, stage: str, failure: str | None = None, **detail: Any) -> Self:
        """Add one step of getting to the proxy and into it."""
        return self._add(Step.PROXY, {"stage": stage, "kind": self.kind, **detail}, failure)

    def connect(self, failure: str | None = None, **detail: Any) -> Self:
        """Add a connection to it."""
        return self.stage("connect", failure, **detail)

    def asked(self, failure: str | None = None, **detail: Any) -> Self:
        """Add Telegram's first question."""
        return self._add(Step.MTPROTO, {"port": 443, "answered": failure is None, "received": 0, **detail}, failure)

    def shaken(self, host: str, failure: str | None = None, /, **detail: Any) -> Self:
        """Add a handshake through it."""
        return self._add(Step.TLS, {"port": 443, "purpose": "target", "received": 0, **detail}, failure, host)

    def page(self, failure: str | None = None, *, complete: bool = True) -> Self:
        """Add a page of Signal's chat."""
        detail = {"port": 443, "url": "https://chat.signal.org/", "status": 404, "complete": complete}
        return self._add(Step.HTTP, detail, failure, "chat.signal.org")

    def heard(self, speaks: str) -> Self:
        """Add that another protocol was heard inside."""
        return self._add(Step.SYSTEM, {"kind": "heard", "speaks": speaks})

    def judged(self, network: NetworkVerdict = FINE, *targets: Service) -> tuple[RouteVerdict, list[Verdict]]:
        """Return the verdicts of the proxy and of the targets over it."""
        return judge_app(self.id, self.observations, RouteEvidence(self.observations), targets, network)

    def said(self, network: NetworkVerdict = FINE) -> tuple[str, str | None, str, str]:
        """Return status, cause, certainty and rule of the proxy, as plain words."""
        found = self.judged(network)[0]
        assert set(found.evidence) <= {o.id for o in self.observations} | set(network.evidence)
        return found.status.value, found.cause.value if found.cause else None, found.certainty.value, found.rule
