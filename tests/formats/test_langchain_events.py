"""Events of LangChain's `astream_events` are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.langchain_events import FORMAT
from hermes_tui.model.events import RequestFailed, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    format_of,
    lines,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "langchain" / "events.jsonl"


def event(kind: str, run_id: str, *parents: str, **data: Any) -> dict[str, Any]:
    known = {"name": "m", "tags": [], "metadata": {}}
    return {"event": kind, "run_id": run_id, "parent_ids": list(parents), "data": data, **known}


def message(kind: str, text: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "content": text, "id": name, **more}


def test_each_agent_of_a_stream_is_a_child_run_of_its_caller() -> None:
    data = FIXTURE.read_bytes()
    assert format_of(data) == "langchain-events"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    boss, helper = runs(events)
    assert (boss.model, helper.model, helper.parent_run_id) == ("boss", "helper", boss.run_id)
    first, second = split_runs(tuple(events))[1]
    assert dialog(list(first)) == [
        ("system", "SYSTEM you are a tiny agent"),
        ("user", "Add 20 and 22, then read the note"),
        ("assistant", "TEXT-B"),
        ("tool", "SUBANSWER 42"),
        ("assistant", "FINAL the answer is 42"),
    ]
    assert dialog(list(second))[-1] == ("assistant", "SUBANSWER 42")
    assert [call.name for call in calls(events)] == ["ask", "add"]
    assert [answer.call_id for answer in results(events)] == [call.id for call in calls(events)]


def test_an_agent_nested_two_deep_is_a_child_of_its_direct_caller() -> None:
    asked = {"messages": [[message("human", "Go.", "1")]]}
    parents = ["boss", "node", "helper", "node", "hand", "node"]
    rows = [
        event("on_chat_model_start", str(depth), *parents[:depth], input=asked)
        for depth in (2, 4, 6)
    ]
    found = [(run.run_id, run.parent_run_id) for run in runs(read_bytes(FORMAT, lines(*rows)))]
    assert found == [("boss", ""), ("helper", "boss"), ("hand", "helper")]


def test_messages_after_the_last_reply_are_taken_from_the_final_state() -> None:
    asked, call = message("human", "Add.", "1"), {"name": "add", "args": {}, "id": "c1"}
    reply = message("ai", "", "2", tool_calls=[call])
    answer = message("tool", "3", "3", tool_call_id="c1")
    prompt = message("system", "Be brief.", "0")
    rows = [
        event("on_chat_model_start", "m", "root", "node", input={"messages": [[prompt, asked]]}),
        event("on_chat_model_end", "m", "root", "node", input={"messages": []}, output=reply),
        event("on_chain_end", "root", output={"messages": [asked, reply, answer]}),
    ]
    events = read_bytes(FORMAT, lines(*rows))
    assert counts(events) == (1, 4, 1)
    assert [text for _, text in dialog(events)] == ["Be brief.", "Add.", "", "3"]


def test_the_messages_of_a_request_without_a_reply_are_shown() -> None:
    asked = [message("human", "Add.", "1")]
    rows = [
        event("on_chat_model_start", "m", input={"messages": [asked]}),
        event("on_chat_model_error", "m", error={"repr": "Gone('away')"}),
    ]
    events = read_bytes(FORMAT, lines(*rows))
    assert dialog(events) == [("user", "Add.")]
    assert [one.message for one in only(events, RequestFailed)] == ["Gone('away')"]


def test_the_error_of_a_tool_that_ended_the_graph_answers_its_call() -> None:
    asked, call = message("human", "Add.", "1"), {"name": "add", "args": {}, "id": "c1"}
    reply = message("ai", "", "2", tool_calls=[call])
    failed = {"error": {"repr": "ValueError('no')"}, "tool_call_id": "c1"}
    answer = message("tool", "Error: no", "3", tool_call_id="c1", status="error")
    rows = [
        event("on_chat_model_start", "m", "root", "agent", input={"messages": [[asked]]}),
        event("on_chat_model_end", "m", "root", "agent", input={"messages": []}, output=reply),
        event("on_tool_error", "t", "root", "tools", **failed),
    ]
    [result] = results(read_bytes(FORMAT, lines(*rows)))
    assert (result.call_id, result.content) == ("c1", "ValueError('no')")
    assert result.error is not None and result.error.kind == "flag"
    handled = event("on_chain_end", "root", output={"messages": [asked, reply, answer]})
    [result] = results(read_bytes(FORMAT, lines(*rows, handled)))
    assert result.content == "Error: no"


@given(any_json("id", "content"), any_json("messages", "type"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    kinds = ("on_chat_model_start", "on_chat_model_end", "on_chat_model_error", "on_chain_end",
             "on_tool_error")  # fmt: skip
    contents = [{"messages": value}, {"messages": [inner]}, value, {"messages": [[value, inner]]}]
    rows = [event(kind, "r", "p", input=one, output=one) for kind in kinds for one in contents]
    odd = {"event": "on_x", "data": {}, "run_id": "r", "parent_ids": value, "metadata": inner}
    for found in (value, odd, [*rows, odd, value]):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        json.dumps(found)
