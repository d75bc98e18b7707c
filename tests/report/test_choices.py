"""What a person may choose about a report: whatever it is, the verdicts follow from what is left."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.shared_report import Shared
from diagnostics.catalog import load_catalog
from diagnostics.model import Observation, Report, RunFacts, Step
from diagnostics.plan import make_plan, site_of
from diagnostics.report.choices import AS_USUAL, EXACTLY, RedactionChoices, Sites, Times
from diagnostics.report.contract import dump, load
from diagnostics.report.redaction import redacted
from diagnostics.report.replay import replay
from diagnostics.report.secrets import Secrets
from diagnostics.runner import Run
from diagnostics.sim import open_simulation
from diagnostics.sim.scenario import find_scenario
from tests.conftest import RunAsync
from tests.report import documents

HIDDEN = RedactionChoices(sites=Sites.HIDDEN)
EVERY = [RedactionChoices(sites=sites, time=time) for sites in Sites for time in Times]
NOBODY = Secrets()
NOON = 1_790_000_000.0  # 2026-09-21 13:33:20 UTC


def outcome(report: Report) -> list[tuple[Any, ...]]:
    return [(v.function, v.route, v.status, v.cause, v.certainty, v.rule, v.evidence) for v in report.verdicts]


async def measured(scenario: str) -> Report:
    """Return a run of everything that a scenario expects something of, its own sites among it."""
    found, catalog = find_scenario(scenario), load_catalog()
    services, urls = found.asks_for
    async with open_simulation(found, catalog, seed=1) as network:
        return await Run(make_plan(services, urls, catalog), network).complete()


@pytest.mark.parametrize(
    "scenario",
    ["expired-certificate", "self-signed-site", "redirect-hop-blocked", "same-first-page", "name-nowhere", "wrong-clock", "ve-2024-08"],
)
def test_a_run_is_worked_out_the_same_under_every_choice(scenario: str, run_async: RunAsync) -> None:
    report = load(dump(run_async(measured(scenario))))
    for choices in EVERY:
        clean = load(dump(redacted(report, secrets=NOBODY, choices=choices).report))
        again = replay(clean)
        assert again.differences == ()
        assert not again.ways_differ
        assert outcome(clean) == outcome(report)
        assert clean.network == report.network


@pytest.mark.parametrize("scenario", ["redirect-hop-blocked", "block-page-clear"])
def test_a_site_that_is_called_like_the_person_or_their_network_is_judged_the_same(scenario: str, run_async: RunAsync) -> None:
    report = load(dump(run_async(measured(scenario))))
    sites = [v.target.split("/")[2] for v in report.verdicts if "://" in v.target]
    for secrets in (Secrets(user_names=frozenset({sites[0].split(".")[0]})), Secrets(domains=frozenset({sites[0]}))):
        clean = load(dump(redacted(report, secrets=secrets).report))
        assert sites[0] not in dump(clean).decode()
        assert replay(clean).differences == ()
        assert outcome(clean) == outcome(report)


# --- the time ---------------------------------------------------------------------------------------


def told(detail: dict[str, Any], started: str = "2026-09-21T13:33:20Z", choices: RedactionChoices = AS_USUAL) -> dict[str, Any]:
    """Return what becomes of a detail of a run that began at ``started``."""
    report = Report(run=RunFacts(started=started), observations=(Observation(id="o1", step=Step.QUIC, detail=detail),))
    return redacted(report, secrets=NOBODY, choices=choices).report.observations[0].detail


@pytest.mark.parametrize(
    "written, left",
    [
        ("Mon, 21 Sep 2026 13:33:25 GMT", "Mon, 21 Sep 2026 13:00:05 GMT"),
        ("2026-09-21T13:33:25Z", "2026-09-21T13:00:05Z"),
        ("2026-09-21 09:33:25.123456-04:00", "2026-09-21 09:00:05.123456-04:00"),
        ("2026-09-21T09:33", "2026-09-21T09:00"),
        ("visto el 21 Sep 2026 13:33:25", "visto el Mon, 21 Sep 2026 13:00:05 -0000"),
        ("Mon Sep 21 13:33:25 2026", "Sep 21 13:00:05 2026"),
        ("id=1790000005", "id=1789998005"),
        ("id=1790000005123", "id=1789998005123"),
        ("2026-09-21T13%3A33%3A25Z", "2026-09-21T13:00:05Z"),
    ],
)
def test_a_moment_of_the_run_moves_however_it_is_written(written: str, left: str) -> None:
    assert told({"note": written}) == {"note": left}
    assert told({"note": written}, choices=EXACTLY) == {"note": written}


@pytest.mark.parametrize(
    "written",
    ["Thu, 01 Jan 2026 00:00:00 GMT", "2027-01-27T08:30:15+00:00", "12:34:56", "2026-99-99T99:99:99Z", "1234567890123", "9.18.28"],
)
def test_what_is_no_moment_of_the_run_stays(written: str) -> None:
    assert told({"note": written}) == {"note": written}


def test_numbers_move_too_and_only_those_that_are_moments() -> None:
    detail = {"now": NOON, "milliseconds": 1_790_000_000_500, "bytes": 65536, "ok": True, "far": 1_600_000_000, "rtt": 0.25}
    assert told(detail) == {**detail, "now": 1_789_998_000.0, "milliseconds": 1_789_998_000_500}


def test_the_run_begins_on_the_hour_and_everything_keeps_its_distance() -> None:
    report = documents.report()
    clean = redacted(report, secrets=documents.SECRETS)
    assert clean.report.run.started == "2026-08-10T15:00:00Z"
    assert [(o.t, o.seconds) for o in clean.report.observations] == [(o.t, o.seconds) for o in report.observations]
    assert next(each for each in clean.removals if each.kind == "time").shown == "2026-08-10T15:00:00Z"
    assert redacted(clean.report, secrets=documents.SECRETS).report == clean.report


def test_a_clock_that_is_years_off_is_hidden_like_the_servers_time() -> None:
    left = told({"now": 1_000_000_800.0 + 3e8, "date": NOON + 5}, started="2011-03-13T07:20:00Z")
    assert left["now"] % 3600 == 0
    assert left["date"] - left["now"] == NOON + 5 - 1_300_000_800.0


# --- the sites --------------------------------------------------------------------------------------


def of_site(url: str, **detail: Any) -> Report:
    """Return a run in which a page was asked for at a typed site."""
    plan = msgspec.json.decode(msgspec.json.encode({"kind": "plan", "targets": (site_of(url),), "controls": (), "resolvers": ()}))
    host = str(plan["targets"][0]["functions"][0]["endpoints"][0]["host"])
    page = {"port": 443, "url": url, "purpose": "target", **detail}
    return Report(
        observations=(
            Observation(id="o1", step=Step.SYSTEM, detail=plan),
            Observation(id="o2", step=Step.HTTP, target=site_of(url).id, host=host, address="190.9.8.7", detail=page),
        )
    )


PAGE = {
    "title": "Refugio Los Pinos: ayuda para mujeres",
    "location": "https://refugio-lospinos.org/entrada",
    "body_sha256": "ab" * 32,
    "headers": {"server": "nginx", "location": "https://www.lospinos-refugio.org.ve/entrada"},
    "certificate": {
        "subject": "CN=lospinos-refugio.org.ve,O=Fundacion Los Pinos",
        "issuer": "CN=R11,O=Let's Encrypt",
        "names": ["lospinos-refugio.org.ve", "*.lospinos-refugio.org.ve", "panel.lospinos-refugio.org.ve", "otro-refugio.example"],
        "sha256": "cd" * 32,
    },
    "note": "Bienvenida a Lospinos-Refugio",
}


def test_of_a_hidden_site_nothing_is_left_that_names_it() -> None:
    report = of_site("https://www.lospinos-refugio.org.ve/entrada?id=7", **PAGE)
    clean = redacted(report, secrets=NOBODY, choices=HIDDEN)
    text = dump(clean.report).decode().lower()
    for named in ("pinos", "refugio", "entrada", "190.9.8.7", "ab" * 32, "cd" * 32, "otro-"):
        assert named not in text
    assert "let's encrypt" in text
    assert clean.removed["site"] > 3


def test_a_hidden_site_still_fits_together() -> None:
    report = of_site("https://www.lospinos-refugio.org.ve/entrada", **PAGE)
    plan, page = redacted(report, secrets=NOBODY, choices=HIDDEN).report.observations
    (target,) = plan.detail["targets"]
    assert target["id"] == page.target == page.detail["url"] == "https://www.site-1.invalid/[1]"
    assert target["functions"][0]["endpoints"][0]["host"] == page.host == "www.site-1.invalid"
    assert page.detail["certificate"]["names"] == ["site-1.invalid", "*.site-1.invalid", "part-1.site-1.invalid", "site-2.invalid"]
    assert page.detail["location"] == "https://site-3.invalid/[1]"
    assert page.address == "192.31.196.1"


def test_a_site_that_every_copy_knows_is_no_secret() -> None:
    report = of_site("https://www.wikipedia.org/wiki/Clave", title="Wikipedia")
    assert redacted(report, secrets=NOBODY, choices=HIDDEN).report.observations[1].host == "www.wikipedia.org"


def test_a_label_of_a_typed_name_is_hidden_where_it_stands_alone() -> None:
    report = of_site("https://marisolita.paginas.example/", note="soy Marisolita")
    assert redacted(report, secrets=NOBODY, choices=HIDDEN).report.observations[1].detail["note"] == "soy [site 1]"


def test_a_name_with_other_letters_is_hidden_as_people_write_it() -> None:
    report = of_site("https://peña-rosada.example/", note="la Peña-Rosada", other="xn--pea-rosada-u9a.example")
    detail = redacted(report, secrets=NOBODY, choices=HIDDEN).report.observations[1].detail
    assert (detail["note"], detail["other"]) == ("la [site 1]", "site-1.invalid")


@pytest.mark.parametrize("url", ["https://8.8.8.8/x", "https://190.9.8.7/x", "http://localhost/x", "https://[2800:a:1::5]/"])
def test_a_site_without_a_full_name_can_be_hidden_and_still_be_written(url: str) -> None:
    report = of_site(url, title="Casa")
    clean = load(Shared(report, choices=HIDDEN, secrets=NOBODY).rendering("json", "es")).observations[1]
    assert clean.host in ("8.8.8.8", "127.0.0.1", "192.31.196.1", "3fff:1::1")


def test_a_page_of_many_on_a_known_place_is_hidden_and_the_place_stays() -> None:
    report = of_site("https://marisol.wikipedia.org/")
    assert redacted(report, secrets=NOBODY, choices=HIDDEN).report.observations[1].host == "site-1.wikipedia.org"


def test_the_addresses_of_a_hidden_site_keep_their_networks() -> None:
    addresses = ("190.9.8.7", "190.9.8.8", "200.1.2.3", "2800:a:1::5", "2800:a:2::5")
    report = of_site("https://refugio.example/")
    plan, page = report.observations
    pages = tuple(msgspec.structs.replace(page, id=f"o{n}", address=address) for n, address in enumerate(addresses, 2))
    clean = redacted(msgspec.structs.replace(report, observations=(plan, *pages)), secrets=NOBODY, choices=HIDDEN).report
    shown = [o.address for o in clean.observations[1:]]
    assert shown == ["192.31.196.1", "192.31.196.2", "192.175.48.1", "3fff:1::1", "3fff:1:1::1"]


def test_hiding_twice_changes_nothing_more() -> None:
    report = of_site("https://www.lospinos-refugio.org.ve/entrada", **PAGE)
    once = redacted(report, secrets=NOBODY, choices=HIDDEN).report
    assert redacted(once, secrets=NOBODY, choices=HIDDEN).report == once
