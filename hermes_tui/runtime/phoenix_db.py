"""Traces out of the SQLite store of Arize Phoenix."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import orjson

from hermes_tui.formats.json_values import decode_if_json
from hermes_tui.runtime.sqlite_reading import as_text, rows

NEEDED = {
    "traces": {"id", "trace_id"},
    "spans": {"span_id", "trace_rowid", "parent_id", "attributes"},
}
_TRACES = "SELECT id, trace_id FROM traces ORDER BY id"
_SPANS = "SELECT * FROM spans WHERE trace_rowid IS ? ORDER BY id"
_JSON_COLUMNS = ("attributes", "events")


def trace_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per trace: its id, and `spans`, the rows of its spans.

    The first member is `"_table": "spans"`. Holds one trace at a time.
    """
    for rowid, trace_id in connection.execute(_TRACES).fetchall():
        spans = [_span(row, trace_id) for row in rows(connection, _SPANS, rowid)]
        line = {"_table": "spans", "trace_id": trace_id, "spans": spans}
        yield orjson.dumps(line, default=as_text) + b"\n"


def _span(row: dict[str, Any], trace_id: Any) -> dict[str, Any]:
    decoded = {key: decode_if_json(row[key], 1) for key in _JSON_COLUMNS if key in row}
    return {**row, **decoded, "context": {"trace_id": trace_id, "span_id": row["span_id"]}}
