"""The certificates of a simulated world: a private authority made at start, one shared key, leaves made when needed.

Nothing is faked for the client: an expired certificate is expired by the world's clock, and a world whose clock is ahead
shows certificates that this computer's own ssl library calls not yet valid.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from diagnostics.sim.behaviour import Certificate

PUBLIC_AUTHORITY: Final = "Simulated Public Root"
_LEAF_DAYS: Final = 90  # what public authorities issue
_AUTHORITY_DAYS: Final = 3650
_ANOTHER_NAME: Final = "servidor-compartido.example"
_DAY: Final = dt.timedelta(days=1)


class Authority:
    """Everything that signs in one world.  ``close`` removes its files."""

    def __init__(self, now: Callable[[], float], installed: Iterable[str] = ()) -> None:
        """Make the public authority; ``now`` is the world's clock, ``installed`` the issuers of this computer's store."""
        self._now = now
        self._folder = tempfile.TemporaryDirectory(prefix="atajo-sim-")
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._roots: dict[str, tuple[x509.Certificate, ec.EllipticCurvePrivateKey]] = {}
        self._contexts: dict[tuple[tuple[str, ...], Certificate, str], ssl.SSLContext] = {}
        self._made = 0
        self.bundle = self._write("public.pem", [self._root(PUBLIC_AUTHORITY)[0]])
        """Path of the PEM file with the public root."""
        stores = [PUBLIC_AUTHORITY, *installed]
        self.system_bundle = self._write("system.pem", [self._root(name)[0] for name in stores])
        """Path of the PEM file with the roots of this computer's own store."""

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def context(self, names: tuple[str, ...], variant: Certificate = Certificate.VALID, issuer: str = PUBLIC_AUTHORITY) -> ssl.SSLContext:
        """Return the server side's context for a certificate that names ``names`` (hosts and addresses).

        ``issuer`` counts for OTHER_CA only.
        """
        signer = issuer if variant is Certificate.OTHER_CA else PUBLIC_AUTHORITY
        key = (names, variant, signer)
        if key not in self._contexts:
            self._contexts[key] = self._make_context(names, variant, signer)
        return self._contexts[key]

    def _make_context(self, names: tuple[str, ...], variant: Certificate, signer: str) -> ssl.SSLContext:
        shown = (_ANOTHER_NAME,) if variant is Certificate.WRONG_NAME else names
        age = _LEAF_DAYS + 7 if variant is Certificate.EXPIRED else 30  # expired: a week ago
        leaf = self._leaf(shown, age, None if variant is Certificate.SELF_SIGNED else signer)
        self._made += 1
        path = Path(self._write(f"leaf-{self._made}.pem", [leaf], self._leaf_key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.set_alpn_protocols(["http/1.1"])
        path.unlink()
        return context

    def _leaf(self, names: tuple[str, ...], age_days: int, signer: str | None) -> x509.Certificate:
        subject = _name(names[0])
        issuer, key = (subject, self._leaf_key) if signer is None else (self._root(signer)[0].subject, self._root(signer)[1])
        begin = self._world_time() - age_days * _DAY
        return (
            _builder(subject, issuer, self._leaf_key, begin, begin + _LEAF_DAYS * _DAY)
            .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )

    def _root(self, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        if name not in self._roots:
            key = ec.generate_private_key(ec.SECP256R1())
            begin = self._world_time() - _AUTHORITY_DAYS * _DAY
            root = (
                _builder(_name(name), _name(name), key, begin, begin + 2 * _AUTHORITY_DAYS * _DAY)
                .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                .sign(key, hashes.SHA256())
            )
            self._roots[name] = (root, key)
        return self._roots[name]

    def _world_time(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._now(), dt.UTC)

    def _write(self, name: str, certificates: list[x509.Certificate], key: ec.EllipticCurvePrivateKey | None = None) -> str:
        path = Path(self._folder.name, name)
        blocks = [certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates]
        if key:
            plain = serialization.NoEncryption()  # the folder is readable by this user only, and the key worth nothing
            blocks.insert(0, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        path.write_bytes(b"".join(blocks))
        return str(path)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: dt.datetime, end: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])  # 64: ub-common-name, RFC 5280 appendix A


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
