"""Messages of Qwen-Agent, whose replies span several messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.qwen_agent import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, ToolCallProposed
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    document,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    results,
    runs,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "qwen_agent"
RAW_API = json.loads((FOLDER / "raw_api.json").read_text())
IN_TEXT = json.loads((FOLDER / "in_text.json").read_text())


def read(value: Any) -> list[Event]:
    return read_bytes(FORMAT, document(value))


@pytest.mark.parametrize(
    ("value", "ids"),
    [(RAW_API, ["c1", "c2", "c3", "c4"]), (IN_TEXT, ["1.1", "2", "2.1"])],
    ids=["raw_api", "in_text"],
)
def test_adjacent_calls_are_one_reply_and_all_are_answered(value: Any, ids: list[str]) -> None:
    assert format_of(document(value)) == "qwen-agent"
    events = read(value)
    assert [call.id for call in calls(events) if call.id] == ids
    assert [result.call_id for result in results(events)] == ids
    asked = [one for one in value if one["role"] == "assistant" and "function_call" in one]
    assert len(ids) == len(asked)
    first = next(one for one in messages(events) if one.role == "assistant")
    assert (first.text.strip(), first.reasoning[0].text, first.calls) == (
        "I look.",
        "Let me look.",
        2,
    )
    codes = {finding.code for finding in fold_run(events)[1]}
    assert not codes.intersection(
        {Code.CALL_UNANSWERED, Code.RESULT_ORPHAN, Code.ID_DUPLICATE, Code.ID_MISSING}
    )


def test_results_of_failed_tools_are_errors() -> None:
    errors = [one.error.reason if one.error else "" for one in results(read(RAW_API))]
    assert errors[0] == ""
    assert errors[1].startswith("An error occurred when calling tool `fails`: ValueError: no")
    assert errors[2] == "Tool no_such_tool does not exists."
    assert errors[3].startswith("An error occurred when calling tool `shout`")
    codes = {finding.code for finding in fold_run(read(RAW_API))[1]}
    assert {Code.ARGS_INVALID, Code.CALL_IN_CONTENT} <= codes


def test_a_call_points_to_the_message_that_contains_it() -> None:
    pointers = [event.at.pointer for event in only(read(RAW_API), ToolCallProposed)]
    assert pointers[:2] == ["/3/function_call", "/4/function_call"]


def test_replies_of_different_agents_and_separate_texts_are_not_joined() -> None:
    reply = {"role": "assistant", "content": "Yes.", "extra": {}}
    value = [*RAW_API, reply, {**reply, "name": "other"}]
    texts = [one.text for one in messages(read(value))][-3:]
    assert texts[1:] == ["Yes.", "Yes."]


def test_text_next_to_a_call_is_kept_after_an_earlier_text() -> None:
    call = {"name": "ls", "arguments": "{}"}
    pieces = [{"content": "I look."}, {"content": "Here.", "function_call": call},
              {"content": "There.", "function_call": call}]  # fmt: skip
    events = read([*RAW_API, *({"role": "assistant", **piece} for piece in pieces)])
    assert [message.text for message in messages(events)[-3:]] == ["I look.", "Here.", "There."]
    assert [message.calls for message in messages(events)[-3:]] == [0, 1, 1]


def test_a_line_may_be_a_message_or_a_run() -> None:
    assert len(runs(read_bytes(FORMAT, lines(*RAW_API)))) == 1
    rows = lines({"messages": RAW_API, "model": "m"}, {"messages": IN_TEXT})
    assert format_of(rows) == "qwen-agent"
    both = read_bytes(FORMAT, rows)
    assert [(one.model, one.task) for one in runs(both)] == [("m", "Shout"), ("", "Shout")]
    assert started(both).details == {}


def test_odd_messages_are_reported_and_the_others_kept() -> None:
    events = read([*RAW_API, 7, {"role": "critic"}])
    assert fold_run(events)[0].defects == 2
    assert len(calls(events)) == len(calls(read(RAW_API)))


@settings(max_examples=60, deadline=None)
@given(any_json("role", "content", "function_call", "extra", "function_id", "messages", "name"))
def test_reading_never_raises(value: Any) -> None:
    for held in (value, [value], {"messages": [value]}):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, source_format="qwen-agent")
        FORMAT.read(held, build)
        assert build.events
