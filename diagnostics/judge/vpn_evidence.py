"""What was measured of one VPN profile, sorted for the rules; nothing here decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from diagnostics.failures import INTERRUPTED, REFUSED
from diagnostics.judge.route_evidence import RouteEvidence, code, word
from diagnostics.model import DIRECT, Observation, Step

PROHIBITED: Final = "host_unreachable"
"""The failure of an ICMP error such as "administratively prohibited" (errno 113 on Linux)."""


def is_prohibited(o: Observation) -> bool:
    """Tell whether a router said that a datagram is forbidden.

    Linux tells a connected UDP socket of no milder error under this number.  For TCP it does: a server that is switched off behind its
    router, or in the person's own network, looks the same there.
    """
    return o.failure == PROHIBITED and word(o, "transport") == "udp"


def ends_on_the_way(o: Observation) -> bool:
    """Tell whether somebody on the way said that there is no way to the server, for whatever reason."""
    return o.failure == PROHIBITED and not is_prohibited(o)


ADDRESSES: Final = frozenset({"ikev2", "l2tp", "sstp", "anyconnect", "ssh"})
"""Kinds of profiles that are an address and nothing else: there are no keys that could be wrong."""

PROFILES: Final = frozenset({"wireguard", "amneziawg", "tor", "obfs4", "openvpn"}) | ADDRESSES
"""Kinds of routes that are profiles (``diagnostics/vpn/profile.py``)."""

PAGELESS: Final = frozenset({"openvpn"}) | ADDRESSES
"""Those of them through which this program carries nothing: it has no data channel of its own for them."""


class ProfileEvidence(RouteEvidence):
    """What was measured of one profile: its own stages, and what went through it."""

    def __init__(self, observations: Sequence[Observation]) -> None:
        """Sort by stage; what was interrupted proves nothing."""
        super().__init__(observations)
        self.vpn = [o for o in observations if o.step is Step.VPN and o.failure != INTERRUPTED]
        self.proxy = self.vpn  # where the rules of routes look for ``open``

    def of(self, stage: str, *, by: str = DIRECT, transport: str = "") -> list[Observation]:
        """Return the steps of one stage that went out ``by`` a way, and over one transport if that is asked for."""
        return [
            o for o in self.vpn if word(o, "stage") == stage and (word(o, "by") or DIRECT) == by and transport in ("", word(o, "transport"))
        ]

    def elsewhere(self, stage: str) -> list[Observation]:
        """Return the steps of one stage that went out through one of the person's proxies."""
        return [o for o in self.vpn if word(o, "stage") == stage and word(o, "by") not in ("", DIRECT)]

    def no_other_way(self) -> set[str]:
        """Return the proxies that come out where this line does: what goes through them comes from the same place."""
        return {word(o, "by") for o in self.elsewhere("relay") if o.detail.get("same_address") is True}

    def carrying(self) -> list[Observation]:
        """Return the proof of proxies by which datagrams demonstrably came from another place, and an answer to them back."""
        here = self.no_other_way()
        return [o for o in self.elsewhere("relay") if o.failure is None and o.detail.get("answered") is True and word(o, "by") not in here]

    @property
    def protocol(self) -> str:
        """Return what the profile speaks."""
        return word(self.note, "proxy") if self.note else next((word(o, "protocol") for o in self.vpn), "")

    @property
    def answered(self) -> list[Observation]:
        """Return the greetings that were answered directly."""
        return [o for o in self.of("handshake") if o.failure is None]

    @property
    def silent(self) -> list[Observation]:
        """Return the greetings that went out directly and were not answered; those refused in words are not among them."""
        return [o for o in self.of("handshake") if o.failure not in (None, REFUSED, PROHIBITED)]

    def alive(self) -> list[Observation]:
        """Return the signs that something lives at the server's address."""
        return [o for o in self.of("alive") if o.failure is None and o.detail.get("signs")]


def tries(o: Observation) -> int:
    """Return how many greetings a step sent."""
    return code(o, "tries")
