"""Nothing planted anywhere in a run survives in anything that is handed on: the bytes are searched as plain text and encoded."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QPdfWriter, QTextDocument
from PySide6.QtWidgets import QApplication

from app.cli_save import KINDS
from app.logs import PrivateFormatter
from app.shared_report import Shared
from diagnostics.errors import InputError
from diagnostics.model import Fact, Observation, Report, Step
from diagnostics.report.archive import unpack
from diagnostics.report.choices import AS_USUAL, RedactionChoices, Sites, Times
from diagnostics.report.contract import load
from diagnostics.report.secrets import Secrets
from diagnostics.report.ways import with_ways
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import Kind, Link, Secret
from diagnostics.vpn.profile import Protocol
from diagnostics.vpn.wireguard.profile import WireGuardProfile
from tests.report import documents


def drawn(shared: Shared) -> bytes:
    """Return what Qt is given to draw a PDF from, and its title."""
    given: list[str] = []
    with (
        patch.object(QPdfWriter, "setTitle", lambda _writer, title: given.append(title)),
        patch.object(QTextDocument, "setHtml", lambda _document, text: given.append(text)),
    ):
        shared.rendering("pdf", "es")
    assert len(given) == 2
    return "\n".join(given).encode()


RENDERINGS: dict[str, Callable[[Shared], bytes]] = {
    "data": lambda shared: shared.rendering("json", "es"),
    "page in Spanish": lambda shared: shared.rendering("html", "es"),
    "page in English": lambda shared: shared.rendering("html", "en"),
    "text for a chat": lambda shared: shared.rendering("text", "es"),
    "table": lambda shared: shared.rendering("csv", "es"),
    "OONI": lambda shared: shared.rendering("ooni", "es"),
    "bundle, unpacked": lambda shared: b"\n".join(unpack(shared.rendering("bundle", "es")).values()),
    "paper, as it is drawn": drawn,
}
"""Every form in which a report leaves this computer, unpacked."""

EVERY = [RedactionChoices(sites=sites, time=time) for sites in Sites for time in Times]


def test_every_kind_that_the_terminal_writes_is_among_what_is_searched() -> None:
    assert len(RENDERINGS) == len(KINDS) + 1  # the page in two languages


def forms(secret: str) -> set[str]:
    """Return how a secret may be written, in small letters."""
    raw = secret.encode()
    found = {secret, quote(secret, safe=""), raw.hex()}
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw).decode()
        start, end = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        found |= {coded[start:end], coded[start:end].replace("+", "-").replace("/", "_")}
    return {form.lower() for form in found}


def survivors(content: bytes, secret: str) -> list[str]:
    """Return the forms of a secret that are in some bytes, in either case."""
    text = content.decode("utf-8", "replace").lower()
    return [form for form in forms(secret) if form in text]


# --- whatever the secret, wherever it stands ------------------------------------------------------

WORD = st.text("abcdefghijkmnopqrstuvwxyz", min_size=8, max_size=12).map(lambda word: f"qz{word}")
PUBLIC4 = st.tuples(st.integers(150, 185), st.integers(100, 255), st.integers(100, 255), st.integers(100, 255)).map(
    lambda parts: ".".join(map(str, parts))
)
PRIVATE4 = st.tuples(st.integers(100, 254), st.integers(100, 250)).map(lambda parts: f"10.213.{parts[0]}.{parts[1]}")
SIX = st.integers(0x1000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFE).map(lambda low: f"2800:a4:11:2200:{low >> 48:x}:1111:2222:{low & 0xFFF:x}")
MAC = st.integers(0x11_11_11_11_11, 0xEE_EE_EE_EE_EE).map(lambda n: "88:" + ":".join(f"{n:010x}"[i : i + 2] for i in range(0, 10, 2)))
SIGN = st.text("abcdefghijk0123456789ñé€&<'\"/ +%", min_size=8, max_size=16).map(lambda text: f"z{text}9")


def of(field: str) -> Callable[[str], tuple[str, Secrets, tuple[Fact, ...]]]:
    """Return a way to make a text one of this computer's secrets."""
    return lambda text: (text, msgspec.structs.replace(Secrets(), **{field: frozenset({text})}), ())


def by_way(host: str = "ejemplo.example", password: str = "") -> tuple[Fact, ...]:
    return (Link(kind=Kind.SOCKS5, host=host, port=1080, secret=Secret(password)),)


PLANTS = st.one_of(
    PUBLIC4.map(of("addresses")),
    PRIVATE4.map(of("addresses")),
    SIX.map(of("addresses")),
    MAC.map(of("macs")),
    *(WORD.map(of(field)) for field in ("user_names", "host_names", "network_names")),
    WORD.map(lambda word: of("domains")(f"{word}.lan")),
    WORD.map(lambda word: of("homes")(f"/home/{word}")),
    SIGN.map(of("others")),
    PUBLIC4.map(lambda text: (text, Secrets(), by_way(host=text))),
    WORD.map(lambda word: (f"{word}.proxies.example", Secrets(), by_way(host=f"{word}.proxies.example"))),
    SIGN.map(lambda text: (text, Secrets(), by_way(password=text))),
)

WRAPPERS: dict[str, Callable[[str], str]] = {
    "alone": str,
    "in a sentence": lambda text: f"Hola, {text} (¿tú?)",
    "in a URL": lambda text: f"http://portal.example/login?x={text}&y=1",
    "as a URL writes it": lambda text: quote(text, safe=""),
    "in other letters": str.swapcase,
    "in base64": lambda text: base64.b64encode(f"usr={text}".encode()).decode(),
    "in hexadecimal": lambda text: f"hello {text}".encode().hex(),
    "in HTML": lambda text: "".join(f"&#{ord(character)};" for character in text),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all texts in a document."""
    if isinstance(value, str):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in places(item, (*path, key))]


def with_more() -> dict[str, Any]:
    """Return a run with the fields that only some runs have: certificates, failures, headers, notes of the line, VPN clients."""
    document: dict[str, Any] = json.loads(msgspec.json.encode(documents.report()))
    certificate = {"subject": "CN=x.com", "issuer": "CN=R11", "names": ["x.com", "*.x.com"], "sha256": "ab" * 32}
    seen = {"port": 443, "server_name": "x.com", "certificate": certificate, "reason": "self signed", "first_bytes": "485454"}
    tls = Observation(id="t1", step=Step.TLS, target="x", host="x.com", address=documents.TRUE_X, failure="ssl_unknown", detail=seen)
    log = Observation(id="t2", step=Step.VPN, detail={"stage": "log", "lines": [{"text": "a line"}], "adapter": "wg0"})
    document["observations"] += json.loads(msgspec.json.encode((tls, log)))
    document["network"]["vpn"]["clients"] = ["one"]
    document["network"]["system_proxy"] = "kept"
    document["tips"] = [{"id": "trusted-vpn", "rank": 1, "because": ["cause:dns_tampering"]}]
    document["workarounds"] = [{"id": "doh:quad9", "target": "x", "status": "works", "evidence": ["o1"]}]
    return document


DOCUMENT = with_more()
PLACES = [place for place in places(DOCUMENT) if place != ("format",)]


@given(
    PLANTS,
    st.sampled_from(sorted(WRAPPERS)),
    st.sampled_from(PLACES),
    st.booleans(),
    st.sampled_from(EVERY),
    st.sampled_from(sorted(RENDERINGS)),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_nothing_planted_anywhere_survives_in_anything_that_is_handed_on(
    qapp: QApplication,
    plant: tuple[str, Secrets, tuple[Fact, ...]],
    wrapper: str,
    place: tuple[Any, ...],
    as_key: bool,
    choices: RedactionChoices,
    rendering: str,
) -> None:
    secret, secrets, ways = plant
    document = json.loads(json.dumps(DOCUMENT))
    node = document
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = WRAPPERS[wrapper](secret)
    if as_key:
        document["observations"][3]["detail"][WRAPPERS[wrapper](secret)] = {"inner": [secret]}
    try:
        report = msgspec.convert(document, Report)
    except msgspec.ValidationError:
        assume(False)
        raise
    try:
        written = RENDERINGS[rendering](Shared(report, choices=choices, ways=ways, secrets=secrets))
    except InputError as refused:
        assert refused.text == "error.report_not_clean"  # noqa: PT017 - nothing was written, which is as good
        return
    assert survivors(written, secret) == []


@pytest.mark.parametrize("place", [place for place in PLACES if place[0] == "observations" and "detail" in place], ids=str)
def test_what_a_server_says_is_cleaned_and_not_refused(place: tuple[Any, ...]) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    node = document
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = f"{node[place[-1]]} marisol"
    shared = Shared(msgspec.convert(document, Report), secrets=documents.SECRETS)
    assert b"marisol" not in shared.rendering("html", "es").lower()


@given(PLANTS, st.sampled_from(sorted(WRAPPERS)))
@settings(deadline=None)
def test_nothing_planted_in_the_log_survives_where_the_log_is_handed_on(plant: tuple[str, Secrets, tuple[Fact, ...]], wrapper: str) -> None:
    secret, secrets, ways = plant
    record = logging.LogRecord("atajo", logging.INFO, __file__, 1, "%s said: %s", ("the server", WRAPPERS[wrapper](secret)), None)
    line = PrivateFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s").format(record)
    try:
        written = Shared(Report(), ways=ways, secrets=secrets).checked(line.encode())
    except InputError:
        return
    assert survivors(written, secret) == []


def test_a_hidden_site_that_a_rendering_shows_all_the_same_is_found() -> None:
    hidden = Shared(documents.report(), choices=RedactionChoices(sites=Sites.HIDDEN), secrets=documents.SECRETS)
    content = "visité www.escuela.example.ve ayer".encode()
    assert b"escuela" not in hidden.checked(content)
    assert Shared(documents.report(), secrets=documents.SECRETS).checked(content) == content


# --- every kind of thing that is always removed ---------------------------------------------------

OWN = Secrets(
    addresses=frozenset({"186.24.5.99", "192.168.77.23", "2800:a4:11:2200:8a2b:44ff:fe01:9c3d"}), domains=frozenset({"perez.lan"})
)


@pytest.mark.parametrize(
    "text",
    [
        "186.24.5.99",  # an echo page, a mapped address of STUN
        "tu IP es 201.1.2.3",  # the line's exit, which this computer does not know
        "ip-186-24-5-99.dyn.example.ve",
        "201-1-2-3.dyn.example.ve",
        "3-2-1-201.red.example.ve",
        "186_024_005_099.example.ve",
        "99.5.24.186.in-addr.arpa",
        "host-ba180563.example.ve",
        "d.3.c.9.1.0.e.f.f.f.4.4.b.2.a.8.0.0.2.2.1.1.0.0.4.a.0.0.0.0.8.2.ip6.arpa",
        "2.2.1.1.0.0.4.a.0.0.0.0.8.2.ip6.arpa",
        "CLIENT-SUBNET: 186.24.5.0/24/0",
        "edns0-client-subnet 2800:a4:11:2200::/56",
        "::ffff:186.24.5.99",
        "64:ff9b::ba18:563",
        "2a01:db8:64::ba18:563",
        "2002:ba18:563::1",
        "2800:a4:11:2200:8a2b:44ff:fe01:9c3d%wlan0",
        "fe80::8a2b:44ff:fe01:9c3d%en0",
        "10.8.0.2",
        "fd00:8::2",
        "100.96.1.2",
        "portal.perez.lan",
        "ipv4=192.168.77.23;gw=192.168.77.1",
    ],
)
def test_whatever_says_where_the_person_is_goes(text: str) -> None:
    seen = Observation(id="o1", step=Step.QUIC, detail={"note": text})
    left = Shared(Report(observations=(seen,)), secrets=OWN).report.observations[0].detail["note"]
    for part in ("186.24.5", "201.1.2.3", "186-24", "201-1-2", "2-1-201", "186_024", "99.5.24", "ba18", "8.2.ip6", "2800:a4", "8a2b"):
        assert part not in left
    for part in ("10.8.0.2", "fd00:8::2", "100.96.1.2", "perez", "192.168.77"):
        assert part not in left


def test_a_proxys_and_a_profiles_secrets_are_taken_from_what_the_person_gave() -> None:
    link = parse_link("socks5://usuaria-q:clave-q-123@proxy.q-familia.example:1080|http://otra-q:clave2-q@104.200.77.88:3128")
    wg = WireGuardProfile(
        protocol=Protocol.WIREGUARD,
        host="vpn.q-familia.example",
        port=51820,
        private_key=Secret("q" * 43 + "="),
        public_key=Secret("w" * 43 + "="),
        addresses=("10.66.1.2",),
    )
    found = with_ways(Secrets(), (link, wg))
    text = f"usuaria-q clave-q-123 proxy.q-familia.example otra-q clave2-q 104.200.77.88 vpn.q-familia.example {'q' * 43}= 10.66.1.2"
    seen = Observation(id="o1", step=Step.HTTP, detail={"port": 80, "url": "http://x/", "title": text})
    title = Shared(Report(observations=(seen,)), secrets=found).report.observations[0].detail["title"]
    assert "q-" not in title
    assert "-q" not in title
    assert "qqq" not in title
    assert "104.200" not in title
    assert "10.66" not in title


def test_a_front_that_everybody_uses_is_no_secret_of_a_proxy() -> None:
    found = with_ways(Secrets(), by_way(host="1.1.1.1") + by_way(host="www.wikipedia.org"))
    assert (found.addresses, found.host_names) == (frozenset(), frozenset())


def test_what_is_handed_on_can_be_read_again() -> None:
    shared = Shared(documents.report(), choices=AS_USUAL, secrets=documents.SECRETS)
    assert load(shared.rendering("json", "es")) == shared.report
