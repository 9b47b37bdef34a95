"""Keeps terminal and standard output to the debugger while foreign code runs in its process.

Whatever writes to the file descriptors 0 to 2 directly, a C library that a server's adapter loads
or a child process of it, would scribble over the screen and eat keys. While the shield is up these
lead nowhere, and Python's own streams (`sys.__stdin__` …), which the screen is drawn with, lead to
descriptors that no child inherits. Only what opens /dev/tty by itself still reaches the terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

_NAMES = ("stdin", "stdout", "stderr")
_kept: dict[int, int] = {}
"""While the shield is up: where each of the descriptors 0 to 2 led before."""


@contextmanager
def shielded_terminal() -> Iterator[tuple[int, int]]:
    """Lead the descriptors 0 to 2 nowhere until the block ends; yield the terminal's size."""
    before = {name: getattr(sys, name) for name in _both(_NAMES)}
    _flush()
    kept = {number: os.dup(number) for number in range(3)}
    streams = [
        os.fdopen(kept[0], "r", encoding="utf-8", errors="surrogateescape", closefd=False),
        *(
            os.fdopen(kept[number], "w", 1, "utf-8", "backslashreplace", closefd=False)
            for number in (1, 2)
        ),
    ]
    try:
        for name, stream in zip(_NAMES, streams, strict=True):
            _replace(name, stream)
        _kept.update(kept)
        # Those who ask descriptor 0, 1 or 2 for it cannot find it any more.
        size = shutil.get_terminal_size()
        _lead_nowhere()
        yield size.columns, size.lines
    finally:
        _flush()
        _lead_back()
        _kept.clear()
        for name, stream in before.items():
            setattr(sys, name, stream)
        for number in kept.values():
            os.close(number)


def is_shielded() -> bool:
    """Tell whether the shield is up."""
    return bool(_kept)


@contextmanager
def reserved_output() -> Iterator[BinaryIO]:
    """Yield standard output for our own use: what others write to it goes to standard error.

    Standard input is empty meanwhile, so that nothing waits for it or takes it from a pipeline.
    """
    _flush()
    kept = {number: os.dup(number) for number in range(2)}
    output = os.fdopen(kept[1], "wb", closefd=False)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    os.close(nowhere)
    try:
        yield output
        output.flush()
    finally:
        # A reader that went away was told by what was raised already.
        with suppress(OSError):
            output.close()
        for number, before in kept.items():
            os.dup2(before, number)
            os.close(before)


@contextmanager
def lowered() -> Iterator[None]:
    """Let child processes have the terminal, as an editor needs it, until the block ends."""
    if not _kept:
        yield
        return
    _lead_back()
    try:
        yield
    finally:
        _lead_nowhere()


def _both(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield name
        yield f"__{name}__"


def _replace(name: str, stream: Any) -> None:
    for each in _both((name,)):
        setattr(sys, each, stream)


def _flush() -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()


def _lead_nowhere() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        for number in range(3):
            os.dup2(nowhere, number)
    finally:
        if nowhere > 2:
            os.close(nowhere)


def _lead_back() -> None:
    for number, kept in _kept.items():
        os.dup2(kept, number)
