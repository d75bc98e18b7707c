"""The report as a file: ``atajo-report``, version 1, UTF-8 JSON.

A report comes from strangers: it may be huge, nested without end, cut off, of another format or of the future.  Every
such fault is one :class:`~diagnostics.errors.InputError` with the file's name in it; nothing else is ever raised.  Bounds
are checked before the work that they bound: the size before reading, the depth and the number of values before decoding.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterator
from datetime import datetime
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

MAX_WORD: Final = 256
"""Longest id, rule, failure and the like, in characters; ours stay below 60.  Hosts and targets are bounded by MAX_STRING."""

MAX_EXTRA: Final = 4 << 20
"""Most bytes of top-level parts that this version does not know, which are skipped."""

MAX_SECONDS: Final = 1e7
"""Longest run, some 116 days."""

_LOOKED_INTO: Final = 4096
"""Bytes of a file that is no report in which its kind is looked for."""

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A JSON string, or what is left of one at the end: it always matches, so that hostile quotes cannot make it quadratic."""

_NOT_BRACKETS: Final = bytes(sorted(set(range(256)) - set(b"[]{}")))
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_PLACE: Final = re.compile(r" - at `\$\.?(.*)`$", re.DOTALL)
_BOM: Final = b"\xef\xbb\xbf"


class _Header(msgspec.Struct):
    """What says which format a file is in, and without which nothing is a report; everything else is skipped."""

    format: str = ""
    version: int = 0
    run: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    observations: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def dump(report: Report) -> bytes:
    """Return the report as UTF-8 JSON: keys in the contract's order, those of details sorted, so that equal reports are equal bytes."""
    try:
        return _encoded(report)
    except UnicodeEncodeError:  # half a character, from a command line that is not UTF-8
        return _encoded(whole_characters(msgspec.to_builtins(report)))


def _encoded(content: Json) -> bytes:
    written = msgspec.json.encode(content, order="deterministic")
    return (msgspec.json.format(written, indent=1) if len(written) <= MAX_INDENTED else written) + b"\n"


def whole_characters(value: Json) -> Json:
    """Return a document with a question mark for every half character, which UTF-8 cannot write."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {whole_characters(key): whole_characters(item) for key, item in value.items()}
    return [whole_characters(item) for item in value] if isinstance(value, list | tuple) else value


def load(source: Path | str | bytes, name: str = "report") -> Report:
    """Return the report in a file, or in bytes, which the sentences about them call ``name``.

    Raises InputError: ``error.report_unreadable`` (file, reason), ``_not_one``, ``_folder``, ``_empty``, ``_pipe``,
    ``_device``, ``_binary`` (file), ``_too_big`` (file, limit), ``_truncated`` (file), ``_deep`` (file), ``_future``
    (file, version), ``_wrong_type`` (file, where).
    """
    if isinstance(source, bytes):
        return _decode(source, name)
    return _decode(_read(Path(source)), str(source))


def _read(path: Path) -> bytes:
    """Return the content of a regular file of at most ``MAX_BYTES``."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # opening a pipe would wait, reading a device would never end
            raise InputError(_kind_of(facts.st_mode), file=str(path))
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


def _kind_of(mode: int) -> str:
    """Return the id of the sentence about what is no ordinary file."""
    if stat.S_ISDIR(mode):
        return "error.report_folder"
    return "error.report_pipe" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else "error.report_device"


def _refuse_content(content: bytes, file: str) -> NoReturn:
    """Say what the file is that does not even begin like a report."""
    if not content.strip():
        raise InputError("error.report_empty", file=file)
    start = content[:_LOOKED_INTO]
    try:
        binary = "\0" in start.decode("utf-8")
    except UnicodeDecodeError as error:
        binary = error.start < len(start) - 3 or len(start) == len(content)  # else a character that the cut divides
    raise InputError("error.report_binary" if binary else "error.report_not_one", file=file)


def _refuse_size(file: str) -> NoReturn:
    raise InputError("error.report_too_big", file=file, limit=f"{MAX_BYTES >> 20}\u00a0MB")


def _decode(content: bytes, file: str) -> Report:
    content = content.removeprefix(_BOM)  # some editors add it
    if len(content) > MAX_BYTES:
        _refuse_size(file)
    if content.lstrip()[:1] != b"{":
        _refuse_content(content, file)
    cut_off = _check_shape(content, file)
    try:
        header = msgspec.json.decode(content, type=_Header)
        if header.format != REPORT_FORMAT or header.version < 1:
            raise InputError("error.report_not_one", file=file)
        if header.version > REPORT_VERSION:
            raise InputError("error.report_future", file=file, version=_brief(header.version))
        if header.run is msgspec.UNSET or header.observations is msgspec.UNSET:
            raise InputError("error.report_not_one", file=file)
        _check_extras(content, file)
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
    for where in _wrong_facts(report):
        raise InputError("error.report_wrong_type", file=file, where=where)
    for place, text in texts_of(msgspec.to_builtins(report)):
        if len(text) > MAX_STRING:
            raise InputError("error.report_wrong_type", file=file, where=place)


def _check_extras(content: bytes, file: str) -> None:
    """Refuse a file that is mostly something else: parts that this version does not know, though they are skipped."""
    known = set(Report.__struct_fields__)
    extras = {key: raw for key, raw in msgspec.json.decode(content, type=dict[str, msgspec.Raw]).items() if key not in known}
    if sum(len(key) + len(bytes(raw)) for key, raw in extras.items()) > MAX_EXTRA:
        _refuse_size(file)


def _wrong_facts(report: Report) -> Iterator[str]:
    """Yield the places of facts about the run that cannot be, and of words without end."""
    run = report.run
    if not math.isfinite(run.seconds) or not 0 <= run.seconds <= MAX_SECONDS:
        yield "run.seconds"
    if run.started and not is_moment(run.started):
        yield "run.started"
    if run.simulated is not None and not run.simulated.strip():
        yield "run.simulated"  # nobody would see that the network was none
    for place, words in _words_of(report):
        if any(word is not None and len(word) > MAX_WORD for word in words):
            yield place


def _words_of(report: Report) -> Iterator[tuple[str, tuple[str | None, ...]]]:
    """Yield the short words of a report with the part in which they stand."""
    app, run, line = report.app, report.run, report.network
    yield "app", (app.version, app.platform, app.python)
    yield "run", (run.id, run.started, run.simulated)
    yield "network", (line.rule, line.ipv6, line.system_proxy, *line.evidence, line.vpn.state, *line.vpn.clients)
    for check in line.vpn.checks:
        yield "network", (check.check, check.rule, *check.evidence)
    for v in report.verdicts:
        yield "verdicts", (v.function, v.route, v.rule, *v.evidence)
    for r in report.routes:
        yield "routes", (r.id, r.kind, r.label, r.rule, *r.evidence)
    for w in report.workarounds:
        yield "workarounds", (w.id, *w.evidence)
    for tip in report.tips:
        yield "tips", (tip.id, *tip.because)
    for o in report.observations:
        yield "observations", (o.id, o.address, o.route, o.failure)


def is_moment(text: str) -> bool:
    """Tell whether a text is a moment in ISO 8601 with its offset from UTC, or Z."""
    try:
        return len(text) <= MAX_WORD and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


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
