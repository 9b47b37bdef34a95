"""A followed file: it grows, and it may be renamed, replaced or cut off.

A file that takes its place and begins with what was read is the same one, written anew. Of any
other, `change` says what became of what was read; whoever reads it goes on with what stands there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.file_stamps import Stamp
from hermes_tui.runtime.sources import FileSource, open_readable

SAMPLE: Final = 1 << 16
"""Bytes at either end of what was read by which it is known again."""
TAIL: Final = 64
"""Bytes before the end that must still stand there when the file has grown."""


class FileChange(Enum):
    """What became of a followed file."""

    RENAMED = "renamed"
    REPLACED = "replaced by another file"
    CUT = "became shorter"


class GrowingSource(FileSource):
    """A file that may grow, and is complete only once it is renamed and another is in its place."""

    told: ClassVar[Mapping[FileChange, str]] = MappingProxyType({
        change: f"{change.value}; showing what was read before" for change in FileChange
    })  # fmt: skip

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.change: FileChange | None = None
        self.looked_at: Stamp | None = None
        """What stood in its place when somebody last tried to read that."""
        self.is_other = False
        """Whether that was something of another kind."""
        self._gone = ""
        """What was said when there was no such file for a while."""
        self._tail = self._read_tail()

    @property
    def complete(self) -> bool:
        return self.change is FileChange.RENAMED

    def _say_shorter(self, end: int) -> None:
        if end < self._size:
            self._meet(FileChange.CUT)

    def _meet(self, change: FileChange) -> None:
        if self.change is None:
            self.change = change
            self.failure = f"{self.path}: {self.told[change]}"

    def refresh(self) -> bool:
        if self.change is not None:
            return False
        before = self.failure, self._size
        try:
            own, there = os.fstat(self._fd), self.path.stat()
        except OSError as error:
            self._gone = f"{self.path}: {error.strerror}; showing what was read before"
            self.failure = self.failure or self._gone
            return before != (self.failure, self._size)
        if self.failure == self._gone:
            self.failure = ""
        self._look(own, there)
        return before != (self.failure, self._size)

    def _look(self, own: os.stat_result, there: os.stat_result) -> None:
        is_elsewhere = not os.path.samestat(own, there)
        if own.st_size < self._size or not self._stands(own.st_size):
            self._meet(FileChange.CUT)
        elif own.st_size > self._size:
            # What was written to a file before another took its place is read first.
            self._grow(own.st_size)
        elif is_elsewhere and not self._goes_on_there():
            self._meet(FileChange.RENAMED if own.st_nlink else FileChange.REPLACED)

    def _grow(self, size: int) -> None:
        self._size = size
        self._tail = self._read_tail()

    def _read_tail(self) -> bytes:
        length = min(TAIL, self._size)
        return self.read(self._size - length, length)

    def _stands(self, size: int) -> bool:
        """Tell whether what was read still stands there; asked only where the size is another."""
        return size == self._size or self._read_tail() == self._tail

    def _goes_on_there(self) -> bool:
        """Read on in the file that has taken the place, if that begins with what was read."""
        try:
            fd = open_readable(self.path)
        except SourceError:
            return False
        length, last = min(SAMPLE, self._size), max(0, self._size - SAMPLE)
        try:
            is_same = all(
                os.pread(fd, length, start) == self.read(start, length) for start in (0, last)
            )
            if is_same:
                os.dup2(fd, self._fd, inheritable=False)
                self._grow(os.fstat(fd).st_size)
            return is_same
        except OSError:
            return False
        finally:
            os.close(fd)
