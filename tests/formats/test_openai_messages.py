"""Chat messages in every container give the same runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.readers.openai_messages import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed, ResponseReceived, RunEnded, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    lines,
    only,
    read_bytes,
    read_value,
    runs,
    sniffed,
)

USER = {"role": "user", "content": "list the files\nplease"}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"path": "."}'}}
    ],
}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "a.txt"}
CHAT = [USER, CALL, RESULT]


@pytest.mark.parametrize(
    ("data", "run_count"),
    [
        (document(CHAT), 1),
        (lines(CHAT), 1),
        (lines(*CHAT), 1),
        (lines(CHAT, CHAT), 2),
        (document([CHAT, CHAT]), 2),
        (document({"messages": CHAT}), 1),
        (lines({"messages": CHAT}, {"messages": CHAT}), 2),
        (document([{"messages": CHAT}, {"messages": CHAT}]), 2),
        (document({"messages": [CHAT, CHAT]}), 2),
        (lines({"messages": str(document(CHAT), "utf-8")}), 1),
    ],
    ids=[
        "array",
        "one line",
        "message per line",
        "list per line",
        "list of lists",
        "wrapped",
        "wrapped lines",
        "list of wrapped",
        "wrapped lists",
        "messages as a JSON string",
    ],
)
def test_every_container_gives_the_same_run(data: bytes, run_count: int) -> None:
    events = read_bytes(FORMAT, data)
    assert counts(events) == (run_count, 3 * run_count, run_count)
    assert dialog(events)[0] == ("user", "list the files\nplease")
    assert {call.name for call in calls(events)} == {"ls"}


def test_each_run_counts_its_events_from_zero() -> None:
    events = read_bytes(FORMAT, document([CHAT, CHAT]))
    half = len(events) // 2
    assert [event.seq for event in events] == [*range(half), *range(half)]


def test_events_of_a_one_run_file_are_numbered_throughout() -> None:
    events = read_bytes(FORMAT, lines(*CHAT))
    assert [event.seq for event in events] == list(range(len(events)))


def test_pointers_lead_to_the_messages() -> None:
    events = read_bytes(FORMAT, document({"messages": [CHAT, CHAT]}))
    pointers = {event.at.pointer for event in events if event.at is not None}
    assert {"/messages/0/0", "/messages/1/2"} <= pointers


def test_metadata_alongside_the_messages_describes_the_start_and_end() -> None:
    tool = {"type": "function", "function": {"name": "ls", "parameters": {"type": "object"}}}
    wrapped = {
        "messages": CHAT,
        "tools": [tool],
        "model": "hermes-4",
        "instance_id": "repo-17",
        "seed": 3,
        "reward": 0.5,
        "resolved": False,
        "exit_status": "exit_cost",
    }
    events = read_value(FORMAT, wrapped)
    started, ended = runs(events)[0], only(events, RunEnded)[0]
    assert (started.run_id, started.task, started.model) == ("repo-17", "repo-17", "hermes-4")
    assert [tool.name for tool in started.tools] == ["ls"] and started.tools_declared
    assert started.details == {"instance_id": "repo-17", "seed": 3}
    assert (ended.status, ended.stop_reason, ended.reward) == ("failed", "exit_cost", 0.5)


def test_tools_may_be_declared_in_the_system_prompt() -> None:
    system = {"role": "system", "content": 'Call them.\n<tools>[{"name": "add"}]</tools>'}
    run = runs(read_value(FORMAT, {"messages": [system, *CHAT]}))[0]
    assert [tool.name for tool in run.tools] == ["add"]


def test_tools_may_be_a_json_string_and_an_empty_list_declares_nothing() -> None:
    declared = runs(read_value(FORMAT, {"messages": CHAT, "tools": '[{"name": "ls"}]'}))[0]
    empty = runs(read_value(FORMAT, {"messages": CHAT, "tools": []}))[0]
    assert declared.tools[0].name == "ls"
    assert not empty.tools_declared


def test_the_task_defaults_to_the_first_user_message() -> None:
    long = {"role": "user", "content": "\n\n" + "x" * 500}
    assert runs(read_value(FORMAT, {"messages": CHAT}))[0].task == "list the files"
    assert len(runs(read_value(FORMAT, [long]))[0].task) == 120
    parts = {"role": "user", "content": [{"type": "text", "text": "from a part"}]}
    assert runs(read_value(FORMAT, [parts]))[0].task == "from a part"


def test_a_system_prompt_outside_the_messages_is_shown_as_one() -> None:
    events = read_value(FORMAT, {"system": "be brief", "messages": CHAT})
    assert dialog(events)[0] == ("system", "be brief")


def test_long_metadata_is_summarised_and_secrets_are_masked() -> None:
    wrapped = {
        "messages": CHAT,
        "log": ["x" * 50] * 100,
        "headers": {"Authorization": "Bearer abcd"},
    }
    details = runs(read_value(FORMAT, wrapped))[0].details
    assert details["log"] == "(100 elements)"
    assert details["headers"] == {"Authorization": "Bearer ***"}


def test_a_bare_completion_is_a_run_of_one_reply() -> None:
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": CALL}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2},
    }
    events = read_bytes(FORMAT, document(completion))
    assert counts(events) == (1, 1, 1)
    received = only(events, ResponseReceived)[0]
    assert received.finish_reason == "tool_calls"
    assert (received.usage.prompt_tokens, received.usage.completion_tokens) == (7, 2)


def test_the_error_that_a_router_adds_to_a_choice_is_the_finding_about_its_reply() -> None:
    choice = {
        "index": 0,
        "finish_reason": "error",
        "message": {"role": "assistant", "content": "I lo"},
        "error": {"code": 502, "message": "upstream timed out"},
    }
    events = read_bytes(FORMAT, document({"id": "gen-1", "choices": [choice]}))
    received = only(events, ResponseReceived)[0]
    assert received.finish_reason == "error"
    assert [(f.code, f.message) for f in fold_run(events)[1]] == [
        ("ERROR_IN_REPLY", "the reply ended in an error: upstream timed out")
    ]


@pytest.mark.parametrize(
    "foreign",
    [
        {"prompt": CHAT, "completion": CHAT, "reward": 1.0},
        {"conversations": [{"from": "human", "value": "hi"}]},
        {"tokens": [[1]], "masks": [[1]], "scores": [1], "messages": [CHAT]},
        {"messages": CHAT, "response": {"choices": []}},
        {"session_id": "s", "system_prompt": "p", "messages": CHAT},
        {"trajectory_format": "mini-swe-agent-1.1", "messages": CHAT, "info": {}},
        {"task_id": 1, "traj": CHAT},
        {"type": "user", "parentUuid": None, "message": USER},
        {"timestamp": "t", "type": "response_item", "payload": USER},
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"source": "user", "action": "message"},
        {"id": "x", "source": "cli", "started_at": 1.0, "messages": CHAT},
        {"rows": [1, 2]},
        7,
    ],
)
def test_files_of_other_formats_are_not_claimed(foreign: Any) -> None:
    assert sniffed(FORMAT, foreign) == ""
    assert sniffed(FORMAT, foreign, foreign, layout=Layout.ARRAY) == ""


def test_a_record_without_messages_is_a_defect_not_a_run() -> None:
    data = lines(*[{"messages": CHAT}] * 5, {"meta": 1})
    events = read_bytes(FORMAT, data)
    assert len(runs(events)) == 5
    assert "no chat message" in only(events, SourceDefect)[0].message


def test_an_odd_element_among_messages_is_a_defect_at_its_location() -> None:
    events = read_value(FORMAT, {"messages": [USER, 3, RESULT]})
    assert only(events, SourceDefect)[0].at.pointer == "/messages/1"
    assert counts(events) == (1, 2, 0)


def test_nan_among_the_metrics_of_a_run_is_a_note_and_not_a_defect() -> None:
    """Python's `json.dumps` writes it, so any trainer's file may have it."""
    row = {"messages": CHAT, "reward": 1.0, "metrics": {"f1": float("nan"), "loss": float("inf")}}
    for data in (lines(row, row), document([row, row])):
        events = read_bytes(FORMAT, data)
        assert only(events, SourceDefect) == []
        assert [end.reward for end in only(events, RunEnded)] == [1.0, 1.0]
        for run in runs(events):
            assert [str(note.severity) for note in run.diagnostics] == ["note", "note"]
            assert "NaN is not JSON" in run.diagnostics[0].message


@pytest.mark.parametrize(
    ("body", "message", "status"),
    [
        (
            {"error": {"message": "slow down", "type": "rate_limit", "code": 429}},
            "slow down",
            429,
        ),
        (
            {"object": "error", "message": "no such model", "type": "NotFoundError", "code": 404},
            "no such model",
            404,
        ),
        (
            {
                "error": {
                    "message": "Provider returned error",
                    "code": 502,
                    "metadata": {"raw": '{"error": {"message": "busy"}}', "provider_name": "X"},
                },
                "user_id": "u",
            },
            "Provider returned error (X: busy)",
            502,
        ),
        (
            {"id": "c", "object": "chat.completion", "choices": [], "usage": {}},
            "choices is empty: the server sent no message",
            None,
        ),
    ],
)
def test_the_body_of_a_refused_request_is_a_run_that_failed(
    body: dict[str, Any], message: str, status: int | None
) -> None:
    assert sniffed(FORMAT, body) == "runs"
    (failed,) = only(read_value(FORMAT, body, Unit.RUNS), RequestFailed)
    assert (failed.message, failed.status) == (message, status)
    assert [found.code for found in failed.diagnostics] == ["REQUEST_ERROR"]


def test_a_refused_request_has_the_hint_of_a_live_one() -> None:
    body = {"object": "error", "message": '"auto" requires --tool-call-parser to be set'}
    (failed,) = only(read_value(FORMAT, body, Unit.RUNS), RequestFailed)
    assert failed.diagnostics[0].hint.startswith("start the server again with")


@pytest.mark.parametrize(
    "other",
    [
        {"type": "turn.failed", "error": {"message": "no"}},
        {"error": {"message": "no"}, "reward": 1.0},
        {"error": "no"},
        {"object": "chat.completion.chunk", "choices": [], "usage": {}},
    ],
)
def test_other_objects_with_an_error_are_no_refused_requests(other: dict[str, Any]) -> None:
    assert not sniffed(FORMAT, other)


@given(any_json("role", "content", "messages", "choices", "message", "tools", "system"))
@settings(max_examples=150, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    assert sniffed(FORMAT, value) in ("", "runs", "parts")
    for unit in Unit:
        assert read_value(FORMAT, value, unit)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("01-openai-chat/fncall-llm-message.json", (1, 14, 6)),
        ("01-openai-chat/nonfncall-llm-message.json", (1, 10, 4)),
        ("01-openai-chat/ft_xml_example.jsonl", (3, 209)),
        ("01-openai-chat/reason_tool_use_demo_50.jsonl", (50, 274, 68)),
        ("06b-mini-swe-agent/github_issue.traj.json", (1, 22, 0)),
    ],
)
def test_real_files_match_their_manifest(
    trajectories: Path, name: str, expected: tuple[int, ...]
) -> None:
    events = read_bytes(FORMAT, (trajectories / name).read_bytes())
    assert counts(events)[: len(expected)] == expected
    assert not only(events, SourceDefect)


def test_a_type_that_is_not_a_string_does_not_break_detection() -> None:
    messages = [{"role": "user", "content": [{"type": {"x": 1}}], "type": ["y"]}]
    assert sniffed(FORMAT, {"messages": messages}) == "runs"
