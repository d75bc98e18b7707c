"""Fetching from real HTTPS servers on loopback: good ones, broken ones, endless ones, and none."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.data_store import DataStore
from app.data_update import Outcome, Update, update_over
from diagnostics.network import RealNetwork
from diagnostics.routes.grammar import parse_link
from diagnostics.trust import Trust
from diagnostics.updates import fetch
from diagnostics.updates.bundle import MAX_BUNDLE
from diagnostics.updates.manifest import Refusal
from diagnostics.updates.pinned import Pinned, Source
from tests.conftest import RunAsync
from tests.real_servers.authority import Authority
from tests.updates.making import NOW, STRANGER, VERSION, bundle_of, parts_of, pinned, renamed
from tests.updates.sites import Serve, Site, page

RAW = bundle_of(renamed("Equis"))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return who certifies the servers."""
    return Authority(tmp_path)


class Asked:
    """Asks sites for a bundle, in their order."""

    def __init__(self, folder: Path, authority: Authority, run_async: RunAsync) -> None:
        self.folder, self._authority, self._run = folder, authority, run_async
        self.roads: list[str] = []

    def __call__(self, *serves: Serve, names: Sequence[str] = ("127.0.0.1",), links: Sequence[str] = ()) -> Outcome:
        self.sites = [Site(self._authority, serve, names=names) for serve in serves]
        with ExitStack() as stack:
            sources = [stack.enter_context(site.open()) for site in self.sites]
            store = DataStore(self.folder, pinned(*sources))
            network = RealNetwork(Trust(str(self._authority.bundle)))
            return self._run(update_over(store, network, [parse_link(link) for link in links], NOW, self._tell))

    def _tell(self, road: object, _proxy: str) -> None:
        self.roads.append(str(road))


@pytest.fixture
def ask(tmp_path: Path, authority: Authority, run_async: RunAsync) -> Asked:
    """Return the hands that ask."""
    return Asked(tmp_path / "data", authority, run_async)


def test_a_newer_bundle_is_fetched_and_taken_over_the_first_way(ask: Asked) -> None:
    outcome = ask(page(RAW))
    assert outcome.taken is not None
    assert (outcome.taken.version, outcome.road, ask.roads) == (VERSION, "direct", ["direct"])


def test_the_request_says_nothing_about_who_asks_or_what_is_here(ask: Asked) -> None:
    ask(page(RAW))
    (request,) = ask.sites[0].requests
    lines = request.decode().splitlines()
    assert lines[0] == "GET /atajo/newest.atajo HTTP/1.1"
    assert {line.partition(":")[0].lower() for line in lines[1:] if line} == {"host", "user-agent", "accept-encoding"}
    assert "Firefox" in request.decode()
    assert "atajo" not in "".join(lines[1:]).lower()


def test_nothing_newer_ends_the_reading_with_the_manifest(ask: Asked) -> None:
    assert ask(page(RAW)).good
    sent = parts_of(RAW)["payload"].start
    again = ask(page(RAW[:sent], length=len(RAW)))  # the rest never comes
    assert (again.refusal, again.good, again.offered) == (Refusal.SAME, True, dt.date(2026, 11, 27))


@pytest.mark.parametrize(
    "body, why",
    [
        (bundle_of(renamed(), key=STRANGER), Refusal.SIGNATURE),
        (bundle_of(renamed(), version=2026112500), Refusal.OLDER),
        (bundle_of(renamed(), days=1), Refusal.EXPIRED),
        (bundle_of(renamed() | {"pages.toml": b""}), Refusal.UNUSABLE),
        (RAW + b"\0", Refusal.TOO_LARGE),
        (RAW[:-1], Refusal.DAMAGED),
        (b"<html>block page</html>", Refusal.NOT_OURS),
    ],
)
def test_whatever_else_is_served_is_refused(body: bytes, why: Refusal, ask: Asked) -> None:
    outcome = ask(page(body))
    assert (outcome.taken, outcome.refusal, outcome.good) == (None, why, False)


@pytest.mark.parametrize("begin", [b"", RAW, RAW[:200]])
def test_a_stream_without_end_is_cut_off_early(begin: bytes, ask: Asked) -> None:
    sent = 0

    def endless(client: ssl.SSLSocket, _over: threading.Event) -> None:
        nonlocal sent
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + begin)
        while sent < 1 << 30:
            client.sendall(b"\0" * 65536)
            sent += 65536

    outcome = ask(endless)
    assert outcome.refusal in (Refusal.NOT_OURS, Refusal.TOO_LARGE, Refusal.DAMAGED)
    assert sent < 4 * MAX_BUNDLE, "what the buffers on the way hold, and no more"


def test_an_answer_that_is_cut_in_the_middle_a_page_that_is_gone_and_a_redirect_are_no_bundle(ask: Asked) -> None:
    away = "Location: https://127.0.0.1/else\r\n"
    for serve in (page(RAW[:5000], length=len(RAW)), page(b"", status="404 Not Found"), page(RAW, status="302 Found", more=away)):
        assert ask(serve).refusal is Refusal.NOT_REACHED


def test_a_certificate_for_another_name_is_not_believed(ask: Asked) -> None:
    assert ask(page(RAW), names=("otro.example",)).refusal is Refusal.NOT_REACHED
    assert ask.sites[0].requests == []


def test_a_mirror_that_is_broken_or_behind_does_not_hide_the_next_one(ask: Asked) -> None:
    for bad in (
        page(b"", status="500 No"),
        page(b"junk"),
        page(bundle_of(renamed(), key=STRANGER)),
        page(bundle_of(renamed(), version=2026112500)),
    ):
        ask(bad, page(RAW))
        assert len(ask.sites[1].requests) == 1
    assert DataStore(ask.folder, pinned()).activate().version == VERSION


def test_a_proxy_is_tried_last_and_apps_own_proxies_are_not(ask: Asked) -> None:
    links = ["socks5h://127.0.0.1:9", "tg://proxy?server=127.0.0.1&port=9&secret=" + "0a" * 16]
    assert ask(page(b"", status="404 Not Found"), links=links).refusal is Refusal.NOT_REACHED
    assert ask.roads == ["direct", "encrypted_names", "proxy"]


def test_a_silent_server_costs_a_bounded_time(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "SILENCE", 0.2)

    def silent(client: ssl.SSLSocket, over: threading.Event) -> None:
        client.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(RAW)}\r\n\r\n".encode() + RAW[:1000])
        over.wait()

    assert ask(silent).refusal is Refusal.NOT_REACHED


def test_a_server_that_gives_a_byte_now_and_then_costs_a_bounded_time(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "WHOLE", 0.4)

    def drip(client: ssl.SSLSocket, over: threading.Event) -> None:
        client.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(RAW)}\r\n\r\n".encode())
        for byte in RAW:
            client.sendall(bytes([byte]))
            if over.wait(0.02):
                return

    assert ask(drip).refusal is Refusal.NOT_REACHED


def test_nothing_is_asked_without_a_key_or_a_place(tmp_path: Path, run_async: RunAsync) -> None:
    places = Source(host="127.0.0.1", port=9, path="/")
    cases: list[tuple[Pinned, Refusal]] = [(pinned(places, keys=()), Refusal.NO_KEY), (pinned(), Refusal.NO_SOURCE)]
    for build, why in cases:
        outcome = run_async(update_over(DataStore(tmp_path, build), RealNetwork(Trust()), [], NOW))
        assert outcome.refusal is why


def test_stopping_ends_it_at_once_and_changes_nothing(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))

    def silent(_client: ssl.SSLSocket, over: threading.Event) -> None:
        over.wait()

    site = Site(authority, silent)
    outcomes: list[Outcome] = []
    with site.open() as source:
        work = Update(DataStore(tmp_path / "data", pinned(source)), list)
        thread = threading.Thread(target=lambda: outcomes.append(work.run()))
        thread.start()
        assert site.asked.wait(10)
        work.stop()
        thread.join(5)
        assert not thread.is_alive()
    assert outcomes == [Outcome(stopped=True)]
    assert not (tmp_path / "data" / "updates").exists()


def test_what_is_stopped_before_it_begins_never_begins(tmp_path: Path) -> None:
    work = Update(DataStore(tmp_path, pinned(Source(host="127.0.0.1", port=9, path="/"))), list)
    work.stop()
    assert work.run() == Outcome(stopped=True)
