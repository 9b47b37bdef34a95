"""The pager and the editor that environment variables name."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hermes_tui.model.errors import SourceError

QUICK_EXIT_S = 0.3


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore SIGINT during the block: Ctrl-C, as in less, is for the program that is waited for.

    That program does not inherit a handler, as it would SIG_IGN.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@_interrupts_ignored()
def run_pager(lines: Iterable[str]) -> None:
    """Pipe lines to $PAGER (else less) and wait; raise SourceError if it cannot be started."""
    began = time.monotonic()
    command = chosen_program("PAGER", default="less")
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
    except OSError as error:
        raise SourceError(command[0], error.strerror or str(error), "set $PAGER") from error
    assert process.stdin is not None
    try:
        with process.stdin as stream:
            for line in lines:
                stream.write(line.encode("utf-8", "backslashreplace"))
    except BrokenPipeError:
        # The pager was quit before it had read everything.
        pass
    process.wait()
    if time.monotonic() - began < QUICK_EXIT_S:
        # The output of a pager that does not wait, such as cat, would be drawn over at once.
        sys.stdout.write("\n[press Enter to go back] ")
        sys.stdout.flush()
        sys.stdin.readline()


def edit_externally(text: str, *, suffix: str = ".txt") -> str:
    """Return `text` as edited in $VISUAL or $EDITOR (else vi), waiting for it.

    A newline that the editor added after the last line is removed. Raises SourceError if no editor
    can be started, there is no room for its file, the editor fails, or the result is not UTF-8.
    """
    command = chosen_program("VISUAL", "EDITOR", default="vi")
    try:
        return _edited(text, command, f"edit{suffix}")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceError("a temporary file", reason, "set TMPDIR to a folder with room") from error


@_interrupts_ignored()
def _edited(text: str, command: list[str], name: str) -> str:
    with tempfile.TemporaryDirectory(prefix="hermes-tui-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / name
        # Models write lone surrogates, too; they have to survive.
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            status = subprocess.run([*command, str(path)], check=False).returncode
        except OSError as error:
            raise SourceError(command[0], error.strerror or str(error), "set $EDITOR") from error
        if status:
            raise SourceError(command[0], f"ended with {status}", "the text is unchanged")
        try:
            edited = path.read_bytes().decode("utf-8", "surrogatepass")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(command[0], f"left no text: {error}") from error
    if edited.endswith("\n") and not text.endswith("\n"):
        return edited[:-1]
    return edited


def chosen_program(*variables: str, default: str) -> list[str]:
    """Return the command line in the first variable that names a program, else `default`.

    Raises SourceError if it cannot be split into words, since a quote in it is never closed.
    """
    for name in variables:
        try:
            words = shlex.split(os.environ.get(name, ""))
        except ValueError as error:
            raise SourceError(f"${name}", str(error), f"set ${name} to a command line") from error
        if words and words[0].strip():
            return words
    return [default]
