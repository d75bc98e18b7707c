"""The certificates of an OpenVPN profile: the authority that signs its servers, and the person's own certificate and key."""

from __future__ import annotations

import contextlib
import os
import secrets
import ssl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from diagnostics.routes.link import NO_SECRET, Secret
from diagnostics.vpn.openvpn.keys import pem_parts
from diagnostics.vpn.profile import ProfileError

CERTIFICATE: Final = "CERTIFICATE"
_CERTIFICATES: Final = frozenset({CERTIFICATE, "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})
_ENCRYPTED: Final = "ENCRYPTED"
_PASSWORD_BYTES: Final = 32


class Certificates(msgspec.Struct, frozen=True):
    """PEM texts: ``authority`` of the servers, and the person's own ``chain`` and ``key``, empty for a profile without them."""

    authority: Secret = NO_SECRET
    chain: Secret = NO_SECRET
    key: Secret = NO_SECRET

    def parts(self) -> tuple[str, ...]:
        """Return what tells these from others."""
        return (self.authority.reveal(), self.chain.reveal(), self.key.reveal())


def read_certificates(text_of: Callable[[str], str | None], *, needs_authority: bool, level: int) -> Certificates:
    """Return the certificates of a profile whose parts ``text_of`` gives by their names, once OpenSSL takes them at a security level.

    Raises ProfileError.
    """
    authority = text_of("ca")
    if authority is None and needs_authority:
        raise ProfileError("vpn.profile.ovpn.missing", name="ca")
    own, key = text_of("cert"), text_of("key")
    if (own is None) != (key is None):
        raise ProfileError("vpn.profile.ovpn.missing", name="key" if key is None else "cert")
    more = text_of("extra-certs") if own is not None else None
    if own is None or key is None:
        return Certificates(authority=_authority(authority))
    chain = _certificates(own, "cert") + (_certificates(more, "extra-certs") if more else [])
    found = Certificates(_authority(authority), Secret("".join(chain)), Secret(_own_key(key, chain[0])))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(ciphers_at(level))
    try:
        show_own(context, found)
    except OSError:  # ssl.SSLError is one
        raise ProfileError("vpn.profile.ovpn.bad_certificate", name="cert") from None
    return found


def ciphers_at(level: int) -> str:
    """Return OpenSSL's usual ciphers at one of its security levels."""
    return f"DEFAULT:@SECLEVEL={level}"


def _authority(text: str | None) -> Secret:
    """Return the authority's certificates, once OpenSSL takes them."""
    if text is None:
        return NO_SECRET
    found = "".join(_certificates(text, "ca"))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
    except (ssl.SSLError, ValueError):
        raise ProfileError("vpn.profile.ovpn.bad_certificate", name="ca") from None
    return Secret(found)


def _certificates(text: str, name: str) -> list[str]:
    """Return the certificates in a text that carries at least one."""
    found = [part for label, part in pem_parts(text) if label in _CERTIFICATES]
    if not found:
        raise ProfileError("vpn.profile.ovpn.bad_certificate", name=name)
    for part in found:
        _certificate(part, name)
    return found


def _certificate(part: str, name: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(part.encode())
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise ProfileError("vpn.profile.ovpn.bad_certificate", name=name) from None


def _own_key(text: str, certificate: str) -> str:
    """Return the person's private key, which has to belong to their certificate."""
    part = next((part for label, part in pem_parts(text) if label.endswith("PRIVATE KEY")), "")
    if _ENCRYPTED in part:
        raise ProfileError("vpn.profile.ovpn.encrypted_key")
    try:
        key = serialization.load_pem_private_key(part.encode(), password=None)
        theirs = _certificate(certificate, "cert").public_key()
        mine, other = (_public(each) for each in (key.public_key(), theirs))
    except TypeError:  # what ``cryptography`` raises for a key that needs a password
        raise ProfileError("vpn.profile.ovpn.encrypted_key") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ProfileError("vpn.profile.ovpn.bad_key", key="key") from None
    if mine != other:
        raise ProfileError("vpn.profile.ovpn.other_key")
    return part


def _public(key: object) -> bytes:
    encode = getattr(key, "public_bytes", None)
    if encode is None:
        raise ValueError
    found: bytes = encode(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return found


def show_own(context: ssl.SSLContext, own: Certificates) -> None:
    """Let a TLS context show the person's certificate.  Raises OSError (ssl.SSLError is one) for what OpenSSL does not take."""
    if own.chain:
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        with _file_of(own.chain.reveal() + _locked(own.key.reveal(), password)) as path:
            context.load_cert_chain(path, password=password)


def _locked(key: str, password: str) -> str:
    """Return a private key under a password, so that no file ever holds it in clear.  Raises ssl.SSLError for what is no key."""
    try:
        found = serialization.load_pem_private_key(key.encode(), password=None)
        way = serialization.BestAvailableEncryption(password.encode())
        return found.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, way).decode()
    except (TypeError, ValueError, UnsupportedAlgorithm):
        message = "no private key"
        raise ssl.SSLError(message) from None


@contextlib.contextmanager
def _file_of(text: str) -> Iterator[str]:
    """Give a file that holds a text: Python's TLS takes a private key from files alone.

    On Linux it lives in memory and has no name.  Elsewhere it is a file that only this user may read (mkstemp), and is gone when the
    block ends, however that ends; after a power cut what is left of it cannot be opened without the password.
    """
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("own", os.MFD_CLOEXEC)
        with os.fdopen(number, "wb") as file:
            file.write(text.encode())
            file.flush()
            yield f"/proc/self/fd/{number}"
        return
    number, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(text.encode())
        yield name
    finally:
        Path(name).unlink(missing_ok=True)
