"""What error pages say of themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import resources
from diagnostics.errors import InputError
from diagnostics.phrases import WEIGHED, Kind, phrases, read_phrases, told_by

SHIPPED = resources.text("pages.toml")


def test_the_shipped_phrases_are_of_both_kinds() -> None:
    assert set(phrases().values()) == set(Kind)


@pytest.mark.parametrize(
    "status,page,kind",
    [
        (403, b"<p>This content is <b>not available</b> in your country.</p>", Kind.COUNTRY),
        (451, b"<h1>No disponible por razones legales</h1>", Kind.COUNTRY),
        (503, b"<title>Just a moment...</title>", Kind.CHALLENGE),
        (403, b"Just a moment... not available in your country", Kind.CHALLENGE),
        (403, b"<h1>403 Forbidden</h1>", None),
        (200, b"not available in your country", None),
        (403, b"<script>var a='not available in your country'</script>Forbidden", None),
    ],
)
def test_a_page_is_known_by_its_visible_words_and_its_status(status: int, page: bytes, kind: Kind | None) -> None:
    assert told_by(status, page) is kind


@given(st.sampled_from(sorted(WEIGHED)), st.binary())
def test_no_page_is_a_traceback(status: int, page: bytes) -> None:
    assert told_by(status, page) in (None, *Kind)


@pytest.mark.parametrize(
    "wrong,line",
    [
        ('text = "short"', 'text = "just a moment"'),
        ('text = "Just a moment"', 'text = "just a moment"'),
        ('kind = "x"', 'kind = "challenge"'),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(wrong: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        read_phrases(SHIPPED.replace(line, wrong, 1), "pages.toml")
    assert caught.value.text == "error.data"
    assert int(str(caught.value.values["line"])) > 8
