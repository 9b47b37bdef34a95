"""Rows with a query, the calls that answer it, and the tools."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.xlam import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    codes,
    dialog,
    format_of,
    lines,
    only,
    read_value,
    runs,
)

CALLS = [{"name": "add", "arguments": {"a": 2}}, {"name": "add", "arguments": {"a": 3}}]
TOOLS = [{"name": "add", "description": "Add.", "parameters": {"a": {"type": "int"}}}]
ROW = {"id": 7, "query": "2 + 3?", "answers": json.dumps(CALLS), "tools": json.dumps(TOOLS)}


def all_codes(value: Any) -> set[Code]:
    return {one.code for one in fold_run(read_value(FORMAT, value))[1]}


@pytest.mark.parametrize("row", [ROW, {**ROW, "answers": CALLS, "tools": TOOLS}])
def test_a_row_is_a_question_with_the_calls_that_answer_it(row: dict[str, Any]) -> None:
    assert format_of(lines(row, row)) == "xlam"
    events = read_value(FORMAT, row)
    assert dialog(events)[0] == ("user", "2 + 3?")
    assert [(call.name, call.arguments, call.raw) for call in calls(events)] == [
        ("add", {"a": 2}, CALLS[0]),
        ("add", {"a": 3}, CALLS[1]),
    ]
    assert (runs(events)[0].run_id, runs(events)[0].tools[0].name) == ("7", "add")
    assert not all_codes(row), "nothing runs these calls, and types are no JSON Schema"


def test_faults_of_a_call_are_found() -> None:
    broken = '[{"name": "add", "arguments": {"a": 2},}]'
    assert all_codes({**ROW, "answers": broken}) == {Code.TRAILING_COMMA}
    assert all_codes({**ROW, "answers": [{"name": "ad", "arguments": {}}]}) == {Code.NAME_UNKNOWN}
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tools = [{"name": "add", "parameters": schema}]
    assert all_codes({**ROW, "tools": tools}) == {Code.SCHEMA_VIOLATION}


def test_the_list_of_calls_may_be_empty() -> None:
    for answers in ("[]", []):
        events = read_value(FORMAT, {**ROW, "answers": answers})
        assert dialog(events)[-1] == ("assistant", "[]")
        assert not codes(events)


def test_other_rows_are_not_claimed() -> None:
    other = {"query": 1, "answers": [], "tools": []}
    assert format_of(lines(other, other)) != "xlam"
    assert len(only(read_value(FORMAT, other), SourceDefect)) == 1


JSON = any_json("name", "arguments", "parameters", "properties", "query", "answers", "tools")


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(first: Any, second: Any) -> None:
    for value in (
        first,
        {**ROW, "answers": first, "tools": second},
        {**ROW, "answers": [first, {"name": second, "arguments": first}], "id": second},
        {**ROW, "tools": [first, {"name": "f", "parameters": second}]},
    ):
        read_value(FORMAT, value)
