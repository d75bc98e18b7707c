"""Laying out the first flight: the same ClientHello in other pieces, as TCP segments or as TLS records.

A server must put both together again (RFC 8446, section 5.1: handshake messages may be spread over several records); a filter
that looks for a name may not.  Which layouts pass tells what kind of filter is on the way (``judge/filters.py``).

Grammar of a layout::

    ""                     as it is
    seg:POS[,POS...]       cut into writes, each its own segment where the system sends it at once
    rec:POS[,POS...]       cut into TLS records, sent in one write
    recseg:POS[,POS...]    cut into TLS records, each its own write
    chunk:N                writes of N bytes
    POS                    bytes from the start (of the record's body for rec and recseg), or sni (after the name's first byte),
                           snimid (in the middle of its registered part: of "api.x.com" that is "x.com", for which filters look),
                           sniend (before its last byte)
"""

from __future__ import annotations

from typing import Final

from diagnostics.clienthello import name_span
from diagnostics.judge.evidence import base_domain
from diagnostics.model import Fact

RECORD_HEAD: Final = 5
"""Bytes before a TLS record's body (RFC 8446, section 5.1)."""

MOST_PIECES: Final = 256
"""Pieces of one flight: 16 bytes each of the longest flight that browsers send, twice over."""

LONGEST_CUT: Final = 16384
MARKS: Final = ("sni", "snimid", "sniend")
_KINDS: Final = ("seg", "rec", "recseg", "chunk")


class Layout(Fact, frozen=True):
    """How a first flight is laid out; ``kind`` "" leaves it as it is."""

    kind: str = ""
    cuts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the layout in the grammar."""
        return f"{self.kind}:{','.join(self.cuts)}" if self.kind else ""


def is_layout(text: str) -> bool:
    """Tell whether a text is a layout that cuts something."""
    kind, _, rest = text.partition(":")
    cuts = rest.split(",")
    if kind not in _KINDS or (kind == "chunk" and (len(cuts) > 1 or not rest.isdecimal())):
        return False
    return all(cut in MARKS or (cut.isascii() and cut.isdecimal() and len(cut) <= len(str(LONGEST_CUT)) and int(cut) > 0) for cut in cuts)


def parse_layout(text: str) -> Layout:
    """Return a layout by its text.  Raises ValueError for one that is none."""
    if not text:
        return Layout()
    if not is_layout(text):
        message = f"no layout of a first flight: {text[:40]!r}"
        raise ValueError(message)
    kind, _, rest = text.partition(":")
    return Layout(kind=kind, cuts=tuple(rest.split(",")))


def lay_out(flight: bytes, layout: Layout) -> list[bytes]:
    """Return the writes that carry ``flight``; all of it, in its order, whatever it is.

    Cuts that lie outside it are left out, and those inside the name where no name is said: what is left may be the flight as
    it is, which is not the layout that was asked for (``is_cut``).  Only a flight that is one TLS record can be cut into records.
    """
    if layout.kind == "chunk":
        size = max(int(layout.cuts[0]), -(-len(flight) // MOST_PIECES))
        return [flight[at : at + size] for at in range(0, len(flight), size)]
    if layout.kind == "seg":
        return _pieces(flight, _positions(flight, layout, 0))
    if layout.kind and _is_one_record(flight):
        bodies = _pieces(flight[RECORD_HEAD:], _positions(flight, layout, RECORD_HEAD))
        records = [flight[:3] + len(body).to_bytes(2, "big") + body for body in bodies]
        return records if layout.kind == "recseg" else [b"".join(records)]
    return [flight]


def is_cut(flight: bytes, writes: list[bytes]) -> bool:
    """Tell whether the writes differ from the flight as it was."""
    return writes != [flight]


def _is_one_record(flight: bytes) -> bool:
    return len(flight) > RECORD_HEAD and len(flight) == RECORD_HEAD + int.from_bytes(flight[3:5], "big")


def _positions(flight: bytes, layout: Layout, origin: int) -> list[int]:
    """Return where to cut, in bytes from ``origin``, ascending, each once and inside."""
    span = name_span(flight)
    found: set[int] = set()
    for cut in layout.cuts:
        if cut.isdecimal():
            found.add(int(cut))
        elif span:
            begin, end = span
            registered = len(base_domain(flight[begin:end].decode("latin-1")))
            found.add({"sni": begin + 1, "snimid": end - (registered + 1) // 2, "sniend": end - 1}[cut] - origin)
    return sorted(at for at in found if 0 < at < len(flight) - origin)


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
