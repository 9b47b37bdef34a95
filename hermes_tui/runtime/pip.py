"""Fetches a wheel, or small packages into a folder, with this interpreter's pip.

Only wheels are accepted, so that no fetched code runs while it is being added.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from hermes_tui.model.errors import SourceError

_COMMON: Final = ("--only-binary=:all:", "--disable-pip-version-check", "--no-input")
_NO_LONG_WAIT: Final = ("--retries", "2", "--timeout", "15")
_POLL_S: Final = 0.2
_PROGRESS: Final = re.compile(rb"Progress (\d+) of (\d+)")
_RAW_PROGRESS_SINCE: Final = (24, 1)
_NOT_FOUND: Final = "No matching distribution"
_GLIBC: Final = (39, 35, 34, 31, 28, 24, 17)
_ANY_MACHINE: Final = (
    *("--python-version", "3.11", "--implementation", "cp"),
    *(word for abi in ("cp311", "abi3", "none") for word in ("--abi", abi)),
    *(word for minor in _GLIBC for word in ("--platform", f"manylinux_2_{minor}_x86_64")),
    *("--platform", "manylinux2014_x86_64", "--platform", "any"),
)
"""The options for the Linux wheel. Only its Python files are used, so it serves on any machine."""

Hints = tuple[str, str]
"""The hints for a failure of pip and for a missing pip."""
_HINTS: Final[Hints] = ("--path and --python need no download", "`python -m ensurepip`")
OnProgress = Callable[[str, int, int], None]
"""Called with the name of the step, the bytes done and the bytes in total."""


def download(
    requirement: str, scratch: Path, progress: OnProgress, *, hints: Hints = _HINTS
) -> Path:
    """Return the wheel of `requirement`, downloaded into `scratch` without its dependencies.

    Raises SourceError if pip fails, OSError if nothing can be written.
    """
    folder = scratch / "wheel"
    command = ["download", "--no-deps", "--no-cache-dir", *_COMMON, *_raw_progress()]
    command += [requirement, "-d", str(folder)]
    on_bytes = partial(progress, "downloading")
    code, output = _run(command, scratch, on_bytes)
    if code and _NOT_FOUND in output:
        code, again = _run([*command, *_ANY_MACHINE], scratch, on_bytes)
        output = output if code else again
    wheels = sorted(folder.glob("*.whl"))
    if code or not wheels:
        raise _pip_error(requirement, output, hints)
    return wheels[0]


def install_into(folder: Path, packages: Sequence[str], scratch: Path) -> None:
    """Install `packages` and their dependencies into `folder`, for this interpreter.

    Raises SourceError if pip fails.
    """
    command = ["install", "--quiet", "--target", str(folder), *_COMMON, *packages]
    code, output = _run(command, scratch, lambda *_: None)
    if code:
        raise _pip_error(" ".join(packages), output, _HINTS)


def _raw_progress() -> tuple[str, ...]:
    """Return the options that make pip report its progress in bytes, if its version can."""
    try:
        found = tuple(map(int, version("pip").split(".")[:2]))
    except (PackageNotFoundError, ValueError):
        return ("--quiet",)
    return ("--progress-bar", "raw") if found >= _RAW_PROGRESS_SINCE else ("--quiet",)


def _run(
    command: Sequence[str], scratch: Path, on_bytes: Callable[[int, int], None]
) -> tuple[int, str]:
    """Run pip and return its exit code and output; it does not outlive this call."""
    path = scratch / "pip.txt"
    with path.open("w+b") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pip", *_NO_LONG_WAIT, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch)},
        )
        try:
            while process.poll() is None:
                on_bytes(*_bytes_so_far(path))
                time.sleep(_POLL_S)
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        return process.returncode, output.read().decode("utf-8", "replace")


def _bytes_so_far(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        found = _PROGRESS.findall(file.read())
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 1)


def _pip_error(requirement: str, output: str, hints: Hints) -> SourceError:
    """Return the error for a failed run of pip, with its last error line, else its last line."""
    hint, hint_without_pip = hints
    if "No module named pip" in output:
        return SourceError("pip", "is not part of this Python", hint_without_pip)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    message = (errors or lines or ["pip failed"])[-1].removeprefix("ERROR: ")
    return SourceError(requirement, message, hint)
