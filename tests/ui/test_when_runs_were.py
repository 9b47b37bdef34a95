"""The times of a run's first and last event, in filters and as a sort column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.log.codec import encode
from hermes_tui.log.run_fields import field_of
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.events import RunStarted
from tests.log.runs import says, started
from tests.ui.opened import WIDE, app_on, settled, shows, write_run
from tests.ui.screen_text import screen_lines

OCTOBER, NOVEMBER = 1_790_000_000.0, 1_795_305_779.5


def write_times(folder: Path) -> None:
    for name, first, last in (
        ("old", OCTOBER, OCTOBER + 60),
        ("new", OCTOBER - 60, NOVEMBER),
        ("never", None, None),
    ):
        begun = RunStarted(seq=0, ts=first, run_id=name, task=f"task {name}")
        appended = says("user", "x")
        events = encode(begun) + encode(type(appended)(seq=1, ts=last, message=appended.message))
        (folder / f"{name}.jsonl").write_bytes(events)


def tasks(lines: list[str]) -> list[str]:
    words = (name for line in lines for name in ("old", "new", "never") if f"task {name}" in line)
    return list(words)


async def test_sorting_by_latest_puts_runs_without_times_last(
    tmp_path: Path,
) -> None:
    write_times(tmp_path)
    app = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "3 runs")
        await pilot.press("o")
        await shows(pilot, "sorted by latest ▼", "2026-11-22 00:02")
        assert tasks(screen_lines(app)) == ["new", "old", "never"]
        await pilot.press("O")
        await shows(pilot, "sorted by latest ▲")
        assert tasks(screen_lines(app)) == ["old", "new", "never"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('latest > "2026-11-01"', ["new"]),
        ('latest < "2026-11-01"', ["old"]),
        ('began < "2026-09-21T14:13"', ["new"]),
        ("not latest", ["never"]),
    ],
)
async def test_a_filter_compares_times_as_text(tmp_path: Path, text: str, left: list[str]) -> None:
    write_times(tmp_path)
    app = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "3 runs")
        await pilot.press("f", *text, "enter")
        await shows(pilot, f"· filter {text}")
        assert tasks(screen_lines(app)) == left


async def test_time_is_no_sort_column_if_no_run_has_times(tmp_path: Path) -> None:
    for name in "ab":
        write_run(tmp_path / f"{name}.json")
    app = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("o")
        await shows(pilot, "sorted by err ▼")


@pytest.mark.parametrize("ts", [-1.0, 4e9, 1e300, float("nan"), float("inf")])
def test_an_implausible_time_is_none(ts: float) -> None:
    begun = started()
    state, _ = fold_run([RunStarted(seq=0, ts=ts, task=begun.task)])
    summary = summarise(state)
    assert (summary.began_ts, field_of(summary, "latest")) == (None, None)
    assert json.dumps(field_of(summary, "began")) == "null"
