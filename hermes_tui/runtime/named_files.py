"""Files that a person names in addition to the runs: a reply, schemas, a baseline, a recording.

They may be pipes, such as a shell's `<(command)`. A pipe that nobody writes into is refused, and so
is a stream that does not end.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from hermes_tui.model.errors import SourceError, UsageError

MAX_STREAM_BYTES: Final = 256 << 20
"""Bytes that are read at most of a file that is not regular, whose end is unknown."""
_CHUNK: Final = 1 << 16
_HINT: Final = "give a regular file"


def read_file_or_pipe(path: Path) -> bytes:
    """Return all of a file; raises SourceError, and UsageError if it does not end."""
    try:
        # Opening a pipe that nobody is writing to would block otherwise.
        with FileIO(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)) as file:
            mode = os.fstat(file.fileno()).st_mode
            return file.readall() if stat.S_ISREG(mode) else _read_other(file, path, mode)
    except OSError as error:
        raise SourceError.of(path, error) from error


def _read_other(file: FileIO, path: Path, mode: int) -> bytes:
    first = file.read(_CHUNK)
    if first == b"":
        if stat.S_ISFIFO(mode):
            raise UsageError(f"{path}: a pipe that nobody is writing to", _HINT)
        return b""
    os.set_blocking(file.fileno(), True)
    with os.fdopen(os.dup(file.fileno()), "rb") as stream:
        return (first or b"") + read_bounded(stream, str(path))


def read_bounded(stream: BinaryIO, name: str) -> bytes:
    """Return all of a stream; raises UsageError if it does not end."""
    return _check_length(stream.read(MAX_STREAM_BYTES + 1), name)


def bounded_lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield lines as they come; raises UsageError if one does not end."""
    while line := stream.readline(MAX_STREAM_BYTES + 1):
        yield _check_length(line, name)


def _check_length(data: bytes, name: str) -> bytes:
    if len(data) > MAX_STREAM_BYTES:
        raise UsageError(f"{name}: no end after {MAX_STREAM_BYTES:,} bytes", _HINT)
    return data
