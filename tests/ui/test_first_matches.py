"""A search of all texts moves to the next match in the order of the list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.runs import model as runs_model
from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.search import compile_search
from tests.ui.listed import settle_list
from tests.ui.opened import WIDE, answer, app_on, settled, shows

NEEDLE_IN = (3, 60, 170)
RUNS = 200


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a file of runs of which a few contain the needle, beyond what their row shows."""
    path = tmp_path / "runs.jsonl"
    texts = [[f"task {n}", "needle" if n in NEEDLE_IN else "hay"] for n in range(RUNS)]
    runs = (
        {"messages": [{"role": "user", "content": text} for text in contents]} for contents in texts
    )
    path.write_text("".join(json.dumps(run) + "\n" for run in runs), "utf-8")
    return path


@pytest.fixture
def model(runs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArrangedRuns]:
    """Yield the list of the runs in reverse order, which works in small steps."""
    feed = RunsFeed(expand_paths([str(runs)]))
    while not feed.finished:
        feed.step(0.1)
    model = ArrangedRuns(feed.rows)
    model.update()
    model.sort_by("run", descending=True)
    monkeypatch.setattr(runs_model, "FIRST_SLICE_S", 0.0)
    yield model
    feed.close()


def search_until_next(model: ArrangedRuns, position: int, step: int) -> int | None:
    """Search until the next match is known, and return its position."""
    model.set_search(compile_search("needle", is_regex=False, case_matters=False, in_texts=True))
    while model.searching and not model.reaches_match(position, step):
        model.advance(0.0)
    return model.next_match(position, step)


@pytest.mark.parametrize(
    ("position", "step", "expected"),
    [(-1, 1, 29), (30, 1, 139), (139, 1, 196), (30, -1, 29), (29, -1, 196), (197, 1, 29)],
    ids=["top", "row", "match", "backwards", "backwards with wrap", "wrap"],
)
def test_the_next_match_is_known_before_all_runs_are_searched(
    model: ArrangedRuns, position: int, step: int, expected: int
) -> None:
    assert search_until_next(model, position, step) == expected
    assert model.searched < RUNS


def test_matches_are_numbered_once_all_are_known(model: ArrangedRuns) -> None:
    search_until_next(model, -1, 1)
    assert model.match_number(29) is None
    settle_list(model)
    assert [model.match_number(at) for at in (29, 30, 139, 196)] == [1, None, 2, 3]
    assert (model.searched, model.matches) == (RUNS, 3)


def test_filtered_out_runs_are_searched_after_the_listed_ones(model: ArrangedRuns) -> None:
    model.try_filter("run > 100")
    settle_list(model)
    assert search_until_next(model, -1, 1) == 29
    assert model.searched <= 31
    settle_list(model)
    assert (model.searched, model.matches) == (RUNS, 1)


async def test_a_search_moves_to_the_first_match_in_sort_order(runs: Path) -> None:
    app = app_on(runs)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("O")
        await settled(pilot)
        await pilot.press("g")
        await answer(pilot, "slash", "needle", "f4")
        await shows(pilot, " 30 of 200", "/needle: 1 of 3")
        await pilot.press("n")
        await shows(pilot, " 140 of 200", "/needle: 2 of 3")
