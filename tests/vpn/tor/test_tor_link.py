"""Bridges without disguise: honest ones, impostors, and whatever else may live at their port."""

from __future__ import annotations

import asyncio
import struct
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diagnostics.routes.link import Kind, Link
from diagnostics.vpn.profile import Source
from diagnostics.vpn.tor.bridge import BridgeProfile, parse_bridge
from diagnostics.vpn.tor.certs import ChainError, proven_fingerprint
from tests.conftest import RunAsync
from tests.vpn.tor.relay import (
    VERSIONS,
    Conduct,
    Identity,
    Outcome,
    Reader,
    Writer,
    cell,
    certificate,
    certs_cell,
    examined,
    honest,
    listening,
    raw,
    tls_server,
)

HOUR = 3600


@cache
def someone() -> Identity:
    return Identity()


@cache
def another() -> Identity:
    return Identity()


def bridge(port: int, fingerprint: str = "") -> BridgeProfile:
    return parse_bridge(Source(f"Bridge 127.0.0.1:{port} {fingerprint}"))


async def met(conduct: Conduct, *, tls: bool = True, fingerprint: str | None = None) -> Outcome:
    """Return what becomes of a bridge whose server behaves like that; its line carries the fingerprint of ``someone``."""
    async with listening(conduct, tls=tls) as port:
        return await examined(bridge(port, someone().fingerprint if fingerprint is None else fingerprint))


def test_a_bridge_that_proves_to_be_the_one_of_the_line_works_for_certain(run_async: RunAsync) -> None:
    outcome = run_async(met(honest(someone())))
    assert outcome.said == ("works", None, "certain", "vpn.tor_verified")
    assert outcome.stages == [("port", None), ("handshake", None), ("keys", None), ("clock", None)]
    assert outcome.detail("handshake")["link_version"] == 5
    assert outcome.detail("keys")["match"] is True


def test_without_a_fingerprint_in_the_line_it_answers_and_no_more_is_claimed(run_async: RunAsync) -> None:
    outcome = run_async(met(honest(someone()), fingerprint=""))
    assert outcome.said == ("works", None, "likely", "vpn.answers")


def test_another_bridge_at_the_address_is_not_trusted(run_async: RunAsync) -> None:
    outcome = run_async(met(honest(another())))
    assert outcome.said == ("down", "vpn_untrusted_server", "certain", "vpn.tor_other_bridge")


def test_an_observation_names_neither_the_address_nor_the_fingerprint(run_async: RunAsync) -> None:
    outcome = run_async(met(honest(another())))
    shown = " ".join(repr(o) for o in outcome.observations)
    assert not any(part in shown for part in ("127.0.0.1", someone().fingerprint, another().fingerprint))


@pytest.mark.parametrize("skew", [-2 * HOUR, 3 * HOUR])
def test_a_clock_that_is_hours_off_is_said_although_the_bridge_is_the_right_one(run_async: RunAsync, skew: float) -> None:
    outcome = run_async(met(honest(someone(), skew=skew)))
    assert outcome.said == ("down", "wrong_clock", "likely", "vpn.tor_clock")
    assert outcome.detail("clock")["skew_s"] == pytest.approx(-skew, abs=60)


def test_a_clock_that_is_minutes_off_does_not_matter(run_async: RunAsync) -> None:
    assert run_async(met(honest(someone(), skew=600))).said[3] == "vpn.tor_verified"


def test_certificates_that_have_run_out_are_not_believed(run_async: RunAsync) -> None:
    assert run_async(met(honest(someone(), days=-2))).said == ("down", "vpn_untrusted_server", "likely", "vpn.tor_expired")


def test_certificates_that_ran_out_by_a_wrong_clock_are_the_clocks_fault(run_async: RunAsync) -> None:
    assert run_async(met(honest(someone(), days=-2, skew=-72 * HOUR))).said[3] == "vpn.tor_clock"


def test_a_stranger_between_who_repeats_the_bridges_certificates_is_found_out(run_async: RunAsync) -> None:
    stolen = someone().certificates(b"the certificate of the true connection")
    outcome = run_async(met(honest(someone(), parts=stolen)))
    assert outcome.said == ("down", "vpn_untrusted_server", "likely", "vpn.tor_unproven")


def test_a_bridge_that_shows_the_name_of_another_without_its_signature_is_found_out(run_async: RunAsync) -> None:
    own = another().certificates(tls_server()[1])
    own[2] = someone().certificates(tls_server()[1])[2]
    assert run_async(met(honest(another(), parts=own))).said[3] == "vpn.tor_unproven"


@pytest.mark.parametrize("kind", [2, 4, 5, 7])
def test_every_link_of_the_chain_is_needed(kind: int) -> None:
    parts = someone().certificates(tls_server()[1])
    assert proven_fingerprint(certs_cell(parts), tls_server()[1], 0.0) == someone().fingerprint
    del parts[kind]
    with pytest.raises(ChainError):
        proven_fingerprint(certs_cell(parts), tls_server()[1], 0.0)


def test_a_certificate_for_another_purpose_proves_nothing() -> None:
    parts = someone().certificates(tls_server()[1])
    parts[4] = certificate(someone().ed_key, 6, 1, raw(someone().signing), 30, named=True)
    with pytest.raises(ChainError):
        proven_fingerprint(certs_cell(parts), tls_server()[1], 0.0)


@pytest.mark.parametrize(
    "here, there",
    [("06082a8648ce3d030107", "06082a8648ce3d03017f"), ("a003020102", "a003020105")],
    ids=["a curve that nobody knows", "a version that does not exist"],
)
def test_an_identity_that_cannot_be_read_proves_nothing(here: str, there: str) -> None:
    parts, shown = someone().certificates(tls_server()[1]), tls_server()[1]
    assert bytes.fromhex(here) in shown
    for unreadable in (shown.replace(bytes.fromhex(here), bytes.fromhex(there)), shown):
        with pytest.raises(ChainError):
            proven_fingerprint(certs_cell(parts | {2: unreadable}), tls_server()[1], 0.0)
    assert proven_fingerprint(certs_cell(parts), tls_server()[1], 0.0) == someone().fingerprint


@given(st.data())
def test_no_changed_byte_of_the_proof_is_overlooked(data: st.DataObject) -> None:
    parts = someone().certificates(tls_server()[1])
    kind = data.draw(st.sampled_from([4, 5, 7]))
    at = data.draw(st.integers(0, len(parts[kind]) - 1))
    changed = bytearray(parts[kind])
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ChainError):
        proven_fingerprint(certs_cell(parts | {kind: bytes(changed)}), tls_server()[1], 0.0)


@given(st.binary(max_size=400) | st.dictionaries(st.sampled_from([2, 4, 5, 7]), st.binary(max_size=140)).map(certs_cell))
def test_whatever_a_relay_sends_as_certificates_ends_in_one_word(cell_body: bytes) -> None:
    with pytest.raises(ChainError):
        proven_fingerprint(cell_body, b"", 0.0)


def said_after(answer: bytes, *, end: bool = True) -> Conduct:
    """Return the conduct of a server that answers the first words with ``answer``, whatever they are."""

    async def conduct(reader: Reader, writer: Writer) -> None:
        await reader.read(100)
        writer.write(answer)
        await writer.drain()
        if end:
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()

    return conduct


def test_a_website_at_the_port_is_no_bridge(run_async: RunAsync) -> None:
    outcome = run_async(met(said_after(b"HTTP/1.1 400 Bad Request\r\n\r\n")))
    assert outcome.said == ("down", "vpn_server_unreachable", "likely", "vpn.tor_other_service")


def test_a_server_that_knows_no_tls_accuses_nobody(run_async: RunAsync) -> None:
    outcome = run_async(met(said_after(b"HTTP/1.1 400 Bad Request\r\n\r\n"), tls=False))
    assert outcome.said == ("unknown", None, "none", "vpn.tor_no_tls")


def test_a_closed_port_is_said_to_be_one(run_async: RunAsync) -> None:
    async def story() -> Outcome:
        async with listening(honest(someone())) as port:
            pass
        return await examined(bridge(port))

    assert run_async(story()).said == ("down", "vpn_server_unreachable", "likely", "vpn.port_closed")


async def swallow(reader: Reader, _writer: Writer) -> None:
    await reader.read(-1)


async def cut_greetings(reader: Reader, _writer: Writer) -> None:
    await reader.read(1)


async def cut_all(_reader: Reader, _writer: Writer) -> None:
    pass


def test_silence_alone_accuses_nobody(run_async: RunAsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnostics.vpn.tor.probe.HANDSHAKE_EXTRA", 0.0)
    outcome = run_async(met(swallow, tls=False))
    assert outcome.said == ("unknown", None, "none", "vpn.silent")
    assert [stage for stage, failure in outcome.stages if failure] == ["handshake", "handshake"]


def test_a_greeting_that_is_cut_accuses_nobody_alone(run_async: RunAsync) -> None:
    outcome = run_async(met(cut_greetings, tls=False))
    assert outcome.said == ("unknown", None, "none", "vpn.tor_cut")
    assert outcome.stages[-1] == ("hold", None)


def test_a_port_that_ends_every_connection_is_not_served_by_a_bridge(run_async: RunAsync) -> None:
    outcome = run_async(met(cut_all, tls=False))
    assert outcome.said == ("down", "vpn_server_unreachable", "likely", "vpn.tor_closes")


def test_a_greeting_that_is_cut_here_and_answered_through_a_proxy_is_blocked(run_async: RunAsync) -> None:
    async def story() -> Outcome:
        async with listening(honest(someone())) as true_port:

            async def proxy(reader: Reader, writer: Writer) -> None:
                await reader.readexactly(3)
                writer.write(b"\5\0")
                await reader.readexactly(10)
                writer.write(b"\5\0\0\1\0\0\0\0\0\0")
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", true_port)
                try:
                    await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
                finally:
                    far_writer.close()

            async with listening(cut_greetings, tls=False) as port, listening(proxy, tls=False) as proxy_port:
                link = Link(kind=Kind.SOCKS5, host="127.0.0.1", port=proxy_port)
                return await examined(bridge(port, someone().fingerprint), proxies=(link,))

    outcome = run_async(story())
    assert outcome.said == ("blocked", "vpn_handshake_blocked", "certain", "vpn.answers_elsewhere")


async def carry(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


ENDLESS = (
    VERSIONS + cell(128, b"\0" * 60_000) * 3,
    VERSIONS + cell(0, b"") * 200,
    VERSIONS + VERSIONS,
    VERSIONS + cell(129, b"\xff"),
    cell(7, struct.pack("!H", 9), wide=False),
    cell(7, b"\0" * 4000, wide=False),
)


@pytest.mark.parametrize("answer", ENDLESS)
def test_a_relay_that_never_comes_to_the_point_is_left(run_async: RunAsync, answer: bytes) -> None:
    outcome = run_async(met(said_after(answer)))
    assert outcome.said[0] in ("works", "down")  # it speaks Tor's protocol or it does not; nobody is accused
    assert outcome.said[2] != "certain"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.binary(max_size=700) | st.binary(max_size=700).map(lambda data: VERSIONS + data))
def test_whatever_a_server_sends_ends_in_a_verdict(run_async: RunAsync, data: bytes) -> None:
    assert run_async(met(said_after(data))).said[2] != "certain"


def test_a_cancelled_test_leaves_nothing_open(run_async: RunAsync) -> None:
    async def story() -> None:
        greeted = asyncio.Event()

        async def conduct(reader: Reader, _writer: Writer) -> None:
            await reader.read(100)
            greeted.set()
            await reader.read()

        async with listening(conduct, tls=False) as port:
            testing = asyncio.ensure_future(examined(bridge(port)))
            await greeted.wait()
            testing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await testing
            await asyncio.sleep(0)  # a turn for what the cancel ends

    run_async(story())
