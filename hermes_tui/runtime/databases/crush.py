"""Sessions from the `crush.db` of Crush, or from the database of the first opencode."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from typing import Any

from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.runtime.databases.reading import as_text, json_line, rows

NEEDED = {
    "sessions": {"id", "parent_session_id", "title", "cost", "created_at"},
    "messages": {"id", "session_id", "role", "parts", "created_at"},
}
_SESSIONS = "SELECT * FROM sessions ORDER BY created_at, rowid"
_CHILDREN = "SELECT id FROM sessions WHERE parent_session_id IS ? ORDER BY created_at, rowid"
_MESSAGES = "SELECT * FROM messages WHERE session_id IS ? ORDER BY created_at, rowid"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_PARTS = 64 << 20
"""The most bytes that are decompressed of the parts of one message."""


def session_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per session: its row, its `messages` and the ids of its `children`.

    The first member is `"_table": "crush"`. Holds one session at a time.
    """
    for row in list(rows(connection, _SESSIONS)):
        messages = list(_messages(connection, row["id"]))
        children = [child for (child,) in connection.execute(_CHILDREN, (row["id"],))]
        yield json_line({"_table": "crush", **row, "messages": messages, "children": children})


def _messages(connection: sqlite3.Connection, session_id: Any) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(_MESSAGES, (session_id,))
    names = [column[0] for column in cursor.description]
    for row in cursor:
        message = dict(zip(names, row, strict=True))
        yield {**message, "parts": _parts(message["parts"])}


def _parts(stored: Any) -> Any:
    """Return the parts of a message: JSON, which may be compressed by zstd."""
    if isinstance(stored, bytes) and stored.startswith(_ZSTD_MAGIC):
        import zstandard

        try:
            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(stored)) as reader:
                stored = reader.read(_MAX_PARTS)
        except zstandard.ZstdError as error:
            return f"cannot be decompressed: {error}"
    return decode_if_json(as_text(stored) if isinstance(stored, bytes) else stored, 1)
