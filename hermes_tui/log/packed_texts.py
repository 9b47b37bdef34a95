"""Compression of long texts that repeat themselves, as the stream of a reply does.

packed = zlib(UTF-8)       lone surrogates as the three bytes that UTF-8 would have for them
"""

from __future__ import annotations

import zlib
from typing import Final

_SLICE: Final = 1 << 20
"""Characters that are encoded at a time, to avoid a second copy of the whole text."""
_BLOCK: Final = 1 << 16
"""Characters after which the pieces of a growing text are packed."""
_FAST_LEVEL: Final = 1
"""The compression level: a higher one takes three times as long to save a tenth."""


def pack(text: str, most: int) -> bytes:
    """Return `text` packed, empty if it has more than `most` bytes."""
    packing = zlib.compressobj(_FAST_LEVEL)
    packed: list[bytes] = []
    for start in range(0, len(text), _SLICE):
        piece = text[start : start + _SLICE].encode("utf-8", "surrogatepass")
        most -= len(piece)
        packed.append(packing.compress(piece))
    packed.append(packing.flush())
    return b"".join(packed) if most >= 0 else b""


def unpack(packed: bytes, most: int) -> str:
    """Return the packed text. Raises ValueError if it is damaged or has more than `most` bytes."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(packed, most)
    except zlib.error as error:
        raise ValueError(f"a packed text is damaged: {error}") from None
    if not unpacking.eof:
        flaw = f"has more than {most:,} bytes" if unpacking.unconsumed_tail else "ends too early"
        raise ValueError(f"a packed text {flaw}")
    return data.decode("utf-8", "surrogatepass")


class GrowingPack:
    """A text that arrives in pieces and is rarely read; a long one is kept packed."""

    def __init__(self) -> None:
        self._packing: zlib._Compress | None = None
        """None for a short text, as a compressor takes 256 kB."""
        self._packed: list[bytes] = []
        self._pieces: list[str] = []
        self._length = 0
        """Characters of `_pieces`."""

    def add(self, piece: str) -> None:
        """Append a piece to the text."""
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length >= _BLOCK:
            self._packing = self._packing or zlib.compressobj(_FAST_LEVEL)
            self._packed.append(self._packing.compress(self._encoded()))
            self._pieces, self._length = [], 0

    def whole(self) -> str:
        """Return the text so far."""
        if self._packing is None:
            return "".join(self._pieces)
        packing = self._packing.copy()
        rest = packing.compress(self._encoded()) + packing.flush()
        data = zlib.decompress(b"".join([*self._packed, rest]))
        return data.decode("utf-8", "surrogatepass")

    def _encoded(self) -> bytes:
        return "".join(self._pieces).encode("utf-8", "surrogatepass")
