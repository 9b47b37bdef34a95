"""A source held in memory."""

from __future__ import annotations


class BytesSource:
    """The first `size` bytes of `data`; `grow` shows more of them."""

    def __init__(self, data: bytes, size: int | None = None, *, complete: bool = True) -> None:
        self._data = data
        self.size = len(data) if size is None else size
        self.complete = complete

    def read(self, start: int, length: int) -> bytes:
        return self._data[start : min(self.size, start + length)]

    def grow(self, size: int | None = None, *, complete: bool = False) -> None:
        self.size = len(self._data) if size is None else size
        self.complete = complete

    def replace(self, data: bytes) -> None:
        """Replace the bytes without changing the size."""
        self._data = data
