"""Taking the person out of a report: nothing personal is left, the evidence stays, and the result stays the same."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from diagnostics.model import NetworkVerdict, Observation, Report, Step, VpnCheck, VpnVerdict
from diagnostics.report.contract import dump, load, texts_of
from diagnostics.report.redaction import redacted
from diagnostics.report.replay import replay
from diagnostics.report.secrets import Secrets
from tests.report import documents
from tests.report.documents import OWN, OWN_PUBLIC, OWN_SIX, PROVIDERS_RESOLVER, ROUTER, SECRETS, TRUE_X

CLEAN = redacted(documents.report(), secrets=SECRETS)
TEXT = dump(CLEAN.report).decode()


def detail_of(number: int) -> dict[str, Any]:
    """Return the details of one observation of the redacted report."""
    return next(o for o in CLEAN.report.observations if o.id == f"o{number}").detail


def one_text(text: str, secrets: Secrets = SECRETS, key: str = "note") -> str:
    """Return what becomes of one text in a detail."""
    report = Report(observations=(Observation(id="o1", step=Step.QUIC, detail={key: text}),))
    return str(redacted(report, secrets=secrets).report.observations[0].detail[key])


@pytest.mark.parametrize(
    "personal",
    [
        OWN,
        ROUTER,
        OWN_PUBLIC,
        OWN_SIX,
        PROVIDERS_RESOLVER,
        "2800:a4:11:2200",
        "marisol",
        "88-2B-44-01-9C-3D",
        "Otra red",
        "perez",
        "abc123",
    ],
)
def test_nothing_personal_is_left(personal: str) -> None:
    assert personal.lower() not in TEXT.lower()


@pytest.mark.parametrize(
    "evidence", [TRUE_X, "127.0.0.1", "8.8.8.8", "9.9.9.9", "93.184.216.34", "190.9.8.7", "nginx/1.18.0.1", "escuela.example.ve"]
)
def test_the_evidence_stays(evidence: str) -> None:
    assert evidence in TEXT


def test_the_result_worked_out_from_the_redacted_report_is_the_same() -> None:
    before, after = replay(documents.report()), replay(CLEAN.report)
    assert after.differences == ()
    assert [(v.function, v.status, v.cause, v.certainty, v.rule, v.evidence) for v in after.judgement.verdicts] == [
        (v.function, v.status, v.cause, v.certainty, v.rule, v.evidence) for v in before.judgement.verdicts
    ]
    assert after.judgement.network == before.judgement.network


def test_the_providers_resolvers_are_numbered_and_public_ones_stay() -> None:
    assert detail_of(3)["addresses"] == ["[resolver 1]", "[resolver 2]", "8.8.8.8"]
    assert [o.address for o in CLEAN.report.observations if o.step is Step.DNS][:3] == ["[resolver 1]", "[resolver 2]", "8.8.8.8"]


def test_a_private_address_becomes_another_one_of_its_range() -> None:
    assert detail_of(5)["answers"] == ["192.168.255.1"]
    assert detail_of(5)["replies"][0]["answers"] == ["192.168.255.1"]


def test_of_a_typed_site_only_the_host_is_left_and_everything_still_fits_together() -> None:
    targets = detail_of(1)["targets"]
    assert targets[1]["id"] == "https://escuela.example.ve/[1]"
    assert targets[1]["functions"][0]["endpoints"][0]["path"] == "/[1]"
    assert detail_of(10)["url"] == "https://escuela.example.ve/[1]"
    assert {v.target for v in CLEAN.report.verdicts} == {"x", "https://escuela.example.ve/[1]"}


def test_what_was_removed_is_counted_by_kind() -> None:
    assert set(CLEAN.removed) == {"address", "resolver", "home", "network_name", "url", "time"}
    assert all(count > 0 for count in CLEAN.removed.values())


def test_redacting_twice_changes_nothing_more() -> None:
    again = redacted(CLEAN.report, secrets=SECRETS)
    assert again.report == CLEAN.report
    assert again.removed.get("address") is None


def test_a_redacted_report_can_be_read_again() -> None:
    assert load(dump(CLEAN.report)) == CLEAN.report


@pytest.mark.parametrize(
    "text, left",
    [
        (f"::ffff:{OWN}", "::ffff:192.168.255.1"),
        ("192%2E168%2E77%2E23", "192.168.255.1"),
        ("192%252E168%252E77%252E23", "192.168.255.1"),
        (f"http://{OWN}:8080/", "http://192.168.255.1:8080/"),
        ("http://[fe80::1]/", "http://[fe80::ffff:ffff:ffff:1]/"),
        ("fe80::1%eth0", "fe80::ffff:ffff:ffff:1%eth0"),
        ("2800:00A4:0011:2200:0000:0000:0000:0001", "3fff::1"),
        ("e:fd12:3456::9.", "3fff::1."),
        ("186-24-5-99.dyn.example.ve", "192.88.99.1.dyn.example.ve"),
        ("99.5.24.186.in-addr.arpa", "192.88.99.1"),
        ("100.64.3.2 10.1.2.3 172.20.1.1", "100.127.255.1 10.255.255.1 172.31.255.1"),
        ("your address is 201.1.2.3", "your address is 192.88.99.1"),
        ("88:2b:44:01:9c:3d 882B44019C3D 11-22-33-44-55-66 1122.3344.5566", "[mac] [mac] [mac] [mac]"),
        ("/home/pedro/x C:\\Users\\Pedro\\y \\\\?\\C:\\Users\\Pedro\\z", "[home]/x [home]\\y [home]\\z"),
        ("MARISOL_2 (Laptop-de-Marisol.local) Familia Perez 5G", "[user]_2 ([host].local) [network]"),
        ("socks5://u:p@h.example:1080", "socks5://h.example:1080"),
        ("https://p.example/a?session=9#top", "https://p.example/a?[1]"),
        ("clave:secreta/1clave:secreta/1", "[secret][secret]"),
    ],
)
def test_personal_things_are_found_however_they_are_written(text: str, left: str) -> None:
    assert one_text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "0.0.0.0",
        "::1",
        "203.0.113.7",
        "12:34:56",
        "2024-08-09T12:34:56+00:00",
        "1.2.3",
        "1.2.3.4.5",
        "999.1.1.1",
        "marisolandia",
        "TLS 1.3",
        "aa" * 32,
        "AA:BB:CC:DD:EE:FF:00:11:22:33",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert one_text(text) == text


def test_the_longest_secret_goes_first_so_that_none_is_cut_in_two() -> None:
    secrets = Secrets(user_names=frozenset({"ana"}), host_names=frozenset({"pc-de-ana"}), homes=frozenset({"/srv/gente/ana"}))
    assert one_text("/srv/gente/ana/x pc-de-ana ana", secrets) == "[home]/x [host] [user]"


def test_a_person_called_like_a_word_of_the_format_does_not_make_the_report_unreadable() -> None:
    secrets = Secrets(user_names=frozenset({"works", "dns", "signal", "seconds", "web", "al"}))
    assert redacted(documents.report(), secrets=secrets).report.network == documents.report().network
    assert one_text("al signal dns", secrets) == "al signal dns"


def test_a_versions_number_is_no_address() -> None:
    assert one_text("Apache/2.4.1.9 (Unix)", key="server") == "Apache/2.4.1.9 (Unix)"
    assert one_text(f"Apache/{OWN_PUBLIC}", key="server") == "Apache/192.88.99.1"


def test_letters_with_two_small_forms_are_found() -> None:
    assert (
        one_text(
            "STRA\N{LATIN CAPITAL LETTER SHARP S}E \N{LATIN SMALL LETTER LONG S}ecreto", Secrets(others=frozenset({"straße", "secreto"}))
        )
        == "[secret] [secret]"
    )


def test_secrets_stand_in_no_key_either() -> None:
    seen = Observation(id="o1", step=Step.SYSTEM, detail={f"if {OWN}": {"marisol": [{"SSID": "x"}]}})
    cleaned = redacted(Report(observations=(seen,)), secrets=SECRETS).report.observations[0]
    assert cleaned.detail == {"if 192.168.255.1": {"[user]": [{"SSID": "[network]"}]}}


def test_a_clients_name_in_a_vpn_verdict_is_cleaned_too() -> None:
    report = Report(network=NetworkVerdict(vpn=VpnVerdict(state="full", clients=("tunnel of marisol",))))
    assert redacted(report, secrets=SECRETS).report.network.vpn.clients == ("tunnel of [user]",)


def test_the_words_of_a_vpn_verdict_stay() -> None:
    report = Report(network=NetworkVerdict(vpn=VpnVerdict(state="full", clients=("marisol", "proton"), checks=(VpnCheck(check="route"),))))
    cleaned = redacted(report, secrets=SECRETS).report.network.vpn
    assert (cleaned.state, cleaned.clients, cleaned.checks) == ("full", ("[user]", "proton"), (VpnCheck(check="route"),))


def test_a_word_of_a_newer_report_that_holds_a_secret_is_removed_whole() -> None:
    report = load(b'{"format": "atajo-report", "version": 1, "run": {}, "observations": [], "network": {"status": "seen by marisol"}}')
    assert redacted(report, secrets=SECRETS).report.network.status == "[removed]"


def test_this_computers_secrets_are_found() -> None:
    found = Secrets.of_this_computer()
    assert not any(address.startswith("127.") for address in found.addresses)
    assert found.host_names
    assert found.user_names


# --- whatever the secret, wherever it stands ------------------------------------------------------

V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
WORD = st.text("abcdefghijkmnopqrstuvwxyz", min_size=6, max_size=12).map(lambda word: f"qz{word}")
PLANTS = st.one_of(
    V4.map(lambda text: (text, Secrets(addresses=frozenset({text})))),
    V6.map(lambda text: (text, Secrets(addresses=frozenset({text})))),
    V4.map(lambda text: (f"::ffff:{text}", Secrets(addresses=frozenset({text})))),
    WORD.map(lambda text: (text, Secrets(user_names=frozenset({text})))),
    WORD.map(lambda text: (text, Secrets(host_names=frozenset({text})))),
    WORD.map(lambda text: (text, Secrets(network_names=frozenset({text})))),
    st.text(min_size=4, max_size=12).map(lambda text: (f"§{text}", Secrets(others=frozenset({f"§{text}"})))),
)
AROUND = st.sampled_from(["", " ", "(", "http://", "[", "user=", "¿", "\t", "/", "«"])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all texts in a document."""
    if isinstance(value, str):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in places(item, (*path, key))]


DOCUMENT = msgspec.to_builtins(documents.report())
FIXED = {("format",)}
PLACES = [place for place in places(json.loads(json.dumps(DOCUMENT))) if place not in FIXED]


@given(PLANTS, AROUND, st.sampled_from(PLACES), st.booleans())
def test_a_secret_planted_anywhere_survives_in_no_export(
    plant: tuple[str, Secrets], before: str, place: tuple[Any, ...], as_key: bool
) -> None:
    secret, secrets = plant
    assume(not secret.startswith(("127.", "::1", "0.")) and secret != "::")
    document = json.loads(json.dumps(DOCUMENT))
    node = document
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = f"{before}{secret}"[:60]
    if as_key:
        document["observations"][3]["detail"][f"{before}{secret}"] = {"inner": [secret]}
    try:
        report = msgspec.convert(document, Report)
    except msgspec.ValidationError:
        assume(False)
        raise
    clean = redacted(report, secrets=secrets).report
    left = [text for _, text in texts_of(msgspec.to_builtins(clean))]
    needle = secret.removeprefix("::ffff:")
    assert not [text for text in left if holds(text, needle)]


def holds(text: str, secret: str) -> bool:
    """Tell whether a text still shows a secret as such: fe80:: is not in fe80::1, nor 1.2.3.4 in 11.2.3.45."""
    edges = (r"(?<![0-9a-f:.])", r"(?![0-9a-f:]|\.\d)") if re.fullmatch(r"[0-9a-f:.]+", secret) else ("", "")
    return re.search(edges[0] + re.escape(secret) + edges[1], text, re.IGNORECASE) is not None
