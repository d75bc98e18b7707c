"""One TLS handshake on an open connection, up to the certificate.

Detail of a ``tls`` observation::

    port, server_name          the name in the ClientHello
    purpose                    target | repeat | neutral_name | control_address | control_neutral | system_roots | inspect
    version, cipher, alpn      as negotiated
    certificate                {subject, issuer, not_before, not_after, names, sha256}: the leaf that was presented
    received                   bytes of the peer before the end: 0 means that nothing came back at all
    reason, verify_code        OpenSSL's words for a failure

Purposes other than target, repeat and system_roots only look at what is presented; nothing is ever sent over them.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from diagnostics.failures import reason_of
from diagnostics.model import Observation, Step
from diagnostics.probes.context import Context
from diagnostics.probes.http import clean
from diagnostics.probes.place import Greeting
from diagnostics.streams import Stream, TlsStream

KERNEL_REPEATS: Final = 0.6
"""Seconds added to the wait: a lost flight is sent again after 0.2 to 0.4 s, and its repetition again."""

MAX_NAMES: Final = 20
MAX_NAME: Final = 120

_NAMES: Final = ((NameOID.ORGANIZATION_NAME, "O"), (NameOID.COMMON_NAME, "CN"))


class Shake:
    """The outcome of a handshake: the observation, and the secured stream if there is one."""

    def __init__(self, observation: Observation, stream: TlsStream | None) -> None:
        """Keep both."""
        self.observation = observation
        self.stream = stream


async def shake(context: Context, stream: Stream, trust: ssl.SSLContext, greeting: Greeting) -> Shake:
    """Shake hands over ``stream`` and record it; the certificate is judged by ``trust``."""
    return await shake_session(context, TlsStream(stream, trust, server_name=greeting.name), greeting)


async def shake_session(context: Context, session: TlsStream, greeting: Greeting) -> Shake:
    """Shake hands in a session that was prepared, and record it."""
    asking = greeting.asking
    secured: TlsStream | None = None
    with context.trace.step(Step.TLS, target=asking.target, host=greeting.host, address=asking.address) as step:
        step.detail = {"port": greeting.port, "server_name": greeting.name, "purpose": asking.purpose}
        try:
            async with asyncio.timeout(context.patience.wait(extra=KERNEL_REPEATS)):
                await session.handshake()
            secured = session
        except ssl.SSLError as error:
            step.detail |= reasons_of(error)
            raise
        finally:
            step.detail["received"] = session.below.received
            step.detail |= _negotiated(session)
    return Shake(step.done, secured)


def reasons_of(error: ssl.SSLError) -> dict[str, Any]:
    """Return what an observation keeps of OpenSSL's words for a failure."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return {"reason": clean(error.verify_message, MAX_NAME), "verify_code": error.verify_code}
    return {"reason": clean(reason_of(error) or type(error).__name__, MAX_NAME)}


def _negotiated(session: TlsStream) -> dict[str, Any]:
    tls = session.tls
    try:
        der = tls.getpeercert(binary_form=True)
    except ValueError:
        return {}  # the handshake did not end
    cipher = tls.cipher()
    return {
        "version": tls.version(),
        "cipher": cipher[0] if cipher else None,
        "alpn": tls.selected_alpn_protocol(),
        "certificate": certificate_facts(der) if der else None,
    }


def certificate_facts(der: bytes) -> dict[str, Any]:
    """Return what an observation keeps of a certificate; a broken one says only so."""
    try:
        leaf = x509.load_der_x509_certificate(der)
        return {
            "subject": _written(leaf.subject),
            "issuer": _written(leaf.issuer),
            "not_before": leaf.not_valid_before_utc.isoformat(),
            "not_after": leaf.not_valid_after_utc.isoformat(),
            "names": _alternative_names(leaf),
            "sha256": leaf.fingerprint(SHA256()).hex(),
        }
    except ValueError as error:  # what cryptography raises for malformed DER, dates and extensions
        return {"broken": clean(str(error), MAX_NAME)}


def _written(name: x509.Name) -> str:
    parts = [f"{short}={_text(attribute.value)}" for oid, short in _NAMES for attribute in name.get_attributes_for_oid(oid)[:1]]
    return clean(", ".join(parts), MAX_NAME)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _alternative_names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [clean(str(name.value), MAX_NAME) for name in list(names)[:MAX_NAMES]]
