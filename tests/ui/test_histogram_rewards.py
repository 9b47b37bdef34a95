"""The histogram shows how the mean reward depends on the quantity: on turns, tokens, seconds …"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.bins import Spread
from hermes_tui.ui.runs.counts import Bar, RunCounts
from hermes_tui.ui.runs.fields import column
from hermes_tui.ui.runs.histogram import QUANTITIES, HistogramCounts, next_with_values
from tests.ui.listed import runs_of, settle_list
from tests.ui.opened import MESSAGES, NARROW, WIDE, answer, app_on, settled, shows, until
from tests.ui.screen_text import text_of


def bars_of(model: ArrangedRuns, name: str) -> list[Bar]:
    quantity = next(quantity for quantity in QUANTITIES if quantity.name == name)
    counts = RunCounts(model, lambda: HistogramCounts(quantity))
    while counts.unsettled:
        counts.advance(1.0)
    return counts.shown.bars()


def test_a_bar_has_the_mean_reward_of_its_runs_and_of_those_that_pass_the_filter() -> None:
    model = runs_of(
        {"turns": 1, "reward": 0.0},
        {"turns": 1, "reward": 1.0},
        {"turns": 1, "reward": None},
        {"turns": 2, "reward": None},
        {"turns": 3, "reward": float("nan")},
        {"turns": 3, "reward": -4.0},
    )
    assert [bar.rewards for bar in bars_of(model, "turns")] == [
        (0.5, None), (None, None), (-4.0, None)
    ]  # fmt: skip
    assert model.try_filter("reward > 0") == ""
    settle_list(model)
    assert [bar.rewards[1] for bar in bars_of(model, "turns")] == [1.0, None, None]


def test_ranges_and_unknown_values_have_mean_rewards_too() -> None:
    model = runs_of(
        *({"characters": 10_000 + 37 * n, "prompt_tokens": n, "reward": n / 10} for n in range(60)),
        {"characters": 10, "reward": 2.0},
    )
    found = [bar.rewards[0] for bar in bars_of(model, "size")]
    assert found[0] == 2.0 and found[1:] == sorted(found[1:], key=lambda each: each or 0.0)
    unknown = bars_of(model, "tokens_in")[-1]
    assert (unknown.label, unknown.rewards[0]) == ("unknown", 2.0)


def test_the_histogram_of_rewards_does_not_repeat_them() -> None:
    model = runs_of({"reward": 0.25}, {"reward": 0.75})
    assert {bar.rewards for bar in bars_of(model, "reward")} == {(None, None)}


def test_the_rewards_of_many_values_are_kept_by_three_digits() -> None:
    spread = Spread()
    for value in range(100_000, 200_000):
        spread.add(value, 0.5)
    assert {spread.mean_reward(place) for place in spread.bins()} == {0.5}
    assert spread.mean_reward(None) is None and len(spread.counts) <= 1_000


def test_scores_follow_the_reward_in_the_order_of_histograms() -> None:
    scores = [(("a b", float(n)), ("same", 1.0), ("step", n // 4 * 50.0)) for n in range(8)]
    model = runs_of(*({"scores": each, "reward": n % 2} for n, each in enumerate(scores)), {})
    values = partial(column, model.rows)
    here, seen = QUANTITIES[0], []
    for _ in range(4):
        here = next_with_values(here, values)
        seen.append(here.heading)
    assert seen == ["reward", "a b", "same", "step"]
    counts = RunCounts(model, lambda: HistogramCounts(here))
    while counts.unsettled:
        counts.advance(1.0)
    bars = [(bar.label, bar.term, bar.total, bar.rewards[0]) for bar in counts.shown.bars()]
    assert bars == [
        ("0", "scores.step == 0", 4, 0.5),
        ("50", "scores.step == 50", 4, 0.5),
        ("unknown", '"step" not in scores', 1, None),
    ]
    for _, term, total, _ in bars:
        assert model.try_filter(term) == ""
        settle_list(model)
        assert len(model) == total


async def test_a_hostile_name_of_a_score_is_shown_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    rows = [{"messages": MESSAGES, "scores": {"[b]x[/]\x1b[2J": n}} for n in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    async with app_on(path).run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("h", "h")
        await shows(pilot, "[b]x[/]␛[2J")
        await pilot.press("enter")
        await shows(pilot, "1 of 1 · ")


@pytest.mark.parametrize("size", [NARROW, WIDE, (200, 50)])
async def test_mean_rewards_are_drawn_next_to_the_counts(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "runs.jsonl"
    rows = [{"messages": MESSAGES * (n % 2 + 1), "reward": n % 2 + 0.125} for n in range(8)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    app = app_on(path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("h")
        await shows(pilot, "4  0.125", "4   1.12", "runs · mean reward")
        await answer(pilot, "f", "reward > 1")
        await until(pilot, lambda: "0/4 " in text_of(app) and "4/4  1.12" in text_of(app))
        await until(pilot, lambda: "0.125" not in text_of(app))


async def test_without_rewards_the_histogram_has_only_counts(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    rows = [{"messages": MESSAGES * (n % 2 + 1)} for n in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    app = app_on(path)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("h")
        await shows(pilot, "turns", " 2 ┃")
        assert "mean reward" not in text_of(app)
