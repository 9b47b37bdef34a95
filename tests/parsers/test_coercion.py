"""How a schema converts arguments that were sent as texts."""

from __future__ import annotations

from hermes_tui.parsers.coercion import coerced_arguments

SCHEMA = {
    "properties": {
        "limit": {"type": "integer"},
        "deep": {"type": "boolean"},
        "where": {"type": "object"},
        "query": {"type": "string"},
    }
}


def test_texts_are_converted_to_the_types_of_the_schema() -> None:
    given = {"limit": "5", "deep": "true", "where": '{"a": 1}', "query": "5", "other": "7"}
    assert coerced_arguments(given, SCHEMA) == {
        "limit": 5,
        "deep": True,
        "where": {"a": 1},
        "query": "5",
        "other": "7",
    }


def test_texts_that_cannot_be_converted_and_other_values_are_kept() -> None:
    given = {"limit": "five", "deep": 1, "where": None}
    assert coerced_arguments(given, SCHEMA) == given


def test_without_a_schema_nothing_changes() -> None:
    assert coerced_arguments({"limit": "5"}, None) == {"limit": "5"}
