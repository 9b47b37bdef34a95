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


def scan_again(folder: Path, *options: str) -> Outcome:
    """Scan the folder against its baseline."""
    return within("scan", folder, "--ordered", "--baseline", folder.parent / "old.json", *options)


def new_findings(text: str) -> list[str]:
    """Return the findings that the table lists as new."""
    _, _, listed = text.partition(HEADING)
    return listed.partition("\n\n")[0].splitlines()[1:]


def test_the_findings_of_an_added_file_are_listed_with_their_places(folder: Path) -> None:
    path = lines(folder / "with space.jsonl", chat("d"), called("e", "sl"))
    done = scan_again(folder)
    assert done.code == 1
    assert f"{HEADING}1 finding\n" in done.text
    (listed,) = new_findings(done.text)
    assert listed.startswith("  error   NAME_UNKNOWN turn 1: no declared tool is called 'sl'")
    assert listed.endswith(f"  ('{path}' --at 2:2)")
    # Before the summary, which also counts the known findings.
    assert done.text.index(HEADING) < done.text.index("5 runs in 3 files")


def test_the_codes_of_each_file_have_the_number_of_new_findings(folder: Path) -> None:
    lines(folder / "a.jsonl", called("a", "sl"), called("b", "sl"))
    lines(folder / "c.jsonl", called("d", "sl"))
    ends = [line.rpartition("  ")[2] for line in scan_again(folder).text.splitlines()[:3]]
    assert ends == ["NAME_UNKNOWN×2 (1 new)", "clean", "NAME_UNKNOWN×1 (1 new)"]


def test_the_rates_by_code_have_the_number_of_new_findings(folder: Path) -> None:
    lines(folder / "c.jsonl", called("d", "sl"), called("e", "ls", result="Error: no"))
    text = scan_again(folder).text
    assert "; how many of them are new\n" in text
    assert "  NAME_UNKNOWN  2 of 5   40.0%  2 errors (1 new)  " in text


def test_findings_in_the_baseline_are_marked_as_known(folder: Path) -> None:
    done = scan_again(folder)
    assert done.code == 0
    assert HEADING not in done.text and " new)" not in done.text
    assert "NAME_UNKNOWN×1 (known)\n" in done.text
    assert "  NAME_UNKNOWN  1 of 3   33.3%  1 error (known)  " in done.text


def test_without_a_baseline_nothing_is_new_or_known(folder: Path) -> None:
    text = within("scan", folder).text
    assert "NAME_UNKNOWN×1\n" in text
    assert "new" not in text and "known)" not in text


def test_with_runs_the_line_of_each_run_has_the_number_of_new_findings(folder: Path) -> None:
    lines(folder / "a.jsonl", called("a", "sl"), called("b", "sl"))
    text = scan_again(folder, "--runs").text
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
    listed = [line for line in scan_again(folder, "--runs").text.splitlines() if "  note " in line]
    assert ["ARGS_OBJECT turn 1 (new): " in line for line in listed] == [True]


def test_findings_that_cause_exit_code_1_are_listed_first(folder: Path) -> None:
    failing = [called(f"f{number}", "ls", result="Error: no") for number in range(25)]
    lines(folder / "c.jsonl", *failing, called("d", "sl"))
    listed = new_findings(scan_again(folder, "--fail-on", "NAME_UNKNOWN").text)
    assert "NAME_UNKNOWN" in listed[0]
    assert ["TOOL_ERROR" in line for line in listed[1:20]] == [True] * 19
    assert listed[20:21] == ["  and 6 more: --runs lists them all"]


def test_malformed_places_in_runs_are_listed_only_if_they_are_new(folder: Path) -> None:
    path = lines(folder / "c.jsonl", chat("x"), with_defect("d"))
    (folder.parent / "old.json").write_bytes(within("scan", folder, "--to", "json").out)
    assert "SOURCE_DEFECT turn" not in scan_again(folder).text
    lines(path, chat("x"), with_defect("d"), with_defect("e"))
    (listed,) = new_findings(scan_again(folder).text)
    assert f"  ({path} --at 3:1)" in listed


def test_malformed_places_outside_of_runs_are_listed_only_if_they_are_new(folder: Path) -> None:
    path = lines(folder / "c.jsonl", "{broken", chat("d"))
    (folder.parent / "old.json").write_bytes(within("scan", folder, "--to", "json").out)
    assert scan_again(folder).one_line == "hermes-tui: 0 new, 2 as in the baseline"
    lines(path, "{broken", chat("d"), "{broken too")
    done = scan_again(folder)
    assert done.err.count("c.jsonl: byte") == 1
    assert "SOURCE_DEFECT×2 (1 new)\n" in done.text
    (listed,) = new_findings(done.text)
    assert listed.startswith("  error   SOURCE_DEFECT: byte ") and listed.endswith(f"  ({path})")


def test_new_findings_of_a_single_run_are_listed_too(folder: Path) -> None:
    path = lines(folder / "b.jsonl", called("c", "sl"))
    text = within("scan", path, "--baseline", folder.parent / "old.json").text
    assert len(new_findings(text)) == 1
    assert "runs in" not in text


def test_json_rows_count_new_findings_by_code(folder: Path) -> None:
    lines(folder / "a.jsonl", called("a", "sl"), called("b", "sl"))
    rows = [json.loads(line) for line in scan_again(folder, "--json").text.splitlines()]
    assert [row["new"] for row in rows] == [{"NAME_UNKNOWN": 1}, {}]
    report = json.loads(scan_again(folder, "--to", "json").text)
    assert [row["new"] for row in report["results"]] == [{}, {"NAME_UNKNOWN": 1}]


def test_listed_new_findings_are_harmless_on_a_terminal(folder: Path) -> None:
    lines(folder / "c\x1b[2J.jsonl", called("d", "\x1b[31msl"))
    text = scan_again(folder).text
    assert len(new_findings(text)) == 1
    assert "\x1b" not in text


def test_the_rates_of_the_baseline_are_next_to_those_of_the_scan(folder: Path) -> None:
    rated = [chat("x", reward=1.0), chat("y", reward=0.0), called("z", "sl")]
    old = {"runs": 3, "failed": 1}
    text = scan_again(folder).text
    assert "\nbaseline: 1 of 3 runs with errors (33.3%)\n" in text
    lines(folder / "a.jsonl", *rated)
    again = json.loads(scan_again(folder, "--to", "json").text)["summary"]
    assert {key: again["baseline"][key] for key in old} == old
    assert again["baseline"]["outcome"]["rewarded"] == 0
    (folder.parent / "old.json").write_bytes(within("scan", folder, "--to", "json").out)
    rewards = "mean reward 0.5 (2 runs)"
    assert f"\nbaseline: 1 of 4 runs with errors (25.0%); {rewards}\n" in scan_again(folder).text


def test_a_baseline_of_rows_has_no_rates(folder: Path) -> None:
    rows = within("scan", folder, "--runs", "--json").out
    (folder.parent / "old.json").write_bytes(rows)
    assert "baseline: " not in scan_again(folder).text.replace(HEADING, "")


@pytest.mark.parametrize("summary", ["{}", '{"runs": "3"}', "null"])
def test_a_baseline_with_a_summary_of_another_form_is_refused(folder: Path, summary: str) -> None:
    text = f'{{"results": [], "files": [], "summary": {summary}, "complete": true}}'
    (folder.parent / "old.json").write_text(text)
    done = scan_again(folder)
    assert (done.code, "not what `scan --to json` writes" in done.err) == (2, True)
