"""Files that a person names beside the runs: a reply, schemas, a baseline, a recording.

A pipe is one too, as a shell's `<(command)` gives it; what never comes or never ends is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from hermes_tui.model.errors import SourceError, UsageError

MOST_UNENDING: Final = 256 << 20
"""Bytes that are read of what is no regular file, so that nobody knows where it ends."""
_CHUNK: Final = 1 << 16
_HINT: Final = "give a regular file"


def read_named(path: Path) -> bytes:
    """Return all of a file; raises SourceError, UsageError for what is read without end."""
    try:
        # A pipe that nobody writes into would block already here.
        with FileIO(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)) as file:
            mode = os.fstat(file.fileno()).st_mode
            return file.readall() if stat.S_ISREG(mode) else _read_other(file, path, mode)
    except OSError as error:
        raise SourceError.of(path, error) from error


def _read_other(file: FileIO, path: Path, mode: int) -> bytes:
    head = file.read(_CHUNK)
    if head == b"":
        if stat.S_ISFIFO(mode):
            raise UsageError(f"{path}: a pipe that nobody writes into", _HINT)
        return b""
    os.set_blocking(file.fileno(), True)
    with os.fdopen(os.dup(file.fileno()), "rb") as stream:
        return (head or b"") + read_bounded(stream, str(path))


def read_bounded(stream: BinaryIO, name: str) -> bytes:
    """Return all that comes out of a stream; raises UsageError where that does not end."""
    return _within(stream.read(MOST_UNENDING + 1), name)


def bounded_lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield lines as they come; raises UsageError where one does not end."""
    while line := stream.readline(MOST_UNENDING + 1):
        yield _within(line, name)


def _within(data: bytes, name: str) -> bytes:
    if len(data) > MOST_UNENDING:
        raise UsageError(f"{name}: no end after {MOST_UNENDING:,} bytes", _HINT)
    return data
