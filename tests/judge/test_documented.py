"""docs/judgement.md names every rule, cause and scenario, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from diagnostics.model import Cause
from diagnostics.sim.scenario import load_scenarios

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "judgement.md").read_text(encoding="utf-8")
LAYERS = "dns|tcp|tls|http|udp|mtproto|quic|throughput|network|resolver|run|plan|target|evidence|route|vpn"
RULE = re.compile(rf"\b(?:{LAYERS})\.[a-z][a-z0-9_]+\b")


def rules_of_the_judge() -> set[str]:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "diagnostics" / "judge").glob("*.py")]
    return {rule for source in sources for rule in re.findall(rf'"((?:{LAYERS})\.[a-z][a-z0-9_]+)"', source)}


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_rule_is_explained_and_every_explained_rule_exists() -> None:
    assert set(re.findall(rf"`((?:{LAYERS})\.[a-z][a-z0-9_]+)`", PAGE)) == rules_of_the_judge()


def test_every_cause_has_its_row() -> None:
    assert {row[0].strip("`") for row in rows()} == set(Cause)


def test_every_scenario_named_exists_and_every_censored_one_is_named() -> None:
    shown = {name for row in rows() for name in re.split(r",\s*", row[3]) if not row[3].startswith("none")}
    spared = {name for row in rows() for name in re.split(r",\s*", row[4])}
    shipped = load_scenarios()
    assert (shown | spared) <= set(shipped)
    unnamed = {name for name, scenario in shipped.items() if scenario.censor} - shown - spared
    assert unnamed <= {"whatsapp-media-only-blocked"}, "a scenario with a censor belongs to a cause or is a look-alike"


def test_a_scenario_is_never_both_proof_and_look_alike_of_one_cause() -> None:
    for row in rows():
        assert set(re.split(r",\s*", row[3])).isdisjoint(re.split(r",\s*", row[4])), row[0]
