"""Whom an OpenVPN profile takes for its server: what it demands of a certificate beyond the authority's signature.

Source: OpenVPN 2.6's manual (``remote-cert-tls``, ``remote-cert-eku``, ``ns-cert-type``, ``verify-x509-name``, ``peer-fingerprint``,
``tls-cert-profile``) and ssl_verify.c.
"""

from __future__ import annotations

import enum
import hashlib
from typing import Final

import msgspec
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from diagnostics.routes.link import NO_SECRET, Secret
from diagnostics.vpn.openvpn.config import Config
from diagnostics.vpn.profile import ProfileError

SERVER_AUTH: Final = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string
_SPELLED: Final = {"tls web server authentication": SERVER_AUTH, "serverauth": SERVER_AUTH}
_NETSCAPE: Final = ObjectIdentifier("2.16.840.1.113730.1.1")
_NETSCAPE_SERVER: Final = 0x40
"""The second bit of a bit string: "SSL server" (Netscape Certificate Extensions)."""

DIGEST_DIGITS: Final = 64
MOST_FINGERPRINTS: Final = 64
LEVELS: Final = {"insecure": 0, "legacy": 1, "preferred": 2, "suiteb": 2}
"""OpenSSL's security levels behind ``tls-cert-profile`` (ssl_openssl.c); ``legacy`` is what holds without it."""

_SHORT: Final = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.SERIAL_NUMBER: "serialNumber",
    ObjectIdentifier("2.5.4.41"): "name",
    NameOID.TITLE: "title",
    NameOID.GIVEN_NAME: "GN",
    NameOID.SURNAME: "SN",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
}
"""How OpenSSL calls the parts of a subject, which is what profiles repeat."""


class NameKind(enum.StrEnum):
    """Which part of a certificate ``verify-x509-name`` looks at."""

    SUBJECT = "subject"
    NAME = "name"
    PREFIX = "name-prefix"


class ServerRules(msgspec.Struct, frozen=True):
    """What the server's certificate must be.

    ``usages``: object identifiers of extended key usages; ``key_usage``: that extension has to be there; ``netscape``: the old mark of
    a server; ``name``, as ``name_kind`` says; ``fingerprints``: SHA-256 of the certificate, in place of an authority; ``level``:
    OpenSSL's security level.
    """

    usages: tuple[str, ...] = ()
    key_usage: bool = False
    netscape: bool = False
    name: Secret = NO_SECRET
    name_kind: NameKind = NameKind.SUBJECT
    fingerprints: tuple[str, ...] = ()
    level: int = LEVELS["legacy"]

    @property
    def strict(self) -> bool:
        """Tell whether another client of the same authority could not pass for the server."""
        return bool(self.usages or self.netscape or self.name or self.fingerprints)


def read_rules(config: Config) -> ServerRules:
    """Return what a profile demands of its server.  Raises ProfileError."""
    kind, usage, old = config.last("remote-cert-tls"), config.last("remote-cert-eku"), config.last("ns-cert-type")
    usages = [SERVER_AUTH] if kind is not None and kind.word() == "server" else []
    if (kind is not None and kind.word() != "server") or (old is not None and old.word() != "server"):
        raise ProfileError("vpn.profile.ovpn.of_server")
    if usage is not None:
        usages.append(_oid(usage.word()))
    name, name_kind = _name(config)
    profile = config.last("tls-cert-profile")
    return ServerRules(
        usages=tuple(dict.fromkeys(usages)),
        key_usage=kind is not None,
        netscape=old is not None,
        name=name,
        name_kind=name_kind,
        fingerprints=_fingerprints(config),
        level=LEVELS.get(profile.word().lower(), LEVELS["preferred"]) if profile is not None else LEVELS["legacy"],
    )


def _oid(text: str) -> str:
    known = _SPELLED.get(text.lower().replace("_", " "), text)
    try:
        return ObjectIdentifier(known).dotted_string
    except ValueError:
        raise ProfileError("vpn.profile.ovpn.bad_rule", name="remote-cert-eku") from None


def _name(config: Config) -> tuple[Secret, NameKind]:
    option = config.last("verify-x509-name")
    if option is None:
        return NO_SECRET, NameKind.SUBJECT
    try:
        kind = NameKind(option.word(1) or "subject")
    except ValueError:
        raise ProfileError("vpn.profile.ovpn.bad_rule", name="verify-x509-name") from None
    if not option.word():
        raise ProfileError("vpn.profile.ovpn.bad_rule", name="verify-x509-name")
    return Secret(option.word()), kind


def _fingerprints(config: Config) -> tuple[str, ...]:
    """Return the certificates' digests that the profile names, in small letters without colons."""
    option = config.last("peer-fingerprint")
    texts = [*([option.word()] if option and option.word() != "[inline]" else []), *config.blocks.get("peer-fingerprint", "").split("\n")]
    found = [text.partition("#")[0].strip().replace(":", "").lower() for text in texts]
    digests = [each for each in found if each][:MOST_FINGERPRINTS]
    if any(len(each) != DIGEST_DIGITS or set(each) - set("0123456789abcdef") for each in digests):
        raise ProfileError("vpn.profile.ovpn.bad_rule", name="peer-fingerprint")
    return tuple(digests)


def wrong_with(certificate: bytes, rules: ServerRules) -> str:
    """Return what is wrong with a server's certificate (DER): fingerprint, usage, name or unreadable; nothing if it is the profile's."""
    if rules.fingerprints and hashlib.sha256(certificate).hexdigest() not in rules.fingerprints:
        return "fingerprint"
    try:
        known = x509.load_der_x509_certificate(certificate)
        if not _usable(known, rules):
            return "usage"
        return "" if _named(known.subject, rules) else "name"
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return "unreadable"


def _usable(certificate: x509.Certificate, rules: ServerRules) -> bool:
    """Tell whether a certificate is of the kind that is asked for."""
    extensions = {each.oid: each.value for each in certificate.extensions}
    if rules.key_usage and x509.KeyUsage.oid not in extensions:
        return False
    extended = extensions.get(x509.ExtendedKeyUsage.oid)
    own = {each.dotted_string for each in extended} if isinstance(extended, x509.ExtendedKeyUsage) else set()
    if not own.issuperset(rules.usages):
        return False
    old = extensions.get(_NETSCAPE)
    if not rules.netscape:
        return True
    bits = old.value if isinstance(old, x509.UnrecognizedExtension) else b""  # DER: 03, length, unused bits, bits
    marked = len(bits) > 3 and bits[0] == 3 and bool(bits[3] & _NETSCAPE_SERVER)
    return marked or (old is None and SERVER_AUTH in own)


def _named(subject: x509.Name, rules: ServerRules) -> bool:
    """Tell whether a certificate's subject is the one that is asked for."""
    wanted = rules.name.reveal()
    if not wanted:
        return True
    if rules.name_kind is NameKind.SUBJECT:
        return subject_text(subject) == wanted
    names = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    name = names[-1] if names else ""
    return name.startswith(wanted) if rules.name_kind is NameKind.PREFIX else name == wanted


def subject_text(subject: x509.Name) -> str:
    """Return a subject as OpenVPN writes it: ``C=VE, O=Test, CN=server``."""
    return ", ".join(f"{_SHORT.get(each.oid, each.oid.dotted_string)}={each.value!s}" for each in subject)
