"""Files that were read to their end. So little is kept of each that there may be millions."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from weakref import WeakValueDictionary

from hermes_tui.formats.reader import Reader
from hermes_tui.runtime.opener import OpenFile
from hermes_tui.runtime.remote import Place
from hermes_tui.runtime.source_pool import PooledSource, SourcePool

ALLOCATION_STEP = 1_024
"""How many files space is allocated for at a time."""
LATEST_READERS = 8
"""How many of the latest readers are compared with that of a closed file."""


class ClosedFiles:
    """Rebuilds files by number on request; a file that is in use is always the same object."""

    def __init__(self, path_of: Callable[[int], Place | None], pool: SourcePool) -> None:
        self._path_of = path_of
        self._pool = pool
        self._readers: list[Reader] = []
        self._reader_numbers = array("I")
        """The 1-based position of each file's reader; 0 if the file is not here."""
        self._sizes = array("Q")
        self._stamps = array("q")
        self._in_use: WeakValueDictionary[int, OpenFile] = WeakValueDictionary()

    def put(self, file: OpenFile) -> bool:
        """Store a file that was read to its end; return False if it could not be rebuilt."""
        source = file.source
        if not isinstance(source, PooledSource) or not source.complete or source.failure:
            return False
        if file.watched is not None or file.diagnosis is not None:
            return False
        if file.number >= len(self._reader_numbers):
            added = file.number - len(self._reader_numbers) + ALLOCATION_STEP
            for column in (self._reader_numbers, self._sizes, self._stamps):
                column.frombytes(bytes(added * column.itemsize))
        self._reader_numbers[file.number] = self._reader_number(file.reader)
        self._sizes[file.number] = source.size
        self._stamps[file.number] = source.stamp
        self._in_use[file.number] = file
        return True

    def _reader_number(self, reader: Reader) -> int:
        latest = range(len(self._readers), 0, -1)[:LATEST_READERS]
        for kind in latest:
            if self._readers[kind - 1] == reader:
                return kind
        self._readers.append(reader)
        return len(self._readers)

    def __contains__(self, number: int) -> bool:
        return number < len(self._reader_numbers) and self._reader_numbers[number] > 0

    def __getitem__(self, number: int) -> OpenFile:
        file = self._in_use.get(number)
        if file is None:
            file = self._in_use[number] = self._rebuild(number)
        return file

    def _rebuild(self, number: int) -> OpenFile:
        path = self._path_of(number)
        assert path is not None, "standard input is not put away"
        size, stamp = self._sizes[number], self._stamps[number]
        source = PooledSource.closed(path, self._pool, size=size, stamp=stamp)
        reader = self._readers[self._reader_numbers[number] - 1]
        return OpenFile(path, source, reader, number=number, is_reopened=True)
