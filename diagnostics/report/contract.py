"""The report as a file: ``atajo-report``, version 1, UTF-8 JSON.

A report comes from strangers: it may be huge, nested without end, cut off, of another format or of the future.  Every
such fault is one :class:`~diagnostics.errors.InputError` with the file's name in it; nothing else is ever raised.  Bounds
are checked before the work that they bound: the size before reading, the depth and the number of values before decoding.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

import msgspec

from diagnostics.errors import InputError
from diagnostics.model import REPORT_FORMAT, REPORT_VERSION, Report
from diagnostics.report.details import wrong_detail

Json: TypeAlias = Any
"""A value of a decoded document: a dict, list, str, number, bool or None."""

MAX_BYTES: Final = 128 << 20
"""Largest report that is read: a run of 10 000 targets writes about 65 MB (14 observations of 450 bytes each)."""

MAX_INDENTED: Final = 4 << 20
"""Bytes up to which a report is laid out for people; a larger one nobody reads, and it would grow by a third."""

MAX_DEPTH: Final = 32
"""Deepest nesting of objects and lists; ours has ten levels (the plan's endpoints)."""

MAX_VALUES: Final = 6_000_000
"""Most values in a file: 128 MiB of ``[],[],...`` would otherwise take gigabytes of memory."""

MAX_OBSERVATIONS: Final = 300_000
MAX_STRING: Final = 32 * 1024
"""Longest text in a report, in characters; ours stay below 2 100 (a typed URL)."""

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A JSON string, or what is left of one at the end: it always matches, so that hostile quotes cannot make it quadratic."""

_NOT_BRACKETS: Final = bytes(sorted(set(range(256)) - set(b"[]{}")))
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_PLACE: Final = re.compile(r" - at `\$\.?(.*)`$", re.DOTALL)
_BOM: Final = b"\xef\xbb\xbf"


class _Header(msgspec.Struct):
    """What says which format a file is in; everything else is skipped."""

    format: str = ""
    version: int = 0


def dump(report: Report) -> bytes:
    """Return the report as UTF-8 JSON: keys in the contract's order, those of details sorted, so that equal reports are equal bytes."""
    try:
        return _encoded(report)
    except UnicodeEncodeError:  # half a character, from a command line that is not UTF-8
        return _encoded(_whole_characters(msgspec.to_builtins(report)))


def _encoded(content: Json) -> bytes:
    written = msgspec.json.encode(content, order="deterministic")
    return (msgspec.json.format(written, indent=1) if len(written) <= MAX_INDENTED else written) + b"\n"


def _whole_characters(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return [_whole_characters(item) for item in value] if isinstance(value, list | tuple) else value


def load(source: Path | str | bytes) -> Report:
    """Return the report in a file, or in bytes.

    Raises InputError: ``error.report_unreadable`` (file, reason), ``_not_one`` (file), ``_too_big`` (file, limit),
    ``_truncated`` (file), ``_deep`` (file), ``_future`` (file, version), ``_wrong_type`` (file, where).
    """
    if isinstance(source, bytes):
        return _decode(source, "report")
    return _decode(_read(Path(source)), str(source))


def _read(path: Path) -> bytes:
    """Return the content of a regular file of at most ``MAX_BYTES``."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # opening a pipe would wait, reading a device would never end
            raise InputError("error.report_not_one", file=str(path))
        if facts.st_size > MAX_BYTES:
            _refuse_size(str(path))
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError("error.report_unreadable", file=str(path), reason=error.strerror or type(error).__name__) from error
    except ValueError as error:  # a name with a zero byte in it
        raise InputError("error.report_not_one", file=repr(str(path))) from error
    if len(content) > MAX_BYTES:
        _refuse_size(str(path))
    return content


def _refuse_size(file: str) -> NoReturn:
    raise InputError("error.report_too_big", file=file, limit=f"{MAX_BYTES >> 20}\u00a0MB")


def _decode(content: bytes, file: str) -> Report:
    content = content.removeprefix(_BOM)  # some editors add it
    if len(content) > MAX_BYTES:
        _refuse_size(file)
    if not content.lstrip()[:1] == b"{":
        raise InputError("error.report_not_one", file=file)
    cut_off = _check_shape(content, file)
    try:
        header = msgspec.json.decode(content, type=_Header)
        if header.format != REPORT_FORMAT or header.version < 1:
            raise InputError("error.report_not_one", file=file)
        if header.version > REPORT_VERSION:
            raise InputError("error.report_future", file=file, version=_brief(header.version))
        report = msgspec.json.decode(content, type=Report)
    except msgspec.ValidationError as error:
        raise InputError("error.report_wrong_type", file=file, where=_place(error)) from error
    except msgspec.DecodeError as error:
        truncated = cut_off and "truncated" in str(error)
        raise InputError("error.report_truncated" if truncated else "error.report_not_one", file=file) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InputError("error.report_not_one", file=file) from error
    _check_content(report, file)
    return report


def _brief(version: int) -> str:
    text = str(version) if version.bit_length() < 64 else ">= 2**63"
    return text[:20]


def _place(error: msgspec.ValidationError) -> str:
    """Return where in the file a value has the wrong type: ``observations[3].t``."""
    found = _PLACE.search(str(error))
    return (found[1] if found else "") or "$"


def _check_shape(content: bytes, file: str) -> bool:
    """Refuse what is nested too deeply or has too many values; tell whether a bracket was never closed.

    Neither needs the text to be valid JSON.  What is left of the text without its strings and everything else are its
    brackets.  Each pass takes away one level of pairs; whatever nests deeper than the bound still holds a pair after that
    many passes.
    """
    if content.count(b'"') > 3 * MAX_VALUES:
        _refuse_size(file)
    bare = _STRING.sub(b"", content)
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") > MAX_VALUES:
        _refuse_size(file)
    brackets = bare.translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if b"[]" not in brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH:  # the second: cut off before anything was closed
        raise InputError("error.report_deep", file=file)
    return bool(brackets)


def _check_content(report: Report, file: str) -> None:
    """Refuse what has the right types and still cannot be one of our reports."""
    if len(report.observations) > MAX_OBSERVATIONS or len(report.verdicts) > MAX_OBSERVATIONS:
        _refuse_size(file)
    seen: set[str] = set()
    for number, observation in enumerate(report.observations):
        where = wrong_detail(observation)
        if observation.id in seen:
            where = "id"
        seen.add(observation.id)
        if where:
            raise InputError("error.report_wrong_type", file=file, where=f"observations[{number}].{where}")
    for place, text in texts_of(msgspec.to_builtins(report)):
        if len(text) > MAX_STRING:
            raise InputError("error.report_wrong_type", file=file, where=place)


def texts_of(value: Json, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a document of dicts and lists, keys included, with the top-level key below which it stands."""
    stack = [(place, value)]
    while stack:
        place, item = stack.pop()
        if isinstance(item, str):
            yield place, item
        elif isinstance(item, dict):
            for key, inner in item.items():
                yield place, key
                stack.append((place or str(key)[:40], inner))
        elif isinstance(item, list | tuple):
            stack += [(place, inner) for inner in item]
