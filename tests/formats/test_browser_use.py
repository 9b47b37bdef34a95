"""Histories of browser-use are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.readers.browser_use import FORMAT
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import RequestFailed, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    codes,
    counts_with_errors,
    dialog,
    document,
    ended,
    format_of,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "browser_use"


def test_actions_are_calls_and_results_answer_them_by_their_places() -> None:
    data = (FIXTURES / "history.json").read_bytes()
    assert format_of(data) == "browser-use"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert runs(events)[0].task == "How is it in Oslo and Rome?"
    assert [one.name for one in calls(events)] == ["get_weather", "get_weather", "divide", "done"]
    assert [one.call_id for one in results(events)] == [one.id for one in calls(events)]
    assert results(events)[1].content == "Rome: 3 degrees"
    assert results(events)[2].error is not None
    reply = messages(events)[1]
    assert (
        reply.text == "evaluation previous goal: Start.\nmemory: nothing yet\nnext goal: ask both"
    )
    assert reply.reasoning[0].text == "Two cities."
    assert (ended(events).status, ended(events).stop_reason) == ("ok", "done")
    assert ended(events).ts is not None


def test_replies_that_are_not_valid_are_reported_as_lost() -> None:
    events = read_bytes(FORMAT, (FIXTURES / "history.json").read_bytes())
    lost = [
        found.message
        for event in events
        for found in event.diagnostics
        if found.code is Code.REPLY_SHAPE
    ]
    assert [text.partition(" [")[0] for text in lost] == [
        "the reply is lost: Invalid JSON: trailing comma at line 1 column 62",
        "the reply is lost: 50 validation errors for AgentOutput",
    ]


def test_requests_that_failed_are_reported() -> None:
    data = (FIXTURES / "refused.json").read_bytes()
    assert format_of(data) == "browser-use"
    events = read_bytes(FORMAT, data)
    assert [one.message for one in only(events, RequestFailed)] == ["Connection error."] * 3


def test_actions_after_an_error_are_unanswered_and_older_versions_are_read() -> None:
    goals = {"evaluation_previous_goal": "ok", "memory": "m", "next_goal": "n"}
    action = [{"click": {"index": 3}, "interacted_element": {}}, {"wait": {}, "done": None}]
    step = {
        "model_output": {"current_state": goals, "action": action},
        "result": [{"is_done": False, "error": "no such element"}],
        "state": {"url": "http://x", "title": "X"},
    }
    judged = {"is_done": True, "success": True, "judgement": {"verdict": False}}
    last = {**step, "result": [judged], "model_output": {"action": [{"done": {}}]}}
    events = read_bytes(FORMAT, document({"history": [step, last, step, last, last, 1]}))
    assert [(one.name, one.arguments) for one in calls(events)][:2] == [
        ("click", {"index": 3}),
        ("wait", {}),
    ]
    assert dialog(events)[:2] == [
        ("environment", "X: http://x"),
        ("assistant", "evaluation previous goal: ok\nmemory: m\nnext goal: n"),
    ]
    assert Code.TOOL_ERROR in codes(events)
    assert counts_with_errors(events)[2:] == (7, 2)
    (defect,) = only(events, SourceDefect)
    assert defect.at.pointer == "/history/5"
    judged_last = read_bytes(FORMAT, document({"history": [step, last]}))
    assert ended(judged_last).status == "failed"


def test_other_lists_called_history_are_not_taken() -> None:
    said = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    assert format_of(json.dumps({"history": said}).encode()) != "browser-use"


@given(any_json("thinking", "action"), any_json("history", "model_output", "result", "error"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    step = {"model_output": {"action": [value, {"a": inner}], "memory": value}, "state": {}}
    for found in (
        value,
        {"history": value},
        {"history": [{**step, "result": [value, inner, {"error": value}]}]},
        {"history": [{**step, "model_output": None, "result": [{"error": "x"}, value]}]},
        {"history": [{**step, "result": [{"is_done": True, "judgement": value}]}, inner]},
        {"history": [{**step, "result": inner, "metadata": value, "state_message": inner}]},
        {"history": [{**step, "state": inner, "model_output": {"current_state": value}}]},
    ):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
