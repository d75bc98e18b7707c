"""Settings survive a restart, a damaged file and a full disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.paths import data_folder, write_whole
from app.settings import Settings, SettingsStore, ThemeChoice


def test_without_a_file_the_usual_settings_hold_and_nothing_is_written(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "settings.json")
    assert store.current == Settings()
    assert list(tmp_path.iterdir()) == []


def test_a_change_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "settings.json"
    SettingsStore(path).change(language="en", theme=ThemeChoice.DARK, text_size=150, welcomed=True, targets=("x",))
    assert SettingsStore(path).current == Settings(language="en", theme=ThemeChoice.DARK, text_size=150, welcomed=True, targets=("x",))


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"text_size": 113}', b'{"language": "xx"}', b"\xff\xfe", b"[" * 60_000, b" " * 100_000])
def test_a_damaged_file_is_set_aside_and_the_usual_settings_hold(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    assert SettingsStore(path).current == Settings()
    assert (tmp_path / "settings.json.broken").read_bytes() == content
    assert not path.exists()


@given(st.binary(max_size=200))
def test_no_file_content_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("settings") / "settings.json"
    path.write_bytes(content)
    assert isinstance(SettingsStore(path).current, Settings)


def test_settings_of_a_later_version_are_read_as_far_as_known(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"language": "en", "sound": "loud"}')
    assert SettingsStore(path).current.language == "en"


def test_a_folder_that_cannot_be_written_does_not_keep_a_choice_from_holding(tmp_path: Path, only_expected_warnings: list[str]) -> None:
    (tmp_path / "file").write_text("")
    store = SettingsStore(tmp_path / "file" / "settings.json")
    assert store.change(language="en").language == "en"
    only_expected_warnings.append("settings not written: File exists")


def test_the_data_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ATAJO_DATA", str(tmp_path / "elsewhere"))
    SettingsStore().change(welcomed=True)
    assert (tmp_path / "elsewhere" / "settings.json").exists()
    assert data_folder() == tmp_path / "elsewhere"


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept"
    write_whole(path, b"old")

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.paths.os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
    assert path.read_bytes() == b"old"


def test_the_computers_language_is_spoken_until_one_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    assert Settings().spoken == "en"
    assert Settings(language="es").spoken == "es"
