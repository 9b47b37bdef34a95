"""No control character in a text reaches the terminal, checked on a real pseudo-terminal."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.benchmarks.terminal import inherited
from tests.ui.hostile_app import SURFACES

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120
SEQUENCES = {
    "OSC 0 sets the title": b"\x1b]0;PWNED",
    "OSC 52 writes the clipboard": b"\x1b]52;c;SEVSTUVT",
    "DSR makes the terminal type": b"\x1b[6n",
    "SGR from content": b"\x1b[5;97;41m",
    "C1 CSI": b"\xc2\x9b",
    # BEL alone proves nothing: Textual ends one of its own sequences with it.
    "BEL": b"SEVSTUVT\x07",
    "NUL": b"\x00",
    "DEL": b"\x7f",
    "right-to-left override": b"\xe2\x80\xae",
    "emoji style": b"\xef\xb8\x8f",
}


def terminal_bytes(*arguments: str, **environment: str) -> bytes:
    """Return what the hostile app writes to a 200×50 terminal until all surfaces are drawn."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ui.hostile_app", *arguments],
        stdin=slave, stdout=slave, stderr=slave, cwd=PROJECT, start_new_session=True,
        env=inherited() | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | environment,
    )  # fmt: skip
    os.close(slave)
    try:
        return _read_until_drawn(master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _read_until_drawn(master: int) -> bytes:
    marks = [f"<{surface}>".encode() for surface in SURFACES]
    read = b""
    deadline = time.monotonic() + DEADLINE_S
    while not all(mark in read for mark in marks):
        ready, _, _ = select.select([master], [], [], max(0, deadline - time.monotonic()))
        missing = [mark for mark in marks if mark not in read]
        assert ready, f"not drawn in time: {missing}"
        try:
            read += os.read(master, 65_536)
        except OSError as error:
            end = read[-2_000:].decode(errors="replace")
            raise AssertionError(f"the app ended before it was drawn: {end!r}") from error
    return read


def sequences_in(output: bytes) -> set[str]:
    return {name for name, sequence in SEQUENCES.items() if sequence in output}


def test_no_control_character_of_a_text_reaches_the_terminal() -> None:
    output = terminal_bytes()
    assert sequences_in(output) == set()
    # Markup is shown as text; it is never interpreted.
    for surface in SURFACES:
        assert f"=app.bell()]x[/] [/] <{surface}>".encode() in output


def test_control_characters_arrive_without_the_filter() -> None:
    assert {"OSC 0 sets the title", "C1 CSI", "NUL", "DEL"} <= sequences_in(
        terminal_bytes("--unlocked")
    )


def test_no_color_disables_colours() -> None:
    output = terminal_bytes(NO_COLOR="1")
    assert b"38;2;" not in output
    assert b"48;2;" not in output
    assert sequences_in(output) == set()
