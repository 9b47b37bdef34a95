"""Traces from the SQLite store of MLflow, which in later versions contains their spans."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.runtime.databases.reading import has, json_line, rows, tables

NEEDED = {
    "trace_info": {"request_id", "timestamp_ms"},
    "spans": {"trace_id", "span_id", "start_time_unix_nano", "content"},
}
_TRACES = "SELECT request_id FROM trace_info ORDER BY timestamp_ms, rowid"
_SPANS = "SELECT content FROM spans WHERE trace_id IS ? ORDER BY start_time_unix_nano, rowid"
_PAIR_TABLES = (
    ("trace_metadata", "trace_request_metadata"),
    ("tags", "trace_tags"),
)
_PAIRS = "SELECT key, value FROM {} WHERE request_id IS ?"
_ASSESSMENTS = """SELECT name AS assessment_name, assessment_type, value, rationale
FROM assessments WHERE trace_id IS ? ORDER BY created_timestamp, rowid"""
_ASSESSMENT_COLUMNS = {
    "assessments": {"trace_id", "name", "assessment_type", "value", "rationale"}
    | {"created_timestamp"}
}


def trace_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Yield one JSON line per trace, as in MLflow's `Trace.to_json` but without its repetitions.

    The first member is `"_table": "trace_info"`. Holds one trace at a time; a trace whose spans are
    stored elsewhere is left out.
    """
    found = tables(connection)
    named = [pair for pair in _PAIR_TABLES if has(found, {pair[1]: {"request_id", "key", "value"}})]
    is_assessed = has(found, _ASSESSMENT_COLUMNS)
    for (trace_id,) in connection.execute(_TRACES).fetchall():
        spans = [decode_if_json(row["content"], 1) for row in rows(connection, _SPANS, trace_id)]
        info: dict[str, object] = {"trace_id": trace_id}
        for name, table in named:
            pairs = rows(connection, _PAIRS.format(table), trace_id)
            info[name] = {str(row["key"]): row["value"] for row in pairs}
        if is_assessed:
            info["assessments"] = [
                _assessment(row) for row in rows(connection, _ASSESSMENTS, trace_id)
            ]
        if spans:
            yield json_line({"_table": "trace_info", "info": info, "data": {"spans": spans}})


def _assessment(row: dict[str, object]) -> dict[str, object]:
    kind = "expectation" if row.pop("assessment_type") == "expectation" else "feedback"
    return {**row, kind: {"value": decode_if_json(row.pop("value"))}}
