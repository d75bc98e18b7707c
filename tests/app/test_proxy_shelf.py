"""What the window is told of the person's proxies: kept, asked about, read from files, never with a secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.keychain import Keychain
from app.proxy_shelf import ProxyShelf, is_near
from app.proxy_store import ProxyStore
from app.texts import set_language
from diagnostics.errors import InputError
from diagnostics.routes.grammar import parse_link
from ui.proxy_backend import ProxiesRead

LINKS = "socks5h://ana:una-clave@104.200.0.7:1080#oficina\nss://nada\nsocks5://192.168.1.5:1080"


class Now:
    """Does a job at once."""

    def work(self, job: Callable[[], object], done: Callable[[object, BaseException | None], None]) -> None:
        try:
            done(job(), None)
        except (InputError, OSError) as error:
            done(None, error)


class NoKeychain(Keychain):
    """A computer without a store of secrets."""

    def keep(self, _ident: str, _secret: str) -> bool:
        return False

    def read(self, _ident: str) -> str | None:
        return None

    def forget(self, _ident: str) -> bool:
        return True


@pytest.fixture
def shelf(tmp_path: Path) -> ProxyShelf:
    set_language("es")
    return ProxyShelf(Now(), ProxyStore(tmp_path, NoKeychain()))


def read(shelf: ProxyShelf, source: Path | str, *, near: bool = False) -> ProxiesRead:
    found: list[ProxiesRead] = []
    shelf.read(source, found.append, near=near)
    return found[0]


def test_a_text_is_kept_what_is_nearby_is_asked_about_and_the_rest_is_named(shelf: ProxyShelf) -> None:
    done = read(shelf, LINKS)
    assert [row.label for row in done.added] == ["«oficina»"]
    assert done.near == 1
    assert len(done.notes) == 1
    assert done.notes[0].startswith("En el lugar 2: ")
    again = read(shelf, LINKS, near=True)
    assert [row.kind for row in again.added] == ["SOCKS5"]
    assert again.near == 0
    assert "Uno ya estaba en la lista." in again.notes
    assert len(shelf.all()) == 2
    assert "una-clave" not in repr((done, again, shelf.all()))
    assert shelf.links([done.added[0].id])[0].secret.reveal() == "una-clave"


def test_a_file_and_a_picture_are_read_too_and_what_is_neither_is_one_sentence(shelf: ProxyShelf, tmp_path: Path) -> None:
    listed = tmp_path / "mis.txt"
    listed.write_text(LINKS, encoding="utf-8")
    assert len(read(shelf, listed).added) == 1
    broken = tmp_path / "foto.png"
    broken.write_bytes(b"no es una foto")
    assert [note[-1] for note in read(shelf, broken).notes] == ["."]
    assert len(read(shelf, tmp_path / "no-existe.txt").notes) == 1


def test_a_name_can_be_given_and_a_proxy_removed(shelf: ProxyShelf) -> None:
    row = read(shelf, LINKS).added[0]
    said: list[str] = []
    shelf.rename(row.id, "la oficina", said.append)
    assert shelf.all()[0].label == "«la oficina»"
    shelf.remove(row.id, said.append)
    assert list(shelf.all()) == []
    shelf.rename(row.id, "otra", said.append)
    assert said[:2] == ["", ""]
    assert said[2].endswith(".")


@pytest.mark.parametrize(
    "link, near",
    [
        ("socks5://127.0.0.1:1080", True),
        ("http://[::1]:3128", True),
        ("http://10.0.0.8:3128", True),
        ("http://proxy:3128", True),
        ("http://router.lan:3128", True),
        ("socks5://localhost:1080", True),
        ("http://proxy.example.org:3128", False),
        ("socks5://104.200.0.7:1080", False),
    ],
)
def test_what_is_nearby(link: str, near: bool) -> None:
    assert is_near(parse_link(link)) is near
