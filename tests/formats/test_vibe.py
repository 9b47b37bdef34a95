"""Sessions of Mistral Vibe: its journal, the context and the entries that it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.vibe.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import CallSkipped, Event, RequestFailed, ToolCallProposed
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    results,
    runs,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "vibe"
JOURNAL, REFUSED, COMPACTED = (
    FOLDER / f"{name}.jsonl" for name in ("journal", "refused", "compacted")
)
CONTINUED = FOLDER / "session" / "journal" / "continued.jsonl"
CONTEXT, ENTRIES, PRINTED, PRINTED_LIST = (
    FOLDER / name for name in ("context.json", "entries.json", "printed.jsonl", "printed.json")
)
CHAT = FOLDER / "version_2" / "messages.jsonl"
FILES = (JOURNAL, REFUSED, COMPACTED, CONTINUED, CONTEXT, ENTRIES, PRINTED, PRINTED_LIST, CHAT)
CALLED = [
    ("call_0_0", "bash"),
    ("call_0_1", "bash"),
    ("call_1_0", "write_file"),
    ("call_2_0", "bash"),
    ("call_3_0", "no_such_tool"),
    ("call_4_0", "bash"),
]
"""The calls that the scripted server made first, as (id, name)."""


def read(path: Path) -> list[Event]:
    return read_bytes(FORMAT, path.read_bytes())


def codes(events: list[Event]) -> list[Code]:
    return [finding.code for finding in fold_run(events)[1]]


def with_meta(meta: Any, path: Path = CONTINUED, name: str = "../meta.json") -> list[Event]:
    """Return the events of a file next to the one that describes its session."""
    build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, sidecars={name: meta})
    FORMAT.read(records(path), build)
    return build.events


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_of_vibe_is_one_run_without_lost_links(path: Path) -> None:
    assert format_of(path.read_bytes()) == "mistral-vibe"
    events = read(path)
    state, _ = fold_run(events)
    assert (state.defects, len(runs(events))) == (0, 1)
    lost = {Code.ID_DUPLICATE, Code.CALL_UNANSWERED, Code.RESULT_ORPHAN, Code.UNKNOWN_ROLE}
    assert not lost.intersection(codes(events))
    assert started(events).task == {"compacted.jsonl": "What is in here?"}.get(
        path.name, "What is in here? Make größe.txt."
    )


@pytest.mark.parametrize(
    "path", [JOURNAL, CONTINUED, REFUSED, CONTEXT, CHAT], ids=lambda path: path.name
)
def test_each_message_of_a_session_is_there_once(path: Path) -> None:
    events = read(path)
    assert [(call.id, call.name) for call in calls(events) if call.id][:6] == CALLED
    assert [result.call_id for result in results(events)][:6] == [name for name, _ in CALLED]
    texts = [text for role, text in dialog(events) if role == "user"]
    assert len(texts) == len(set(texts))
    assert codes(events).count(Code.CALL_IN_CONTENT) == 1
    reply = next(one for one in messages(events) if one.role == "assistant")
    assert reply.reasoning[0].text == "List first. Ünïcode ✓"


def test_arguments_are_shown_as_the_model_wrote_them() -> None:
    for path in (JOURNAL, CONTEXT):
        events = read(path)
        assert calls(events)[3].arguments_text == '{"command": "echo trailing",}'
        assert codes(events).count(Code.ARGS_INVALID) == 1
    assert {Code.NAME_UNKNOWN, Code.SCHEMA_VIOLATION} <= set(codes(read(JOURNAL)))


def test_a_call_and_a_result_point_to_their_places() -> None:
    first = only(read(JOURNAL), ToolCallProposed)[0]
    assert first.at.pointer == "/payload/result/result/parts/2"
    assert first.call.raw["type"] == "tool_call"
    [answer] = [one for one in results(read(JOURNAL)) if one.call_id == "call_0_1"]
    assert (answer.exit_code, answer.raw["outcome"]) == (1, "success")


def test_replies_have_their_time_usage_and_finish_reason() -> None:
    replies = [one for one in messages(read(CONTINUED)) if one.usage is not None]
    assert [one.finish_reason for one in replies] == ["tool_calls", "length", "stop"]
    used = replies[0].usage
    assert (used.prompt_tokens, used.cached_tokens, used.completion_tokens) == (1600, 500, 26)
    assert codes(read(CONTINUED)).count(Code.TRUNCATED) == 1
    times = [one.ts for one in only(read(JOURNAL), ToolCallProposed)]
    assert times[0] == pytest.approx(1795396232.085, abs=1)
    assert times == sorted(times)


def test_a_call_that_was_denied_is_not_an_error_of_its_tool() -> None:
    [skipped] = only(read(CONTINUED), CallSkipped)
    assert skipped.reason == "declined by the user"
    failed = [one.call_id for one in results(read(CONTINUED)) if one.error is not None]
    assert failed == ["call_0_1", "call_2_0", "call_3_0", "call_4_0", "call_6_1"]


def test_a_refused_request_is_an_error_with_its_status() -> None:
    [failed] = only(read(REFUSED), RequestFailed)
    assert failed.status == 400
    assert failed.message.startswith("Client error '400 Bad Request'")
    assert started(read(REFUSED)).model == "scripted"


def test_a_compaction_replaces_earlier_messages_by_a_flagged_summary() -> None:
    events = read(COMPACTED)
    assert started(events).details["other_requests"] == {"compaction": 2}
    flagged = [one.text for one in messages(events) if "compaction" in one.flags]
    assert len(flagged) == 2
    assert "The user has a.txt" in flagged[1]
    assert [result.call_id for result in results(events)] == ["call_0_0", "call_1_0", "call_2_0"]
    assert [one.flags for one in messages(read(CONTINUED))][-2:] == [("injected",), ()]


def test_the_file_next_to_a_journal_names_its_model() -> None:
    meta = json.loads((FOLDER / "session" / "meta.json").read_text())
    first = started(with_meta(meta))
    assert (first.model, first.details["cwd"]) == ("scripted", "/work/proj")
    assert started(with_meta({**meta, "session_id": "another"})).model == ""
    assert started(with_meta("cannot be read")).model == ""
    assert started(read(CONTINUED)).model == ""
    assert [tool.name for tool in started(read(CONTINUED)).tools] == [
        "read_file",
        "write_file",
        "bash",
    ]


def test_printed_entries_are_replies_with_their_calls_and_results() -> None:
    events = read(PRINTED_LIST)
    replies = [one for one in messages(events) if one.role == "assistant"]
    assert [one.calls for one in replies] == [2, 1, 1, 2, 0, 0]
    assert replies[0].reasoning[0].text == "List first. Ünïcode ✓"
    failed = {one.content: one.exit_code for one in results(events) if one.error is not None}
    assert failed == {
        "cat: missing.txt: No such file or directory\n": None,
        "Tool execution denied by approval callback": None,
        "File not found at: /work/proj/none.txt": None,
    }
    assert [call.id for call in calls(read(PRINTED))][:3] == [call.id for call in calls(events)[:3]]


def test_failed_tools_of_version_2_are_errors_and_calls_not_permitted_are_not() -> None:
    events = read(CHAT)
    failed = [one.call_id for one in results(events) if one.error is not None]
    assert failed == ["call_0_1", "call_1_0", "call_2_0", "call_3_0", "call_4_0", "call_6_1"]
    [skipped] = only(events, CallSkipped)
    assert skipped.result == "Tool execution not permitted."
    cancelled = {
        "role": "tool", "injected": False, "tool_call_id": "call_0_0", "name": "bash",
        "content": "<user_cancellation>Tool execution skipped by user.</user_cancellation>",
    }  # fmt: skip
    events = read_bytes(FORMAT, lines(*records(CHAT)[:2], cancelled))
    assert [one.error for one in results(events)] == [None]
    assert len(only(events, CallSkipped)) == 1


def test_the_file_next_to_a_session_of_version_2_has_its_model_tools_and_cost() -> None:
    meta = json.loads((CHAT.parent / "meta.json").read_text())
    first = started(with_meta(meta, CHAT, "meta.json"))
    assert (first.model, first.run_id) == ("scripted", meta["session_id"])
    assert [tool.name for tool in first.tools] == ["bash", "read_file", "write_file"]
    assert first.details["cost_usd"] == meta["stats"]["session_cost"]
    assert started(with_meta({"tools_available": []}, CHAT, "meta.json")).tools_declared is False


def test_messages_that_vibe_injected_are_flagged() -> None:
    rows = records(CHAT)
    events = read_bytes(FORMAT, lines(rows[0], {**rows[0], "injected": True}))
    assert [one.flags for one in messages(events)] == [(), ("injected",)]


def test_what_no_request_carried_is_kept() -> None:
    rows = records(JOURNAL)
    second = [
        at for at, row in enumerate(rows) if "model_input" in row["payload"].get("request", {})
    ][1]
    cut = read_bytes(FORMAT, lines(*rows[:second]))
    assert [result.call_id for result in results(cut)] == ["call_0_0", "call_0_1"]
    assert results(cut)[1].exit_code == 1
    assert not {Code.CALL_UNANSWERED, Code.RESULT_ORPHAN}.intersection(codes(cut))
    unsent = read_bytes(FORMAT, lines(*rows[:2]))
    assert dialog(unsent) == [("user", "What is in here? Make größe.txt.")]


def test_two_calls_with_one_id_have_a_result_each() -> None:
    text = JOURNAL.read_text().replace("call_0_1", "call_0_0")
    events = read_bytes(FORMAT, text.encode())
    assert [result.call_id for result in results(events)][:2] == ["call_0_0", "call_0_0"]
    assert codes(events).count(Code.RESULT_ORPHAN) == 0


def test_odd_lines_are_reported() -> None:
    events = read_bytes(FORMAT, JOURNAL.read_bytes() + lines(7, {"no": "type"}))
    assert fold_run(events)[0].defects == 2
    rows = records(PRINTED)
    assert format_of(document(rows)) == "mistral-vibe"


@settings(max_examples=60, deadline=None)
@given(any_json("type", "payload", "result", "messages", "role", "content", "parts", "state"))
def test_reading_never_raises(value: Any) -> None:
    def record(kind: str, **payload: Any) -> dict[str, Any]:
        return {"type": kind, "payload": payload, "recovery_journal_record_version": 1}

    entry = {"id": "effect-1", "sessionId": "s", "turnId": "t", "createdAt": value}
    shown = {**entry, "generationStatus": "completed", "state": value, "content": value}
    for held in (
        value,
        [value],
        [record("action_intent", request={"model_input": {"messages": {"messages": value}}})],
        [record("action_result", result={"type": "completion_succeeded", "result": value})],
        [record("action_result", result={"type": "tool_failed", "result": value})],
        [record("core_input", input={"command": value, "determinism": value})],
        [{**shown, "type": "effect", "detail": value}, {**shown, "type": "message"}],
        [{"message": {"role": "tool", "tool_call_id": value}, "source": "", "turn_index": 0}],
        [{"role": "tool", "injected": False, "tool_call_id": value, "content": value}],
        [{"role": "assistant", "injected": True, "message_id": value, "tool_calls": value}],
    ):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, source_format="mistral-vibe")
        FORMAT.read(held, build)
        assert build.events
