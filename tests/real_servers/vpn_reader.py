"""Reads the VPN state as an ordinary user would and prints it: ``python -m tests.real_servers.vpn_reader``.

The first line is what this process may do, the second the facts, the third the verdict for a line that works.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from diagnostics.judge.evidence import Evidence
from diagnostics.judge.vpn_state import judge_vpn_state
from diagnostics.model import NetworkVerdict, Observation, Status, Step
from diagnostics.vpn.state.reading import read_vpn_facts


def main() -> None:
    """Print three lines of JSON."""
    status = dict(line.partition(":\t")[::2] for line in Path("/proc/self/status").read_text().splitlines())
    facts = asyncio.run(read_vpn_facts())
    note = Observation(id="o1", step=Step.SYSTEM, detail={"kind": "vpn", **msgspec.to_builtins(facts)})
    verdict = judge_vpn_state(Evidence([note]), NetworkVerdict(status=Status.WORKS))
    for part in ({"user": os.getuid(), "capabilities": int(status["CapEff"], 16)}, facts, verdict):
        sys.stdout.write(msgspec.json.encode(part).decode() + "\n")


if __name__ == "__main__":
    main()
