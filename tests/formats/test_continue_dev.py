"""Sessions of Continue: each item holds the results of its calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.continue_dev import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import CallSkipped, RunEnded, SourceDefect
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    found_codes,
    messages,
    only,
    read_bytes,
    results,
    runs,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "continue"
DATA = (FOLDER / "session.json").read_bytes()
IDS = ["call_l1", "call_r1", "call_r2", "call_b1", "call_u1", "call_s1"]


def session() -> Any:
    return json.loads(DATA)


def test_a_session_opens_with_the_results_of_its_calls() -> None:
    assert format_of(DATA) == "continue"
    events = read_bytes(FORMAT, DATA)
    assert [call.id for call in calls(events)] == IDS
    assert [one.call_id for one in results(events)] == IDS
    assert [one.error is not None for one in results(events)] == [False] * 2 + [True] * 4
    assert results(events)[4].content == "Tool Forecast not found"
    assert dialog(events)[0] == ("user", "Look at a.txt")
    assert dialog(events)[-1] == ("assistant", "The file says **hello**.")
    [first] = runs(events)
    assert (first.run_id, first.model) == (session()["sessionId"], "cn")


def test_token_counts_and_the_cost_are_those_of_the_session() -> None:
    events = read_bytes(FORMAT, DATA)
    used = [one.usage for one in messages(events) if one.usage is not None]
    assert [one.prompt_tokens for one in used] == [100, 101, 102, 103, 104, 105]
    [end] = only(events, RunEnded)
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (615, 135)
    assert end.usage.cost_usd == pytest.approx(0.000885)


def test_a_call_that_a_person_canceled_is_no_error_of_its_tool() -> None:
    value = session()
    state = value["history"][1]["toolCallStates"][0]
    state |= {"status": "canceled", "output": []}
    events = read_bytes(FORMAT, document(value))
    [skipped] = only(events, CallSkipped)
    assert (skipped.call_index, skipped.reason) == (0, "canceled")
    assert results(events)[0].error is None


def test_a_call_in_progress_has_no_result() -> None:
    value = session()
    value["history"][1]["toolCallStates"][0] |= {"status": "calling", "output": None}
    assert [one.call_id for one in results(read_bytes(FORMAT, document(value)))] == IDS[1:]


def test_an_answer_in_a_message_of_its_own_is_shown_once() -> None:
    value = session()
    answer = {"role": "tool", "toolCallId": "call_l1", "content": "a.txt"}
    value["history"].insert(2, {"message": answer, "contextItems": []})
    answers = [one for one in results(read_bytes(FORMAT, document(value))) if one.call_id == IDS[0]]
    assert [one.content for one in answers] == ["a.txt"]


def test_reasoning_is_part_of_the_reply_wherever_it_is_kept() -> None:
    value = session()
    history = value["history"]
    history[1]["reasoning"] = {"active": False, "text": "I look around.", "startAt": 1}
    history.insert(2, {"message": {"role": "thinking", "content": "Next."}, "contextItems": []})
    history.append({"message": {"role": "thinking", "content": "Cut."}, "contextItems": []})
    found = messages(read_bytes(FORMAT, document(value)))
    thoughts = [(one.text, thought.text) for one in found for thought in one.reasoning]
    assert thoughts == [("Let me look.", "I look around."), ("", "Next."), ("", "Cut.")]


def test_what_a_person_attached_is_shown_before_the_question() -> None:
    value = session()
    value["history"][0]["contextItems"] = [{"name": "a.txt", "content": "hello"}]
    events = read_bytes(FORMAT, document(value))
    assert dialog(events)[0] == ("user", "hello\nLook at a.txt")
    assert runs(events)[0].task == "Look at a.txt"


def test_a_summary_of_the_conversation_is_marked() -> None:
    value = session()
    value["history"][-1]["conversationSummary"] = "They looked at a.txt."
    last = messages(read_bytes(FORMAT, document(value)))[-1]
    assert (last.text, last.flags) == ("They looked at a.txt.", ("compaction",))


def test_calls_that_only_their_states_hold_are_read() -> None:
    value = session()
    del value["history"][1]["message"]["toolCalls"]
    assert [call.id for call in calls(read_bytes(FORMAT, document(value)))] == IDS


def test_elements_that_are_no_items_are_reported() -> None:
    value = session()
    value["history"].append(7)
    [defect] = only(read_bytes(FORMAT, document(value)), SourceDefect)
    assert defect.at is not None
    assert defect.at.pointer == "/history/7"
    assert "TOOL_ERROR:error" in found_codes(read_bytes(FORMAT, document(value)))


@settings(max_examples=100, deadline=None)
@given(any_json("history", "message", "role", "toolCallStates", "toolCalls", "output", "status"))
def test_any_json_is_read(anything: Any) -> None:
    build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS)
    FORMAT.read(anything, build)
    FORMAT.read({"history": [anything, {"message": anything}]}, build)
    assert build.events
