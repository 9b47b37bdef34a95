"""Spools: bytes that a thread collects while others read them, and a file object for them."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterable
from typing import IO, Protocol

from hermes_tui.model.errors import NoTranscript, SourceError
from hermes_tui.runtime.packed.limits import no_room, room_left
from hermes_tui.runtime.packed.transcoding import as_utf8

CHUNK = 1 << 20


class TemporaryBytes:
    """Bytes in an unnamed temporary file, which grows only while its disk has room.

    `name` is what messages say cannot be read.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._file = _temporary_file(name)
        self._room_until = 0
        self.size = 0

    def append(self, data: bytes) -> None:
        """Append data; raises SourceError if there is no room for all of it."""
        fd = self._file.fileno()
        view = memoryview(data)
        while view:
            if self.size >= self._room_until:
                self._room_until = self.size + room_left(self._name, fd, self.size)
            try:
                written = os.write(fd, view[: self._room_until - self.size])
            except OSError as error:
                raise no_room(self._name, self.size, error.strerror or str(error)) from error
            self.size += written
            view = view[written:]

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), max(0, min(length, self.size - start)), start)

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()


class SpoolSource:
    """Bytes that a thread collects in an unnamed temporary file while others read them.

    JSON in UTF-16 or UTF-32 is converted to UTF-8.
    """

    def __init__(
        self,
        name: str,
        chunks: Callable[[], Iterable[bytes]],
        *,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._on_close = on_close
        self.failure = ""
        self.is_foreign = False
        """Whether the failure is that the source is not a transcript."""
        self._bytes = TemporaryBytes(name)
        self._last_state = 0
        self._done = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(chunks,), daemon=True)
        self._thread.start()

    def _fill(self, chunks: Callable[[], Iterable[bytes]]) -> None:
        try:
            for chunk in as_utf8(chunks()):
                if self._stop.is_set():
                    break
                self._bytes.append(chunk)
        except SourceError as error:
            self.failure = str(error)
            self.is_foreign = isinstance(error, NoTranscript)
        except (OSError, EOFError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or "ends too early"
            self.failure = f"{self.name}: {reason}"
        finally:
            self._done.set()
            if self._stop.is_set():
                # `close` may have given up waiting for a writer that stayed silent.
                self._bytes.close()

    @property
    def size(self) -> int:
        return self._bytes.size

    @property
    def complete(self) -> bool:
        return self._done.is_set()

    def read(self, start: int, length: int) -> bytes:
        return self._bytes.read(start, length)

    def fileno(self) -> int:
        return self._bytes.fileno()

    def as_file(self) -> IO[bytes]:
        """Return the spooled bytes as a seekable file object; closing it closes nothing else."""
        return os.fdopen(os.dup(self._bytes.fileno()), "rb")

    def refresh(self) -> bool:
        state = self._bytes.size * 2 + self._done.is_set()
        changed = state != self._last_state
        self._last_state = state
        return changed

    def wait(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` seconds for the source to be complete."""
        self._done.wait(timeout_s)

    def close(self) -> None:
        self._stop.set()
        self._on_close()
        self._thread.join(0.2)
        if not self._thread.is_alive():
            self._bytes.close()


def _temporary_file(name: str) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(prefix="hermes-tui-")
    except OSError as error:
        raise SourceError(
            name, f"no temporary file to read it into: {error.strerror}", "set TMPDIR to a folder"
        ) from error


class Incoming(Protocol):
    """A source of bytes that are still arriving."""

    name: str

    @property
    def failure(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def complete(self) -> bool: ...

    def read(self, start: int, length: int) -> bytes: ...

    def wait(self, timeout_s: float) -> None: ...

    def as_file(self) -> IO[bytes]: ...

    def close(self) -> None: ...


class SpoolFile:
    """A readable file object for a source, which waits for the bytes that are still to come."""

    def __init__(self, source: Incoming) -> None:
        self._source = source
        self._position = 0
        self.closed = False
        self.name = source.name

    def seekable_copy(self) -> IO[bytes]:
        """Wait until everything has arrived, and return it all as a separate, seekable file."""
        while not self._source.complete:
            self._source.wait(0.02)
        copy = self._source.as_file()
        self.close()
        return copy

    def read(self, length: int = -1) -> bytes:
        length = CHUNK if length < 0 else length
        while self._source.size <= self._position and not self._source.complete:
            self._source.wait(0.02)
        data = self._source.read(self._position, length)
        self._position += len(data)
        if length and not data and self._source.failure:
            raise SourceError.of_lines([self._source.failure])
        return data

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._source.close()

    def __enter__(self) -> SpoolFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
