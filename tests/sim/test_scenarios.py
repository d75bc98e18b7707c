"""Scenario files: all shipped ones are sound, and a typo is answered with its line and what is allowed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from diagnostics.catalog import load_catalog
from diagnostics.errors import InputError
from diagnostics.model import Cause, Certainty, Status
from diagnostics.sim.behaviour import Dns
from diagnostics.sim.check import check_against
from diagnostics.sim.scenario import SUGGESTIONS, Scenario, find_scenario, load_scenarios, read_scenario
from tests.sim.lab import HEAD

REQUIRED = {
    "open",
    "offline",
    "captive-portal",
    "ve-2024-08",
    "ve-2025-01",
    "sni-reset",
    "sni-silence",
    "ip-blackhole",
    "ip-refused",
    "tls-interception",
    "block-page",
    "whatsapp-media-only-blocked",
    "lossy-5-percent",
    "dead-ipv6",
    "server-down",
    "expired-certificate",
}
SHIPPED = load_scenarios()
CATALOG = load_catalog()
LINES_OF_HEAD = HEAD.count("\n")


def refusal(text: str) -> InputError:
    """Return the error that a scenario's text is answered with."""
    with pytest.raises(InputError) as caught:
        read_scenario(HEAD + text, "mine.toml")
    return caught.value


def test_the_promised_scenarios_are_shipped() -> None:
    assert set(SHIPPED) >= REQUIRED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_says_what_an_honest_diagnosis_must_find(name: str) -> None:
    scenario = SHIPPED[name]
    services, urls = scenario.asks_for
    assert {row.target for row in scenario.expected if row.function is None} >= {*services, *urls}
    assert services or urls, "a scenario without expectations proves nothing"
    for row in scenario.expected:
        if row.status in (Status.BLOCKED, Status.LIKELY_BLOCKED):
            assert row.cause is not None
            assert row.certainty is (Certainty.CERTAIN if row.status is Status.BLOCKED else Certainty.LIKELY)
        if row.status is Status.WORKS:
            assert row.cause is None


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_has_one_plain_line_in_each_language(name: str) -> None:
    scenario = SHIPPED[name]
    for text in (scenario.name, scenario.summary):
        for line in (text.es, text.en):
            assert 0 < len(line) <= 140
            assert "\n" not in line
    assert scenario.source


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_accuses_only_where_it_has_rules_and_its_rules_are_felt(name: str) -> None:
    scenario = SHIPPED[name]
    accused = {row.cause for row in scenario.expected if row.status in (Status.BLOCKED, Status.LIKELY_BLOCKED)}
    assert not accused or scenario.censor or scenario.intercepts_dns
    # another address, as a content network answers, or some of a host's addresses: neither need hinder anybody
    felt_by_nobody = all(rule.dns is Dns.ADDRESS or rule.addresses for rule in scenario.censor)
    assert felt_by_nobody or any(row.status is not Status.WORKS for row in scenario.expected)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_fits_the_shipped_catalog(name: str) -> None:
    check_against(SHIPPED[name], CATALOG)


def test_a_scenario_is_found_by_its_id_or_its_path(tmp_path: Path) -> None:
    assert find_scenario("open").id == "open"
    mine = tmp_path / "mine.toml"
    mine.write_text(HEAD, encoding="utf-8")
    assert find_scenario(str(mine)).id == "test"


def test_an_unknown_scenario_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError) as caught:
        find_scenario("opne")
    assert caught.value.text == "error.unknown_scenario"
    assert caught.value.values["name"] == "opne"
    assert caught.value.values["close"] == "open"
    assert str(caught.value.values["known"]).count(",") == SUGGESTIONS - 1


def test_the_beginning_of_a_scenarios_name_is_enough_for_a_guess() -> None:
    with pytest.raises(InputError) as caught:
        find_scenario("ve-2024")
    assert caught.value.values["close"] == "ve-2024-08"


@pytest.mark.parametrize("name", ["./mine", "../open", "folder\\mine", "/nowhere/mine"])
def test_what_names_a_folder_is_a_file(name: str) -> None:
    with pytest.raises(InputError) as caught:
        find_scenario(name)
    assert caught.value.text == "error.scenario_file"


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b'id = "a\x00"', b"#" * ((1 << 20) + 1)])
def test_an_unreadable_file_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        find_scenario(str(path))
    assert caught.value.text == "error.scenario_file"
    assert caught.value.values["file"] == str(path)


@pytest.mark.parametrize("text", ["[[censor]\n", 'x = "', "a = 1\na = 2\n", "x = " + "[" * 20_000])
def test_a_syntax_error_names_file_and_line(text: str) -> None:
    error = refusal(text)
    assert error.text == "error.toml"
    assert error.values["file"] == "mine.toml"
    assert int(str(error.values["line"])) >= 1
    assert error.values["reason"]


@pytest.mark.parametrize(
    "text,line,found,allowed",
    [
        ("\nlos = 0.1\n", 2, "los", "loss"),
        ("loss = 7.0\n", 1, "7.0", "0 … 0.9"),
        ('link = "down"\n', 1, "down", "up, none, silent"),
        ('nameservers = [\n  "192.168.1.1",\n  "router",\n]\n', 3, "router", "a.b.c.d"),
        ('[[censor]]\nservice = "x"\ntls = "resett"\n', 3, "resett", "reset, silence, close, alert, intercept"),
        ('[[censor]]\nservice = "x"\ntls = "reset"\n\n[[censor]]\nservice = "x"\nsni = "reset"\n', 7, "sni", "dns_scope"),
        ('[[censor]]\nresolvers = "all"\ntcp = "silence"\n', 2, "all", "all-public"),
        ('[[censor]]\naddresses = ["1.2.3.4/8"]\ntcp = "silence"\n', 2, "1.2.3.4/8", "a.b.c.d"),
        ('[[site]]\nhost = "a.example"\nservice = "x"\n', 1, "host + service", "host"),
        ('[[site]]\nhost = "a.example"\nstatus = 99\n', 3, "99", "200"),
        ('[[expected]]\ntarget = "x"\nstatus = "blokced"\n', 3, "blokced", "blocked"),
        ('[expected_network]\ncause = "rain"\n', 2, "rain", "no_internet"),
    ],
)
def test_a_typo_is_answered_with_its_line_and_what_is_allowed(text: str, line: int, found: str, allowed: str) -> None:
    error = refusal(text)
    assert error.text == "error.scenario"
    assert error.values["file"] == "mine.toml"
    assert error.values["line"] == LINES_OF_HEAD + line
    assert error.values["found"] == found
    assert allowed in str(error.values["allowed"])


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InputError) as caught:
        read_scenario('id = "test"\n', "mine.toml")
    assert (caught.value.text, caught.value.values["allowed"]) == ("error.scenario.missing", "name")


@pytest.mark.parametrize(
    "text, line, word", [('[[censor]]\ntls = "reset"\n', 1, "service"), ("loss = 0.1\n\n[[site]]\n", 3, "host | service")]
)
def test_what_is_missing_in_a_table_is_named_with_its_line(text: str, line: int, word: str) -> None:
    error = refusal(text)
    assert (error.text, error.values["line"]) == ("error.scenario.missing", LINES_OF_HEAD + line)
    assert word in str(error.values["allowed"])


def test_an_empty_file_lacks_its_id() -> None:
    with pytest.raises(InputError) as caught:
        read_scenario("", "mine.toml")
    assert (caught.value.text, caught.value.values["allowed"]) == ("error.scenario.missing", "id")


@pytest.mark.parametrize(
    "text, found, example",
    [('loss = "much"\n', "much", "0.5"), ("nameservers = 5\n", "5", '["a", "b"]'), ('[[site]]\nhost = "a"\nclear = "sí"\n', "sí", "true")],
)
def test_a_value_of_the_wrong_kind_is_answered_with_one_of_the_right_kind(text: str, found: str, example: str) -> None:
    error = refusal(text)
    assert (error.text, error.values["found"], error.values["allowed"]) == ("error.scenario.example", found, example)


def test_a_bad_date_is_answered_with_a_good_one() -> None:
    with pytest.raises(InputError) as caught:
        read_scenario(re.sub(r"as_of = .*", 'as_of = "ayer"', HEAD), "mine.toml")
    assert (caught.value.text, caught.value.values["found"], caught.value.values["allowed"]) == (
        *("error.scenario.example", "ayer", "2024-08-09"),
    )


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 100, "a\x1b[2J"])
def test_a_scenario_has_a_name_that_a_report_can_carry(name: str) -> None:
    with pytest.raises(InputError) as caught:
        read_scenario(HEAD.replace('id = "test"', f"id = {json.dumps(name)}"), "mine.toml")
    assert caught.value.values["found"] == name


def test_every_value_of_the_vocabulary_is_accepted_in_expected_rows() -> None:
    for cause in Cause:
        written = read_scenario(HEAD + f'[[expected]]\ntarget = "x"\nstatus = "down"\ncause = "{cause}"\n', "mine.toml")
        assert isinstance(written, Scenario)
        assert written.expected[0].cause is cause


def test_distances_are_told_in_seconds() -> None:
    scenario = read_scenario(HEAD, "mine.toml")
    assert (scenario.rtt, scenario.censor_rtt) == (0.04, 0.01)
