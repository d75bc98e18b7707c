"""Which proxies may greet the server of a profile from elsewhere."""

from __future__ import annotations

import pytest

from diagnostics.vpn.lending import can_lend


@pytest.mark.parametrize(
    "kind, over_udp, over_tcp",
    [
        ("socks5", True, True),
        ("socks5h", True, True),
        ("auto", True, False),
        ("http", False, True),
        ("shadowsocks", False, False),
        ("mtproto", False, False),
    ],
)
def test_a_proxy_greets_over_what_it_carries(kind: str, over_udp: bool, over_tcp: bool) -> None:
    assert {can_lend(kind, each) for each in ("wireguard", "amneziawg", "ikev2", "l2tp")} == {over_udp}
    assert {can_lend(kind, each) for each in ("sstp", "ssh", "tor", "obfs4")} == {over_tcp}
    assert can_lend(kind, "openvpn") is (over_udp or over_tcp)
