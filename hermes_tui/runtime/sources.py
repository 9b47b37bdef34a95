"""Bytes to read from: plain files, growing files, and spools that a thread fills (standard input,
gzip, zstd, a database).

Files are read by `pread`, never mapped: a map of a file that shrinks kills the process.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.remote import Place, RemotePath, remote_bytes
from hermes_tui.runtime.unpacking import CHUNK, SpoolFile, unpacker, unzip

MAX_PACKED = 2
"""How many archives may stand in one another: one may hold itself."""
MEMBER_MARK = "!"
"""Stands between an archive and the member of it that is meant."""
SQLITE_MAGIC = b"SQLite format 3\0"


class OpenSource(Protocol):
    """A `formats.base.Source` that can be refreshed and closed."""

    @property
    def size(self) -> int: ...

    @property
    def complete(self) -> bool: ...

    @property
    def failure(self) -> str:
        """What went wrong while the source was filled, empty if nothing did."""
        ...

    def read(self, start: int, length: int) -> bytes: ...

    def fileno(self) -> int:
        """Return the descriptor, for a process that reads the same bytes."""
        ...

    def refresh(self) -> bool:
        """Look for growth; return whether anything changed."""
        ...

    def close(self) -> None: ...


class FileSource:
    """A file on disk. With `follow` it may grow and is never complete."""

    def __init__(self, path: Path, *, follow: bool = False) -> None:
        self.path = path
        self.failure = ""
        self._follow = follow
        self._fd = open_readable(path)
        self._size = os.fstat(self._fd).st_size

    @property
    def size(self) -> int:
        return self._size

    @property
    def complete(self) -> bool:
        return not self._follow

    def read(self, start: int, length: int) -> bytes:
        pieces: list[bytes] = []
        while length > 0:
            try:
                piece = os.pread(self._fd, length, start)
            except OSError as error:
                self.failure = f"{self.path}: {error.strerror}"
                break
            if not piece:
                self._say_shorter(start)
                break
            pieces.append(piece)
            start += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def fileno(self) -> int:
        return self._fd

    def _say_shorter(self, end: int) -> None:
        if end < self._size and not self.failure:
            self.failure = f"{self.path}: became shorter while open; open it again to read it anew"

    def refresh(self) -> bool:
        if not self._follow:
            return False
        try:
            size = os.fstat(self._fd).st_size
            on_disk = self.path.stat()
        except OSError as error:
            changed = not self.failure
            self.failure = f"{self.path}: {error.strerror}; showing what was read before"
            return changed
        if on_disk.st_ino != os.fstat(self._fd).st_ino and not self.failure:
            self.failure = f"{self.path}: replaced by another file; open it again to read that one"
            return True
        if size < self._size and not self.failure:
            self._say_shorter(size)
            return True
        changed = size > self._size
        self._size = max(size, self._size)
        return changed

    def close(self) -> None:
        os.close(self._fd)


class SpoolSource:
    """Bytes that a thread collects in an unnamed temporary file while they are being read."""

    def __init__(self, name: str, chunks: Callable[[], Iterable[bytes]]) -> None:
        self.name = name
        self.failure = ""
        self._file = _temporary_file(name)
        self._size = 0
        self._seen = 0
        self._done = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(chunks,), daemon=True)
        self._thread.start()

    def _fill(self, chunks: Callable[[], Iterable[bytes]]) -> None:
        fd = self._file.fileno()
        try:
            for chunk in chunks():
                if self._stop.is_set():
                    break
                self._write(fd, chunk)
        except SourceError as error:
            self.failure = str(error)
        except (OSError, EOFError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or "ends too early"
            self.failure = f"{self.name}: {reason}"
        finally:
            self._done.set()
            if self._stop.is_set():
                # `close` may have given up waiting for a writer that stayed silent.
                self._file.close()

    def _write(self, fd: int, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            try:
                written = os.write(fd, view)
            except OSError as error:
                raise SourceError(
                    self.name,
                    f"only the first {self._size >> 20:,} MB could be unpacked into "
                    f"{tempfile.gettempdir()}: {error.strerror}",
                    "set TMPDIR to a folder with more room",
                ) from error
            self._size += written
            view = view[written:]

    @property
    def size(self) -> int:
        return self._size

    @property
    def complete(self) -> bool:
        return self._done.is_set()

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), max(0, min(length, self._size - start)), start)

    def fileno(self) -> int:
        return self._file.fileno()

    def as_file(self) -> IO[bytes]:
        """Return what is spooled as a file object that seeks; closing it closes nothing else."""
        return os.fdopen(os.dup(self._file.fileno()), "rb")

    def refresh(self) -> bool:
        state = self._size * 2 + self._done.is_set()
        changed = state != self._seen
        self._seen = state
        return changed

    def wait(self, timeout_s: float) -> None:
        """Wait until the source is complete, at most `timeout_s` seconds."""
        self._done.wait(timeout_s)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(0.2)
        if not self._thread.is_alive():
            self._file.close()


def _temporary_file(name: str) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(prefix="hermes-tui-")
    except OSError as error:
        raise SourceError(
            name, f"no temporary file to read it into: {error.strerror}", "set TMPDIR to a folder"
        ) from error


def open_readable(path: Path) -> int:
    """Return a descriptor for reading a regular file; raise SourceError with what to do next."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise SourceError(str(path), "no such file", "check the path") from None
    except PermissionError:
        raise SourceError(
            str(path), "no permission to read it", "check its owner and mode"
        ) from None
    except OSError as error:
        raise SourceError(str(path), error.strerror or str(error)) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SourceError(str(path), "not a regular file", "give a file, a folder or `-`")
    return fd


def open_source(path: Place | None, *, follow: bool = False) -> OpenSource:
    """Open a path, or standard input where it is None; decompress on the way where needed.

    What is elsewhere is fetched as a whole, as far as it is needed.
    """
    if isinstance(path, RemotePath):
        return _unpacked(SpoolSource(str(path), lambda: remote_bytes(path)))
    if path is None:
        if sys.stdin is None or sys.stdin.closed:
            raise SourceError("-", "standard input is closed", "pipe a transcript into it")
        # The terminal driver takes over descriptor 0 for keys, so the pipe keeps one of its own.
        fd = os.dup(sys.stdin.fileno())
        return _unpacked(SpoolSource("standard input", lambda: _read_fd(fd)))
    if MEMBER_MARK in str(path) and not path.exists():
        return _unpacked(_member_source(path))
    source = FileSource(path, follow=follow)
    head = source.read(0, 16)
    if head.startswith(SQLITE_MAGIC):
        source.close()
        from hermes_tui.runtime.state_db import export_lines

        return SpoolSource(str(path), lambda: export_lines(path))
    unpack = unpacker(head)
    if unpack is None:
        return source
    source.close()
    spool = SpoolSource(str(path), lambda: unpack(path))
    return _unpacked(spool) if unpack is unzip else spool


def _member_source(path: Path) -> SpoolSource:
    from hermes_tui.runtime.archives import archive_bytes, split_member

    found = split_member(path)
    if found is None:
        raise SourceError(str(path), "no such file", "check the path")
    archive, member = found
    os.close(open_readable(archive))
    return SpoolSource(
        str(path), lambda: archive_bytes(str(path), lambda: archive.open("rb"), member)
    )


def _unpacked(source: SpoolSource, levels: int = MAX_PACKED) -> SpoolSource:
    """Return a spool of the unpacked bytes where the given one turns out to be compressed."""
    while source.size < 4 and not source.complete:
        source.wait(0.01)
    unpack = unpacker(source.read(0, 4))
    if unpack is None:
        return source
    spool = SpoolSource(source.name, lambda: unpack(SpoolFile(source)))
    return _unpacked(spool, levels - 1) if unpack is unzip and levels else spool


def _read_fd(fd: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(fd, CHUNK):
            yield chunk
    finally:
        os.close(fd)
