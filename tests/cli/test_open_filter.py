"""What `open --filter` leaves out: rows of a run, runs of a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.program import within
from tests.cli.scan_files import called, chat, lines


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return lines(tmp_path / "runs.jsonl", called("a", "sl"), chat("b"), called("c", "ls"))


def test_a_list_is_filtered_by_what_is_known_of_a_run(runs: Path) -> None:
    done = within("open", runs, "--filter", "calls > 0 and warnings + errors == 0")
    assert [" c task c" in line for line in done.text.splitlines()] == [True]


def test_a_run_is_filtered_by_what_is_known_of_a_row(tmp_path: Path) -> None:
    done = within(
        "open", lines(tmp_path / "run.jsonl", called("a", "ls")), "--filter", 'kind == "call"'
    )
    assert ["ls {}" in line for line in done.text.splitlines()] == [True]


def test_a_filter_that_does_not_fit_what_is_listed_is_refused(runs: Path, tmp_path: Path) -> None:
    done = within("open", runs, "--filter", 'kind == "call"')
    assert (done.code, done.out) == (2, b"")
    assert "for a list of runs: unknown name 'kind'" in done.one_line
    one = lines(tmp_path / "run.jsonl", called("a", "ls"))
    done = within("open", one, "--filter", "errors > 0")
    assert (done.code, done.out) == (2, b"")
    assert "for a run: unknown name 'errors'" in done.one_line
