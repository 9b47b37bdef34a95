"""A followed file, which grows and may be renamed, replaced or truncated.

A file that replaces it and begins with the same content counts as the same file, written again.
Otherwise, if the file is replaced or truncated, `change` says what became of the one that was read;
the caller then decides whether to read the new one.
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
"""Bytes at either end of the content that are compared to recognise it in another file."""
TAIL: Final = 64
"""Bytes before the old end that must be unchanged when the file has grown."""


class FileChange(Enum):
    """What became of a followed file."""

    RENAMED = "renamed"
    REPLACED = "replaced by another file"
    CUT = "became shorter"


class GrowingSource(FileSource):
    """A file that may grow; it is complete only once it was renamed and another took its place."""

    messages: ClassVar[Mapping[FileChange, str]] = MappingProxyType({
        change: f"{change.value}; showing what was read before" for change in FileChange
    })  # fmt: skip

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.change: FileChange | None = None
        self.looked_at: Stamp | None = None
        """The stamp of the file in its place when that was last tried."""
        self.is_other = False
        """Whether that file was of another kind."""
        self._missing_failure = ""
        """The failure that was reported while there was no such file."""
        self._tail = self._read_tail()

    @property
    def complete(self) -> bool:
        return self.change is FileChange.RENAMED

    def _note_truncation(self, end: int) -> None:
        if end < self._size:
            self._set_change(FileChange.CUT)

    def _set_change(self, change: FileChange) -> None:
        if self.change is None:
            self.change = change
            self.failure = f"{self.path}: {self.messages[change]}"

    def refresh(self) -> bool:
        if self.change is not None:
            return False
        before = self.failure, self._size
        try:
            opened, current = os.fstat(self._fd), self.path.stat()
        except OSError as error:
            self._missing_failure = f"{self.path}: {error.strerror}; showing what was read before"
            self.failure = self.failure or self._missing_failure
            return before != (self.failure, self._size)
        if self.failure == self._missing_failure:
            self.failure = ""
        self._check_change(opened, current)
        return before != (self.failure, self._size)

    def _check_change(self, opened: os.stat_result, current: os.stat_result) -> None:
        is_elsewhere = not os.path.samestat(opened, current)
        if opened.st_size < self._size or not self._is_old_end_unchanged(opened.st_size):
            self._set_change(FileChange.CUT)
        elif opened.st_size > self._size:
            # The rest of the old file is read before the one that took its place.
            self._grow(opened.st_size)
        elif is_elsewhere and not self._continues_in_new_file():
            self._set_change(FileChange.RENAMED if opened.st_nlink else FileChange.REPLACED)

    def _grow(self, size: int) -> None:
        self._size = size
        self._tail = self._read_tail()

    def _read_tail(self) -> bytes:
        length = min(TAIL, self._size)
        return self.read(self._size - length, length)

    def _is_old_end_unchanged(self, size: int) -> bool:
        """Return whether the bytes before the old end are unchanged; not read at the same size."""
        return size == self._size or self._read_tail() == self._tail

    def _continues_in_new_file(self) -> bool:
        """Continue in the file now at the path if it begins like this one; return whether so."""
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
