"""The person's own key on its way to TLS: under a password, in memory where the system can, else in a file that goes."""

from __future__ import annotations

import datetime as dt
import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from diagnostics.routes.link import Secret
from diagnostics.vpn.openvpn.certificates import Certificates, show_own
from diagnostics.vpn.openvpn.identity import ServerRules, wrong_with
from tests.vpn.openvpn.papers import of_no_version
from tests.vpn.openvpn.server import own, servers_paper

GOOD = Certificates(chain=Secret(own().certificate), key=Secret(own().key))
BAD = Certificates(chain=Secret(own().certificate), key=Secret(servers_paper().key))


class Watching(ssl.SSLContext):
    """Looks at the file that it is given."""

    seen = ("", 0)
    held = ""

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        self.seen = (str(certfile), stat.S_IMODE(Path(certfile).stat().st_mode))
        self.held = Path(certfile).read_text()
        super().load_cert_chain(certfile, keyfile, password)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let temporary files be made in a folder of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("own_key, works", [(GOOD, True), (BAD, False)])
def test_no_key_stays_behind(own_key: Certificates, works: bool, in_memory: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if in_memory and not hasattr(os, "memfd_create"):
        pytest.skip("this system keeps no files in memory")
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    context = Watching(ssl.PROTOCOL_TLS_CLIENT)
    if works:
        show_own(context, own_key)
    else:
        with pytest.raises(OSError, match=r".*"):  # ssl.SSLError is one
            show_own(context, own_key)
    path, mode = context.seen
    assert path.startswith("/proc/self/fd/" if in_memory else str(folder))
    assert in_memory or mode == stat.S_IRUSR | stat.S_IWUSR
    assert "BEGIN ENCRYPTED PRIVATE KEY" in context.held
    assert "BEGIN PRIVATE KEY" not in context.held
    assert own_key.key.reveal().split("\n")[1] not in context.held
    assert list(folder.iterdir()) == []
    assert not Path(path).exists() or in_memory


@pytest.mark.parametrize(
    "make", [ed25519.Ed25519PrivateKey.generate, lambda: rsa.generate_private_key(65537, 2048)], ids=["ed25519", "rsa"]
)
def test_keys_of_every_usual_kind_and_form_still_open(make: Callable[[], ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey]) -> None:
    key = make()
    form = PrivateFormat.TraditionalOpenSSL if isinstance(key, rsa.RSAPrivateKey) else PrivateFormat.PKCS8
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ana")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
    paper = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    text = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    show_own(
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), Certificates(chain=Secret(paper.public_bytes(Encoding.PEM).decode()), key=Secret(text))
    )


def test_what_is_no_key_is_refused_before_any_file_is_made() -> None:
    context = Watching(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ssl.SSLError):
        show_own(context, Certificates(chain=Secret(own().certificate), key=Secret("no key")))
    assert context.seen == ("", 0)


def test_without_a_certificate_of_their_own_nothing_is_shown() -> None:
    context = Watching(ssl.PROTOCOL_TLS_CLIENT)
    show_own(context, Certificates())
    assert context.seen == ("", 0)


def test_a_servers_certificate_of_no_known_version_is_unreadable() -> None:
    good = own().certificate
    assert wrong_with(ssl.PEM_cert_to_DER_cert(of_no_version(good)), ServerRules()) == "unreadable"
    assert wrong_with(ssl.PEM_cert_to_DER_cert(good), ServerRules()) == ""
