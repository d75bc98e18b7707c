"""A first flight like Chrome's: believed are the same roots as ever, and what a server does wrong is told apart."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.clienthello import name_span, parse
from diagnostics.failures import ProtocolError, died
from diagnostics.model import Observation, Status
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.place import Asking, Place
from diagnostics.trust import Trust
from diagnostics.workarounds.browser import MAX_CONFIGS, BrowserTls, EchStream, EchTls, configs_in, has_utls
from diagnostics.workarounds.identity import VOID
from tests.conftest import RunAsync
from tests.real_servers.authority import Authority
from tests.real_servers.box import Looks
from tests.routes.loopback import HERE, Serve, closing, page, saying, server_side, serving, silent
from tests.workarounds.boxes import NAME, Box, Site

pytest.importorskip("utls")

CONFIGS = bytes.fromhex(
    "0041fe0d003d01002000208f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f000400010001000e7075626c69632e6578616d706c650000"
)
"""An ECHConfigList of one config (RFC 9849, section 4), for the public name ``public.example``."""


def greeted(
    site: Site, serve: Serve, run_async: RunAsync, tls: ssl.SSLContext | None = None, make: Callable[[Trusts], BrowserTls] = BrowserTls
) -> Observation:
    """Shake hands as Chrome with one server."""

    async def go() -> Observation:
        async with serving(serve, tls) as port:
            context = site.context()
            async with await context.network.connect(HERE, port) as stream:
                place = Place("https", NAME, port)
                shaken = await make(site.aim().trusts).greet(context, stream, place, Asking(HERE, "x", "way"))
                assert (shaken.stream is None) == (shaken.observation.failure is not None)
            await asyncio.sleep(0.05)
            return shaken.observation

    return run_async(go())


def test_a_valid_certificate_of_our_roots_is_taken(tmp_path: Path, run_async: RunAsync) -> None:
    site = Site(tmp_path)
    seen = greeted(site, page, run_async, server_side(site.authority, "site", NAME))
    assert (seen.failure, seen.detail["version"], seen.detail["alpn"]) == (None, "TLSv1.3", "http/1.1")
    assert seen.detail["certificate"]["names"] == [NAME]


@pytest.mark.parametrize(
    "issuer, name, days, failure, code",
    [
        ("Stranger", NAME, 60, "ssl_unknown_authority", 20),
        ("", "other.example", 60, "ssl_invalid_hostname", 62),
        ("", NAME, -2, "ssl_invalid_certificate", 10),
    ],
)
def test_a_certificate_is_refused_with_the_number_of_its_fault(
    issuer: str, name: str, days: int, failure: str, code: int, tmp_path: Path, run_async: RunAsync
) -> None:
    site = Site(tmp_path)
    authority = Authority(tmp_path, issuer) if issuer else site.authority
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.issue("site", [name], days))
    seen = greeted(site, page, run_async, tls)
    assert (seen.failure, seen.detail["verify_code"]) == (failure, code)
    assert not died(seen)


def test_no_root_is_believed_that_ours_are_not(tmp_path: Path) -> None:
    ours = Trust(str(Authority(tmp_path).bundle))
    everybody = Trust()
    assert len(BrowserTls(Trusts(everybody)).context_of(NAME).get_ca_certs(binary_form=True)) == len(everybody.public.get_ca_certs())
    theirs = BrowserTls(Trusts(ours)).context_of(NAME)
    assert theirs.get_ca_certs(binary_form=True) == ours.public.get_ca_certs(binary_form=True)
    assert (theirs.verify_mode, theirs.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_service_s_own_roots_count_for_its_own_names_only(tmp_path: Path) -> None:
    public, own = Authority(tmp_path), Authority(tmp_path, "Own Root")
    browser = BrowserTls(Trusts(Trust(str(public.bundle)), own.bundle.read_text(), (NAME,)))
    assert [len(browser.context_of(host).get_ca_certs(binary_form=True)) for host in (NAME, f"www.{NAME}", "other.example")] == [2, 2, 1]


@pytest.mark.parametrize(
    "answer, failure",
    [
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "ssl_failed_handshake"),
        (saying(b"\x15\x03\x03\x00\x02\x02\x28"), "ssl_failed_handshake"),
        (saying(b"\x16\x03\x03\x40\x00" + b"x" * 16384), "ssl_failed_handshake"),
        (closing, "eof_error"),
        (silent, "generic_timeout_error"),
    ],
)
def test_what_is_no_handshake_is_not_taken_for_a_bad_certificate(answer: Serve, failure: str, tmp_path: Path, run_async: RunAsync) -> None:
    patience = 0.5 if answer is silent else 10.0  # of a busy machine; only silence is waited out
    seen = greeted(Site(tmp_path, seconds=patience), answer, run_async)
    assert seen.failure == failure
    assert died(seen)


def first_flight(browser: BrowserTls, configs: bytes | None = None) -> bytes:
    """Return what is sent first."""
    context, out = browser.context_of(NAME), ssl.MemoryBIO()
    session = (context.set_ech_configs(configs) if configs else context).wrap_bio(ssl.MemoryBIO(), out, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return out.read()


def test_the_flight_is_as_long_as_a_browser_s_and_its_name_lies_at_different_places(tmp_path: Path) -> None:
    browser = BrowserTls(Trusts(Trust(str(Authority(tmp_path).bundle))))
    flights = [first_flight(browser) for _ in range(12)]
    assert min(map(len, flights)) > 1500
    assert len({name_span(flight) for flight in flights}) > 3


def test_with_a_key_the_name_is_not_in_the_flight(tmp_path: Path) -> None:
    flight = first_flight(BrowserTls(Trusts(Trust(str(Authority(tmp_path).bundle)))), CONFIGS)
    hello = parse(flight)
    assert hello is not None
    assert hello.server_name == "public.example"
    assert NAME.encode() not in flight


def with_configs(configs: bytes | None) -> Callable[[Trusts], EchTls]:
    async def find(_host: str) -> bytes | None:
        return configs

    return lambda trusts: EchTls(trusts, find)


@pytest.mark.parametrize("name", [NAME, "public.example"])
def test_a_server_that_does_not_read_the_encrypted_name_is_no_success(name: str, tmp_path: Path, run_async: RunAsync) -> None:
    site = Site(tmp_path)
    seen = greeted(site, page, run_async, server_side(site.authority, "site", name), with_configs(CONFIGS))
    assert seen.failure is not None


@pytest.mark.parametrize("configs", [None, b"", b"x", b"\x00\x05abcde", b"\0" * (MAX_CONFIGS + 1), CONFIGS[:-1], CONFIGS * 2])
def test_a_key_that_cannot_be_read_is_none(configs: bytes | None, tmp_path: Path, run_async: RunAsync) -> None:
    found = run_async(Site(tmp_path).search(find_configs=with_configs(configs)(Site(tmp_path).aim().trusts)._find))
    assert "ech" not in {outcome.way for outcome in found.outcomes}


def test_the_name_behind_a_key_that_nobody_knows_stays_hidden_and_the_way_fails(tmp_path: Path, run_async: RunAsync) -> None:
    site = Site(tmp_path, Box(Looks.MESSAGE))
    found = run_async(site.search(find_configs=with_configs(CONFIGS)(site.aim().trusts)._find))
    assert found.judged["ech"] is Status.BLOCKED
    assert {o.host for o in found.observations if o.detail.get("way") == "ech"} == {NAME}


def test_a_key_that_a_server_names_instead_is_used_and_a_third_is_not(
    tmp_path: Path, run_async: RunAsync, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = [CONFIGS.replace(b"public", b"second"), CONFIGS.replace(b"public", b"third.")]
    given: list[bytes] = []

    class Refusing(EchStream):
        """Is told another key each time, as BoringSSL tells it after a refusal under a valid certificate."""

        async def handshake(self) -> None:
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            hello = parse(self._out.read())
            given.append((hello.server_name or "").encode() if hello else b"")
            self.retry = named[len(given) - 1] if len(given) <= len(named) else None
            raise ProtocolError("ssl_failed_handshake", "refused")

    monkeypatch.setattr("diagnostics.workarounds.browser.EchStream", Refusing)
    found = run_async(Site(tmp_path).search(find_configs=with_configs(CONFIGS)(Site(tmp_path).aim().trusts)._find, only=frozenset({"ech"})))
    assert given[:3] == [b"public.example", b"second.example", b"second.example"]
    assert (found.of("ech").void, found.of("ech").failed) == (1, 2)
    assert [o.detail["why"] for o in found.observations if o.detail.get("kind") == VOID] == ["renewed"]


def reply(*records: str) -> dns.message.Message:
    """Return a reply with HTTPS records."""
    message = dns.message.make_response(dns.message.make_query(NAME, "HTTPS"))
    message.answer.append(dns.rrset.from_text(f"{NAME}.", 60, "IN", "HTTPS", *records))
    return message


def test_the_key_is_that_of_the_most_preferred_record() -> None:
    own, other = (base64.b64encode(configs).decode() for configs in (CONFIGS, CONFIGS.replace(b"public", b"outage")))
    assert configs_in(reply("2 . alpn=h2", f"1 . alpn=h3,h2 ech={own}", f"3 . ech={other}")) == CONFIGS
    assert configs_in(reply("0 other.example.")) is None
    assert configs_in(reply("1 . alpn=h2")) is None
    assert configs_in(dns.message.make_response(dns.message.make_query(NAME, "HTTPS"))) is None


@given(st.binary(max_size=300))
def test_no_reply_upsets_the_reading_of_keys(wire: bytes) -> None:
    try:
        message = dns.message.from_wire(dns.message.make_query(NAME, "HTTPS").to_wire()[:12] + wire)
    except (dns.exception.DNSException, ValueError):
        return
    configs_in(message)


def test_without_the_library_its_ways_are_not_tried(tmp_path: Path, run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert not has_utls()
    found = run_async(Site(tmp_path).search(find_configs=with_configs(CONFIGS)(Site(tmp_path).aim().trusts)._find))
    assert {outcome.way for outcome in found.outcomes}.isdisjoint({"browser", "ech", "h3"})
