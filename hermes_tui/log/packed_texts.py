"""Long texts that say nearly the same again and again, as streams of a reply do, in few bytes.

packed = zlib(UTF-8)       lone surrogates as the three bytes that UTF-8 would have for them
"""

from __future__ import annotations

import zlib
from typing import Final

_SLICE: Final = 1 << 20
"""Characters that are encoded at a time: a copy of the whole text would be as long as it."""
_BLOCK: Final = 1 << 16
"""Characters of pieces that are packed together while a text grows."""
_QUICKLY: Final = 1
"""The level: a higher one takes three times as long for a tenth less."""


def pack(text: str, most: int) -> bytes:
    """Return `text` packed; nothing where it has more than `most` bytes."""
    packing = zlib.compressobj(_QUICKLY)
    packed: list[bytes] = []
    for at in range(0, len(text), _SLICE):
        piece = text[at : at + _SLICE].encode("utf-8", "surrogatepass")
        most -= len(piece)
        packed.append(packing.compress(piece))
    packed.append(packing.flush())
    return b"".join(packed) if most >= 0 else b""


def unpack(packed: bytes, most: int) -> str:
    """Return the text; raises ValueError where it is damaged or has more than `most` bytes."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(packed, most)
    except zlib.error as error:
        raise ValueError(f"a packed text is damaged: {error}") from None
    if not unpacking.eof:
        what = f"has more than {most:,} bytes" if unpacking.unconsumed_tail else "ends too early"
        raise ValueError(f"a packed text {what}")
    return data.decode("utf-8", "surrogatepass")


class GrowingPack:
    """A text that comes in pieces and is hardly ever asked for; a long one is kept packed."""

    def __init__(self) -> None:
        self._packing: zlib._Compress | None = None
        """Takes 256 kB, which a short text does without."""
        self._packed: list[bytes] = []
        self._pieces: list[str] = []
        self._length = 0
        """Characters of `_pieces`."""

    def add(self, piece: str) -> None:
        """Let the text go on."""
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length >= _BLOCK:
            self._packing = self._packing or zlib.compressobj(_QUICKLY)
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
