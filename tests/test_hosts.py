"""The hosts file of this computer, as people and programs write it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from diagnostics.hosts import MAX_BYTES, parse_hosts, read_hosts_file


def test_names_and_addresses_are_read_as_the_system_reads_them() -> None:
    text = (
        "127.0.0.1 localhost\n# 1.2.3.4 old.example\n0.0.0.0\tX.com. www.x.com # blocked\nfe80::1%lo0 link\nnot-an-address y.com\n9.9.9.9\n"
    )
    assert parse_hosts(text) == {"localhost": ("127.0.0.1",), "x.com": ("0.0.0.0",), "www.x.com": ("0.0.0.0",)} | {"link": ("fe80::1",)}


def test_several_lines_for_one_name_are_kept_in_order() -> None:
    assert parse_hosts("1.1.1.1 a.b\n2.2.2.2 a.b\n1.1.1.1 a.b\n") == {"a.b": ("1.1.1.1", "2.2.2.2")}


def test_a_file_that_is_missing_unreadable_or_endless_says_nothing(tmp_path: Path) -> None:
    assert read_hosts_file(tmp_path / "none") == {}
    assert read_hosts_file(tmp_path) == {}
    large = tmp_path / "large"
    large.write_bytes(b"1.2.3.4 a.b\n" + b"#" * MAX_BYTES)
    assert read_hosts_file(large) == {}


def test_a_windows_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_bytes(b"\xef\xbb\xbf127.0.0.1 x.com\r\n")
    assert read_hosts_file(file) == {"x.com": ("127.0.0.1",)}


@given(st.text())
def test_no_text_is_a_traceback(text: str) -> None:
    for name, addresses in parse_hosts(text).items():
        assert name == name.lower()
        assert addresses
