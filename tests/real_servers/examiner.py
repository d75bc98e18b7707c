"""The test of one profile, run inside a namespace of its own.

``python -m tests.real_servers.examiner [ROOTS]`` reads a profile from its standard input, believes the roots in a file, and prints one
JSON object: what is said of the profile, and every stage with what was found there.
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
from diagnostics.vpn.measure import measure_profile
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Consent, read_profile


async def examine(text: str, roots: str | None) -> dict[str, object]:
    """Test the profile in a text."""
    profile = read_profile(text)
    trace = Trace()
    context = Context(RealNetwork(Trust(roots)), trace, (), ())
    async with context.settled():
        await measure_profile(Probing(context, profile, Consent()))
    verdict = judge_profile(profile.id, ProfileEvidence(trace.observations), NetworkVerdict())
    stages = [{"failure": o.failure, **o.detail} for o in trace.observations if "stage" in o.detail]
    return {"said": [verdict.status, verdict.cause, verdict.certainty, verdict.rule], "stages": stages}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(examine(sys.stdin.read(), sys.argv[1] if len(sys.argv) > 1 else None))))
