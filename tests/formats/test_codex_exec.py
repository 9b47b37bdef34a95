"""Events of `codex exec --json`: items begin, continue and end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.readers.codex_exec import FORMAT
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.events import RequestFailed, SourceDefect, ToolReturned
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
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
    runs,
    sample,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "codex"
START = {"type": "thread.started", "thread_id": "t1"}


def item(kind: str, what: str = "completed", **more: Any) -> dict[str, Any]:
    return {"type": f"item.{what}", "item": {"id": "i", "type": kind, **more}}


def test_a_stream_of_codex_is_one_run_with_its_calls() -> None:
    data = (FIXTURES / "exec_full.jsonl").read_bytes()
    assert format_of(data) == "codex-exec"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert counts(events) == (1, 6, 1)
    assert [text for role, text in dialog(events) if role == "assistant"] == [
        "TEXT-0",
        "TEXT-1",
        "TEXT-2",
        "FINAL 42",
    ]
    assert [one.text for one in messages(events)[1].reasoning] == ["REASON-0"]
    [call], [answer] = calls(events), only(events, ToolReturned)
    assert (call.name, call.arguments) == (
        "command_execution",
        {"command": "/bin/bash -lc 'echo OUT; exit 3'"},
    )
    assert (answer.result.content, answer.result.call_id) == ("OUT\n", call.id)
    assert "TOOL_ERROR:warning" in found_codes(events)
    row = summarise(fold_run(events)[0])
    assert (row.prompt_tokens, row.completion_tokens, row.turns) == (510, 60, 4)
    assert runs(events)[0].run_id == "01a20324-5c3c-7b31-845f-2a38ff082108"


def test_a_failed_turn_is_reported_once_and_a_retried_request_is_a_warning() -> None:
    events = read_bytes(FORMAT, (FIXTURES / "exec_fail.jsonl").read_bytes())
    assert [one.retryable for one in only(events, RequestFailed)] == [True, False]
    codes = [code for code in found_codes(events) if code.startswith("REQUEST")]
    assert codes == ["REQUEST_ERROR:warning", "REQUEST_ERROR:error"]
    assert (ended(events).status, ended(events).stop_reason[:9]) == ("error", "We’re cur")


def test_parallel_calls_belong_to_one_message() -> None:
    first = {"command": "a", "aggregated_output": "A", "exit_code": 0}
    started_item = {"type": "item.started", "item": {"id": "j", "type": "web_search", "query": "q"}}
    done = {**started_item, "type": "item.completed"}
    rows = [START, item("command_execution", "started", **first), started_item, done]
    events = read_bytes(FORMAT, lines(*rows, item("command_execution", **first)))
    assert counts(events) == (1, 3, 2)
    assert [answer.result.content for answer in only(events, ToolReturned)] == ["completed", "A"]


def test_results_and_failures_of_mcp_servers_are_read() -> None:
    fields = {"server": "db", "tool": "query", "arguments": {"sql": "x"}, "status": "completed"}
    shown = {"content": [{"type": "text", "text": "rows"}], "structured_content": None}
    rows = [START, item("mcp_tool_call", **fields, result=shown)]
    failed = item("mcp_tool_call", **fields | {"status": "failed"}, error={"message": "no table"})
    failed["item"]["id"] = "k"
    events = read_bytes(FORMAT, lines(*rows, failed))
    assert [(call.name, call.arguments) for call in calls(events)] == [
        ("db.query", {"sql": "x"})
    ] * 2
    assert [answer.result.content for answer in only(events, ToolReturned)] == ["rows", "no table"]
    assert found_codes(events) == ["TOOL_ERROR:error"]


def test_a_todo_list_is_shown_whenever_it_changes() -> None:
    listed = [{"text": "look", "completed": False}]
    done = [{"text": "look", "completed": True}]
    rows = [START, item("todo_list", "started", items=listed), item("todo_list", items=done)]
    events = read_bytes(FORMAT, document([*rows, item("todo_list", items=done)]))
    assert dialog(events) == [("environment", "[ ] look"), ("environment", "[x] look")]


@given(any_json("id", "text"), any_json("message", "content"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    kinds = ("command_execution", "mcp_tool_call", "todo_list", "agent_message", "error")
    rows = [item(kind, text=value, items=inner, error=value, result=inner) for kind in kinds]
    for found in (
        value,
        {"type": "item.completed", "item": value},
        {"type": "error", "message": 1},
    ):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        read_value(FORMAT, [START, found, *rows, {"type": "turn.failed", "error": inner}])


def test_invalid_events_are_reported_and_unknown_kinds_shown() -> None:
    new = {"type": "new.kind", "text": "hello"}
    events = read_bytes(FORMAT, lines(START, item("new_item", text="hi"), new, 7))
    assert [one.excerpt for one in only(events, SourceDefect)] == ["7"]
    assert [message.author for message in messages(events)] == ["new_item", "new.kind"]
