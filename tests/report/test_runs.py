"""Reports of real runs over simulated networks: saved, read, redacted, replayed and drawn."""

from __future__ import annotations

import pytest

from app.report_view import html_page
from diagnostics.catalog import load_catalog
from diagnostics.model import Report
from diagnostics.plan import make_plan
from diagnostics.report.contract import dump, load
from diagnostics.report.redaction import redacted
from diagnostics.report.replay import replay
from diagnostics.report.secrets import Secrets
from diagnostics.runner import Run
from diagnostics.sim import open_simulation
from diagnostics.sim.scenario import find_scenario
from tests.conftest import RunAsync

TYPED = "https://www.wikipedia.org/wiki/Clave?de=marisol"
SECRETS = Secrets(user_names=frozenset({"marisol"}))


async def measured(scenario: str) -> Report:
    """Return the report of a run that also tests a page the person typed."""
    catalog = load_catalog()
    async with open_simulation(find_scenario(scenario), catalog, seed=1) as network:
        return await Run(make_plan(["x", "whatsapp"], [TYPED], catalog), network).complete()


@pytest.mark.parametrize("scenario", ["open", "ve-2024-08", "redirect-block-page", "captive-portal", "tls-interception", "offline"])
def test_a_run_is_worked_out_again_the_same_from_its_file_and_without_the_person(scenario: str, run_async: RunAsync) -> None:
    report = run_async(measured(scenario))
    read = load(dump(report))
    assert dump(read) == dump(report)
    assert replay(read).differences == ()
    clean = redacted(read, secrets=SECRETS).report
    assert replay(clean).differences == ()
    assert [(v.function, v.status, v.cause, v.certainty, v.rule, v.evidence) for v in clean.verdicts] == [
        (v.function, v.status, v.cause, v.certainty, v.rule, v.evidence) for v in read.verdicts
    ]
    text = dump(clean).decode() + html_page(clean, "es")
    for personal in ("192.168.1.1", "marisol", "Clave"):
        assert personal not in text
    assert "www.wikipedia.org" in text
