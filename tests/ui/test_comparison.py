"""The facts shown above the differences of two runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hermes_tui.log.run_diff import DiffRow
from hermes_tui.log.run_steps import Step, StepKind
from hermes_tui.log.summary import RunSummary
from hermes_tui.ui.render.comparison import run_comparison
from hermes_tui.ui.render.wrap import cells
from tests.ui.listed import NOTHING
from tests.ui.opened import MESSAGES, NARROW, WIDE, app_on, settled, shows, write_run
from tests.ui.screen_text import screen_lines

ALIKE = re.compile(r"(\d+) ([a-z ]+)")
CODES_ALIKE = re.compile(r"([A-Z_]+)×(\d+)")
LONGEST = "MARKER_IN_REASONING"


def facts(left: RunSummary, right: RunSummary) -> dict[str, list[str]]:
    """Return the facts of two runs by name: the values, then "strong" if they differ."""
    lines = run_comparison([], ("a", "b"), (left, right)).document.lines
    heading = lines[2 : [line.text for line in lines].index("")]
    found = {}
    for line in heading:
        if line.text.startswith("in both"):
            found |= {name: [value, "in both"] for value, name in ALIKE.findall(line.text)}
            found |= {code: [value, "in both"] for code, value in CODES_ALIKE.findall(line.text)}
            continue
        name = line.text[: line.spans[0].end]
        styles = [span.style_name for span in line.spans[1:]]
        found[name.strip()] = [*line.text[len(name) :].split(), *styles]
    return found


def test_findings_of_both_runs_are_counted_by_severity_and_code() -> None:
    wrong = NOTHING._replace(errors=2, warnings=1, codes=(("ARGS_INVALID", 2), ("TOOL_ERROR", 1)))
    other = NOTHING._replace(errors=1, codes=(("ID_MISSING", 1), ("TOOL_ERROR", 1)))
    found = facts(wrong, other)
    assert found["errors"] == ["2", "1", "strong"]
    assert found["warnings"] == ["1", "0", "strong"]
    assert found["ARGS_INVALID"] == ["2", "0", "strong"]
    assert found["ID_MISSING"] == ["0", "1", "strong"]
    assert found["TOOL_ERROR"] == ["1", "in both"]


def test_clean_runs_have_no_errors_and_no_codes() -> None:
    found = facts(NOTHING, NOTHING)
    assert found["errors"] == found["warnings"] == ["0", "in both"]
    assert not any(name.isupper() for name in found)


def test_a_common_count_of_one_is_in_the_singular() -> None:
    one = NOTHING._replace(turns=1, calls=1, messages=1_024)
    found = facts(one, one)
    assert found["turn"] == found["call"] == ["1", "in both"]
    text = run_comparison([], ("a", "b"), (one, one)).document.text
    assert "1 turn, 1,024 messages, 1 call" in text


def test_the_message_at_which_runs_diverge_is_named_in_the_singular() -> None:
    steps = [Step(StepKind.MESSAGE, "user", text) for text in ("a", "b")]
    page = run_comparison([DiffRow(*steps)], ("a", "b"), (NOTHING, NOTHING)).document.text
    assert re.search(r"diverge at +the user's message", page)


def test_the_longest_code_keeps_the_columns_aligned() -> None:
    wrong = NOTHING._replace(model="m", codes=((LONGEST, 7),))
    lines = [
        line.text
        for line in run_comparison([], ("a", "b"), (wrong, NOTHING)).document.lines
        if line.text.startswith(("model", LONGEST))
    ]
    assert [lines[0].index("m", 5), lines[1].index("7")] == [len(LONGEST) + 2] * 2


@pytest.mark.parametrize("width", [40, 75, 120])
def test_no_differing_fact_is_wider_than_the_page(width: int) -> None:
    runs = [
        NOTHING._replace(task=f"{number} words " * 40, codes=((LONGEST, number),))
        for number in (1, 2)
    ]
    lines = run_comparison([], ("a", "b"), (runs[0], runs[1]), width=width).document.lines
    assert [line.text[:4] for line in lines[2:4]] == ["task", LONGEST[:4]]
    assert max(cells(line.text) for line in lines[2:4]) <= width


def test_tasks_with_a_common_beginning_are_cut_to_their_difference() -> None:
    begins = "Count the lines of every file below the folder named "
    runs = [NOTHING._replace(task=f"{begins}{name} and submit") for name in ("alpha", "beta")]
    lines = run_comparison([], ("a", "b"), (runs[0], runs[1]), width=75).document.lines
    left, _, right = lines[2].text.removeprefix("task").strip().partition("  ")
    assert left.startswith("Count the ") and right.strip().startswith("Count the ")
    assert "…alpha" in left and "…beta" in right


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_top_of_the_comparison_shows_which_run_is_clean(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    bad = [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": []}]
    paths = write_run(tmp_path / "a.json"), write_run(tmp_path / "b.json", bad)
    app = app_on(*paths)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("d", "j", "d")
        await shows(pilot, "13 differences", "~ system → user")
        await pilot.press("g")
        await shows(pilot, "A  run 1 of ")
        lines = [line.strip("│▌ ") for line in screen_lines(app)]
        assert any(line.split() == ["errors", "3", "0"] for line in lines)
        assert any(line.split() == ["TOOL_CALLS_EMPTY", "0", "1"] for line in lines)


async def test_a_long_heading_is_scrolled_to_the_first_difference(
    tmp_path: Path,
) -> None:
    paths = write_run(tmp_path / "a.json"), write_run(tmp_path / "b.json", MESSAGES[:1])
    app = app_on(*paths)
    async with app.run_test(size=(80, 16)) as pilot:
        await settled(pilot)
        await pilot.press("d", "j", "d")
        await shows(pilot, "diverge at", "- user, only in A")


def test_tokens_cost_and_duration_are_compared() -> None:
    left = NOTHING._replace(prompt_tokens=12_000, cost_usd=0.5, duration_s=1_500.0)
    right = NOTHING._replace(prompt_tokens=9_000, cost_usd=0.5)
    found = facts(left, right)
    assert found["tokens in"] == ["12,000", "9,000", "strong"]
    assert found["seconds"] == ["1,500", "-", "strong"]
    lines = run_comparison([], ("a", "b"), (left, right)).document.lines
    assert any(line.text.startswith("in both") and "cost $0.5" in line.text for line in lines)


def test_different_tasks_with_the_same_first_line_count_as_different() -> None:
    runs = [NOTHING._replace(task="<files>", task_digest=digest) for digest in "xy"]
    asked = [Step(StepKind.MESSAGE, "user", f"<files>\n/w/{name}") for name in ("flask", "numpy")]
    for rows in ([DiffRow(*asked)], []):
        lines = run_comparison(rows, ("a", "b"), (runs[0], runs[1])).document.lines
        [task] = [line.text for line in lines if line.text.startswith("task")]
        words = ("/w/flask", "/w/numpy") if rows else ("<files> · x", "<files> · y")
        assert all(word in task for word in words)
