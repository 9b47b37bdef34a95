"""Facets and histogram: they count the listed runs, and choosing a bar filters the list by it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.render.facets import blocks
from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.counts import Bar, RunCounts
from hermes_tui.ui.runs.facets import MAX_VALUES, Facet, FacetCounts
from hermes_tui.ui.runs.filter_terms import terms_of, toggled
from hermes_tui.ui.runs.histogram import QUANTITIES, HistogramCounts
from hermes_tui.ui.runs.table import RunTable
from hermes_tui.ui.screens.runs import RunsScreen
from tests.ui.listed import listed, runs_of, settle_list
from tests.ui.opened import (
    MESSAGES,
    NARROW,
    WIDE,
    answer,
    app_on,
    call,
    press_until,
    settled,
    shows,
    until,
    write_runs,
)
from tests.ui.screen_text import screen_lines, text_of

TINY = (30, 8)


def settle(counts: RunCounts[Any]) -> None:
    while counts.unsettled:
        counts.advance(1.0)


def facets_of(
    model: ArrangedRuns, counts: RunCounts[FacetCounts] | None = None
) -> dict[str, Facet]:
    counts = counts or RunCounts(model, FacetCounts)
    settle(counts)
    return {facet.name: facet for facet in counts.shown.facets()}


def shown(facet: Facet) -> list[tuple[str, int, int]]:
    return [(bar.label, bar.total, bar.chosen) for bar in facet.bars]


def histogram_of(model: ArrangedRuns, name: str) -> list[Bar]:
    quantity = next(quantity for quantity in QUANTITIES if quantity.name == name)
    counts = RunCounts(model, lambda: HistogramCounts(quantity))
    settle(counts)
    return counts.shown.bars()


def lists_its_total(model: ArrangedRuns, bar: Bar) -> bool:
    """Return whether choosing a bar lists as many runs as it counts."""
    assert model.try_filter(bar.term) == ""
    settle_list(model)
    return len(model) == bar.total


def test_values_are_counted_once_per_run_and_sorted_by_count() -> None:
    model = runs_of(
        {"codes": (("A", 5), ("B", 1)), "model": "m1", "tools": (("t", 3, 1), ("u", 1, 0))},
        {"codes": (("B", 1),), "model": "m1", "tools": (("t", 1, 0),)},
        {"codes": (), "model": "m2", "tools": ()},
    )
    facets = facets_of(model)
    assert shown(facets["codes"]) == [("B", 2, 0), ("A", 1, 0)]
    assert shown(facets["tools"]) == [("t", 2, 0), ("u", 1, 0)]
    assert shown(facets["failed_tools"]) == [("t", 1, 0)]
    assert shown(facets["model"]) == [("m1", 2, 0), ("m2", 1, 0)]


def test_each_value_has_the_mean_reward_of_its_runs_and_of_the_chosen_ones() -> None:
    model = runs_of(
        {"codes": (("A", 5), ("B", 1)), "model": "m", "turns": 1, "reward": 1.0},
        {"codes": (("B", 1),), "model": "m", "turns": 2, "reward": 0.0},
        {"codes": (("C", 1),), "model": "m", "turns": 2, "reward": float("nan")},
        {"codes": (), "model": "m", "turns": 2},
    )
    assert model.try_filter("turns > 1") == ""
    settle_list(model)
    facets = facets_of(model)
    means = {bar.label: bar.rewards for bar in facets["codes"].bars}
    assert means == {"A": (1.0, None), "B": (0.5, 0.0), "C": (None, None)}
    assert [bar.rewards for bar in facets["model"].bars] == [(0.5, 0.0)]


def test_choosing_a_facet_bar_lists_as_many_runs_as_it_counts() -> None:
    names = ['say "hi" \\ to\n\x1b[31m', "été", "", "[/red]"]
    model = runs_of(
        *({"model": names[n % 4], "codes": ((names[n % 3], 1),), "turns": n} for n in range(20))
    )
    for facet in facets_of(model).values():
        assert all(lists_its_total(model, bar) for bar in facet.bars)


@pytest.mark.parametrize("name", ["turns", "reward", "tokens_in", "size"])
def test_choosing_a_range_lists_as_many_runs_as_it_counts(name: str) -> None:
    model = runs_of(
        *(
            {
                "turns": n % 5,
                "reward": None if n % 7 == 0 else n / 39,
                "prompt_tokens": n**3 * 11,
                "characters": 10_000 + 37 * n,
            }
            for n in range(60)
        )
    )
    bars = histogram_of(model, name)
    assert sum(bar.total for bar in bars) == 60
    assert all(lists_its_total(model, bar) for bar in bars)


def test_histogram_labels_have_thousands_separators() -> None:
    bars = histogram_of(runs_of(*({"calls": 900 + 37 * n} for n in range(60))), "calls")
    assert [bar.label for bar in bars][:3] == ["800 – 999", "1,000 – 1,199", "1,200 – 1,399"]


def test_runs_are_filtered_by_score_and_stop_reason() -> None:
    model = runs_of(
        {"scores": (("format", 0.5), ("length", 1.0))},
        {"scores": (("format", 1.0),), "stop_reason": "max_turns"},
        {"stop_reason": "max_turns"},
    )
    for text, expected in (
        ("scores.format < 1", ["run-0"]),
        ('"format" in scores', ["run-0", "run-1"]),
        ('stop_reason == "max_turns" and not scores.format', ["run-2"]),
    ):
        assert model.try_filter(text) == ""
        settle_list(model)
        assert listed(model) == expected


def test_counts_of_chosen_runs_follow_the_filter() -> None:
    model = runs_of(
        *({"model": f"m{n % 2}", "status": "ok" if n < 3 else "failed"} for n in range(8))
    )
    counts = RunCounts(model, FacetCounts)
    model.try_filter('status == "ok"')
    assert shown(facets_of(model, counts)["model"]) == [("m0", 4, 2), ("m1", 4, 1)]
    model.try_filter('status == "failed"')
    assert shown(facets_of(model, counts)["model"]) == [("m0", 4, 2), ("m1", 4, 3)]


def test_a_removed_run_is_not_counted_until_it_is_back() -> None:
    rows = RunTable()
    for row in runs_of({"errors": 1, "model": "a"}, {"model": "a"}, {"model": "b"}).rows:
        rows.append(row)
    model = ArrangedRuns(rows)
    model.update()
    counts = RunCounts(model, FacetCounts)
    all_there = [("a", 2, 0), ("b", 1, 0)]
    assert shown(facets_of(model, counts)["model"]) == all_there
    rows.gone.add(0)
    model.update([0])
    assert shown(facets_of(model, counts)["model"]) == [("a", 1, 0), ("b", 1, 0)]
    assert (listed(model), model.facts.runs_with_errors) == (["run-1", "run-2"], 0)
    model.try_filter('model == "a"')
    assert listed(model) == ["run-1"]
    model.try_filter("")
    rows.replace(0, rows[0])
    model.update([0])
    assert shown(facets_of(model, counts)["model"]) == all_there
    assert (listed(model), model.facts.runs_with_errors) == (["run-0", "run-1", "run-2"], 1)


def test_counting_continues_when_runs_are_added() -> None:
    model = runs_of({"status": "ok"})
    counts = RunCounts(model, FacetCounts)
    settle(counts)
    more = runs_of({"status": "failed"}, {"status": "ok"})
    model.rows.extend(more.rows)  # type: ignore[attr-defined]
    model.update()
    assert counts.unsettled
    assert shown(facets_of(model, counts)["status"]) == [("ok", 2, 0), ("failed", 1, 0)]


def test_a_changed_run_is_not_counted_twice() -> None:
    model = runs_of({"status": "unknown"}, {"status": "ok"})
    counts = RunCounts(model, FacetCounts)
    settle(counts)
    row = model.rows[0]
    model.rows[0] = type(row)(row.ref, row.summary._replace(status="failed"), row.file_label)  # type: ignore[index]
    model.update([0])
    assert shown(facets_of(model, counts)["status"]) == [("failed", 1, 0), ("ok", 1, 0)]


def test_a_field_with_distinct_values_only_is_no_facet() -> None:
    model = runs_of(*({"group_id": f"g{n // 4}", "task": f"t{n}"} for n in range(12)))
    facets = facets_of(model)
    assert shown(facets["group"]) == [("g0", 4, 0), ("g1", 4, 0), ("g2", 4, 0)]
    assert "task" not in facets


def test_tasks_and_groups_of_the_same_name_have_separate_bars() -> None:
    model = runs_of(
        *({"task": "Fix it", "task_digest": f"d{n % 2}", "model": "m"} for n in range(4)),
        *({"group_id": "15", "format": name} for name in ("inspect", "inspect", "tau2", "tau2")),
        *({"task": "Other", "task_digest": "d3", "group_id": "16"} for _ in range(2)),
    )
    facets = facets_of(model)
    assert shown(facets["group"])[1:] == [
        *(("15 · inspect", 2, 0), ("15 · tau2", 2, 0), ("16", 2, 0)),
    ]
    assert shown(facets["task"])[1:] == [
        *(("Fix it · d0", 2, 0), ("Fix it · d1", 2, 0), ("Other", 2, 0)),
    ]
    bars = [bar for name in ("group", "task") for bar in facets[name].bars]
    assert all(lists_its_total(model, bar) for bar in bars)
    text = ""
    for bar in facets["group"].bars[1:]:
        text = toggled(text, bar.term, name=bar.name, is_alternative=bar.is_alternative)
    assert model.try_filter(text) == ""
    assert len(model) == 6
    assert {bar.term for bar in facets["group"].bars[1:]} == terms_of(text)


def test_the_stop_reason_is_a_facet() -> None:
    model = runs_of({"stop_reason": "max_turns"}, {"stop_reason": "max_turns"}, {})
    assert shown(facets_of(model)["stop_reason"]) == [("max_turns", 2, 0), ("(none)", 1, 0)]


def test_a_field_with_too_many_values_is_dropped() -> None:
    many = tuple((f"tool-{n}", 1, 0) for n in range(MAX_VALUES + 1))
    assert "tools" not in facets_of(runs_of({"tools": many, "status": "ok"}))


def test_long_lists_are_counted_in_slices() -> None:
    model = runs_of(*({"status": "ok"} for _ in range(20_000)))
    counts = RunCounts(model, FacetCounts)
    counts.advance(0.001)
    assert counts.unsettled


@pytest.mark.parametrize(("count", "expected"), [(0, ""), (8, "█"), (1, "▏"), (80, "█" * 10)])
def test_the_length_of_a_bar_is_proportional_to_its_count(count: int, expected: str) -> None:
    assert blocks(count, 80, 10) == expected


# On screen


def line_with(app: HermesApp, text: str) -> str:
    return next((line for line in screen_lines(app) if text in line), "")


async def counted(pilot: Pilot[None]) -> None:
    """Wait until everything is read and counted."""
    await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, RunsScreen)
    await until(pilot, lambda: not screen.sides_unsettled and not screen.model.unsettled)
    await pilot.pause()


@pytest.fixture
def runs_file(tmp_path: Path) -> Path:
    return write_runs(tmp_path / "runs.jsonl", 30)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_choosing_a_bar_filters_the_list_and_choosing_it_again_undoes_it(
    runs_file: Path, size: tuple[int, int]
) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=size) as pilot:
        await pilot.press("F")
        await counted(pilot)
        await shows(pilot, "CALL_IN_CONTENT")
        await press_until(pilot, "j", lambda: "┃▌" in line_with(app, "CALL_IN_CONTENT"))
        await pilot.press("enter")
        await counted(pilot)
        await shows(pilot, '"CALL_IN_CONTENT" in codes')
        await until(pilot, lambda: "5/5" in line_with(app, "● CALL_IN_CONTENT"))
        await pilot.press("enter")
        await counted(pilot)
        await until(pilot, lambda: "in codes" not in text_of(app))


async def test_the_key_bar_names_what_enter_does_in_facets_and_y_copies_the_bar(
    runs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(runs_file)
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("F")
        await counted(pilot)
        await press_until(pilot, "j", lambda: "┃▌" in line_with(app, "CALL_IN_CONTENT"))
        await until(pilot, lambda: "Enter Choose" in screen_lines(app)[-1])
        await pilot.press("y", "g")
        await until(pilot, lambda: "Enter Fold" in screen_lines(app)[-1])
        assert copied == ["CALL_IN_CONTENT 5, mean reward 0.567"]


@pytest.mark.parametrize(("key", "title"), [("F", "Facets"), ("h", "turns")])
async def test_panes_stay_usable_if_the_filter_matches_no_run(
    runs_file: Path, key: str, title: str
) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=NARROW) as pilot:
        await answer(pilot, "f", "turns > 1000")
        await shows(pilot, "no run matches the filter: u shows all", " 0 runs · ")
        await pilot.press(key)
        await shows(pilot, title, "0/")


async def test_facets_without_bars_say_why_and_are_closed_by_their_key(tmp_path: Path) -> None:
    rows = [{"id": name, "messages": [{"role": "user", "content": name}]} for name in "ab"]
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("F")
        await shows(pilot, "nothing tells these runs apart", "F Facets", "h Histogram")
        await pilot.press("F")
        await until(pilot, lambda: "nothing tells" not in text_of(app))


@pytest.mark.parametrize("values", [range(10_000, 80_000, 500), [n / 7 for n in range(100)]])
def test_ranges_do_not_overlap(values: Sequence[float]) -> None:
    bars = histogram_of(runs_of(*({"duration_s": value} for value in values)), "duration")
    ranges = [bar.label.split(" – ") for bar in bars if " – " in bar.label]
    assert len(ranges) > 2
    assert not {low for low, _ in ranges} & {high for _, high in ranges}


async def test_on_a_small_screen_a_pane_replaces_the_list(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("F")
        await until(pilot, lambda: "task" not in text_of(app))
        await pilot.press("tab")
        await shows(pilot, "task")
        await pilot.press("tab")
        await until(pilot, lambda: "task" not in text_of(app))
        await pilot.press("escape")
        await shows(pilot, "task")
        await pilot.press("tab")
        await pilot.pause()
        assert "Facets" not in text_of(app).splitlines()[1]


async def test_back_closes_the_pane_before_leaving_the_list(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("F", "q")
        await shows(pilot, "task")
        await pilot.press("h", "F", "tab", "tab")
        await pilot.resize_terminal(*WIDE)
        await shows(pilot, "Facets", "turns", "task")


async def test_a_pane_next_to_the_list_leaves_room_for_the_task(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("F")
        await shows(pilot, "Facets", "Fix the failing test")


async def test_a_histogram_without_a_frame_still_says_what_it_counts(runs_file: Path) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("h")
        await shows(pilot, "histogram of turns")


@pytest.mark.parametrize("size", [TINY, NARROW, WIDE, (200, 50)])
async def test_the_histogram_key_cycles_through_the_quantities(
    runs_file: Path, size: tuple[int, int]
) -> None:
    app = app_on(runs_file)
    async with app.run_test(size=size) as pilot:
        await pilot.press("h")
        await counted(pilot)
        heading = [app.screen.query_one("#histogram").border_title]
        for _ in range(2):
            await pilot.press("h")
            await counted(pilot)
            heading.append(app.screen.query_one("#histogram").border_title)
        assert heading == ["turns", "messages", "calls"]
        await pilot.press("j", "enter")
        await counted(pilot)
        assert isinstance(app.screen, RunsScreen)
        assert app.screen.model.filter_text == "calls == 3"


async def test_no_control_character_of_a_bar_reaches_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.jsonl"
    name = "\x1b]52;c\x07[@click]"
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}}
    reply = {"role": "assistant", "content": "", "tool_calls": [call]}
    runs = [{"messages": [*MESSAGES[:2], reply], "model": f"\x1b[31m{n}"} for n in range(4)]
    path.write_text("\n".join(map(json.dumps, runs)) + "\n", "utf-8")
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("F", "j", "j", "j", "j", "enter")
        await counted(pilot)
        await shows(pilot, "[@click]")
        assert not {"\x1b", "\x07"} & set(text_of(app))


@pytest.mark.parametrize("name", ["model", "status"])
def test_long_values_can_be_chosen_and_dropped_again(name: str) -> None:
    long, other = "\u202e" * 5_000, "b" * 1_999
    model = runs_of({name: long}, {name: other}, {name: long}, {name: "short"})
    terms = {bar.label: bar.term for bar in facets_of(model)[name].bars}
    text = ""
    for value, ids in (
        (long, ["0", "2"]),
        (other, ["0", "1", "2"]),
        ("short", ["0", "1", "2", "3"]),
    ):
        text = toggled(text, terms[value], name=name, is_alternative=True)
        assert model.try_filter(text) == ""
        settle_list(model)
        assert listed(model) == [f"run-{number}" for number in ids]
        assert terms[value] in terms_of(text)
    for value in terms:
        text = toggled(text, terms[value], name=name, is_alternative=True)
    assert text == ""


async def test_search_finds_a_bar_by_name_among_hidden_ones(tmp_path: Path) -> None:
    tools = [f"tool_{n:03}" for n in range(180)]
    runs = [
        {"messages": [*MESSAGES[:2], {"role": "assistant", "tool_calls": [call("c", tool, "{}")]}]}
        for tool in (*tools, "run_130")
    ]
    (tmp_path / "runs.jsonl").write_text("\n".join(map(json.dumps, runs)))
    app = app_on(tmp_path / "runs.jsonl")
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await answer(pilot, "slash", "fix")
        await pilot.press("F")
        await shows(pilot, "… 171 more")
        await answer(pilot, "slash", "_13")
        await shows(pilot, "/_13: 1 of 11 in facets", "run_130")
        await pilot.press("n")
        await shows(pilot, "/_13: 2 of 11 in facets", "tool_130")
        await pilot.press("N", "N")
        await shows(pilot, "/_13: 11 of 11 in facets", "tool_139")
        await pilot.press("enter", "F")
        await shows(pilot, "1 of 1", "/fix: 1 of 1")
        await pilot.press("F")
        await answer(pilot, "slash", "nowhere")
        await shows(pilot, "/nowhere: no match in facets")
