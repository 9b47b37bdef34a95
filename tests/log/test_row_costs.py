"""The cost of a row, as filters read it: seconds and tokens of replies, seconds of tools."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.log.expressions import compile_expression
from hermes_tui.log.query import FIELDS, RowFields
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import (
    Event,
    ReasoningExtracted,
    RequestSent,
    ResponseParsed,
    ResponseReceived,
    TextEdited,
    ToolReturned,
)
from hermes_tui.model.messages import ToolResult, Usage
from tests.log.runs import call, ended, says, started, timeline

USED = Usage(prompt_tokens=900, completion_tokens=40)
RESULT = ToolReturned(seq=0, result=ToolResult("ok", call_id="c1", duration_s=12.5))
SAVED = [
    started(source_format="openai-messages"),
    says("user", "x"),
    says("assistant", "a", calls=1, usage=USED, duration_s=3.0),
    call("ls", "c1"),
    RESULT,
    says("assistant", "b"),
    ended(),
]
LOGGED = [
    started(source_format="llm-call-log"),
    says("user", "x"),
    ResponseReceived(seq=0, turn=1, usage=USED, duration_s=3.0),
    says("assistant", "a", calls=1),
    call("ls", "c1"),
    RESULT,
    says("assistant", "b"),
    ended(),
]
LIVE = [
    started(source_format="native"),
    says("user", "x"),
    RequestSent(seq=0, turn=1),
    ResponseReceived(seq=0, turn=1, usage=USED, duration_s=3.0),
    ReasoningExtracted(seq=0, turn=1),
    ResponseParsed(seq=0, turn=1),
    says("assistant", "a", calls=1, usage=USED),
    call("ls", "c1"),
    RESULT,
    RequestSent(seq=0, turn=2),
    ResponseReceived(seq=0, turn=2),
    says("assistant", "b"),
    ended(),
]
Known = tuple[str, Any, Any, Any]


def costs(run: Timeline) -> list[Known]:
    """Return the rows that have any of the cost fields: their events and the fields."""
    rows = [RowFields(run, row) for row in range(len(run))]
    costs_of_rows = [
        tuple(map(row.get, ("event", "seconds", "tokens_in", "tokens_out"))) for row in rows
    ]
    return [(name, *rest) for name, *rest in costs_of_rows if any(one is not None for one in rest)]


@pytest.mark.parametrize("events", [SAVED, LOGGED, LIVE])
def test_rows_have_the_same_costs_in_saved_and_live_runs(events: list[Event]) -> None:
    found = [row for row in costs(timeline(*events)) if row[0] != "ResponseReceived"]
    assert found == [("MessageAppended", 3.0, 900, 40), ("ToolReturned", 12.5, None, None)]


def test_a_reply_has_its_cost_as_soon_as_it_arrives() -> None:
    assert ("ResponseReceived", 3.0, 900, 40) in costs(timeline(*LIVE))


@pytest.mark.parametrize(
    ("expression", "rows"),
    [("seconds > 10", 1), ("seconds > 1", 2), ("tokens_in >= 900 and tokens_out < 50", 1)],
)
def test_filters_find_costly_rows_and_pass_over_unknown_costs(expression: str, rows: int) -> None:
    run = timeline(*SAVED)
    compiled = compile_expression(expression, FIELDS)
    assert sum(compiled.matches(RowFields(run, row)) for row in range(len(run))) == rows


def test_a_reply_edited_by_a_person_keeps_its_cost() -> None:
    edited = [*LIVE[:8], TextEdited(seq=0, before="a", after="b"), says("assistant", "b")]
    assert [row[0] for row in costs(timeline(*edited))][-2:] == ["MessageAppended"] * 2


def test_the_cost_is_not_given_to_the_message_of_another_reply() -> None:
    again = [*LIVE[:5], RequestSent(seq=0, turn=1), says("assistant", "cut")]
    assert [row[0] for row in costs(timeline(*again))] == ["ResponseReceived"]
