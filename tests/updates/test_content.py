"""What is laid over the shipped data replaces it part by part; what our own readers refuse is refused."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Iterator

import pytest

import resources
from diagnostics.advice.tips import load_tips
from diagnostics.catalog import load_catalog
from diagnostics.updates.content import READERS, check_content
from diagnostics.updates.manifest import FOLDERS, SINGLE, Refusal, RefusedError
from diagnostics.updates.pinned import load_pinned
from tests.updates.making import renamed, shipped_files

Files = dict[str, bytes]


def test_newer_files_stand_in_place_of_the_shipped_ones_and_go_again() -> None:
    resources.lay_over(renamed("Equis"))
    assert load_catalog().services["x"].name["es"] == "Equis"
    resources.lay_over({})
    assert load_catalog().services["x"].name["es"] == "X"


def test_what_newer_data_leaves_out_of_a_folder_is_gone_and_other_folders_stay() -> None:
    resources.lay_over({path: content for path, content in renamed().items() if path in ("services/x.toml", "resolvers.toml")})
    assert list(load_catalog().services) == ["x"]
    assert load_tips() == load_tips(resources.shipped("tips"))
    assert not resources.path("services", "signal.toml").is_file()
    with pytest.raises(FileNotFoundError):
        resources.text("services", "signal.toml")


def test_certificates_texts_and_icons_stay_those_that_ship() -> None:
    everything = shipped_files()
    resources.lay_over(everything)
    assert "BEGIN CERTIFICATE" in resources.text("services", "signal-root.pem")
    assert {entry.name for entry in resources.path("services").iterdir()} == {e.name for e in resources.shipped("services").iterdir()}
    assert resources.text("i18n", "es.toml") == resources.shipped("i18n", "es.toml").read_text(encoding="utf-8")
    assert [e.name for e in resources.path("scenarios").iterdir()] == sorted(e.name for e in resources.shipped("scenarios").iterdir())


def test_a_layered_file_can_be_read_in_every_way() -> None:
    root = resources.layered({"tips/new.toml": b"a = 1\n"})
    file = root / "tips" / "new.toml"
    assert (file.name, file.is_file(), file.is_dir(), file.read_text()) == ("new.toml", True, False, "a = 1\n")
    with file.open("rb") as raw, file.open() as text:
        assert (raw.read(), text.read()) == (b"a = 1\n", "a = 1\n")
    assert [entry.name for entry in (root / "tips").iterdir()] == ["new.toml"]
    assert root.is_dir()


def test_there_is_a_reader_for_every_kind_of_file_that_an_update_may_replace() -> None:
    """Each of them is spoilt in turn: somebody must notice."""
    whole = shipped_files()
    check_content(whole)
    assert READERS
    for path in [*SINGLE, *(next(p for p in whole if p.startswith(f"{folder}/")) for folder in FOLDERS)]:
        with pytest.raises(RefusedError) as caught:
            check_content(whole | {path: b"nothing = "})
        assert caught.value.why is Refusal.UNUSABLE


def _without(path: str) -> Callable[[Files], Files]:
    return lambda files: {each: content for each, content in files.items() if each != path}


def _with(path: str, content: bytes) -> Callable[[Files], Files]:
    return lambda files: files | {path: content}


def _changed(path: str, was: bytes, becomes: bytes) -> Callable[[Files], Files]:
    return lambda files: files | {path: files[path].replace(was, becomes, 1)}


@pytest.mark.parametrize(
    "spoil",
    [
        _without("services/x.toml"),  # one of the usual test's
        _with("services/acme.toml", b"id = 1"),
        _with("services/acme.toml", b"\xff\xfe\x00"),
        _with("resolvers.toml", b""),
        _with("tips/basic.toml", b"[[tip]]\n" * 3),
        _with("tips/basic.toml", b"\xff"),
        _with("pages.toml", b"a = " + b"[" * 5000),
        _changed("services/x.toml", b'id = "x"', b'id = "y"'),
        _changed("services/x.toml", b'host = "x.com"', b'host = "127.0.0.1"'),
        _changed("services/signal.toml", b"signal-root.pem", b"../updates.toml"),
        _changed("resolvers.toml", b'"1.1.1.1"', b'"10.0.0.1"'),
        _changed("services/signal.toml", b"signal-root.pem", b"../services/signal-root.pem"),
        _with("controls.toml", b"as_of = 2026-11-26\ncontrol = []\n"),
    ],
)
def test_data_that_the_program_could_not_work_with_is_refused(spoil: Callable[[Files], Files]) -> None:
    whole = shipped_files()
    spoilt = spoil(whole)
    assert spoilt != whole
    with pytest.raises(RefusedError) as caught:
        check_content(spoilt)
    assert caught.value.why is Refusal.UNUSABLE


def test_the_date_of_what_ships_is_not_before_that_of_any_file() -> None:
    """Whoever corrects a data file raises ``version`` in resources/updates.toml, or nobody with this build could be given newer data."""
    newest = {path: max(_dates(tomllib.loads(content.decode())), default=dt.date.min) for path, content in shipped_files().items()}
    assert {path: day for path, day in newest.items() if day > load_pinned().day} == {}


def test_whoever_adds_a_data_file_decides_whether_updates_may_replace_it() -> None:
    """A new one goes into ``manifest.SINGLE`` with a reader in ``content.READERS``, or here with its reason in docs/data-updates.md."""
    never = {"updates.toml"}
    assert {entry.name for entry in resources.shipped().iterdir() if entry.name.endswith(".toml")} == {*SINGLE, *never}


def _dates(value: object) -> Iterator[dt.date]:
    """Yield the dates that say when something was read or checked."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key in ("as_of", "date") and isinstance(each, dt.date):
                yield each
            yield from _dates(each)
    elif isinstance(value, list):
        for each in value:
            yield from _dates(each)
