"""The second line: a file in which anything of this computer is left is not written as it is."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.errors import InputError
from diagnostics.model import Report
from diagnostics.report.contract import dump, load
from diagnostics.report.redaction import redacted
from diagnostics.report.secrets import Secrets
from diagnostics.report.sweep import sweep
from tests.report import documents

SECRETS = Secrets(
    addresses=frozenset({"192.168.77.23", "2800:a4:11:2200:8a2b:44ff:fe01:9c3d"}),
    macs=frozenset({"88:2b:44:01:9c:3d"}),
    user_names=frozenset({"marisol"}),
    homes=frozenset({"/home/marisol"}),
    network_names=frozenset({"Familia Peña <5G>"}),
    others=frozenset({"clave:secreta/1"}),
)
KNOWN = sorted({text for group in (getattr(SECRETS, field) for field in SECRETS.__struct_fields__) for text in group})

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "swapped case": str.swapcase,
    "url": lambda text: quote(text, safe=""),
    "url twice": lambda text: quote(quote(text, safe=""), safe=""),
    "every letter for a url": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "html": html.escape,
    "every letter for html": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "json": lambda text: json.dumps(text)[1:-1],
    "every letter for json": lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, one byte before": lambda text: base64.b64encode(b"x" + text.encode()).decode(),
    "base64, two bytes before": lambda text: base64.b64encode(b"xy" + text.encode() + b"z").decode(),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(b"?>" + text.encode()).decode(),
    "base64 of capitals": lambda text: base64.b64encode(text.upper().encode()).decode(),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
}


def written(content: bytes) -> bytes:
    """Return what is written of a file, or nothing where it is refused."""
    try:
        return sweep(content, SECRETS)
    except InputError:
        return b""


@pytest.mark.parametrize("secret", KNOWN)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_is_found_however_it_is_written(secret: str, encoding: str) -> None:
    shown = ENCODINGS[encoding](secret)
    left = written(f'{{"title": "Hola {shown} fin"}}'.encode())
    assert shown.encode() not in left


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_a_secret_in_two_bytes_a_letter_is_found(order: str) -> None:
    content = b"PDF " + "marisol".encode(order) + b" end"
    assert written(content) == b""


def test_what_is_found_is_replaced_and_the_rest_stays() -> None:
    assert sweep(b'{"title": "Hola marisol, 192.168.77.23"}', SECRETS) == b'{"title": "Hola [removed], [removed]"}'


def test_a_clean_file_is_written_byte_for_byte() -> None:
    content = dump(Report()) + b"\xff\xfe \x00"
    assert sweep(content, SECRETS) == content


@pytest.mark.parametrize("text", ["marisolandia", "1192.168.77.23", "192.168.77.231", "192.168.77.23.4"])
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert sweep(text.encode(), SECRETS) == text.encode()


def test_a_word_that_every_copy_writes_is_no_secret_there() -> None:
    page = b"<h1>Informe</h1> <p>informe</p>"
    assert sweep(page, Secrets(user_names=frozenset({"Informe"})), ours="<h1>Informe</h1>") == page
    assert b"nforme" not in sweep(page, Secrets(user_names=frozenset({"Informe"})))


def test_a_file_that_would_not_read_any_more_is_refused() -> None:
    content = b'{"format": "atajo-report", "version": 1, "run": {"seconds": 192168077023}, "observations": []}'
    with pytest.raises(InputError) as refused:
        sweep(content, SECRETS, reads=load)
    assert refused.value.text == "error.report_not_clean"


def test_a_report_that_was_not_redacted_is_refused_and_a_redacted_one_is_left_as_it_is() -> None:
    with pytest.raises(InputError, match=r"error\.report_not_clean"):  # its answers would be no addresses any more
        sweep(dump(documents.report()), documents.SECRETS, reads=load)
    clean = dump(redacted(documents.report(), secrets=documents.SECRETS).report)
    assert sweep(clean, documents.SECRETS, reads=load) == clean


@given(st.text(min_size=8, max_size=30), st.sampled_from(sorted(ENCODINGS)), st.text(max_size=5), st.text(max_size=5))
def test_no_password_gets_through_in_any_form(secret: str, encoding: str, before: str, after: str) -> None:
    shown = ENCODINGS[encoding](secret.replace("\ud800", "")) if secret.isprintable() else secret
    content = f"{before} {shown} {after}".encode("utf-8", "replace")
    try:
        left = sweep(content, Secrets(others=frozenset({secret})))
    except InputError:
        return
    assert shown not in left.decode("utf-8", "replace")
