"""Standard input without data: a terminal, or a pipe that is silent for a while."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.benchmarks.terminal import Program
from tests.cli.scan_files import CHAT, lines

HERMES_TUI = [sys.executable, "-m", "hermes_tui"]


@contextmanager
def started(command: list[str]) -> Iterator[Program]:
    program = Program.start(command)
    try:
        yield program
    finally:
        program.end()


@pytest.mark.parametrize(
    "arguments",
    [["open", "-"], ["scan", "-"], ["export", "-", "--to", "openai"], ["diff", "RUN", "-"]],
    ids=lambda arguments: arguments[0],
)
def test_a_terminal_as_standard_input_is_refused_at_once(
    tmp_path: Path, arguments: list[str]
) -> None:
    run = str(lines(tmp_path / "run.json", CHAT))
    with started([*HERMES_TUI, *(run if text == "RUN" else text for text in arguments)]) as program:
        program.wait_for(b"standard input is a terminal (pipe something in, or name a file")


def test_waiting_for_standard_input_is_shown_until_it_arrives(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = f"cat {shlex.quote(str(pipe))} | {shlex.join(HERMES_TUI)} open -"
    with started(["sh", "-c", command]) as program:
        program.wait_for("waiting for standard input …".encode())
        assert b"\x1b[?1049h" not in program.output
        pipe.write_text(json.dumps([*CHAT, {"role": "user", "content": "THERE IT IS"}]))
        program.wait_for(b"THERE IT IS")
    line = "waiting for standard input …"
    assert f"\r{line}\r{' ' * len(line)}\r".encode() in program.output
