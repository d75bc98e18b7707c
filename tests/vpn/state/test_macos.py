"""macOS: what scutil prints, understood.  Nothing was run on a Mac: the recordings are of others, as named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from diagnostics.vpn.state.macos import kind_of, parse_dns, parse_nc, parse_nwi, used_servers

# eduvpn/apple issue 250 (macOS 10.15, a split tunnel), shortened.
SPLIT_DNS = """
DNS configuration

resolver #1
  nameserver[0] : 10.83.200.1
  nameserver[1] : fdbf:5677:c5d:e515::1
  if_index : 13 (utun2)
  flags    : Supplemental, Request A records, Request AAAA records
  reach    : 0x00000002 (Reachable)
  order    : 101400

resolver #2
  nameserver[0] : 8.8.8.8
  nameserver[1] : 8.8.4.4
  if_index : 4 (en0)
  flags    : Request A records
  reach    : 0x00000002 (Reachable)
  order    : 200000

resolver #3
  domain   : local
  options  : mdns
  timeout  : 5
  flags    : Request A records
  reach    : 0x00000000 (Not Reachable)
  order    : 300000
"""

# Tunnelblick/Tunnelblick pull request 452: the tunnel's servers are for scoped questions only.
SCOPED_DNS = """
DNS configuration

resolver #1
  flags    : Request A records
Not Reachable

resolver #2
  domain   : local
  options  : mdns
  timeout  : 5
  flags    : Request A records
Not Reachable
  order    : 300000

DNS configuration (for scoped queries)

resolver #1
  search domain[0] : openvpn
  nameserver[0] : 8.8.8.8
  nameserver[1] : 8.8.4.4
  if_index : 13 (utun0)
  flags    : Scoped, Request A records
Reachable
"""

# exelban/stats issue 2143 (first adapter), completed by the form of an ordinary line.
NWI = """Network information

IPv4 network interface information
   utun4 : flags      : 0x5 (IPv4,DNS)
           address    : 198.18.0.1
           VPN server : 254.1.1.1
           reach      : 0x00000003 (Reachable,Transient Connection)
     en0 : flags      : 0x5 (IPv4,DNS)
           address    : 192.168.1.23
           reach      : 0x00000002 (Reachable)

   REACH : flags 0x00000003 (Reachable,Transient Connection)

IPv6 network interface information
   No IPv6 states found


   REACH : flags 0x00000000 (Not Reachable)

Network interfaces: utun4 en0
"""

# blog.timac.org/2018/0717-macos-vpn-architecture and pirate/security-growler issue 24; the connected line is of the same form.
NC = """Available network connection services in the current set (*=enabled):
* (Disconnected)   940C2D07-8CF4-492C-A7DE-DD50C337149F PPP --> L2TP       "My_L2TP_VPN" [PPP:L2TP]
* (Connected)      540C2D07-8CF4-492C-A7DE-DD50C337149F VPN (com.wireguard.macos) "casa" [VPN:com.wireguard.macos]
"""


def test_the_first_resolver_without_a_domain_takes_ordinary_names() -> None:
    servers = used_servers(parse_dns(SPLIT_DNS))
    assert [(each.address, each.on, each.used) for each in servers] == [
        ("10.83.200.1", "utun2", True),
        ("fdbf:5677:c5d:e515::1", "utun2", True),
        ("8.8.8.8", "en0", False),
        ("8.8.4.4", "en0", False),
    ]


def test_servers_for_scoped_questions_take_no_ordinary_names() -> None:
    servers = used_servers(parse_dns(SCOPED_DNS))
    assert [(each.address, each.used) for each in servers] == [("8.8.8.8", False), ("8.8.4.4", False)]


def test_the_system_says_which_adapter_is_a_vpns() -> None:
    assert parse_nwi(NWI) == (["utun4", "en0"], ["utun4"])


def test_only_connected_services_count_and_their_names_are_left_alone() -> None:
    assert parse_nc(NC) == ["VPN:com.wireguard.macos"]


def test_adapters_are_known_by_their_bsd_names() -> None:
    names = ("lo0", "en0", "utun3", "ipsec0", "ppp0", "awdl0", "llw0", "bridge100", "feth12")
    assert [kind_of(name) for name in names] == [
        *("loopback", "physical", "tun", "ipsec", "ppp"),
        *("virtual", "virtual", "virtual", "tun"),
    ]


@given(st.text(max_size=400))
def test_no_text_brings_the_parsers_to_fall(text: str) -> None:
    used_servers(parse_dns(text))
    parse_nwi(text)
    parse_nc(text)
