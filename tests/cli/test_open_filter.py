"""`open --filter` leaves out rows of a run or runs of a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import within
from tests.cli.scan_files import called, chat, lines


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return lines(tmp_path / "runs.jsonl", called("a", "sl"), chat("b"), called("c", "ls"))


def test_a_list_is_filtered_by_the_fields_of_runs(runs: Path) -> None:
    done = within("open", runs, "--filter", "calls > 0 and warnings + errors == 0")
    assert [" c task c" in line for line in done.text.splitlines()] == [True]


def test_a_run_is_filtered_by_the_fields_of_rows(tmp_path: Path) -> None:
    done = within(
        "open", lines(tmp_path / "run.jsonl", called("a", "ls")), "--filter", 'kind == "call"'
    )
    assert ["ls {}" in line for line in done.text.splitlines()] == [True]


def test_a_filter_on_fields_of_the_other_kind_is_refused(runs: Path, tmp_path: Path) -> None:
    done = within("open", runs, "--filter", 'kind == "call"')
    assert (done.code, done.out) == (2, b"")
    message = ": kind is a field of a run's rows, not of a list of runs (open one file, "
    assert message in done.one_line
    one = lines(tmp_path / "run.jsonl", called("a", "ls"))
    done = within("open", one, "--filter", "errors > 0")
    assert (done.code, done.out) == (2, b"")
    message = ": errors is a field of a list of runs, not of one run (open several runs)"
    assert done.one_line.endswith(message)


@pytest.mark.parametrize("text", ["found", "not found", "found and errors > 0"])
def test_without_a_screen_the_result_of_a_search_is_not_a_field(runs: Path, text: str) -> None:
    done = within("open", runs, "--filter", text)
    assert (done.code, done.out) == (2, b"")
    assert "found is set by a search (/), which needs the screen (" in done.one_line


def test_an_unknown_name_is_refused_with_the_fields_of_runs_and_of_lists(runs: Path) -> None:
    done = within("open", runs, "--filter", "foo > 1")
    assert (done.code, done.out) == (2, b"")
    message = "--filter 'foo > 1': unknown name 'foo' at column 1 (of a run: kind, role, "
    assert message in done.one_line
    assert "; of a list: run, id, task, " in done.one_line


def test_an_unknown_name_is_refused_with_the_nearest_one(runs: Path) -> None:
    done = within("open", runs, "--filter", "erors > 1")
    assert "unknown name 'erors' at column 1 (did you mean 'errors'" in done.one_line
    assert "of a list:" not in done.one_line


def test_a_filter_by_both_kinds_of_fields_is_refused(runs: Path) -> None:
    done = within("open", runs, "--filter", 'kind == "call" and errors > 0')
    assert (done.code, done.out) == (2, b"")
    assert "kind is a field of a run's rows, errors one of a list of runs" in done.one_line


def test_an_invalid_expression_is_refused(runs: Path) -> None:
    done = within("open", runs, "--filter", "errors = 0")
    assert (done.code, done.out) == (2, b"")
    assert done.one_line.endswith("= is not a comparison at column 8 (write ==)")
