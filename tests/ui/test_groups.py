"""Runs in groups and in the tree of parents and children: order, folding, headings and search."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot

from hermes_tui.log.codec import encode
from hermes_tui.model.events import RunStarted
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.ui.panes.runs import RunRows
from hermes_tui.ui.render.groups import heading_row
from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.arrangement import GROUPINGS, groupings_of
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.runs.group_facts import FactsOfGroups, GroupFacts
from hermes_tui.ui.runs.lines import RunLines
from hermes_tui.ui.screens.runs import RunsScreen
from tests.ui.listed import listed, runs_of, settle_list
from tests.ui.opened import (
    MESSAGES,
    NARROW,
    WIDE,
    answer,
    app_on,
    press_until,
    settled,
    shows,
    write_runs,
)
from tests.ui.screen_text import screen_lines, text_of


def shown_lines(model: ArrangedRuns, lines: RunLines) -> list[str]:
    """Return the lines as shown: the titles of groups, and the ids of runs after their indent."""
    lines.update()
    texts = []
    for line in range(len(lines)):
        group, position = lines.group(line), lines.position(line)
        if group is not None:
            texts.append(f"[{group.title}]")
        elif position is not None:
            depth = lines.branch(position).depth
            texts.append("  " * depth + model.row(position).summary.run_id)
    return texts


def grouped_by_status() -> ArrangedRuns:
    model = runs_of(
        {"status": "ok", "turns": 1},
        {"status": "failed", "turns": 9, "errors": 1},
        {"status": "ok", "turns": 5, "reward": 0.5},
        {"status": "ok", "turns": 3, "reward": 1.0, "errors": 2},
    )
    model.group_by("status")
    return model


def family() -> ArrangedRuns:
    """Return a run with two children and a grandchild, and a run without relatives."""
    return runs_of(
        {"run_id": "main", "turns": 2},
        {"run_id": "child-1", "parent_run_id": "main", "turns": 9},
        {"run_id": "alone", "turns": 5},
        {"run_id": "grandchild", "parent_run_id": "child-1", "turns": 1},
        {"run_id": "child-2", "parent_run_id": "main", "turns": 20},
    )


# Groups


def test_groups_are_listed_with_the_largest_first() -> None:
    model = grouped_by_status()
    assert shown_lines(model, RunLines(model)) == [
        "[ok]",
        "run-0",
        "run-2",
        "run-3",
        "[failed]",
        "run-1",
    ]


def test_sorting_orders_the_groups_and_the_runs_inside() -> None:
    model = grouped_by_status()
    model.sort_by("turns")
    assert shown_lines(model, RunLines(model)) == [
        "[failed]",
        "run-1",
        "[ok]",
        "run-2",
        "run-3",
        "run-0",
    ]


def test_groups_are_ordered_by_the_mean_of_the_sort_column() -> None:
    runs = {"a": (0.5, None), "b": (1.0, 0.9, 0.2), "c": (0.0,), "d": (None, math.inf)}
    model = runs_of(
        *({"model": name, "reward": reward} for name, all in runs.items() for reward in all)
    )
    model.group_by("model")

    def order() -> str:
        return "".join(group.title for group in model.standing.groups)

    assert order() == "badc"
    model.sort_by("reward")
    assert order() == "cabd"
    model.reverse()
    assert order() == "bacd"
    model.sort_by("model")
    assert order() == "abcd"
    model.reverse()
    assert order() == "dcba"


def test_groups_of_one_size_are_in_the_order_of_their_runs() -> None:
    model = runs_of(*({"group_id": f"step {n // 2}", "reward": n % 2} for n in range(24)))
    model.group_by("group")
    titles = [f"step {n}" for n in range(12)]
    assert [group.title for group in model.standing.groups] == titles
    model.sort_by("reward")
    assert [group.title for group in model.standing.groups] == titles


def test_sorting_by_status_puts_groups_with_most_failures_first() -> None:
    outcomes = {"a": ("ok", "failed"), "b": ("ok",) * 3, "c": ("truncated", "error"), "d": ("",)}
    model = runs_of(
        *({"task": name, "status": status} for name, all in outcomes.items() for status in all)
    )
    model.group_by("task")
    model.sort_by("status")
    assert [group.title for group in model.standing.groups] == ["c", "a", "b", "d"]
    model.reverse()
    assert [group.title for group in model.standing.groups] == ["b", "a", "c", "d"]


def test_a_filter_removes_groups_without_matching_runs() -> None:
    model = grouped_by_status()
    model.try_filter("turns > 4")
    lines = RunLines(model)
    assert shown_lines(model, lines) == ["[ok]", "run-2", "[failed]", "run-1"]


def test_runs_read_later_join_their_groups() -> None:
    model = grouped_by_status()
    lines = RunLines(model)
    shown_lines(model, lines)
    later = runs_of({"run_id": "late", "status": "failed"}).rows[0]
    later.file_number = 1
    model.rows.append(later)  # type: ignore[attr-defined]
    model.update()
    assert shown_lines(model, lines)[-3:] == ["[failed]", "run-1", "late"]


def test_a_folded_group_shows_only_its_heading() -> None:
    model = grouped_by_status()
    lines = RunLines(model)
    shown_lines(model, lines)
    assert lines.toggle(2)
    assert shown_lines(model, lines) == ["[ok]", "[failed]", "run-1"]
    assert lines.line_of(0) == 0
    lines.unfold(1)
    assert "run-2" in shown_lines(model, lines)


@pytest.mark.parametrize("grouping", ["status", ""])
def test_lines_that_no_longer_exist_are_drawn_empty(grouping: str) -> None:
    model = family()
    model.group_by(grouping)
    rows = RunRows(model)
    rows.header(100)
    rows.lines.update()
    drawn = len(rows)
    model.try_filter("turns > 100")
    assert all(isinstance(rows.row(line, 100), list) for line in range(drawn))


def test_all_groups_fold_and_unfold_at_once() -> None:
    model = grouped_by_status()
    lines = RunLines(model)
    shown_lines(model, lines)
    lines.toggle_all()
    assert shown_lines(model, lines) == ["[ok]", "[failed]"]
    lines.toggle_all()
    assert len(shown_lines(model, lines)) == 6


def test_group_facts_hold_counts_shares_and_means() -> None:
    model = grouped_by_status()
    ok, failed = (FactsOfGroups(model).of(group) for group in model.standing.groups)
    assert ok is not None and failed is not None
    assert (ok.turns, ok.reward, ok.rewarded) == (3.0, 0.75, 2)
    assert (ok.failed, ok.outcomes) == (0, 3)
    assert ok.with_errors == pytest.approx(1 / 3)
    assert (failed.failed, failed.outcomes, failed.reward) == (1, 1, None)


def test_a_truncated_run_counts_as_failed_unless_its_reward_is_full() -> None:
    model = runs_of(
        *({"status": "ok"}, {"status": "truncated", "reward": 0.0}, {"status": "truncated"}),
        *({"status": "truncated", "reward": 1.0}, {"status": "unknown", "reward": 0.0}),
    )
    model.group_by("format")
    [facts] = map(FactsOfGroups(model).of, model.standing.groups)
    assert facts is not None and (facts.failed, facts.outcomes) == (2, 4)


def test_a_heading_counts_the_runs_with_known_outcome_and_reward() -> None:
    model = runs_of(
        *({"status": status} for status in ("failed", "ok", "failed", "unknown", "", "")),
        *({"reward": reward} for reward in (0.0, 1.0)),
    )
    model.group_by("format")
    assert (
        "8 runs · 0% with errors · 2 of 3 failed · reward 0.5 of 2 runs ·"
        in headings(model, 120)[0]
    )


def known_facts(facts: FactsOfGroups, model: ArrangedRuns) -> list[GroupFacts | None]:
    """Return the facts of a list's groups, once all are computed."""
    for group in model.standing.groups:
        facts.of(group)
    while facts.unsettled:
        facts.advance(1.0)
    return [facts.of(group) for group in model.standing.groups]


def headings(model: ArrangedRuns, width: int) -> list[str]:
    """Return the headings of the groups as drawn."""
    facts = FactsOfGroups(model)
    known = known_facts(facts, model)
    rows = (
        heading_row(group, of_group, width, is_folded=False, namesakes=facts.namesakes(group))
        for group, of_group in zip(model.standing.groups, known, strict=True)
    )
    return ["".join(text for text, _ in row) for row in rows]


def test_a_heading_shows_the_range_of_rewards() -> None:
    model = runs_of(
        *({"group_id": "a", "reward": reward} for reward in (0.0, 1.0, 0.5)),
        *({"group_id": "b", "reward": 0.5} for _ in range(2)),
        {"group_id": "c", "reward": 1.0},
    )
    model.group_by("group")
    a, b, c = headings(model, 120)
    assert "reward 0.5 · rewards 0 to 1 ·" in a
    assert "reward 0.5 · rewards all equal ·" in b
    assert "reward 1 · 0.0 turns" in c
    assert headings(model, 50)[0].endswith("0% with errors · reward 0.5")


def test_a_heading_shows_known_means_of_tokens_cost_and_seconds() -> None:
    model = runs_of(
        {"prompt_tokens": 3_000, "completion_tokens": 20, "cost_usd": 0.5, "duration_s": 1_000.0},
        {"prompt_tokens": 9_000, "completion_tokens": 40, "cost_usd": 1.0, "duration_s": 1_500.0},
        {},
    )
    model.group_by("format")
    assert headings(model, 200)[0].endswith(" · 6k tokens in · 30 out · $0.75 · 1,250 s")


def test_a_heading_survives_sums_that_overflow() -> None:
    fields = ("reward", "cost_usd", "duration_s")
    model = runs_of(*(dict.fromkeys(fields, 1e308) for _ in range(3)), {"reward": -1e308})
    model.group_by("format")
    assert "reward inf · rewards -1e+308 to 1e+308" in headings(model, 200)[0]
    assert headings(model, 200)[0].endswith("$inf · inf s")


def read_list(path: Path) -> ArrangedRuns:
    """Return the list of the runs of a file or a folder."""
    feed = RunsFeed(expand_paths([str(path)]))
    while not feed.finished:
        feed.step(1.0)
    model = ArrangedRuns(feed.rows)
    model.update()
    return model


def test_tasks_with_the_same_first_line_form_separate_groups(tmp_path: Path) -> None:
    rest = "\n".join(f"step {n}" for n in range(30))
    lines = [
        {"messages": [{"role": "user", "content": f"<uploaded_files>\n{rest}\n/w/{name}\n{rest}"}]}
        for name in ("flask-1", "flask-2", "flask-1", "flask-2", "flask-1")
    ]
    (tmp_path / "runs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    model = read_list(tmp_path)
    model.group_by("task")
    assert [(g.title, g.end - g.start) for g in model.standing.groups] == [
        *(("<uploaded_files>", 3), ("<uploaded_files>", 2)),
    ]
    first, second = headings(model, 100)
    assert first.startswith(" ▾ <uploaded_files>") and second.startswith(" ▾ <uploaded_files>")
    assert "/w/flask-1 step 0" in first
    assert "/w/flask-2 step 0" in second


def write_namesakes(path: Path) -> Path:
    """Write two runs for each of two tasks that begin with the same line."""
    texts = [f"<uploaded_files>\n/w/{name}" for name in ("flask", "numpy") * 2]
    lines = [{"messages": [{"role": "user", "content": text}]} for text in texts]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_task_texts_are_read_once_even_if_the_list_is_sorted_again(tmp_path: Path) -> None:
    path = write_namesakes(tmp_path / "runs.jsonl")
    model = read_list(path)
    model.group_by("task")
    facts = FactsOfGroups(model)
    assert [facts.of(group) for group in model.standing.groups] == [None, None], "nothing is read"

    def tasks() -> set[str]:
        found = known_facts(facts, model)
        return {of_group.task for of_group in found if of_group is not None}

    before = tasks()
    assert before == {"<uploaded_files> /w/flask", "<uploaded_files> /w/numpy"}
    path.write_text("")
    model.reverse()
    assert tasks() == before


async def test_headings_show_the_difference_between_tasks_of_one_title(tmp_path: Path) -> None:
    app = app_on(write_namesakes(tmp_path / "runs.jsonl"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("b")
        await shows(pilot, "▾ <uploaded_files> /w/flask · 2 runs", "/w/numpy · 2 runs")
        await pilot.press("O")
        await shows(pilot, "▾ <uploaded_files> /w/flask · 2 runs", "/w/numpy · 2 runs")


def test_equal_group_ids_of_different_evaluations_are_separate_groups() -> None:
    sample, other = {"group_id": "15", "format": "inspect"}, {"group_id": "15", "format": "tau2"}
    runs = [
        *({**sample, "task_digest": "a"}, {**sample, "task_digest": "b"}),  # one file
        *({**sample, "task_digest": "a"}, {**sample, "task_digest": "a"}),  # the same benchmark
        *({**sample, "task_digest": "c"}, {**sample, "task_digest": "c"}),  # another one
        *({**other, "task_digest": "a"}, {"group_id": "7"}),
    ]
    model = runs_of(*runs, files=4)
    model.group_by("group")
    assert [(group.title, group.end - group.start) for group in model.standing.groups] == [
        ("15 · inspect · 0.jsonl", 4),
        ("15 · inspect · 2.jsonl", 2),
        ("15 · tau2", 1),
        ("7", 1),
    ]


def test_a_run_without_status_counts_as_unknown() -> None:
    model = runs_of({"status": ""}, {"status": "unknown"}, {"status": "ok"})
    for text, count in (('status == "unknown"', 2), ('status == ""', 0)):
        assert model.try_filter(text) == ""
        settle_list(model)
        assert len(model) == count
    model.try_filter("")
    model.group_by("status")
    assert [group.key for group in model.standing.groups] == ["unknown", "ok"]
    model.group_by("")
    model.sort_by("status")
    assert listed(model) == ["run-2", "run-0", "run-1"]


def test_the_grouping_key_offers_only_fields_that_differ() -> None:
    model = runs_of(*({"status": "ok", "model": f"m{n % 2}", "task": f"t{n}"} for n in range(20)))
    names = []
    for _ in range(3):
        model.group_by_next()
        names.append(model.arrangement.grouping)
    assert names == ["model", "", "model"]
    model.group_by_next(-1)
    assert model.arrangement.grouping == ""


@pytest.mark.parametrize("step", [1, -1])
def test_the_grouping_key_cycles_through_all_offered_fields(step: int) -> None:
    model = runs_of(
        *({"status": f"s{n % 3}", "model": f"m{n % 2}", "task": f"t{n % 4}"} for n in range(20))
    )
    offered = model.groupings()
    assert offered == ["status", "model", "task"]
    names = []
    for _ in range(4):
        model.group_by_next(step)
        names.append(model.arrangement.grouping)
    assert names == [*offered[::step], ""]


def test_finding_the_next_grouping_reads_no_later_fields() -> None:
    def fields() -> Iterator[str]:
        yield from ("parser", "status")
        raise AssertionError("looked at a further field")

    model = runs_of(*({"status": f"s{n % 3}", "model": f"m{n % 2}"} for n in range(20)))
    assert next(groupings_of(model.rows, fields())) == "status"


def test_groups_without_an_id_are_named_by_their_number(tmp_path: Path) -> None:
    conversation = [
        {"role": "user", "content": "why?"},
        {"role": "assistant", "content": "because"},
    ]
    group = {
        "tokens": [[1, 2]] * 3,
        "scores": [0, 1, 0],
        "messages": [conversation] * 3,
        "env_id": 1,
    }
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(f"{json.dumps(group)}\n" * 4)
    feed = RunsFeed(expand_paths([str(tmp_path)]))
    while not feed.finished:
        feed.step(1.0)
    model = ArrangedRuns(feed.rows)
    model.update()
    assert model.try_filter('group == "g3"') == ""
    settle_list(model)
    assert list(map(model.number, range(len(model)))) == [7, 8, 9, 19, 20, 21]
    assert "group" in groupings_of(feed.rows)
    model.group_by("group")
    headings = [line for line in shown_lines(model, RunLines(model)) if line.startswith("[")]
    assert headings == ["[g3 · a.jsonl]", "[g3 · b.jsonl]"]
    feed.close()


def test_grouping_by_diagnostics_uses_all_codes_of_a_run() -> None:
    model = runs_of({"codes": (("A", 1), ("B", 2))}, {"codes": (("B", 1),)}, {}, {})
    model.group_by("codes")
    assert [group.key for group in model.standing.groups] == ["", "A + B", "B"]


async def test_the_sort_column_is_always_shown(tmp_path: Path) -> None:
    app = app_on(write_models(tmp_path / "runs.jsonl"))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        await press_until(pilot, "o", lambda: screen.model.sort_name == "tokens_out")
        assert "▼tok out" in screen_lines(app)[1]
        assert "task" in screen_lines(app)[1]
        await pilot.press("o")
        await pilot.pause()
        assert "tok out" not in screen_lines(app)[1]


# The tree


def test_children_are_listed_below_their_parent() -> None:
    model = family()
    assert shown_lines(model, RunLines(model)) == [
        "main",
        "  child-1",
        "    grandchild",
        "  child-2",
        "alone",
    ]


def test_siblings_are_sorted_below_their_parent() -> None:
    model = family()
    model.sort_by("turns")
    assert listed(model) == ["alone", "main", "child-2", "child-1", "grandchild"]


def test_without_the_tree_children_are_sorted_like_all_runs() -> None:
    model = family()
    model.toggle_tree()
    model.sort_by("turns")
    assert listed(model)[:2] == ["child-2", "child-1"]


def test_a_child_without_a_listed_parent_is_not_indented() -> None:
    model = family()
    model.try_filter("turns < 9 and id != 'main'")
    assert shown_lines(model, RunLines(model)) == ["alone", "grandchild"]


def test_a_folded_parent_hides_its_descendants() -> None:
    model = family()
    lines = RunLines(model)
    shown_lines(model, lines)
    assert lines.branch(0).below == 3
    lines.toggle(0)
    assert shown_lines(model, lines) == ["main", "alone"]
    assert lines.line_of(2) == 0
    lines.unfold(2)
    assert len(shown_lines(model, lines)) == 5


def test_runs_that_name_each_other_as_parents_are_listed_once() -> None:
    model = runs_of(
        {"run_id": "a", "parent_run_id": "b"},
        {"run_id": "b", "parent_run_id": "a"},
        {"run_id": "c", "parent_run_id": "c"},
    )
    assert sorted(listed(model)) == ["a", "b", "c"]


def test_the_parent_is_searched_in_the_same_file_first() -> None:
    model = runs_of(
        {"run_id": "main"},
        {"run_id": "x"},
        {"run_id": "main"},
        {"run_id": "child", "parent_run_id": "main"},
        files=2,
    )
    assert model.family(model.rows[3].ref).parent == 2
    assert model.family(model.rows[2].ref).children == (3,)
    assert model.family(model.rows[0].ref) == (None, ())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["ok", "failed", ""])), max_size=12),
    st.sampled_from(["", "status", "codes"]),
    st.sampled_from(["run", "turns", "id"]),
    st.lists(st.integers(0, 30), max_size=4),
)
def test_every_run_is_listed_once_with_any_parents_groups_and_folds(
    made: list[tuple[int, str]], grouping: str, column: str, folds: list[int]
) -> None:
    runs = [
        {"run_id": str(n), "parent_run_id": str(parent), "status": status, "turns": parent}
        for n, (parent, status) in enumerate(made)
    ]
    model = runs_of(*runs)
    model.sort_by(column)
    model.group_by(grouping)
    assert sorted(listed(model)) == sorted(map(str, range(len(made))))
    lines = RunLines(model)
    for line in folds:
        lines.update()
        lines.toggle(line)
    lines.update()
    for position in range(len(model)):
        # The run is on its own line, or hidden by that heading or parent.
        line = lines.line_of(position)
        assert 0 <= line < len(lines)
        lines.unfold(position)
        lines.update()
        assert lines.position(lines.line_of(position)) == position


# On screen


async def group_by(pilot: Pilot[None], field: str) -> None:
    """Press the key until runs are grouped by a field."""
    screen = pilot.app.screen
    assert isinstance(screen, RunsScreen)
    for _ in range(len(GROUPINGS)):
        await pilot.press("b")
        await pilot.pause()
        if screen.model.arrangement.grouping == field:
            return
    pytest.fail(f"the runs cannot be grouped by {field}")


def write_models(path: Path, count: int = 12) -> Path:
    runs: list[dict[str, Any]] = [
        {"id": f"run-{n}", "messages": MESSAGES[: 3 + n % 2], "model": f"model-{n % 2}"}
        for n in range(count)
    ]
    path.write_text("\n".join(map(json.dumps, runs)) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("size", [(30, 8), NARROW, WIDE, (200, 50)])
async def test_a_group_is_folded_from_its_heading(tmp_path: Path, size: tuple[int, int]) -> None:
    app = app_on(write_models(tmp_path / "runs.jsonl"))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await group_by(pilot, "model")
        await pilot.press("g", "space")
        await shows(pilot, "▸ model-0 · 6 runs")
        await pilot.press("enter")
        await shows(pilot, "▾ model-0 · 6 runs")


async def test_on_a_heading_the_bar_offers_folding_and_y_copies_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(write_models(tmp_path / "runs.jsonl"))
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        assert "Enter Open" in screen_lines(app)[-1]
        await group_by(pilot, "model")
        await pilot.press("g", "y")
        await shows(pilot, "copied 16 characters")
        assert copied == ["model-0 · 6 runs"]
        assert "Enter Fold" in screen_lines(app)[-1]


async def test_one_group_is_counted_in_the_singular(tmp_path: Path) -> None:
    app = app_on(write_models(tmp_path / "runs.jsonl"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await group_by(pilot, "model")
        await answer(pilot, "f", 'model == "model-0"')
        await shows(pilot, "1 group by model")


async def test_a_grouping_has_the_name_of_its_column(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    write_runs(path, 9)
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await group_by(pilot, "codes")
        await shows(pilot, "groups by diagnostics · sorted by run")


async def test_enter_on_a_grouped_run_opens_that_run(tmp_path: Path) -> None:
    app = app_on(write_models(tmp_path / "runs.jsonl"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await group_by(pilot, "model")
        await pilot.press("g", "j", "j", "enter")
        await shows(pilot, "run 3 (2 of 12)", " model-0 ")
        await pilot.press("q")
        await shows(pilot, " 2 of 12")


async def test_a_search_unfolds_the_group_of_its_match(tmp_path: Path) -> None:
    app = app_on(write_models(tmp_path / "runs.jsonl"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await group_by(pilot, "model")
        await pilot.press("Z")
        await pilot.pause()
        assert "run-7" not in text_of(app)
        await answer(pilot, "slash", "run-7")
        await pilot.pause()
        assert any("▌" in line and "run-7" in line for line in screen_lines(app))


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_children_are_indented_below_their_parent_run(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    for name, parent in (("a-sub", "z-main"), ("b-other", ""), ("z-main", "")):
        started = RunStarted(seq=0, run_id=name, task=f"task of {name}", parent_run_id=parent)
        (tmp_path / f"{name}.jsonl").write_bytes(encode(started) + b"\n")
    app = app_on(tmp_path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        assert "└ task of a-sub" in screen_lines(app)[4]
        assert "▾ task of z-main" in screen_lines(app)[3]
        await pilot.press("G", "space")
        await shows(pilot, "▸ +1 task of z-main")
        assert "a-sub" not in text_of(app)
        await pilot.press("space", "t")
        await pilot.pause()
        assert "task of a-sub" in screen_lines(app)[2]
        assert "└" not in text_of(app)
        assert "child runs are sorted like all others" in text_of(app)
        await pilot.press("t")
        await pilot.pause()
        assert "child runs are shown below the run that started them" in text_of(app)
        await pilot.press("b", "t")
        await pilot.pause()
        assert "no tree while runs are grouped: B goes back" in text_of(app)
