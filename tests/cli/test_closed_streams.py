"""Standard streams that are closed or cannot be written, as in some jobs of a CI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import PROJECT
from tests.cli.scan_files import called, chat, lines


@pytest.mark.parametrize(
    ("closed", "out", "err"),
    [
        (">&-", "", "hermes-tui: --fail-on: NAME_UNKNOWN×1\n"),
        ("2>&-", "NAME_UNKNOWN×1\n", ""),
        ("<&- >&- 2>&-", "", ""),
    ],
)
def test_a_stream_that_is_closed_does_not_change_the_rest(
    tmp_path: Path, closed: str, out: str, err: str
) -> None:
    path = lines(tmp_path / "runs.jsonl", called("a", "sl"))
    scan = f"{sys.executable} -m hermes_tui scan {path} --fail-on error --state {tmp_path / 'st'}"
    done = subprocess.run(
        ["sh", "-c", f"exec {scan} {closed}"], capture_output=True, cwd=PROJECT, check=False
    )
    assert (done.returncode, done.stderr.decode()) == (1, err)
    assert done.stdout.decode().endswith(out) and bool(done.stdout) == bool(out)
    assert (tmp_path / "st").read_text().startswith('{"scan":')


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_cannot_be_written_is_3(tmp_path: Path, stream: str) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"))
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Path("/dev/full").open("w") as streams[stream]:
        done = subprocess.run(
            [sys.executable, "-m", "hermes_tui", "scan", str(path), "--fail-if", "turns > 9"],
            **streams, cwd=PROJECT, check=False,
        )  # fmt: skip
    assert done.returncode == 3
