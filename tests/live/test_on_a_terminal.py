"""`hermes-tui live` on a real terminal, which the output of tools must not reach."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes_tui.log.codec import decode
from hermes_tui.model.events import Stopped
from tests.benchmarks.terminal import Program
from tests.servers.local_server import LocalServer, whole

TOOLS = '''
import os
import subprocess
import sys

def noisy() -> str:
    """Write in every way, and read what a terminal would give."""
    print("SCRIB\\aBLE-PRINT")
    os.write(1, b"SCRIB\\aBLE-ONE")
    os.write(2, b"SCRIB\\aBLE-TWO")
    script = "printf 'SCRIB\\\\aBLE-CHILD'; printf 'SCRIB\\\\aBLE-CHILD' >&2; cat"
    done = subprocess.run(["sh", "-c", script], stdout=None, check=True)
    return f"read to the end, {done.returncode}"
'''
CALL = {"id": "c1", "type": "function", "function": {"name": "noisy", "arguments": "{}"}}


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """Yield a live run that is stopped before the call of a tool that writes to the terminal."""
    (tmp_path / "tools.py").write_text(TOOLS)
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho THE-EDITOR-HAS-THE-TERMINAL\nprintf edited > $1\n")
    editor.chmod(0o755)
    asks = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    with LocalServer(whole(asks), whole({"role": "assistant", "content": "done"})) as server:
        started = Program.start(
            [sys.executable, "-m", "hermes_tui", "live", "--api", "http", "--server", server.url,
             "--model", "m", "--task", "go", "--no-record", "--tools",
             f"python:{tmp_path / 'tools.py'}"],
            {"EDITOR": str(editor), "VISUAL": ""},
        )  # fmt: skip
        try:
            started.wait_for(b"before dispatch of noisy")
            # Keys right after a stop do not resume.
            started.settle(0.4)
            yield started
        finally:
            started.end()


def test_output_of_a_tool_and_its_children_never_reaches_the_terminal(program: Program) -> None:
    program.press(b"s")
    program.wait_for(b"read to the end, 0")
    program.settle()
    assert b"SCRIB\aBLE" not in program.output
    assert "SCRIB␇BLE-PRINT" in program.output.decode()


def test_an_external_editor_gets_the_terminal(program: Program) -> None:
    program.press(b"s")
    program.wait_for(b"after noisy")
    program.settle(0.4)
    program.press(b"E")
    program.wait_for(b"What the model will see of noisy")
    program.press(b"\x05")
    program.wait_for(b"THE-EDITOR-HAS-THE-TERMINAL")
    program.wait_for(b"edited")
    assert b"SCRIB\aBLE" not in program.output


def test_the_screen_follows_the_size_of_the_terminal(program: Program) -> None:
    import fcntl
    import struct
    import termios

    program.output = b""
    fcntl.ioctl(program.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    deadline = time.monotonic() + 30
    while b"\x1b[29;" not in program.output and time.monotonic() < deadline:
        program.read(0.05)
    program.wait_for(b"before dispatch of noisy")
    assert b"\x1b[29;" in program.output and b"\x1b[31;" not in program.output


@pytest.mark.parametrize(
    ("number", "exit_code"), [(None, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_left_run_can_be_resumed_at_its_stop(
    number: int | None, exit_code: int, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    program = Program.start(
        [sys.executable, "-m", "hermes_tui", "live", "--api", "demo", "--record", str(path)]
    )
    program.wait_for(b"before dispatch of terminal")
    if number is None:
        program.settle(0.4)
        program.press(b"q")
        program.wait_for(b"press again to leave")
        program.press(b"q")
    else:
        os.kill(program.pid, number)
    program.wait_for(b"hermes-tui live --resume")
    _, status = os.waitpid(program.pid, 0)
    os.close(program.fd)
    assert os.waitstatus_to_exitcode(status) == exit_code
    assert isinstance(decode(path.read_bytes().splitlines()[-1]), Stopped)


def test_a_breakpoint_for_an_unknown_tool_is_reported() -> None:
    program = Program.start(
        [sys.executable, "-m", "hermes_tui", "live", "--api", "demo", "--no-record",
         "--break", "before_dispatch:termnal"]
    )  # fmt: skip
    try:
        program.wait_for(b"no tool is called termnal; did you mean terminal?")
        program.wait_for(b"before dispatch of terminal")
    finally:
        program.end()
