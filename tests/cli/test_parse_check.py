"""`parse --batch --expect` records the present results, and `--check` reports later differences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.cli import progress
from hermes_tui.cli.main import main
from tests.cli.program import PROJECT, Outcome, within
from tests.cli.test_parse import BROKEN, SOUND, no_engines, row, rows, write

__all__ = ["no_engines"]  # a fixture


def lines(folder: Path, *requests: dict[str, Any]) -> Path:
    return write(folder, "".join(json.dumps(one) + "\n" for one in requests), "cases.jsonl")


def check(folder: Path, *requests: dict[str, Any]) -> Outcome:
    return within("parse", "--batch", lines(folder, *requests), "--check")


def test_written_expectations_are_met_afterwards(tmp_path: Path) -> None:
    requests = [row(SOUND), row(BROKEN, id=2), row("\ud83d", "hermes-tui/auto")]
    written = within("parse", "--batch", lines(tmp_path, *requests), "--expect")
    assert written.code == 0, "a finding is what is expected here"
    cases = rows(written)
    assert [{**case, "expected": None} for case in cases] == [
        {**request, "expected": None} for request in requests
    ]
    call = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    assert cases[0]["expected"]["tool_calls"] == [call]
    done = check(tmp_path, *cases)
    assert (done.code, done.text) == (0, "")
    assert done.one_line.endswith("3 lines compared, 0 not as expected")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"content": "x"}, 'line 1 (a): content: expected "x", read null'),
        ({"outcome": "text"}, 'line 1 (a): outcome: expected "text", read "calls"'),
        (
            {"tool_calls": [{"name": "other"}]},
            'line 1 (a): tool_calls[0].name: expected "other", read "get_weather"',
        ),
        (
            {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Rome"}}]},
            'tool_calls[0].arguments: expected {"city": "Rome"}, read',
        ),
        ({"tool_calls": []}, 'tool_calls: expected [], read ["get_weather"]'),
    ],
)
def test_a_line_that_is_not_read_as_expected_is_reported(
    tmp_path: Path, expected: dict[str, Any], message: str
) -> None:
    done = check(tmp_path, row(SOUND, expected=expected))
    assert done.code == 1
    assert message in done.text and len(done.text.splitlines()) == 1


@pytest.mark.parametrize(
    "expected",
    [
        {"tool_calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]},
        {"tool_calls": [{"name": "get_weather", "arguments": '{ "city":"Oslo"}'}]},
        {"tool_calls": [{"type": "function", "function": {"name": "get_weather"}}]},
        {"content": None},
        {},
    ],
)
def test_only_expected_fields_are_compared_and_arguments_by_value(
    tmp_path: Path, expected: dict[str, Any]
) -> None:
    assert check(tmp_path, row(SOUND, expected=expected)).code == 0


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (7, "is not an object"),
        ({"tool_call": []}, "unknown key 'tool_call'"),
        ({"tool_calls": [7]}, "are not a list"),
        ({"tool_calls": {"name": "x"}}, "are not a list"),
    ],
)
def test_an_invalid_expectation_is_refused(tmp_path: Path, expected: object, words: str) -> None:
    done = check(tmp_path, row(SOUND, expected=expected), row(SOUND, expected={"content": None}))
    assert done.code == 2
    assert done.text.startswith("line 1: ") and words in done.text


def test_a_file_without_expectations_is_a_usage_error(tmp_path: Path) -> None:
    done = check(tmp_path, row(SOUND))
    assert done.code == 2 and "--expect writes such lines" in done.one_line


def test_lines_without_expectations_are_counted(tmp_path: Path) -> None:
    done = check(tmp_path, row(SOUND), row(SOUND, expected={}))
    assert (done.code, done.text) == (0, "")
    assert "1 line compared, 0 not as expected; 1 line not compared" in done.one_line


def test_differences_are_printed_as_json_with_the_row(tmp_path: Path) -> None:
    path = lines(tmp_path, row(SOUND, expected={"content": "x"}), row(SOUND, expected={}))
    done = within("parse", "--batch", path, "--check", "--json")
    first, second = rows(done)
    assert done.code == 1
    assert first["differences"] == [{"at": "content", "expected": "x", "read": None}]
    assert (second["differences"], second["outcome"]) == ([], "calls")


def test_nothing_in_a_difference_acts_on_the_terminal(tmp_path: Path) -> None:
    hostile = "\x1b[31m\u202e\n"
    case = row(hostile, id=hostile, expected={"content": hostile * 100, "outcome": hostile})
    out = check(tmp_path, case).text
    assert len(out.splitlines()) == 2
    assert "\x1b" not in out and "\u202e" not in out


def test_a_line_that_no_parser_reads_gets_no_expectation(tmp_path: Path) -> None:
    path = lines(tmp_path, row(SOUND, "vllm/hermez"), row(SOUND))
    done = within("parse", "--batch", path, "--expect")
    assert (done.code, len(rows(done))) == (2, 1)
    assert "left out: line 1: unknown parser" in done.one_line


@pytest.mark.parametrize("option", ["--check", "--expect"])
def test_check_and_expect_require_batch(tmp_path: Path, option: str) -> None:
    done = within("parse", write(tmp_path, SOUND), option)
    assert done.code == 2 and "needs --batch" in done.one_line


def test_long_values_are_shown_where_they_differ(tmp_path: Path) -> None:
    text = "so far so good, " * 100
    done = check(tmp_path, row(f"{text}THE END", expected={"content": f"{text}an end"}))
    (line,) = done.text.splitlines()
    assert line.startswith("line 1 (a): content: expected …") and len(line) < 200
    expected, _, read = line.partition(", read …")
    assert expected.endswith('good, an end"') and read.endswith('good, THE END"')


def test_the_number_of_lines_is_shown_on_a_terminal_while_the_rows_go_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "APPEARS_AFTER_S", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    cases = lines(tmp_path, row(SOUND), {"id": 2})
    assert main(["parse", "--batch", str(cases), "--expect"]) == 2
    _, drawn, blanks, left_out = capsys.readouterr().err.split("\r")
    assert (drawn, blanks.strip()) == ("1 line read", "")
    assert left_out.startswith("hermes-tui: left out")


def test_an_interrupted_check_reports_its_totals_so_far(tmp_path: Path) -> None:
    read, write = os.pipe()
    command = [sys.executable, "-m", "hermes_tui", "parse", "--batch", "--check"]
    with subprocess.Popen(
        command, stdin=read, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT
    ) as running:
        os.close(read)
        os.write(write, json.dumps(row(SOUND, expected={"content": "x"})).encode() + b"\n")
        assert running.stdout is not None and running.stderr is not None
        assert running.stdout.readline().startswith(b"line 1 (a): content")
        running.send_signal(signal.SIGINT)
        words = running.stderr.read()
        os.close(write)
    assert words.endswith(b"interrupted: 1 line compared, 1 not as expected\n")
    assert running.returncode == 130
