"""The person's own pager."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.own_programs import chosen_program

AT_ONCE_S = 0.3


def run_pager(lines: Iterable[str]) -> None:
    """Pipe lines to $PAGER (else less) and wait; raise SourceError where it cannot be started."""
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
        # The pager was left before it had read everything.
        pass
    process.wait()
    if time.monotonic() - began < AT_ONCE_S:
        # A pager that does not wait, such as cat, would be drawn over before it was read.
        sys.stdout.write("\n[Enter goes back] ")
        sys.stdout.flush()
        sys.stdin.readline()
