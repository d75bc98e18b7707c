"""Pictures with a QR code become links; pictures of any other kind, and files that are none, become one sentence."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QBuffer, QIODevice, QPoint
from PySide6.QtGui import QColor, QImage, QPainter, QTransform

from app import pictures
from app.pictures import MAX_BYTES, read_bytes, read_image, read_picture
from diagnostics.errors import InputError
from diagnostics.routes.link import Kind
from diagnostics.routes.picture import Gray, codes_in, links_in

LINK = "trojan://secreto-77@h.example:443?sni=x.example#Oficina"


def code(text: str, *, scale: int = 4) -> QImage:
    """Return the QR code of a text, drawn by the library that also reads them."""
    image: Any = zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode), scale=scale)
    drawn = memoryview(image)
    height, width = image.shape
    return QImage(drawn.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()


def saved(image: QImage, kind: str) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    save: Any = image.save  # the stubs want bytes, PySide6 6.9 itself a str
    assert save(buffer, kind, 90)
    return bytes(buffer.data().data())


def complaint(data: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_bytes(data)
    return caught.value.text


def png_header(width: int, height: int) -> bytes:
    """Return the beginning of a PNG that claims a size and has one byte of content."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_a_picture_of_a_code_becomes_its_link(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "código con ñ.png"
    path.write_bytes(saved(code(LINK), kind))
    (link,) = read_picture(path).links
    assert (link.kind, link.host, link.secret.reveal(), link.name) == (Kind.TROJAN, "h.example", "secreto-77", "Oficina")


def test_a_photograph_is_read_turned_small_and_among_other_things() -> None:
    photo = QImage(2001, 1501, QImage.Format.Format_RGB32)
    photo.fill(QColor("#c8b090"))
    painter = QPainter(photo)
    painter.drawImage(QPoint(1201, 303), code(LINK, scale=5).transformed(QTransform().rotate(17)))
    painter.drawImage(QPoint(101, 403), code("socks5h://127.0.0.1:9150", scale=5))
    painter.end()
    assert {link.kind for link in read_bytes(saved(photo, "JPEG")).links} == {Kind.TROJAN, Kind.SOCKS5H}


@pytest.mark.parametrize("ink", ["black", "white"])
def test_a_code_on_nothing_is_read_whatever_its_ink(ink: str) -> None:
    drawn = code(LINK)
    clear = QImage(drawn.size(), QImage.Format.Format_ARGB32)
    for y in range(drawn.height()):
        for x in range(drawn.width()):
            clear.setPixelColor(x, y, QColor(ink) if drawn.pixelColor(x, y).value() < 128 else QColor(0, 0, 0, 0))
    assert len(read_bytes(saved(clear, "PNG")).links) == 1


def test_a_large_picture_is_scaled_down_and_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LONGEST_SIDE", 300)
    large = code(LINK, scale=20)
    assert large.width() > 600
    assert len(read_bytes(saved(large, "PNG")).links) == 1
    assert len(read_image(large).links) == 1


def test_a_code_that_is_no_link_says_what_is_wrong_with_it() -> None:
    pasted = read_image(code("https://example.com/menu"))
    assert pasted.links == ()
    assert [unread.text for unread in pasted.unread] == ["link.page"]


def test_a_picture_without_a_code_says_so() -> None:
    empty = QImage(200, 100, QImage.Format.Format_RGB32)
    empty.fill(QColor("white"))
    assert complaint(saved(empty, "PNG")) == "picture.no_code"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage" * 50,
        saved(code(LINK), "PNG")[:60],
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        png_header(3, 3)[:30],
    ],
    ids=["nothing", "garbage", "cut short", "svg", "half a header"],
)
def test_what_is_no_picture_is_one_sentence(data: bytes) -> None:
    assert complaint(data) == "picture.unreadable"


@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 1), (1, 2**31 - 1), (8000, 5001)])
def test_a_picture_that_claims_to_be_huge_is_not_decoded(size: tuple[int, int]) -> None:
    assert complaint(png_header(*size)) in ("picture.too_large", "picture.unreadable")


def test_a_file_that_is_too_large_or_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"\0" * (MAX_BYTES + 1))
    for name, text in (
        ("large", "picture.too_large"),
        ("none", "picture.unreadable"),
        (".", "picture.unreadable"),
        ("a\0b", "picture.unreadable"),
    ):
        with pytest.raises(InputError, match=text.replace(".", r"\.")):
            read_picture(tmp_path / name)


@given(st.binary(max_size=300), st.integers(0, 60))
def test_no_bytes_whatsoever_raise_anything_else(data: bytes, keep: int) -> None:
    for each in (data, saved(code("x"), "PNG")[:keep] + data):
        with pytest.raises(InputError):
            read_bytes(each)


# --- the pure part --------------------------------------------------------------------------------


def test_pixels_must_fill_the_picture_and_do_not_print() -> None:
    with pytest.raises(ValueError, match="fill"):
        Gray(pixels=b"123", width=2, height=2)
    with pytest.raises(ValueError, match="fill"):
        Gray(pixels=b"", width=0, height=0)
    assert "1234" not in repr(Gray(pixels=b"1234", width=2, height=2))


@given(st.integers(1, 40), st.integers(1, 40))
def test_any_pixels_are_looked_through(width: int, height: int) -> None:
    assert codes_in(Gray(pixels=bytes((x * 7919) % 256 for x in range(width * height)), width=width, height=height)) == ()


def test_several_codes_give_their_links_once() -> None:
    assert len(links_in((LINK, LINK, "1.2.3.4:8080")).links) == 2
