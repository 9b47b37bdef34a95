"""Reserves terminal and standard output for the debugger while foreign code runs in its process.

Code that uses the file descriptors 0 to 2 directly, such as a C library that a server's adapter
loads or a child process of it, would scribble over the screen and eat keys. While the shield is up,
these lead to the null device, and Python's own streams (`sys.__stdin__` …), which the screen is
drawn with, use descriptors that no child inherits. Only code that opens /dev/tty itself still
reaches the terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

_NAMES = ("stdin", "stdout", "stderr")
_saved_descriptors: dict[int, int] = {}
"""While the shield is up, duplicates of the original descriptors 0 to 2."""


@contextmanager
def shielded_terminal() -> Iterator[tuple[int, int]]:
    """Redirect descriptors 0 to 2 to the null device during the block; yield the terminal size."""
    before = {name: getattr(sys, name) for name in _both_names(_NAMES)}
    _flush()
    saved = {number: os.dup(number) for number in range(3)}
    streams = [
        os.fdopen(saved[0], "r", encoding="utf-8", errors="surrogateescape", closefd=False),
        *(
            os.fdopen(saved[number], "w", 1, "utf-8", "backslashreplace", closefd=False)
            for number in (1, 2)
        ),
    ]
    try:
        for name, stream in zip(_NAMES, streams, strict=True):
            _replace(name, stream)
        _saved_descriptors.update(saved)
        # The size cannot be read from the descriptors 0 to 2 once they are redirected.
        size = shutil.get_terminal_size()
        _redirect_to_null()
        yield size.columns, size.lines
    finally:
        _flush()
        _restore_descriptors()
        _saved_descriptors.clear()
        for name, stream in before.items():
            setattr(sys, name, stream)
        for number in saved.values():
            os.close(number)


def is_shielded() -> bool:
    """Return whether the shield is up."""
    return bool(_saved_descriptors)


@contextmanager
def reserved_output() -> Iterator[BinaryIO]:
    """Yield standard output for our own use: the output of other code goes to standard error.

    Standard input is empty meanwhile, so that no other code waits for it or consumes a pipeline.
    """
    _flush()
    saved = {number: os.dup(number) for number in range(2)}
    output = os.fdopen(saved[1], "wb", closefd=False)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    os.close(nowhere)
    try:
        yield output
        output.flush()
    finally:
        # If the reader is gone, an earlier exception has already reported it.
        with suppress(OSError):
            output.close()
        for number, descriptor in saved.items():
            os.dup2(descriptor, number)
            os.close(descriptor)


@contextmanager
def lowered() -> Iterator[None]:
    """Lower the shield during the block, so that a child such as an editor has the terminal."""
    if not _saved_descriptors:
        yield
        return
    _restore_descriptors()
    try:
        yield
    finally:
        _redirect_to_null()


def _both_names(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield name
        yield f"__{name}__"


def _replace(name: str, stream: Any) -> None:
    for each in _both_names((name,)):
        setattr(sys, each, stream)


def _flush() -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()


def _redirect_to_null() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        for number in range(3):
            os.dup2(nowhere, number)
    finally:
        if nowhere > 2:
            os.close(nowhere)


def _restore_descriptors() -> None:
    for number, saved in _saved_descriptors.items():
        os.dup2(saved, number)
