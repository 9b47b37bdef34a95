"""The two pipes to the debugger, separate from what foreign code reads and prints."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

_MAX_LINES = 20
_MAX_CHARS = 10_000


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


class Printed(io.TextIOBase):
    """Standard output and error of a person's own parser: passed on, and the first lines kept."""

    def __init__(self) -> None:
        self._kept, self._is_full = "", False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = _MAX_CHARS - len(self._kept)
        self._kept += text[:room]
        self._is_full |= len(text) > room
        if sys.__stderr__ is not None:
            sys.__stderr__.write(text)
        return len(text)

    def flush(self) -> None:
        if sys.__stderr__ is not None:
            sys.__stderr__.flush()

    @contextlib.contextmanager
    def captured(self) -> Iterator[None]:
        """Receive what the code in the context prints."""
        with contextlib.redirect_stdout(self), contextlib.redirect_stderr(self):
            yield

    def take_lines(self) -> list[str]:
        """Return the lines printed since the last call, each marked as printed."""
        lines = [line for line in self._kept.splitlines() if line.strip()]
        more = ["printed more than that"] if self._is_full or len(lines) > _MAX_LINES else []
        self._kept, self._is_full = "", False
        return [
            f"printed: {line[: _MAX_CHARS // _MAX_LINES]}" for line in lines[:_MAX_LINES]
        ] + more
