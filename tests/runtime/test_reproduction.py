"""The reproduction of a finding is written to disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hermes_tui.model.errors import StoreError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.engines.registry import parser_named
from hermes_tui.parsers.report import Reproduction
from hermes_tui.runtime.reproduction import write_reproduction

TOOLS = (ToolSpec("f", parameters={"type": "object"}),)
TEXT = '<tool_call>{"name": "f", "arguments": {"a": "x",}}</tool_call>\r\n'
FILES = ["report.md", "test_reproduction.py", "text.txt", "tools.json"]


def reproduction_of(text: str, whole: str = "") -> Reproduction:
    parser = parser_named("vllm/hermes")
    expected = Auto().parse(text, TOOLS).calls
    return Reproduction(text, parser.info, TOOLS, parser.parse(text, TOOLS), expected, whole)


def file_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_files_are_written_with_the_exact_text(tmp_path: Path) -> None:
    made = write_reproduction(tmp_path / "new", reproduction_of(TEXT + "\ud83e"))
    assert file_names(made) == FILES
    assert (made / "text.txt").read_bytes() == TEXT.encode() + b"\xed\xa0\xbe"
    assert file_names(tmp_path / "new") == [made.name]


def test_the_text_before_reduction_is_kept(tmp_path: Path) -> None:
    made = write_reproduction(tmp_path, reproduction_of(TEXT, f"Prose.\n{TEXT}"))
    assert (made / "whole.txt").read_bytes() == f"Prose.\n{TEXT}".encode()


def test_existing_reproductions_are_never_touched(tmp_path: Path) -> None:
    first = write_reproduction(tmp_path, reproduction_of(TEXT))
    (first / "text.txt").write_text("mine")
    second = write_reproduction(tmp_path, reproduction_of(TEXT))
    third = tmp_path / f"{first.name}-3"
    third.symlink_to(tmp_path / "nowhere")
    fourth = write_reproduction(tmp_path, reproduction_of(TEXT))
    assert (first / "text.txt").read_text() == "mine"
    assert second.name == f"{first.name}-2"
    assert fourth.name == f"{first.name}-4"


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("x")
    with pytest.raises(StoreError, match="file"):
        write_reproduction(taken, reproduction_of(TEXT))
    assert file_names(tmp_path) == ["file"]


def test_the_written_test_runs(tmp_path: Path) -> None:
    made = write_reproduction(tmp_path, reproduction_of(TEXT))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_reproduction.py"],
        cwd=made,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "1 passed, 1 xfailed" in done.stdout, done.stdout + done.stderr
