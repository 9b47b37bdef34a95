"""UTF-16 and UTF-32 to UTF-8, piece by piece: the shell of Windows writes UTF-16 by default.

Readers see the UTF-8 text, so that positions in the file are in bytes of UTF-8.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain

WIDEST = 4
"""Bytes that are needed to recognise the encoding."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ZEROS = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}
"""Which of the first four bytes of JSON are zero (RFC 4627, section 3)."""
_BEGINNINGS = b"{[ \t\r\n"


def wide_encoding(head: bytes) -> str:
    """Return the wide encoding of JSON that begins with `head`; empty if it may be UTF-8.

    Without a byte order mark it is recognised by a NUL next to a bracket or a blank.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    first = head[:WIDEST]
    if len(first) < WIDEST or first.lstrip(b"\0")[:1] not in _BEGINNINGS:
        return ""
    return _ZEROS.get((not first[0], not first[1], not first[2], not first[3]), "")


def as_utf8(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces as UTF-8 if they are JSON in UTF-16 or UTF-32, otherwise unchanged.

    Lone surrogates are passed on. Raises ValueError after the last whole character.
    """
    rest = iter(pieces)
    head = b""
    for piece in rest:
        head += piece
        if len(head) >= WIDEST:
            break
    encoding = wide_encoding(head)
    if not encoding:
        if head:
            yield head
        yield from rest
        return
    head = head.removeprefix("\ufeff".encode(encoding))
    yield from _transcoded(encoding, chain((head,), rest))


def _transcoded(encoding: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    try:
        for piece in pieces:
            yield _encoded(decoder.decode(piece))
        # The decoder holds back half a surrogate pair until the end.
        yield _encoded(decoder.decode(b"", final=True))
    except UnicodeDecodeError as error:
        yield _encoded(error.object[: error.start].decode(encoding, "surrogatepass"))
        raise ValueError(f"damaged {encoding[:6].upper()} text: {error.reason}") from error


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
