"""The line numbers of bytes in files."""

from __future__ import annotations

from pathlib import Path

CHUNK_SIZE = 1 << 20


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
                    chunk = file.read(min(CHUNK_SIZE, offset - self._offset))
                    if not chunk:
                        return 0
                    self._line += chunk.count(b"\n")
                    self._offset += len(chunk)
        except OSError:
            return 0
        return self._line
