"""What every test of a profile shares: its steps, what the person allowed, and where its server lives.

Steps are ``vpn`` observations over the route that is called like the profile's id.  Detail: ``stage``, ``protocol``, ``transport``
(udp | tcp, where one was used), ``by`` (``direct``, or the id of the proxy that the step went through), and what the stage says of itself:

* ``name``: the server's name was looked up (``public``, ``bogons``: how many addresses of each kind; ``name_elsewhere`` as for proxies);
* ``at``, of a port and a greeting: which of the addresses of the server's name it went to, from 0 (0 where it is not told);
* ``port``: a TCP connection to the server, or a first datagram that came back as an ICMP error;
* ``alive``: signs of life at the same address by other means (``signs``: what answered);
* ``handshake``: the protocol's own greeting (``tries``: how many were sent; ``answer``: what came: ``response``, ``cookie``, ...);
* ``keys``: what the answer proved about the keys; ``tls``: the certificate; ``login``: what the server said to it;
* ``data``: the first packets through the tunnel; ``dns``: a name asked through it; ``mtu``: which sizes passed;
* ``ahead``: not greeted, since this computer's clock is ahead; ``udp_control``: whether a place that answers anybody over UDP did;
* ``inside``: not greeted, since everything goes into the same profile's own tunnel, and nothing can leave beside it;
* ``relay``: whether a proxy of the person's carries datagrams (``vpn/by_proxy.py``), before a stage goes out ``by`` it;
* ``transport``, ``hold``, ``clock``: of Tor bridges (``vpn/tor/probe.py``);
* ``open``: a target was asked for through it, as for proxies.

They never carry the server's name or address, a key, a user's name, or words of the server that could repeat one.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from diagnostics.bogons import is_address
from diagnostics.model import DIRECT, Step
from diagnostics.network import Network
from diagnostics.probes.context import Context
from diagnostics.probes.pacing import patiently
from diagnostics.probes.proxy_name import find_proxy
from diagnostics.routes.link import Link
from diagnostics.trace import StepRecord
from diagnostics.vpn.profile import Consent, Profile

LADDER: Final = (1.5, 1.5, 1.5)
"""Seconds that each of the tries of a handshake over UDP may take (reference: three tries, no loops)."""

MOST_ADDRESSES: Final = 2


class Probing:
    """The test of one profile in one run."""

    def __init__(self, direct: Context, profile: Profile, consent: Consent, proxies: tuple[Link, ...] = ()) -> None:
        """Measure ``profile`` as part of the run of ``direct``; ``proxies`` are the person's, for the same probe from elsewhere."""
        self.direct = direct
        self.context = direct.over(profile.id)
        self.profile = profile
        self.consent = consent
        self.proxies = proxies
        self.addresses: list[str] = []
        self.beside = False
        """This test leaves beside a tunnel of the same profile that is up, so that nothing but the server may be asked."""

    def leave_by(self, line: Network) -> None:
        """Go on over the line without the VPN that is up."""
        self.context.network, self.beside = line, True

    def at(self, address: str) -> int:
        """Return which of the server's addresses one is, from 0: what failed at one says nothing of another."""
        return self.addresses.index(address) if address in self.addresses else 0

    def step(self, stage: str, **detail: object) -> StepRecord:
        """Return a step of this test: ``with probing.step("handshake") as step:``; the block fills ``step.detail`` further."""
        record = self.context.trace.step(Step.VPN)
        record.detail = {"stage": stage, "protocol": str(self.profile.protocol), "by": "direct", **detail}
        return record

    @property
    def went_unanswered(self) -> bool:
        """Tell whether a greeting over UDP stayed without any answer."""
        own = [o for o in self.context.trace.observations if o.route == self.profile.id and o.detail.get("stage") == "handshake"]
        over_udp = [o for o in own if o.detail.get("transport") == "udp" and o.detail.get("by") == DIRECT]
        return bool(over_udp) and all(o.failure is not None for o in over_udp)

    async def find(self, host: str | None = None) -> list[str]:
        """Look the server's name up (an address is taken as it is); none if nobody knows it.  Keeps what was found."""
        host = host or self.profile.host
        if is_address(host):
            self.addresses = [host]
        else:
            found = await find_proxy(self.direct, self.context, host, str(self.profile.protocol), step=Step.VPN)
            self.addresses = found[:MOST_ADDRESSES]
        return self.addresses

    async def patiently(self, work: Coroutine[Any, Any, Any], extra: float = 0.0) -> Any:  # noqa: ANN401 - whatever the work gives
        """Do work within this line's patience and ``extra`` seconds.  Raises TimeoutError."""
        return await patiently(work, lambda: self.context.patience.wait(extra=extra))
