"""Calls in function tags in the texts of a run, sound and damaged."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.embedded import read_embedded
from tests.parsers.laws import check_laws, codes, unmark

PROPERTIES = {
    "text": {"type": "string"},
    "count": {"type": "integer"},
    "ratio": {"type": "number"},
    "flag": {"type": "boolean"},
    "tags": {"type": "array"},
    "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
}
TOOL = ToolSpec("f", parameters={"type": "object", "properties": PROPERTIES})


def read(text: str) -> ParseResult:
    result = read_embedded(text, [TOOL])
    assert result is not None
    check_laws(text, result)
    return result


def call(parameters: str) -> str:
    return f"<function=f>\n{parameters}\n</function>"


def test_a_call_is_read_with_and_without_its_wrapper() -> None:
    bare = call("<parameter=text>\nhi\n</parameter>")
    for text in (bare, f"<tool_call>\n{bare}\n</tool_call>"):
        result = read(f"So.\n{text}\nDone.")
        (found,) = result.calls
        assert (found.name, found.arguments, found.verdict) == ("f", '{"text": "hi"}', "json")
        assert (result.content, codes(result)) == ("So.\n\nDone.", [])


def test_only_one_newline_is_removed_from_each_side_of_a_value() -> None:
    found = read(call("<parameter=text>\n\n    indented\n\n</parameter>")).calls[0]
    assert found.value == {"text": "\n    indented\n"}


@pytest.mark.parametrize(
    ("key", "text", "value", "expected_codes"),
    [
        ("text", "42", "42", []),
        ("text", '{"a": 1}', '{"a": 1}', []),
        ("count", "7", 7, []),
        ("count", "5.0", 5, ["COERCED"]),
        ("count", "five", "five", ["COERCE_FAILED"]),
        ("ratio", "1.5", 1.5, []),
        ("ratio", "1e999", "1e999", ["COERCE_FAILED"]),
        ("flag", "true", True, []),
        ("tags", '["a", 1]', ["a", 1], []),
        ("tags", "[1, 2", "[1, 2", ["COERCE_FAILED"]),
        ("maybe", "null", None, []),
        ("maybe", "42", "42", []),
        ("unknown", "42", "42", ["SCHEMA_VIOLATION"]),
    ],
)
def test_the_schema_decides_the_type_of_a_value(
    key: str, text: str, value: Any, expected_codes: list[str]
) -> None:
    result = read(call(f"<parameter={key}>\n{text}\n</parameter>"))
    assert (result.calls[0].value, codes(result)) == ({key: value}, expected_codes)


@pytest.mark.parametrize(
    ("key", "text", "value"), [("flag", "True", True), ("count", "None", None)]
)
def test_python_words_are_read_and_reported(key: str, text: str, value: object) -> None:
    result = read(call(f"<parameter={key}>\n{text}\n</parameter>"))
    assert (result.calls[0].value, codes(result)) == ({key: value}, ["PY_LITERAL"])


DAMAGED = [
    (
        "<function=f>\n‹<parameter=text>\nhi\n\n<›parameter=count>\n3\n</parameter>\n</function>",
        "PARAM_UNCLOSED",
        {"text": "hi", "count": 3},
    ),
    (
        "<function=f>\n‹<parameter=text>\nhi\n<›/function>",
        "PARAM_UNCLOSED",
        {"text": "hi"},
    ),
    ("<function=f>\n‹<parameter=text>\nhi›", "TRUNCATED", {"text": "hi"}),
    (
        "<function=f>\n<parameter=text>\nhi\n</parameter‹>\n›",
        "UNCLOSED",
        {"text": "hi"},
    ),
    (
        "<function=f>\n<parameter=text>\nthe ‹</parameter>› tag\n</parameter>\n</function>",
        "MARKER_IN_VALUE",
        {"text": "the </parameter> tag"},
    ),
    (
        "<function=f>\n<parameter=text>\nhi‹</parameter/>›\n</function>",
        "MARKER_VARIANT",
        {"text": "hi"},
    ),
    (
        '‹<function="f">›\n<parameter=text>\nhi\n</parameter>\n</function>',
        "MARKER_VARIANT",
        {"text": "hi"},
    ),
    (
        '<function=f>\n‹<parameter name="text">›\nhi\n</parameter>\n</function>',
        "MARKER_VARIANT",
        {"text": "hi"},
    ),
    (
        "<function=f>\n<parameter=‹text=hi›>\n</parameter>\n</function>",
        "PARAM_PAIRING",
        {"text": "hi"},
    ),
    ('<function=f>‹{"text": "hi"}›</function>', "WRONG_FORMAT", {"text": "hi"}),
]


@pytest.mark.parametrize(("marked", "code", "value"), DAMAGED)
def test_a_damaged_call_is_an_error_at_its_place(
    marked: str, code: str, value: dict[str, Any]
) -> None:
    text, span = unmark(marked)
    result = read(text)
    found = [d for d in result.diagnostics if d.code == code]
    assert found, codes(result)
    assert (found[0].span, found[0].severity) == (span, Severity.ERROR)
    assert (result.calls[0].name, result.calls[0].value) == ("f", value)


def test_a_closing_tag_inside_a_value_belongs_to_it_although_engines_cut_there() -> None:
    value = "it printed </tool_call> and quit"
    result = read(f"<tool_call>\n{call(f'<parameter=text>{value}</parameter>')}\n</tool_call>")
    assert (result.calls[0].value, codes(result)) == ({"text": value}, ["MARKER_IN_VALUE"])


def test_the_last_of_two_equal_keys_wins() -> None:
    one, two = "<parameter=count>1</parameter>", "<parameter=count>2</parameter>"
    result = read(call(one + two))
    assert (result.calls[0].value, codes(result)) == ({"count": 2}, ["DUP_KEY"])


def test_a_call_without_a_name_fails() -> None:
    result = read("<function=>\n<parameter=text>x</parameter>\n</function>")
    assert (result.calls[0].name, result.calls[0].verdict) == (None, "failed")
    assert codes(result) == ["NAME_MISSING"]


@pytest.mark.parametrize("text", ["Write <function=NAME> to start.", "a <function of x> is"])
def test_a_function_tag_mentioned_in_prose_calls_nothing(text: str) -> None:
    result = read(text)
    assert (result.calls, result.content) == ((), text)


def test_a_block_whose_stop_string_was_removed_is_noted() -> None:
    result = read("So.\n<tool_call>\n<function=f>\n</function>\n")
    assert [(d.code, d.severity) for d in result.diagnostics] == [("UNCLOSED", Severity.NOTE)]


def test_a_call_cut_in_its_first_tag_fails_and_is_not_lost() -> None:
    result = read("So.\n<function=f")
    assert (result.calls[0].verdict, codes(result)) == ("failed", ["TRUNCATED"])
