"""A background process that reads a big file and reports the runs in it.

It receives an open descriptor of the file, so that both processes read the same file regardless of
what happens to its path, and writes blocks of runs to a pipe (`log.run_blocks`): first a small
block after a moment, later full ones. Zeros in place of a block mean that it is done.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from hermes_tui.formats.detect import inside
from hermes_tui.formats.framing import Layout
from hermes_tui.formats.json_text.big_list import find_big_list
from hermes_tui.log.run_blocks import PREFIX, block_length
from hermes_tui.runtime.index.blocks import blocks_of
from hermes_tui.runtime.opener import OpenFile
from hermes_tui.runtime.reader_spec import ReaderSpec
from hermes_tui.runtime.sources import FileSource

if TYPE_CHECKING:
    from subprocess import Popen

NICE: Final = 5
_READ: Final = 1 << 18
_DONE: Final = bytes(PREFIX)


class Task(msgspec.Struct, frozen=True):
    """What a process has to read: the file as it is now, except the records already done."""

    fd: int
    size: int
    complete: bool
    reader: ReaderSpec
    records_done: int
    runs_done: int
    path: str | None = None
    parser: str = ""
    """The parser that messages of the model are diagnosed by, as for `OpenFile.diagnose`."""


class _SameFile(FileSource):
    """A file that another process opened, with the size that it had then."""

    def __init__(self, task: Task) -> None:
        super().__init__(Path(task.path or "-"), fd=task.fd)
        self._size = task.size
        self._complete = task.complete

    @property
    def complete(self) -> bool:
        return self._complete


def _run_task(task: Task, out: int) -> None:
    """Write the blocks of a task to a descriptor."""
    reader = task.reader.reader()
    source = _SameFile(task)
    if reader.layout is Layout.INSIDE and (big := find_big_list(source)) is not None:
        reader = inside(reader, big)
    file = OpenFile(Path(task.path) if task.path else None, source, reader)
    if task.parser:
        file.diagnose(task.parser)
    blocks = blocks_of(file, records_done=task.records_done, runs_done=task.runs_done)
    for block in blocks:
        _write(out, block)
    _write(out, _DONE)


def _write(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]


class Indexing:
    """A process that reads one file, as seen by its parent: the blocks received so far."""

    def __init__(self, file: OpenFile, *, records_done: int, runs_done: int) -> None:
        fd = file.source.fileno()
        task = Task(
            fd,
            file.source.size,
            file.source.complete,
            ReaderSpec.of(file.reader),
            records_done,
            runs_done,
            str(file.path) if file.path is not None else None,
            file.parser,
        )
        self.is_done = False
        self._buffer = bytearray()
        self._process = _start(task)
        assert self._process.stdout is not None, "a pipe"
        self._pipe = self._process.stdout.fileno()
        os.set_blocking(self._pipe, False)
        self._ended = False

    def blocks(self) -> Iterator[bytes]:
        """Yield the blocks that have arrived."""
        while True:
            yield from self._whole_blocks()
            if self.is_done or not self._read():
                return

    def _read(self) -> bool:
        try:
            piece = os.read(self._pipe, _READ)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        self._ended = not piece
        self._buffer += piece
        return bool(piece)

    def _whole_blocks(self) -> Iterator[bytes]:
        at = 0
        while len(self._buffer) - at >= PREFIX:
            prefix = bytes(self._buffer[at : at + PREFIX])
            end = at + PREFIX + block_length(prefix)
            if prefix == _DONE:
                self.is_done = True
            elif end <= len(self._buffer):
                yield bytes(self._buffer[at:end])
            else:
                break
            at = end
        del self._buffer[:at]

    @property
    def failure(self) -> str:
        """Why the process ended before it was done, empty if it did not."""
        if self.is_done or not self._ended:
            return ""
        code = self._process.wait()
        how = f"was killed (signal {-code})" if code < 0 else f"failed (exit code {code})"
        return f"the process that was reading it {how}"

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None, "a pipe"
        self._process.stdout.close()


def _start(task: Task) -> Popen[bytes]:
    from subprocess import DEVNULL, PIPE

    from hermes_tui.runtime.own_process import start_process

    argument = msgspec.json.encode(task).decode()
    return start_process(__name__, argument, passed=(task.fd,), stdout=PIPE, stderr=DEVNULL)


def main(task: str) -> int:
    """Run a task, which is given as JSON, and return the exit code."""
    import gc

    os.nice(NICE)
    gc.disable()
    try:
        _run_task(msgspec.json.decode(task, type=Task), sys.stdout.fileno())
    except BrokenPipeError:
        return 1
    return 0
