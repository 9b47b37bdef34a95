"""Branches of a run: shown as a tree, compared step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.stepping import Phase, StopPoint
from hermes_tui.log.run_diff import DiffRow, run_diff
from hermes_tui.log.run_steps import StepKind, steps
from hermes_tui.model import events as ev
from hermes_tui.model.messages import ArgumentsState, Message, ToolCall, ToolResult
from hermes_tui.model.visible import visible
from hermes_tui.runtime.branches import Branch, Branches
from hermes_tui.ui.render.branches import branch_rows, forked_from, standing
from hermes_tui.ui.render.comparison import comparison
from hermes_tui.ui.screens.branches import BranchesScreen
from hermes_tui.ui.screens.comparison import ComparisonScreen
from tests.live.dialogs import SIZES, shown, text_of
from tests.live.engine import FunctionTools, ScriptedServer, says

START = given.Start(({"role": "user", "content": "look"},))


@asynccontextmanager
async def forked() -> AsyncIterator[Branches]:
    """Yield an ended run and an ended fork of it, in which the only call was edited."""
    server = ScriptedServer(
        [
            says("first", ("terminal", {"command": "rm x"})),
            says("removed"),
            says("listed"),
        ]
    )
    tools = FunctionTools({"terminal": lambda command: f"ran {command}"})
    branches = Branches(server, tools, recorded=False)
    try:
        main = branches.start(START)
        await main.driver.at_rest()
        proposed = next(e.seq for e in main.log if isinstance(e, ev.ToolCallProposed))
        await run_to_end(main)
        fork = branches.fork(main, proposed)
        await fork.driver.at_rest()
        fork.driver.put(given.EditArguments(0, '{"command": "ls"}'))
        await run_to_end(fork)
        yield branches
    finally:
        await branches.close()


async def run_to_end(branch: Branch) -> None:
    """Run a branch to its end."""
    while branch.driver.phase is Phase.STOPPED:
        branch.driver.put(given.Resume())
        await branch.driver.at_rest()


def call(index: int, name: str, arguments: str) -> ev.ToolCallProposed:
    return ev.ToolCallProposed(
        seq=0, call=ToolCall(index, name, arguments, ArgumentsState.JSON_STRING)
    )


def result(index: int, content: str) -> ev.ToolReturned:
    return ev.ToolReturned(seq=0, result=ToolResult(content, name="terminal"), call_index=index)


def reply(turn: int, text: str, calls: int = 0) -> list[ev.Event]:
    message = Message("assistant", text, calls=calls)
    return [
        ev.ResponseReceived(seq=0, turn=turn),
        ev.MessageAppended(seq=0, message=message),
    ]


def changes(rows: list[DiffRow]) -> list[tuple[str, str]]:
    """Return the differing texts as (before, after), with "" if a side has none."""
    return [
        (row.left.text if row.left else "", row.right.text if row.right else "")
        for row in rows
        if not row.is_same
    ]


# What differs


def test_equal_logs_have_no_difference() -> None:
    log = [*reply(1, "a", 1), call(0, "terminal", "{}"), result(0, "b")]
    assert changes(run_diff(log, list(log))) == []


def test_an_edited_call_and_its_result_differ() -> None:
    past = [*reply(1, "a", 1), call(0, "terminal", '{"command": "rm"}')]
    edited = ev.ArgumentsEdited(
        seq=0, call_index=0, before='{"command": "rm"}', after='{"command": "ls"}'
    )
    rows = run_diff([*past, result(0, "gone")], [*past, edited, result(0, "files")])
    assert changes(rows) == [('{"command": "rm"}', '{"command": "ls"}'), ("gone", "files")]


def test_a_discarded_reply_is_no_step() -> None:
    log = [
        *reply(1, "bad", 1),
        call(0, "terminal", "{}"),
        ev.ReplyDiscarded(seq=0),
        *reply(1, "good"),
    ]
    assert [step.text for step in steps(log)] == ["good"]


def test_results_are_compared_as_the_model_saw_them() -> None:
    substituted = ev.ResultSubstituted(seq=0, call_index=0, before="raw", after="typed")
    log = [*reply(1, "", 1), call(0, "terminal", "{}"), result(0, "raw"), substituted]
    assert [step.text for step in steps(log)] == ["{}", "typed"]


def test_a_tool_that_ran_twice_has_one_result() -> None:
    log = [*reply(1, "", 1), call(0, "terminal", "{}"), result(0, "once"), result(0, "twice")]
    assert [step.text for step in steps(log)] == ["{}", "twice"]


def test_a_reply_discarded_after_the_end_removes_no_step() -> None:
    log = [*reply(1, "a"), ev.RunEnded(seq=0, status="ok"), ev.ReplyDiscarded(seq=0)]
    assert [step.text for step in steps(log)] == ["a", "ok"]


def test_a_dropped_call_is_no_step() -> None:
    log = [*reply(1, "", 1), call(0, "terminal", "{}"), ev.CallDropped(seq=0, call_index=0)]
    assert steps(log) == []


def test_a_call_of_only_one_branch_has_no_counterpart() -> None:
    left = [*reply(1, "a"), *reply(2, "c")]
    right = [*reply(1, "a"), call(0, "terminal", "{}"), result(0, "b"), *reply(2, "c")]
    rows = run_diff(left, right)
    assert [row.right.kind for row in rows if row.left is None and row.right] == [
        StepKind.CALL,
        StepKind.RESULT,
    ]
    assert [row.left.text for row in rows if row.is_same and row.left] == ["a", "c"]


def test_thousands_of_steps_are_compared_quickly() -> None:
    left = [event for n in range(6_000) for event in reply(n, f"left {n}")]
    right = [event for n in range(6_000) for event in reply(n, f"right {n}")]
    rows = run_diff(left, right)
    assert len(rows) == 6_000
    assert not any(row.is_same for row in rows)


# The page


def test_the_page_shows_differences_with_a_little_context() -> None:
    past = [event for n in range(9) for event in reply(n, f"same {n}")]
    rows = run_diff([*past, *reply(9, "one\ntwo")], [*past, *reply(9, "one\n2")])
    found = comparison(rows, "main", "fork-1")
    lines = found.document.text.split("\n")
    assert lines[0] == "  ⋮ 7 rows are the same"
    assert lines[found.differences[0]] == "~ turn 9, assistant"
    assert "- two" in lines
    assert "+ 2" in lines


def test_a_step_of_one_branch_names_it() -> None:
    found = comparison(run_diff(reply(1, "a"), [*reply(1, "a"), *reply(2, "b")]), "l", "r")
    assert "+ turn 2, assistant, only in r\n+ b" in found.document.text


def test_the_page_reports_when_nothing_differs() -> None:
    assert "did the same" in comparison([], "l", "r").document.text


# The screens


async def test_a_fork_is_listed_below_its_parent_with_its_origin() -> None:
    async with forked() as branches:
        main, fork = branches.all
        assert [(row.tree, row.branch) for row in branch_rows(branches.all)] == [
            ("", main),
            ("└ ", fork),
        ]
        assert forked_from(fork).startswith("main, turn 1, call 1 (")
        assert forked_from(main) == ""
        assert standing(main) == "ended: finished naturally"


async def test_the_origin_of_a_fork_does_not_change_while_it_runs() -> None:
    async with forked() as branches:
        main, _ = branches.all
        # A fork from a stop of the main run is at this stop without a further event.
        stops = [event for event in main.log if isinstance(event, ev.Stopped)]
        for stop in stops:
            fork = branches.fork(main, stop.seq)
            at_first = forked_from(fork)
            assert standing(fork).startswith(
                ("before dispatch of ", "after ", "the ", "before the")
            )
            assert at_first.startswith("main, turn 1, call 1 (terminal)")
            every = frozenset(StopPoint)
            fork.driver.put(given.SetBreakpoints((), every))
            await run_to_end(fork)
            assert sum(isinstance(event, ev.Stopped) for event in fork.log) > 1
            assert forked_from(fork) == at_first


async def test_forks_of_forks_are_drawn_as_a_tree() -> None:
    async with forked() as branches:
        main, fork = branches.all
        deeper = Branch("fork-2", fork.driver, fork, 3)
        second = Branch("fork-3", fork.driver, main, 3)
        rows = branch_rows([main, fork, deeper, second])
        assert [row.tree + row.branch.name for row in rows] == [
            "main",
            "├ fork-1",
            "│ └ fork-2",
            "└ fork-3",
        ]


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_of_branches_fits_and_enter_switches_to_one(size: tuple[int, int]) -> None:
    async with (
        forked() as branches,
        shown(BranchesScreen(branches.all, branches.all[1]), size) as (app, pilot),
    ):
        drawn = text_of(app)
        assert "▌    └ fork-1" in drawn
        assert "forked from" in drawn
        assert "main, turn 1, call 1 (" in drawn
        await pilot.press("k", "enter")
        assert app.given == [branches.all[0]]


async def test_a_fork_is_compared_with_its_parent() -> None:
    async with (
        forked() as branches,
        shown(BranchesScreen(branches.all, branches.all[1])) as (app, pilot),
    ):
        await pilot.press("D")
        await pilot.pause()
        assert isinstance(app.screen, ComparisonScreen)
        drawn = text_of(app)
        assert "- main  + fork-1: 3 differences" in drawn
        assert "~ turn 1, call terminal" in drawn
        assert '-   "command": "rm x"' in drawn
        assert '+   "command": "ls"' in drawn
        assert "~ turn 1, result of terminal" in drawn
        await pilot.press("escape", "escape")
        assert app.given == [None]


async def test_the_key_that_compares_runs_compares_branches_too() -> None:
    async with (
        forked() as branches,
        shown(BranchesScreen(branches.all, branches.all[1])) as (app, pilot),
    ):
        await pilot.press("d")
        await pilot.pause()
        assert isinstance(app.screen, ComparisonScreen)


async def test_two_marked_branches_are_compared() -> None:
    async with (
        forked() as branches,
        shown(BranchesScreen(branches.all, branches.all[0])) as (app, pilot),
    ):
        await pilot.press("space", "j", "space", "k", "D")
        await pilot.pause()
        assert isinstance(app.screen, ComparisonScreen)


async def test_comparing_without_a_second_branch_shows_how_to_mark_one() -> None:
    async with (
        forked() as branches,
        shown(BranchesScreen(branches.all, branches.all[0])) as (app, pilot),
    ):
        await pilot.press("D")
        await pilot.pause()
        assert "mark another branch with space first" in text_of(app)
        await pilot.press("j")
        await pilot.pause()
        assert "mark another branch" not in text_of(app)


async def test_n_moves_from_difference_to_difference() -> None:
    left = [event for n in range(30) for event in reply(n, f"left {n}\n" * 5)]
    right = [event for n in range(30) for event in reply(n, f"right {n}\n" * 5)]
    found = comparison(run_diff(left, right), "main", "fork-1")
    async with shown(ComparisonScreen("main", "fork-1", found), (80, 24)) as (app, pilot):
        await pilot.press("n", "n")
        await pilot.pause()
        assert "~ turn 2, assistant" in text_of(app)
        await pilot.press("N")
        await pilot.pause()
        assert "~ turn 1, assistant" in text_of(app)


async def test_a_comparison_is_searched_like_a_run() -> None:
    left = [event for n in range(30) for event in reply(n, f"left {n} needle\n" * 5)]
    right = [event for n in range(30) for event in reply(n, f"right {n}\n" * 5)]
    found = comparison(run_diff(left, right), "main", "fork-1")
    async with shown(ComparisonScreen("main", "fork-1", found), (80, 24)) as (app, pilot):

        async def press(*keys: str) -> str:
            await pilot.press(*keys)
            await pilot.pause()
            return text_of(app)

        assert "Enter Accept" in await press("slash", *"NEEDLE")
        assert "match 1 of 150" in await press("enter")
        assert "match 2 of 150" in await press("n")
        assert "match 150 of 150" in await press("N", "N")
        assert "left 29 needle" in text_of(app)
        assert "match" not in await press("escape")
        await press("g", "n", "n")
        assert "~ turn 2, assistant" in text_of(app)
        await press("slash", "ctrl+u", *"qq")
        assert "no match" in await press("enter")
        await press("slash", "escape")
        assert isinstance(app.screen, ComparisonScreen)
        await press("q")
        assert app.given == [None]


async def test_an_invalid_regex_in_a_comparison_is_reported() -> None:
    found = comparison(run_diff(list(reply(1, "left")), list(reply(1, "right"))), "a", "b")
    async with shown(ComparisonScreen("main", "fork-1", found), (80, 24)) as (app, pilot):
        await pilot.press("slash", "(", "f2", "enter")
        await pilot.pause()
        assert "not a regular expression" in text_of(app)
        await pilot.press("ctrl+u", *"le.t", "enter")
        await pilot.pause()
        assert "match 1 of 1" in text_of(app)


async def test_a_comparison_is_copied_as_text_and_can_go_to_a_pager() -> None:
    found = comparison(run_diff(list(reply(1, "left")), list(reply(1, "right"))), "a", "b")
    async with shown(ComparisonScreen("main", "fork-1", found), (80, 24)) as (app, pilot):
        await pilot.press("y")
        await pilot.pause()
        assert "copied" in text_of(app)
        await pilot.press("|")
        await pilot.pause()
        assert "this terminal cannot be handed to a pager" in text_of(app)
    assert app.clipboard.startswith("- main  + fork-1: 1 difference\n")
    assert "- left\n" in app.clipboard and "+ right\n" in app.clipboard


async def test_control_characters_in_branches_are_drawn_harmless() -> None:
    odd = [*reply(1, "\x1b]0;t\x07", 1), call(0, "na\u202eme\n2", "\x9b")]
    found = comparison(run_diff([], odd), "main", "fork-1")
    async with shown(ComparisonScreen("main", "fork-1", found)) as (app, _):
        drawn = text_of(app)
        assert visible(drawn) == drawn
        assert "␛]0;t␇" in drawn
