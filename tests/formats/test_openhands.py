"""OpenHands events of every version, alone and in evaluation output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.readers.openhands.reader import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import (
    RunEnded,
    SourceDefect,
    ToolCallProposed,
    ToolReturned,
    UnknownEvent,
)
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    counts_with_errors,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    sniffed,
)

NATIVE = {
    "id": "c1",
    "type": "function",
    "function": {"name": "bash", "arguments": '{"command":1}'},
}
METADATA = {
    "function_name": "bash",
    "tool_call_id": "c1",
    "model_response": {
        "choices": [{"message": {"tool_calls": [NATIVE], "reasoning_content": "hm"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2},
    },
}
ASK = {"id": 0, "source": "user", "action": "message", "args": {"content": "Mend it."}}
RUN = {
    "id": 1,
    "source": "agent",
    "timestamp": "2026-01-01T00:00:00",
    "action": "run",
    "args": {"command": "ls", "thought": "I look"},
}
SEEN = {
    "id": 2,
    "source": "agent",
    "observation": "run",
    "content": "a.txt",
    "cause": 1,
    "extras": {"metadata": {"exit_code": 2}},
}
STATE = {"source": "environment", "observation": "agent_state_changed", "content": "", "extras": {}}
FINISH = {"source": "agent", "action": "finish", "args": {"final_thought": "Done."}}


def sdk(kind: str, source: str = "agent", **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "source": source, "id": "u", **fields}


@pytest.mark.parametrize("data", [document([ASK, RUN, SEEN]), lines(ASK, RUN, SEEN)])
def test_events_of_version_0_are_messages_paired_by_their_cause(data: bytes) -> None:
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 3, 1)
    assert [role for role, _ in dialog(events)] == ["user", "assistant", "tool"]
    call, answer = calls(events)[0], only(events, ToolReturned)[0].result
    assert (call.name, call.arguments) == ("run", {"command": "ls"})
    assert call.id == answer.call_id == "event-1"
    assert answer.exit_code == 2


def test_a_call_is_shown_as_the_model_wrote_it() -> None:
    acted = {**RUN, "tool_call_metadata": METADATA}
    seen = {**SEEN, "tool_call_metadata": METADATA}
    events = read_bytes(FORMAT, lines(ASK, acted, seen))
    call = calls(events)[0]
    assert (call.id, call.name, call.arguments_text) == ("c1", "bash", '{"command":1}')
    assert only(events, ToolReturned)[0].result.call_id == "c1"
    reply = messages(events)[1]
    assert reply.usage is not None
    assert (reply.text, reply.usage.prompt_tokens, reply.time_s) == ("I look", 9, 1767225600.0)
    assert [piece.text for piece in reply.reasoning] == ["hm"]


def test_a_running_command_has_no_exit_code() -> None:
    seen = {**SEEN, "extras": {"metadata": {"exit_code": -1}}}
    answer = only(read_bytes(FORMAT, lines(ASK, RUN, seen)), ToolReturned)[0].result
    assert (answer.exit_code, answer.error) == (None, None)


def test_state_changes_are_hidden_and_finishing_is_not_a_call() -> None:
    events = read_bytes(FORMAT, lines(ASK, STATE, FINISH))
    assert messages(events)[1].flags == ("agent_state_changed", "hidden")
    assert (messages(events)[2].text, messages(events)[2].flags) == ("Done.", ("finish",))
    assert not calls(events)


def test_an_error_is_the_result_of_its_call_or_else_a_bad_reply() -> None:
    error = {"source": "agent", "observation": "error", "content": "no such tool", "extras": {}}
    events = read_bytes(FORMAT, lines(ASK, RUN, {**error, "cause": 1}, error))
    assert [event.result.error is not None for event in only(events, ToolReturned)] == [True]
    assert found_codes(events) == ["TOOL_ERROR:error", "REPLY_SHAPE:error"]


def test_events_of_the_sdk_open() -> None:
    tool = {"type": "function", "function": {"name": "terminal", "parameters": {}}}
    text = [{"type": "text", "text": "I look"}]
    call = {"id": "c1", "name": "terminal", "arguments": '{"command": "ls"}'}
    events = read_bytes(
        FORMAT,
        lines(
            sdk("SystemPromptEvent", system_prompt={"type": "text", "text": "s"}, tools=[tool]),
            sdk("MessageEvent", "user", llm_message={"role": "user", "content": text}),
            sdk("ActionEvent", thought=text, tool_call=call, tool_call_id="c1"),
            sdk(
                "ObservationEvent",
                "environment",
                tool_call_id="c1",
                tool_name="terminal",
                observation={"content": text, "is_error": True},
            ),
            sdk("AgentErrorEvent", error="no such tool", tool_call_id="c2"),
            sdk("CondensationSummaryEvent", "environment", summary="so far"),
            sdk("ConversationStateUpdateEvent", "environment", key="stats", value={}),
        ),
    )
    assert [role for role, _ in dialog(events)] == [
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
        "environment",
    ]
    assert [tool.name for tool in runs(events)[0].tools] == ["terminal"]
    assert calls(events)[0].arguments == {"command": "ls"}
    assert all(event.result.error is not None for event in only(events, ToolReturned))
    assert messages(events)[-1].flags == ("compaction",)
    assert [event.unknown_kind for event in only(events, UnknownEvent)] == [
        "ConversationStateUpdateEvent"
    ]


@pytest.mark.parametrize("history", [[ASK, RUN, SEEN], [[ASK, STATE], [RUN, SEEN]]])
def test_evaluation_output_has_a_run_per_line_even_with_paired_history(history: list[Any]) -> None:
    value = {
        "instance_id": "org__repo-1",
        "history": history,
        "metadata": {"llm_config": {"model": "m", "api_key": "s3cr3t"}},
        "metrics": {"accumulated_cost": 0.5, "accumulated_token_usage": {"prompt_tokens": 9}},
        "report": {"resolved": True},
        "test_result": {"git_patch": "diff"},
    }
    events = read_bytes(FORMAT, lines(value, value))
    assert [(run.run_id, run.model) for run in runs(events)] == [("org__repo-1", "m")] * 2
    assert len(calls(events)) == 2
    end = only(events, RunEnded)[0]
    assert (end.status, end.usage.cost_usd, end.details) == ("ok", 0.5, {"git_patch": "diff"})
    assert "s3cr3t" not in repr(runs(events))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "unknown"),
        ("RuntimeError: Agent reached maximum iteration", "truncated"),
        ("boom", "error"),
    ],
)
def test_the_error_of_an_output_determines_how_the_run_ended(
    error: str | None, status: str
) -> None:
    events = read_value(FORMAT, {"instance_id": "i", "history": [ASK], "error": error})
    assert only(events, RunEnded)[0].status == status


@pytest.mark.parametrize(
    "foreign",
    [
        {"history": [{"role": "user", "content": "x"}], "mistake_step": 3},
        {"source": "user", "content": "x"},
        {"source": "agent", "message": "x", "tool_calls": []},
        {"role": "user", "content": "x"},
        {"kind": "MessageAppended", "source": "live"},
        {"id": "s", "source": "cli", "started_at": 1, "messages": []},
    ],
)
def test_files_of_other_formats_are_not_claimed(foreign: dict[str, Any]) -> None:
    assert sniffed(FORMAT, foreign) == ""
    assert sniffed(FORMAT, [foreign], layout=Layout.DOCUMENT) == ""


JSON = any_json("action", "observation", "source", "args", "content", "extras", "kind", "history")


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(first: Any, second: Any) -> None:
    old = {"source": "agent", "args": first, "extras": first, "cause": second, "content": second}
    new = sdk("ActionEvent", thought=first, tool_call=second, observation=first)
    for value in (
        first,
        [first, second],
        {"action": "run", "tool_call_metadata": {"tool_call_id": second, **METADATA}, **old},
        {"observation": "run", "tool_call_metadata": first, **old},
        {"history": [first, [second]], "metrics": first, "test_result": second, "error": first},
        new,
        {**new, "kind": "ObservationEvent"},
        {**new, "kind": "MessageEvent", "llm_message": second},
    ):
        sniffed(FORMAT, value)
        for unit in Unit:
            read_value(FORMAT, value, unit)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected", "errors"),
    [
        ("basic.json", (1, 4, 1), 0),
        ("basic_gui_mode.json", (1, 18, 4), 0),
        # Two of the 45 errors that the manifest counts answer no call.
        ("multi_swe_bench-output.jsonl", (3, 222, 103), 43),
        ("sdk-goal-events.jsonl", (1, 5, 2), 3),
    ],
)
def test_real_conversations_match_their_manifest(
    trajectories: Path, name: str, expected: tuple[int, int, int], errors: int
) -> None:
    events = read_bytes(FORMAT, (trajectories / "09-openhands" / name).read_bytes())
    assert counts_with_errors(events) == (*expected, errors)
    assert not only(events, SourceDefect)


def test_calls_from_one_sdk_reply_are_one_message() -> None:
    data = (Path(__file__).resolve().parents[1] / "fixtures/openhands/events.jsonl").read_bytes()
    assert format_of(data) == "openhands"
    events = read_bytes(FORMAT, data)
    assert [text for role, text in dialog(events) if role == "assistant"] == [
        "TEXT-0",
        "TEXT-1",
        "TEXT-2",
        "FINAL",
    ]
    assert [call.id for call in calls(events)] == [
        "call_0_0",
        "call_0_1",
        "call_1_0",
        "call_2_0",
        "call_3_0",
    ]
    proposed = only(events, ToolCallProposed)
    assert proposed[0].at.range.start < proposed[1].at.range.start
    assert not runs(events)[0].tools_declared
    found = fold_run(events)[0].codes
    assert found[Code.ARGS_INVALID] == 1
    assert Code.CALL_UNANSWERED not in found
    assert Code.RESULT_ORPHAN not in found
