"""The words that a verdict is made of: kinds of steps, statuses, causes, and how much the evidence carries.

Their values are a public contract: they appear in reports and are never renamed.  ``diagnostics/model.py`` hands them on: the rest of
the program takes them from there.
"""

from __future__ import annotations

import enum
from typing import Self

MAX_ENUM_TEXT = 64
"""Longest unknown enum value that is accepted from a report; ours have at most 24 characters."""


class OpenEnum(enum.StrEnum):
    """A string enum that carries unknown values of newer reports through unchanged."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str) or not value or len(value) > MAX_ENUM_TEXT or not value.isprintable():
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member


class Step(OpenEnum):
    """The kinds of observation."""

    DNS = "dns"  # one query to one resolver
    TCP = "tcp"  # connecting to one address and port
    TLS = "tls"  # one handshake, up to the certificate
    HTTP = "http"  # one request and its response
    QUIC = "quic"
    UDP = "udp"  # one question to one address over UDP, such as STUN's
    MTPROTO = "mtproto"  # the first question of Telegram's protocol, on an open connection
    THROUGHPUT = "throughput"
    PROXY = "proxy"
    VPN = "vpn"
    SYSTEM = "system"  # a fact of this computer, or the plan of the run; nothing was sent


class Status(OpenEnum):
    """What a person is told about a target."""

    WORKS = "works"
    SLOW = "slow"
    PARTIAL = "partial"  # some functions work
    BLOCKED = "blocked"  # two independent signs and a working control
    LIKELY_BLOCKED = "likely_blocked"  # one sign, or an incomplete control
    DOWN = "down"  # the service, this computer or this network is at fault
    UNKNOWN = "unknown"  # evidence below the floor
    NOT_TESTED = "not_tested"  # skipped, cancelled, out of budget


class Certainty(OpenEnum):
    """How much the evidence carries."""

    CERTAIN = "certain"
    LIKELY = "likely"
    NONE = "none"


class Cause(OpenEnum):
    """What is in the way."""

    DNS_TAMPERING = "dns_tampering"
    DNS_NO_ANSWER = "dns_no_answer"
    RESOLVER_BLOCKED = "resolver_blocked"
    IP_BLOCKED = "ip_blocked"
    NAME_BLOCKED = "name_blocked"
    TLS_INTERCEPTION = "tls_interception"
    BLOCK_PAGE = "block_page"
    HTTP_BLOCKED = "http_blocked"
    THROTTLED = "throttled"
    QUIC_BLOCKED = "quic_blocked"
    GEO_REFUSED = "geo_refused"
    SERVER_FAULT = "server_fault"
    NO_INTERNET = "no_internet"
    CAPTIVE_PORTAL = "captive_portal"
    WRONG_CLOCK = "wrong_clock"
    LOCAL_INTERCEPTION = "local_interception"
    HOSTS_FILE = "hosts_file"
    BROKEN_IPV6 = "broken_ipv6"
    LOSSY_NETWORK = "lossy_network"
    STALE_PROXY = "stale_proxy"
    LOCAL_FIREWALL = "local_firewall"
    PROXY_DOWN = "proxy_down"
    PROXY_UNREACHABLE = "proxy_unreachable"
    PROXY_AUTH = "proxy_auth"
    PROXY_WRONG_PROTOCOL = "proxy_wrong_protocol"
    PROXY_REFUSES_TARGET = "proxy_refuses_target"
    PROXY_INTERCEPTS = "proxy_intercepts"
    PROXY_LEAKS_DNS = "proxy_leaks_dns"
    PROXY_BLOCKED = "proxy_blocked"
    VPN_PROXY_ONLY = "vpn_proxy_only"
    VPN_SPLIT = "vpn_split"
    VPN_IPV6_OUTSIDE = "vpn_ipv6_outside"
    VPN_DNS_OUTSIDE = "vpn_dns_outside"
    VPN_DNS_AT_RISK = "vpn_dns_at_risk"
    VPN_UDP_OUTSIDE = "vpn_udp_outside"
    VPN_NO_TRAFFIC = "vpn_no_traffic"
    VPN_MTU = "vpn_mtu"
    VPN_LEAK_PATH_OPEN = "vpn_leak_path_open"
    VPN_KILL_SWITCH_ACTIVE = "vpn_kill_switch_active"
    VPN_CONFLICT = "vpn_conflict"
    VPN_SUBNET_OVERLAP = "vpn_subnet_overlap"
    VPN_INTERCEPTS_TLS = "vpn_intercepts_tls"
    VPN_SERVER_UNREACHABLE = "vpn_server_unreachable"
    VPN_HANDSHAKE_BLOCKED = "vpn_handshake_blocked"
    VPN_DATA_BLOCKED = "vpn_data_blocked"
    VPN_WRONG_KEY = "vpn_wrong_key"
    VPN_AUTH_FAILED = "vpn_auth_failed"
    VPN_UNTRUSTED_SERVER = "vpn_untrusted_server"
    VPN_SERVER_BUSY = "vpn_server_busy"


LOCAL_CAUSES = frozenset(
    {
        Cause.NO_INTERNET,
        Cause.CAPTIVE_PORTAL,
        Cause.WRONG_CLOCK,
        Cause.LOCAL_INTERCEPTION,
        Cause.HOSTS_FILE,
        Cause.BROKEN_IPV6,
        Cause.LOSSY_NETWORK,
        Cause.STALE_PROXY,
        Cause.LOCAL_FIREWALL,
    }
)
"""Causes that lie in this computer or line: they are said first and mask what they explain."""
