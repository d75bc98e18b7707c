"""The test of one bridge, run inside a namespace of its own.

``python -m tests.real_servers.bridger SECONDS`` reads a bridge line from its standard input, believes a clock that is wrong by so many
seconds, and prints one JSON object: what is said of the bridge, and every stage with its failure.
"""

from __future__ import annotations

import asyncio
import json
import sys

from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import NetworkVerdict
from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Consent, read_profile
from diagnostics.vpn.tor.probe import measure_tor


class Shifted(RealNetwork):
    """This computer's network, with a clock that is wrong."""

    def __init__(self, seconds: float) -> None:
        super().__init__(Trust())
        self._seconds = seconds

    def clock(self) -> float:
        """Return a time that is wrong by as much."""
        return super().clock() + self._seconds


async def examine(line: str, seconds: float) -> dict[str, object]:
    """Test the bridge of a line."""
    profile = read_profile(line)
    trace = Trace()
    context = Context(Shifted(seconds), trace, (), ())
    async with context.settled():
        await measure_tor(Probing(context, profile, Consent()))
    verdict = judge_profile(profile.id, ProfileEvidence(trace.observations), NetworkVerdict())
    stages = [(str(o.detail["stage"]), o.failure) for o in trace.observations]
    return {"said": [verdict.status, verdict.cause, verdict.certainty, verdict.rule], "stages": stages}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(examine(sys.stdin.read(), float(sys.argv[1])))))
