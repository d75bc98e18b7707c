"""Links of proxies in pictures with a QR code; pure: whoever calls has decoded the file (``app/pictures.py``).

``codes_in`` gives the texts of all codes, ``links_in`` what ``read_links`` makes of them.  zxing-cpp is imported when it is first
needed.
"""

from __future__ import annotations

from typing import Final

from diagnostics.model import Fact
from diagnostics.routes.paste import MAX_TEXT, Pasted, read_links

MOST_CODES: Final = 64


class Gray(Fact, frozen=True):
    """A picture of ``width`` x ``height`` pixels, one byte a pixel (0 black), rows from the top without gaps."""

    pixels: bytes
    width: int
    height: int

    def __post_init__(self) -> None:
        """Refuse sizes that do not fit.  Raises ValueError."""
        if self.width < 1 or self.height < 1 or len(self.pixels) != self.width * self.height:
            message = "the pixels do not fill the picture"
            raise ValueError(message)

    def __repr__(self) -> str:
        """Show the size alone: the picture may hold a secret."""
        return f"<picture {self.width}x{self.height}>"

    __str__ = __repr__


def codes_in(picture: Gray) -> tuple[str, ...]:
    """Return the texts of the QR codes in a picture, each once; none for a picture that the library cannot look through."""
    import zxingcpp

    rows = memoryview(picture.pixels).cast("B", (picture.height, picture.width))
    try:
        found = zxingcpp.read_barcodes(rows, formats=zxingcpp.barcode_formats_from_str("QRCode"))
        texts = [code.text for code in found[:MOST_CODES] if code.valid]
    except (ValueError, TypeError, RuntimeError, MemoryError):  # a stranger's picture: whatever the library says of it
        return ()
    return tuple(dict.fromkeys(text for text in texts if text))


def links_in(texts: tuple[str, ...]) -> Pasted:
    """Return the proxies in the texts of codes."""
    return read_links("\n".join(texts)[: MAX_TEXT + 1])
