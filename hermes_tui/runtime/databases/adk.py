"""Sessions from an SQLite file of Google's Agent Development Kit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.runtime.databases.reading import json_line, rows

NEEDED = {
    "sessions": {"app_name", "user_id", "id", "state"},
    "events": {"app_name", "user_id", "session_id", "timestamp", "invocation_id"},
}
_SESSIONS = "SELECT * FROM sessions ORDER BY app_name, user_id, id"
_EVENTS = (
    "SELECT * FROM events WHERE app_name IS ? AND user_id IS ? AND session_id IS ? "
    "ORDER BY timestamp, rowid"
)
_PICKLED = "actions"


def session_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per session: its row, and its `events` in the order of their times.

    The first member is `"_table": "adk_sessions"`. Versions before 2 store the members of an event
    in columns; its actions, which are pickled, are left out. Holds one session at a time.
    """
    for row in list(rows(connection, _SESSIONS)):
        row["state"] = decode_if_json(row["state"], 1)
        found = rows(connection, _EVENTS, row["app_name"], row["user_id"], row["id"])
        yield json_line({"_table": "adk_sessions", **row, "events": list(map(_event, found))})


def _event(row: dict[str, Any]) -> Any:
    data = decode_if_json(row.get("event_data"), 1)
    if isinstance(data, dict):
        columns = {key: row[key] for key in ("id", "invocation_id", "timestamp")}
        return {**columns, **data}
    return {key: decode_if_json(value, 1) for key, value in row.items() if key != _PICKLED}
