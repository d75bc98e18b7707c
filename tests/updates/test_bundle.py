"""A bundle is taken whole, unchanged and signed, or not at all; however it comes, and however long it is."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data_store import read_file
from diagnostics.updates.bundle import MAX_BUNDLE, Bundle, BundleReader, read_bundle
from diagnostics.updates.manifest import MAX_FILES, MAX_MANIFEST, MAX_TOTAL, Refusal, RefusedError
from tests.updates.making import KEYS, MADE, NEXT_KEY, SMALL, STRANGER, VERSION, bundle_of, manifest_of, parts_of, pinned, public, signed

RAW = bundle_of(SMALL)


def why(raw: bytes, keys: list[bytes] = KEYS) -> Refusal:
    """Return why bytes are no bundle."""
    with pytest.raises(RefusedError) as caught:
        read_bundle([raw], keys)
    return caught.value.why


def test_a_good_bundle_gives_its_files_and_keeps_its_bytes() -> None:
    bundle = read_bundle([RAW], KEYS)
    assert bundle.files == SMALL
    assert (bundle.manifest.version, bundle.manifest.made, bundle.raw) == (VERSION, MADE, RAW)
    assert bundle.digest == hashlib.sha256(RAW.split(b"\n", 3)[2]).hexdigest()


def test_the_same_files_give_the_same_bytes_in_whatever_order_they_come() -> None:
    assert bundle_of(dict(reversed(SMALL.items()))) == RAW


def test_what_ships_is_far_below_the_bounds() -> None:
    from tests.updates.making import shipped_files

    assert len(bundle_of(shipped_files())) < MAX_BUNDLE / 8


@given(st.lists(st.integers(0, len(RAW)), max_size=12))
def test_it_does_not_matter_how_it_is_cut_on_the_way(places: list[int]) -> None:
    cuts = [0, *sorted(places), len(RAW)]
    assert read_bundle((RAW[a:b] for a, b in itertools.pairwise(cuts)), KEYS).files == SMALL


@pytest.mark.parametrize("part", ["magic", "signature", "manifest", "payload"])
def test_a_single_changed_byte_anywhere_is_noticed(part: str) -> None:
    for place in parts_of(RAW)[part]:
        for change in (0x01, 0x20, 0x80):  # 0x20: a capital letter for a small one, also among the digits of the signature
            spoilt = bytearray(RAW)
            spoilt[place] ^= change
            with pytest.raises(RefusedError):
                read_bundle([bytes(spoilt)], KEYS)


@given(st.integers(0, len(RAW) - 1), st.integers(0, 255), st.integers(0, 3))
def test_bytes_put_in_taken_out_or_changed_are_noticed(place: int, value: int, taken: int) -> None:
    spoilt = RAW[:place] + bytes([value]) + RAW[place + taken :]
    if spoilt != RAW:
        assert why(spoilt) in (Refusal.NOT_OURS, Refusal.DAMAGED, Refusal.SIGNATURE, Refusal.TOO_LARGE)


def test_one_that_is_cut_short_at_any_byte_is_refused() -> None:
    assert {why(RAW[:length]) for length in range(1, len(RAW))} == {Refusal.DAMAGED}
    assert why(b"") is Refusal.NOT_OURS


def test_a_byte_too_many_is_refused() -> None:
    assert why(RAW + b"\0") is Refusal.TOO_LARGE


def test_the_files_of_one_under_the_head_of_another_are_refused() -> None:
    other = bundle_of({"pages.toml": b"# nothinG\n", "tips/basic.toml": b"x"})
    head, files = parts_of(RAW)["payload"].start, parts_of(other)["payload"].start
    assert why(RAW[:head] + other[files:]) is Refusal.DAMAGED


# --- who signed -------------------------------------------------------------------------------------


def test_a_stranger_signs_in_vain_and_a_second_known_key_signs_as_well() -> None:
    assert why(bundle_of(SMALL, key=STRANGER)) is Refusal.SIGNATURE
    assert read_bundle([bundle_of(SMALL, key=NEXT_KEY)], [*KEYS, public(NEXT_KEY)]).files == SMALL


def test_a_build_without_a_key_takes_nothing() -> None:
    assert why(RAW, []) is Refusal.NO_KEY


def test_a_signature_that_was_made_for_something_else_does_not_count() -> None:
    manifest, payload = RAW.split(b"\n", 3)[2:]
    assert read_bundle([signed(manifest, payload)], KEYS).files == SMALL
    assert why(signed(manifest, payload, as_what=b"")) is Refusal.SIGNATURE
    assert why(signed(manifest, payload, as_what=b"atajo data manifest, layout 2\0")) is Refusal.SIGNATURE


def test_the_unsigned_twin_of_a_signature_does_not_count() -> None:
    """The order of the curve added to the second half gives other bytes for the same point (RFC 8032, 5.1.7 forbids them)."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = bytes.fromhex(RAW.split(b"\n")[1].decode())
    twin = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    assert why(RAW.replace(signature.hex().encode(), twin.hex().encode())) is Refusal.SIGNATURE


# --- what a signed manifest may not say ---------------------------------------------------------------


def with_file(path: str, content: bytes = b"x", **changes: Any) -> bytes:
    """Return a signed bundle with one file, called anything."""
    entry = {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **changes}
    return signed({**manifest_of(RAW), "files": [entry]}, content)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../x.toml",
            "/etc/passwd",
            "services/../updates.toml",
            "tips/../../x.toml",
            "services//x.toml",
            "./pages.toml",
            "C:\\pages.toml",
        ),
        *("services\\x.toml", "services/x.toml\0", "services/x.toml\n", "services/X.toml", "services/.x.toml", "services/con/x.toml", ""),
        *("services/x.pem", "services/signal-root.pem", "services/x.toml.exe", "tips/x.py", "services/", "services", "pages.toml/x.toml"),
        *("updates.toml", "i18n/es.toml", "report/report.html.j2", "scenarios/open.toml", "theme/light.toml", "__init__.py", "x.toml"),
        *("services/\u0445.toml", "services/" + "x" * 65 + ".toml"),
    ],
)
def test_a_file_that_no_update_may_replace_is_refused_even_when_it_is_signed(path: str) -> None:
    assert why(with_file(path)) is Refusal.DAMAGED


def test_a_file_that_an_update_may_replace_is_taken() -> None:
    assert read_bundle([with_file("services/x-2_b.toml")], KEYS).files == {"services/x-2_b.toml": b"x"}


@pytest.mark.parametrize(
    "changes",
    [
        *({"format": "atajo-report"}, {"layout": 2}, {"version": 2026112800}, {"version": -1}, {"version": 0}, {"version": 2026130100}),
        *({"version": "2026112700"}, {"version": 10**30}, {"made": "2026-11-28T00:00:00Z"}, {"made": "2026-11-27T00:00:00"}, {"made": 0}),
        *({"made": "0001-01-01T00:00:00+23:59"}, {"expires": "2026-11-27T00:00:00Z"}, {"expires": "2026-01-01T00:00:00Z"}),
        *({"expires": "2028-11-27T00:00:00Z"}, {"expires": "9999-12-31T23:59:59-23:59"}, {"app": ""}, {"app": "new"}, {"app": "1." * 9}),
        *({"files": []}, {"files": {}}, {"more": 1}),
    ],
    ids=str,
)
def test_a_manifest_that_does_not_hold_together_is_refused(changes: dict[str, Any]) -> None:
    payload = b"".join(SMALL[path] for path in sorted(SMALL))
    assert read_bundle([signed(manifest_of(RAW), payload)], KEYS).files == SMALL
    assert why(signed({**manifest_of(RAW), **changes}, payload)) is Refusal.DAMAGED


def test_a_manifest_that_is_no_manifest_is_refused() -> None:
    for line in (b"", b"[]", b"{}", b"null", b'{"format"', b"[" * 100_000, b"\xff\xfe"):
        assert why(signed(line)) is Refusal.DAMAGED


def test_a_name_that_comes_twice_is_refused() -> None:
    entry = {"path": "pages.toml", "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
    assert why(signed({**manifest_of(RAW), "files": [entry, entry]}, b"xx")) is Refusal.DAMAGED


@pytest.mark.parametrize(
    "changes", [{"size": -1}, {"size": 1.5}, {"size": "1"}, {"sha256": "0" * 63}, {"sha256": "X" * 64}, {"link": "/etc"}]
)
def test_an_entry_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    assert why(with_file("pages.toml", **changes)) is Refusal.DAMAGED


def test_too_many_files_and_too_many_bytes_are_refused() -> None:
    empty = hashlib.sha256(b"").hexdigest()
    many = [{"path": f"tips/t{n}.toml", "size": 0, "sha256": empty} for n in range(MAX_FILES + 1)]
    assert len(read_bundle([signed({**manifest_of(RAW), "files": many[:-1]})], KEYS).files) == MAX_FILES
    assert why(signed({**manifest_of(RAW), "files": many})) is Refusal.TOO_LARGE
    assert why(with_file("pages.toml", size=MAX_TOTAL + 1)) is Refusal.TOO_LARGE
    assert why(with_file("pages.toml", size=10**300)) is Refusal.TOO_LARGE


# --- what has no end ----------------------------------------------------------------------------------


class Endless:
    """Pieces without end, counted."""

    def __init__(self, begin: bytes, piece: bytes) -> None:
        self._begin, self._piece = begin, piece
        self.given = 0

    def __iter__(self) -> Iterator[bytes]:
        yield self._begin
        while True:
            self.given += len(self._piece)
            yield self._piece


@pytest.mark.parametrize(
    "begin, piece, most",
    [
        (b"", b"\0" * 65536, 65536),
        (b"", b"A" * 65536, 65536),
        (RAW, b"\0" * 65536, 65536),
        (RAW[:200], b"\xff" * 65536, 65536 + MAX_MANIFEST),
        (b"atajo data 1\n", b"0" * 65536, 65536),
    ],
)
def test_what_never_ends_is_refused_after_a_little(begin: bytes, piece: bytes, most: int) -> None:
    endless = Endless(begin, piece)
    with pytest.raises(RefusedError):
        read_bundle(endless, KEYS)
    assert endless.given <= most


@pytest.mark.parametrize("begin", [b"", RAW, RAW[:200]])
def test_a_file_of_a_gigabyte_is_refused_without_being_read(begin: bytes, tmp_path: Path) -> None:
    path = tmp_path / "huge.atajo"
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(1 << 30)  # sparse: it takes no place
    tracemalloc.start()
    try:
        with pytest.raises(RefusedError):
            read_file(path, pinned())
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_bundle_that_is_not_wanted_is_left_before_its_files_are_read() -> None:
    def not_wanted(*_: object) -> None:
        raise RefusedError(Refusal.SAME)

    reader = BundleReader(KEYS, not_wanted)
    with pytest.raises(RefusedError):
        reader.feed(RAW[: parts_of(RAW)["payload"].start])


@given(st.binary(max_size=400))
def test_no_bytes_at_all_give_anything_but_a_refusal(junk: bytes) -> None:
    for raw in (junk, RAW[:13] + junk, RAW[:142] + junk, signed(junk.replace(b"\n", b""), junk)):
        with pytest.raises(RefusedError):
            read_bundle([raw], KEYS)


def test_times_are_read_in_any_zone() -> None:
    there = dt.timezone(dt.timedelta(hours=-4))
    moved = {**manifest_of(RAW), "made": MADE.astimezone(there).isoformat()}
    bundle: Bundle = read_bundle([signed(json.dumps(moved).encode(), b"# nothing\nx")], KEYS)
    assert bundle.manifest.made == MADE
