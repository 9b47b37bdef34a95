"""Sessions from an SQLite file of the OpenAI Agents SDK (`SQLiteSession`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.runtime.databases.reading import as_text, columns, json_line, rows

NEEDED = {"agent_messages": {"id", "session_id", "message_data"}}
_SESSIONS = "SELECT DISTINCT session_id FROM agent_messages ORDER BY session_id"
_ITEMS = "SELECT message_data FROM agent_messages WHERE session_id IS ? ORDER BY id"
_ROW = "SELECT * FROM agent_sessions WHERE session_id IS ?"


def session_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per session: its row, and its `items` in the order of their ids.

    The first member is `"_table": "agent_sessions"`. Holds one session at a time.
    """
    has_rows = "session_id" in columns(connection, "agent_sessions")
    for (session_id,) in connection.execute(_SESSIONS).fetchall():
        row: dict[str, Any] = {"session_id": session_id}
        if has_rows:
            row |= next(rows(connection, _ROW, session_id), {})
        items = [_item(data) for (data,) in connection.execute(_ITEMS, (session_id,))]
        yield json_line({"_table": "agent_sessions", **row, "items": items})


def _item(data: Any) -> Any:
    """Return a stored item decoded; a text that is not JSON unchanged."""
    return decode_if_json(as_text(data) if isinstance(data, bytes) else data, 1)
