"""The unmodified command line on a computer whose desktop is set to a proxy of its own: gone, alive, and set for one terminal only."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.real_servers.lab import Lab, Scenario

pytestmark = pytest.mark.root

PORT = 18081
KIOSLAVERC = f"[Proxy Settings]\nProxyType=1\nhttpProxy=http://127.0.0.1 {PORT}\nhttpsProxy=http://127.0.0.1 {PORT}\n"


def network_of(lab: Lab, **environment: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the report says of the line and of X."""
    done = lab.run(sys.executable, "-m", "app", "check", "x", "--json", "-", "--quiet", timeout=60.0, **environment)
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stdout)
    return report["network"], next(v for v in report["verdicts"] if v["target"] == "x" and v["function"] is None)


@pytest.fixture
def desktop(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a KDE session that is set to the proxy."""
    (tmp_path / "kioslaverc").write_text(KIOSLAVERC)
    tmp_path.chmod(0o755)
    return {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CURRENT_DESKTOP": "KDE"}


def test_a_proxy_that_is_gone_is_named_and_x_is_judged_behind_it(lab: Lab, desktop: dict[str, str]) -> None:
    lab.censor(Scenario.SNI_RESET)
    network, x = network_of(lab, **desktop)
    assert (network["status"], network["cause"], network["certainty"]) == ("partial", "stale_proxy", "certain")
    assert network["system_proxy"] == f"127.0.0.1:{PORT}"
    assert (x["status"], x["cause"]) == ("blocked", "name_blocked")


def test_a_proxy_that_answers_is_no_fault(lab: Lab, desktop: dict[str, str]) -> None:
    lab.censor(Scenario.OPEN)
    proxy = lab._start(lab.client, "microsocks", "-i", "127.0.0.1", "-p", str(PORT))
    try:
        proxy.wait_for(("tcp", PORT))
        network, x = network_of(lab, **desktop)
    finally:
        proxy.stop()
    assert (network["status"], network["cause"], x["status"]) == ("works", None, "works")


def test_a_dead_proxy_of_one_terminal_is_no_fault_of_the_computer(lab: Lab) -> None:
    lab.censor(Scenario.OPEN)
    network, x = network_of(lab, https_proxy=f"http://127.0.0.1:{PORT}", HTTP_PROXY=f"http://127.0.0.1:{PORT}")
    assert (network["status"], network["cause"], x["status"]) == ("works", None, "works")
