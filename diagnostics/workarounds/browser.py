"""A first flight like Chrome's, and ECH, through the optional library ``utls`` (BoringSSL with Chrome's profiles).

A browser's ClientHello is three times as long as Python's and comes in two segments, with its extensions in another order each
time: a filter that reads only the first packet may let it pass, now and then.  With ECH (RFC 9849) the name is encrypted to a key
that the site publishes in the DNS; a browser does that by itself once its lookups are encrypted.

Certificates are judged by the very roots of the context that Python's own handshake would be given.  The library says
"certificate verification failed" of whatever ends a handshake: only the code tells whether it is about a certificate.
"""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, cast

import dns.message
import dns.rdatatype
from dns.rdtypes.svcbbase import ECHParam, ParamKey

from diagnostics.failures import EOF, FAILED_HANDSHAKE, ProtocolError
from diagnostics.probes.context import Context
from diagnostics.probes.endpoint import Trusts
from diagnostics.probes.place import Asking, Greeting, Place
from diagnostics.probes.tls import Shake, shake_session
from diagnostics.streams import Stream, TlsStream

if TYPE_CHECKING:
    from utls import SSLContext, SSLObject

PROFILE: Final = "chrome:stable"
"""The newest Chrome that the library knows."""

PROTOCOLS: Final = ("http/1.1",)
"""What is spoken inside; a browser offers HTTP/2 as well, which is three bytes more of the flight."""

MAX_CONFIGS: Final = 4096
"""Bytes of an ECHConfigList that are looked at; real ones have less than 200."""

NOT_VERIFIED: Final = 65
"""BoringSSL's verify code (X509_V_ERR_INVALID_CALL) for a session in which no certificate was looked at."""

FindConfigs = Callable[[str], Awaitable[bytes | None]]
"""Asks an encrypted resolver for a name's ECHConfigList; None if there is none."""


def has_utls() -> bool:
    """Tell whether the optional library is there."""
    return importlib.util.find_spec("utls") is not None


def configs_in(reply: dns.message.Message) -> bytes | None:
    """Return the ECHConfigList (RFC 9848, parameter 5) of the most preferred HTTPS record in a reply, or None."""
    records = [r for rrset in reply.answer if rrset.rdtype == dns.rdatatype.HTTPS for r in rrset]
    for record in sorted(records, key=lambda r: int(r.priority)):
        parameter = record.params.get(ParamKey.ECH)
        if record.priority and isinstance(parameter, ECHParam) and 0 < len(parameter.ech) <= MAX_CONFIGS:
            return bytes(parameter.ech)
    return None


class BrowserTls:
    """Shakes hands as Chrome would; ``greet`` is a ``Handshake`` of ``attempt.py``."""

    def __init__(self, trusts: Trusts) -> None:
        """Believe whom ``trusts`` believes."""
        self._trusts = trusts
        self._contexts: dict[int, SSLContext] = {}

    async def greet(self, context: Context, stream: Stream, place: Place, asking: Asking) -> Shake:
        """Shake hands over ``stream`` and record it."""
        session = BrowserStream(stream, self.context_of(place.host), server_name=place.host)
        return await shake_session(context, session, Greeting(place.port, place.host, place.host, asking))

    def context_of(self, host: str) -> SSLContext:
        """Return Chrome's context with the roots that may vouch for ``host``; building one takes 6 ms."""
        ours = self._trusts.of(host)
        if id(ours) not in self._contexts:
            self._contexts[id(ours)] = _context(ours)
        return self._contexts[id(ours)]


class EchTls(BrowserTls):
    """Shakes hands as Chrome would, with the name encrypted; a handshake that says the name in the clear fails.

    A page may lead on to a host without a key: there a browser says the name, and so is it done here.
    """

    def __init__(self, trusts: Trusts, find: FindConfigs) -> None:
        """Ask ``find`` for the keys of hosts, once each."""
        super().__init__(trusts)
        self._find = find
        self._configs: dict[str, bytes | None] = {}
        self._renewed: set[str] = set()
        self._news = False

    async def offers(self, host: str) -> bool:
        """Tell whether a host publishes a key that can be read, asking if that is not known."""
        if host not in self._configs:
            self._configs[host] = self._readable(host, await self._find(host))
        return self._configs[host] is not None

    async def greet(self, context: Context, stream: Stream, place: Place, asking: Asking) -> Shake:
        """Shake hands over ``stream`` and record it."""
        if not await self.offers(place.host):
            return await super().greet(context, stream, place, asking)
        encrypting = self.context_of(place.host).set_ech_configs(self._configs[place.host])
        session = EchStream(stream, encrypting, server_name=place.host)
        shaken = await shake_session(context, session, Greeting(place.port, place.host, place.host, asking))
        self._learn(place.host, session.retry)
        return shaken

    def renewed(self) -> bool:
        """Tell, once, that a server refused the published key and named another, which is used from now on."""
        news, self._news = self._news, False
        return news

    def _learn(self, host: str, retry: bytes | None) -> None:
        """Take over the key that a server names, the first time: one that goes on naming others is not followed."""
        if host not in self._renewed and self._readable(host, retry):
            self._renewed.add(host)
            self._configs[host], self._news = retry, True

    def _readable(self, host: str, configs: bytes | None) -> bytes | None:
        """Return configs that the library can read, which nobody has vouched for."""
        if not configs or len(configs) > MAX_CONFIGS:
            return None
        try:
            self.context_of(host).set_ech_configs(configs).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=host)
        except ssl.SSLError:
            return None
        return configs


class BrowserStream(TlsStream):
    """TLS by the other library, whose errors are told apart as Python's own are."""

    async def handshake(self) -> None:
        """Shake hands and verify the certificate.  Raises ssl.SSLError, OSError."""
        try:
            await super().handshake()
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in (0, None, NOT_VERIFIED):
                raise ProtocolError(FAILED_HANDSHAKE, "no handshake") from error
            raise
        except ssl.SSLEOFError as error:
            raise ProtocolError(EOF, "closed in the handshake") from error


class EchStream(BrowserStream):
    """TLS with the name encrypted; ``retry`` are the configs that a server named instead of those it was asked with."""

    retry: bytes | None = None

    async def handshake(self) -> None:
        """Shake hands; without the server's word that it read the encrypted name it fails.  Raises ssl.SSLError, OSError."""
        tls = cast("SSLObject", self.tls)
        try:
            await super().handshake()
        finally:
            self.retry = tls.ech_retry_configs()
        if not tls.ech_accepted():
            raise ProtocolError(FAILED_HANDSHAKE, "the encrypted name was not read")


def _context(ours: ssl.SSLContext) -> SSLContext:
    """Return Chrome's context that believes the roots of ``ours`` and no others."""
    import utls

    context = utls.SSLContext(utls.PROTOCOL_TLS_CLIENT)  # verifies, with the name; without roots nobody is believed
    for root in ours.get_ca_certs(binary_form=True):
        context.load_verify_locations(cadata=root)
    context.set_fingerprint(PROFILE)
    context.set_alpn_protocols(list(PROTOCOLS))
    return context
