"""The progress line on stderr."""

from __future__ import annotations

import sys
from io import StringIO

import pytest

from hermes_tui.cli import progress
from hermes_tui.cli.progress import ProgressLine


class Stderr(StringIO):
    """Stands for a terminal on which progress is drawn at once, or for none."""

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


def test_the_line_goes_before_other_output(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Stderr(monkeypatch)
    line = ProgressLine()
    line.show("a.jsonl", 1, 2)
    width = len(stderr.getvalue().removeprefix("\r"))
    line.clear()
    assert width
    assert stderr.getvalue().endswith("\r" + " " * width + "\r")


def test_nothing_is_drawn_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Stderr(monkeypatch, is_terminal=False)
    ProgressLine().show("a.jsonl", 1, 2)
    assert stderr.getvalue() == ""
