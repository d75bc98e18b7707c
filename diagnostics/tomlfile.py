"""Data files in TOML: read with bounds, decoded into structs, and errors that name the file and the line.

``parse`` reads the syntax, ``line_of`` finds the line on which a value stands, ``decode`` does both and fills a struct.
The standard library tells the line of a syntax error only, and msgspec knows no lines at all.
"""

from __future__ import annotations

import errno
import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from diagnostics.errors import InputError

T = TypeVar("T")

MAX_TOML_BYTES: Final = 1 << 20
"""Largest data file that is read; ours have some kilobytes."""

_LINE_IN_REASON: Final = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR: Final = re.compile(r"[^,\]}#\r\n]*")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # basic over several lines; up to two quotes may stand before the closing ones
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)


def read(path: Path, error: str) -> str:
    """Return the text of a data file.  Raises InputError(``error``, file=, reason=) if it cannot be read or is too large."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_TOML_BYTES + 1)
        text = raw.decode("utf-8-sig")
        if "\0" in text:
            raise UnicodeDecodeError("utf-8", raw[:1], 0, 1, "a zero byte: no text")
        if len(raw) > MAX_TOML_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    except OSError as problem:
        raise InputError(error, file=str(path), reason=problem.strerror or type(problem).__name__) from problem
    except ValueError as problem:  # binary content, or a name with a zero byte in it
        raise InputError(error, file=repr(str(path))[1:-1], reason="UTF-8") from problem
    return text.replace("\r\n", "\n")


def parse(text: str, file: str) -> dict[str, Any]:
    """Return the tables of a TOML text.  Raises InputError("error.toml", file=, line=, reason=)."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        message = str(problem)
        place = _LINE_IN_REASON.search(message)
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        raise InputError("error.toml", file=file, line=line, reason=_LINE_IN_REASON.sub("", message)) from problem
    except RecursionError as problem:
        raise InputError("error.toml", file=file, line=1, reason="nested too deeply") from problem


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the line (from 1) on which the value at ``path`` begins in a valid TOML ``text``.

    A path such as ``("function", 0, "endpoints", 2, "host")`` goes through tables, arrays of tables, arrays and inline
    tables.  A path that is not in the text gives the line of its nearest ancestor, and at last 1.
    """
    lines = _Locator(text).lines
    wanted = tuple(path)
    while wanted and wanted not in lines:
        wanted = wanted[:-1]
    return lines.get(wanted, 1)


class Sentences(NamedTuple):
    """The ids of the sentences about a value: ``wrong`` lists what is allowed, ``example`` shows a value of the right kind."""

    wrong: str
    example: str
    missing: str


def decode(text: str, file: str, kind: type[T], error: str | Sentences) -> T:
    """Return the TOML ``text`` as a struct of type ``kind``.

    Raises InputError("error.toml", ...) for its syntax, and InputError(``error``, file=, line=, found=, allowed=) for an
    unknown key, an unknown word, a wrong type or something missing; ``found`` quotes the file and ``allowed`` says what may
    stand there.  One id in ``error`` serves for all of these.
    """
    says = Sentences(error, error, error) if isinstance(error, str) else error
    data = parse(text, file)
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as problem:
        which, path, found, allowed = _explain(str(problem), data, kind)
        sentence = getattr(says, which)
        raise InputError(sentence, file=file, line=line_of(text, path), found=found, allowed=allowed) from problem


# --- what a validation error means for the person who wrote the file --------------------------------

_PATH_PART: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]")
_QUOTED: Final = re.compile(r"`([^`]*)`")


_EXAMPLES: Final[dict[type[msgspec.inspect.Type], str]] = {
    msgspec.inspect.StrType: '"texto"',
    msgspec.inspect.IntType: "443",
    msgspec.inspect.FloatType: "0.5",
    msgspec.inspect.BoolType: "true",
    msgspec.inspect.DateType: "2024-08-09",
    msgspec.inspect.StructType: "[ ]",
    msgspec.inspect.DictType: "{ }",
    msgspec.inspect.VarTupleType: '["a", "b"]',
    msgspec.inspect.ListType: '["a", "b"]',
}
"""A value of each kind as TOML writes it: the reader's language has no say in it, msgspec's words are English."""


def _explain(message: str, data: dict[str, Any], kind: type) -> tuple[str, tuple[str | int, ...], str, str]:
    """Return which sentence, the path, what was found there and what is allowed, from one of msgspec's messages."""
    reason, _, where = message.partition(" - at `")
    path: tuple[str | int, ...] = tuple(name or int(index) for name, index in _PATH_PART.findall(where))
    node = _type_at(msgspec.inspect.type_info(kind), path)
    quoted = _QUOTED.findall(reason)
    if "unknown field" in reason:
        return "wrong", (*path, quoted[0]), quoted[0], _fields(node)
    if "missing required field" in reason:
        return "missing", path, "-", quoted[0]
    words, value = _words(node), _value_at(data, path)
    return "wrong" if words else "example", path, str(value), words or _example(node) or reason


def _type_at(node: msgspec.inspect.Type | None, path: Sequence[str | int]) -> msgspec.inspect.Type | None:
    """Walk the type along the path; None where it cannot be followed."""
    for part in path:
        for option in _options(node):
            if isinstance(option, msgspec.inspect.StructType) and isinstance(part, str):
                node = next((field.type for field in option.fields if field.encode_name == part), None)
                break
            if isinstance(option, msgspec.inspect.VarTupleType | msgspec.inspect.ListType) and isinstance(part, int):
                node = option.item_type
                break
        else:
            return None
    return node


def _options(node: msgspec.inspect.Type | None) -> tuple[msgspec.inspect.Type | None, ...]:
    """Return the members of a union, or the type alone."""
    return tuple(node.types) if isinstance(node, msgspec.inspect.UnionType) else (node,)


def _fields(node: msgspec.inspect.Type | None) -> str:
    structs = [option for option in _options(node) if isinstance(option, msgspec.inspect.StructType)]
    return ", ".join(field.encode_name for struct in structs for field in struct.fields)


def _words(node: msgspec.inspect.Type | None) -> str:
    """Return the words of an enum or of a literal, or nothing."""
    words: list[str] = []
    for option in _options(node):
        if isinstance(option, msgspec.inspect.EnumType):
            words += [str(member.value) for member in option.cls]
        elif isinstance(option, msgspec.inspect.LiteralType):
            words += [str(value) for value in option.values]
    return ", ".join(words)


def _example(node: msgspec.inspect.Type | None) -> str:
    """Return a value of the kind that belongs there, or nothing."""
    return next((_EXAMPLES[type(option)] for option in _options(node) if option is not None and type(option) in _EXAMPLES), "")


def _value_at(data: object, path: Sequence[str | int]) -> object:
    for part in path:
        items = dict(enumerate(data)) if isinstance(data, list) else data
        data = items.get(part, data) if isinstance(items, dict) else data
    return data


# --- where a value stands ---------------------------------------------------------------------------


class _Locator:
    """Walks a valid TOML text and notes the line of every value."""

    def __init__(self, text: str) -> None:
        self.lines: dict[tuple[str | int, ...], int] = {}
        self._text, self._at = text, 0
        self._counted, self._line = 0, 1  # newlines before `_counted` make `_line`
        self._sizes: dict[tuple[str | int, ...], int] = {}  # how many tables each array of tables has so far
        self._document()

    def _document(self) -> None:
        table: tuple[str | int, ...] = ()
        self._skip()
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._header(2)
            elif self._text.startswith("[", self._at):
                table = self._header(1)
            else:
                self._pair(table)
            self._skip()

    def _header(self, brackets: int) -> tuple[str | int, ...]:
        self._at += brackets
        names = self._names()
        self._at += brackets
        path: tuple[str | int, ...] = ()
        for name in names[:-1]:
            path = self._inside((*path, name))
        path = (*path, names[-1])
        if brackets == 2:
            self._note(path)
            self._sizes[path] = self._sizes.get(path, 0) + 1
        path = self._inside(path)
        self._note(path)
        return path

    def _inside(self, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """Return the path, or that of its newest element if it is an array of tables."""
        return (*path, self._sizes[path] - 1) if path in self._sizes else path

    def _pair(self, table: tuple[str | int, ...]) -> None:
        path = table
        for name in self._names():
            path = (*path, name)
            self._note(path)
        self._at += 1  # the equals sign
        self._value(path)

    def _names(self) -> list[str]:
        names: list[str] = []
        while True:
            self._skip()
            quoted = _STRING.match(self._text, self._at)
            bare = quoted or _KEY.match(self._text, self._at)
            if bare is None:
                return names or [""]
            self._at = bare.end()
            names.append(next(iter(tomllib.loads(f"{bare[0]} = 0"))) if quoted else bare[0])
            self._skip()
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _value(self, path: tuple[str | int, ...]) -> None:
        self._skip()
        self._note(path)
        if self._text.startswith("[", self._at):
            self._array(path)
        elif self._text.startswith("{", self._at):
            self._inline_table(path)
        else:
            found = _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at)
            self._at = found.end() if found else len(self._text)

    def _array(self, path: tuple[str | int, ...]) -> None:
        index = 0
        while self._next_item("]"):
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: tuple[str | int, ...]) -> None:
        while self._next_item("}"):
            self._pair(path)

    def _next_item(self, closing: str) -> bool:
        """Go past the opening bracket or comma to the next item; False past the closing bracket."""
        self._skip()
        if self._at < len(self._text) and self._text[self._at] in "[{,":
            self._at += 1
            self._skip()
        if self._at < len(self._text) and self._text[self._at] != closing:
            return True
        self._at += 1
        return False

    def _skip(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at

    def _note(self, path: tuple[str | int, ...]) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        self.lines.setdefault(path, self._line)
