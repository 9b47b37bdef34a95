"""Screens on real terminals: late keys, redirected standard input, and unusual terminals."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks.terminal import Program
from tests.cli.scan_files import CHAT, lines

HERMES_TUI = [sys.executable, "-m", "hermes_tui"]
WITHIN_S = 30.0


def exit_code_of(program: Program) -> int:
    """Return the exit code once the program has ended; its text is in `program.output`."""
    deadline = time.monotonic() + WITHIN_S
    ended, status = 0, 0
    while not ended and time.monotonic() < deadline:
        program.read(0.05)
        ended, status = os.waitpid(program.pid, os.WNOHANG)
    if not ended:
        program.end()
        raise TimeoutError(f"it did not leave: {program.output[-500:]!r}")
    while program.read(0.05):
        pass
    os.close(program.fd)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("key", [b"m", b"/", b":", b"f", b"?", b"P", b"\x10", b"\x1b[6~"])
def test_a_key_pressed_right_after_quitting_does_nothing(tmp_path: Path, key: bytes) -> None:
    run = lines(tmp_path / "run.json", CHAT)
    program = Program.start([*HERMES_TUI, "open", str(run)])
    program.wait_for(b"Quit")
    program.settle()
    program.press(b"q" + key)
    assert exit_code_of(program) == 0
    assert b"Traceback" not in program.output


@pytest.mark.parametrize("key", [b"/", b"f", b"F", b"h", b"\r"])
def test_a_key_pressed_right_after_quitting_a_list_does_nothing(tmp_path: Path, key: bytes) -> None:
    runs = [str(lines(tmp_path / name, CHAT)) for name in ("a.json", "b.json")]
    program = Program.start([*HERMES_TUI, "open", *runs])
    program.wait_for(b"Quit")
    program.settle()
    program.press(b"q" + key)
    assert exit_code_of(program) == 0
    assert b"Traceback" not in program.output


@pytest.mark.parametrize(
    "command",
    [
        "{} open {} < /dev/null",
        "{} open {} <&-",
        "echo {1} | xargs {0} open",
        "echo {1} | while read file; do {0} open $file; done",
        "{} demo --record {}.live < /dev/null",
    ],
)
def test_keys_are_read_from_the_terminal_if_standard_input_is_redirected(
    tmp_path: Path, command: str
) -> None:
    run = lines(tmp_path / "run.json", CHAT)
    whole = command.format(shlex.join(HERMES_TUI), run)
    program = Program.start(["sh", "-c", whole])
    program.wait_for(b"Quit")
    program.settle()
    program.press(b"?")
    program.wait_for(b"to the next tool call")
    program.press(b"q")
    program.settle()
    for _ in range(2):
        program.press(b"q")
        program.settle()
    assert exit_code_of(program) == 0


def test_a_missing_terminal_for_keys_is_reported(tmp_path: Path) -> None:
    run = lines(tmp_path / "run.json", CHAT)
    whole = f"setsid -w {shlex.join(HERMES_TUI)} open {run} < /dev/null"
    program = Program.start(["sh", "-c", whole])
    assert exit_code_of(program) == 3
    assert b"run it in a terminal" in program.output


@pytest.mark.parametrize("name", ["dumb", "unknown"])
@pytest.mark.parametrize("command", ["open RUN", "demo", "live --api local --task x"])
def test_a_terminal_that_cannot_draw_is_named(tmp_path: Path, name: str, command: str) -> None:
    run = lines(tmp_path / "run.json", CHAT)
    words = [str(run) if word == "RUN" else word for word in command.split()]
    program = Program.start([*HERMES_TUI, *words], {"TERM": name})
    assert exit_code_of(program) == 3
    assert f"TERM={name}".encode() in program.output
    assert b"TERM=xterm-256color" in program.output
    assert b"\x1b[?1049h" not in program.output


def test_a_screen_is_drawn_if_standard_error_goes_to_a_file(tmp_path: Path) -> None:
    run = lines(tmp_path / "run.json", CHAT)
    whole = f"{shlex.join(HERMES_TUI)} open {run} 2> {tmp_path / 'log'}"
    program = Program.start(["sh", "-c", whole])
    program.wait_for(b"Quit")
    program.settle()
    program.press(b"q")
    assert exit_code_of(program) == 0
    assert not (tmp_path / "log").read_bytes()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_screen_is_drawn_in_utf_8_in_any_locale(tmp_path: Path, encoding: str) -> None:
    run = lines(tmp_path / "run.json", [{"role": "user", "content": "Grüße 你好"}])
    program = Program.start([*HERMES_TUI, "open", str(run)], {"PYTHONIOENCODING": encoding})
    program.wait_for("Grüße 你好".encode())
    program.settle()
    assert b"\\u" not in program.output
    program.press(b"q")
    assert exit_code_of(program) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["open {}", "demo --record {}.live"])
def test_a_screen_ended_by_a_signal_restores_the_terminal_and_reports_it(
    tmp_path: Path, number: signal.Signals, command: str
) -> None:
    run = lines(tmp_path / "run.json", CHAT)
    program = Program.start([*HERMES_TUI, *command.format(run).split()])
    program.wait_for(b"Quit")
    program.settle()
    os.kill(program.pid, number)
    assert exit_code_of(program) == 128 + number
    assert b"\x1b[?1049l" in program.output
    assert f"ended by {number.name}".encode() in program.output


@pytest.mark.parametrize("begin", ["", "echo {} | xargs "])
def test_a_screen_is_suspended_for_the_shell_and_comes_back(tmp_path: Path, begin: str) -> None:
    run = lines(tmp_path / "run.json", CHAT)
    program = Program.start(["bash", "--norc", "--noprofile", "-i"], {"PS1": "READY "})
    program.wait_for(b"READY")
    command = f"{shlex.join(HERMES_TUI)} open" + ("" if begin else f" {run}")
    program.press(f"{begin.format(run)}{command}\n".encode())
    program.wait_for(b"Quit")
    program.settle(0.5)
    program.press(b"\x1a")
    program.wait_for(b"Stopped")
    program.output = b""
    program.press(b"fg\n")
    program.wait_for(b"Quit")
    program.settle(0.5)
    program.press(b"q")
    program.settle(0.5)
    program.press(b"exit $?\n")
    assert exit_code_of(program) == 0


@pytest.mark.parametrize(
    ("command", "why_not"),
    [
        ("open {}", b"there is no shell to go back to"),
        ("demo --record {}.live", b"a live run is not suspended"),
    ],
)
def test_a_screen_that_could_not_be_resumed_is_not_suspended(
    tmp_path: Path, command: str, why_not: bytes
) -> None:
    run = lines(tmp_path / "run.json", CHAT)
    program = Program.start([*HERMES_TUI, *command.format(run).split()])
    program.wait_for(b"Quit")
    program.settle()
    program.press(b"\x1a")
    program.wait_for(why_not)
    program.end()
