"""The unmodified command line among real servers: what it says of X under each censor, and of everything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.texts import language, set_language, t
from diagnostics.judge import judge
from diagnostics.model import Observation
from tests.real_servers.lab import Finished, Lab, Scenario

pytestmark = pytest.mark.root

OTHERS = ("whatsapp", "signal")  # no daemon of Debian speaks Telegram's protocol: its data centres here only hold connections
OFFLINE = (Scenario.OFFLINE_SILENT, Scenario.OFFLINE_LINK_DOWN)
TOLD = ("engine", "resolver", "answers", "purpose", "port", "server_name", "title")
OFFLINE_LIMIT = 6.0
"""Seconds until a person without Internet is told so, from the start of the program to its end."""

VERDICTS = [
    (Scenario.FORGED_DNS, "blocked", "dns_tampering", "certain"),
    (Scenario.NXDOMAIN, "blocked", "dns_tampering", "certain"),
    (Scenario.SNI_RESET, "blocked", "name_blocked", "certain"),
    (Scenario.SNI_SILENCE, "blocked", "name_blocked", "certain"),
    (Scenario.ADDRESS_SILENT, "likely_blocked", "ip_blocked", "likely"),
    (Scenario.ADDRESS_REFUSED, "likely_blocked", "ip_blocked", "likely"),
]


def checked(lab: Lab) -> tuple[Finished, dict[str, Any]]:
    """Run the check of X and others, and return how it ended and its report."""
    done = lab.atajo("check", "x", *OTHERS, "--json", "-", "--quiet")
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    return done, report


def verdict_on(report: dict[str, Any], target: str) -> dict[str, Any]:
    """Return the verdict on a whole target."""
    found: list[dict[str, Any]] = [v for v in report["verdicts"] if v["target"] == target and v["function"] is None]
    assert len(found) == 1, found
    return found[0]


def story(report: dict[str, Any], target: str) -> str:
    """Tell what was seen of a target, for the message of a failing test."""
    lines = [f"network {report['network']}"]
    lines += [str(v) for v in report["verdicts"] if v["target"] == target]
    for o in report["observations"]:
        if o["target"] in (target, None) and o["step"] != "system":
            detail = {
                key: value
                for key, value in o["detail"].items()
                if key in ("engine", "resolver", "answers", "purpose", "port", "server_name")
            }
            lines.append(f"{o['id']} {o['step']} {o['host']} {o['address']} {o['failure']} {o['seconds']:.3f} {detail}")
    return "\n".join(lines)


def assert_others_work(report: dict[str, Any]) -> None:
    for target in OTHERS:
        assert verdict_on(report, target)["status"] == "works", story(report, target)


def replayed(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Judge a report again from its observations alone."""
    observations = msgspec.convert(report["observations"], tuple[Observation, ...])
    verdicts: list[dict[str, Any]] = json.loads(msgspec.json.encode(judge(observations).verdicts))
    return verdicts


def assert_explains_the_same(lab: Lab, report: dict[str, Any], folder: Path) -> None:
    """Judge the saved report again from its observations alone, here and by ``explain`` in a process without a network."""
    assert replayed(report) == report["verdicts"]
    file = folder / "report.json"
    file.write_text(json.dumps(report))
    lab.censor(Scenario.OFFLINE_LINK_DOWN)
    done = lab.atajo("explain", str(file), "--lang", "en")
    assert (done.status, said("cli.explain.same", "en") in flat(done.stdout)) == (0, True), done.stdout + done.stderr


def said(text: str, spoken: str) -> str:
    """Return a text of the program in a language."""
    before = language()
    set_language(spoken)
    try:
        return t(text)
    finally:
        set_language(before)


def flat(text: str) -> str:
    """Return a terminal's text without its line breaks."""
    return " ".join(text.split())


def test_in_the_open_everything_works(lab: Lab, tmp_path: Path) -> None:
    lab.censor(Scenario.OPEN)
    done, report = checked(lab)
    assert verdict_on(report, "x")["status"] == "works", story(report, "x")
    assert_others_work(report)
    assert done.status == 0
    assert_explains_the_same(lab, report, tmp_path)


@pytest.mark.parametrize("scenario, status, cause, certainty", VERDICTS)
def test_a_censor_of_x_is_named_and_nobody_else_accused(
    lab: Lab, tmp_path: Path, scenario: Scenario, status: str, cause: str, certainty: str
) -> None:
    lab.censor(scenario)
    done, report = checked(lab)
    verdict = verdict_on(report, "x")
    assert (verdict["status"], verdict["cause"], verdict["certainty"]) == (status, cause, certainty), story(report, "x")
    assert_others_work(report)
    assert done.status == 1
    assert_explains_the_same(lab, report, tmp_path)


def test_a_block_page_is_named_and_nobody_else_accused(lab: Lab, tmp_path: Path) -> None:
    lab.censor(Scenario.BLOCK_PAGE)
    done, report = checked(lab)
    verdict = verdict_on(report, "x")
    assert (verdict["status"], verdict["cause"]) == ("blocked", "block_page"), story(report, "x")
    assert_others_work(report)
    assert done.status == 1
    assert_explains_the_same(lab, report, tmp_path)


@pytest.mark.parametrize("scenario", OFFLINE)
def test_without_internet_it_says_so_in_time_and_accuses_nobody(lab: Lab, tmp_path: Path, scenario: Scenario) -> None:
    lab.censor(scenario)
    done, report = checked(lab)
    print(f"{scenario}: {done.seconds:.2f} s")
    assert report["network"]["cause"] == "no_internet", story(report, "x")
    assert done.status == 3
    assert done.seconds <= OFFLINE_LIMIT
    accused = [v for v in report["verdicts"] if v["status"] in ("blocked", "likely_blocked")]
    assert not accused, story(report, accused[0]["target"])
    assert_explains_the_same(lab, report, tmp_path)


@pytest.mark.parametrize("spoken", ["es", "en"])
def test_without_internet_a_person_reads_the_sentence(lab: Lab, spoken: str) -> None:
    lab.censor(Scenario.OFFLINE_LINK_DOWN)
    done = lab.atajo("check", "--lang", spoken)
    assert said("fail.no_internet.title", spoken) in flat(done.stdout), done.stdout + done.stderr
    assert done.status == 3


@pytest.mark.parametrize("scenario", [Scenario.FORGED_DNS, Scenario.SNI_RESET, Scenario.ADDRESS_SILENT])
def test_a_site_that_was_typed_works_beside_a_censored_service(lab: Lab, scenario: Scenario) -> None:
    lab.censor(scenario)
    neighbour = next(host.name for host in lab.world.hosts.values() if host.site.startswith("control-") and 443 in host.ports)
    site = f"https://{neighbour}/"
    done = lab.atajo("check", "--json", "-", "--quiet", "--url", site)
    report = json.loads(done.stdout)
    assert verdict_on(report, site)["status"] == "works", story(report, site)
    assert done.status == 0
