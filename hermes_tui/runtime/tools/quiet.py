"""Keeps what tools print off the terminal that the debugger draws on.

What a tool prints is dropped: its answer is what it returns. Only Python's own streams
(`sys.stdout`, `sys.__stdout__` …) are gated, by context, so that everybody else's prints pass;
`terminal_shield` keeps child processes and C libraries off a screen.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_STREAMS = ("stdout", "stderr", "__stdout__", "__stderr__")
_dropping: ContextVar[bool] = ContextVar("dropping", default=False)
_lock = threading.Lock()
_running = 0


class _Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


class _Gate:
    """Stands in for a text stream: drops what is written inside a `dropped_prints` block."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def write(self, text: str) -> int:
        return len(text) if _dropping.get() else int(self._target.write(text))

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> Any:
        return _Nowhere() if _dropping.get() else self._target.buffer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


@contextmanager
def dropped_prints() -> Iterator[None]:
    """Drop what this thread or task prints, until the block ends."""
    token = _dropping.set(True)
    _install()
    try:
        yield
    finally:
        _dropping.reset(token)
        _uninstall()


def _install() -> None:
    global _running
    with _lock:
        _running += 1
        for name in _STREAMS:
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, _Gate):
                setattr(sys, name, _Gate(stream))


def _uninstall() -> None:
    """Take the gates away after the last block, unless somebody replaced the streams meanwhile."""
    global _running
    with _lock:
        _running -= 1
        for name in _STREAMS:
            stream = getattr(sys, name)
            if not _running and isinstance(stream, _Gate):
                setattr(sys, name, stream._target)
