"""Sessions from hermes-agent's `state.db`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from hermes_tui.runtime.databases.reading import columns, json_line, rows

NEEDED = {"sessions": {"id"}, "messages": {"id", "session_id", "role"}}
_ORPHANS = """SELECT DISTINCT session_id FROM messages
WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id IS messages.session_id)"""
_MESSAGES = "SELECT * FROM messages WHERE session_id IS ? ORDER BY id"


def session_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per session: its row, and the rows of its `messages` ordered by id.

    The first member is `"_table": "sessions"`. Holds one session at a time.
    """
    order = "started_at, rowid" if "started_at" in columns(connection, "sessions") else "rowid"
    for session in rows(connection, f"SELECT * FROM sessions ORDER BY {order}"):
        yield _line(connection, session)
    for (session_id,) in connection.execute(_ORPHANS):
        yield _line(connection, {"id": session_id, "note": "its row in sessions is missing"})


def _line(connection: sqlite3.Connection, session: dict[str, Any]) -> bytes:
    messages = list(rows(connection, _MESSAGES, session["id"]))
    return json_line({"_table": "sessions", **session, "messages": messages})
