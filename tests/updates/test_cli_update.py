"""``update`` as people type it, in a program that knows a key: what is said, the exit status, and the next start."""

from __future__ import annotations

import datetime as dt
import signal
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from app.data_words import day
from app.texts import set_language
from diagnostics.updates.manifest import day_of
from tests.real_servers.authority import Authority
from tests.updates.making import KEY, RECENT, STRANGER, Build, bundle_of, renamed
from tests.updates.sites import Site

RLIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))"
"""The disk takes 20 KB of a file, and refuses the rest as a full one would."""

CRASH = """
import os, pathlib
whole = pathlib.Path.replace
def replace(self, target):
    if str(target).endswith("{name}"):
        os._exit(9)
    return whole(self, target)
pathlib.Path.replace = replace
"""
"""The computer stops when a file was written under another name and is about to take its own."""


def offered(files: dict[str, bytes], *, version: int = RECENT, **options: Any) -> bytes:
    """Return a bundle of today, by this computer's clock."""
    return bundle_of(files, version=version, **options)


def today(later: int = 0) -> str:
    """Return the day of what is offered, or some days later, as the program writes it."""
    set_language("es")
    return day(day_of(RECENT) + dt.timedelta(days=later))


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Return a program that knows the tests' key, and no place to fetch from."""
    return Build(tmp_path_factory.mktemp("release"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder that does not exist yet."""
    return tmp_path / "data"


def written(folder: Path, raw: bytes) -> str:
    """Return the name of a file with ``raw`` in it."""
    path = folder / "offered.atajo"
    path.write_bytes(raw)
    return str(path)


def test_a_good_file_is_taken_and_the_next_start_knows_more(build: Build, data: Path, tmp_path: Path) -> None:
    name = written(tmp_path, offered(renamed("Equis")))
    done = build.run(data, "update", "--file", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"Ya tienes la información del {today()}. Se usa desde la próxima vez que abras Atajo."]
    assert "Equis" in build.run(data, "services").stdout
    status = build.run(data, "update", "--status").stdout
    assert status.splitlines() == [
        *(f"Información del {today()}", f"Versión {RECENT}", f"Vino en una actualización, válida hasta el {today(180)}.")
    ]
    again = build.run(data, "update", "--file", name)
    assert (again.returncode, again.stdout) == (0, f"No hay nada más nuevo: ya tienes la información del {today()}.\n")
    practised = build.run(data, "check", "x", "--simulate", "open", "--quiet", "--json", "-")
    assert (practised.returncode, "Equis" in practised.stdout) == (0, False), "a workshop is the same on every computer"


@pytest.mark.parametrize(
    "raw, said",
    [
        (b"hello", "Esto no es información de Atajo."),
        (offered(renamed())[:-1], "Llegó dañada o incompleta."),
        (offered(renamed()) + b"\0", "Es más grande de lo que puede ser."),
        (offered(renamed(), key=STRANGER), "No la firmó quien publica Atajo"),
        (offered(renamed(), version=2019123100), "Ya tuviste una más nueva"),
        (offered(renamed(), version=2021010100, days=30), "Esta información venció el 31 ene 2021."),
        (offered(renamed(), version=2099010100), "tu computadora dice que hoy es"),
        (offered(renamed(), app="9.0"), "Esta información es para una versión más nueva de Atajo."),
        (offered(renamed() | {"resolvers.toml": b"as_of = 1"}), "Esta versión de Atajo no puede usar esta información."),
    ],
)
def test_anything_else_is_refused_in_one_sentence_and_the_old_data_stays(
    raw: bytes, said: str, build: Build, data: Path, tmp_path: Path
) -> None:
    done = build.run(data, "update", "--file", written(tmp_path, raw))
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.endswith("Sigue en uso la información del 1 ene 2020.\n")
    assert not (data / "updates").exists()


def test_english_speaks_too(build: Build, data: Path, tmp_path: Path) -> None:
    done = build.run(data, "update", "--file", written(tmp_path, b"hello"), "--lang", "en")
    assert done.stderr == "This is no information for Atajo.\nThe information of 1 Jan 2020 stays in use.\n"


def test_a_program_without_a_key_or_a_place_says_so(build: Build, data: Path, tmp_path: Path) -> None:
    nowhere = build.run(data, "update")
    assert (nowhere.returncode, "no sabe dónde buscar" in nowhere.stderr) == (1, True)
    keyless = Build(tmp_path, keys=())
    refused = keyless.run(data, "update", "--file", written(tmp_path, offered(renamed())))
    assert (refused.returncode, "no conoce la firma de nadie" in refused.stderr) == (1, True)


@pytest.mark.parametrize("words", [["--file"], ["--file", ""], ["--status", "--file", "a"], ["--other"], ["a"]])
def test_a_command_line_that_cannot_be_meant_is_a_usage_error(words: list[str], build: Build, data: Path) -> None:
    assert build.run(data, "update", *words).returncode == 2


@pytest.mark.parametrize("name", ["no-such.atajo", ".", "/dev/zero"])
def test_a_file_that_cannot_be_opened_is_one_sentence_and_a_usage_error(name: str, build: Build, data: Path) -> None:
    done = build.run(data, "update", "--file", name)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "No se pudo leer ese archivo.")


def test_a_gigabyte_is_refused_with_little_memory(build: Build, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "huge.atajo"
    with path.open("wb") as file:
        file.write(offered(renamed()))
        file.truncate(1 << 30)
    little = "import resource; resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))"
    done = build.run(data, "update", "--file", str(path), before=little)
    assert (done.returncode, "Es más grande" in done.stderr) == (1, True)


def test_a_full_disk_keeps_the_old_data(build: Build, data: Path, tmp_path: Path) -> None:
    assert build.run(data, "update", "--file", written(tmp_path, offered(renamed("Uno")))).returncode == 0
    newer = written(tmp_path, offered(renamed("Dos"), version=RECENT + 1))
    full = build.run(data, "update", "--file", newer, before=RLIMIT)
    assert (full.returncode, full.stderr.splitlines()[0]) == (
        *(1, "No se pudo guardar. Mira si hay espacio y si Atajo puede escribir en su carpeta."),
    )
    assert "Uno" in build.run(data, "services").stdout
    assert build.run(data, "update", "--file", newer).returncode == 0
    assert "Dos" in build.run(data, "services").stdout


@pytest.mark.parametrize("name", ["state.json", "previous.atajo", "current.atajo"])
def test_a_computer_that_stops_in_between_starts_with_the_old_data_and_can_take_the_new(
    name: str, build: Build, data: Path, tmp_path: Path
) -> None:
    assert build.run(data, "update", "--file", written(tmp_path, offered(renamed("Uno")))).returncode == 0
    newer = written(tmp_path, offered(renamed("Dos"), version=RECENT + 1))
    assert build.run(data, "update", "--file", newer, before=CRASH.format(name=name)).returncode == 9
    started = build.run(data, "services")
    assert (started.returncode, started.stderr, "Uno" in started.stdout) == (0, "", True)
    assert build.run(data, "update", "--file", newer).returncode == 0
    assert "Dos" in build.run(data, "services").stdout


def test_damaged_data_is_said_and_costs_nothing(build: Build, data: Path, tmp_path: Path) -> None:
    assert build.run(data, "update", "--file", written(tmp_path, offered(renamed("Uno")))).returncode == 0
    kept = data / "updates" / "current.atajo"
    kept.write_bytes(kept.read_bytes()[:-1])
    started = build.run(data, "services")
    assert (started.returncode, "X, " in started.stdout or " X " in started.stdout) == (0, True)
    assert started.stderr == "La información más nueva que había aquí no se puede usar. Sigue la del 1 ene 2020.\n"


def test_a_data_folder_that_is_a_file_keeps_nobody_from_testing(build: Build, data: Path) -> None:
    data.write_text("in the way")
    assert build.run(data, "services").returncode == 0


def test_ctrl_c_ends_the_search_and_changes_nothing(data: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    def silent(_client: ssl.SSLSocket, over: threading.Event) -> None:
        over.wait()

    site = Site(authority, silent)
    with site.open() as source:
        release = Build(tmp_path, f"https://{source.host}:{source.port}{source.path}")
        own = {"PATH": "/usr/bin:/bin", "LANG": "es_VE.UTF-8", "ATAJO_DATA": str(data), "SSL_CERT_FILE": str(authority.bundle)}
        with subprocess.Popen(release.words("update"), cwd=release.root, env=own, stderr=subprocess.PIPE, text=True) as running:
            assert site.asked.wait(30)
            running.send_signal(signal.SIGINT)
            said = running.communicate(timeout=30)[1]
    assert (running.returncode, said.splitlines()[1:]) == (130, ["Detuviste la búsqueda.", "Sigue en uso la información del 1 ene 2020."])
    assert not (data / "updates").exists()


def test_the_tests_key_is_the_one_that_this_build_knows(build: Build) -> None:
    assert KEY.public_key().public_bytes_raw().hex() in (build.root / "resources" / "updates.toml").read_text()
