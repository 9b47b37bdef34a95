"""A folder of numbered files as if it were one: by their numbers, what each holds on a line."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

from hermes_tui.formats.json_values import loads
from hermes_tui.model.errors import SourceError, reason_of
from hermes_tui.model.wording import first_few
from hermes_tui.runtime.numbered_files import Numbered, numbered_files
from hermes_tui.runtime.sources import open_readable
from hermes_tui.runtime.spools import SpoolSource

LOOKED_AFTER_S: Final = 0.2
"""How often it is looked whether there are more files."""
_MOST_TOLD: Final = 5
_ONE_LINE: Final = bytes.maketrans(b"\r\n", b"  ")
"""Between the values of JSON, where alone lines end in it, a blank says the same."""


def folder_source(folder: Path, *, follow: bool = False) -> SpoolSource:
    """Return a spool of what the files of a run hold.

    What is wrong with some is its failure, once all have been read. With `follow` it goes on until
    it is closed; then a last file waits until it is whole, or another one comes behind it, and a
    failure is what is wrong now: a file that comes late fills its gap.
    """
    stopped = threading.Event()
    lines = _Lines(str(folder), partial(_files_in, folder), lambda name: _read(folder / name))
    chunks = lines.as_they_come(stopped) if follow else lines.all()
    source = SpoolSource(str(folder), lambda: chunks, on_close=stopped.set)
    lines.source = source
    return source


def numbered_lines(
    name: str, files: list[Numbered], read: Callable[[str], bytes]
) -> Iterator[bytes]:
    """Yield what the files of a run hold, a line each; `read` returns the bytes of one.

    Raises SourceError behind them, with `name`, where anything is wrong. So may `read`: the other
    files are read all the same.
    """

    def read_one(file: str) -> tuple[bytes, str]:
        try:
            return _judged(read(file))
        except SourceError as error:
            return b"", error.message.removeprefix(f"{name}: ")

    return _Lines(name, lambda: files, read_one).all()


class _Lines:
    """Reads each file once, and keeps in mind what was wrong.

    `read` returns what a file holds, and what is wrong with it.
    """

    def __init__(
        self,
        name: str,
        files: Callable[[], list[Numbered]],
        read: Callable[[str], tuple[bytes, str]],
    ) -> None:
        self._name, self._files, self._read_file = name, files, read
        self._read: set[str] = set()
        self._wrong: list[str] = []
        self.source: SpoolSource | None = None
        """What is told of what is wrong while more is waited for."""

    def all(self) -> Iterator[bytes]:
        """Yield a line for each file; raises SourceError behind them where anything is wrong."""
        files = self._files()
        yield from self._lines(files)
        if failure := self._failure(files):
            raise failure

    def as_they_come(self, stopped: threading.Event) -> Iterator[bytes]:
        """Yield a line for each file until it is `stopped`."""
        while not stopped.is_set():
            files = self._files()
            new = [file for file in files if file.name not in self._read]
            yield from self._lines(new, waits=True)
            if self.source is not None:
                self.source.failure = str(self._failure(files) or "")
            stopped.wait(LOOKED_AFTER_S)

    def _failure(self, files: Sequence[Numbered]) -> SourceError | None:
        """Return what is wrong with what was read of these files."""
        wrong = [*self._wrong, *_gaps(files)]
        return SourceError(self._name, first_few(wrong, _MOST_TOLD)) if wrong else None

    def _lines(self, files: Sequence[Numbered], *, waits: bool = False) -> Iterator[bytes]:
        for file in files:
            data, why = self._read_file(file.name)
            if why and waits and file is files[-1]:
                return
            self._read.add(file.name)
            if why:
                self._wrong.append(f"{file.name}: {why}")
            if data.strip():
                yield data.translate(_ONE_LINE) + b"\n"


def _files_in(folder: Path) -> list[Numbered]:
    try:
        return numbered_files(folder)
    except OSError as error:
        raise SourceError.of(folder, error) from error


def _read(path: Path) -> tuple[bytes, str]:
    """Return what a file holds, and what is wrong with it."""
    try:
        with os.fdopen(open_readable(path), "rb") as file:
            return _judged(file.read())
    except SourceError as error:
        return b"", error.message.removeprefix(f"{path}: ")
    except OSError as error:
        return b"", reason_of(error)


def _judged(data: bytes) -> tuple[bytes, str]:
    try:
        loads(data)
    except ValueError:
        return data, "no whole JSON" if data.strip() else "nothing in it"
    return data, ""


def _gaps(files: Sequence[Numbered]) -> list[str]:
    """Return which numbers no file has between the first and the last of them."""
    found = []
    for before, after in pairwise(files):
        first, last = before.number + 1, after.number - 1
        if first <= last:
            what = f"{first}" if first == last else f"{first} to {last}"
            found.append(f"no file has the number {what}")
    return found
