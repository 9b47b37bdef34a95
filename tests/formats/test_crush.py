"""Sessions of Crush: in its database, and printed."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.crush import FORMAT
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, MessageAppended, RequestFailed, SourceDefect
from hermes_tui.runtime.databases.export import export_lines
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    ended,
    format_of,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    sample,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "crush"
SESSIONS = (FOLDER / "sessions.jsonl").read_bytes()
SHOWN = (FOLDER / "shown.json").read_bytes()
MAIN, SUBAGENT = "s-main", "m-6$$c4"


def session(data: bytes, run_id: str = MAIN) -> list[Event]:
    """Return the events of a session of a file."""
    assert format_of(data) == "crush"
    before, found = split_runs(tuple(read_bytes(FORMAT, data)))
    assert before == ()
    return next(list(events) for events in found if started(list(events)).run_id == run_id)


def as_json(parts: Any) -> Any:
    return json.dumps(parts)


def as_blob(parts: Any) -> Any:
    return json.dumps(parts).encode()


def compressed(parts: Any) -> Any:
    return zstandard.ZstdCompressor().compress(json.dumps(parts).encode())


def write_database(path: Path, encode: Any) -> None:
    """Write a database with the tables of Crush and the sessions of the fixture."""
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, parent_session_id TEXT, title TEXT, "
        "message_count INTEGER, prompt_tokens INTEGER, completion_tokens INTEGER, cost REAL, "
        "updated_at INTEGER, created_at INTEGER, summary_message_id TEXT, todos TEXT)"
    )
    connection.execute(
        "CREATE TABLE messages (id TEXT PRIMARY KEY, session_id TEXT, role TEXT, parts BLOB, "
        "model TEXT, provider TEXT, created_at INTEGER, updated_at INTEGER, finished_at INTEGER, "
        "is_summary_message INTEGER)"
    )
    for line in SESSIONS.splitlines():
        row = json.loads(line)
        del row["_table"], row["children"]
        for message in row.pop("messages"):
            insert(connection, "messages", {**message, "parts": encode(message["parts"])})
        insert(connection, "sessions", row)
    connection.commit()
    connection.close()


def insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))


@pytest.mark.parametrize("encode", [as_json, as_blob, compressed])
def test_a_database_yields_the_lines_of_its_sessions(tmp_path: Path, encode: Any) -> None:
    path = tmp_path / "crush.db"
    write_database(path, encode)
    found = [json.loads(line) for line in export_lines(path)]
    assert found == [json.loads(line) for line in SESSIONS.splitlines()]


@pytest.mark.parametrize("length", [6, 12])
def test_parts_that_cannot_be_decompressed_are_a_defect_of_their_message(
    tmp_path: Path, length: int
) -> None:
    path = tmp_path / "crush.db"
    write_database(path, lambda parts: compressed(parts)[:length] + b"\xff" * (12 - length))
    events = session(b"".join(export_lines(path)))
    assert [one.message for one in only(events, SourceDefect)] == ["not a message"] * 12
    is_refused = "cannot be decompressed" in only(events, SourceDefect)[0].excerpt
    assert is_refused == (length == 6)


@pytest.mark.parametrize("data", [SESSIONS, SHOWN], ids=["database", "printed"])
def test_a_session_is_a_run_with_its_calls_and_results(data: bytes) -> None:
    events = session(data)
    assert only(events, SourceDefect) == []
    assert [(call.id, call.name) for call in calls(events)] == [
        ("c1", "view"),
        ("c2", "view"),
        ("c3", "bash"),
        ("c4", "agent"),
        (None, "view"),
    ]
    assert [(one.call_id, one.name) for one in results(events)] == [
        (call.id, call.name) for call in calls(events)[:4]
    ]
    assert [one.error is not None for one in results(events)] == [False, True, True, False]
    assert results(events)[0].content == "<file>\n     1|Größe 3 ☀\n</file>"
    first = next(one for one in messages(events) if one.role == "assistant")
    assert (first.text, first.reasoning[0].text) == ("I look.", "Two files: two calls at once.")
    assert first.finish_reason == "tool_use"
    codes = {finding.code for finding in fold_run(events)[1]}
    assert codes == {
        Code.ARGS_INVALID,
        Code.CALL_IN_CONTENT,
        Code.REQUEST_ERROR,
        Code.TOOL_ERROR,
    }


@pytest.mark.parametrize("data", [SESSIONS, SHOWN], ids=["database", "printed"])
def test_a_session_has_its_title_model_cost_and_outcome(data: bytes) -> None:
    events = session(data)
    run, end = started(events), ended(events)
    assert (run.run_id, run.model, run.task) == (MAIN, "scripted", "What is in the notes? Größe?")
    assert run.ts == 1795390000
    assert run.details["titles"] == ["Reading the notes"]
    assert run.details["provider"] == "local"
    assert run.details["last_request"] == {"prompt_tokens": 1200, "completion_tokens": 34}
    assert (end.status, end.stop_reason) == ("error", "error")
    row = summarise(fold_run(events)[0])
    assert (row.cost_usd, row.prompt_tokens) == (0.0125, None)


def test_a_refused_request_has_its_reason_and_is_not_a_reply() -> None:
    events = session(SESSIONS)
    [failure] = only(events, RequestFailed)
    assert failure.message == "Bad Request: This model's maximum context length is 8192 tokens."
    assert dialog(events)[-1] == ("user", "And a long question")


def test_a_subagent_is_a_run_below_the_call_that_started_it() -> None:
    assert started(session(SESSIONS)).details["subagents"] == {"c4": SUBAGENT}
    run = started(session(SESSIONS, SUBAGENT))
    assert (run.parent_run_id, run.details["called_by"]) == (MAIN, "c4")
    assert (run.task, ended(session(SESSIONS, SUBAGENT)).status) == ("Count the files", "ok")


def test_attachments_commands_of_the_user_and_summaries_are_shown() -> None:
    events = session(SESSIONS)
    assert [part.kind for part in messages(events)[0].parts] == ["text", "image"]
    assert ("user", "$ ls\nnotes.txt\n(exit code 1)") in dialog(events)
    [summary] = [one for one in messages(events) if one.flags == ("compaction",)]
    assert summary.text == "The notes give a size of 3."


def test_a_reply_lasts_until_it_is_finished() -> None:
    replies = [one for one in messages(session(SESSIONS)) if one.role == "assistant"]
    assert replies[0].duration_s == 2.0


def test_calls_and_results_are_located_in_their_parts() -> None:
    events = session(SESSIONS)
    places = [event.at.pointer for event in events if not isinstance(event, MessageAppended)]
    assert "/messages/1/parts/2" in places
    assert "/messages/2/parts/1" in places


def test_parts_of_unknown_types_and_hidden_texts_are_kept() -> None:
    parts = [
        {"type": "text", "data": {"text": "go on", "hidden": True}},
        {"type": "context_note", "data": {"note": "n"}},
    ]
    rows = [{"role": "user", "parts": parts}, {"role": "user"}]
    events = read_value(FORMAT, {"_table": "crush", "id": "s", "messages": rows})
    [message] = messages(events)
    assert message.flags == ("hidden",)
    assert "context_note" in message.parts[1].text
    assert [one.at.pointer for one in only(events, SourceDefect)] == ["/messages/1"]


@given(
    any_json("type", "data", "text", "id", "name", "input", "tool_call_id", "MIMEType", "Data"),
    any_json("reason", "time", "message", "uuid", "cost"),
)
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    kinds = ("text", "reasoning", "tool_call", "tool_result", "binary", "shell_command", "finish")
    parts = [part for kind in kinds for part in ({"type": kind, "data": value}, {"type": kind})]
    rows = [
        {"role": "assistant", "parts": [*parts, value, inner]},
        {"role": "assistant", "parts": [{"type": "finish", "data": {"reason": "error"}}]},
        {"role": "user", "parts": parts, "created_at": inner, "is_summary_message": inner},
        {"role": "tool", "parts": [{"type": "tool_result", "data": {"data": value}}, inner]},
        value,
    ]
    for one in (
        {"_table": "crush", "id": inner, "messages": rows, "children": value},
        {"_table": "crush", "messages": value, "children": [value, inner], "cost": inner},
        {"meta": inner, "messages": rows},
    ):
        FORMAT.sniff(sample(one))
        for unit in Unit:
            read_value(FORMAT, one, unit)
    for unit in Unit:
        read_value(FORMAT, value, unit)
