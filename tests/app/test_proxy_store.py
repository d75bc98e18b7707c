"""The person's proxies survive a restart, their secrets lie where only the person finds them, and nothing about a store can hang."""

from __future__ import annotations

import logging
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from app.keychain import SERVICE, Keychain
from app.proxy_store import MOST, ProxyStore
from app.texts import t
from diagnostics.errors import InputError
from diagnostics.routes.grammar import parse_link
from diagnostics.routes.link import Kind, Link

SECRET = "muy-secreto-77"
TROJAN = f"trojan://{SECRET}@oficina.example:443?sni=x.example#Oficina"
LINKS = (
    TROJAN,
    "socks5h://127.0.0.1:9150#Tor%20Browser",
    f"http://ana:{SECRET}@h.example:3128",
    "ss://2022-blake3-aes-128-gcm:AAAAAAAAAAAAAAAAAAAAAA%3D%3D@h.example:1#nodo%201",
    "tg://socks?server=1.2.3.4&port=1080&user=a&pass=b",
    f"hy2://{SECRET}@h.example?sni=a.example&obfs=salamander&obfs-password=otro-secreto",
    "1.2.3.4:8080",
)


class FakeKeychain(KeyringBackend):
    """A store in memory that can do what real ones do on bad days."""

    priority = 5.0

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.raises: BaseException | None = None
        self.waits: threading.Event | None = None
        self.longest = 10_000
        self.calls = 0

    def _bad_day(self) -> None:
        self.calls += 1
        if self.waits is not None:
            self.waits.wait()
        if self.raises is not None:
            raise self.raises

    def set_password(self, service: str, username: str, password: str) -> None:
        self._bad_day()
        self.held[service, username] = password[: self.longest]

    def get_password(self, service: str, username: str) -> str | None:
        self._bad_day()
        return self.held.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        self._bad_day()
        if (service, username) not in self.held:
            raise PasswordDeleteError("none")
        del self.held[service, username]


def made_of(kind: Callable[[], KeyringBackend]) -> KeyringBackend:
    return kind()


@pytest.fixture(autouse=True)
def backend() -> Iterator[Callable[[KeyringBackend], None]]:
    """Let no test reach the machine's own store; return what sets another one."""
    before, nothing = keyring.get_keyring(), keyring.backends.fail.Keyring
    keyring.set_keyring(made_of(nothing))
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def fake() -> FakeKeychain:
    made = FakeKeychain()
    keyring.set_keyring(made)
    return made


def written(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("text", LINKS)
@pytest.mark.parametrize("real", [True, False], ids=["keychain", "file"])
def test_a_proxy_is_there_after_a_restart(text: str, real: bool, tmp_path: Path) -> None:
    if real:
        keyring.set_keyring(FakeKeychain())
    kept = ProxyStore(tmp_path).add(parse_link(text))
    store = ProxyStore(tmp_path)
    assert store.all() == (kept,)
    link, given_link = store.link(kept.id), parse_link(text)
    assert link.id == given_link.id == kept.route
    assert (link.user, link.secret, link.options, link.name) == (given_link.user, given_link.secret, given_link.options, kept.name)


def test_where_the_system_keeps_secrets_none_is_in_any_file(fake: FakeKeychain, tmp_path: Path) -> None:
    store = ProxyStore(tmp_path)
    for text in LINKS:
        store.add(parse_link(text))
    assert SECRET not in written(tmp_path)
    assert "otro-secreto" not in written(tmp_path)
    assert "oficina.example" not in written(tmp_path)
    assert {service for service, _name in fake.held} == {SERVICE}
    assert len(fake.held) == len(LINKS)


@pytest.mark.skipif(sys.platform == "win32", reason="rights of files are others there")
def test_without_such_a_store_the_links_lie_in_a_file_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ProxyStore(tmp_path).add(parse_link(TROJAN))
    finally:
        os.umask(before)
    assert {path.name for path in tmp_path.iterdir()} == {"proxies.json", "proxy-secrets.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert SECRET not in (tmp_path / "proxies.json").read_text()


class PlainFile(FakeKeychain):
    """Poses as the backend that writes to a file that everybody may read."""

    __module__ = "keyrings.alt.file"


def test_a_backend_that_hides_nothing_is_never_used(tmp_path: Path, backend: Callable[[KeyringBackend], None]) -> None:
    plain, weak = PlainFile(), FakeKeychain()
    weak.__class__ = type("Weak", (FakeKeychain,), {"priority": 0.5})
    for bad in (plain, weak, made_of(keyring.backends.null.Keyring)):
        backend(bad)
        assert not Keychain().keep("a", SECRET)
    assert plain.held == weak.held == {}


class Chain(FakeKeychain):
    """Several backends, as ``keyring`` chains them."""

    priority = 10.0

    def __init__(self, *members: KeyringBackend) -> None:
        super().__init__()
        self.backends = list(members)


def test_of_a_chain_the_first_good_backend_is_used(backend: Callable[[KeyringBackend], None]) -> None:
    plain, good = PlainFile(), FakeKeychain()
    backend(Chain(plain, good))
    assert Keychain().keep("a", SECRET)
    assert plain.held == {}
    assert good.held == {(SERVICE, "a"): SECRET}


@pytest.mark.parametrize(
    "error", [KeyringLocked("locked " + SECRET), OSError(5, "no bus"), ValueError(SECRET), KeyError("x"), SystemError()]
)
def test_a_store_that_raises_gives_way_to_the_file_and_its_words_are_not_logged(
    error: BaseException, fake: FakeKeychain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.raises = error
    kept = ProxyStore(tmp_path).add(parse_link(TROJAN))
    assert ProxyStore(tmp_path).link(kept.id).secret.reveal() == SECRET
    assert SECRET not in caplog.text


def test_a_store_that_hangs_is_waited_for_once(fake: FakeKeychain, tmp_path: Path) -> None:
    fake.waits = threading.Event()
    store = ProxyStore(tmp_path, Keychain(patience=0.05))
    try:
        kept = [store.add(parse_link(text)) for text in LINKS]
        assert fake.calls == 1
        assert [store.link(each.id).id for each in kept] == [each.route for each in kept]
    finally:
        fake.waits.set()


def test_a_store_that_cuts_what_is_long_gives_way_to_the_file(fake: FakeKeychain, tmp_path: Path) -> None:
    fake.longest = 20
    kept = ProxyStore(tmp_path).add(parse_link(TROJAN))
    assert ProxyStore(tmp_path).link(kept.id).secret.reveal() == SECRET


def test_a_store_that_is_locked_later_costs_the_link_and_not_the_list(fake: FakeKeychain, tmp_path: Path) -> None:
    kept = ProxyStore(tmp_path).add(parse_link(TROJAN))
    fake.raises = KeyringLocked("later")
    store = ProxyStore(tmp_path)
    assert store.all() == (kept,)
    with pytest.raises(InputError, match=r"proxies\.gone"):
        store.link(kept.id)


@pytest.mark.parametrize("real", [True, False], ids=["keychain", "file"])
def test_a_proxy_can_be_called_otherwise_and_removed_with_its_secret(real: bool, tmp_path: Path) -> None:
    fake = FakeKeychain()
    if real:
        keyring.set_keyring(fake)
    store = ProxyStore(tmp_path)
    kept, other = store.add(parse_link(TROJAN)), store.add(parse_link(LINKS[1]))
    store.rename(kept.id, "  casa\n de Ana ")
    assert store.names() == {kept.route: "casa de Ana", other.route: "Tor Browser"}
    assert store.link(kept.id).name == "casa de Ana"
    store.remove(kept.id)
    store.remove(kept.id)
    assert store.all() == (other,)
    assert SECRET not in written(tmp_path)
    assert len(fake.held) == real
    with pytest.raises(InputError, match=r"proxies\.gone"):
        store.link(kept.id)


def test_what_a_locked_store_does_not_let_go_of_is_said_and_gone_here(fake: FakeKeychain, tmp_path: Path) -> None:
    store = ProxyStore(tmp_path)
    kept = [store.add(parse_link(text)) for text in LINKS[:3]]
    fake.raises = KeyringLocked("later")
    with pytest.raises(InputError, match=r"proxies\.left_behind"):
        store.remove(kept[0].id)
    assert store.all() == tuple(kept[1:])
    with pytest.raises(InputError, match=r"proxies\.left_behind") as caught:
        store.wipe()
    assert caught.value.values == {"n": 2, "name": "Atajo"}
    assert list(tmp_path.iterdir()) == []
    assert "Atajo" in t(caught.value.text, **caught.value.values)


def test_the_same_proxy_is_kept_once_whatever_it_is_called(tmp_path: Path) -> None:
    store = ProxyStore(tmp_path)
    kept = store.add(parse_link(TROJAN))
    assert store.add(parse_link(TROJAN.replace("Oficina", "Trabajo"))) == kept
    assert len(store.all()) == 1


def test_two_proxies_that_reports_call_alike_are_two(tmp_path: Path) -> None:
    seen: dict[str, Link] = {}
    alike: list[Link] = []
    for port in range(1, 65536):  # four digits: some two of these are alike
        link = parse_link(f"1.2.3.4:{port}")
        if link.id in seen:
            alike = [seen[link.id], link]
            break
        seen[link.id] = link
    store = ProxyStore(tmp_path)
    first, second = [store.add(link) for link in alike]
    assert first.route == second.route
    assert first.id != second.id
    assert [store.link(first.id).port, store.link(second.id).port] == [link.port for link in alike]


def test_a_name_that_repeats_a_secret_is_not_taken_over(tmp_path: Path) -> None:
    assert ProxyStore(tmp_path).add(parse_link(f"trojan://{SECRET}@h.example#clave%20{SECRET.upper()}")).name == ""


@pytest.mark.parametrize("real", [True, False], ids=["keychain", "file"])
def test_wiping_leaves_nothing_not_even_of_damaged_files_and_broken_writes(real: bool, tmp_path: Path) -> None:
    fake = FakeKeychain()
    if real:
        keyring.set_keyring(fake)
    store = ProxyStore(tmp_path)
    store.add(parse_link(TROJAN))
    path = tmp_path / "proxies.json"
    path.write_text(path.read_text()[:-3])
    store.add(parse_link(LINKS[1]))
    (tmp_path / ".proxy-secrets.json.77.part").write_text(SECRET)
    (tmp_path / "settings.json").write_text("{}")
    store.wipe()
    assert {each.name for each in tmp_path.iterdir()} == {"settings.json"}
    assert fake.held == {}
    assert store.all() == ()


@pytest.mark.parametrize(
    "content", [b"{", b"{}", b'[{"id": "x"}]', b"\xff", b"[" * 60_000, b'[{"id":"zz","name":"","kind":"http","route":"http-1"}]']
)
def test_a_damaged_list_is_set_aside_and_said_once(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "proxies.json").write_bytes(content)
    store = ProxyStore(tmp_path)
    said = [store.set_aside, store.all(), store.set_aside]
    assert said == [False, (), True]
    assert (tmp_path / "proxies.json.broken").read_bytes() == content
    assert t("proxies.set_aside")


def test_a_disk_that_refuses_is_one_sentence_and_nothing_is_kept(
    fake: FakeKeychain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, only_expected_warnings: list[str]
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.paths.os.fsync", refuse)
    store = ProxyStore(tmp_path)
    with pytest.raises(InputError, match=r"proxies\.not_kept"):
        store.add(parse_link(TROJAN))
    assert (store.all(), fake.held, written(tmp_path)) == ((), {}, "")
    only_expected_warnings.append("proxies not written: No space left on device")


def test_the_list_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.proxy_store.MOST", 2)
    store = ProxyStore(tmp_path)
    for port in (1, 2):
        store.add(parse_link(f"1.2.3.4:{port}"))
    with pytest.raises(InputError, match=r"proxies\.full"):
        store.add(parse_link("1.2.3.4:3"))
    assert MOST == 200


PART = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=8, max_size=40)


class Remembering(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())


@given(user=PART, secret=PART, name=st.just("") | PART)
def test_no_secret_survives_in_the_list_the_log_or_a_repr(
    user: str, secret: str, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    keyring.set_keyring(FakeKeychain())
    folder, handler = tmp_path_factory.mktemp("proxies"), Remembering()
    logging.getLogger("atajo").addHandler(handler)
    try:
        link = parse_link(f"socks5h://{quote(user, safe='')}:{quote(secret, safe='')}@h.example:1080#{quote(name + secret, safe='')}")
        store = ProxyStore(folder)
        kept = store.add(link)
        shown = [written(folder), *handler.seen, repr(kept), str(store.all()), repr(store.link(kept.id)), f"{link}", repr(store)]
        assert store.link(kept.id).kind is Kind.SOCKS5H
    finally:
        logging.getLogger("atajo").removeHandler(handler)
    assert not [text for text in shown if user in text or secret in text]


def test_a_file_that_another_program_holds_for_a_moment_is_not_taken_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ProxyStore(tmp_path)
    for number in range(3):
        store.add(parse_link(f"socks5h://104.200.0.{number + 1}:1080"))
    opened = Path.open

    def held(path: Path, *args: Any, **more: Any) -> Any:
        if path.name == "proxies.json" and "r" in (args[0] if args else more.get("mode", "r")):
            raise PermissionError(13, "held")
        return opened(path, *args, **more)

    monkeypatch.setattr(Path, "open", held)
    assert store.all() == ()
    with pytest.raises(InputError):
        store.add(parse_link("socks5h://104.200.0.9:1080"))
    monkeypatch.undo()
    assert len(store.all()) == 3
