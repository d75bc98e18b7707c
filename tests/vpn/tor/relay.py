"""A Tor relay of the tests: its certificates, its first cells, and what a dishonest one would make of them."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import ssl
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from diagnostics.judge.vpn_evidence import ProfileEvidence
from diagnostics.judge.vpn_profiles import judge_profile
from diagnostics.model import NetworkVerdict, Observation, RouteVerdict
from diagnostics.network import RealNetwork
from diagnostics.probes.context import Context
from diagnostics.routes.link import Link
from diagnostics.trace import Trace
from diagnostics.trust import Trust
from diagnostics.vpn.probing import Probing
from diagnostics.vpn.profile import Consent, Profile
from diagnostics.vpn.tor.certs import CROSS_PREFIX, fingerprint_of
from diagnostics.vpn.tor.probe import measure_tor

HERE = "127.0.0.1"
Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Conduct = Callable[[Reader, Writer], Awaitable[None]]


def hours(days: float) -> int:
    """Return a day from today as Tor's certificates count, in hours since 1970."""
    return int(time.time() / 3600 + 24 * days)


@dataclass(frozen=True)
class Identity:
    """A relay's keys."""

    rsa_key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 1024))
    ed_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    signing: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def fingerprint(self) -> str:
        """Return what a bridge line calls it."""
        return fingerprint_of(self.rsa_key.public_key())

    def signed(self, data: bytes) -> bytes:
        """Sign the bare SHA-256 of ``data`` with the RSA key, as Tor does."""
        digest = hashlib.sha256(data).digest()
        size = self.rsa_key.key_size // 8
        padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
        numbers = self.rsa_key.private_numbers()
        return pow(int.from_bytes(padded), numbers.d, numbers.public_numbers.n).to_bytes(size)

    def certificates(self, tls_certificate: bytes, days: float = 30) -> dict[int, bytes]:
        """Return the certificates of an honest CERTS cell by their kind."""
        cross = raw(self.ed_key) + struct.pack("!I", hours(days))
        signature = self.signed(CROSS_PREFIX + cross)
        return {
            2: self_signed(self.rsa_key).public_bytes(Encoding.DER),
            4: certificate(self.ed_key, 4, 1, raw(self.signing), days, named=True),
            5: certificate(self.signing, 5, 3, hashlib.sha256(tls_certificate).digest(), days),
            7: cross + bytes([len(signature)]) + signature,
        }


def raw(key: Ed25519PrivateKey) -> bytes:
    """Return the public half."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def certificate(signer: Ed25519PrivateKey, purpose: int, kind: int, key: bytes, days: float, *, named: bool = False) -> bytes:
    """Return an Ed25519 certificate; ``named``: it carries its signer's key."""
    extension = struct.pack("!HBB", 32, 4, 0) + raw(signer) if named else b""
    body = struct.pack("!BBIB", 1, purpose, hours(days), kind) + key + bytes([bool(extension)]) + extension
    return body + signer.sign(body)


def self_signed(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Return a certificate for a key, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.example.net")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=300))
    return builder.sign(key, hashes.SHA256())


@cache
def tls_server() -> tuple[ssl.SSLContext, bytes]:
    """Return a TLS server's context and its certificate in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    shown = self_signed(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "both.pem")
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + shown.public_bytes(Encoding.PEM))
        context.load_cert_chain(path)
    return context, shown.public_bytes(Encoding.DER)


def certs_cell(parts: dict[int, bytes]) -> bytes:
    """Return the body of a CERTS cell."""
    return bytes([len(parts)]) + b"".join(struct.pack("!BH", kind, len(part)) + part for kind, part in parts.items())


def cell(command: int, body: bytes, *, wide: bool = True) -> bytes:
    """Return a cell of circuit 0."""
    head = b"\0" * (4 if wide else 2) + bytes([command])
    return head + struct.pack("!H", len(body)) + body if command >= 128 or command == 7 else head + body.ljust(509, b"\0")


VERSIONS = cell(7, struct.pack("!HHH", 3, 4, 5), wide=False)


def honest(identity: Identity, *, skew: float = 0.0, days: float = 30, parts: dict[int, bytes] | None = None) -> Conduct:
    """Return the conduct of a relay whose clock is ahead by ``skew`` seconds; ``parts`` replace certificates."""

    async def greet(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(11)
        proofs = identity.certificates(tls_server()[1], days) | (parts or {})
        writer.write(VERSIONS + cell(128, b"\0" * 9) + cell(129, certs_cell(proofs)) + cell(130, b"\0" * 36))
        writer.write(cell(8, struct.pack("!I", int(time.time() + skew)) + b"\4\4\x7f\0\0\1"))
        await writer.drain()
        await reader.read()

    return greet


@asynccontextmanager
async def listening(conduct: Conduct, *, tls: bool = True, host: str = HERE) -> AsyncIterator[int]:
    """Serve ``conduct`` on a free port and give it; whatever is still open is cut at the end."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: Reader, writer: Writer) -> None:
        try:
            await conduct(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.transport.abort()

    def begin(reader: Reader, writer: Writer) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(begin, host, 0, ssl=tls_server()[0] if tls else None)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
        shaking = [task for task in asyncio.all_tasks() if "_accept_connection" in repr(task.get_coro())]
        await asyncio.gather(*shaking, return_exceptions=True)  # connections that ended before TLS was agreed on


@dataclass(frozen=True)
class Outcome:
    """What was seen of a bridge, and what is to be said of it."""

    observations: list[Observation]
    verdict: RouteVerdict

    @property
    def said(self) -> tuple[str, str | None, str, str]:
        """Return status, cause, certainty and rule."""
        verdict = self.verdict
        return str(verdict.status), verdict.cause and str(verdict.cause), str(verdict.certainty), verdict.rule

    @property
    def stages(self) -> list[tuple[str, str | None]]:
        """Return every stage with its failure."""
        return [(str(o.detail["stage"]), o.failure) for o in self.observations]

    def detail(self, stage: str) -> dict[str, object]:
        """Return the detail of the last step of a stage."""
        return next(o.detail for o in reversed(self.observations) if o.detail["stage"] == stage)


async def examined(profile: Profile, *, proxies: tuple[Link, ...] = ()) -> Outcome:
    """Measure one bridge with the engine's own probe, and judge it."""
    trace = Trace()
    context = Context(RealNetwork(Trust()), trace, (), ())
    async with context.settled():
        await measure_tor(Probing(context, profile, Consent(), proxies))
    await asyncio.sleep(0)  # a turn for the wait that patience gave up last
    return judged(profile, trace.observations)


def judged(profile: Profile, observations: list[Observation]) -> Outcome:
    """Judge what was seen of a bridge."""
    verdict = judge_profile(profile.id, ProfileEvidence(observations), NetworkVerdict())
    return Outcome(observations, verdict)
