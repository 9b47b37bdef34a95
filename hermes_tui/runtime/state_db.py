"""Sessions out of SQLite files as JSON lines: hermes-agent's `state.db`, and those of others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime import agents_db, langgraph_db, phoenix_db
from hermes_tui.runtime.sqlite_reading import columns, has, hint_of, json_line, opened, rows, tables

_NEEDED = {"sessions": {"id"}, "messages": {"id", "session_id", "role"}}
_KNOWN = "hermes-agent's state.db, OpenAI Agents SDK sessions, LangGraph checkpoints and Phoenix"
_ORPHANS = """SELECT DISTINCT session_id FROM messages
WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id IS messages.session_id)"""


def export_lines(path: Path) -> Iterator[bytes]:
    """Yield one JSON line per session: its row, and `messages`, its rows in the order of their ids.

    The first member is `"_table": "sessions"`. Holds one session at a time. Of another program's
    database the lines are those that its own module describes. Raises SourceError.
    """
    try:
        with opened(path) as connection:
            yield from _lines(path, connection)
    except sqlite3.DatabaseError as error:
        raise SourceError(str(path), str(error), hint_of(error)) from error
    except OSError as error:
        raise SourceError(str(path), error.strerror or str(error)) from error


def _lines(path: Path, connection: sqlite3.Connection) -> Iterator[bytes]:
    found = tables(connection)
    for needed, lines_of in (
        (_NEEDED, _sessions),
        (agents_db.NEEDED, agents_db.session_lines),
        (langgraph_db.NEEDED, langgraph_db.state_lines),
        (phoenix_db.NEEDED, phoenix_db.trace_lines),
    ):
        if has(found, needed):
            return lines_of(connection)
    raise SourceError(
        str(path),
        "an SQLite database, but of no program that is known",
        f"{_KNOWN} are; its tables: {(', '.join(sorted(found)) or 'none')[:200]}",
    )


def _sessions(connection: sqlite3.Connection) -> Iterator[bytes]:
    order = "started_at, rowid" if "started_at" in columns(connection, "sessions") else "rowid"
    for session in rows(connection, f"SELECT * FROM sessions ORDER BY {order}"):
        yield _line(connection, session)
    for (session_id,) in connection.execute(_ORPHANS):
        yield _line(connection, {"id": session_id, "note": "its row in sessions is missing"})


def _line(connection: sqlite3.Connection, session: dict[str, Any]) -> bytes:
    query = "SELECT * FROM messages WHERE session_id IS ? ORDER BY id"
    messages = list(rows(connection, query, session["id"]))
    return json_line({"_table": "sessions", **session, "messages": messages})
