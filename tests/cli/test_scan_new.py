"""The table of `scan --baseline` distinguishes new findings from known ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import Outcome, within
from tests.cli.scan_files import called, chat, lines, with_defect

HEADING = "not in the baseline: "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of two files, next to which their baseline is."""
    runs = tmp_path / "runs"
    runs.mkdir()
    lines(runs / "a.jsonl", called("a", "sl"), chat("b"))
    lines(runs / "b.jsonl", chat("c"))
    (tmp_path / "old.json").write_bytes(within("scan", runs, "--to", "json").out)
    return runs


def again(folder: Path, *options: str) -> Outcome:
    """Scan the folder against its baseline."""
    return within("scan", folder, "--ordered", "--baseline", folder.parent / "old.json", *options)


def told_as_new(text: str) -> list[str]:
    """Return the findings that the table lists as new."""
    _, _, told = text.partition(HEADING)
    return told.partition("\n\n")[0].splitlines()[1:]


def test_the_new_findings_of_a_file_that_came_are_listed_with_their_places(folder: Path) -> None:
    path = lines(folder / "with space.jsonl", chat("d"), called("e", "sl"))
    done = again(folder)
    assert done.code == 1
    assert f"{HEADING}1 finding\n" in done.text
    (told,) = told_as_new(done.text)
    assert told.startswith("  error   NAME_UNKNOWN turn 1: no declared tool is called 'sl'")
    assert told.endswith(f"  ('{path}' --at 2:2)")
    # Before the summary, which also counts the known findings.
    assert done.text.index(HEADING) < done.text.index("5 runs in 3 files")


def test_the_codes_of_each_file_say_how_many_are_new(folder: Path) -> None:
    lines(folder / "a.jsonl", called("a", "sl"), called("b", "sl"))
    lines(folder / "c.jsonl", called("d", "sl"))
    ends = [line.rpartition("  ")[2] for line in again(folder).text.splitlines()[:3]]
    assert ends == ["NAME_UNKNOWN×2 (1 new)", "clean", "NAME_UNKNOWN×1 (1 new)"]


def test_the_rates_by_code_say_how_many_findings_are_new(folder: Path) -> None:
    lines(folder / "c.jsonl", called("d", "sl"), called("e", "ls", result="Error: no"))
    text = again(folder).text
    assert "; how many findings are new\n" in text
    assert "  NAME_UNKNOWN  2 of 5   40.0% (1 new)  " in text


def test_what_is_in_the_baseline_is_said_to_be_known(folder: Path) -> None:
    done = again(folder)
    assert done.code == 0
    assert HEADING not in done.text and " new)" not in done.text
    assert "NAME_UNKNOWN×1 (known)\n" in done.text
    assert "  NAME_UNKNOWN  1 of 3   33.3% (known)  " in done.text


def test_without_a_baseline_nothing_is_new_or_known(folder: Path) -> None:
    text = within("scan", folder).text
    assert "NAME_UNKNOWN×1\n" in text
    assert "new" not in text and "known)" not in text


def test_with_runs_the_line_of_each_run_says_how_many_are_new(folder: Path) -> None:
    lines(folder / "a.jsonl", called("a", "sl"), called("b", "sl"))
    text = again(folder, "--runs").text
    ends = [line.rpartition("  ")[2] for line in text.splitlines() if ": 4 messages" in line]
    assert ends == ["NAME_UNKNOWN×1 (known)", "NAME_UNKNOWN×1 (1 new)"]
    found = [line for line in text.splitlines() if line.startswith("  error ")]
    assert [" turn 1 (new): " in line for line in found] == [False, True]
    # Listed once.
    assert HEADING not in text


def test_with_runs_new_notes_are_listed_as_well(folder: Path) -> None:
    run = called("d", "ls")
    run["messages"][1]["tool_calls"][0]["function"]["arguments"] = {}
    lines(folder / "b.jsonl", chat("c"), run)
    told = [line for line in again(folder, "--runs").text.splitlines() if "  note " in line]
    assert ["ARGS_OBJECT turn 1 (new): " in line for line in told] == [True]


def test_what_the_exit_code_is_1_for_is_listed_first(folder: Path) -> None:
    failing = [called(f"f{number}", "ls", result="Error: no") for number in range(25)]
    lines(folder / "c.jsonl", *failing, called("d", "sl"))
    told = told_as_new(again(folder, "--fail-on", "NAME_UNKNOWN").text)
    assert "NAME_UNKNOWN" in told[0]
    assert ["TOOL_ERROR" in line for line in told[1:20]] == [True] * 19
    assert told[20:21] == ["  and 6 more: --runs lists them all"]


def test_malformed_places_in_runs_are_listed_only_where_they_are_new(folder: Path) -> None:
    path = lines(folder / "c.jsonl", chat("x"), with_defect("d"))
    (folder.parent / "old.json").write_bytes(within("scan", folder, "--to", "json").out)
    assert "SOURCE_DEFECT turn" not in again(folder).text
    lines(path, chat("x"), with_defect("d"), with_defect("e"))
    (told,) = told_as_new(again(folder).text)
    assert f"  ({path} --at 3:1)" in told


def test_a_malformed_place_outside_of_any_run_is_told_only_where_it_is_new(folder: Path) -> None:
    path = lines(folder / "c.jsonl", "{broken", chat("d"))
    (folder.parent / "old.json").write_bytes(within("scan", folder, "--to", "json").out)
    assert again(folder).one_line == "hermes-tui: 0 new, 2 as in the baseline"
    lines(path, "{broken", chat("d"), "{broken too")
    done = again(folder)
    assert done.err.count("c.jsonl: byte") == 1
    assert "SOURCE_DEFECT×2 (1 new)\n" in done.text
    (told,) = told_as_new(done.text)
    assert told.startswith("  error   SOURCE_DEFECT: byte ") and told.endswith(f"  ({path})")


def test_one_file_of_one_run_lists_what_is_new_too(folder: Path) -> None:
    path = lines(folder / "b.jsonl", called("c", "sl"))
    text = within("scan", path, "--baseline", folder.parent / "old.json").text
    assert len(told_as_new(text)) == 1
    assert "runs in" not in text


def test_rows_in_json_count_what_is_new_by_code(folder: Path) -> None:
    lines(folder / "a.jsonl", called("a", "sl"), called("b", "sl"))
    rows = [json.loads(line) for line in again(folder, "--json").text.splitlines()]
    assert [row["new"] for row in rows] == [{"NAME_UNKNOWN": 1}, {}]
    report = json.loads(again(folder, "--to", "json").text)
    assert [row["new"] for row in report["results"]] == [{}, {"NAME_UNKNOWN": 1}]


def test_what_is_new_is_harmless_on_a_terminal(folder: Path) -> None:
    lines(folder / "c\x1b[2J.jsonl", called("d", "\x1b[31msl"))
    text = again(folder).text
    assert len(told_as_new(text)) == 1
    assert "\x1b" not in text
