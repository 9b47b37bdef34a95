"""Sessions from opencode's `opencode.db`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.runtime.databases.reading import json_line, rows

NEEDED = {
    "session": {"id", "parent_id", "title", "time_created"},
    "message": {"id", "session_id", "time_created", "data"},
    "part": {"id", "message_id", "session_id", "data"},
}
_SESSIONS = "SELECT * FROM session ORDER BY time_created, id"
_MESSAGES = "SELECT id, data FROM message WHERE session_id IS ? ORDER BY time_created, id"
_PARTS = "SELECT id, message_id, data FROM part WHERE session_id IS ? ORDER BY id"
_PLAIN = ("id", "title", "directory", "agent", "version", "cost")


def session_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per session, as `opencode export` prints it.

    The first member is `"_table": "opencode"`. Holds one session at a time.
    """
    for row in list(rows(connection, _SESSIONS)):
        parts: dict[Any, list[Any]] = {}
        for part in rows(connection, _PARTS, row["id"]):
            parts.setdefault(part["message_id"], []).append(_data(part))
        messages = [
            {"info": _data(message), "parts": parts.pop(message["id"], [])}
            for message in rows(connection, _MESSAGES, row["id"])
        ]
        lost = [part for left in parts.values() for part in left]
        if lost:
            messages.append({"info": {"role": "unknown"}, "parts": lost})
        yield json_line({"_table": "opencode", "info": _info(row), "messages": messages})


def _data(row: dict[str, Any]) -> dict[str, Any]:
    data = decode_if_json(row["data"], 1)
    return {"id": row["id"], **(data if isinstance(data, dict) else {"text": data})}


def _info(row: dict[str, Any]) -> dict[str, Any]:
    kinds = ("input", "output", "reasoning")
    tokens = {kind: row.get(f"tokens_{kind}") for kind in kinds}
    cache = {kind: row.get(f"tokens_cache_{kind}") for kind in ("read", "write")}
    info = {
        **{key: row.get(key) for key in _PLAIN},
        "parentID": row["parent_id"],
        "model": decode_if_json(row.get("model"), 1),
        "tokens": {**tokens, "cache": cache} if any(tokens.values()) else None,
        "time": {"created": row["time_created"], "updated": row.get("time_updated")},
    }
    return {key: value for key, value in info.items() if value is not None}
