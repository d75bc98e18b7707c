"""The test of several OpenVPN profiles at once, run inside a namespace of its own.

``python -m tests.real_servers.openvpn_asker`` reads from its standard input a JSON object of profiles by name, each with ``text``,
``login`` (whether to), ``user``, ``password`` and ``quick`` (whether the line is known to be), and prints what is said of each, with every
stage and its failure.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import NetworkVerdict
from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.vpn.measure import measure_profile
from diagnostics.vpn.openvpn.profile import OpenVpnProfile, with_login
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Consent, read_profile


async def examine(asked: dict[str, Any]) -> dict[str, Any]:
    """Test one profile."""
    profile = read_profile(asked["text"])
    if asked.get("user") and isinstance(profile, OpenVpnProfile):
        profile = with_login(profile, asked["user"], asked["password"])
    trace = Trace()
    context = Context(RealNetwork(Trust()), trace, (), ())
    async with context.settled():
        probing = Probing(context, profile, Consent(login=bool(asked.get("login"))))
        if asked["quick"]:
            probing.context.patience.saw(0.01)  # as on a line that is known to be quick
        await measure_profile(probing)
    verdict = judge_profile(profile.id, ProfileEvidence(trace.observations), NetworkVerdict())
    own = [o for o in trace.observations if "stage" in o.detail]
    return {
        "said": [verdict.status, verdict.cause, verdict.certainty, verdict.rule],
        "stages": [[o.detail["stage"], o.failure] for o in own],
        "details": [o.detail for o in own],
        "seconds": [o.seconds for o in own],
    }


async def examine_all(asked: dict[str, Any]) -> dict[str, Any]:
    """Test every profile at the same time."""
    found = await asyncio.gather(*(examine(each) for each in asked.values()))
    return dict(zip(asked, found, strict=True))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(examine_all(json.load(sys.stdin)))))
