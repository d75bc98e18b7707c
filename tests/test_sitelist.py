"""A person's own list: whatever text it comes in, the sites are found and the rest is told by its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.sitelist import MAX_BYTES, MAX_PROBLEMS, MAX_SITES, read_sites


@pytest.mark.parametrize(
    "line",
    [
        *(
            "example.com",
            "  example.com  ",
            "https://example.com",
            "https://example.com/",
            '"example.com"',
            "«example.com»",
            "- example.com",
        ),
        *("• example.com", "12. example.com", "hxxps://example[.]com/", "example.com.", "example.com,", "<https://example.com>;"),
        *("example.com  # mine", "\ufeffexample.com", "EXAMPLE.com"),
    ],
)
def test_one_site_is_understood_however_it_is_written(line: str) -> None:
    assert read_sites(line).urls == ("https://example.com/",)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_any_system_ends_them(end: str) -> None:
    found = read_sites(end.join(["# mine", "", "a.example", "nothing", "b.example", "a.example"]))
    assert (found.urls, found.duplicates) == (("https://a.example/", "https://b.example/"), 1)
    assert [(each.line, each.text) for each in found.bad] == [(4, "error.bad_url")]


def test_a_table_gives_its_url_column() -> None:
    table = 'category_code,url,notes\nNEWS,https://a.example/x,"one, two"\nHUMR,"http://b.example/",\n'
    assert read_sites(table).urls == ("https://a.example/x", "http://b.example/")


def test_bytes_of_windows_are_read() -> None:
    assert read_sites("a.example\r\nb.example".encode("utf-16")).urls == ("https://a.example/", "https://b.example/")


def test_a_password_is_never_repeated() -> None:
    found = read_sites("https://marisol:s3cret@a.example/")
    assert [each.text for each in found.bad] == ["error.url_secret"]
    assert "s3cret" not in str(found)


def test_a_list_is_cut_at_its_bounds_and_says_so() -> None:
    many = read_sites("\n".join(f"s{n}.example" for n in range(MAX_SITES + 5)))
    assert (len(many.urls), many.cut) == (MAX_SITES, True)
    large = read_sites(b"a.example\n" + b"#" * MAX_BYTES)
    assert (large.urls, large.cut) == (("https://a.example/",), True)
    assert len(read_sites("\n".join(["no"] * (MAX_PROBLEMS + 9))).bad) == MAX_PROBLEMS


@given(st.one_of(st.binary(max_size=400), st.text(max_size=400)))
def test_no_text_breaks_it(raw: bytes | str) -> None:
    found = read_sites(raw)
    assert len(set(found.urls)) == len(found.urls)
    assert found.bad_lines >= len(found.bad)


@given(st.lists(st.from_regex(r"[a-z]{1,8}\.example", fullmatch=True), max_size=30))
def test_every_site_is_kept_once_in_its_order(hosts: list[str]) -> None:
    found = read_sites("\r\n".join(hosts))
    assert found.urls == tuple(dict.fromkeys(f"https://{host}/" for host in hosts))
    assert found.duplicates == len(hosts) - len(found.urls)
