"""The two pipes to the debugger, separate from what foreign code reads and prints."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

_MAX_LINES = 20
_MAX_BYTES = 10_000
_MAX_LINE = 500


def private_streams() -> tuple[TextIO, TextIO]:
    """Move standard input and output to new descriptors and return them: requests and answers.

    From then on, standard input is empty, and standard output goes to standard error.
    """
    requests = os.fdopen(os.dup(0), encoding="utf-8", newline="\n")
    answers = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


class Printed:
    """Standard output and error of a person's own parser: passed on, and the first lines kept."""

    def __init__(self) -> None:
        self._copy = _Copy()
        self._stream = io.TextIOWrapper(
            io.BufferedWriter(self._copy), "utf-8", "backslashreplace", line_buffering=True
        )

    @contextlib.contextmanager
    def captured(self) -> Iterator[None]:
        """Receive what the code in the context prints."""
        with contextlib.redirect_stdout(self._stream), contextlib.redirect_stderr(self._stream):
            yield

    def take_lines(self) -> list[str]:
        """Return the lines printed since the last call; the last one says if there were more."""
        with contextlib.suppress(ValueError):  # if the parser closed it
            self._stream.flush()
        text, is_full = self._copy.take()
        lines = [line for line in text.splitlines() if line.strip()]
        more = ["… and more"] if is_full or len(lines) > _MAX_LINES else []
        return [line[:_MAX_LINE] for line in lines[:_MAX_LINES]] + more


class _Copy(io.RawIOBase):
    """Passes bytes on to standard error, and keeps the first of them."""

    def __init__(self) -> None:
        self._kept, self._is_full = b"", False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        given = bytes(data)
        room = _MAX_BYTES - len(self._kept)
        self._kept += given[:room]
        self._is_full |= len(given) > room
        if sys.__stderr__ is not None:
            sys.__stderr__.buffer.write(given)
            sys.__stderr__.buffer.flush()
        return len(given)

    def take(self) -> tuple[str, bool]:
        """Return the text kept since the last call, and whether there was more."""
        text, is_full = self._kept.decode("utf-8", "replace"), self._is_full
        self._kept, self._is_full = b"", False
        return text, is_full
