"""Many files with few descriptors: complete sources are closed, and opened again when needed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Self

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.file_stamps import CHANGED, stamp_of
from hermes_tui.runtime.remote import Place
from hermes_tui.runtime.sources import OpenSource, open_source, wait_for

MAX_OPEN = 64


class PooledSource:
    """A source that may be closed once it is complete; the next read opens it again."""

    __slots__ = ("_failure", "_path", "_pool", "_size", "_source", "stamp")

    def __init__(self, path: Place, source: OpenSource, pool: SourcePool) -> None:
        self._path = path
        self._source: OpenSource | None = source
        self._pool = pool
        # There may be a million of them, and the full stamp would take four times the memory.
        self.stamp = hash(stamp_of(path))
        self._size: int | None = None
        self._failure = ""

    @classmethod
    def closed(cls, path: Place, pool: SourcePool, *, size: int, stamp: int) -> Self:
        """Return a closed source for a file that was complete with this size and stamp."""
        source = cls.__new__(cls)
        source._path, source._pool, source._source = path, pool, None
        source._size, source.stamp, source._failure = size, stamp, ""
        return source

    @property
    def size(self) -> int:
        if self._size is not None:
            return self._size
        return self._source.size if self._source is not None else 0

    @property
    def complete(self) -> bool:
        return self._source is None or self._source.complete

    @property
    def failure(self) -> str:
        return self._failure or (self._source.failure if self._source is not None else "")

    def read(self, start: int, length: int) -> bytes:
        source = self._open_source()
        return source.read(start, length) if source is not None else b""

    def fileno(self) -> int:
        source = self._open_source()
        if source is None:
            raise SourceError(str(self._path), "cannot be opened again", self._failure)
        return source.fileno()

    def refresh(self) -> bool:
        return self._source.refresh() if self._source is not None else False

    def release(self) -> bool:
        """Close the source if it can be opened again; return whether it is closed now."""
        if self._source is None:
            return True
        if not self._source.complete:
            return False
        self._size, self._failure = self.size, self.failure
        self._source.close()
        self._source = None
        return True

    def close(self) -> None:
        self._pool.forget(self)
        if self._source is not None:
            self._source.close()

    def _open_source(self) -> OpenSource | None:
        if self._source is None:
            self._source = self._reopen()
        if self._source is not None:
            self._pool.touch(self)
        return self._source

    def _reopen(self) -> OpenSource | None:
        if hash(stamp_of(self._path)) != self.stamp:
            self._failure = f"{self._path}: {CHANGED}"
        try:
            source = open_source(self._path)
        except SourceError as error:
            self._failure = str(error)
            return None
        wait_for(source, self.size)
        return source


class SourcePool:
    """Keeps at most `most_open` sources open; the least recently read one is closed first."""

    def __init__(self, most_open: int = MAX_OPEN) -> None:
        self._most_open = most_open
        self._open: OrderedDict[PooledSource, None] = OrderedDict()

    def keep(self, path: Place, source: OpenSource) -> PooledSource:
        """Add `source` to the pool; return a source that may be closed for a while."""
        pooled = PooledSource(path, source, self)
        self.touch(pooled)
        return pooled

    def touch(self, source: PooledSource) -> None:
        self._open[source] = None
        self._open.move_to_end(source)
        if len(self._open) <= self._most_open:
            return
        for oldest in list(self._open):
            if oldest is not source and oldest.release():
                del self._open[oldest]
                return

    def forget(self, source: PooledSource) -> None:
        self._open.pop(source, None)

    def close(self) -> None:
        """Close all open sources."""
        for source in list(self._open):
            source.close()
