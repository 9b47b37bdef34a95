"""Messages in rows that name their run: each run is its own, wherever its rows are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.fields import NAMES_OF_RUNS
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.message_rows import FORMAT
from hermes_tui.model.events import RunEnded, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    only,
    read_bytes,
    read_value,
    runs,
    sniffed,
)

CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
CHAT = [
    {"role": "user", "content": "list"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "a.txt"},
    {"role": "assistant", "content": "a.txt"},
]
ROLES = ["user", "assistant", "tool", "assistant"]


def rows(*names: Any, key: str = "run_id", **more: Any) -> list[dict[str, Any]]:
    """Return the rows of a run for each of `names`, one run after the other."""
    return [
        {key: name, "turn": turn, **message, **more}
        for name in names
        for turn, message in enumerate(CHAT)
    ]


@pytest.mark.parametrize("key", NAMES_OF_RUNS)
@pytest.mark.parametrize("names", [("a", "b"), (0, 1)])
def test_each_name_of_a_run_is_a_run(key: str, names: tuple[Any, ...]) -> None:
    table = rows(*names, key=key)
    for data in (lines(*table), document(table)):
        assert format_of(data) == "message-rows"
        events = read_bytes(FORMAT, data)
        assert [run.run_id for run in runs(events)] == [str(name) for name in names]
        assert [role for role, _ in dialog(events)] == ROLES * 2 and found_codes(events) == []
        assert [call.name for call in calls(events)] == ["ls", "ls"]


def test_rows_of_runs_that_took_turns_are_put_together() -> None:
    first, second = rows("a"), rows("b")
    table = [row for pair in zip(first, second, strict=True) for row in pair]
    events = read_bytes(FORMAT, lines(*table))
    assert [role for role, _ in dialog(events)] == ROLES * 2 and found_codes(events) == []
    [place] = [event.at for event in events if event.at and "b" in getattr(event, "run_id", "")]
    assert place.range.start == len(lines(table[0]))


def test_the_last_row_of_a_run_has_its_outcome() -> None:
    table = rows("a", "b", reward=0.0)
    table[3]["reward"], table[7]["reward"] = 1.0, 0.5
    events = read_bytes(FORMAT, lines(*table))
    assert [end.reward for end in only(events, RunEnded)] == [1.0, 0.5]


def test_messages_inside_their_rows_are_read_with_what_is_next_to_them() -> None:
    table = [
        {"episode": n, "env": "files", "model": "m", "message": message}
        for n in range(2)
        for message in CHAT
    ]
    table[0]["message"] = json.dumps(table[0]["message"])
    assert format_of(lines(*table)) == "message-rows"
    events = read_bytes(FORMAT, lines(*table))
    assert [role for role, _ in dialog(events)] == ROLES * 2
    assert [(run.model, run.details) for run in runs(events)] == [("m", {"env": "files"})] * 2


def test_a_row_that_names_no_run_is_a_defect() -> None:
    events = read_bytes(FORMAT, lines(*rows("a", "b"), {"role": "user", "content": "x"}))
    assert len(runs(events)) == 2 and len(only(events, SourceDefect)) == 1


@pytest.mark.parametrize(
    "table",
    [
        rows("a"),
        [{**row, "run_id": f"{n}"} for n, row in enumerate(rows("a"))],
        [{"run_id": name, "messages": CHAT} for name in "ab"],
        [{**row, "run_id": [n % 2]} for n, row in enumerate(rows("a"))],
    ],
    ids=["one run", "a name for each message", "runs", "no names"],
)
def test_other_rows_are_not_claimed(table: list[Any]) -> None:
    assert format_of(lines(*table)) == "openai-messages"


@given(any_json("role", "content", "run_id", "message", "episode", "reward"))
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    sniffed(FORMAT, value, value)
    for unit in Unit:
        assert read_value(FORMAT, [*rows("a"), value], unit)
