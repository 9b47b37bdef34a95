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
from typing import IO, Protocol, cast

from hermes_tui.model.errors import SourceError

CHUNK = 1 << 20
ZSTD_PIECE = 1 << 12
"""Bytes unpacked at once: a piece may grow 30,000-fold."""
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
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
                break
            pieces.append(piece)
            start += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

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
            self.failure = f"{self.path}: became shorter while open; open it again to read it anew"
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
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="hermes-tui-")  # noqa: SIM115
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
                view = memoryview(chunk)
                while view:
                    view = view[os.write(fd, view) :]
                self._size += len(chunk)
        except SourceError as error:
            self.failure = str(error)
        except (OSError, EOFError, ValueError) as error:
            self.failure = f"{self.name}: {error or 'ends too early'}"
        finally:
            self._done.set()
            if self._stop.is_set():
                # `close` may have given up waiting for a writer that stayed silent.
                self._file.close()

    @property
    def size(self) -> int:
        return self._size

    @property
    def complete(self) -> bool:
        return self._done.is_set()

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), max(0, min(length, self._size - start)), start)

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


def open_source(path: Path | None, *, follow: bool = False) -> OpenSource:
    """Open a path, or standard input where it is None; decompress on the way where needed."""
    if path is None:
        if sys.stdin is None or sys.stdin.closed:
            raise SourceError("-", "standard input is closed", "pipe a transcript into it")
        # The terminal driver takes over descriptor 0 for keys, so the pipe keeps one of its own.
        fd = os.dup(sys.stdin.fileno())
        return _unpacked(SpoolSource("standard input", lambda: _read_fd(fd)))
    source = FileSource(path, follow=follow)
    head = source.read(0, 16)
    if head.startswith(SQLITE_MAGIC):
        source.close()
        from hermes_tui.runtime.state_db import export_lines

        return SpoolSource(str(path), lambda: export_lines(path))
    unpack = _unpacker(head)
    if unpack is None:
        return source
    source.close()
    return SpoolSource(str(path), lambda: unpack(path))


def _unpacked(source: SpoolSource) -> SpoolSource:
    """Return a spool of the unpacked bytes where the given one turns out to be compressed."""
    while source.size < 4 and not source.complete:
        source.wait(0.01)
    unpack = _unpacker(source.read(0, 4))
    if unpack is None:
        return source
    return SpoolSource(source.name, lambda: unpack(_SpoolFile(source)))


def _unpacker(head: bytes) -> Callable[[Path | _SpoolFile], Iterator[bytes]] | None:
    if head.startswith(GZIP_MAGIC):
        return _gunzip
    if head.startswith(ZSTD_MAGIC):
        return _unzstd
    return None


def _gunzip(packed: Path | _SpoolFile) -> Iterator[bytes]:
    import gzip
    import zlib

    try:
        with _binary(packed) as raw, gzip.GzipFile(fileobj=raw) as stream:
            # `read1` hands over what could be unpacked before a torn end.
            while chunk := stream.read1(CHUNK):
                yield chunk
    except zlib.error as error:
        raise ValueError(f"damaged gzip data: {error}") from error


def _unzstd(packed: Path | _SpoolFile) -> Iterator[bytes]:
    import zstandard

    frames = zstandard.ZstdDecompressor()
    frame = None
    try:
        with _binary(packed) as stream:
            while piece := stream.read(ZSTD_PIECE):
                while piece:
                    frame = frame or frames.decompressobj()
                    yield frame.decompress(piece)
                    # A file may hold several frames; the reader of the library stops after one,
                    # and takes a torn frame for a whole one.
                    piece = frame.unused_data
                    frame = None if frame.eof else frame
    except zstandard.ZstdError as error:
        raise ValueError(f"damaged zstd data: {error}") from error
    if frame is not None:
        raise EOFError("compressed data ended in the middle of a frame")


def _binary(packed: Path | _SpoolFile) -> IO[bytes]:
    return packed.open("rb") if isinstance(packed, Path) else cast("IO[bytes]", packed)


class _SpoolFile:
    """A spool as a readable file object that waits for bytes still to come."""

    def __init__(self, source: SpoolSource) -> None:
        self._source = source
        self._position = 0
        self.closed = False

    def read(self, length: int = -1) -> bytes:
        length = CHUNK if length < 0 else length
        while self._source.size <= self._position and not self._source.complete:
            self._source.wait(0.02)
        data = self._source.read(self._position, length)
        self._position += len(data)
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> _SpoolFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _read_fd(fd: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(fd, CHUNK):
            yield chunk
    finally:
        os.close(fd)
