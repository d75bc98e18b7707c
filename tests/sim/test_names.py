"""Names in the simulated network: the truth, every kind of forgery, and what getaddrinfo's stand-in makes of them."""

from __future__ import annotations

import asyncio
import base64
import socket

import dns.exception
import dns.message
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics.sim import system_resolver
from diagnostics.sim.censor import Censor
from diagnostics.sim.dns_server import Names
from diagnostics.sim.world import World
from tests.sim.lab import (
    CATALOG,
    PROVIDER,
    address_of,
    addresses_in,
    ask,
    ask_stream,
    code,
    everything,
    in_loop,
    lab,
    page,
    resolve4,
    scenario,
    secure,
)

LIE = '[[censor]]\nhosts = ["x.com"]\n'


@in_loop
async def test_every_resolver_tells_the_truth_on_an_open_line() -> None:
    async with lab() as network:
        truth = list(network.world.hosts["x.com"].of_family(4))
        assert len(truth) == 2
        for server in (PROVIDER, "9.9.9.10"):
            (reply,) = await ask(network, server, "x.com")
            assert addresses_in(reply) == truth
        assert await resolve4(network, "x.com") == truth


@in_loop
async def test_a_name_that_nobody_has_does_not_exist() -> None:
    async with lab() as network:
        (reply,) = await ask(network, PROVIDER, "no-such-name.example")
        assert code(reply) == "NXDOMAIN"
        with pytest.raises(socket.gaierror) as caught:
            await resolve4(network, "no-such-name.example")
        assert caught.value.errno == socket.EAI_NONAME


@in_loop
async def test_a_name_without_addresses_of_the_family_gives_an_empty_answer() -> None:
    async with lab('[[site]]\nhost = "four.example"\naddresses = ["93.184.1.1"]\n') as network:
        (reply,) = await ask(network, PROVIDER, "four.example", "AAAA")
        assert (code(reply), addresses_in(reply)) == ("NOERROR", [])
        with pytest.raises(socket.gaierror) as caught:
            await network.resolve("four.example", socket.AF_INET6)
        assert caught.value.errno == socket.EAI_NODATA
        assert await network.resolve("four.example", socket.AF_UNSPEC) == ["93.184.1.1"]


@pytest.mark.parametrize(
    "behaviour,expected_code,expected_addresses",
    [
        ('dns = "bogon"', "NOERROR", ["127.0.0.1"]),
        ('dns = "nxdomain"', "NXDOMAIN", []),
        ('dns = "refused"', "REFUSED", []),
        ('dns = "servfail"', "SERVFAIL", []),
        ('dns = "empty"', "NOERROR", []),
        ('dns = "address"\nanswer = "93.184.1.9"', "NOERROR", ["93.184.1.9"]),
    ],
)
@in_loop
async def test_the_provider_lies_and_nobody_else_does(behaviour: str, expected_code: str, expected_addresses: list[str]) -> None:
    async with lab(LIE + behaviour) as network:
        (lie,) = await ask(network, PROVIDER, "x.com")
        (truth,) = await ask(network, "9.9.9.10", "x.com")
        (other,) = await ask(network, PROVIDER, "twitter.com")
        assert (code(lie), addresses_in(lie)) == (expected_code, expected_addresses)
        assert address_of(network, "x.com") in addresses_in(truth)
        assert address_of(network, "twitter.com") in addresses_in(other)


@in_loop
async def test_a_resolver_may_send_names_that_point_to_themselves() -> None:
    async with lab(LIE + 'dns = "garbage"') as network, await network.datagram(PROVIDER, 53) as flow:
        await flow.send(dns.message.make_query("x.com", "A").to_wire())
        answer = await flow.receive()
        assert len(answer) < 1000
        with pytest.raises(dns.exception.DNSException):
            dns.message.from_wire(answer)


@in_loop
async def test_a_forged_answer_may_be_the_address_of_a_host_of_the_scenario() -> None:
    async with lab(LIE + 'dns = "address"\nanswer = "notice.example"\n[[site]]\nhost = "notice.example"\n') as network:
        (lie,) = await ask(network, PROVIDER, "x.com")
        assert address_of(network, "notice.example") in addresses_in(lie)


@in_loop
async def test_a_swallowed_question_gets_no_answer_and_others_do() -> None:
    async with lab(LIE + 'dns = "silence"') as network:
        assert await ask(network, PROVIDER, "x.com", expect=0) == []
        assert len(await ask(network, PROVIDER, "twitter.com")) == 1


@pytest.mark.parametrize("server", [PROVIDER, "9.9.9.10"])
@in_loop
async def test_an_injector_answers_first_and_the_true_answer_comes_later(server: str) -> None:
    async with lab(LIE + 'dns = "race"\ndns_scope = "all-plain"\nanswer = "93.184.1.9"') as network:
        first, second = await ask(network, server, "x.com", expect=2)
        assert addresses_in(first) == ["93.184.1.9"]
        assert address_of(network, "x.com") in addresses_in(second)
        assert await resolve4(network, "x.com") == ["93.184.1.9"]


@in_loop
async def test_forging_all_clear_questions_spares_the_encrypted_ones() -> None:
    async with lab(LIE + 'dns = "bogon"\ndns_scope = "all-plain"') as network:
        truth = address_of(network, "x.com")
        (plain,) = await ask(network, "9.9.9.10", "x.com")
        async with await network.connect("9.9.9.10", 53) as stream:
            assert addresses_in(await ask_stream(stream, "x.com")) == ["127.0.0.1"]
        async with await secure(network, "9.9.9.10", "dot.alfa.net", 853) as stream:
            assert truth in addresses_in(await ask_stream(stream, "x.com"))
        assert addresses_in(plain) == ["127.0.0.1"]


@pytest.mark.parametrize("name", ["dns.alfa.net", "9.9.9.10"])
@in_loop
async def test_doh_answers_post_and_get_under_its_name_and_its_address(name: str) -> None:
    async with lab(LIE + 'dns = "bogon"') as network:
        wire = dns.message.make_query("x.com", "A", id=0).to_wire()
        query = base64.urlsafe_b64encode(wire).rstrip(b"=")
        for request in (
            b"POST /dns-query HTTP/1.1\r\nContent-Type: application/dns-message\r\nContent-Length: %d\r\n" % len(wire),
            b"GET /dns-query?dns=" + query + b" HTTP/1.1\r\n",
        ):
            async with await secure(network, "9.9.9.10", name) as stream:
                body = wire if request.startswith(b"POST") else b""
                await stream.write(request + b"Host: " + name.encode() + b"\r\nConnection: close\r\n\r\n" + body)
                head, _, answer = (await everything(stream)).partition(b"\r\n\r\n")
                assert b" 200 " in head
                assert b"application/dns-message" in head
                assert address_of(network, "x.com") in addresses_in(dns.message.from_wire(answer))


@in_loop
async def test_a_doh_server_refuses_what_is_not_a_question() -> None:
    async with lab() as network, await secure(network, "9.9.9.10", "dns.alfa.net") as stream:
        assert b" 400 " in await page(stream, "dns.alfa.net", "/dns-query?dns=%%%")


@in_loop
async def test_a_resolver_without_clear_service_is_silent_on_udp() -> None:
    async with lab() as network:
        assert await ask(network, "185.71.138.138", "x.com", expect=0) == []
        async with await secure(network, "185.71.138.138", "dns.beta.org") as stream:
            assert b" 404 " not in await page(stream, "dns.beta.org")


@in_loop
async def test_swallowed_public_resolvers_are_silent_on_every_transport_except_those_allowed() -> None:
    rules = """
        [[censor]]
        resolvers = ["beta"]
        ports = [443]
        tcp = "allow"
        [[censor]]
        resolvers = "all-public"
        tcp = "silence"
    """
    async with lab(rules) as network:
        assert await ask(network, "9.9.9.10", "x.com", expect=0) == []
        for port in (53, 443, 853):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await network.connect("9.9.9.10", port)
        async with await secure(network, "185.71.138.138", "dns.beta.org"):
            assert await ask(network, PROVIDER, "x.com")


@pytest.mark.parametrize(
    "behaviour,expected", [("nxdomain", "EAI_NONAME"), ("servfail", "EAI_AGAIN"), ("refused", "EAI_AGAIN"), ("empty", "EAI_NODATA")]
)
@in_loop
async def test_getaddrinfo_fails_as_glibc_does(behaviour: str, expected: str) -> None:
    async with lab(LIE + f'dns = "{behaviour}"') as network:
        with pytest.raises(socket.gaierror) as caught:
            await resolve4(network, "x.com")
        assert caught.value.errno == getattr(socket, expected)


@in_loop
async def test_getaddrinfo_gives_up_on_a_silent_resolver_after_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_resolver, "PATIENCE", 0.1)
    async with lab(LIE + 'dns = "silence"') as network:
        began = asyncio.get_running_loop().time()
        with pytest.raises(socket.gaierror) as caught:
            await resolve4(network, "x.com")
        assert caught.value.errno == socket.EAI_AGAIN
        assert asyncio.get_running_loop().time() - began >= 0.1 * system_resolver.ATTEMPTS


@in_loop
async def test_the_hosts_file_comes_before_every_resolver() -> None:
    async with lab('[hosts]\n"x.com" = "127.0.0.1"\n') as network:
        assert await resolve4(network, "x.com") == ["127.0.0.1"]
        assert await network.resolve("9.9.9.10", socket.AF_INET) == ["9.9.9.10"]


@pytest.mark.parametrize("name", ["", "a" * 64 + ".example", "." * 3])
@in_loop
async def test_a_malformed_name_does_not_exist(name: str) -> None:
    async with lab() as network:
        with pytest.raises(socket.gaierror):
            await resolve4(network, name)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_break_a_resolver(message: bytes) -> None:
    written = scenario(LIE + 'dns = "bogon"')
    world = World(written, CATALOG)
    names = Names(world, Censor(written, CATALOG, world), None)
    header = dns.message.make_query("x.com", dns.rdatatype.A).to_wire()
    for data in (message, header + message, header[:12] + message):
        assert len(names.answers(data, "udp test", PROVIDER)) <= 1
