"""The progress line is drawn on stderr."""

from __future__ import annotations

import os
import pty
import re
import sys
import termios
from io import StringIO
from pathlib import Path

import pytest

from hermes_tui.cli import progress
from hermes_tui.cli.main import main
from hermes_tui.cli.progress import ProgressLine
from hermes_tui.model.visible import cells


class Stderr(StringIO):
    """Stand-in for a terminal on which progress is drawn at once, or for a plain file."""

    def __init__(self, patch: pytest.MonkeyPatch, *, is_terminal: bool = True) -> None:
        super().__init__()
        self._is_terminal = is_terminal
        patch.setattr(sys, "stderr", self)
        patch.setattr(progress, "APPEARS_AFTER_S", -1.0)

    def isatty(self) -> bool:
        return self._is_terminal


def test_a_path_cannot_command_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Stderr(monkeypatch)
    ProgressLine().show("runs/\x1b]0;owned\x07\n.jsonl", 1, 2)
    drawn = stderr.getvalue().removeprefix("\r")
    assert " 50% " in drawn
    assert drawn.endswith("runs/␛]0;owned␇␊.jsonl")


def test_the_progress_line_can_be_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Stderr(monkeypatch)
    line = ProgressLine()
    line.show("a.jsonl", 1, 2)
    width = len(stderr.getvalue().removeprefix("\r"))
    line.clear()
    assert width
    assert stderr.getvalue().endswith("\r" + " " * width + "\r")


def test_the_progress_line_is_redrawn_after_other_output(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Stderr(monkeypatch)
    line = ProgressLine()
    line.show("a.jsonl", 1, 2)
    drawn = stderr.getvalue()
    with line.aside():
        stderr.write("a row\n")
    assert stderr.getvalue().endswith("a row\n" + drawn)


def test_a_progress_line_that_was_not_shown_is_not_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Stderr(monkeypatch)
    with ProgressLine().aside():
        stderr.write("a row\n")
    assert stderr.getvalue() == "a row\n"


@pytest.mark.parametrize("columns", [30, 60, 80])
def test_the_progress_line_never_reaches_the_last_column(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    monkeypatch.setattr(progress, "APPEARS_AFTER_S", -1.0)
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        line = ProgressLine()
        line.show("runs/" + "很长" * 30 + "/the-end.jsonl", 1, 2)
        line.waiting("Ray at " + "a" * 90)
        line.clear()
        written = b""
        while written.count(b"\r") < 4:
            written += os.read(ours, 4096)
    os.close(ours)
    _, label, waiting, _ = written.decode().split("\r", 3)
    assert cells(label) < columns
    assert cells(waiting) == columns - 1
    assert columns < 60 or re.search(r" …\S*/the-end\.jsonl$", label)


def test_no_progress_is_drawn_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Stderr(monkeypatch, is_terminal=False)
    ProgressLine().show("a.jsonl", 1, 2)
    assert stderr.getvalue() == ""


def test_results_written_to_a_file_do_not_erase_the_progress_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    paths = [tmp_path / f"{name}.jsonl" for name in "abc"]
    for path in paths:
        path.write_text('{"role": "user", "content": "hi"}\n')
    stderr = Stderr(monkeypatch)
    monkeypatch.setattr(progress, "DRAW_EVERY_S", 0.0)
    assert main(["scan", *map(str, paths)]) == 0
    assert capsys.readouterr().out.count(".jsonl") == 3
    assert len(re.findall(r"\r█", stderr.getvalue())) >= 3
    assert len(re.findall(r"\r +\r", stderr.getvalue())) == 1
