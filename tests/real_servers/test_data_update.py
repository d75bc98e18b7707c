"""The unmodified program fetches newer data from a real nginx: over an open line, past lying names, and over a proxy past a block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnostics.catalog import load_catalog
from tests.real_servers.lab import Finished, Lab
from tests.real_servers.proxies import Proxies
from tests.real_servers.setting import Setting
from tests.real_servers.world import Host, World
from tests.updates.making import RECENT, Build, bundle_of, renamed

pytestmark = pytest.mark.root

NAME, ADDRESS, PORT = "datos.atajo-libre.org", "104.210.0.10", 8445
"""Where the bundles are, in the laboratory alone."""

URL = f"https://{NAME}:{PORT}/atajo/newest.atajo"
LIES = (f'local-zone: "{NAME}." redirect', f'local-data: "{NAME}. 60 A 127.0.0.1"')
NOBODY = (f'local-zone: "{NAME}." always_nxdomain',)
WALL = (f"-A FORWARD -d {ADDRESS} -j DROP",)


class Publisher:
    """The place of the bundles, and the program of somebody who asks there."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.build = Build(folder, URL)
        self._pages = folder / "pages" / "atajo"
        self._pages.mkdir(parents=True)
        self._folder = folder

    @property
    def config(self) -> Path:
        """Write nginx's configuration and return its file."""
        certificate, key = self.lab.authority.issue(NAME, [NAME])
        path = self._folder / "nginx-publisher.conf"
        path.write_text(
            f"user root; worker_processes 1; daemon off; pid {self._folder}/publisher.pid; error_log stderr warn; events {{}}\n"
            f"http {{ access_log {self.log}; default_type application/octet-stream; client_body_temp_path {self._folder}/b;\n"
            f"server {{ listen {ADDRESS}:{PORT} ssl; server_name {NAME}; root {self._pages.parent};\n"
            f"ssl_certificate {certificate}; ssl_certificate_key {key}; }} }}\n"
        )
        return path

    @property
    def log(self) -> Path:
        """Return nginx's list of requests."""
        return self._folder / "requests.log"

    def publish(self, raw: bytes) -> None:
        """Put a bundle where it is asked for."""
        (self._pages / "newest.atajo").write_bytes(raw)

    def ask(self, data: Path, *words: str) -> Finished:
        """Run the program inside the client."""
        own = {"ATAJO_DATA": str(data), "PYTHONDONTWRITEBYTECODE": "1"}
        return self.lab.run("env", "-C", str(self.build.root), *self.build.words(*words, "--lang", "es"), timeout=120, **own)


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    """Build a laboratory with a place of bundles in it."""
    world = World(load_catalog())
    world.hosts[NAME] = Host(NAME, "data-source", [ADDRESS])
    with Lab(load_catalog(), world=world) as lab:
        found = Publisher(lab, tmp_path_factory.mktemp("publisher"))
        server = lab.start(lab.internet, "publisher", "nginx", "-e", "stderr", "-c", str(found.config))
        try:
            server.wait_for(("tcp", PORT))
            yield found
        finally:
            server.stop()


@pytest.fixture(scope="module")
def proxies(publisher: Publisher) -> Iterator[Proxies]:
    """Rent a computer with proxies on it."""
    with Proxies(publisher.lab) as rented:
        yield rented


def test_over_an_open_line_it_comes_directly_and_nothing_newer_is_no_fault(publisher: Publisher, tmp_path: Path) -> None:
    publisher.lab.arrange(Setting())
    publisher.publish(bundle_of(renamed("Equis"), version=RECENT))
    done = publisher.ask(tmp_path, "update")
    assert (done.status, done.stdout.splitlines()[-1:]) == (0, ["Llegó por tu conexión."]), done.stderr
    assert "Equis" in publisher.ask(tmp_path, "services").stdout
    again = publisher.ask(tmp_path, "update")
    assert (again.status, again.stdout.startswith("No hay nada más nuevo")) == (0, True)
    last = publisher.log.read_text().splitlines()[-1]
    assert "Firefox" in last
    assert "atajo" not in last.replace("/atajo/newest.atajo", "").lower()


@pytest.mark.parametrize("lies", [LIES, NOBODY])
def test_where_names_lie_encrypted_lookups_find_it(lies: tuple[str, ...], publisher: Publisher, tmp_path: Path) -> None:
    publisher.lab.arrange(Setting(dns=lies))
    publisher.publish(bundle_of(renamed("Equis"), version=RECENT))
    done = publisher.ask(tmp_path, "update")
    assert (done.status, done.stdout.splitlines()[-1:]) == (0, ["Llegó por tu conexión, con una guía de nombres cifrada."]), done.stderr


def test_where_the_place_is_blocked_a_proxy_brings_it(publisher: Publisher, proxies: Proxies, tmp_path: Path) -> None:
    publisher.lab.arrange(Setting(dns=LIES, rules=WALL))
    publisher.publish(bundle_of(renamed("Equis"), version=RECENT))
    alone = publisher.ask(tmp_path, "update")
    assert (alone.status, "No se pudo llegar" in alone.stderr) == (1, True)
    dead = "socks5h://104.200.0.10:9"
    done = publisher.ask(tmp_path, "update", "--proxy", dead, "--proxy", proxies.link("socks5h", "microsocks"))
    assert (done.status, "Llegó por el proxy" in done.stdout) == (0, True), done.stderr
    assert "Equis" in publisher.ask(tmp_path, "services").stdout


def test_a_proxy_whose_rules_forbid_the_place_brings_nothing(publisher: Publisher, proxies: Proxies, tmp_path: Path) -> None:
    publisher.lab.arrange(Setting(rules=WALL))
    publisher.publish(bundle_of(renamed("Equis"), version=RECENT))
    done = publisher.ask(tmp_path, "update", "--proxy", proxies.link("https", "squid with TLS"))
    assert (done.status, "No se pudo llegar" in done.stderr) == (1, True)


def test_what_a_blocked_place_serves_over_a_proxy_is_held_to_the_same_signature(
    publisher: Publisher, proxies: Proxies, tmp_path: Path
) -> None:
    publisher.lab.arrange(Setting(rules=WALL))
    raw = bytearray(bundle_of(renamed("Equis"), version=RECENT))
    raw[200] ^= 1
    publisher.publish(bytes(raw))
    done = publisher.ask(tmp_path, "update", "--proxy", proxies.link("socks5h", "microsocks"))
    assert (done.status, "alguien la cambió después" in done.stderr) == (1, True)
    assert not (tmp_path / "updates").exists()


def test_a_middlebox_that_opens_connections_is_not_believed(publisher: Publisher, tmp_path: Path) -> None:
    """The provider answers for the place itself, with a certificate of its own."""
    publisher.lab.arrange(Setting(issuer="Otra Autoridad", nat=(f"-A PREROUTING -d {ADDRESS} -p tcp -j REDIRECT --to-ports 8443",)))
    publisher.publish(bundle_of(renamed("Equis"), version=RECENT))
    asked = len(publisher.log.read_text().splitlines())
    done = publisher.ask(tmp_path, "update")
    assert (done.status, "No se pudo llegar" in done.stderr) == (1, True)
    assert len(publisher.log.read_text().splitlines()) == asked


def test_a_clock_that_is_wrong_is_named_and_the_data_in_use_stays(publisher: Publisher, tmp_path: Path) -> None:
    publisher.lab.arrange(Setting())
    path = tmp_path / "offered.atajo"
    path.write_bytes(bundle_of(renamed("Equis"), version=RECENT))
    publisher.lab.arrange(Setting(clock_ahead=-3 * 86400))
    early = publisher.ask(tmp_path / "data", "update", "--file", str(path))
    publisher.lab.arrange(Setting(clock_ahead=400 * 86400))
    late = publisher.ask(tmp_path / "data", "update", "--file", str(path))
    assert (early.status, "Corrige la fecha" in early.stderr) == (1, True), early.stderr
    assert (late.status, "si no es cierto, corrige la fecha" in late.stderr) == (1, True), late.stderr
    publisher.lab.arrange(Setting())
    assert publisher.ask(tmp_path / "data", "update", "--file", str(path)).status == 0
    publisher.lab.arrange(Setting(clock_ahead=400 * 86400))
    assert "Equis" in publisher.ask(tmp_path / "data", "services").stdout
