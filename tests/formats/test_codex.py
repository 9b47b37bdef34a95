"""Rollouts of Codex CLI: items are the transcript, and events record how calls ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.codex.reader import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import (
    CallSkipped,
    MessageAppended,
    RequestFailed,
    RunEnded,
    SourceDefect,
    ToolCallProposed,
    ToolReturned,
)
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
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


def row(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": "2026-01-02T03:04:05.000Z", "type": kind, "payload": payload}


def item(kind: str, **payload: Any) -> dict[str, Any]:
    return row("response_item", type=kind, **payload)


def event(kind: str, **payload: Any) -> dict[str, Any]:
    return row("event_msg", type=kind, **payload)


def text(role: str, what: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return item("message", role=role, content=[{"type": kind, "text": what}])


META = row("session_meta", id="s1", timestamp="2026-01-02T03:04:00Z", cwd="/x", cli_version="0.9")
TURN = row("turn_context", model="gpt-example", approval_policy="never")
CALL = item("function_call", id="fc_1", call_id="c1", name="shell", arguments='{"command": ["ls"]}')
OUTPUT = json.dumps({"output": "a.txt", "metadata": {"exit_code": 2, "duration_seconds": 0.5}})
ROLLOUT = [
    META,
    text("user", "<environment_context>zsh</environment_context>"),
    text("user", "List the files"),
    event("user_message", message="List the files"),
    TURN,
    item("reasoning", summary=[{"type": "summary_text", "text": "List"}], encrypted_content="QUI="),
    CALL,
    item("function_call_output", call_id="c1", output=OUTPUT),
    text("assistant", "One file."),
    event("agent_message", message="One file."),
]
TOKENS = {"input_tokens": 90, "cached_input_tokens": 40, "output_tokens": 8}


def results(*rows: dict[str, Any]) -> list[Any]:
    return [found.result for found in only(read_bytes(FORMAT, lines(META, *rows)), ToolReturned)]


def test_items_are_messages_and_events_that_repeat_them_are_not() -> None:
    events = read_bytes(FORMAT, lines(*ROLLOUT))
    assert counts(events) == (1, 5, 1)
    (start,) = runs(events)
    assert (start.run_id, start.model, start.task) == ("s1", "gpt-example", "List the files")
    assert start.details == {"cwd": "/x", "cli_version": "0.9", "approval_policy": "never"}
    assert messages(events)[0].flags == ("injected",)
    assert dialog(events)[-1] == ("assistant", "One file.")


@pytest.mark.parametrize(
    "above",
    ["\n# Files mentioned by the user:\n\n## a.txt: /x/a.txt\n", "# Context from my IDE setup:\n"],
)
def test_the_task_is_the_request_below_the_headings_of_an_editor(above: str) -> None:
    asked = f"{above}\n## My request for Codex:\nSum it up\n"
    events = read_bytes(FORMAT, lines(META, event("user_message", message=asked)))
    assert runs(events)[0].task == "Sum it up"
    assert dialog(events) == [("user", asked)]


@pytest.mark.parametrize(
    ("asked", "task"),
    [
        ("# Files\n\n## My request for Codex:\n  \n", "# Files"),
        ("Explain\n## My request for Codex:\nthis heading", "Explain"),
    ],
)
def test_a_heading_without_a_request_or_within_one_is_not_a_task(asked: str, task: str) -> None:
    assert runs(read_bytes(FORMAT, lines(META, text("user", asked))))[0].task == task


def test_results_are_paired_by_call_id_and_not_by_item_id() -> None:
    events = read_bytes(FORMAT, lines(*ROLLOUT))
    (call,) = calls(events)
    assert (call.name, call.id, call.arguments) == ("shell", "c1", {"command": ["ls"]})
    assert not [code for code in found_codes(events) if "ORPHAN" in code]


def test_reasoning_has_a_summary_and_an_encrypted_piece() -> None:
    pieces = messages(read_bytes(FORMAT, lines(*ROLLOUT)))[2].reasoning
    assert [piece.kind for piece in pieces] == ["summary", "encrypted"]
    assert pieces[0].text == "List"


def test_parallel_calls_are_one_reply_and_each_is_located_on_its_line() -> None:
    second = item("function_call", call_id="c2", name="shell", arguments="{}")
    outputs = [item("function_call_output", call_id=name, output="x") for name in ("c1", "c2")]
    events = read_bytes(FORMAT, lines(META, CALL, event("token_count"), second, *outputs))
    assert counts(events) == (1, 3, 2)
    state, _ = fold_run(events)
    assert {Code.RESULT_ORPHAN, Code.CALL_UNANSWERED}.isdisjoint(state.codes)
    first, other = only(events, ToolCallProposed)
    assert first.at.range.end < other.at.range.start


def test_an_output_in_json_gives_its_text_exit_code_and_duration() -> None:
    (found,) = results(CALL, item("function_call_output", call_id="c1", output=OUTPUT))
    assert (found.content, found.exit_code, found.duration_s) == ("a.txt", 2, 0.5)
    assert found.raw["output"] == OUTPUT


def test_an_output_in_text_gives_its_exit_code_and_wall_time() -> None:
    output = "Chunk ID: 1\nWall time: 1.25 seconds\nProcess exited with code 3\nOutput:\nno"
    (found,) = results(CALL, item("function_call_output", call_id="c1", output=output))
    assert (found.exit_code, found.duration_s) == (3, 1.25)


def test_exit_code_and_duration_come_from_the_event_if_the_output_has_none() -> None:
    end = event("exec_command_end", call_id="c1", exit_code=7, duration={"secs": 1, "nanos": 5e8})
    (found,) = results(CALL, end, item("function_call_output", call_id="c1", output="x"))
    assert (found.exit_code, found.duration_s) == (7, 1.5)


@pytest.mark.parametrize("output", ["exec command rejected by user", "patch rejected by user"])
def test_a_call_declined_by_the_user_is_not_a_tool_error(output: str) -> None:
    end = event("exec_command_end", call_id="c1", exit_code=-1)
    answer = item("function_call_output", call_id="c1", output=output)
    events = read_bytes(FORMAT, lines(META, CALL, end, answer))
    (skipped,) = only(events, CallSkipped)
    assert (skipped.call_index, skipped.reason) == (0, "declined by the user")
    assert only(events, ToolReturned)[0].result.error is None
    assert found_codes(events) == []


def test_custom_tools_and_shell_calls_are_calls_and_searches_are_shown() -> None:
    events = read_bytes(
        FORMAT,
        lines(
            META,
            item("custom_tool_call", call_id="c1", name="apply_patch", input="*** Begin Patch"),
            item("local_shell_call", call_id="c2", action={"type": "exec", "command": ["ls"]}),
            item("web_search_call", status="completed", action={"query": "weather"}),
        ),
    )
    found = [(call.name, call.id) for call in calls(events)]
    assert found == [("apply_patch", "c1"), ("local_shell", "c2")]
    assert calls(events)[0].arguments_text == "*** Begin Patch"
    assert "weather" in messages(events)[0].parts[0].text


def test_a_prompt_found_only_in_an_event_is_kept() -> None:
    events = read_bytes(FORMAT, lines(META, event("user_message", message="Hi"), CALL))
    assert messages(events)[0].text == "Hi"
    assert messages(events)[0].flags == ("from an event",)
    assert runs(events)[0].task == "Hi"


def test_usage_failures_and_the_end_come_from_events() -> None:
    events = read_bytes(
        FORMAT,
        lines(
            *ROLLOUT,
            event("token_count", info={"total_token_usage": TOKENS}),
            event("token_count", info=None),
            event("stream_error", message="reconnecting 1/5"),
            event("turn_aborted", reason="interrupted"),
        ),
    )
    (ended,) = only(events, RunEnded)
    assert (ended.stop_reason, ended.usage.prompt_tokens, ended.usage.cached_tokens) == (
        "interrupted",
        90,
        40,
    )
    assert [failed.message for failed in only(events, RequestFailed)] == ["reconnecting 1/5"]


def test_the_system_prompt_and_compactions_are_messages() -> None:
    meta = row("session_meta", id="s1", base_instructions={"text": "You are an agent."})
    events = read_bytes(FORMAT, lines(meta, row("compacted", message="So far: nothing")))
    assert dialog(events) == [("system", "You are an agent."), ("user", "So far: nothing")]
    assert messages(events)[1].flags == ("compaction",)


def test_the_instructions_of_an_older_session_are_the_system_prompt() -> None:
    meta = row("session_meta", id="s1", instructions="Keep the knowledge base healthy.")
    (prompt,) = messages(read_bytes(FORMAT, lines(meta)))
    assert (prompt.role, prompt.text) == ("system", "Keep the knowledge base healthy.")
    bare = {"id": "s1", "timestamp": "2025-04-01T00:00:00Z", "instructions": "Be brief."}
    rows = [bare, {"record_type": "state"}, text("user", "hi")["payload"]]
    events = read_bytes(FORMAT, lines(*rows))
    assert dialog(events) == [("system", "Be brief."), ("user", "hi")]
    (place, *_) = (event.at for event in only(events, MessageAppended))
    assert place is not None and place.pointer == "/instructions"


def test_instructions_that_an_item_repeats_are_one_message() -> None:
    meta = row("session_meta", id="s1", base_instructions="You are an agent.", instructions="Ask!")
    repeated = text("user", "<user_instructions>\n\nAsk!\n\n</user_instructions>")
    events = read_bytes(FORMAT, lines(meta, repeated))
    assert [message.role for message in messages(events)] == ["system", "user"]


def test_instructions_that_are_not_text_are_a_detail() -> None:
    meta = row("session_meta", id="s1", instructions=["a"], base_instructions={"kind": "b"})
    (start,) = runs(read_bytes(FORMAT, lines(meta)))
    assert start.details["instructions"] == ["a"]
    assert start.details["base_instructions"] == {"kind": "b"}


def test_added_tools_are_listed_and_built_in_tools_stay_known() -> None:
    tools = [
        {"name": "remind", "description": "Reminds.", "inputSchema": {}},
        {"namespace": "x", "name": "note"},
        {"name": ["x"]},
        "odd",
    ]
    events = read_bytes(FORMAT, lines(row("session_meta", id="s1", dynamic_tools=tools), CALL))
    (start,) = runs(events)
    assert start.details["dynamic_tools"] == {"remind": "Reminds.", "note": ""}
    _, findings = fold_run(events)
    assert Code.NAME_UNKNOWN not in [found.code for found in findings]


def test_a_file_without_envelopes_is_read() -> None:
    bare = [found["payload"] for found in ROLLOUT if found["type"] == "response_item"]
    head = {"id": "s1", "timestamp": "2025-04-01T00:00:00Z", "instructions": None}
    events = read_bytes(FORMAT, lines(head, {"record_type": "state"}, *bare))
    assert counts(events) == (1, 5, 1)
    assert runs(events)[0].run_id == "s1"


def test_odd_lines_are_defects() -> None:
    data = lines(*ROLLOUT) + b'[1]\n{"silly": 1}\n{"type": "response_item", "payload": 7}\n{"to'
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 5, 1)
    assert len(only(events, SourceDefect)) == 4


@pytest.mark.parametrize("rows", [[META], ROLLOUT], ids=["a session line alone", "a rollout"])
def test_a_rollout_opens_as_this_format(rows: list[Any]) -> None:
    detection = detect(BytesSource(lines(*rows)), formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("codex", ())


@settings(max_examples=100, deadline=None)
@given(
    any_json("type", "payload", "role", "content", "id", "message", "info"),
    any_json("type", "output", "metadata", "exit_code", "summary", "action", "text"),
    st.sampled_from(["response_item", "event_msg", "session_meta", "turn_context", "compacted"]),
    st.sampled_from(["reasoning", "function_call", "function_call_output", "token_count", "error"]),
)
def test_reading_and_sniffing_never_raise(value: Any, inner: Any, kind: str, what: str) -> None:
    odd = {"type": what, "message": inner, "output": inner, "info": {"total_token_usage": inner}}
    more = {"call_id": value, "summary": inner, "content": inner, "name": inner, "duration": inner}
    for found in (value, inner, {"type": kind, "payload": inner}, row(kind, **odd, **more)):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        read_value(FORMAT, [META, found, value, found])


FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "codex"
REAL = {
    # One message per reply; the manifest counts 63 and 95 items. The second file has a system
    # prompt and three prompts that are only in events.
    "codex-pomodor-timer.jsonl": (1, 43, 18, 0),
    "rollout-2026-05-11T13-28-45-019e1695-0522-7c83-8b39-0dd379793f80.jsonl": (1, 62, 38, 1),
    "rollout-2025-10-11T05-31-58-dfb8b018-addf-40e6-b9f2-84864125d186.jsonl": (1, 1, 0, 0),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(REAL))
def test_real_rollouts_have_the_expected_counts(name: str, trajectories: Path) -> None:
    data = (trajectories / "11-codex" / name).read_bytes()
    assert format_of(data) == "codex"
    events = read_bytes(FORMAT, data)
    wrong = [found for found in only(events, ToolReturned) if found.result.error]
    assert (*counts(events), len(wrong)) == REAL[name]
    assert only(events, SourceDefect) == []


@pytest.mark.parametrize(
    ("fields", "parent"),
    [
        ({"source": {"subagent": {"thread_spawn": {"parent_thread_id": "p"}}}}, "p"),
        ({"parent_thread_id": "p", "forked_from_id": "f"}, "p"),
        ({"forked_from_id": "f", "source": "cli"}, "f"),
        ({"source": {"subagent": "review"}}, ""),
    ],
)
def test_a_session_names_the_one_that_started_it(fields: dict[str, Any], parent: str) -> None:
    [start] = runs(read_bytes(FORMAT, lines(row("session_meta", id="s", **fields))))
    assert start.parent_run_id == parent


def test_a_newer_session_has_its_refused_calls_times_and_tokens() -> None:
    events = read_bytes(FORMAT, (FIXTURES / "rollout.jsonl").read_bytes())
    answers = [event.result for event in only(events, ToolReturned)]
    assert [bool(answer.error) for answer in answers] == [True] * 4
    assert answers[0].duration_s == 7.33e-06
    used = [message.usage for message in messages(events) if message.usage]
    assert [(one.prompt_tokens, one.completion_tokens) for one in used] == [
        (100, 10),
        (101, 11),
        (102, 12),
        (104, 14),
    ]


def test_a_turn_that_ended_with_an_error_is_a_failed_request() -> None:
    error = {"message": "Incomplete response returned", "codex_error_info": "other"}
    said_then = row("response_item", type="message", role="assistant", content="It is")
    done = row("event_msg", type="task_complete", error=error)
    events = read_bytes(FORMAT, lines(META, said_then, done))
    assert isinstance(events[-2], RequestFailed)
    [end] = only(events, RunEnded)
    assert (end.status, end.stop_reason) == ("error", "Incomplete response returned")
    again = read_bytes(FORMAT, lines(META, said_then, done, row("event_msg", type="task_complete")))
    assert only(again, RunEnded)[0].status == "unknown"
