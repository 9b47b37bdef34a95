"""Sorting, grouping and arranging long lists in steps, with the same result as at once."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot

from hermes_tui.ui.runs import model as runs_model
from hermes_tui.ui.runs import steps
from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.group_facts import FactsOfGroups
from hermes_tui.ui.runs.places import RunPlaces
from hermes_tui.ui.runs.steps import Underway, sorted_in_steps, whole
from tests.ui.listed import listed, runs_of
from tests.ui.opened import WIDE, app_on, settled, until, write_runs
from tests.ui.screen_text import screen_lines

RUNS = 300


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat lists of a few runs as long, and process them in small steps."""
    for name, value in {"STEP_ROWS": 16, "_SAMPLE_SIZE": 32, "_MAX_CUTS": 8}.items():
        monkeypatch.setattr(steps, name, value)
    monkeypatch.setattr(runs_model, "FEW_RUNS", 0)
    monkeypatch.setattr(runs_model, "FIRST_SLICE_S", 0.0)


def fields(number: int) -> dict[str, Any]:
    parent = {"parent_run_id": f"run-{number // 10}"} if number % 7 == 3 else {}
    return {
        "errors": number * 7 % 5,
        "reward": None if number % 11 == 0 else (number * 37 % 101) / 101,
        "status": ("ok", "failed", "unknown")[number % 3],
        "turns": number % 4,
        **parent,
    }


def long_list() -> ArrangedRuns:
    return runs_of(*map(fields, range(RUNS)))


def finish(model: ArrangedRuns) -> list[str]:
    while model.unsettled:
        model.advance(0.0)
    return listed(model)


@given(st.lists(st.integers(0, 30) | st.floats(allow_nan=False), max_size=200), st.booleans())
@settings(max_examples=60)
def test_sorting_in_steps_equals_sorting_at_once(keys: list[float], descending: bool) -> None:
    places = array("I", reversed(range(len(keys))))
    expected = sorted(places, key=keys.__getitem__, reverse=descending)
    assert list(whole(sorted_in_steps(places, keys, descending=descending))) == expected


@pytest.mark.parametrize("count", [1, 15, 16, 17, 500])
def test_no_step_of_sorting_handles_more_than_a_few_items(count: int) -> None:
    keys = [number * 7919 % 499 for number in range(count)]
    work = sorted_in_steps(array("I", range(count)), keys)
    assert max(work) <= 16 * 8


def test_many_equal_keys_do_not_slow_down_sorting() -> None:
    class Key(int):
        compared = 0

        def __lt__(self, other: object) -> bool:
            Key.compared += 1
            return super().__lt__(other)  # type: ignore[operator]

    keys = [Key(number % 2) for number in range(400)]
    whole(sorted_in_steps(array("I", range(400)), keys))
    assert Key.compared < 400 * 8


def test_work_reports_its_progress_and_its_result() -> None:
    work = Underway(sorted_in_steps(array("I", range(64)), range(64)), 128)
    shares, result = [], None
    while result is None:
        result = work.advance(0.0)
        shares.append(work.share)
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] == 1
    assert list(result) == list(range(64))


@pytest.mark.parametrize("name", ["errors", "reward", "status", "id"])
def test_a_long_list_keeps_its_order_until_it_is_sorted(name: str) -> None:
    model = long_list()
    model.toggle_tree()
    before = finish(model)
    model.sort_by(name)
    assert listed(model) == before and model.unsettled
    share = model.arranged_share
    assert share is not None and share < 1
    found = finish(model)
    at_once = runs_of(*({"run_id": f"run-{n}", **fields(n)} for n in range(RUNS)))
    at_once.toggle_tree()
    at_once.sort_by(name)
    whole_list = finish(at_once)
    assert found == whole_list != before
    assert model.arranged_share is None


def test_a_new_sort_replaces_the_one_in_progress() -> None:
    model = long_list()
    model.toggle_tree()
    model.sort_by("errors")
    model.advance(0.0)
    model.sort_by("turns")
    finish(model)
    turns = [model.row(position).summary.turns for position in range(RUNS)]
    assert turns == sorted(turns, reverse=True)


def test_runs_that_arrive_during_a_sort_are_sorted_in() -> None:
    model = long_list()
    model.toggle_tree()
    finish(model)
    model.sort_by("errors")
    model.advance(0.0)
    later = runs_of({"run_id": "late", "errors": 99}).rows[0]
    later.file_number = 1
    model.rows.append(later)  # type: ignore[attr-defined]
    model.update(at_once=False)
    assert finish(model)[0] == "late"
    assert len(model) == RUNS + 1


def test_a_filter_applies_during_a_sort() -> None:
    model = long_list()
    model.sort_by("errors")
    model.try_filter("status == 'ok'")
    assert len(finish(model)) == RUNS // 3
    model.try_filter("")
    assert len(finish(model)) == RUNS


def test_groups_made_in_steps_hold_their_runs_in_order() -> None:
    model = long_list()
    model.sort_by("reward")
    model.group_by("status")
    finish(model)
    groups = model.standing.groups
    assert [(group.key, group.end - group.start) for group in groups] == [
        ("ok", 100), ("unknown", 100), ("failed", 100),
    ]  # fmt: skip
    means = []
    for group in groups:
        runs = [model.row(at).summary for at in range(group.start, group.end)]
        assert {run.status for run in runs} == {group.key}
        rewards = [run.reward for run in runs if run.reward is not None]
        assert rewards == sorted(rewards)
        assert [run.reward for run in runs[len(rewards) :]] == [None] * (len(runs) - len(rewards))
        means.append(sum(rewards) / len(rewards))
    assert means == sorted(means)


def test_facts_of_long_groups_are_computed_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    model = long_list()
    model.group_by("status")
    finish(model)
    group = model.standing.groups[0]
    at_once = FactsOfGroups(model).of(group)
    monkeypatch.setattr("hermes_tui.ui.runs.group_facts.FEW_RUNS", 0)
    facts = FactsOfGroups(model)
    assert facts.of(group) is None and facts.unsettled
    while not facts.advance(0.0):
        assert facts.of(group) is None
    assert facts.of(group) == at_once and not facts.unsettled
    model.sort_by("turns")
    finish(model)
    assert facts.of(model.standing.groups[0]) == at_once and facts.unsettled


def test_runs_are_numbered_in_steps_while_more_arrive() -> None:
    places = RunPlaces()
    rows = runs_of(*({} for _ in range(100)), files=4).rows

    def take(first: int, end: int) -> None:
        # The rows arrive in the wrong order of files.
        for row in sorted(rows[first:end], key=lambda row: (-row.file_number, row.ref.number)):
            places._add_row(places.taken, row)

    take(0, 60)
    work = places.renumber()
    next(work)
    take(60, 100)
    for _ in work:
        pass
    assert places.displaced
    whole(places.renumber())
    assert not places.displaced
    keys = [places._keys[place] for place in places.in_order]
    assert keys == sorted(keys)
    assert [places.numbers[place] for place in places.in_order] == list(range(100))


async def test_keys_work_while_a_long_list_is_sorted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", RUNS))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        with monkeypatch.context() as held:
            # Sorting makes no progress in this block, on any machine.
            held.setattr(ArrangedRuns, "advance", lambda model, budget_s: False)
            await _sort_and_move(pilot)
        await until(pilot, lambda: "sorted by err" in screen_lines(app)[-2])
        assert f"of {RUNS}" in screen_lines(app)[-2]


async def _sort_and_move(pilot: Pilot[None]) -> None:
    await pilot.press("o")
    assert "sorting by err ▼" in screen_lines(pilot.app)[-2]
    await pilot.press("j", "j")
    assert "3 of 300 · sorting by err ▼" in screen_lines(pilot.app)[-2]
