"""The log of the `llm` command line, as printed and as exported from its databases."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.llm_logs import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.errors import SourceError
from hermes_tui.model.events import Event, MessageAppended
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.databases.export import export_lines
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

FOLDER = Path(__file__).parents[1] / "fixtures" / "llm"
LOGS = json.loads((FOLDER / "logs.json").read_text())
EXPECTED_CALLS = [("c1", "shout"), ("c2", "fails"), ("c3", "no_such_tool")]
"""The calls that the scripted server made, as (id, name)."""


def database(name: str, folder: Path) -> Path:
    path = folder / "logs.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((FOLDER / name).read_text())
    connection.close()
    return path


def events_from(name: str, folder: Path) -> list[Event]:
    data = b"".join(export_lines(database(name, folder)))
    assert format_of(data) == "llm"
    return read_bytes(FORMAT, data)


@pytest.fixture(params=["logs.json", "threads.sql", "responses.sql"])
def events(request: pytest.FixtureRequest, tmp_path: Path) -> list[Event]:
    if request.param == "logs.json":
        assert format_of(document(LOGS)) == "llm"
        return read_bytes(FORMAT, document(LOGS))
    return events_from(request.param, tmp_path)


def test_a_conversation_is_a_run_with_its_calls_and_their_results(events: list[Event]) -> None:
    assert [(call.id, call.name) for call in calls(events) if call.id] == EXPECTED_CALLS
    assert [(result.call_id, result.name) for result in results(events)] == EXPECTED_CALLS
    assert [one.task for one in runs(events)] == ["MAINTASK shout", "once"]
    assert dialog(events)[:3] == [
        ("system", "Be short"),
        ("user", "MAINTASK shout"),
        ("assistant", "I look."),
    ]
    users = [text for role, text in dialog(events) if role == "user"]
    assert users == ["MAINTASK shout", "again", "and again", "once", "twice"]


def test_failures_are_found(events: list[Event]) -> None:
    [first, _] = runs(events)
    assert [tool.name for tool in first.tools] == ["shout", "fails"]
    main = events[: events.index(runs(events)[1])]
    codes = {finding.code for finding in fold_run(main)[1]}
    assert codes == {
        Code.TOOL_ERROR,
        Code.NAME_UNKNOWN,
        Code.CALL_IN_CONTENT,
        Code.TRAILING_COMMA,
        Code.TRUNCATED,
    }
    errors = [one.error.reason if one.error else "" for one in results(events)]
    assert errors[:2] == ["", "error: ValueError: no: x"]


def test_each_row_keeps_its_token_counts(events: list[Event]) -> None:
    counted = [
        (one.prompt_tokens, one.completion_tokens, one.cached_tokens)
        for event in only(events, MessageAppended)
        if (one := event.message.usage) is not None
    ]
    assert counted == [(row["input_tokens"], row["output_tokens"], 500) for row in LOGS]
    assert started(events).model == "scripted"


def test_interleaved_rows_of_several_conversations_are_separated() -> None:
    mixed = [*LOGS[-1:], *LOGS[:-1]]
    by_id = {one.run_id: one for one in runs(read_bytes(FORMAT, document(mixed)))}
    assert by_id.keys() == {row["conversation_id"] for row in LOGS}


def test_a_log_without_tools_is_read(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE conversations (id TEXT PRIMARY KEY, name TEXT, model TEXT);
            CREATE TABLE responses (id TEXT PRIMARY KEY, model TEXT, prompt TEXT, system TEXT,
                response TEXT, conversation_id TEXT, datetime_utc TEXT);
            INSERT INTO responses VALUES ('r1', 'm', 'Hello.', NULL, 'Hi.', 'x', '2025-01-02');
            INSERT INTO responses VALUES ('r2', 'm', 'Alone.', NULL, 'Yes.', NULL, '2025-01-02');
            """
        )
    connection.close()
    events = read_bytes(FORMAT, b"".join(export_lines(path)))
    assert {(one.run_id, one.task) for one in runs(events)} == {("x", "Hello."), ("r2", "Alone.")}


def test_a_message_that_is_its_own_parent_ends_the_walk_to_the_root(tmp_path: Path) -> None:
    path = database("threads.sql", tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE messages SET parent_hash = hash WHERE role = 'system'")
    connection.close()
    events = read_bytes(FORMAT, b"".join(export_lines(path)))
    assert [(call.id, call.name) for call in calls(events) if call.id] == EXPECTED_CALLS
    assert len([one for one in messages(events) if one.role == "system"]) == 1


@pytest.mark.parametrize("column", ["type", "text", "payload"])
def test_a_database_of_another_version_is_reported_with_its_missing_column(
    tmp_path: Path, column: str
) -> None:
    path = database("threads.sql", tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute(f"ALTER TABLE parts DROP COLUMN {column}")
    connection.close()
    with pytest.raises(SourceError, match=f"no such column: {column}.*another version"):
        list(export_lines(path))


def test_no_message_is_repeated_after_a_turn_without_a_reply(tmp_path: Path) -> None:
    path = database("threads.sql", tmp_path)
    asked = [one.text for one in messages(read_bytes(FORMAT, b"".join(export_lines(path))))
             if one.role in ("system", "user")]  # fmt: skip
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE turns SET tip_message_hash = NULL")
    connection.close()
    again = messages(read_bytes(FORMAT, b"".join(export_lines(path))))
    assert [one.text for one in again if one.role in ("system", "user")] == asked


def test_odd_rows_are_reported_and_the_others_kept() -> None:
    events = read_bytes(FORMAT, lines(*LOGS, 7, {"no": "row"}))
    assert len(calls(events)) == len(calls(read_bytes(FORMAT, document(LOGS))))
    main = events[: events.index(runs(events)[1])]
    assert fold_run(main)[0].defects == 2


@settings(max_examples=60, deadline=None)
@given(any_json("prompt", "response", "tool_calls", "tool_results", "rows", "tools", "system"))
def test_reading_never_raises(value: Any) -> None:
    row = {"prompt": value, "response": value, "tool_calls": value, "token_details": value}
    for held in (value, [row], {"_table": "llm", "rows": value}):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, source_format="llm")
        FORMAT.read(held, build)
        assert build.events
