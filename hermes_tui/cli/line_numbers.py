"""The line numbers of bytes in files."""

from __future__ import annotations

from pathlib import Path

PIECE = 1 << 20


class LineNumbers:
    """Counts the lines of files; continues from the last position requested in the same file."""

    def __init__(self) -> None:
        self._path = ""
        self._offset = 0
        self._line = 1

    def line_at(self, path: str, offset: int | None) -> int:
        """Return the 1-based line of a byte, or 0 if it is not known (any more)."""
        if offset is None:
            return 0
        if path != self._path or offset < self._offset:
            self._path, self._offset, self._line = path, 0, 1
        try:
            with Path(path).open("rb") as file:
                file.seek(self._offset)
                while self._offset < offset:
                    piece = file.read(min(PIECE, offset - self._offset))
                    if not piece:
                        return 0
                    self._line += piece.count(b"\n")
                    self._offset += len(piece)
        except OSError:
            return 0
        return self._line
