"""Histories of agents of fast-agent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.fast_agent import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import (
    Event,
    RequestFailed,
    RunEnded,
    SourceDefect,
    ToolCallProposed,
    ToolReturned,
)
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.sidecars import read_sidecars
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    ended,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "fast_agent"
FORECASTER = FOLDER / "history_forecaster.json"


def read(path: Path) -> list[Event]:
    data = path.read_bytes()
    assert format_of(data) == "fast-agent"
    return read_bytes(FORMAT, data)


def read_with_session(path: Path) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1), sidecars=read_sidecars(FORMAT, path))
    FORMAT.read(json.loads(path.read_bytes()), build)
    return build.events


def test_a_history_is_a_run_with_its_calls_and_results() -> None:
    events = read(FORECASTER)
    assert only(events, SourceDefect) == []
    assert dialog(events) == [
        ("user", "What is the weather in Zürich and in Atlantis?"),
        ("assistant", "I will look at both cities."),
        ("tool", "Zürich: 21 °C, clear"),
        ("tool", "Error: no such city: Atlantis"),
        ("assistant", ""),
        ("tool", "Tool 'forecast' is not available. Available tools: weather."),
        ("assistant", "Zürich: 21 °C, clear ☀. Atlantis is not known."),
        ("user", "And in Basel?"),
        ("assistant", messages(events)[8].text),
        ("user", "Say something long"),
        ("assistant", "cut in the mid"),
    ]
    assert [(call.id, call.name, call.arguments) for call in calls(events)] == [
        ("call_a1", "weather", {"city": "Zürich"}),
        ("call_a2", "weather", {"city": "Atlantis"}),
        ("call_c1", "forecast", {"city": "Bern"}),
        (None, "weather", {"city": "Basel"}),
    ]
    assert [(one.call_id, one.name) for one in results(events)] == [
        (call.id, call.name) for call in calls(events)[:3]
    ]
    assert [one.error is not None for one in results(events)] == [False, True, True]
    assert results(events)[0].duration_s is not None
    assert messages(events)[1].reasoning[0].text == "Two cities: two calls at once."
    codes = {finding.code for finding in fold_run(events)[1]}
    assert codes == {
        Code.CALL_IN_CONTENT,
        Code.REQUEST_ERROR,
        Code.TOOL_ERROR,
        Code.TRUNCATED,
    }


def test_calls_and_results_are_located_by_their_ids() -> None:
    events = read(FORECASTER)
    second = only(events, ToolCallProposed)[1]
    assert second.at.pointer == "/messages/1/tool_calls/call_a2"
    assert second.call.raw["params"]["name"] == "weather"
    returned = only(events, ToolReturned)[1]
    assert returned.at.pointer == "/messages/2/tool_results/call_a2"
    assert returned.result.raw["isError"] is True


def test_a_reply_has_the_tokens_of_all_its_requests_and_a_retry_is_a_failed_request() -> None:
    events = read(FORECASTER)
    [failure] = only(events, RequestFailed)
    assert failure.message == "ValueError: trailing comma at line 1 column 17"
    assert failure.retryable
    second = [one for one in messages(events) if one.role == "assistant"][1]
    assert second.usage is not None
    assert (second.usage.prompt_tokens, second.usage.completion_tokens) == (230, 43)
    assert (second.usage.cached_tokens, second.usage.reasoning_tokens) == (128, 0)
    row = summarise(fold_run(events)[0])
    assert (row.prompt_tokens, row.completion_tokens) == (750, 135)


def test_a_request_that_failed_is_followed_by_the_reply_that_was_put_in() -> None:
    events = read(FOLDER / "history_breaker.json")
    failures = only(events, RequestFailed)
    assert [one.retryable for one in failures] == [True, True, False]
    assert failures[-1].message.endswith("(code: 500): The engine is overloaded")
    last = messages(events)[-1]
    assert last.flags == ("injected",)
    assert last.text.startswith("I hit an internal error")
    assert ended(events).status == "error"
    _, found = fold_run(events)
    assert [one.code for one in found if one.severity is Severity.ERROR] == [Code.REQUEST_ERROR]
    assert only(read(FORECASTER), RunEnded) == []


def test_the_file_of_the_session_has_the_prompt_and_the_name_of_the_agent() -> None:
    events = read_with_session(FORECASTER)
    run = started(events)
    assert (run.model, run.details["agent"], run.details["cwd"]) == (
        "plain",
        "forecaster",
        "/home/user/demo",
    )
    assert run.details["titles"] == ["Weather of cities"]
    assert dialog(events)[0] == ("system", "Answer briefly.")
    assert started(read(FORECASTER)).model == "plain"


def test_the_agent_is_unknown_if_several_have_its_model() -> None:
    session = json.loads((FOLDER / "session.json").read_bytes())
    agents = session["continuation"]["agents"]
    agents["boss"]["model"] = "plain"
    build = RunBuilder(ByteRange(0, 1), sidecars={"session.json": session})
    FORMAT.read(json.loads(FORECASTER.read_bytes()), build)
    assert "agent" not in started(build.events).details
    assert dialog(build.events)[0][0] == "user"


def test_results_are_shown_before_the_text_of_their_message() -> None:
    result = {"content": [], "structuredContent": {"n": 1}, "isError": False}
    block = {"type": "text", "text": "And now?"}
    history = {
        "messages": [
            {
                "role": "assistant",
                "content": [],
                "tool_calls": {"a/b": {"params": {"name": "count"}}},
            },
            {"role": "user", "content": [block], "tool_results": {"a/b": result}},
        ]
    }
    events = read_bytes(FORMAT, document(history))
    assert dialog(events) == [("assistant", ""), ("tool", '{"n":1}'), ("user", "And now?")]
    assert [(call.arguments, call.id) for call in calls(events)] == [({}, "a/b")]
    assert only(events, ToolReturned)[0].at.pointer == "/messages/1/tool_results/a~1b"


def test_messages_of_templates_and_compactions_are_flagged() -> None:
    content = [{"type": "text", "text": "Sum"}]
    channels = {"fast-agent-compaction": [{"type": "text", "text": "{}"}]}
    history = {
        "messages": [
            {"role": "user", "content": content, "is_template": True},
            {"role": "user", "content": content, "channels": channels},
            "odd",
        ]
    }
    events = read_value(FORMAT, history)
    assert [one.flags for one in messages(events)] == [("template",), ("compaction",)]
    assert [one.at.pointer for one in only(events, SourceDefect)] == ["/messages/2"]


def test_each_line_of_histories_is_a_run() -> None:
    history = json.loads(FORECASTER.read_bytes())
    assert len(runs(read_bytes(FORMAT, lines(history, history)))) == 2


def test_messages_without_anything_of_fast_agent_are_not_its_own() -> None:
    block = {"type": "text", "text": "hi"}
    plain = {"messages": [{"role": "user", "content": [block]}]}
    assert format_of(document(plain)) != "fast-agent"


@given(
    any_json("id", "params", "name", "arguments", "content", "isError", "text"),
    any_json("fast-agent-usage", "provider_attempts", "prompt", "retries", "text"),
)
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    block = {"type": "text", "text": json.dumps({"provider_attempts": inner, "retries": inner})}
    names = ("usage", "timing", "tool-timing", "retry", "error", "provider-error")
    channels = {f"fast-agent-{name}": [block] for name in names} | {"reasoning": value}
    reply = {"role": "assistant", "content": [value], "tool_calls": {"a": value}}
    rows = (
        value,
        {**reply, "channels": channels, "stop_reason": "error"},
        {**reply, "tool_calls": value, "channels": inner, "stop_reason": inner},
        {"role": "user", "content": [], "tool_results": {"a": value, "": inner}},
        {"role": "user", "content": [inner], "tool_results": value, "timestamp": inner},
    )
    FORMAT.sniff(sample({"messages": list(rows)}))
    session = {"continuation": {"agents": {"a": value, "b": {"model": inner}}}, "metadata": inner}
    for unit in Unit:
        read_value(FORMAT, {"messages": list(rows)}, unit)
        read_value(FORMAT, value, unit)
    for sidecar in (session, value):
        build = RunBuilder(ByteRange(0, 1), sidecars={"session.json": sidecar})
        FORMAT.read({"messages": [*rows, value]}, build)
