"""Sites of a scenario: broken certificates, servers that fail, and servers that mean harm."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from diagnostics.streams import Stream
from tests.sim.lab import address_of, everything, in_loop, is_silent, lab, never_connects, page, resolve4, secure

SITE = '[[site]]\nhost = "site.example"\n'


@pytest.mark.parametrize("certificate,codes", [("expired", {10}), ("self-signed", {18}), ("wrong-name", {62}), ("other-ca", {19, 20})])
@in_loop
async def test_the_real_library_refuses_a_broken_certificate(certificate: str, codes: set[int]) -> None:
    async with lab(SITE + f'certificate = "{certificate}"') as network:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await secure(network, address_of(network, "site.example"), "site.example")
        assert caught.value.verify_code in codes  # OpenSSL's X509_V_ERR_* numbers


@pytest.mark.parametrize("days,code", [(400, 9), (-400, 10)])
@in_loop
async def test_a_world_ahead_of_this_clock_shows_certificates_that_are_not_yet_valid(days: int, code: int) -> None:
    async with lab(f"clock_offset_days = {days}") as network:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await secure(network, address_of(network, "x.com"), "x.com")
        assert caught.value.verify_code == code


@in_loop
async def test_a_site_of_the_scenario_exists_at_its_own_addresses() -> None:
    async with lab(SITE + 'addresses = ["93.184.5.5"]\nstatus = 503\ntitle = "Busy"') as network:
        assert await resolve4(network, "site.example") == ["93.184.5.5"]
        async with await secure(network, "93.184.5.5", "site.example") as stream:
            answer = await page(stream, "site.example")
            assert b" 503 " in answer
            assert b"<title>Busy</title>" in answer


@in_loop
async def test_a_site_entry_changes_every_host_of_a_service_or_of_a_function() -> None:
    async with lab('[[site]]\nservice = "x"\nfunction = "media"\nstatus = 503') as network:
        async with await secure(network, address_of(network, "pbs.twimg.com"), "pbs.twimg.com") as stream:
            assert b" 503 " in await page(stream, "pbs.twimg.com")
        async with await secure(network, address_of(network, "x.com"), "x.com") as stream:
            assert b" 200 " in await page(stream, "x.com")


@in_loop
async def test_a_clear_site_shows_its_page_on_port_80_for_every_host() -> None:
    async with (
        lab(SITE + 'clear = true\nbody = "hola"') as network,
        await network.connect(address_of(network, "site.example"), 80) as stream,
    ):
        assert b"hola" in await page(stream, "x.com")


@in_loop
async def test_a_site_can_refuse_swallow_or_reset_connections() -> None:
    async with lab(SITE + 'tcp = "refused"') as network:
        with pytest.raises(ConnectionRefusedError):
            await network.connect(address_of(network, "site.example"), 443)
    async with lab(SITE + 'tcp = "silence"') as network:
        assert await never_connects(network, address_of(network, "site.example"), 443)
    async with lab(SITE + 'tcp = "reset"') as network, await network.connect(address_of(network, "site.example"), 443) as stream:
        with pytest.raises(ConnectionResetError):
            await stream.read()


async def _request(stream: Stream) -> None:
    await stream.write(b"GET / HTTP/1.1\r\nHost: site.example\r\n\r\n")


@pytest.mark.parametrize("serves", ["endless-headers", "huge-body"])
@in_loop
async def test_an_endless_answer_is_made_as_it_is_read_and_ends_when_the_client_leaves(serves: str) -> None:
    async with lab(SITE + f'clear = true\nserves = "{serves}"') as network:
        async with await network.connect(address_of(network, "site.example"), 80) as stream:
            await _request(stream)
            assert len(await everything(stream, limit=3_000_000)) >= 3_000_000
        assert address_of(network, "x.com") in await resolve4(network, "x.com")


@in_loop
async def test_a_redirect_loop_never_repeats_itself() -> None:
    async with lab(SITE + 'clear = true\nserves = "redirect-loop"') as network:
        for step in range(3):
            async with await network.connect(address_of(network, "site.example"), 80) as stream:
                assert f"Location: /{step + 1}\r\n".encode() in await page(stream, "site.example", f"/{step}")


@in_loop
async def test_a_slow_server_sends_its_head_and_then_hardly_anything() -> None:
    async with (
        lab(SITE + 'clear = true\nserves = "slow"') as network,
        await network.connect(address_of(network, "site.example"), 80) as stream,
    ):
        await _request(stream)
        assert (await stream.read()).startswith(b"HTTP/1.1 200")
        assert await is_silent(stream)


@in_loop
async def test_a_server_may_send_garbage_or_nothing() -> None:
    async with (
        lab(SITE + 'clear = true\nserves = "garbage"') as network,
        await network.connect(address_of(network, "site.example"), 80) as stream,
    ):
        assert not (await page(stream, "site.example")).startswith(b"HTTP/")
    async with (
        lab(SITE + 'clear = true\nserves = "silence"') as network,
        await network.connect(address_of(network, "site.example"), 80) as stream,
    ):
        await _request(stream)
        assert await is_silent(stream)


@in_loop
async def test_a_server_may_close_in_the_middle_of_its_answer() -> None:
    async with (
        lab(SITE + "clear = true\nclose_after_bytes = 300") as network,
        await network.connect(address_of(network, "site.example"), 80) as stream,
    ):
        assert len(await page(stream, "site.example")) == 300


@in_loop
async def test_a_client_that_sends_nonsense_harms_nobody() -> None:
    async with lab() as network:
        for data in (
            b"\x16\x03\x01\xff\xff" + b"\x01" * 9000,
            b"\x00" * 100,
            b"GET /\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        ):
            for port in (80, 443):
                async with await network.connect(address_of(network, "x.com"), port) as stream:
                    await stream.write(data)
        async with asyncio.timeout(5), await secure(network, address_of(network, "x.com"), "x.com") as stream:
            assert b" 200 " in await page(stream, "x.com")
