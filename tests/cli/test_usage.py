"""A wrong command line gives one line on stderr with the nearest valid words, and exit code 2."""

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
from tests.cli.program import PROJECT, hermes_tui, within


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scan"], ["PATH", "hermes-tui scan --help"]),
        (["scan", "--colour", "x"], ["--colour", "hermes-tui scan --help"]),
        (["--colour", "scan", "x"], ["--colour", "hermes-tui --help"]),
        (["scna", "x"], ["scna", "did you mean scan?"]),
        (["opn"], ["'opn'", "did you mean open?"]),
        (["frobnicate"], ["'frobnicate'", "demo, live, open"]),
        (["help"], ["did you mean `hermes-tui --help`?"]),
        (["version"], ["did you mean `hermes-tui --version`?"]),
        (["--verion"], ["--verion", "did you mean --version?"]),
        (["open", "--folow", "x"], ["--folow", "did you mean --follow?", "open --help"]),
        (["--theme", "x", "open", "y"], ["`hermes-tui open --theme …`"]),
        (["--parser", "x"], ["--parser goes after a command", "live, open, scan, parse"]),
        (["--parser", "x", "scan", "y"], ["`hermes-tui scan --parser …`"]),
        ([str(PROJECT / "README.md")], ["did you mean `hermes-tui open /", "README.md`?"]),
        (["open", f"{PROJECT / 'README.md'}:2"], ["no such file", "README.md --at 2?"]),
        (["export", f"{PROJECT / 'README.md'}:2", "--to", "html"], ["README.md --run 2?"]),
        (["engines", "remove", "foo"], ["'foo'", "("]),
        (
            ["parse", str(PROJECT / "README.md"), "--tools", str(PROJECT / "README.md")],
            ["not JSON"],
        ),
        (["live", "--api", "demo", "--headless", "--tool-choice", "{x"], ['"type": "function"']),
        (
            ["live", "--api", "demo", "--headless", "--record", str(PROJECT / "README.md")],
            ["the file exists already"],
        ),
        (
            ["live", "--api", "demo", "--headless", "--break", "befor_dispatch"],
            ["did you mean before_dispatch?"],
        ),
        (
            ["live", "--api", "demo", "--headless", "--break", "before_dispatch if ("],
            ["in the condition: "],
        ),
        (["scan", "x", "--format", "openai-mesages"], ["did you mean openai-messages"]),
        (
            ["open", "x", "--format", "atropos"],
            ["did you mean atropos-group? `hermes-tui formats`"],
        ),
        (["open", "x", "--format", "OpenAI"], ["did you mean openai-messages? `hermes-tui"]),
        (["open", "x", "--format", "session"], ["did you mean hermes-session?"]),
        (["open", "x", "--format", "bogus"], ["'bogus' (`hermes-tui formats` lists all)"]),
        (["open", "x", "--format", "nope"], ["'nope' (`hermes-tui formats` lists all)"]),
        (["open", "x", "--format", "!"], ["'!' (`hermes-tui formats` lists all)"]),
        (["open", "x", "--filter", "kind =="], ["--filter", "kind ==", "column 8"]),
        (["open", "x", "--filter", "colour == 1"], ["--filter", "colour", "kind"]),
        (["scan", "x", "--filter", "kind == 1"], ["kind is not a field", "(known: id, task,"]),
        (["scan", "x", "--filter", "qqq == 1"], ["'qqq' at column 1 (known: id, task,"]),
        (["scan", "x", "--fail-if", "erors > 0"], ["(did you mean 'errors' or 'tool_errors'?)"]),
        (["scan", "x", "--fail-on", "zz"], ["(`hermes-tui scan FILE --to sarif` lists"]),
        (
            ["live", "--resume", "x", "--run", "--headless"],
            ["the recording sets --run (leave it out)"],
        ),
        (["export", "x"], ["--to"]),
        (["export", "x", "--to", "docx"], ["docx", "openai", "html", "native"]),
        (["export", ".", "--to", "html"], ["the folder .: html holds only one run"]),
        (["--versio"], ["--versio"]),
        (["scan", ".", "--form", "json"], ["--form", "hermes-tui scan --help"]),
        (["scan", ""], ["PATH", "empty"]),
        (["open", ""], ["PATH", "empty"]),
        (["diff", "a.json", ""], ["B", "empty"]),
        (["diff", "a.json", "b.json", "c.json"], ["c.json", "hermes-tui diff --help"]),
        (["diff", "--", "-:1", "-:2"], ["both runs would be read from standard input"]),
        (["export", "", "--to", "html"], ["FILE", "empty"]),
        (["parse", ""], ["FILE", "empty"]),
        (["parse", "x", "--stream", "0"], ["--stream '0'", "a whole number from 1"]),
        (["open", "x", "--theme", "pink"], ["--theme", "pink", "hermes-contrast"]),
        (["demo", "--theme", "pink"], ["--theme", "pink", "hermes-contrast"]),
        (["live", "--api", "demo", "--record", "."], ["is a folder", "name a file in it"]),
        (["live", "--timeout", "soon"], ["--timeout", "'soon'", "number of seconds above 0"]),
        (["live", "--timeout", "nan"], ["--timeout", "'nan'", "number of seconds"]),
        (["live", "--temperature", "inf"], ["--temperature", "'inf'", "such as 0.7"]),
        (["live", "--max-turns", "-2"], ["--max-turns", "'-2'", "a whole number from 0 on"]),
        (["live", "--token-limit", "9" * 5000], ["--token-limit", "a whole number from 1 on"]),
        (["live", "--api", "demo", "--api-key-env", "NO_KEY"], ["NO_KEY", "export the key"]),
        (["engines", "add", "--python", "a", "--path", "b"], ["--path", "--python"]),
        (["model", "nope"], ["nope", "remove"]),
        (["formats", "nope"], ["nope", "hermes-tui formats --help"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_usage_errors_are_one_line_with_a_suggestion(
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


@pytest.mark.parametrize("option", [["model", "add", "--gguf"], ["engines", "add", "--path"]])
def test_circular_links_are_not_a_file(tmp_path: Path, option: list[str]) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    done = within(*option, circle)
    assert done.code == 3
    assert str(circle) in done.one_line


def test_without_a_command_the_help_is_printed_without_an_error() -> None:
    done = hermes_tui()
    assert (done.code, done.err) == (0, "")
    for command in ("open", "scan", "export", "formats", "exit codes"):
        assert command in done.text


def test_formats_lists_every_format_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["formats"]) == 0
    printed = capsys.readouterr().out
    listed = [line.split("  ")[0] for line in printed.splitlines()]
    names = [item.name for item in formats()]
    assert listed[: len(names)] == names
    assert "Parquet files (.parquet) too" in printed
    assert "hermes-tui[parquet]" in printed
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
def test_a_closed_output_pipe_is_not_an_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "hermes_tui", *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
        timeout=240,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("command", ["formats", "scan", "open"])
def test_an_output_on_a_full_disk_is_one_line_and_3(command: str) -> None:
    paths = [] if command == "formats" else ["transcripts/clean-run.json"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hermes_tui", command, *paths],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    assert done.stderr == b"hermes-tui: cannot continue: No space left on device\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan", "{}"],
        ["open", "{}"],
        ["diff", "{}", "{}:1"],
        ["export", "{}", "--to", "html"],
        ["export", str(PROJECT / "transcripts/clean-run.json"), "--to", "html", "-o", "{}/x"],
        ["parse", "{}"],
        ["live", "--api", "demo", "--workdir", "{}"],
        ["live", "--api", "demo", "--tools", "python:{}/x.py"],
        ["live", "--api", "demo", "--tools", "schema:{}"],
        ["engines", "add", "--path", "{}"],
        ["engines", "add", "--python", "{}"],
        ["engines", "add", "{}.whl"],
        ["model", "add", "--name", "x", "--gguf", "{}"],
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize("path", ["x" * 5000, "~nobody-of-that-name"])
def test_an_impossible_path_is_one_line_and_3(arguments: list[str], path: str) -> None:
    done = within(*(argument.format(path) for argument in arguments))
    assert (done.code, done.out) == (3, b"")
    assert path[:20] in done.one_line


def test_characters_that_the_output_cannot_encode_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps([{"role": "critic", "content": "漢"}]))
    for command in ("scan", "open"):
        done = hermes_tui(command, path, PYTHONIOENCODING="ascii")
        assert (done.code, done.err) == (0, "")
        assert done.out.isascii()


def test_a_filter_also_narrows_the_output_to_a_pipe(
    capsys: pytest.CaptureFixture[str], transcripts: Path
) -> None:
    path = str(transcripts / "clean-run.json")
    assert main(["open", "--filter", 'kind == "call"', path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all("→ call" in line for line in lines)
