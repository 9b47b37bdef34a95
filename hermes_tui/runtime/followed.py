"""A compressed file, or one that is not UTF-8, that is decoded further while it grows."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import IO, ClassVar

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.growing import FileChange, GrowingSource
from hermes_tui.runtime.spools import CHUNK, SpoolFile, SpoolSource

POLL_S = 0.2
"""Seconds between two looks whether the file has grown."""


_ANOTHER = "replaced by another file; open it again to read that one"


class FollowedFile(GrowingSource):
    """A file that is waited for to grow until `stop` is called or it is gone."""

    messages: ClassVar = MappingProxyType({
        FileChange.RENAMED: _ANOTHER,
        FileChange.REPLACED: _ANOTHER,
        FileChange.CUT: "became shorter while open; open it again to see it",
    })  # fmt: skip

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.name = str(path)
        self._stopped = threading.Event()

    @property
    def complete(self) -> bool:
        return self._stopped.is_set() or bool(self.failure)

    def wait(self, timeout_s: float) -> None:
        """Wait until there may be more to read."""
        self._stopped.wait(max(timeout_s, POLL_S))
        self.refresh()

    def _continues_in_new_file(self) -> bool:
        # Compressed again, the same text may have different bytes.
        return False

    def as_file(self) -> IO[bytes]:
        """Return a separate file object for the file."""
        return os.fdopen(os.dup(self.fileno()), "rb")

    def stop(self) -> None:
        self._stopped.set()


def followed(path: Path, unpack: Callable[[SpoolFile], Iterator[bytes]] | None) -> SpoolSource:
    """Return a spool of the bytes of a growing file, unpacked by `unpack` if it is given."""
    file = FollowedFile(path)
    chunks = unpack or _plain
    try:
        return SpoolSource(str(path), lambda: chunks(SpoolFile(file)), on_close=file.stop)
    except SourceError:
        file.close()
        raise


def _plain(file: SpoolFile) -> Iterator[bytes]:
    with file:
        while piece := file.read(CHUNK):
            yield piece
