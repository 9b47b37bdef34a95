"""A wrong command line is one line on stderr that names what is near, and exit code 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hermes_tui import __version__
from hermes_tui.cli.main import main
from hermes_tui.formats.registry import formats
from tests.cli.program import PROJECT, hermes_tui


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scan"], ["PATH", "hermes-tui scan --help"]),
        (["scan", "--colour", "x"], ["--colour", "hermes-tui scan --help"]),
        (["--colour", "scan", "x"], ["--colour", "hermes-tui --help"]),
        (["scna", "x"], ["scna", "scan"]),
        (["scan", "x", "--format", "openai-mesages"], ["did you mean openai-messages"]),
        (["open", "x", "--format", "atropos"], ["atropos-group"]),
        (["open", "x", "--format", "!"], ["see `hermes-tui formats`"]),
        (["open", "x", "--filter", "kind =="], ["--filter", "kind ==", "column 8"]),
        (["open", "x", "--filter", "colour == 1"], ["--filter", "colour", "kind"]),
        (["export", "x"], ["--to"]),
        (["export", "x", "--to", "docx"], ["docx", "openai", "html", "native"]),
        (["export", ".", "--to", "html"], ["is a folder"]),
        (["--versio"], ["--versio"]),
    ],
)
def test_usage_errors_are_one_line_with_what_is_meant(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(arguments)
    except SystemExit as exit_:
        code = int(str(exit_.code))
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith("hermes-tui: ")
    for word in words:
        assert word in captured.err


def test_the_exit_code_of_the_process_is_that_of_the_command() -> None:
    assert hermes_tui("scan", "--colour").code == 2
    assert hermes_tui("scan", "no-such-file.json").code == 3
    assert hermes_tui("--version").text == f"hermes-tui {__version__}\n"


def test_no_command_prints_the_help_and_is_no_error() -> None:
    done = hermes_tui()
    assert (done.code, done.err) == (0, "")
    for command in ("open", "scan", "export", "formats", "exit codes"):
        assert command in done.text


def test_formats_lists_every_format_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats"]) == 0
    listed = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    names = [item.name for item in formats()]
    assert listed[: len(names)] == names
    assert main(["formats", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(row) for row in rows] == [["name", "summary"]] * len(names)
    assert [row["name"] for row in rows] == names


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["formats"],
        ["scan", "--runs", "transcripts"],
        ["open", "transcripts"],
        ["open", "transcripts/clean-run.json"],
        ["export", "transcripts/clean-run.json", "--to", "html"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_reader_that_goes_away_is_no_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "hermes_tui", *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_output_that_cannot_hold_every_character_gets_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps([{"role": "critic", "content": "漢"}]))
    for command in ("scan", "open"):
        done = hermes_tui(command, path, PYTHONIOENCODING="ascii")
        assert (done.code, done.err) == (0, "")
        assert done.out.isascii()


def test_filter_also_narrows_what_is_printed_into_a_pipe(
    capsys: pytest.CaptureFixture[str], transcripts: Path
) -> None:
    path = str(transcripts / "clean-run.json")
    assert main(["open", "--filter", 'kind == "call"', path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all("→ call" in line for line in lines)
