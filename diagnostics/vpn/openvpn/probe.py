"""The test of an OpenVPN profile: does a server answer, does it prove to be the profile's, and does it let the person in?

Detail besides that of ``diagnostics/vpn/probing.py``: every step has ``transport``, ``remote`` (which of the profile's ways, from 0) and
``place`` (which of its servers' names, from 0).

* ``handshake``: ``tries``, ``wrap`` (plain | tls-auth | tls-crypt | tls-crypt-v2), ``reached`` (over TCP: ``tcp`` once connected),
  ``answer`` (reset); ``hold``: after greetings that were cut, whether a connection lasts on which nothing is said;
* ``tls``: ``tries``, ``acked`` (packets of ours that were acknowledged), ``came`` and ``taken`` (packets of the server's, and those in
  their order), ``version``, ``settled`` (whether the server took the end of the handshake: one that does not accept the person's own
  certificate says nothing more); ``reason`` where its certificate was not believed (authority, expired, early, usage, name, fingerprint,
  certificate, unreadable), with ``verify_code`` where OpenSSL said so;
* ``login``: ``answer`` (see ``login.Heard``) and what the server pushed in numbers (``routes``, ``dns``, ``everything``,
  ``block_outside_dns``, ``ipv6``).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from typing import Final, NamedTuple

from diagnostics.failures import EOF, REFUSED, RESET, TIMEOUT, UNREACHABLE, WRONG_ANSWER
from diagnostics.model import Observation
from diagnostics.probes.tcp import connect_silently
from diagnostics.streams import READ_SIZE, Datagrams, Stream, TlsStream
from diagnostics.trace import StepRecord
from diagnostics.vpn.life import look_for_life
from diagnostics.vpn.openvpn.control import ControlStream, DatagramLine, Line, StreamLine
from diagnostics.vpn.openvpn.login import EXIT, PUSH_REQUEST, Heard, key_exchange
from diagnostics.vpn.openvpn.packets import Channel
from diagnostics.vpn.openvpn.profile import OpenVpnProfile, Remote
from diagnostics.vpn.openvpn.secure import context_for, refused, weigh, wrapping_for
from diagnostics.vpn.probing import LADDER, Probing
from diagnostics.vpn.proxied import connect_through, connecting_proxy

LOGIN_REFUSED: Final = "unknown_failure: login refused"
LOGIN_ENDED: Final = "unknown_failure: login ended"
"""Failures of the stage ``login``; df-007 has no words for them."""

MOST_OTHERS: Final = 2
"""Further ways of the profile that are tried where one does not lead on."""

TRIES: Final = 2
"""Connections that are greeted over TCP, and sessions in which TLS is tried: one that was cut or swallowed is a hint, two are a sign."""

TCP_EXTRA: Final = 1.5
TLS_EXTRA: Final = 3.0
LOGIN_EXTRA: Final = 6.0
"""Seconds beyond the usual patience in which nothing may come: for a greeting over TCP; in TLS, so that what was lost is sent three times;
and for a login, which servers look up elsewhere."""

TLS_MOST: Final = 20.0
LOGIN_MOST: Final = 25.0
"""Seconds that a stage may take on a line on which something moves all the time."""

PUSH_EVERY: Final = 2.0
FAREWELL: Final = 1.0
"""Seconds between two questions for the settings, and for the server to hear that we leave."""

NOBODY_THERE: Final = frozenset({REFUSED, UNREACHABLE})
CUT: Final = frozenset({RESET, EOF, "connection_aborted"})
STALLED: Final = frozenset({TIMEOUT, *CUT})
"""How TLS ends where another way of the profile may lead further."""


class Way(NamedTuple):
    """One way that is tried: its place in the profile, and where it leads."""

    number: int
    place: int
    remote: Remote

    @property
    def detail(self) -> dict[str, object]:
        """Return what each of its steps says of it."""
        return {"transport": self.remote.transport, "remote": self.number, "place": self.place}


async def measure_openvpn(probing: Probing) -> None:
    """Test the profile of ``probing``; everything found is in its observations."""
    profile = probing.profile
    if not isinstance(profile, OpenVpnProfile):
        raise TypeError(profile.protocol)
    await _Test(probing, profile).measure()


async def greet_over(probing: Probing, flow: Datagrams, by: str) -> None:
    """Greet the profile's first server once more over a flow that goes out ``by`` a proxy; nothing but the greeting is sent there.

    The flow is closed.
    """
    profile = probing.profile
    if not isinstance(profile, OpenVpnProfile):
        raise TypeError(profile.protocol)
    await _Test(probing, profile).greet_over(flow, by)


class _Test:
    """The test of one profile."""

    def __init__(self, probing: Probing, profile: OpenVpnProfile) -> None:
        self._probing = probing
        self._context = probing.context
        self._profile = profile
        self._found: dict[str, list[str]] = {}
        self._answered = self._silent = False
        self._over_tcp: tuple[Way, str] | None = None  # the first way that a proxy could be asked for

    def _ways(self) -> Iterator[Way]:
        """Yield the profile's first way, then others: the same server over another transport tells most."""
        hosts = list(dict.fromkeys(each.host for each in self._profile.remotes))
        ways = [Way(number, hosts.index(each.host), each) for number, each in enumerate(self._profile.remotes)]
        first, others = ways[0], ways[1:]
        yield first
        others.sort(key=lambda way: (way.place != first.place, way.remote.transport == first.remote.transport, way.number))
        yield from others[:MOST_OTHERS]

    async def measure(self) -> None:
        """Try one way after the other until one leads to something definite."""
        for way in self._ways():
            if await self._try(way):
                return
        if not self._answered:
            await self._elsewhere()
        first = self._found.get(self._profile.host)
        if self._silent and not self._answered and first:
            await look_for_life(self._probing, first[0])

    async def _try(self, way: Way) -> bool:
        """Try one way; tell whether it led to something that another could not change."""
        host = way.remote.host
        if host not in self._found:
            self._found[host] = list(await self._probing.find(host))
        for address in self._found[host]:
            if way.remote.transport == "tcp":
                port = await self._port(way, address)
                if port.failure not in NOBODY_THERE and self._over_tcp is None:
                    self._over_tcp = (way, address)
                if port.failure is not None:
                    self._silent |= port.failure == TIMEOUT
                    continue
            last, session = await self._greetings(way, address)
            if session is not None:
                return await self._secure(way, address, session)
            self._silent |= last.failure == TIMEOUT
            if last.failure in CUT and last.detail.get("reached") == "tcp":
                await self._hold(way, address)
        return False

    # --- port and greeting ---

    def _detail(self, way: Way, address: str) -> dict[str, object]:
        return way.detail | {"at": self._found[way.remote.host].index(address)}

    async def _port(self, way: Way, address: str) -> Observation:
        """See whether anything listens there."""
        stream: Stream | None = None
        with self._probing.step("port", tries=0, **self._detail(way, address)) as step:
            stream = await connect_silently(self._context, address, way.remote.port, step.detail)
        if stream is not None:
            stream.close()
            if step.done.detail["tries"] == 1:
                self._context.patience.saw(step.done.seconds)
        return step.done

    async def _line(self, way: Way, address: str, detail: dict[str, object]) -> Line:
        """Open a way for packets.  Raises OSError."""
        if way.remote.transport == "udp":
            return DatagramLine(await self._context.network.datagram(address, way.remote.port))
        detail["reached"] = ""
        line = StreamLine(await connect_silently(self._context, address, way.remote.port, {"tries": 0}))
        detail["reached"] = "tcp"
        return line

    def _session(self, line: Line) -> ControlStream:
        channel = Channel(wrapping_for(self._profile, self._context.network.clock))
        return ControlStream(line, channel, lambda: self._context.patience.wait(extra=TLS_EXTRA))

    async def _greet(self, session: ControlStream, way: Way, detail: dict[str, object]) -> bool:
        """Send the reset; over UDP again where nothing comes.  Raises OSError, EOFError."""
        over_tcp = way.remote.transport == "tcp"
        wait = self._context.patience.wait

        def seconds(number: int) -> float:
            return wait(extra=TCP_EXTRA) if over_tcp else max(LADDER[number - 1], wait())

        def tell(number: int) -> None:
            detail["tries"] = number

        return await session.greet(seconds, 1 if over_tcp else len(LADDER), tell)

    async def _greetings(self, way: Way, address: str) -> tuple[Observation, ControlStream | None]:
        """Greet the server until something definite is known; return the last greeting, and the session if it was answered."""
        last, session = await self._greeting(way, address)
        if way.remote.transport == "tcp" and last.failure not in (None, WRONG_ANSWER):
            last, session = await self._greeting(way, address)
        return last, session

    async def _greeting(self, way: Way, address: str) -> tuple[Observation, ControlStream | None]:
        """Greet the server once over TCP, or along the ladder over UDP; a session that was answered is the caller's to close."""
        session: ControlStream | None = None
        answered = False
        try:
            with self._probing.step("handshake", tries=0, wrap=str(self._profile.wrap.wrap), **self._detail(way, address)) as step:
                session = self._session(await self._line(way, address, step.detail))
                if await self._greet(session, way, step.detail):
                    step.detail["answer"] = "reset"
                    answered = self._answered = True
                else:
                    step.failure = WRONG_ANSWER if session.channel.strange else TIMEOUT
        finally:
            if session is not None and not answered:
                session.close()
        if answered and step.done.detail["tries"] == 1:
            self._context.patience.saw(step.done.seconds)
        return step.done, session if answered else None

    async def _elsewhere(self) -> None:
        """Greet the server through a proxy of the person's, where the profile has a way over TCP."""
        proxy = connecting_proxy(self._probing)
        if proxy is None or self._over_tcp is None:
            return
        way, address = self._over_tcp
        session: ControlStream | None = None
        try:
            with self._probing.step(
                "handshake", tries=0, wrap=str(self._profile.wrap.wrap), **self._detail(way, address) | {"by": proxy.id}
            ) as step:
                step.detail["reached"] = ""
                stream = await connect_through(self._probing, proxy, address, way.remote.port)
                step.detail["reached"] = "tcp"
                session = self._session(StreamLine(stream))
                if not await self._greet(session, way, step.detail):
                    step.failure = TIMEOUT
                    return
                step.detail["answer"] = "reset"
        finally:
            if session is not None:
                session.close()

    async def greet_over(self, flow: Datagrams, by: str) -> None:
        """Greet the first server over a flow from elsewhere."""
        way = next(self._ways())
        session = self._session(DatagramLine(flow))
        try:
            detail = way.detail | {"transport": "udp", "by": by, "wrap": str(self._profile.wrap.wrap)}
            with self._probing.step("handshake", tries=0, **detail) as step:
                if await self._greet(session, way, step.detail):
                    step.detail["answer"] = "reset"
                else:
                    step.failure = TIMEOUT
        finally:
            session.close()

    async def _hold(self, way: Way, address: str) -> None:
        """See whether a connection lasts while nothing is said on it: whoever cuts every one has no quarrel with OpenVPN."""
        stream: Stream | None = None
        try:
            with self._probing.step("hold", tries=1, **self._detail(way, address)) as step:
                stream = await connect_silently(self._context, address, way.remote.port, {"tries": 0})
                try:
                    spoke = await self._probing.patiently(stream.read(1))
                except TimeoutError:
                    return
                step.failure = WRONG_ANSWER if spoke else EOF
        finally:
            if stream is not None:
                stream.close()

    # --- TLS and login ---

    async def _secure(self, way: Way, address: str, session: ControlStream) -> bool:
        """Shake hands inside a session that was answered, and log in where that is allowed; tell whether this way leads to something."""
        tls: TlsStream | None = None
        proven = False
        try:
            with self._probing.step("tls", tries=0, acked=0, came=0, taken=0, settled=None, **way.detail) as step:
                while True:
                    step.detail["tries"] += 1
                    last = step.detail["tries"] == TRIES
                    tls = await self._shaken(session, step, last=last)
                    if tls is not None:
                        proven = weigh(tls.tls, self._profile, step)
                        step.detail["settled"] = await session.settled(self._context.patience.wait(extra=TLS_EXTRA)) if proven else None
                        if last or step.detail["settled"] is not False:  # one server that fell silent may have been busy for a moment
                            break
                    session.close()
                    session = self._session(await self._line(way, address, {}))
                    if not await self._greet(session, way, {}):
                        if tls is not None:
                            break
                        raise TimeoutError(TIMEOUT)
            proven = proven and step.done.detail["settled"] is True
            if tls is not None and proven and self._may_log_in:
                await self._log_in(tls, session, way)
            return step.done.failure not in STALLED and step.done.detail.get("settled") is not False
        finally:
            session.close()

    async def _shaken(self, session: ControlStream, step: StepRecord, *, last: bool) -> TlsStream | None:
        """Return the server under TLS, or None if the session was cut or fell silent, which only that of the ``last`` proves."""
        try:
            async with asyncio.timeout(TLS_MOST):
                return await self._context.network.start_tls(session, context_for(self._profile), None)
        except ssl.SSLCertVerificationError as error:
            refused(error, step.detail)
            raise
        except (TimeoutError, ConnectionError, EOFError):
            if last:
                raise
            return None
        finally:
            step.detail["acked"] = max(step.detail["acked"], session.channel.acked)
            step.detail["came"] = max(step.detail["came"], session.channel.came)
            step.detail["taken"] = max(step.detail["taken"], session.channel.taken)

    @property
    def _may_log_in(self) -> bool:
        """Tell whether the person allowed it, and whether there is something to log in with."""
        return self._probing.consent.login and not self._probing.consent.in_use and not self._profile.asks_login

    async def _log_in(self, tls: TlsStream, session: ControlStream, way: Way) -> None:
        """Say who the person is to a server that has proved who it is, hear what it says, and leave."""
        heard = Heard()
        with self._probing.step("login", answer="", **way.detail) as step:
            try:
                session.patience = lambda: self._context.patience.wait(extra=LOGIN_EXTRA)
                async with asyncio.timeout(LOGIN_MOST):
                    await tls.write(key_exchange(self._profile))
                    await self._listen(tls, heard)
            finally:
                step.detail["answer"] = heard.answer
            if heard.answer == "push":
                pushed = heard.pushed
                step.detail |= {"routes": pushed.routes, "dns": pushed.dns, "everything": pushed.everything}
                step.detail |= {"block_outside_dns": pushed.block_outside_dns, "ipv6": pushed.ipv6}
            else:
                step.failure = LOGIN_REFUSED if heard.answer in ("refused", "challenge", "cipher") else LOGIN_ENDED
        if heard.pushed.exits:
            with contextlib.suppress(OSError, EOFError):
                await tls.write(EXIT)
                await session.settled(FAREWELL)

    async def _listen(self, tls: TlsStream, heard: Heard) -> None:
        """Hear the server until it has said how the login ends.  Raises TimeoutError, OSError, EOFError."""
        while not heard.over:
            pause = asyncio.timeout(PUSH_EVERY)
            try:
                async with pause:
                    record = await tls.read(READ_SIZE)
            except TimeoutError:
                if not pause.expired():
                    raise
                if heard.answer:
                    await tls.write(PUSH_REQUEST)
                continue
            if not record:
                raise EOFError
            heard.take(record)
