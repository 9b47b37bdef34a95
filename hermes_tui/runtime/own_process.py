"""Starts a part of this program as a separate process in its own session.

So a Ctrl-C reaches only the parent, which ends the others.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_ROOT: Final = str(Path(__file__).resolve().parents[2])
# The folder this program was loaded from, never the current one (`-P`): that may hold transcripts
# from somebody else.
_START: Final = (
    "import sys; from importlib import import_module; root, module, argument = sys.argv[1:]; "
    "sys.path.insert(0, root); raise SystemExit(import_module(module).main(argument))"
)
Channel = int | IO[bytes] | None


def command_for(module: str, argument: str = "") -> list[str]:
    """Return the command that runs `main(argument)` of a module, which returns the exit code."""
    return [sys.executable, "-P", "-c", _START, _ROOT, module, argument]


def start_process(
    module: str,
    argument: str,
    *,
    passed: tuple[int, ...],
    stdout: Channel = subprocess.DEVNULL,
    stderr: Channel = None,
) -> subprocess.Popen[bytes]:
    """Run `main(argument)` of a module in a new process; its result is the exit code.

    The descriptors `passed` have the same numbers in the process. Raises OSError.
    """
    return subprocess.Popen(
        command_for(module, argument),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=passed,
        start_new_session=True,
    )


def start_peer(
    module: str, *, stdout: Channel = subprocess.DEVNULL, stderr: Channel = None
) -> tuple[subprocess.Popen[bytes], Connection]:
    """Run `main` of a module with the descriptor of a connection; return the process and our end.

    Raises OSError if the process cannot be started; our end is then closed.
    """
    # Imported here since the screen starts processes, too, and needs no connection.
    from multiprocessing.connection import Pipe

    ours, theirs = Pipe()
    with theirs:
        try:
            passed = (theirs.fileno(),)
            process = start_process(
                module, str(theirs.fileno()), passed=passed, stdout=stdout, stderr=stderr
            )
        except OSError:
            ours.close()
            raise
    return process, ours
