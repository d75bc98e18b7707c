"""The person's own key on its way to TLS: in memory where the system can, else in a file that nobody else reads and that goes."""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest

from diagnostics.routes.link import Secret
from diagnostics.vpn.openvpn.certificates import Certificates, show_own
from diagnostics.vpn.openvpn.identity import ServerRules, wrong_with
from tests.vpn.openvpn.papers import of_no_version
from tests.vpn.openvpn.server import own

GOOD = Certificates(chain=Secret(own().certificate), key=Secret(own().key))
BAD = Certificates(chain=Secret(own().certificate), key=Secret("no key"))


class Watching(ssl.SSLContext):
    """Looks at the file that it is given."""

    seen = ("", 0)

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        self.seen = (str(certfile), stat.S_IMODE(Path(certfile).stat().st_mode))
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
    assert list(folder.iterdir()) == []
    assert not Path(path).exists() or in_memory


def test_a_servers_certificate_of_no_known_version_is_unreadable() -> None:
    good = own().certificate
    assert wrong_with(ssl.PEM_cert_to_DER_cert(of_no_version(good)), ServerRules()) == "unreadable"
    assert wrong_with(ssl.PEM_cert_to_DER_cert(good), ServerRules()) == ""
