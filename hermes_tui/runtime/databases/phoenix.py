"""Traces from the SQLite store of Arize Phoenix."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.runtime.databases.reading import has, json_line, rows, tables

NEEDED = {
    "traces": {"id", "trace_id"},
    "spans": {"span_id", "trace_rowid", "parent_id", "attributes"},
}
_TRACES = "SELECT id, trace_id FROM traces ORDER BY id"
_SPANS = "SELECT * FROM spans WHERE trace_rowid IS ? ORDER BY id"
_SPAN_NOTES = """SELECT spans.span_id, a.name, a.label, a.score, a.explanation, a.annotator_kind
FROM span_annotations a JOIN spans ON spans.id = a.span_rowid
WHERE spans.trace_rowid IS ? ORDER BY a.id"""
_TRACE_NOTES = """SELECT name, label, score, explanation, annotator_kind
FROM trace_annotations WHERE trace_rowid IS ? ORDER BY id"""
_ANNOTATION_COLUMNS = {"name", "label", "score", "explanation", "annotator_kind"}
_JSON_COLUMNS = ("attributes", "events")


def trace_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per trace: its id, its `spans`, and the annotations on them and on it.

    The first member is `"_table": "spans"`. Holds one trace at a time.
    """
    found = tables(connection)
    queries = [
        query
        for table, key, query in (
            ("trace_annotations", "trace_rowid", _TRACE_NOTES),
            ("span_annotations", "span_rowid", _SPAN_NOTES),
        )
        if has(found, {table: _ANNOTATION_COLUMNS | {key}})
    ]
    for rowid, trace_id in connection.execute(_TRACES).fetchall():
        spans = [_span(row, trace_id) for row in rows(connection, _SPANS, rowid)]
        notes = [note for query in queries for note in rows(connection, query, rowid)]
        line = {"_table": "spans", "trace_id": trace_id, "spans": spans, "annotations": notes}
        if spans:
            yield json_line(line)


def _span(row: dict[str, Any], trace_id: Any) -> dict[str, Any]:
    decoded = {key: decode_if_json(row[key], 1) for key in _JSON_COLUMNS if key in row}
    return {**row, **decoded, "context": {"trace_id": trace_id, "span_id": row["span_id"]}}
