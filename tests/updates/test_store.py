"""Newer data comes into use at the next start, whole; whatever goes wrong, the program starts with the data from before."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest

from app import data_store
from app.data_store import Active, DataStore, Origin
from app.data_update import Outcome, update_from_file
from diagnostics.catalog import load_catalog
from diagnostics.updates.manifest import Refusal
from diagnostics.updates.pinned import Pinned
from tests.updates.making import DAY, NEXT_KEY, NOW, SHIPPED, VERSION, bundle_of, pinned, public, renamed

KEPT = "updates/current.atajo"


def store(folder: Path, build: Pinned | None = None) -> DataStore:
    """Return the store of a fresh start."""
    return DataStore(folder, build or pinned())


def started(folder: Path, build: Pinned | None = None) -> Active:
    """Return what is in use after a start."""
    return store(folder, build).activate()


def offer(folder: Path, raw: bytes, now: dt.datetime = NOW, keeper: DataStore | None = None) -> Outcome:
    """Offer a bundle to a program that was just started."""
    path = folder / "offered.atajo"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return update_from_file(keeper or store(folder), path, now)


def x_name() -> str:
    """Return what X is called in the data in use."""
    return load_catalog().services["x"].name["es"]


FIRST, SECOND, THIRD = (bundle_of(renamed(name), version=VERSION + n) for n, name in enumerate(("Uno", "Dos", "Tres")))


def test_without_updates_what_ships_is_in_use_and_nothing_is_written(tmp_path: Path) -> None:
    assert started(tmp_path) == Active(version=SHIPPED, day=dt.date(2026, 11, 26))
    assert list(tmp_path.iterdir()) == []


def test_newer_data_is_used_from_the_next_start_on(tmp_path: Path) -> None:
    running = store(tmp_path)
    running.activate()
    outcome = offer(tmp_path, FIRST, keeper=running)
    assert outcome.good
    assert outcome.taken is not None
    assert (outcome.taken.version, running.activate().version, x_name()) == (VERSION, SHIPPED, "X")
    after = started(tmp_path)
    assert (after.version, after.origin, after.damaged, x_name()) == (VERSION, Origin.UPDATED, False, "Uno")


def test_the_same_and_an_older_one_are_refused_in_the_same_run_and_after_a_start(tmp_path: Path) -> None:
    running = store(tmp_path)
    assert offer(tmp_path, SECOND, keeper=running).good
    for keeper in (running, store(tmp_path)):
        assert offer(tmp_path, SECOND, keeper=keeper).refusal is Refusal.SAME
        assert offer(tmp_path, FIRST, keeper=keeper).refusal is Refusal.OLDER
    assert (started(tmp_path).version, x_name()) == (VERSION + 1, "Dos")


def test_what_was_ever_taken_is_remembered_when_the_bundles_are_gone(tmp_path: Path) -> None:
    offer(tmp_path, SECOND)
    for name in ("current.atajo", "previous.atajo"):
        (tmp_path / "updates" / name).unlink(missing_ok=True)
    assert started(tmp_path) == Active(version=SHIPPED, day=dt.date(2026, 11, 26))
    assert offer(tmp_path, FIRST).refusal is Refusal.OLDER
    assert offer(tmp_path, bundle_of(renamed("Otro"), version=VERSION + 1)).refusal is Refusal.SAME
    assert offer(tmp_path, SECOND).good


def test_the_one_before_is_kept_and_counts_when_the_newer_is_damaged(tmp_path: Path) -> None:
    for raw in (FIRST, SECOND, THIRD):
        assert offer(tmp_path, raw).good
    (tmp_path / KEPT).write_bytes(THIRD[:-1])
    after = started(tmp_path)
    assert (after.version, after.damaged, x_name()) == (VERSION + 1, True, "Dos")
    assert offer(tmp_path, SECOND).refusal is Refusal.OLDER
    assert offer(tmp_path, THIRD).good
    assert (started(tmp_path).damaged, x_name()) == (False, "Tres")


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 100_000, FIRST[:-1], FIRST + b"x", FIRST.replace(b"Uno", b"Dos"), FIRST[:60] + b"0" + FIRST[61:]]
)
def test_a_damaged_bundle_is_left_aside_and_what_ships_counts(damage: bytes, tmp_path: Path) -> None:
    offer(tmp_path, FIRST)
    (tmp_path / KEPT).write_bytes(damage)
    after = started(tmp_path)
    assert (after.version, after.origin, x_name()) == (SHIPPED, Origin.SHIPPED, "X")
    assert after.damaged
    assert offer(tmp_path, FIRST).good, "the same one mends it"
    assert (started(tmp_path).damaged, x_name()) == (False, "Uno")


def test_a_folder_in_place_of_the_bundle_or_of_the_notes_costs_nothing(tmp_path: Path) -> None:
    offer(tmp_path, FIRST)
    (tmp_path / KEPT).unlink()
    (tmp_path / KEPT).mkdir()
    assert (started(tmp_path).damaged, x_name()) == (True, "X")
    state = tmp_path / "updates" / "state.json"
    for junk in (b"", b"{", b"[]", b'{"highest": "a"}', b"[" * 5000, b"\xff"):
        state.write_bytes(junk)
        assert started(tmp_path).version == SHIPPED


def test_a_program_that_brings_newer_data_itself_leaves_the_older_bundle_aside(tmp_path: Path) -> None:
    offer(tmp_path, FIRST)
    assert started(tmp_path, pinned(version=VERSION)) == Active(version=VERSION, day=dt.date(2026, 11, 27))
    assert x_name() == "X"


def test_a_key_that_was_withdrawn_takes_its_data_along(tmp_path: Path) -> None:
    offer(tmp_path, FIRST)
    after = started(tmp_path, pinned(keys=(public(NEXT_KEY),)))
    assert (after.version, after.damaged, x_name()) == (SHIPPED, True, "X")


def test_a_key_that_comes_beside_the_old_one_changes_nothing(tmp_path: Path) -> None:
    offer(tmp_path, FIRST)
    both = pinned(keys=(public(NEXT_KEY), *pinned().keys))
    assert started(tmp_path, both).version == VERSION
    signed_by_next = bundle_of(renamed("Dos"), version=VERSION + 1, key=NEXT_KEY)
    assert offer(tmp_path, signed_by_next).refusal is Refusal.SIGNATURE
    assert offer(tmp_path, signed_by_next, keeper=store(tmp_path, both)).good


def test_a_program_whose_readers_have_changed_reads_the_bundle_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older program accepted, this one may refuse."""
    offer(tmp_path, FIRST)
    state = tmp_path / "updates" / "state.json"
    spoilt = bundle_of(renamed("Uno") | {"pages.toml": b"nothing = 1\n"})
    (tmp_path / KEPT).write_bytes(spoilt)
    assert started(tmp_path).damaged
    (tmp_path / KEPT).write_bytes(FIRST)
    monkeypatch.setattr(data_store, "__version__", "0.2.0")
    assert started(tmp_path).version == VERSION
    assert json.loads(state.read_bytes())["by"] == f"0.1.0/{SHIPPED}"


def test_data_that_our_readers_refuse_is_not_written(tmp_path: Path) -> None:
    assert offer(tmp_path, bundle_of(renamed("Uno") | {"pages.toml": b"nothing = 1\n"})).refusal is Refusal.UNUSABLE
    assert not (tmp_path / "updates").exists()


@pytest.mark.parametrize(
    "now, why",
    [(NOW - 30 * DAY, Refusal.CLOCK), (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), Refusal.CLOCK), (NOW + 300 * DAY, Refusal.EXPIRED)],
)
def test_a_wrong_clock_refuses_and_the_right_one_takes_the_same_file(now: dt.datetime, why: Refusal, tmp_path: Path) -> None:
    outcome = offer(tmp_path, FIRST, now)
    assert (outcome.refusal, outcome.offered) == (why, dt.date(2026, 11, 27))
    assert offer(tmp_path, FIRST).good


def test_data_in_use_goes_on_whatever_the_clock_says_and_is_called_old(tmp_path: Path) -> None:
    offer(tmp_path, FIRST)
    active = started(tmp_path)
    assert [active.old(NOW + days * DAY) for days in (-9999, 0, 170, 181, 9999)] == [False, False, False, True, True]
    assert active.version == VERSION
    assert Active(version=SHIPPED, day=dt.date(2026, 11, 26)).old(dt.datetime(2027, 5, 27, tzinfo=dt.UTC))


def test_a_folder_that_cannot_be_written_refuses_and_the_program_starts(tmp_path: Path) -> None:
    (tmp_path / "updates").write_text("in the way")
    assert offer(tmp_path, FIRST).refusal is Refusal.NOT_WRITTEN
    assert started(tmp_path).version == SHIPPED


def test_a_file_that_is_not_there_or_is_a_folder_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.atajo", tmp_path, tmp_path / "a\0b"):
        assert update_from_file(store(tmp_path), path, NOW).refusal is Refusal.UNREADABLE


def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.atajo"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), Path("/dev/null")):
        assert update_from_file(store(tmp_path), path, NOW).refusal is Refusal.UNREADABLE


def test_a_simulated_network_stands_on_what_ships(tmp_path: Path) -> None:
    offer(tmp_path, FIRST)
    started(tmp_path)
    assert DataStore(tmp_path, pinned(), shipped_only=True).activate().version == SHIPPED
    assert x_name() == "X"


def test_one_action_forgets_all_of_it(tmp_path: Path) -> None:
    for raw in (FIRST, SECOND):
        offer(tmp_path, raw)
    (tmp_path / "updates" / ".current.atajo.1.part").write_bytes(b"left by a computer that stopped")
    store(tmp_path).wipe()
    assert list((tmp_path / "updates").iterdir()) == []
    assert (started(tmp_path).version, x_name()) == (SHIPPED, "X")
    assert offer(tmp_path, FIRST).good
