"""Lines in TOML files: every value of every shipped file is found where it stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics import tomlfile
from diagnostics.errors import InputError

RESOURCES = Path(tomlfile.__file__).parent.parent / "resources"
TRICKY = '''# a comment with [brackets] and "quotes"
top = 1
"quoted.key" = { a = "}", 'b c' = [ 1, 2 ] }   # inline
dotted.inner.most = true

[table]
many = [
    # the first
    "one, ]",
    { x = 1, y = { z = 2 } },
    [
        3,
        4,
    ],
]
text = """
[not.a.table]
key = "no" \\""" still
"""
raw = \'\'\'
it's [raw]\'\'\'
after = 2024-01-01 10:00:00

[[list]]
name = "first"

[[list]]
name = "second"
[list.sub]
deep = 1
[[list.items]]
k = 1
[[list.items]]
k = 2
'''


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value that holds no others."""
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        yield path
    for key, inner in items:
        yield from leaves(inner, (*path, key))


@pytest.mark.parametrize(
    "path,line",
    [
        (("top",), 2),
        (("quoted.key", "a"), 3),
        (("quoted.key", "b c", 1), 3),
        (("dotted", "inner", "most"), 4),
        (("table", "many", 0), 9),
        (("table", "many", 1, "y", "z"), 10),
        (("table", "many", 2, 1), 13),
        (("table", "text"), 16),
        (("table", "raw"), 20),
        (("table", "after"), 22),
        (("list", 0, "name"), 25),
        (("list", 1, "name"), 28),
        (("list", 1, "sub", "deep"), 30),
        (("list", 1, "items", 1, "k"), 34),
        (("list", 1, "items", 1, "missing"), 33),
        (("nowhere",), 1),
    ],
)
def test_a_value_is_found_on_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert tomlfile.line_of(TRICKY, path) == line


@pytest.mark.parametrize("file", sorted(RESOURCES.rglob("*.toml")), ids=lambda file: str(file.relative_to(RESOURCES)))
def test_every_key_of_a_shipped_file_is_found_on_the_line_where_it_is_written(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    lines = text.split("\n")
    located = tomlfile._Locator(text).lines
    for path in leaves(tomllib.loads(text)):
        assert path in located
        key = next(part for part in reversed(path) if isinstance(part, str))
        assert key in lines[located[path] - 1] or isinstance(path[-1], int)


@given(st.text(alphabet="ab=[]{}\"'\\.,# \n1", max_size=60))
def test_any_text_is_either_located_or_an_input_error(text: str) -> None:
    try:
        data = tomlfile.parse(text, "mine.toml")
    except InputError:
        data = {}
    for path in leaves(data):
        assert 1 <= tomlfile.line_of(text, path) <= text.count("\n") + 1
