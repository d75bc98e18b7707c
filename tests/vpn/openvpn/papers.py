"""Certificates and keys for OpenVPN's servers and profiles in the tests, made anew for each run."""

from __future__ import annotations

import datetime as dt
import secrets
import ssl
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER_AUTH, CLIENT_AUTH = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Paper:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str


class Issuer:
    """An authority of its own."""

    def __init__(self, name: str = "Test Authority") -> None:
        """Make its root certificate, ``root``."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        basic = x509.BasicConstraints(ca=True, path_length=0)
        root = self._builder(self._name, self._key.public_key(), -30, 60).add_extension(basic, critical=True)
        self.root = root.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def issue(
        self,
        name: str,
        usage: x509.ObjectIdentifier | None = SERVER_AUTH,
        first: int = -30,
        last: int = 60,
        *,
        key_usage: bool = True,
        padding: int = 0,
    ) -> Paper:
        """Return a certificate that holds from ``first`` to ``last`` days from now; ``padding`` bytes make it larger."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "VE"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key.public_key(), first, last)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if key_usage:
            builder = builder.add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
        if padding:
            filler = x509.UnrecognizedExtension(
                x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x04\x82" + padding.to_bytes(2) + bytes(padding)
            )
            builder = builder.add_extension(filler, critical=False)
        return Paper(
            builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode(),
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode(),
        )

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, first: int, last: int) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(now + first * DAY).not_valid_after(now + last * DAY)


def of_no_version(certificate: str) -> str:
    """Return a certificate that says that it is of version 6, which does not exist."""
    der = ssl.PEM_cert_to_DER_cert(certificate)
    assert b"\xa0\3\2\1\2" in der
    return ssl.DER_cert_to_PEM_cert(der.replace(b"\xa0\3\2\1\2", b"\xa0\3\2\1\5", 1))


def new_static_key() -> str:
    """Return a static key as OpenVPN writes it."""
    digits = secrets.token_hex(256)
    lines = "\n".join(digits[at : at + 32] for at in range(0, 512, 32))
    return f"-----BEGIN OpenVPN Static key V1-----\n{lines}\n-----END OpenVPN Static key V1-----\n"
