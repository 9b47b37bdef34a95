"""Event logs of AG2, and results of chats of its older versions, are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.readers.ag2 import FORMAT
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts_with_errors,
    dialog,
    document,
    ended,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "ag2"


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": f"ag2.events.types.{kind}", "data": {"created_at": 1.8e9, **data}}


def test_a_log_is_a_run_with_each_call_and_result_once() -> None:
    data = (FIXTURES / "log.jsonl").read_bytes()
    assert format_of(data) == "ag2"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert counts_with_errors(events) == (1, 11, 5, 2)
    assert (runs(events)[0].task, runs(events)[0].model) == ("How is it in Oslo and Rome?", "nobad")
    assert [answer.call_id for answer in results(events)] == [one.id for one in calls(events)][:4]
    failed = [answer.error.reason for answer in results(events) if answer.error]
    assert failed == [
        "error: ZeroDivisionError: float division by zero",
        "error: ToolNotFoundError: Tool `fly` not found",
    ]
    assert "CALL_IN_CONTENT:error" in found_codes(events)
    reply = messages(events)[1]
    assert (reply.finish_reason, reply.time_s is not None) == ("tool_calls", True)
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (100, 10)


def test_a_list_of_events_with_other_events_and_media_is_read() -> None:
    kind = {"__enum__": "ag2.events.input_events.BinaryType", "value": "image"}
    parts = [
        {"content": "see"},
        {"data": {"__bytes__": "YWJj"}, "kind": kind, "media_type": "image/png"},
    ]
    data = document(
        [event("ModelRequest", parts=parts), event("HaltEvent", reason="enough"), event("x")] * 2
        + [1]
    )
    assert format_of(data) == "ag2"
    events = read_bytes(FORMAT, data)
    assert [part.text for part in messages(events)[0].parts] == [
        "see",
        "[image image/png, 3 bytes]",
    ]
    assert dialog(events)[1] == ("environment", 'HaltEvent {"reason":"enough"}')
    (defect,) = only(events, SourceDefect)
    assert defect.at.pointer == "/6"


def test_the_texts_of_a_result_have_the_roles_that_the_model_sees() -> None:
    data = (FIXTURES / "result.json").read_bytes()
    assert format_of(data) == "ag2"
    events = read_bytes(FORMAT, data)
    assert [role for role, _ in dialog(events)] == [
        "user",
        *["assistant", "tool"] * 4,
        "assistant",
        "user",
        "assistant",
    ]
    assert counts_with_errors(events) == (1, 12, 6, 3)
    assert [answer.call_id for answer in results(events)] == [one.id for one in calls(events)][:5]
    assert {"ARGS_INVALID:error", "CALL_IN_CONTENT:error"} <= set(found_codes(events))
    assert runs(events)[0].model == "full"
    used = ended(events).usage
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens) == (615, 75)


def test_results_per_line_are_runs() -> None:
    result = json.loads((FIXTURES / "result.json").read_bytes())
    assert len(runs(read_bytes(FORMAT, lines(result, result)))) == 2


@given(any_json("content", "parts"), any_json("type", "data", "chat_history", "role"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    history = [{"role": "user", "content": inner}] * 4
    for found in (
        value,
        event("ModelRequest", parts=value),
        event("ModelRequest", parts=[value, {"kind": inner, "url": value}, {"data": inner}]),
        event("ModelResponse", message=value, tool_calls={"calls": [value, inner]}, usage=inner),
        event("ModelResponse", tool_calls=value, usage={"data": value}, model=inner),
        event("ToolErrorEvent", error=value, result={"data": value}, parent_id=inner),
        event("ToolResultEvent", error={"message": value}, result=inner, name=value),
        {"chat_history": [*history, value], "summary": value, "cost": {"x": inner}},
        {"chat_history": history, "summary": inner, "cost": value},
    ):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        read_value(FORMAT, [found])
