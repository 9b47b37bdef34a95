"""Sessions of hermes-agent with compactions are read without duplicate messages.

`scripted_sessions.jsonl` contains sessions of a real hermes-agent, as its README explains.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.dialects.hermes_compaction import without_copies
from hermes_tui.formats.readers.hermes_sessions import HermesStateDb
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from tests.formats.foreign import any_json, calls, messages, results
from tests.formats.hermes_support import load_lines, read

STATE_DB = HermesStateDb()
SUMMARY = "[CONTEXT COMPACTION — REFERENCE ONLY] what was said"


def row(number: int, text: str, ts: float, role: str = "user", **fields: Any) -> dict[str, Any]:
    return {"id": number, "role": role, "content": text, "timestamp": ts, **fields}


def archived(number: int, text: str, ts: float, role: str = "user", **more: Any) -> dict[str, Any]:
    return row(number, text, ts, role, active=0, compacted=1, **more)


def first_and_last_rows(*rows: Any) -> list[tuple[int, int]]:
    """Return, for each message, the ids of the first and the last row that contain it."""
    return [(one.row["id"], one.latest["id"]) for one in without_copies(rows)]


def test_messages_kept_by_a_compaction_appear_once() -> None:
    events = read(STATE_DB, load_lines("scripted_sessions.jsonl")[0])
    commands = [call.arguments for call in calls(events)]
    assert commands == [{"command": f"echo {step}"} for step in (0, 1, 2, 3, 4, 5, 6, 7, 6, 7)]
    assert len(results(events)) == 10
    state, findings = fold_run(events)
    again = [found.message for found in findings if found.code is Code.ID_DUPLICATE]
    assert [message.split("'")[1] for message in again] == ["call_6", "call_7"]
    assert not state.codes[Code.RESULT_ORPHAN]
    assert not state.codes[Code.CALL_UNANSWERED]


def test_only_messages_that_left_the_context_are_hidden() -> None:
    history = messages(read(STATE_DB, load_lines("scripted_sessions.jsonl")[0]))
    hidden = [message.text for message in history if "hidden" in message.flags]
    assert [text for text in hidden if text.startswith("Step")] == ["Step 0.", "Step 1.", "Step 2."]
    summaries = [message for message in history if "compaction" in message.flags]
    assert SUMMARY[:19] in {message.text[:19] for message in summaries}
    assert all(not message.flags for message in history if message.text.startswith("Step 3."))


def test_a_text_repeated_after_a_compaction_is_not_a_copy() -> None:
    go, on = archived(1, "go on", 10.0), archived(2, "yes", 11.0, "assistant")
    summary, copy = row(3, SUMMARY, 12.0), row(4, "yes", 12.000001, "assistant")
    rows = [go, on, summary, copy, row(5, "go on", 15.0), row(6, "yes", 16.0, "assistant")]
    assert first_and_last_rows(*rows) == [(1, 1), (2, 4), (3, 3), (5, 5), (6, 6)]


def test_a_reloaded_message_is_recognised_as_a_copy_by_its_time() -> None:
    first, answer = archived(1, "hi", 10.0), archived(2, "ho", 11.0, "assistant")
    rows = [
        first,
        answer,
        row(3, "hi", 10.0),
        row(4, SUMMARY, 90.0),
        row(5, "ho", 11.0, "assistant"),
    ]
    assert first_and_last_rows(*rows) == [(1, 3), (2, 5), (4, 4)]


def test_a_result_replaced_by_a_stub_is_shown_whole_and_marked() -> None:
    answer = archived(1, "a long result", 10.0, "tool", tool_call_id="c1")
    stub = row(3, "[Duplicate tool output]", 12.000001, "tool", tool_call_id="c1", active=1)
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    call_row = archived(0, "", 9.0, "assistant", tool_calls=[call])
    session = {"id": "s", "messages": [call_row, answer, row(2, SUMMARY, 12.0), stub]}
    events = read(STATE_DB, {"_table": "sessions", **session})
    assert [result.content for result in results(events)] == ["a long result"]
    assert [message.flags for message in messages(events) if message.role == "tool"] == [
        ("compaction",)
    ]


@settings(max_examples=150, deadline=None)
@given(st.lists(any_json("content", "tool_calls", "tool_call_id", "compacted", "timestamp")))
def test_any_rows_keep_their_order(rows: list[Any]) -> None:
    found = without_copies([*rows, archived(1, "x", 1.0), row(2, SUMMARY, 2.0), *rows])
    assert [one.place for one in found] == sorted({one.place for one in found})
