"""Items of the Responses API, alone, in requests and replies, and in sessions of the Agents SDK."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.responses import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed, ResponseReceived, SourceDefect, ToolReturned
from hermes_tui.runtime.databases.export import export_lines
from hermes_tui.runtime.sources import open_source
from tests.bytes_source import BytesSource
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
    results,
    runs,
    sample,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "openai_agents"


def text(role: str, what: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": what}]}


REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Look it up"}],
    "encrypted_content": "QUJD",
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "weather",
    "arguments": '{"city": "Bonn"}',
}
ANSWER = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
ITEMS = [text("user", "Weather?"), REASONING, CALL, ANSWER, text("assistant", "It rains.")]
REPLY = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1759222800,
    "model": "gpt-example",
    "status": "completed",
    "instructions": "Be brief.",
    "output": [REASONING, CALL],
    "tools": [{"type": "function", "name": "weather", "parameters": {"type": "object"}}],
    "usage": {
        "input_tokens": 55,
        "output_tokens": 15,
        "output_tokens_details": {"reasoning_tokens": 8},
    },
    "error": None,
    "incomplete_details": None,
}
REQUEST = {"model": "gpt-example", "instructions": "Be brief.", "input": ITEMS}


@pytest.mark.parametrize(
    "data",
    [
        lines(*ITEMS),
        document(ITEMS),
        json.dumps(ITEMS).encode(),
        document({"object": "list", "data": ITEMS, "has_more": False}),
    ],
    ids=["item per line", "list", "list on one line", "listed by the API"],
)
def test_every_container_of_items_is_one_run(data: bytes) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("responses-items", ())
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 4, 1)
    assert runs(events)[0].task == "Weather?"


def test_items_between_two_outputs_are_one_reply() -> None:
    reply = messages(read_value(FORMAT, ITEMS))[1]
    assert (reply.role, reply.calls) == ("assistant", 1)
    assert [piece.kind for piece in reply.reasoning] == ["summary", "encrypted"]


def test_calls_pair_by_call_id_and_point_to_their_item() -> None:
    events = read_value(FORMAT, ITEMS)
    (call,) = calls(events)
    assert (call.id, call.arguments_text, call.raw) == ("call_1", CALL["arguments"], CALL)
    (answer,) = results(events)
    assert (answer.call_id, answer.content, answer.raw) == ("call_1", "rain", ANSWER)
    places = [event.at.pointer for event in events if event.at]
    assert places == ["", "/0", "/1", "/2", "/3", "/3", "/4"]
    assert not fold_run(events)[0].codes


def test_items_of_a_reply_on_separate_lines_keep_their_locations() -> None:
    events = read_bytes(FORMAT, lines(*ITEMS))
    starts = [event.at.range.start for event in events if event.at]
    assert starts == sorted(starts)
    assert len(set(starts)) == len(ITEMS)


def test_arguments_that_do_not_parse_are_still_a_call() -> None:
    events = read_value(FORMAT, [{**CALL, "arguments": '{"city": '}])
    assert calls(events)[0].arguments_text == '{"city": '
    assert "ARGS_INVALID:error" in found_codes(events)


def test_built_in_tool_calls_are_calls_with_their_results() -> None:
    shell = {"type": "shell_call", "call_id": "s1", "action": {"commands": ["ls"]}}
    ends = [{"stdout": "", "stderr": "no", "outcome": {"type": "exit", "exit_code": 2}}]
    patch = {"type": "apply_patch_call", "call_id": "p1", "operation": {"type": "delete_file"}}
    events = read_value(
        FORMAT,
        [
            shell,
            patch,
            {"type": "custom_tool_call", "call_id": "c1", "name": "sql", "input": "SELECT"},
            {"type": "shell_call_output", "call_id": "s1", "output": ends},
            {"type": "apply_patch_call_output", "call_id": "p1", "status": "failed"},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "0 rows"},
        ],
    )
    named = [(call.name, call.id, call.arguments_text) for call in calls(events)]
    assert named == [
        ("shell", "s1", '{"commands":["ls"]}'),
        ("apply_patch", "p1", '{"type":"delete_file"}'),
        ("sql", "c1", "SELECT"),
    ]
    found = results(events)
    assert [result.exit_code for result in found] == [2, None, None]
    assert [bool(result.error) for result in found] == [True, True, False]


def test_a_call_that_the_server_answers_is_followed_by_its_result() -> None:
    asked = {"name": "search", "arguments": '{"q": "x"}', "server_label": "docs"}
    failed = {"type": "mcp_call", "id": "mcp_1", **asked, "output": None, "error": "no access"}
    code = {"type": "code_interpreter_call", "id": "ci_1", "code": "1 + 1"}
    code["outputs"] = [{"type": "logs", "logs": "2"}]  # type: ignore[assignment]
    events = read_value(FORMAT, [failed, code, text("assistant", "Two.")])
    assert counts(events) == (1, 5, 2)
    assert [call.id for call in calls(events)] == ["mcp_1", "ci_1"]
    first, second = results(events)
    assert (first.call_id, first.error is not None) == ("mcp_1", True)
    assert (second.call_id, second.content, second.error) == ("ci_1", "2", None)
    assert "CALL_UNANSWERED" not in fold_run(events)[0].codes


def test_server_side_actions_are_shown() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "action": {"query": "weather"}}
    (message,) = messages(read_value(FORMAT, [search]))
    assert (message.role, message.calls) == ("assistant", 0)
    assert "weather" in message.parts[0].text


def test_a_reply_keeps_its_instructions_tools_and_usage() -> None:
    events = read_bytes(FORMAT, document(REPLY))
    (start,) = runs(events)
    assert (start.run_id, start.model, start.ts) == ("resp_1", "gpt-example", 1759222800.0)
    assert [tool.name for tool in start.tools] == ["weather"]
    assert dialog(events) == [("system", "Be brief."), ("assistant", "")]
    (received,) = only(events, ResponseReceived)
    assert (received.usage.prompt_tokens, received.usage.reasoning_tokens) == (55, 8)
    assert ended(events).usage == received.usage


def test_a_request_without_its_reply_is_read() -> None:
    events = read_bytes(FORMAT, document(REQUEST))
    assert counts(events) == (1, 5, 1)
    assert messages(events)[0].role == "system"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"error": {"code": "server_error", "message": "boom"}, "status": "failed"}, "error"),
        ({"incomplete_details": {"reason": "max_output_tokens"}}, "truncated"),
        ({"incomplete_details": {"reason": "content_filter"}}, "error"),
        ({"status": "cancelled"}, "error"),
    ],
)
def test_an_incomplete_reply_gives_the_reason(changes: dict[str, Any], status: str) -> None:
    events = read_bytes(FORMAT, document({**REPLY, **changes}))
    assert ended(events).status == status
    assert [failed.message for failed in only(events, RequestFailed)] == (
        ["boom"] if "error" in changes else []
    )
    is_cut = "incomplete_details" in changes
    assert ("TRUNCATED:error" in found_codes(events)) is is_cut


def test_replies_of_one_conversation_share_a_group() -> None:
    reply = {**REPLY, "conversation": {"id": "conv_1"}}
    events = read_bytes(FORMAT, lines(reply, {**reply, "id": "resp_2"}))
    assert [(run.run_id, run.group_id) for run in runs(events)] == [
        ("resp_1", "conv_1"),
        ("resp_2", "conv_1"),
    ]


def test_values_that_are_not_items_are_reported() -> None:
    events = read_value(FORMAT, [7, "hello", {"type": "brand_new", "x": 1}])
    assert dialog(events) == [("unknown", "7"), ("user", "hello"), ("assistant", "")]
    assert "brand_new" in messages(events)[2].parts[0].text
    assert "UNKNOWN_ROLE:warning" in found_codes(events)
    (defect,) = only(read_value(FORMAT, {"object": "list"}), SourceDefect)
    assert defect.excerpt


@pytest.mark.parametrize(
    "value",
    [
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}],
        {"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"},
        {"object": "list", "data": [{"id": "gpt-example", "object": "model"}]},
        {"input": "2 + 2", "output": "4"},
    ],
    ids=["chat", "reply of another API", "list of models", "exchange"],
)
def test_data_of_other_apis_is_not_claimed(value: Any) -> None:
    assert FORMAT.sniff(sample(value)) is None
    assert FORMAT.sniff(sample(*value if isinstance(value, list) else [value])) is None


def sessions_db(path: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE agent_sessions (session_id TEXT PRIMARY KEY, created_at TEXT)")
    connection.execute(
        "CREATE TABLE agent_messages (id INTEGER PRIMARY KEY, session_id TEXT, message_data TEXT)"
    )
    connection.execute("INSERT INTO agent_sessions VALUES ('b', '2026-01-02 03:04:05')")
    for number, item in enumerate(ITEMS):
        row = (10 - number, "b", json.dumps(item))
        connection.execute("INSERT INTO agent_messages VALUES (?, ?, ?)", row)
    connection.execute("INSERT INTO agent_messages VALUES (50, 'a', '{broken')")
    connection.commit()
    connection.close()
    return path


def test_each_session_of_the_agents_sdk_is_a_run(tmp_path: Path) -> None:
    path = sessions_db(tmp_path / "sessions.db")
    first, second = (json.loads(line) for line in export_lines(path))
    assert (first["session_id"], first["items"]) == ("a", ["{broken"])
    assert [item["type"] for item in second["items"]][-1] == "message"
    source = open_source(path)
    while not source.complete:
        source.refresh()
    detection = detect(source, formats())
    source.close()
    assert detection.reader is not None
    assert detection.reader.name == "responses-items"
    events = read_value(FORMAT, second)
    assert counts(events) == (1, 4, 1)
    assert runs(events)[0].run_id == "b"
    assert runs(events)[0].ts == 1767323045.0
    assert dialog(read_value(FORMAT, first)) == [("user", "{broken")]


def test_an_item_nested_too_deeply_does_not_hide_its_session(tmp_path: Path) -> None:
    path = sessions_db(tmp_path / "sessions.db")
    connection = sqlite3.connect(path)
    deep = "[" * 400 + "]" * 400
    connection.execute("UPDATE agent_messages SET message_data = ? WHERE session_id = 'a'", (deep,))
    connection.commit()
    connection.close()
    first, second = (json.loads(line) for line in export_lines(path))
    assert (first["_table"], first["session_id"]) == ("agent_sessions", "a")
    assert "nested too deeply" in first["items"] or first["items"].startswith("[[[")
    assert only(read_value(FORMAT, first), SourceDefect)
    assert len(second["items"]) == len(ITEMS)


@settings(max_examples=50, deadline=None)
@given(any_json("type", "role", "content", "call_id", "output", "input", "action", "outputs"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, [value], {"object": "response", "output": value, "error": value}):
        FORMAT.sniff(sample(item))
        FORMAT.sniff(sample({"input": item}))
        fold_run(read_value(FORMAT, item))
    odd = dict.fromkeys(("call_id", "name", "arguments", "output", "outputs", "code"), value)
    for kind in ("function_call", "program", "mcp_call", "code_interpreter_call", "reasoning"):
        whole = {**odd, "type": kind, "summary": value, "action": value, "instructions": value}
        fold_run(read_value(FORMAT, [whole, {**whole, "type": f"{kind}_output"}]))
        fold_run(read_value(FORMAT, {**whole, "object": "response", "output": [whole]}))
    assert only(read_value(FORMAT, [ANSWER]), ToolReturned)


MODEL_RESPONSES = json.loads(
    (Path(__file__).parents[1] / "fixtures/frameworks/agents_model_responses.json").read_text()
)


def test_model_responses_of_the_agents_sdk_are_separate_replies() -> None:
    events = read_bytes(FORMAT, document(MODEL_RESPONSES))
    asked = [
        (item["call_id"], item["name"])
        for reply in MODEL_RESPONSES
        for item in reply["output"]
        if item["type"] == "function_call"
    ]
    assert [(call.id, call.name) for call in calls(events)] == asked
    assert counts(events) == (3, 3, 3)
    counted = [event.usage.prompt_tokens for event in only(events, ResponseReceived)]
    assert counted == [reply["usage"]["input_tokens"] for reply in MODEL_RESPONSES]


def test_a_model_response_without_tool_results_is_not_unanswered() -> None:
    events = read_bytes(FORMAT, document(MODEL_RESPONSES[0]))
    _, found = fold_run(events)
    assert found == []


def of_javascript(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", ["history_js", "new_items_js"])
def test_items_of_the_sdk_for_javascript_are_read_with_their_answers(name: str) -> None:
    assert format_of(of_javascript(name)) == "responses-items"
    events = read_bytes(FORMAT, of_javascript(name))
    assert [call.id for call in calls(events)] == ["call_w1", "call_w2"]
    assert [one.call_id for one in results(events)] == ["call_w1", "call_w2"]
    assert results(events)[0].content == '{"city":"Paris","celsius":18}'
    thoughts = [thought.text for one in messages(events) for thought in one.reasoning]
    assert thoughts == ["I need the weather first."]
    assert dialog(events)[-1] == ("assistant", "Paris is 18 C, Oslo is 7 C.")


def test_a_call_of_the_sdk_for_javascript_keeps_the_value_of_the_file() -> None:
    value = json.loads(of_javascript("history_js"))
    first, _ = calls(read_bytes(FORMAT, document(value)))
    assert first.raw == value[2]


def test_an_approval_of_the_sdk_for_javascript_repeats_no_call() -> None:
    value = json.loads(of_javascript("new_items_js"))
    value.insert(2, {**value[1], "type": "tool_approval_item"})
    assert len(calls(read_bytes(FORMAT, document(value)))) == 2


def test_model_responses_of_the_sdk_for_javascript_are_replies() -> None:
    assert format_of(of_javascript("model_responses_js")) == "responses-items"
    events = read_bytes(FORMAT, of_javascript("model_responses_js"))
    assert [(one.run_id, one.model) for one in runs(events)] == [
        ("chatcmpl-0", "good-2025"),
        ("chatcmpl-1", "good-2025"),
    ]
    assert [call.id for call in calls(events)] == ["call_w1", "call_w2"]
    used = [one.usage.prompt_tokens for one in only(events, ResponseReceived)]
    assert used == [100, 101]
    assert len([one for one in messages(events) if one.reasoning]) == 1
