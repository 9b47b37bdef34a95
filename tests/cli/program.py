"""Run the program like a user, with its streams and its exit code: as a separate process, or
within this one if nothing depends on that."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from hermes_tui.cli.main import main

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The exit code and the output of a run of the program."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode("utf-8")

    @property
    def one_line(self) -> str:
        """Return the only line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def hermes_tui(
    *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, **environment: str
) -> Outcome:
    """Run `hermes-tui` with `arguments`; its output goes to pipes."""
    done = subprocess.run(
        [sys.executable, "-m", "hermes_tui", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        timeout=240,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def within(*arguments: str | Path) -> Outcome:
    """Run `hermes-tui` within this process, which takes a tenth of the time."""
    written, complained = io.BytesIO(), io.BytesIO()
    out = io.TextIOWrapper(written, encoding="utf-8")
    err = io.TextIOWrapper(complained, encoding="utf-8")
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
        out.flush()
        err.flush()
    return Outcome(code, written.getvalue(), complained.getvalue().decode())
