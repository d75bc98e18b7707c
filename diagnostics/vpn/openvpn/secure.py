"""TLS inside the control channel: with the profile's own authority, and with everything checked before a password could leave."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Final

from diagnostics.failures import INVALID_CERTIFICATE, WRONG_NAME
from diagnostics.trace import StepRecord
from diagnostics.vpn.openvpn.certificates import ciphers_at, show_own
from diagnostics.vpn.openvpn.crypt import Plain, TlsAuth, TlsCrypt, Wrapping
from diagnostics.vpn.openvpn.identity import wrong_with
from diagnostics.vpn.openvpn.profile import OpenVpnProfile, Wrap

_EARLY, _EXPIRED, _PURPOSE = 9, 10, 26
_UNSIGNED: Final = frozenset({2, 7, 18, 19, 20, 21})
"""OpenSSL's verify codes (x509_vfy.h): not valid yet, has expired, of another kind; and: not signed by the authority."""


def wrapping_for(profile: OpenVpnProfile, clock: Callable[[], float]) -> Wrapping:
    """Return how the control channel of a profile is protected."""
    key = bytes.fromhex(profile.wrap.key.reveal())
    match profile.wrap.wrap:
        case Wrap.TLS_AUTH:
            return TlsAuth(key, profile.wrap.direction, profile.wrap.digest, clock)
        case Wrap.TLS_CRYPT:
            return TlsCrypt(key, clock)
        case Wrap.TLS_CRYPT_V2:
            return TlsCrypt(key, clock, bytes.fromhex(profile.wrap.wrapped.reveal()))
    return Plain(clock)


def context_for(profile: OpenVpnProfile) -> ssl.SSLContext:
    """Return a context that believes the profile's authority alone.  Raises ssl.SSLError for a certificate that OpenSSL does not take."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # names are OpenVPN's own affair: ``wrong_with``
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers_at(profile.rules.level))
    authority = profile.certificates.authority.reveal()
    if authority:
        context.load_verify_locations(cadata=authority)
    elif profile.rules.fingerprints:
        context.verify_mode = ssl.CERT_NONE  # the fingerprint is compared instead
    show_own(context, profile.certificates)
    return context


def refused(error: ssl.SSLCertVerificationError, detail: dict[str, Any]) -> None:
    """Write down why a certificate was not believed: early, expired, usage, authority or certificate."""
    code = error.verify_code
    known = {_EARLY: "early", _EXPIRED: "expired", _PURPOSE: "usage"}
    detail["verify_code"] = code
    detail["reason"] = "authority" if code in _UNSIGNED else known.get(code, "certificate")


def weigh(tls: ssl.SSLObject, profile: OpenVpnProfile, step: StepRecord) -> bool:
    """Compare the server's certificate with what the profile demands beyond its authority; tell whether it is the profile's server."""
    step.detail["version"] = tls.version()
    wrong = wrong_with(tls.getpeercert(binary_form=True) or b"", profile.rules)
    if wrong:
        step.failure = WRONG_NAME if wrong == "name" else INVALID_CERTIFICATE
        step.detail["reason"] = wrong
    return not wrong
