"""A folder of numbered files read as one file: a line for each of them, in numerical order."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

from hermes_tui.formats.json_text.json_values import loads
from hermes_tui.model.errors import SourceError, os_error_reason
from hermes_tui.model.wording import first_few
from hermes_tui.runtime.numbered_files import Numbered, numbered_files
from hermes_tui.runtime.sources import open_readable
from hermes_tui.runtime.spools import SpoolSource

POLL_S: Final = 0.2
"""Seconds between two looks for more files."""
_MAX_LISTED: Final = 5
_LINE_ENDS_TO_BLANKS: Final = bytes.maketrans(b"\r\n", b"  ")
"""Turns line ends into blanks: JSON has them only between values, where a blank means the same."""


def folder_source(folder: Path, *, follow: bool = False) -> SpoolSource:
    """Return a spool of the contents of the files of a run.

    Its failure names the files with problems, once all have been read. With `follow` it continues
    until it is closed: the last file is not read until it is whole or another one follows it, and
    the failure lists the current problems, since a file that comes late fills its gap.
    """
    stop = threading.Event()
    lines = _Lines(str(folder), partial(_files_in, folder), lambda name: _read(folder / name))
    chunks = lines.as_they_appear(stop) if follow else lines.all()
    source = SpoolSource(str(folder), lambda: chunks, on_close=stop.set)
    lines.source = source
    return source


def numbered_lines(
    name: str, files: list[Numbered], read: Callable[[str], bytes]
) -> Iterator[bytes]:
    """Yield the contents of the files of a run, one line for each; `read` returns a file's bytes.

    Raises SourceError, with `name`, after the last line if there was any problem. `read` may raise
    it, too; the other files are read all the same.
    """

    def read_one(file: str) -> tuple[bytes, str]:
        try:
            return _with_problem(read(file))
        except SourceError as error:
            return b"", error.message.removeprefix(f"{name}: ")

    return _Lines(name, lambda: files, read_one).all()


class _Lines:
    """Reads each file once and collects the problems.

    `read` returns the contents of a file and the problem with it, empty if there is none.
    """

    def __init__(
        self,
        name: str,
        files: Callable[[], list[Numbered]],
        read: Callable[[str], tuple[bytes, str]],
    ) -> None:
        self._name, self._files, self._read_file = name, files, read
        self._read: set[str] = set()
        self._problems: list[str] = []
        self.source: SpoolSource | None = None
        """The spool whose failure is updated while more files are awaited."""

    def all(self) -> Iterator[bytes]:
        """Yield a line for each file; raise SourceError after the last if there was any problem."""
        files = self._files()
        yield from self._lines(files)
        if failure := self._failure(files):
            raise failure

    def as_they_appear(self, stopped: threading.Event) -> Iterator[bytes]:
        """Yield a line for each file as it appears, until `stopped` is set."""
        while not stopped.is_set():
            files = self._files()
            new = [file for file in files if file.name not in self._read]
            yield from self._lines(new, waits=True)
            if self.source is not None:
                self.source.failure = str(self._failure(files) or "")
            stopped.wait(POLL_S)

    def _failure(self, files: Sequence[Numbered]) -> SourceError | None:
        """Return an error with the problems of the files read so far, or None if there are none."""
        problems = [*self._problems, *_gaps(files)]
        return SourceError(self._name, first_few(problems, _MAX_LISTED)) if problems else None

    def _lines(self, files: Sequence[Numbered], *, waits: bool = False) -> Iterator[bytes]:
        for file in files:
            data, problem = self._read_file(file.name)
            if problem and waits and file is files[-1]:
                return
            self._read.add(file.name)
            if problem:
                self._problems.append(f"{file.name}: {problem}")
            if data.strip():
                yield data.translate(_LINE_ENDS_TO_BLANKS) + b"\n"


def _files_in(folder: Path) -> list[Numbered]:
    try:
        return numbered_files(folder)
    except OSError as error:
        raise SourceError.of(folder, error) from error


def _read(path: Path) -> tuple[bytes, str]:
    """Return the contents of a file and the problem with it, empty if there is none."""
    try:
        with os.fdopen(open_readable(path), "rb") as file:
            return _with_problem(file.read())
    except SourceError as error:
        return b"", error.message.removeprefix(f"{path}: ")
    except OSError as error:
        return b"", os_error_reason(error)


def _with_problem(data: bytes) -> tuple[bytes, str]:
    try:
        loads(data)
    except ValueError:
        return data, "no complete JSON" if data.strip() else "it is empty"
    return data, ""


def _gaps(files: Sequence[Numbered]) -> list[str]:
    """Return a message for each gap in the numbers of the files."""
    messages = []
    for before, after in pairwise(files):
        first, last = before.number + 1, after.number - 1
        if first <= last:
            what = f"{first}" if first == last else f"{first} to {last}"
            messages.append(f"no file has the number {what}")
    return messages
