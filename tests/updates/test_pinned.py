"""What a build knows of updates is a file that no update replaces, and a mistake in it is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

import resources
from diagnostics.errors import InputError
from diagnostics.updates.pinned import Source, load_pinned

GOOD = 'version = 2026112600\nsources = ["https://datos.example/newest.atajo"]\n[[key]]\nid = "2027-01"\npublic = "' + "0a" * 32 + '"\n'


def told(folder: Path, text: str) -> tuple[str, object]:
    """Return which sentence, and the line, for a file with a mistake."""
    path = folder / "updates.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_pinned(path)
    return caught.value.text, caught.value.values["line"]


def test_keys_and_places_are_read(tmp_path: Path) -> None:
    path = tmp_path / "updates.toml"
    path.write_text(GOOD)
    read = load_pinned(path)
    assert (read.keys, read.sources) == ((b"\n" * 32,), (Source(host="datos.example", port=443, path="/newest.atajo"),))
    assert read.day.isoformat() == "2026-11-26"


@pytest.mark.parametrize(
    "was, becomes, line",
    [
        ("2026112600", "2026136600", 1),
        ("2026112600", '"2026112600"', 1),
        *((f"https://{'datos.example'}", url, 2) for url in ("http://datos.example", "https://", "https://a@datos.example", "https://a b")),
        ("newest.atajo", "newest.atajo?who=me", 2),
        ("0a" * 32, "0A" * 32, 5),
        ("0a" * 32, "0a" * 31, 5),
        ("2027-01", "Una clave", 4),
        ("sources", "source", 2),
    ],
)
def test_a_mistake_is_told_with_its_line(was: str, becomes: str, line: int, tmp_path: Path) -> None:
    assert was in GOOD
    text, found = told(tmp_path, GOOD.replace(was, becomes, 1))
    assert text == "error.data"
    assert found == line


def test_no_more_than_two_keys_count(tmp_path: Path) -> None:
    key = '[[key]]\nid = "a"\npublic = "' + "0a" * 32 + '"\n'
    assert told(tmp_path, GOOD + key * 2)[0] == "error.data"


def test_what_lies_over_the_shipped_data_changes_none_of_it() -> None:
    before = load_pinned()
    resources.lay_over({"updates.toml": GOOD.encode()})
    assert load_pinned() == before


def test_no_key_of_the_tests_is_known_to_what_ships() -> None:
    from tests.updates.making import KEY, NEXT_KEY, STRANGER, public

    assert not set(load_pinned().keys) & {public(key) for key in (KEY, NEXT_KEY, STRANGER)}
