"""The language of evidence for a VPN's protection: each method adds what a check would have recorded."""

from __future__ import annotations

import hashlib
from typing import Any, Self

from diagnostics.judge.evidence import Evidence
from diagnostics.judge.vpn_protection import checks_of
from diagnostics.model import OUTSIDE, Cause, NetworkVerdict, Status, Step, VpnCheck, VpnVerdict
from tests.judge.story import Story, service

VPN, VPN_NAME = 9009, "M247, RO"
LINE, LINE_NAME = 8048, "CANTV Servicios, VE"
ELSEWHERE = 64777
FULL = VpnVerdict(state="full", clients=("wireguard",))
NAMES_ROUTED_OUTSIDE = VpnVerdict(
    state="full", checks=(VpnCheck(check="names", status=Status.PARTIAL, cause=Cause.VPN_DNS_OUTSIDE, rule="vpn.x", evidence=("o1",)),)
)
IPV6_ROUTED_OUTSIDE = VpnVerdict(
    state="full", checks=(VpnCheck(check="ipv6", status=Status.PARTIAL, cause=Cause.VPN_IPV6_OUTSIDE, rule="vpn.x", evidence=("o1",)),)
)


def place(address: str, *networks: int, operator: str = "") -> dict[str, Any]:
    """Return what a step says of an address that was seen."""
    mark = hashlib.sha256(address.encode()).hexdigest()[:8]
    near = hashlib.sha256(".".join(address.split(".")[:2]).encode()).hexdigest()[:8]
    return {"mark": mark, "near": near, "networks": list(networks), "operator": operator, "country": None}


class Protection(Story):
    """A run through a VPN that is up."""

    def __init__(self, *, tunnel: bool = True, simulated: bool = False) -> None:
        """Begin with the wish for these checks."""
        super().__init__(service("x.com"))
        self.step("protection", tunnel=tunnel, simulated=simulated)

    def step(self, stage: str, failure: str | None = None, route: str = "direct", **detail: Any) -> Self:
        """Add any step."""
        return self.add(Step.VPN, failure=failure, route=route, detail={"stage": stage, **detail})

    def exit(self, address: str = "185.1.1.1", *networks: int, name: str = VPN_NAME, family: int = 4, route: str = "direct") -> Self:
        """Add what both pages say of where it comes out."""
        for page in ("cloudflare-trace", "ipify"):
            seen = place(address, *(networks or (VPN,)), operator=name)
            self.step("exit", route=route, service=page, family=family, told=None, **seen)
        return self

    def outside(self, address: str = "186.88.1.1") -> Self:
        """Add where the line comes out beside the tunnel."""
        return self.exit(address, LINE, name=LINE_NAME, route=OUTSIDE)

    def remembers(self, *networks: int, resolvers: tuple[int, ...] = (), operator: str = LINE_NAME) -> Self:
        """Add what is remembered of the line."""
        line = {"networks": list(networks or (LINE,)), "operator": operator, "country": "VE", "resolvers": list(resolvers), "days": 3}
        return self.step("line", lines=[line])

    def asked_by(self, address: str, *networks: int, services: tuple[str, ...] = ("powerdns", "google"), **more: Any) -> Self:
        """Add a resolver that name servers saw."""
        facts = place(address, *networks, operator=more.get("operator", "")) | {"public": more.get("public", "")}
        for each in services:
            self.step("dns_seen", service=each, via="udp", seen=[facts])
        return self

    def datagram(self, address: str, *networks: int, services: tuple[str, ...] = ("telnyx-stun", "voipgate-stun"), name: str = "") -> Self:
        """Add where a datagram came from."""
        for each in services:
            self.step("udp", service=each, tries=1, **place(address, *networks, operator=name))
        return self

    def counted(self, *, sent: int = 5, received: int = 0, answered: int = 0, **more: Any) -> Self:
        """Add one round of the interface's counters."""
        number = sum(o.detail.get("stage") == "traffic" for o in self.observations)
        facts = {"round": number, "asked": 5, "answered": answered, "sent": sent, "received": received, "gone": False, "reset": False}
        return self.step("traffic", **(facts | more))

    def page_of_size(self, where: str, segment: str, failure: str | None = None, number: int = 0, part: str = "handshake") -> Self:
        """Add one page that was asked for with ordinary or small segments."""
        return self.step("mtu", failure, service=where, segment=segment, round=number, part=part if failure else "done")

    def hole_at(self, where: str, rounds: int = 2) -> Self:
        """Add a place whose page comes with small segments only."""
        for number in range(rounds):
            self.page_of_size(where, "ordinary", "generic_timeout_error", number).page_of_size(where, "small", number=number)
        return self

    def check(self, name: str, state: VpnVerdict = FULL, network: NetworkVerdict | None = None) -> VpnCheck:
        """Return one check."""
        return next(c for c in checks_of(Evidence(self.observations), state, network) if c.check == name)

    def found(self, name: str, state: VpnVerdict = FULL, network: NetworkVerdict | None = None) -> tuple[str, str | None, str]:
        """Return status, cause and certainty of one check as plain words."""
        check = self.check(name, state, network)
        return check.status.value, check.cause.value if check.cause else None, check.certainty.value
