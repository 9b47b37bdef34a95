"""Threads from the SQLite file of Mastra (`LibSQLStore`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.runtime.databases.reading import json_line, rows

NEEDED = {
    "mastra_threads": {"id", "title", "createdAt"},
    "mastra_messages": {"id", "thread_id", "content", "role", "createdAt"},
}
_THREADS = "SELECT * FROM mastra_threads ORDER BY createdAt, id"
_LOST = (
    "SELECT DISTINCT thread_id AS id FROM mastra_messages"
    " WHERE thread_id NOT IN (SELECT id FROM mastra_threads) ORDER BY thread_id"
)
_MESSAGES = "SELECT * FROM mastra_messages WHERE thread_id IS ? ORDER BY createdAt, rowid"
_DEFAULT_TITLE = "New Thread"


def thread_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per thread: its row, and its `messages` in the order of their times.

    The first member is `"_table": "mastra_threads"`. Holds one thread at a time.
    """
    for thread in [*rows(connection, _THREADS), *rows(connection, _LOST)]:
        messages = [_message(row) for row in rows(connection, _MESSAGES, thread["id"])]
        if str(thread.get("title") or "").startswith(_DEFAULT_TITLE):
            del thread["title"]
        metadata = decode_if_json(thread.get("metadata"), 1)
        row = {**thread, "metadata": metadata, "messages": messages}
        about = {key: value for key, value in row.items() if value not in (None, "", {})}
        yield json_line({"_table": "mastra_threads", **about})


def _message(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "content": decode_if_json(row["content"], 1)}
