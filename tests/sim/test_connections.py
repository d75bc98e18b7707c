"""Connections in the simulated network: refused, reset, swallowed, intercepted, answered by somebody else."""

from __future__ import annotations

import errno
import ssl

import pytest

from tests.sim.lab import address_of, ask, everything, in_loop, is_silent, lab, never_connects, page, resolve4, secure

X_BY_NAME = '[[censor]]\nservice = "x"\n'


@in_loop
async def test_a_site_shows_its_page_under_a_valid_certificate() -> None:
    async with lab() as network, await secure(network, address_of(network, "x.com"), "x.com") as stream:
        head, _, body = (await page(stream, "x.com")).partition(b"\r\n\r\n")
        assert b" 200 " in head
        assert b"Date: " in head
        assert b"<title>x.com</title>" in body
        assert len(body) > 4096


@in_loop
async def test_clear_text_leads_to_https() -> None:
    async with lab() as network, await network.connect(address_of(network, "x.com"), 80) as stream:
        answer = await page(stream, "x.com", "/a?b=c")
        assert b" 301 " in answer
        assert b"Location: https://x.com/a?b=c" in answer


@in_loop
async def test_one_connection_answers_several_requests() -> None:
    async with lab() as network, await network.connect(address_of(network, "x.com"), 80) as stream:
        for _ in range(2):
            await stream.write(b"GET / HTTP/1.1\r\nHost: x.com\r\n\r\n")
            assert b" 301 " in await stream.read()


@in_loop
async def test_controls_answer_as_the_catalog_expects() -> None:
    async with lab() as network:
        async with await network.connect(address_of(network, "detect.moz.com"), 80) as stream:
            assert (await page(stream, "detect.moz.com", "/success.txt")).endswith(b"\r\n\r\nsuccess")
        async with await secure(network, address_of(network, "www.goo.com"), "www.goo.com") as stream:
            assert b" 204 " in await page(stream, "www.goo.com", "/generate_204")


@in_loop
async def test_a_neutral_name_gets_the_certificate_of_the_address() -> None:
    async with lab() as network:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await secure(network, address_of(network, "x.com"), "example.org")


@in_loop
async def test_an_endpoint_that_speaks_its_own_protocol_stays_open() -> None:
    async with lab() as network:
        for address, port in ((address_of(network, "g.chat.net"), 5222), ("149.154.175.50", 443)):
            async with await network.connect(address, port) as stream:
                assert await is_silent(stream)


@in_loop
async def test_nobody_lives_at_other_addresses_and_other_ports_are_closed() -> None:
    async with lab() as network:
        assert await never_connects(network, "93.184.7.7", 443)
        for address in (address_of(network, "x.com"), "127.0.0.1"):
            with pytest.raises(ConnectionRefusedError):
                await network.connect(address, 8443)


@in_loop
async def test_an_address_can_refuse_swallow_or_be_unreachable() -> None:
    for behaviour, error in (("refused", errno.ECONNREFUSED), ("unreachable", errno.EHOSTUNREACH)):
        async with lab(X_BY_NAME + f'tcp = "{behaviour}"') as network:
            with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what counts
                await network.connect(address_of(network, "x.com"), 443)
            assert caught.value.errno == error
    async with lab(X_BY_NAME + 'tcp = "silence"') as network:
        assert await never_connects(network, address_of(network, "x.com"), 443)
        assert not await never_connects(network, address_of(network, "example.org"), 443)


@in_loop
async def test_a_connection_can_be_reset_right_after_it_was_accepted() -> None:
    async with lab(X_BY_NAME + 'tcp = "reset"') as network, await network.connect(address_of(network, "x.com"), 443) as stream:
        with pytest.raises(ConnectionResetError):
            await stream.read()


@in_loop
async def test_a_rule_may_be_meant_for_networks_and_ports() -> None:
    async with lab('[[censor]]\naddresses = ["149.154.160.0/20"]\nports = [443]\ntcp = "refused"') as network:
        with pytest.raises(ConnectionRefusedError):
            await network.connect("149.154.175.50", 443)


@in_loop
async def test_a_name_in_the_hello_is_answered_with_a_reset_wherever_it_is_said() -> None:
    async with lab(X_BY_NAME + 'tls = "reset"') as network:
        for host in ("x.com", "example.org"):
            with pytest.raises(ConnectionResetError):
                await secure(network, address_of(network, host), "x.com")


@in_loop
async def test_a_name_in_the_hello_is_answered_with_a_farewell() -> None:
    async with lab(X_BY_NAME + 'tls = "close"') as network:
        with pytest.raises((ssl.SSLEOFError, ssl.SSLZeroReturnError)):  # which of the two differs between Python 3.11.2 and 3.11.7
            await secure(network, address_of(network, "x.com"), "x.com")


@in_loop
async def test_a_name_in_the_hello_is_answered_with_a_forged_alert() -> None:
    async with lab(X_BY_NAME + 'tls = "alert"') as network:
        with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
            await secure(network, address_of(network, "x.com"), "x.com")


@in_loop
async def test_a_name_in_the_hello_is_answered_with_nothing() -> None:
    async with lab(X_BY_NAME + 'tls = "silence"') as network, await network.connect(address_of(network, "x.com"), 443) as stream:
        hello = ssl.MemoryBIO()
        client = network.trust.public.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="x.com")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        await stream.write(hello.read())
        assert await is_silent(stream)


@in_loop
async def test_an_innocent_flow_does_not_disarm_the_rule() -> None:
    async with lab(X_BY_NAME + 'tls = "reset"') as network:
        address = address_of(network, "x.com")
        for _ in range(3):
            with pytest.raises(ssl.SSLCertVerificationError):
                await secure(network, address, "example.org")
            with pytest.raises(ConnectionResetError):
                await secure(network, address, "x.com")


@in_loop
async def test_a_tls_rule_may_be_meant_for_addresses_whatever_the_name() -> None:
    async with lab(X_BY_NAME + 'tls = "reset"\nwhere = "address"') as network:
        with pytest.raises(ConnectionResetError):
            await secure(network, address_of(network, "x.com"), "example.org")
        async with await secure(network, address_of(network, "example.org"), "example.org"):
            with pytest.raises(ssl.SSLCertVerificationError):
                await secure(network, address_of(network, "example.org"), "x.com")


@in_loop
async def test_a_suffix_hits_the_name_and_what_is_below_it_only() -> None:
    sites = '[[site]]\nhost = "notx.com"\n[[site]]\nhost = "api.x.com"\n'
    async with lab('[[censor]]\nsuffixes = ["x.com"]\ntls = "reset"\n' + sites) as network:
        for host in ("x.com", "api.x.com"):
            with pytest.raises(ConnectionResetError):
                await secure(network, address_of(network, host), host)
        (await secure(network, address_of(network, "notx.com"), "notx.com")).close()


@in_loop
async def test_an_interceptor_shows_a_certificate_of_its_own_authority_and_the_true_page() -> None:
    async with lab(X_BY_NAME + 'tls = "intercept"\nissuer = "Red Segura CA"') as network:
        address = address_of(network, "x.com")
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await secure(network, address, "x.com")
        assert caught.value.verify_code in (19, 20)
        async with await secure(network, address, "x.com", context=network.trust.inspecting) as stream:
            certificate = stream.tls.getpeercert(binary_form=True) or b""
            assert b"Red Segura CA" in certificate
            assert b"x.com" in certificate
            assert b"<title>x.com</title>" in await page(stream, "x.com")


@in_loop
async def test_an_interceptor_may_be_believed_by_this_computers_own_store_only() -> None:
    installed = 'installed_roots = ["Red Segura CA"]\n' + X_BY_NAME + 'tls = "intercept"\nissuer = "Red Segura CA"'
    async with lab(installed) as network:
        with pytest.raises(ssl.SSLCertVerificationError):
            await secure(network, address_of(network, "x.com"), "x.com")
        (await secure(network, address_of(network, "x.com"), "x.com", context=network.trust.system)).close()


@in_loop
async def test_a_notice_page_answers_for_a_host_name() -> None:
    rule = X_BY_NAME + 'http = "block-page"\npage_status = 403\npage_title = "Aviso"\npage_body = "No <disponible>."'
    async with lab(rule) as network:
        async with await network.connect(address_of(network, "x.com"), 80) as stream:
            answer = await page(stream, "x.com")
            assert b" 403 " in answer
            assert b"<title>Aviso</title>" in answer
            assert b"No &lt;disponible&gt;." in answer
        async with await network.connect(address_of(network, "x.com"), 80) as stream:
            assert b" 301 " in await page(stream, "example.org")


@in_loop
async def test_a_transparent_proxy_answers_for_an_address_whatever_the_host() -> None:
    rules = X_BY_NAME + 'http = "block-page"\nwhere = "address"\nports = [80]\n' + X_BY_NAME + 'tcp = "refused"\nports = [443]'
    async with lab(rules) as network:
        async with await network.connect(address_of(network, "x.com"), 80) as stream:
            assert b"<title>Aviso</title>" in await page(stream, "example.org")
        with pytest.raises(ConnectionRefusedError):
            await network.connect(address_of(network, "x.com"), 443)


@in_loop
async def test_a_clear_request_can_be_sent_elsewhere_reset_or_closed() -> None:
    async with (
        lab(X_BY_NAME + 'http = "redirect"\nlocation = "http://notice.example/"') as network,
        await network.connect(address_of(network, "x.com"), 80) as stream,
    ):
        answer = await page(stream, "x.com")
        assert b" 302 " in answer
        assert b"Location: http://notice.example/" in answer
    async with lab(X_BY_NAME + 'http = "reset"') as network, await network.connect(address_of(network, "x.com"), 80) as stream:
        with pytest.raises(ConnectionResetError):
            await page(stream, "x.com")
    async with lab(X_BY_NAME + 'http = "close"') as network, await network.connect(address_of(network, "x.com"), 80) as stream:
        assert await page(stream, "x.com") == b""


@in_loop
async def test_a_portal_answers_every_address_on_port_80_and_swallows_the_rest() -> None:
    async with lab('[portal]\nhost = "signin.example"\n') as network:
        for address in (address_of(network, "x.com"), "93.184.7.7"):
            async with await network.connect(address, 80) as stream:
                answer = await page(stream, "x.com")
                assert b" 302 " in answer
                assert b"Location: http://signin.example/" in answer
        (own,) = await resolve4(network, "signin.example")
        async with await network.connect(own, 80) as stream:
            assert b" 200 " in await page(stream, "signin.example")
        assert await never_connects(network, address_of(network, "x.com"), 443)
        assert await ask(network, "9.9.9.10", "x.com", expect=0) == []
        assert address_of(network, "x.com") in await resolve4(network, "x.com")


@in_loop
async def test_a_portal_may_lie_about_names_and_refuse_other_ports() -> None:
    async with lab('[portal]\nhost = "signin.example"\naddress = "10.0.0.1"\ndns = "portal"\nothers = "refused"') as network:
        assert await resolve4(network, "x.com") == ["10.0.0.1"]
        with pytest.raises(ConnectionRefusedError):
            await network.connect(address_of(network, "x.com"), 443)


@in_loop
async def test_the_censors_log_names_the_flow_the_rule_and_the_action() -> None:
    async with lab(X_BY_NAME + 'tls = "reset"') as network:
        address = address_of(network, "x.com")
        with pytest.raises(ConnectionResetError):
            await secure(network, address, "x.com")
        (entry,) = network.censor_log
        assert (entry.flow, entry.rule, entry.action) == (f"tcp {address} 443", "censor 1", "tls reset x.com")
        assert entry.time >= 0


@in_loop
async def test_the_first_rule_of_a_layer_wins_and_other_layers_are_untouched() -> None:
    rules = '[[censor]]\nhosts = ["x.com"]\ntls = "allow"\n[[censor]]\nhosts = ["x.com"]\ndns = "nxdomain"\n' + X_BY_NAME + 'tls = "reset"'
    async with lab(rules) as network:
        (await secure(network, address_of(network, "x.com"), "x.com")).close()
        with pytest.raises(ConnectionResetError):
            await secure(network, address_of(network, "twitter.com"), "twitter.com")
        with pytest.raises(OSError):  # noqa: PT011 - gaierror
            await resolve4(network, "x.com")


@in_loop
async def test_bytes_that_are_not_tls_end_the_connection() -> None:
    async with lab() as network, await network.connect(address_of(network, "x.com"), 443) as stream:
        await stream.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await everything(stream) == b""
