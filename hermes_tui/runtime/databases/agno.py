"""Sessions from the SQLite file of Agno's `SqliteDb`, whose tables may have any name.

Version 2 keeps the runs of a session in its row, as JSON in a JSON string; version 3 keeps them in
rows of their own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.runtime.databases.reading import json_line, rows, tables

_SESSION = frozenset({"session_id", "session_type", "session_data", "agent_data", "team_data"})
_JSON = frozenset({"session_data", "agent_data", "team_data", "workflow_data"}) | {
    "metadata", "summary", "runs",
}  # fmt: skip
_RUN = frozenset({"run_id", "session_id", "run_type", "run_data"})


def is_agno(found: Mapping[str, set[str]]) -> bool:
    """Return whether one of the tables is of Agno's sessions."""
    return any(columns >= _SESSION for columns in found.values())


def session_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per session: its row, with its `runs` in their order.

    The first member is `"_table": "agno"`. Holds one session at a time.
    """
    found = tables(connection)
    run_tables = [_quoted(name) for name, columns in found.items() if columns >= _RUN]
    for name, columns in found.items():
        if not columns >= _SESSION:
            continue
        query = f"SELECT * FROM {_quoted(name)} ORDER BY created_at, rowid"
        for row in list(rows(connection, query)):
            session = row | {key: _decoded(row[key]) for key in _JSON & row.keys()}
            runs = session.get("runs")
            session["runs"] = [
                *(runs if isinstance(runs, list) else ()),
                *(
                    run
                    for table in run_tables
                    for run in _runs(connection, table, row["session_id"])
                ),
            ]
            yield json_line({"_table": "agno", **session})


def _runs(connection: sqlite3.Connection, table: str, session_id: Any) -> Iterator[Any]:
    query = f"SELECT run_data FROM {table} WHERE session_id IS ? ORDER BY run_index, rowid"
    for row in rows(connection, query, session_id):
        yield _decoded(row["run_data"])


def _decoded(value: Any) -> Any:
    """Return the value of a JSON column; null is stored as a text."""
    return None if value == "null" else decode_if_json(value, 2)


def _quoted(name: str) -> str:
    quoted = name.replace('"', '""')
    return f'"{quoted}"'
