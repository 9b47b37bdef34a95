"""`diff` compares two runs on the command line."""

from __future__ import annotations

import json
import os
import pty
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.cli.main import main
from tests.cli.program import Outcome, hermes_tui, within
from tests.cli.scan_files import called, lines


def chat(*texts: str) -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    return [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    path = tmp_path / "runs.jsonl"
    conversations = [chat("hi", "hello"), chat("hi", "good day"), chat("hi", "hello")]
    path.write_text("".join(json.dumps({"messages": each}) + "\n" for each in conversations))
    return path


def diff_of(path: Path, left: int, right: int, *more: str) -> Outcome:
    return within("diff", f"{path}:{left}", f"{path}:{right}", *more)


def test_two_runs_of_a_file_are_compared_by_number(runs: Path) -> None:
    done = diff_of(runs, 1, 2)
    assert done.code == 1
    assert "diverge at   turn 1, the assistant's message" in done.text
    assert "- hello\n+ good day\n" in done.text


def test_runs_that_did_the_same_exit_with_zero(runs: Path) -> None:
    done = diff_of(runs, 1, 3)
    assert done.code == 0
    assert "did the same" in done.text


@pytest.mark.parametrize("run", ["", ":2"])
def test_diff_with_one_file_reports_how_to_name_two_of_its_runs(runs: Path, run: str) -> None:
    done = hermes_tui("diff", f"{runs}{run}")
    assert done.code == 2
    message = f"a second run is missing (for two runs of one file: {runs}:1 {runs}:2)"
    assert done.err == f"hermes-tui: {message}\n"


def run_with_result(content: str, **more: Any) -> dict[str, Any]:
    """Return a run in which a tool answers `content`."""
    run = called("a", "ls", result=content)
    run["messages"][2] |= more
    return run


def test_results_that_differ_only_in_whitespace_are_the_same(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", run_with_result('{"a": 1}'), run_with_result('{"a":1}'))
    done = diff_of(path, 1, 2)
    assert done.code == 0
    assert "Both did the same." in done.text and "no difference" not in done.text


def test_a_result_that_is_an_error_in_one_run_only_differs(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", run_with_result("7"), run_with_result("7", is_error=True))
    done = diff_of(path, 1, 2)
    assert done.code == 1
    assert "~ turn 1, result of ls, no error → an error\n  7\n" in done.text
    assert "no difference" not in done.text
    (found,) = json.loads(diff_of(path, 1, 2, "--json").text)["differences"]
    assert (found["left"]["error"], found["right"]["error"]) == ("", "flag")


def test_a_call_of_another_tool_shows_what_was_called(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", called("a", "ls"), called("a", "cat"))
    text = diff_of(path, 1, 2).text
    assert "call ls → cat\n  {}\n" in text and "no difference" not in text


def test_json_names_every_difference(runs: Path) -> None:
    done = diff_of(runs, 1, 2, "--json")
    report = json.loads(done.text)
    assert done.code == 1
    assert report["same"] is False
    assert report["steps_shared_at_first"] == 1
    (found,) = report["differences"]
    assert (found["change"], found["left"]["text"], found["right"]["text"]) == (
        "changed", "hello", "good day",
    )  # fmt: skip


def test_json_does_not_depend_on_the_locale(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", called("Grüße", "ls"), called("你好", "ls"))
    usual, other = (
        hermes_tui("diff", f"{path}:1", f"{path}:2", "--json", PYTHONIOENCODING=encoding)
        for encoding in ("utf-8", "latin-1")
    )
    assert other.code == 1
    assert json.loads(other.out) == json.loads(usual.out)


def test_the_findings_of_each_run_are_counted(tmp_path: Path) -> None:
    clean = lines(tmp_path / "clean.json", called("a", "ls"))
    wrong = lines(tmp_path / "wrong.json", called("a", "sl"))
    heading = within("diff", wrong, clean).text.partition("\n\n")[0].splitlines()
    cells = [line.split() for line in heading]
    for row in (["errors", "1", "0"], ["NAME_UNKNOWN", "1", "0"]):
        assert row in cells
    assert any(row[:2] == ["in", "both"] and row[-2:] == ["0", "warnings"] for row in cells)
    report = json.loads(within("diff", wrong, clean, "--json").text)
    counts = [
        [report[side][key] for key in ("errors", "warnings", "diagnostics")]
        for side in ("left", "right")
    ]
    assert counts == [[1, 0, {"NAME_UNKNOWN": 1}], [0, 0, {}]]


def test_a_file_with_a_colon_in_its_name_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "a:1"
    path.write_text(json.dumps({"messages": chat("hi", "hello")}))
    assert within("diff", path, path).code == 0


def test_control_characters_are_made_visible(tmp_path: Path) -> None:
    for name, text in (("a", "\x1b]0;owned\x07"), ("b", "\x9b2J")):
        (tmp_path / name).write_text(json.dumps({"messages": chat("hi", text)}))
    for more in ((), ("--json",)):
        done = within("diff", tmp_path / "a", tmp_path / "b", *more)
        assert done.code == 1
        assert not {"\x1b", "\x07", "\x9b"} & set(done.text)


def test_lines_are_broken_between_words_on_a_terminal(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["supercalifragilistic"] * 9
    path = lines(runs.parent / "long.json", chat("hi", " ".join(words)))
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 50))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main(["diff", f"{runs}:1", str(path)]) == 1
        terminal.flush()
        printed = b""
        while not printed.endswith(b"\n") or printed.count(words[0].encode()) < len(words):
            printed += os.read(ours, 1 << 16)
    os.close(ours)
    rows = printed.decode().splitlines()
    shown = [row for row in rows if words[0] in row]
    assert " ".join(shown).split() == ["+", *words]
    assert max(map(len, rows)) <= 50


@pytest.mark.parametrize(
    ("left", "right", "code", "message"),
    [
        ("{runs}", "{runs}:1", 2, "holds 3 runs (choose one with FILE:1 … FILE:3)"),
        ("{runs}:9", "{runs}:1", 2, "no run '9'"),
        ("{folder}", "{runs}:1", 2, "is a folder"),
        ("{folder}/none.json", "{runs}:1", 3, "no such file"),
        ("-", "-", 2, "both runs would be read from standard input"),
        ("{runs}:1", "-:2", 2, "-:2 looks like an option (write `-- -:2`, at the end)"),
        ("-:a b", "{runs}:1", 2, "-:a b looks like an option (write `-- -:a b`, at the end)"),
    ],
)
def test_bad_usage_is_one_line(runs: Path, left: str, right: str, code: int, message: str) -> None:
    arguments = [each.format(runs=runs, folder=runs.parent) for each in (left, right)]
    done = within("diff", *arguments)
    assert done.code == code
    assert message in done.one_line
