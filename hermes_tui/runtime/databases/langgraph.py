"""States from an SQLite file of LangGraph's checkpoints (`SqliteSaver`). Nothing is executed.

A checkpoint is the whole state of a graph, in MessagePack. Python objects in it are stored as
module, class and members, of which only the members are read. Pickled values are not read at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec
import orjson

from hermes_tui.runtime.databases.reading import json_line, tables

NEEDED = {
    "checkpoints": {
        "thread_id",
        "checkpoint_ns",
        "checkpoint_id",
        "parent_checkpoint_id",
        "type",
        "checkpoint",
    }
}
_LINKS = "SELECT thread_id, checkpoint_ns, parent_checkpoint_id FROM checkpoints"
_STATES = "SELECT * FROM checkpoints ORDER BY thread_id, checkpoint_ns, checkpoint_id"
_WRITES = """SELECT channel, type, value FROM writes
WHERE thread_id IS ? AND checkpoint_ns IS ? AND checkpoint_id IS ?
AND channel IN ('__error__', '__interrupt__')"""


def state_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line for each last state of a thread, in the form of a `StateSnapshot`.

    A thread that was forked has several. Holds one state at a time.
    """
    followed = set(connection.execute(_LINKS))
    has_writes = "writes" in tables(connection)
    cursor = connection.execute(_STATES)
    names = [column[0] for column in cursor.description]
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        key = (row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"])
        if key not in followed:
            pending = _pending(connection, key) if has_writes else {}
            yield json_line(_snapshot(row, pending))


def _pending(connection: sqlite3.Connection, key: tuple[Any, ...]) -> dict[str, Any]:
    """Return the errors and interrupts written after a state, by channel."""
    found = connection.execute(_WRITES, key)
    return {str(channel): _decoded(kind, value) for channel, kind, value in found}


def _snapshot(row: dict[str, Any], pending: dict[str, Any]) -> dict[str, Any]:
    state = _decoded(row["type"], row["checkpoint"])
    checkpoint = state if isinstance(state, dict) else {"state": state}
    place = {key: row[key] for key in ("thread_id", "checkpoint_ns", "checkpoint_id")}
    return {
        "_table": "checkpoints",
        "values": checkpoint.get("channel_values", checkpoint),
        "next": [],
        "config": {"configurable": place},
        "created_at": checkpoint.get("ts"),
        "metadata": _decoded("json", row.get("metadata")),
        "pending_writes": pending,
    }


def _decoded(kind: Any, data: Any) -> Any:
    """Return a stored value, or a text that says why it cannot be read."""
    packed = data.encode("utf-8", "replace") if isinstance(data, str) else data
    if not isinstance(packed, bytes):
        return packed
    try:
        if kind == "msgpack":
            return msgspec.msgpack.decode(packed, ext_hook=_members)
        if kind == "json":
            return orjson.loads(packed)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return f"not readable: {error}"
    return f"{len(packed):,} bytes of type {kind}, not read"


def _members(_: int, data: memoryview) -> Any:
    """Return the members of a Python object, which is stored as module, class and members."""
    made = msgspec.msgpack.decode(data, ext_hook=_members)
    return made[2] if isinstance(made, list) and len(made) >= 3 else made
