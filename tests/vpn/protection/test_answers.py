"""What strangers answer to the checks of a VPN: pages, name servers and STUN servers, rightly and with malice."""

from __future__ import annotations

import ipaddress
import struct

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

import resources
from diagnostics.errors import InputError
from diagnostics.probes.stun import mapped_address
from diagnostics.vpn.protection.data import FILE, Format, known_outlooks, read_outlooks
from diagnostics.vpn.protection.exits import LARGEST_PAGE, Visitor, read_visitor
from diagnostics.vpn.protection.names import MOST_SEEN, resolvers_in
from diagnostics.vpn.protection.places import (
    LONGEST_OPERATOR,
    MOST_NETWORKS,
    MOST_TEXTS,
    UNKNOWN,
    Origin,
    origin_name,
    read_operator,
    read_origin,
    texts_of,
)

TRACE = b"fl=1\nh=www.cloudflare.com\nip=185.65.1.1\nts=1\nloc=RO\nwarp=off\n"


# --- pages ----------------------------------------------------------------------------------------


def test_a_trace_tells_address_and_country() -> None:
    assert read_visitor(TRACE, Format.TRACE, 4) == Visitor("185.65.1.1", "RO")
    assert read_visitor(TRACE.replace(b"\n", b"\r\n"), Format.TRACE, 4) == Visitor("185.65.1.1", "RO")
    assert read_visitor(b"ip=2a02:b1::1\nloc=RO\n", Format.TRACE, 6) == Visitor("2a02:b1::1", "RO")


@pytest.mark.parametrize("country", [b"XX", b"T1"])
def test_no_country_is_none(country: bytes) -> None:
    assert read_visitor(TRACE.replace(b"RO", country), Format.TRACE, 4) == Visitor("185.65.1.1")


def test_a_plain_page_is_the_address_alone() -> None:
    assert read_visitor(b" 185.65.1.1\n", Format.PLAIN, 4) == Visitor("185.65.1.1")
    assert read_visitor(b"2a02:b1::1", Format.PLAIN, 6) == Visitor("2a02:b1::1")


@pytest.mark.parametrize(
    "body, kind, family",
    [
        (b"", Format.PLAIN, 4),
        (b"<html>185.65.1.1</html>", Format.PLAIN, 4),
        (b"185.65.1.1 186.88.1.2", Format.PLAIN, 4),
        (b"185.65.1.1", Format.PLAIN, 6),
        (b"2a02:b1::1", Format.PLAIN, 4),
        (b"999.65.1.1", Format.PLAIN, 4),
        (b"1.2.3", Format.PLAIN, 4),
        (b"::::", Format.PLAIN, 6),
        (b"loc=RO\n", Format.TRACE, 4),
        (b"xip=185.65.1.1\n", Format.TRACE, 4),
        (TRACE + b"x" * LARGEST_PAGE, Format.TRACE, 4),
        ("ip=\u0661.\u0662.3.4\n".encode(), Format.TRACE, 4),
    ],
)
def test_anything_else_is_no_address(body: bytes, kind: Format, family: int) -> None:
    assert read_visitor(body, kind, family) is None


@given(st.binary(max_size=300) | st.text(alphabet="ip=loc\n0123456789abcdef.:", max_size=80).map(str.encode), st.sampled_from(Format))
def test_no_page_of_a_stranger_does_harm(body: bytes, kind: Format) -> None:
    for family in (4, 6):
        found = read_visitor(body, kind, family)
        assert found is None or ipaddress.ip_address(found.address).version == family


# --- networks -------------------------------------------------------------------------------------


def test_only_the_larger_range_of_an_address_is_asked_for() -> None:
    networks = known_outlooks().networks
    assert origin_name("185.65.1.77", networks) == f"0.1.65.185.{networks.origin}"
    name = origin_name("2a02:b1:1:2:3:4:5:6", networks)
    assert name.endswith(f".1.0.0.0.1.b.0.0.2.0.a.2.{networks.origin6}")
    assert name.startswith("0." * 20), "what is more of it is nobody's business"


def test_an_origin_has_numbers_and_a_country() -> None:
    assert read_origin(["23028 | 216.90.108.0/24 | US | arin | 1998-09-25"]) == Origin(networks=(23028,), country="US")
    assert read_origin(["701 1239 | 1.2.3.0/24 | us | arin | "]) == Origin(networks=(701, 1239))
    assert read_origin(["nothing", " 7 | x"]) == Origin(networks=(7,))


@pytest.mark.parametrize(
    "text", ["", "|", "0 | 1.2.3.0/24 | US", "4294967295 | a | US", "99999999999", "-1 | x | US", "² | x | US", "NA | x"]
)
def test_what_has_no_number_of_a_network_is_not_known(text: str) -> None:
    assert read_origin([text]) == UNKNOWN


def test_an_operator_loses_its_country_and_whatever_is_not_to_be_shown() -> None:
    assert read_operator(["8048 | VE | lacnic | 1997 | CANTV Servicios, VE"]) == "CANTV Servicios"
    assert read_operator(["too | short"]) == ""
    long = read_operator([f"1 | VE | x | y | \x1b[31m{'A' * 500}\u202e"])
    assert len(long) <= LONGEST_OPERATOR
    assert long.isprintable()


@given(st.lists(st.text(max_size=60) | st.text(alphabet="0123456789 |,VE", max_size=40), max_size=30))
def test_no_text_of_a_stranger_does_harm(texts: list[str]) -> None:
    found = read_origin(texts)
    assert len(found.networks) <= MOST_NETWORKS
    assert all(0 < number < 1 << 32 for number in found.networks)
    assert len(found.country) in (0, 2)
    assert len(read_operator(texts)) <= LONGEST_OPERATOR
    assert len(resolvers_in(texts)) <= MOST_SEEN


@given(st.lists(st.binary(min_size=0, max_size=255), min_size=1, max_size=40))
def test_texts_are_few_and_short(strings: list[bytes]) -> None:
    reply = dns.message.make_response(dns.message.make_query("x.example", "TXT"))
    quoted = ['"' + "".join(f"\\{byte:03d}" for byte in text) + '"' for text in strings]
    reply.answer.append(dns.rrset.from_text_list("x.example.", 1, "IN", "TXT", quoted))
    found = texts_of(dns.message.from_wire(reply.to_wire(max_size=65535)))
    assert len(found) <= MOST_TEXTS
    assert all(len(text) <= 1000 for text in found)


# --- resolvers ------------------------------------------------------------------------------------


def test_resolvers_are_found_alone_or_behind_their_label() -> None:
    assert resolvers_in(["185.65.1.1", "Resolver IP: 2a02:b1::1", "185.65.1.1"]) == ["185.65.1.1", "2a02:b1::1"]


def test_the_subnet_of_a_client_is_no_resolver() -> None:
    assert resolvers_in(["edns0-client-subnet 186.88.1.0/24", "PoP: CCS", "", "186.88.1.0/24"]) == []


# --- STUN -----------------------------------------------------------------------------------------

TRANSACTION = bytes(range(12))
COOKIE = bytes.fromhex("2112a442")


def binding(*attributes: bytes, transaction: bytes = TRANSACTION) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HH", 0x0101, len(body)) + COOKIE + transaction + body


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def test_the_address_is_read_hidden_and_plain_over_both_families() -> None:
    key = COOKIE + TRANSACTION
    for text, family in (("185.65.1.1", 1), ("2a02:b1::1", 2)):
        raw = ipaddress.ip_address(text).packed
        hidden = bytes(a ^ b for a, b in zip(raw, key, strict=False))
        assert mapped_address(binding(attribute(0x0020, bytes([0, family, 0, 7]) + hidden)), TRANSACTION) == text
        assert mapped_address(binding(attribute(0x0001, bytes([0, family, 0, 7]) + raw)), TRANSACTION) == text


def test_the_answer_to_another_question_is_none_of_ours() -> None:
    value = bytes([0, 1, 0, 7]) + ipaddress.ip_address("185.65.1.1").packed
    assert mapped_address(binding(attribute(1, value), transaction=bytes(12)), TRANSACTION) is None


@pytest.mark.parametrize("value", [b"", bytes(7), bytes([0, 3, 0, 7, 1, 2, 3, 4]), bytes([0, 2, 0, 7, 1, 2, 3, 4])])
def test_a_broken_address_is_none(value: bytes) -> None:
    assert mapped_address(binding(attribute(0x0020, value)), TRANSACTION) is None


@given(st.binary(max_size=120))
def test_no_datagram_of_a_stranger_does_harm(body: bytes) -> None:
    for wire in (body, binding(body)):
        found = mapped_address(wire, TRANSACTION)
        assert found is None or ipaddress.ip_address(found).packed


# --- the file -------------------------------------------------------------------------------------


def test_what_ships_is_read_and_knows_whose_public_resolvers_are() -> None:
    known = known_outlooks()
    assert known.public_operator([8048, 15169]) == "Google"
    assert known.public_operator([8048]) == known.public_operator([]) == ""


SHIPPED = resources.text(FILE)


@pytest.mark.parametrize(
    "old, new",
    [
        ('host = "api.ipify.org"', 'host = "not a name"'),
        ('path = "/"', 'path = "no"'),
        ("bytes = 262144", "bytes = 99999999"),
        ('format = "plain"', 'format = "json"'),
        ('operator = "ipify"', 'operator = "Cloudflare"'),
        ('id = "ipify"', 'id = "cloudflare-trace"'),
        ("networks = [15169]", "networks = [0]"),
        ('query = "AAAA"', 'query = "MX"'),
        ("as_of", "as_off"),
    ],
)
def test_a_mistake_in_the_file_is_found_with_its_line(old: str, new: str) -> None:
    assert old in SHIPPED
    with pytest.raises(InputError) as error:
        read_outlooks(SHIPPED.replace(old, new), "protection.toml")
    assert error.value.values["file"] == "protection.toml"
