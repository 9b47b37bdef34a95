"""The metadata pane: what the file records about a run besides its messages."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.log.codec import encode
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import Event, MessageAppended, RunEnded, RunStarted, ToolCallProposed
from hermes_tui.model.messages import (
    GOLD_FAILURE,
    ArgumentsState,
    Message,
    ToolCall,
    ToolSpec,
    Usage,
)
from hermes_tui.model.spans import ByteRange, SourceRef
from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.panes.metadata import MetadataPane
from hermes_tui.ui.render.metadata import LONGEST, RunMetadata, ValueTexts, metadata_lines
from hermes_tui.ui.run_relations import Relative
from tests.ui.opened import NARROW, WIDE, app_on, press_until, run_screen, settled, shows, write_run
from tests.ui.screen_text import screen_lines, text_of

HOSTILE = "\x1b]52;c;x\x07 [bold red]@click[/] \u202e"


def page_of(*events: Event, unfolded: set[str] | None = None, **of: Any) -> list[str]:
    """Return the lines of the page about a run with these events."""
    timeline = Timeline(MemoryLog(events, complete=True))
    timeline.advance(100)
    metadata = RunMetadata(timeline, "/runs/a.jsonl", **of)
    lines = metadata_lines(metadata, unfolded or set(), ValueTexts())
    return [line.line.text for line in lines]


def value_of(page: list[str], name: str) -> str:
    return next(line for line in page if line.split()[:1] == [name])[16:].strip()


def test_everything_recorded_is_on_the_page() -> None:
    page = page_of(
        RunStarted(seq=0, ts=100.0, run_id="r1", task="mend it", model="m", group_id="g",
                   parser="p", parent_run_id="main",
                   details={"branch": "main", "tries": 3, "deep": {"a": 1}}),
        RunEnded(seq=1, ts=160.5, status="failed", stop_reason="gave up", reward=0.25,
                 scores={"format": 1.0}, details={"exit": None},
                 usage=Usage(prompt_tokens=1200, completion_tokens=30, cost_usd=0.5)),
    )  # fmt: skip
    expected = {
        "id": "r1", "task": "mend it", "model": "m", "group": "g", "parser": "p", "parent": "main",
        "status": "failed", "stop": "gave up", "reward": "0.25", "format": "1", "took": "60.5 s",
        "tokens": "1,200", "cost": "$0.5", "branch": "main", "tries": "3", "deep": '{"a": 1}',
        "exit": "null", "file": "/runs/a.jsonl",
    }  # fmt: skip
    assert {name: value_of(page, name) for name in expected} == expected


def test_data_of_the_file_that_the_page_begins_with_is_not_repeated() -> None:
    details = {"id": "r1", "model": "m", "task": "another"}
    page = page_of(RunStarted(seq=0, run_id="r1", task="mend it", model="m", details=details))
    assert [sum(line.split()[:1] == [name] for line in page) for name in details] == [1, 1, 2]


def test_missing_facts_take_no_line() -> None:
    page = page_of(RunStarted(seq=0, run_id="r1"))
    assert not any(line.startswith(("reward", "cost", "tokens", "parser", "took")) for line in page)
    assert "none: the file does not say how it ended" in "\n".join(page)


RECORDS = [SourceRef(ByteRange(28, 61)), SourceRef(ByteRange(63, 9_000))]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([SourceRef(ByteRange(0, 61), "/runs/0")] * 2, ["place           bytes 0–61 /runs/0"]),
        (RECORDS, ["place           bytes 28–9,000, in several records"]),
        (RECORDS[::-1], []),
        ([RECORDS[0], None], []),
    ],
)
def test_the_place_of_a_run_covers_all_its_records(
    places: list[SourceRef | None], expected: list[str]
) -> None:
    begin, end = places
    page = page_of(
        RunStarted(seq=0, at=begin),
        MessageAppended(seq=1, at=end, message=Message(role="user", text="go")),
    )
    assert [line for line in page if line.startswith("place")] == expected


def test_the_call_counts_of_tools_are_aligned() -> None:
    calls = ("ls", "a_tool_with_a_long_name")
    page = page_of(*(
        ToolCallProposed(seq=seq, call=ToolCall(seq, name, "{}", ArgumentsState.JSON_STRING))
        for seq, name in enumerate(calls)
    ))  # fmt: skip
    columns = [line.rindex("1") for line in page if line.strip().startswith(calls)]
    assert len(set(columns)) == 1
    assert len(columns) == 2


def test_a_long_value_is_folded_by_default() -> None:
    details = {"config": {f"key-{n}": n for n in range(60)}, "note": "first\nsecond"}
    started = RunStarted(seq=0, details=details)
    folded = page_of(started)
    assert "object of 60 keys" in value_of(folded, "config")
    assert not any("key-7" in line for line in folded)
    unfolded = page_of(started, unfolded={"details/config", "details/note"})
    assert '  "key-7": 7,' in unfolded
    assert "second" in unfolded


def test_a_value_of_megabytes_is_cut() -> None:
    started = RunStarted(seq=0, details={"blob": ["x" * 99] * 50_000})
    page = page_of(started, unfolded={"details/blob"})
    assert sum(map(len, page)) < 2 * LONGEST
    assert "more characters" in page[-1]


def test_the_text_of_an_unchanged_value_is_cached() -> None:
    texts = ValueTexts()
    value = {"n": 1}
    assert texts.text("x", value) is texts.text("x", value)
    assert texts.text("x", {"n": 2}) == '{"n": 2}'


def test_a_value_nested_too_deeply_is_tolerated() -> None:
    deep: Any = []
    for _ in range(3_000):
        deep = [deep]
    assert page_of(RunStarted(seq=0, details={"deep": deep}))


def test_secrets_are_masked() -> None:
    details = {"headers": {"Authorization": "Bearer abcdef123456"}, "api_key": "sk-abcdefghijkl"}
    page = "\n".join(page_of(RunStarted(seq=0, details=details), unfolded={"details/headers"}))
    assert "abcdef" not in page


def test_the_schema_of_a_tool_is_shown_on_request() -> None:
    spec = ToolSpec("terminal", "Run a command.\nSlowly.", {"type": "object"})
    started = RunStarted(seq=0, tools=(spec,), tools_declared=True)
    assert any("terminal" in line and "Run a command." in line for line in page_of(started))
    unfolded = page_of(started, unfolded={"tools/terminal"})
    assert '  "type": "object"' in unfolded
    assert "Slowly." in unfolded


def test_the_label_of_a_failed_run_shows_where_who_and_why() -> None:
    page = page_of(
        RunStarted(seq=0, details={"mistake_agent": "Coder", "mistake_reason": "it guessed"}),
        MessageAppended(seq=1, message=Message("assistant", "x", author="Coder",
                                               flags=(GOLD_FAILURE,))),
    )  # fmt: skip
    assert any(line.startswith("◆ message") and "Coder, turn 1" in line for line in page)
    assert value_of(page, "reason") == "it guessed"
    assert not any("mistake_" in line for line in page)


def test_parent_and_children_are_shown() -> None:
    relatives = (Relative("parent", 3, "the main run"), Relative("child", 5, "a subagent"))
    page = page_of(RunStarted(seq=0, parent_run_id="main"), relatives=relatives)
    assert value_of(page, "parent") == "the main run"
    assert value_of(page, "child") == "a subagent"


# On screen


def is_on_fact(app: HermesApp, name: str) -> bool:
    """Return whether the cursor of the pane is on a fact of this name."""
    return app.screen.query_one(MetadataPane).copied.startswith(name)


async def test_search_finds_a_fact_in_the_pane(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json", branch="nightly", commit="feed42"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("8", "slash", *"feed42", "enter", "n")
        await pilot.pause()
        pane = app.screen.query_one(MetadataPane)
        assert "feed42" in pane.copied
        assert any("▌" in line and "feed42" in line for line in screen_lines(app))


@pytest.mark.parametrize("size", [(30, 8), NARROW, (120, 36), WIDE])
async def test_enter_unfolds_a_tool_and_folds_it_again(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("8", "z")
        await settled(pilot)
        pane = app.screen.query_one(MetadataPane)
        await press_until(pilot, "j", lambda: "▸ terminal" in pane.copied)
        await pilot.press("enter")
        await settled(pilot)
        assert "▾ terminal" in pane.copied
        assert '"type": "object"' in pane.text
        await pilot.press("enter")
        await settled(pilot)
        assert '"type": "object"' not in pane.text


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_one_key_moves_to_the_step_at_which_the_run_went_wrong(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    history = [{"role": "assistant", "name": "Coder", "content": f"step {n}"} for n in range(50)]
    path = tmp_path / "failure.json"
    path.write_text(
        json.dumps({"history": history, "mistake_step": "33", "mistake_agent": "Coder"})
    )
    app = app_on(path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("exclamation_mark")
        await settled(pilot)
        assert any("▌" in line and "◆ Coder" in line for line in screen_lines(app))
        await pilot.press("g", "8")
        pane = app.screen.query_one(MetadataPane)
        await press_until(pilot, "j", lambda: "◆" in pane.copied)
        await pilot.press("enter")
        await settled(pilot)
        assert any("▌" in line and "◆ Coder" in line for line in screen_lines(app))


async def test_without_a_failure_label_the_key_does_nothing(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("j", "exclamation_mark")
        await settled(pilot)
        assert run_screen(app).model.row == 1


async def test_enter_opens_the_parent_and_the_child(tmp_path: Path) -> None:
    for name, parent in (("main", ""), ("sub", "main")):
        started = RunStarted(seq=0, run_id=name, task=f"task of {name}", parent_run_id=parent)
        (tmp_path / f"{name}.jsonl").write_bytes(encode(started))
    app = app_on(tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        for relative, task in (("child", "task of sub"), ("parent", "task of main")):
            await settled(pilot)
            await pilot.press("8")
            await settled(pilot)
            await press_until(pilot, "j", partial(is_on_fact, app, relative))
            await pilot.press("enter")
            await settled(pilot)
            assert task in screen_lines(app)[0]
        await pilot.press("q")
        await shows(pilot, "2 runs")


async def test_no_control_character_of_the_page_reaches_the_terminal(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": HOSTILE, "description": HOSTILE}}]
    fields = {"tools": tools, HOSTILE: HOSTILE, "nested": {HOSTILE: [HOSTILE] * 40}}
    path = tmp_path / "run.json"
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    path.write_text(json.dumps({"messages": messages, "model": HOSTILE, **fields}), "utf-8")
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("8", "z", "G", "enter")
        await settled(pilot)
        assert "[bold red]@click[/]" in text_of(app)
        assert not {"\x1b", "\x07", "\u202e"} & set(text_of(app))


# Real files


@pytest.mark.parametrize(
    ("name", "row", "agent"),
    [("whowhen-handcrafted-30.json", 84, "◆ Assist"), ("whowhen-algorithm-80.json", 0, "◆ ")],
)
async def test_real_failure_logs_are_marked_at_the_recorded_step(
    trajectories: Path, name: str, row: int, agent: str
) -> None:
    app = app_on(trajectories / "24-autogen" / name)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("exclamation_mark")
        await settled(pilot)
        assert any("▌" in line and agent in line for line in screen_lines(app))
        assert not row or f"row {row} of" in text_of(app)


async def test_a_real_subagent_is_listed_below_its_session(trajectories: Path) -> None:
    app = app_on(trajectories / "10-claude-code")
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        lines = screen_lines(app)
        parent = next(n for n, line in enumerate(lines) if "▾ " in line)
        assert "└ " in lines[parent + 1]
        await pilot.press(*"j" * (parent - 2), "enter")
        await settled(pilot)
        await pilot.press("8", "z")
        await settled(pilot)
        assert is_on_page(app, "child")


def is_on_page(app: HermesApp, name: str) -> bool:
    page = app.screen.query_one(MetadataPane).text
    return any(line.startswith(name) for line in page.split("\n"))
