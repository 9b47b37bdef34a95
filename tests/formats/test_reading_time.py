"""Files whose lines refer to one another are read in time linear in their number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hermes_tui.formats.base import Format
from hermes_tui.formats.readers import browser_use, haystack, lm_eval, tinker
from hermes_tui.formats.readers.agno import reader as agno
from hermes_tui.formats.readers.ai_sdk import reader as ai_sdk
from hermes_tui.formats.readers.cline import reader as cline
from hermes_tui.formats.readers.gptme import reader as gptme
from hermes_tui.formats.readers.qwen_code import reader as qwen_code
from hermes_tui.formats.readers.vibe import reader as vibe
from tests.formats.foreign import lines, read_bytes
from tests.timing import Work, assert_linear

Rows = Callable[[int], list[dict[str, Any]]]


def cline_row(event: dict[str, Any]) -> dict[str, Any]:
    return {"ts": "2025-01-01T00:00:00Z", "type": "agent_event", "event": event}


def nested_agents(count: int) -> list[dict[str, Any]]:
    hook = {"ts": "2025-01-01T00:00:00Z", "type": "hook_event"}
    return [cline_row({"type": "iteration_start"})] * count + [hook] * count


def calls_answered_backwards(count: int) -> list[dict[str, Any]]:
    calls = [{"contentType": "tool", "toolCallId": str(at), "toolName": "f"} for at in range(count)]
    rows = [cline_row({**call, "type": "content_start"}) for call in calls]
    return rows + [cline_row({**call, "type": "content_end"}) for call in reversed(calls)]


def qwen_row(at: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"uuid": str(at), "parentUuid": None, "sessionId": "s", "type": kind, **members}


def rewinds_to_the_beginning(count: int) -> list[dict[str, Any]]:
    return [qwen_row(at, "system", subtype="rewind", systemPayload={}) for at in range(count)]


def steps_with_a_metric_each(count: int) -> list[dict[str, Any]]:
    steps = [{"logs": {"assistant_content": "x"}, "metrics": {str(at): 1}} for at in range(count)]
    return [{"group_idx": 0, "traj_idx": 0, "total_reward": 1, "steps": steps}]


def repeats_without_a_filtered_one(count: int) -> list[dict[str, Any]]:
    kept = [str(at) for at in range(count)]
    return [{"doc_id": 1, "arguments": {}, "resps": [["x"] * count], "filtered_resps": kept}]


def gptme_row(seq: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"seq": seq, "ts": "2025-01-01T00:00:00Z", "type": kind, "payload": payload}


def messages_undone_after_edits(count: int) -> list[dict[str, Any]]:
    message = {"role": "system", "content": "x"}
    appended = [gptme_row(at, "message_append", message=message) for at in range(count)]
    edits = [gptme_row(at, "message_edit", messages=[message]) for at in range(count)]
    return [*appended, *edits, *appended, *(gptme_row(at, "undo") for at in range(count))]


def vibe_row(kind: str, **payload: Any) -> dict[str, Any]:
    return {"recovery_journal_record_version": 1, "type": kind, "payload": payload}


def outcomes_before_one_request(count: int) -> list[dict[str, Any]]:
    parts = [{"type": "tool_call", "id": str(at), "name": "f"} for at in range(count)]
    reply = {"type": "completion_succeeded", "result": {"parts": parts}}
    tools = [{"type": "tool_succeeded", "call_id": str(at), "result": {}} for at in range(count)]
    answers = [{"role": "tool", "tool_call_id": str(at)} for at in reversed(range(count))]
    sent = {"messages": {"type": "append", "messages": answers}}
    outcomes = [vibe_row("action_result", result=result) for result in (reply, *tools)]
    return [*outcomes, vibe_row("action_intent", request={"model_input": sent})]


def runs_each_within_the_one_before(count: int) -> list[dict[str, Any]]:
    run = {"agent_id": "a", "session_id": "s", "status": "COMPLETED", "content_type": "str"}
    return [
        {**run, "created_at": 1, "run_id": str(at), "parent_run_id": str(at - 1)}
        for at in range(count // 4)
    ]


def an_error_that_begins_again_and_again(count: int) -> list[dict[str, Any]]:
    call = {"type": "tool-call", "toolCallId": "c", "toolName": "f", "input": {}}
    error = {"type": "error-text", "value": "JSON parsing failed: Text: " * count}
    result = {**call, "type": "tool-result", "output": error}
    return [{"role": "assistant", "content": [call]}, {"role": "tool", "content": [result]}]


def a_request_without_its_end(count: int) -> list[dict[str, Any]]:
    shown = "<user_request>x" + " " * count
    step = {"model_output": None, "result": [], "state": {}, "state_message": shown}
    return [{"history": [step]}]


def a_snapshot_with_many_chats(count: int) -> list[dict[str, Any]]:
    chats = {
        str(at): [{"role": "user", "meta": {}, "content": [{"text": str(at)}]}] * 2
        for at in range(count // 8)
    }
    return [{"pipeline_state": chats}]


@pytest.mark.parametrize(
    ("known", "rows"),
    [
        (cline.FORMAT, nested_agents),
        (cline.FORMAT, calls_answered_backwards),
        (qwen_code.FORMAT, rewinds_to_the_beginning),
        (tinker.FORMAT, steps_with_a_metric_each),
        (gptme.FORMAT, messages_undone_after_edits),
        (vibe.FORMAT, outcomes_before_one_request),
        (agno.FORMAT, runs_each_within_the_one_before),
        (lm_eval.FORMAT, repeats_without_a_filtered_one),
        (ai_sdk.FORMAT, an_error_that_begins_again_and_again),
        (browser_use.FORMAT, a_request_without_its_end),
        (haystack.FORMAT, a_snapshot_with_many_chats),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_reading_time_grows_linearly_with_the_lines(known: Format, rows: Rows) -> None:
    def reading(count: int) -> Work:
        data = lines(*rows(count))
        return lambda: read_bytes(known, data)

    assert_linear(reading, 16_000)
