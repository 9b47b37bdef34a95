"""Rows of Arrow files and streams as JSON lines, as in the cache of Hugging Face's `datasets` and
in what its `save_to_disk` writes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

from hermes_tui.model.wording import first_line
from hermes_tui.runtime.packed.parquet_rows import MAX_BATCH_ROWS, lines_of_rows

_FILE_HEAD = b"ARROW1\0\0"


def arrow_lines(name: str, rows: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield one JSON line per row of a file of `size` bytes; messages call the file `name`.

    Raises what `lines_of_rows` raises.
    """
    return lines_of_rows(name, "Arrow", _rows(rows, size), size)


class _Bounded(io.RawIOBase):
    """A file from which no more is read than there is, as Arrow trusts the lengths in it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))


def _rows(rows: IO[bytes], size: int) -> Iterator[dict[str, Any]]:
    import pyarrow as pa  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from pyarrow import ipc  # type: ignore[import-not-found, import-untyped, unused-ignore]

    try:
        for batch in ipc.open_stream(_stream_in(_Bounded(rows, size))):
            batch.validate(full=True)
            for start in range(0, batch.num_rows, MAX_BATCH_ROWS):
                yield from batch.slice(start, MAX_BATCH_ROWS).to_pylist(maps_as_pydicts="lossy")
    except (pa.ArrowException, NotImplementedError, OSError, UnicodeDecodeError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise ValueError(f"damaged Arrow data: {first_line(str(error), 200)}") from error


def _stream_in(file: _Bounded) -> _Bounded:
    """Return `file` positioned at its Arrow stream, which in an Arrow file follows the magic bytes.

    Arrow's own file reader reads the footer first, on a thread that may outlive the program.
    """
    file.seek(0)
    is_file = file.read(len(_FILE_HEAD)) == _FILE_HEAD
    file.seek(len(_FILE_HEAD) if is_file else 0)
    return file
