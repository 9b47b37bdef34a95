"""A file that changes while it is shown on a terminal is handled."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.terminal import Program

OPEN = [sys.executable, "-m", "hermes_tui", "open"]
MESSAGES = 3_000


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run of which only the beginning is decoded when its first rows are drawn."""
    path = tmp_path / "run.jsonl"
    rows = [{"role": "user", "content": f"ROW-{number} " + "x" * 500} for number in range(MESSAGES)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def opened(run: Path) -> Iterator[Program]:
    program = Program.start([*OPEN, str(run)])
    program.wait_for(b"ROW-1 ")
    program.settle()
    yield program
    program.end()


def test_a_file_that_shrinks_is_shown_as_far_as_it_goes(run: Path, opened: Program) -> None:
    os.truncate(run, 60_000)
    opened.press(b":50%\r")
    opened.wait_for(b"can no longer be read")
    opened.press(b"g")
    opened.settle()
    opened.output = b""
    opened.press(b"\x1b[6~\x1b[5~")
    opened.wait_for(b"ROW-2 ")


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_a_file_that_is_no_longer_there_stays_readable(
    run: Path, opened: Program, change: str
) -> None:
    if change == "replaced":
        other = run.with_name("other.jsonl")
        other.write_text('{"role": "user", "content": "another run"}\n')
        other.replace(run)
    else:
        run.unlink()
    opened.press(b"G")
    opened.wait_for(f"ROW-{MESSAGES - 1} ".encode())
    assert b"another run" not in opened.output
