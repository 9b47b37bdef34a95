from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.hermes_sessions import (
    FORMATS,
    HermesExport,
    HermesSession,
    HermesStateDb,
)
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ArgumentsState
from tests.formats.foreign import any_json, calls, ended, messages, results, sample, started
from tests.formats.hermes_support import load_document, load_lines, read

SESSION, EXPORT, STATE_DB = HermesSession(), HermesExport(), HermesStateDb()


def test_each_file_matches_only_its_own_format() -> None:
    samples = {
        "hermes-session": sample(load_document("session.json")),
        "hermes-export": sample(*load_lines("export.jsonl")),
        "hermes-state-db": sample({"_table": "sessions", **load_lines("export.jsonl")[0]}),
    }
    for name, found in samples.items():
        assert [reader.name for reader in FORMATS if reader.sniff(found)] == [name]


def test_a_session_file_has_its_model_tools_and_real_prompt() -> None:
    events = read(SESSION, load_document("session.json"))
    start = started(events)
    assert start.run_id == "20260102_030405_ab12cd"
    assert start.model == "example/hermes-4-14b"
    assert [tool.name for tool in start.tools] == ["terminal", "read_file", "todo"]
    assert start.task == "Why did last night's import stop?"
    assert start.details["platform"] == "cli"
    prompt = messages(events)[0]
    assert (prompt.role, prompt.text) == ("system", "You keep the import running.")
    assert prompt.flags == ("from the session row",)


def test_a_session_keeps_arguments_that_an_export_of_samples_loses() -> None:
    for reader, value in (
        (SESSION, load_document("session.json")),
        (EXPORT, load_lines("export.jsonl")[0]),
    ):
        broken = calls(read(reader, value))[2]
        assert broken.arguments_state is ArgumentsState.NOT_JSON
        assert broken.arguments_text == '{"command": "grep -n ERROR logs/nightly.log'


def test_results_pair_with_calls_by_id_and_the_last_call_stays_open() -> None:
    events = read(EXPORT, load_lines("export.jsonl")[0])
    state, findings = fold_run(events)
    assert len(results(events)) == 4
    assert Code.RESULT_ORPHAN not in state.codes
    (unanswered,) = [found for found in findings if found.code is Code.CALL_UNANSWERED]
    assert "read_file" in unanswered.message


def test_times_of_messages_are_kept() -> None:
    events = read(EXPORT, load_lines("export.jsonl")[0])
    assert messages(events)[1].text == "Why did last night's import stop?"
    assert next(event.ts for event in events[2:]) == 1767323045.0


def test_counters_and_the_end_of_a_session_are_kept() -> None:
    first, second = (read(EXPORT, line) for line in load_lines("export.jsonl"))
    assert ended(first).stop_reason == "compression"
    usage = ended(first).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (900, 120)
    assert started(second).parent_run_id == started(first).run_id


def test_the_prompt_tokens_of_a_session_include_cached_ones() -> None:
    usage = ended(read(STATE_DB, load_lines("scripted_sessions.jsonl")[4])).usage
    assert usage is not None
    # The server counted 140; 16 of them came from its cache.
    assert (usage.prompt_tokens, usage.cached_tokens) == (140, 16)


def test_replies_that_hermes_agent_counts_but_does_not_keep_are_reported() -> None:
    findings = [fold_run(read(STATE_DB, line))[1] for line in load_lines("scripted_sessions.jsonl")]
    lost = "counted by hermes-agent left no message of the model"
    empty = "the reply is empty: hermes-agent wrote (empty) in its place"
    assert [
        [one.message for one in found if one.code is Code.REPLY_SHAPE] for found in findings
    ] == [
        [],
        [f"6 of 6 replies {lost}"],
        [f"3 of 4 replies {lost}", empty],
        [],
        [],
        [],
    ]


def test_no_replies_are_missing_from_an_export_of_the_context_alone() -> None:
    summary = {"role": "user", "content": "[CONTEXT COMPACTION — REFERENCE ONLY] it was said"}
    session = {"id": "s", "source": "cli", "started_at": 1.0, "api_call_count": 9}
    done = {"role": "assistant", "content": "done"}
    assert started(read(EXPORT, {**session, "messages": [summary, done]})).diagnostics == ()
    rewound = {**session, "rewind_count": 1, "messages": [done]}
    assert started(read(EXPORT, rewound)).diagnostics == ()
    assert started(read(EXPORT, {**session, "messages": [done]})).diagnostics != ()


def test_a_session_whose_request_failed_has_no_reply() -> None:
    failed = load_lines("scripted_sessions.jsonl")[3]
    assert dict(fold_run(read(STATE_DB, failed))[0].codes) == {Code.NO_ANSWER: 1}
    assert not fold_run(read(STATE_DB, {**failed, "messages": []}))[1]


def test_messages_of_hermes_agent_in_the_role_of_the_user_are_injected() -> None:
    history = messages(read(STATE_DB, load_lines("scripted_sessions.jsonl")[4]))
    assert [message.flags for message in history if message.role == "user"] == [
        (),
        ("injected",),
    ]


def test_reasoning_repeated_in_three_fields_is_shown_once() -> None:
    reply = messages(read(SESSION, load_document("session.json")))[2]
    assert [piece.text for piece in reply.reasoning] == ["Two independent look-ups: both at once."]


def test_a_space_in_place_of_reasoning_is_not_reasoning() -> None:
    row = {"role": "assistant", "content": "hi", "reasoning_content": " "}
    session = {"session_id": "s", "messages": [row]}
    assert messages(read(SESSION, session))[0].reasoning == ()


def test_tool_calls_stored_as_json_text_are_read() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    row = {"role": "assistant", "content": None, "tool_calls": json.dumps([call]), "active": 1}
    events = read(STATE_DB, {"_table": "sessions", "id": "s", "messages": [row]})
    assert [(found.name, found.id) for found in calls(events)] == [("f", "c")]


def test_a_message_that_was_sent_with_other_text_is_marked_injected() -> None:
    row = {"role": "user", "content": "hi", "api_content": "hi\n<memory>…</memory>"}
    events = read(STATE_DB, {"_table": "sessions", "id": "s", "messages": [row]})
    assert messages(events)[0].flags == ("injected",)


def test_an_old_session_file_is_one_run_after_its_meta_line() -> None:
    meta = {"role": "session_meta", "session_id": "s9", "model": "m", "tools": []}
    lines = [meta, {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    match = SESSION.sniff(sample(*lines))
    assert match is not None
    assert match.unit is Unit.PARTS
    events = [*read(SESSION, lines[0]), *read(SESSION, lines[1], is_first=False)]
    assert started(events).run_id == "s9"
    assert started(events).model == "m"
    assert [message.role for message in messages(events)] == ["user"]


def test_a_malformed_message_is_a_defect_in_its_place() -> None:
    rows: list[Any] = [{"role": "user", "content": "hi"}, 7, {"role": "user", "content": "ho"}]
    events = read(SESSION, {"session_id": "s", "messages": rows})
    assert [type(event).__name__ for event in events] == [
        "RunStarted",
        "MessageAppended",
        "SourceDefect",
        "MessageAppended",
    ]


@settings(max_examples=150, deadline=None)
@given(
    any_json("messages", "role", "content", "tool_calls", "id", "session_id", "started_at"),
    any_json("role", "content", "tool_calls", "timestamp", "reasoning", "active"),
)
def test_reading_and_sniffing_never_raise(value: Any, rows: Any) -> None:
    for item in (value, {"messages": rows, "session_id": value, "title": rows, "tools": rows}):
        for reader in FORMATS:
            reader.sniff(sample(item))
            read(reader, item)
    if isinstance(rows, dict):
        read(SESSION, {**rows, "role": "session_meta"})
