"""`open --search` without a screen leaves out runs and rows that do not contain the text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import within
from tests.cli.scan_files import chat, lines


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    texts = {"a": "fine", "b": "Permission denied", "c": "permission DENIED"}
    return lines(tmp_path / "runs.jsonl", *(chat(name, "so", text) for name, text in texts.items()))


def test_runs_that_contain_the_text_are_printed(runs: Path) -> None:
    done = within("open", runs, "--search", "permission denied")
    assert (done.code, done.err) == (0, "")
    assert [" task b" in line for line in done.text.splitlines()] == [True, False]


@pytest.mark.parametrize("expression", ['id == "c"', 'found and id == "c"', 'id == "c" or false'])
def test_a_filter_narrows_the_result_of_a_search(runs: Path, expression: str) -> None:
    done = within("open", runs, "--search", "permission denied", "--filter", expression)
    assert (done.code, done.err) == (0, "")
    assert [" task c" in line for line in done.text.splitlines()] == [True]


def test_rows_of_a_run_that_contain_the_text_are_printed(runs: Path) -> None:
    done = within("open", runs, "--at", "2", "--search", "PERMISSION")
    assert ["Permission denied" in line for line in done.text.splitlines()] == [True]


@pytest.mark.parametrize("option", [("--search", "[regular"), ("--filter", "messages > 99")])
def test_no_matching_run_is_reported(runs: Path, option: tuple[str, str]) -> None:
    done = within("open", runs, *option)
    assert (done.code, done.out) == (0, b"")
    assert done.err == "hermes-tui: no run matches (of 3)\n"


@pytest.mark.parametrize("option", [("--search", "[regular"), ("--filter", 'kind == "call"')])
def test_no_matching_row_is_reported(runs: Path, option: tuple[str, str]) -> None:
    done = within("open", runs, "--at", "1", *option)
    assert (done.code, done.out) == (0, b"")
    assert done.err == "hermes-tui: no row matches (of 4)\n"
