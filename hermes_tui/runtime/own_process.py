"""Start a part of this program as a process of its own, in a session of its own: a Ctrl-C reaches
only the one that can end the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_ROOT: Final = str(Path(__file__).resolve().parents[2])
# The folder this program was loaded from, never the current one (`-P`): that may be one of
# transcripts which somebody sent.
_START: Final = (
    "import sys; from importlib import import_module; root, module, told = sys.argv[1:]; "
    "sys.path.insert(0, root); raise SystemExit(import_module(module).main(told))"
)
Channel = int | IO[bytes] | None


def command_for(module: str, told: str = "") -> list[str]:
    """Return the command line that runs `main(told)` of a module; what that returns is the code."""
    return [sys.executable, "-P", "-c", _START, _ROOT, module, told]


def start_process(
    module: str,
    told: str,
    *,
    passed: tuple[int, ...],
    stdout: Channel = subprocess.DEVNULL,
    stderr: Channel = None,
) -> subprocess.Popen[bytes]:
    """Run `main(told)` of a module; what it returns is the exit code.

    The descriptors `passed` have the same numbers there. Raises OSError.
    """
    return subprocess.Popen(
        command_for(module, told),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=passed,
        start_new_session=True,
    )


def start_peer(
    module: str, *, stdout: Channel = subprocess.DEVNULL, stderr: Channel = None
) -> tuple[subprocess.Popen[bytes], Connection]:
    """Run `main` of a module, told the descriptor of a connection; return it and our end.

    Our end is closed where there is no process: raises OSError.
    """
    # The screen, which needs no connection, starts processes too.
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
