"""The files of a feed: open while they are read, and then, if there are many, closed."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from hermes_tui.runtime.closed_files import ClosedFiles
from hermes_tui.runtime.source_pool import PooledSource, SourcePool

if TYPE_CHECKING:
    from hermes_tui.formats.reader import Reader
    from hermes_tui.runtime.opener import OpenFile
    from hermes_tui.runtime.remote import Place
    from hermes_tui.runtime.targets import Targets

FEW_FILES: Final = 64
"""Up to this many may all stay open; of more, those read to the end are closed for a while."""


class FeedFiles:
    """Identifies each file by its number, which is its index among the targets."""

    def __init__(self, targets: Targets, *, keeps: bool) -> None:
        self.opened = 0
        """How many files could be opened."""
        self._targets = targets
        self._keeps = keeps
        self._open: dict[int, OpenFile] = {}
        self._reader: Reader | None = None
        self._pool = SourcePool(FEW_FILES)
        self._closed = ClosedFiles(self._path_of, self._pool)
        self._folder: str | None = None

    @property
    def are_many(self) -> bool:
        return len(self._targets) > FEW_FILES

    @property
    def kept(self) -> Collection[OpenFile]:
        """The files that are not closed."""
        return self._open.values()

    def add(self, number: int, file: OpenFile) -> None:
        """Add a file that was opened."""
        file.number, file.keeps = number, self._keeps
        if file.reader == self._reader:
            # Files of one format share a reader.
            file.reader = self._reader
        self._reader = file.reader
        self._open[number] = file
        self.opened += 1

    def pool(self, file: OpenFile) -> None:
        """Let a file be closed for a while if there are many."""
        if self.are_many and file.path is not None and not isinstance(file.source, PooledSource):
            file.source = self._pool.keep(file.path, file.source)

    def put_away(self, file: OpenFile) -> None:
        """Close a file that has been read to its end, if there are many."""
        if self.are_many and self._closed.put(file):
            del self._open[file.number]

    def file_of(self, number: int) -> OpenFile:
        """Return a file that was opened, reopened if necessary."""
        if number in self._open:
            return self._open[number]
        file = self._closed[number]
        file.keeps = self._keeps
        return file

    def _path_of(self, number: int) -> Place | None:
        return self._targets[number].path

    def label_of(self, number: int) -> str:
        return self._targets.label(number)

    def name_of(self, number: int) -> str:
        """Return a path without the folders that all files have in common."""
        if self._folder is None:
            self._folder = self._targets.common_folder()
        return self.label_of(number).removeprefix(self._folder)

    def close(self) -> None:
        for file in self._open.values():
            file.close()
        self._pool.close()
