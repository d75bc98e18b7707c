"""Does an IKE server answer at an address, on both of its ports?  What L2TP over IPsec shows to the outside is the older IKE.

A ``handshake`` step for each port (``port``: 500, 4500, or 1701 for L2TP alone; ``tries``; ``answer``: accepted, refused, cookie, or
l2tp).  A server that accepts keeps a half-open exchange for some time, and stops answering whoever leaves several (strongSwan: 5 in 30 s):
each port is greeted until it answers, and no more.
"""

from __future__ import annotations

import asyncio
from typing import Final

from diagnostics.failures import TIMEOUT
from diagnostics.streams import Datagrams
from diagnostics.trace import StepRecord
from diagnostics.vpn.address import ike, l2tp
from diagnostics.vpn.address.profile import IKE_PORT, L2TP_PORT, NAT_PORT
from diagnostics.vpn.by_proxy import Elsewhere
from diagnostics.vpn.life import look_for_life
from diagnostics.vpn.probing import LADDER, Probing
from diagnostics.vpn.profile import Protocol

MOST_TURNS: Final = 3
"""Further messages that a responder may ask for: another group, a cookie, and the group again."""


async def measure_ike(probing: Probing) -> None:
    """Test the server of ``probing``; everything found is in its observations."""
    for address in (await probing.find())[:1]:
        own = probing.profile.port
        failures = [await _greet_port(probing, address, port) for port in ((IKE_PORT, NAT_PORT) if own == IKE_PORT else (own,))]
        if all(failures) and probing.profile.protocol is Protocol.L2TP:
            failures.append(await _greet_l2tp(probing, address))
        if all(failure == TIMEOUT for failure in failures):
            await look_for_life(probing, address)


async def greet_elsewhere(probing: Probing, elsewhere: Elsewhere) -> None:
    """Greet a server that stayed silent from elsewhere."""
    port = probing.profile.port
    with probing.step("handshake", transport="udp", by=elsewhere.proxy, port=port, tries=0) as step:
        await _answer(probing, elsewhere.flow(), step, b"" if port != NAT_PORT else ike.NAT_MARKER)


async def _greet_port(probing: Probing, address: str, port: int) -> str | None:
    with probing.step("handshake", transport="udp", port=port, tries=0) as step:
        async with await probing.context.network.datagram(address, port) as flow:
            await _answer(probing, flow, step, ike.NAT_MARKER if port == NAT_PORT else b"")
    return step.done.failure


async def _answer(probing: Probing, flow: Datagrams, step: StepRecord, marker: bytes) -> None:
    """Greet until there is an answer, and write it into the step."""
    spi, cookie, turns = ike.new_spi(), b"", 0
    older = probing.profile.protocol is Protocol.L2TP
    request, seconds = ike.SaInit(spi), list(LADDER)
    while seconds:
        step.detail["tries"] += 1
        await flow.send(marker + (ike.main_mode(spi) if older else request.wire(cookie)))
        answer = await _heard(probing, flow, spi, marker, seconds[0])
        if answer is None:
            seconds.pop(0)
            continue
        step.detail["answer"] = str(answer.said)
        turns += 1
        if answer.said is ike.Said.OTHER_GROUP and answer.group in ike.GROUPS and turns <= MOST_TURNS:
            request = ike.SaInit(spi, answer.group)
        elif answer.said is ike.Said.COOKIE and turns <= MOST_TURNS:
            cookie = answer.cookie
        elif answer.said is ike.Said.COOKIE:
            break  # it asks for patience again and again
        else:
            if answer.said is ike.Said.OTHER_GROUP:
                step.detail["answer"] = str(ike.Said.REFUSED)  # it is there, and wants what this program has not got
            return
    step.failure = TIMEOUT


async def _heard(probing: Probing, flow: Datagrams, spi: bytes, marker: bytes, seconds: float) -> ike.Answer | None:
    """Return the answer, None if there is none in time; whatever else comes is passed over."""
    until = asyncio.get_running_loop().time() + max(seconds, probing.context.patience.wait())
    try:
        async with asyncio.timeout_at(until):
            while True:
                wire = await flow.receive()
                answer = ike.read_answer(spi, wire.removeprefix(marker)) if wire.startswith(marker) else None
                if answer is not None:
                    return answer
    except TimeoutError:
        return None


async def _greet_l2tp(probing: Probing, address: str) -> str | None:
    """Greet a server that speaks L2TP without IPsec around it, and take leave."""
    tunnel = l2tp.new_tunnel()
    with probing.step("handshake", transport="udp", port=L2TP_PORT, tries=0) as step:
        async with await probing.context.network.datagram(address, L2TP_PORT) as flow:
            for seconds in LADDER:
                step.detail["tries"] += 1
                await flow.send(l2tp.request(tunnel))
                peer = await _l2tp_heard(probing, flow, tunnel, seconds)
                if peer is not None:
                    step.detail["answer"] = "l2tp"
                    if peer:
                        await flow.send(l2tp.farewell(tunnel, peer))
                    return None
        step.failure = TIMEOUT
    return step.done.failure


async def _l2tp_heard(probing: Probing, flow: Datagrams, tunnel: bytes, seconds: float) -> int | None:
    try:
        async with asyncio.timeout(max(seconds, probing.context.patience.wait())):
            while True:
                peer = l2tp.read_answer(tunnel, await flow.receive())
                if peer is not None:
                    return peer
    except TimeoutError:
        return None
