"""Bundles come from strangers: every bound holds before the work it bounds, and what is wrong is one sentence."""

from __future__ import annotations

import hashlib
import io
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.texts import has_text, set_language
from diagnostics.errors import InputError
from diagnostics.report import archive
from diagnostics.report.archive import SUMS, is_archive, pack, unpack

PARTS = {"report.json": b"{}", "engine.log": b"x" * 5000}


def sums(parts: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in parts.items()).encode()


def made(build: Callable[[zipfile.ZipFile], None]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        build(written)
    return file.getvalue()


def of_parts(parts: dict[str, bytes]) -> bytes:
    """Return an archive that somebody else wrote."""

    def build(z: zipfile.ZipFile) -> None:
        for name, content in parts.items():
            z.writestr(name, content)

    return made(build)


def refusal(content: bytes | Path) -> str:
    """Return the id of the sentence with which an archive is refused, after finding that it can be said."""
    with pytest.raises(InputError) as caught:
        unpack(content, "a.zip")
    set_language("es")
    assert has_text(caught.value.text)
    return caught.value.text


def test_what_was_packed_is_unpacked_and_the_bytes_are_the_same_every_time() -> None:
    packed = pack(PARTS)
    assert is_archive(packed)
    assert unpack(packed) == PARTS
    assert pack(dict(PARTS)) == packed
    assert pack(unpack(packed)) == packed


def test_sha256sum_reads_the_sums() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(PARTS))) as written:
        assert written.namelist() == [*PARTS, SUMS]
        assert written.read(SUMS) == sums(dict(sorted(PARTS.items())))


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/passwd", "a\\b", "", ".hidden", "x" * 65, "ñ"])
def test_a_name_that_is_no_plain_file_is_neither_written_nor_read(name: str) -> None:
    with pytest.raises(ValueError, match="plain name"):
        pack({name: b""})
    if name:
        content = of_parts({name: b"x", SUMS: sums({name: b"x"})})
        assert refusal(content) == "error.bundle_damaged"


def test_a_link_a_folder_a_twin_and_another_way_of_packing_are_refused() -> None:
    def link(z: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo("report.json")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        z.writestr(entry, "/etc/passwd")

    def twins(z: zipfile.ZipFile) -> None:
        z.writestr("report.json", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            z.writestr("report.json", b"2")

    def bzip(z: zipfile.ZipFile) -> None:
        z.writestr("report.json", b"1", zipfile.ZIP_BZIP2)

    for build in (link, twins, bzip, lambda z: z.mkdir("folder")):
        assert refusal(made(build)) == "error.bundle_damaged"


def test_a_part_that_unpacks_to_a_thousand_times_its_size_is_refused_before_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_PART", 1 << 20)
    bomb = of_parts({"report.json": bytes(64 << 20)})
    assert len(bomb) < 100_000
    tracemalloc.start()
    assert refusal(bomb) == "error.bundle_too_big"
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_parts_that_are_small_but_too_much_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ALL", 1 << 20)
    parts = {f"part{n}": bytes(200_000) for n in range(8)}
    assert refusal(of_parts(parts)) == "error.bundle_too_big"


def test_what_a_part_says_of_its_own_size_is_not_believed() -> None:
    honest = of_parts({"report.json": bytes(1 << 20)})
    liar = honest.replace((1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert liar != honest
    assert refusal(liar) == "error.bundle_damaged"


def test_very_many_parts_are_refused_by_the_table_of_contents() -> None:
    many = of_parts({f"p{n}": b"" for n in range(5000)})
    assert refusal(many) == "error.bundle_many"
    short = bytearray(many)
    short[-14:-10] = bytes(4)  # the count lies; the size of the table does not
    assert refusal(bytes(short)) == "error.bundle_many"


def test_a_zip64_directory_is_refused() -> None:
    plain = pack(PARTS)
    assert refusal(plain[:-22] + b"PK\x06\x07" + bytes(16) + plain[-22:]) == "error.bundle_many"


def test_too_large_a_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ARCHIVE", 1000)
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(2000))
    assert refusal(path) == "error.bundle_too_big"
    assert refusal(tmp_path / "missing.zip") == "error.report_unreadable"


def test_a_part_that_changed_on_the_way_is_named() -> None:
    content = of_parts({"report.json": b"{ }", SUMS: sums(PARTS)})
    with pytest.raises(InputError) as caught:
        unpack(content, "a.zip")
    assert (caught.value.text, caught.value.values["part"]) == ("error.bundle_changed", "report.json")
    assert refusal(of_parts({"report.json": b"{}"})) == "error.bundle_damaged"


def test_parts_nobody_asked_for_are_not_unpacked() -> None:
    assert unpack(pack(PARTS), wanted=frozenset({"report.json"})) == {"report.json": b"{}"}


@given(st.binary(max_size=400))
def test_garbage_is_one_sentence(garbage: bytes) -> None:
    for content in (garbage, b"PK\x03\x04" + garbage, garbage + pack(PARTS)[-22:]):
        with pytest.raises(InputError):
            unpack(content, "a.zip")


@given(st.data())
def test_a_damaged_bundle_is_one_sentence_or_still_whole(data: st.DataObject) -> None:
    packed = bytearray(pack(PARTS))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = unpack(bytes(packed), "a.zip")
    except InputError:
        return
    assert found.items() <= PARTS.items()
