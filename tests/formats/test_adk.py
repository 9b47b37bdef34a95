"""Sessions and events of Google's Agent Development Kit are read."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.adk import FORMAT
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.events import RequestFailed, SourceDefect
from hermes_tui.runtime.databases.export import export_lines
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
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

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "adk"
SAID = [
    ("user", "Add 20 and 22, then read the note"),
    ("assistant", "I add and read."),
    ("tool", ""),
    ("assistant", "TEXT-2"),
    ("tool", ""),
    ("assistant", "FINAL the answer is 42"),
]


def camel(value: Any) -> Any:
    """Return a value with its keys spelled as `by_alias` writes them."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, item in value.items():
        first, *rest = key.split("_")
        found[first + "".join(part.title() for part in rest)] = camel(item)
    return found


@pytest.mark.parametrize("spelling", [dict, camel])
def test_a_session_is_a_run(spelling: Any) -> None:
    data = document(spelling(json.loads((FIXTURES / "session.json").read_bytes())))
    assert format_of(data) == "adk"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert dialog(events) == SAID
    assert [(call.name, call.arguments) for call in calls(events)] == [
        ("add", {"a": 20, "b": 22}),
        ("read_note", {"path": "ARG-0"}),
        ("add", {"a": 2, "b": 3}),
    ]
    assert [answer.call_id for answer in results(events)] == [call.id for call in calls(events)]
    [run] = runs(events)
    assert (run.run_id[:8], run.model, run.details["app"]) == ("fcf69752", "gemini-full", "app")
    assert run.details["state"] == {"k": "STATE"}
    assert [message.author for message in messages(events)][1] == "clerk"
    row = summarise(fold_run(events)[0])
    assert (row.prompt_tokens, row.completion_tokens, row.reasoning) == (303, 42, 1)


def test_events_of_a_runner_are_one_run_with_the_error_of_the_server() -> None:
    data = (FIXTURES / "events.jsonl").read_bytes()
    assert format_of(data) == "adk"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 3, 2)
    [failure] = only(events, RequestFailed)
    assert failure.message.startswith("ServerError: 500")


def test_malformed_calls_and_state_changes_are_shown() -> None:
    fields = {"author": "a", "invocation_id": "i", "timestamp": 1.7e9, "branch": "a.b"}
    content = {"role": "model", "parts": [{"text": "So:"}]}
    rows = [
        {**fields, "content": content, "partial": True},
        {**fields, "content": content, "finish_reason": "MALFORMED_FUNCTION_CALL"},
        {**fields, "actions": {"state_delta": {"city": "Bonn"}, "artifact_delta": {}}},
    ]
    events = read_bytes(FORMAT, lines(*rows))
    assert dialog(events) == [
        ("assistant", "So:"),
        ("environment", '{"stateDelta":{"city":"Bonn"}}'),
    ]
    assert messages(events)[0].flags == ("branch a.b",)
    assert found_codes(events) == ["JSON_INVALID:error"]
    assert runs(events)[0].details["partial_events"] == 1


@pytest.mark.parametrize("in_columns", [False, True])
def test_a_database_yields_one_line_per_session(tmp_path: Path, *, in_columns: bool) -> None:
    session = json.loads((FIXTURES / "session.json").read_bytes())
    path = tmp_path / "sessions.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE sessions (app_name, user_id, id, state, update_time)")
    connection.execute(
        "CREATE TABLE events (id, app_name, user_id, session_id, invocation_id, timestamp, "
        + ("author, actions, content)" if in_columns else "event_data)")
    )
    state = json.dumps(session["state"])
    connection.execute("INSERT INTO sessions VALUES ('app', 'u', ?, ?, 0)", (session["id"], state))
    for event in session["events"]:
        known = (event["id"], "app", "u", session["id"], event["invocation_id"])
        old = (event["author"], b"\x80\x04pickled", json.dumps(event["content"]))
        more = old if in_columns else (json.dumps(event),)
        values = (*known, f"2026-11-22 12:00:{len(event)}", *more)
        connection.execute(f"INSERT INTO events VALUES ({', '.join('?' * len(values))})", values)
    connection.commit()
    connection.close()
    [line] = export_lines(path)
    assert format_of(line) == "adk"
    events = read_bytes(FORMAT, line)
    assert only(events, SourceDefect) == []
    assert sorted(dialog(events)) == sorted(SAID)


@given(any_json("id", "text"), any_json("role", "parts"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    event = {"author": "a", "invocation_id": "i", "actions": inner, "content": value}
    more = {"content": {"role": "model", "parts": value}, "usage_metadata": inner, "branch": value}
    for found in (value, event, {**event, **more}, {"app_name": "a", "events": value}):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
        read_value(FORMAT, [found, value])
        read_value(FORMAT, {"app_name": value, "state": inner, "events": [found, event]})
