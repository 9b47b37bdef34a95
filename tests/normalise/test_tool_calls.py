from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ArgumentsState, IdState, Origin
from hermes_tui.parsers.call_arguments import read_arguments
from hermes_tui.parsers.normalise import normalise_message
from hermes_tui.parsers.tool_calls import read_call
from tests.normalise.reading import assistant, codes, native, only_call


def test_a_native_call_is_a_dict():
    entry = native('{"command": "ls"}')
    call, found = only_call(entry)
    assert (call.origin, call.name, call.id) == (Origin.DICT, "terminal", "c1")
    assert (call.arguments_text, call.arguments) == ('{"command": "ls"}', {"command": "ls"})
    assert call.arguments_state is ArgumentsState.JSON_STRING
    assert call.raw is entry
    assert found == ()


@pytest.mark.parametrize("key", ["arguments", "args", "input", "parameters"])
def test_a_flat_call_is_a_flat_dict(key):
    call, _ = only_call({"id": "a", "name": "f", key: {"x": 1}})
    assert (call.origin, call.name, call.arguments) == (Origin.FLAT_DICT, "f", {"x": 1})
    assert call.arguments_text == '{"x":1}'


def test_a_call_as_json_text_is_decoded():
    entry = json.dumps(native('{"a": 1}'))
    call, found = only_call(entry)
    assert (call.origin, call.name, call.arguments) == (Origin.DICT, "terminal", {"a": 1})
    assert call.raw == entry
    assert found == ()


def test_a_custom_call_keeps_its_raw_input():
    call, found = only_call(
        {"id": "a", "type": "custom", "custom": {"name": "apply_patch", "input": "*** Begin"}}
    )
    assert (call.origin, call.verdict, call.arguments_text) == (Origin.DICT, "custom", "*** Begin")
    assert found == ()


def test_a_legacy_function_call_needs_no_id():
    found = assistant(function_call={"name": "f", "arguments": "{}"})
    call, findings = found.calls[0]
    assert (call.origin, call.id_state) == (Origin.FLAT_DICT, IdState.MISSING)
    assert call.raw == {"name": "f", "arguments": "{}"}
    assert findings == ()
    assert assistant(function_call=None).calls == ()


def test_calls_among_the_content_parts_are_calls():
    content = [
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
        {"type": "tool_call", "value": '{"name": "g", "arguments": {"b": 2}}'},
    ]
    found = assistant(content=content)
    assert [(c.index, c.name, c.arguments) for c, _ in found.calls] == [
        (0, "f", {"a": 1}),
        (1, "g", {"b": 2}),
    ]
    assert [codes(d) for _, d in found.calls] == [[], [Code.ARGS_OBJECT]]
    assert found.message.parts == ()


@pytest.mark.parametrize("entry", [17, None, [], {}, "no json", {"odd": 1}])
def test_anything_else_is_an_unknown_call_kept_whole(entry):
    call, found = only_call(entry)
    assert (call.origin, call.name, call.raw) == (Origin.UNKNOWN, None, entry)
    assert Code.NAME_MISSING in codes(found)


def test_an_empty_list_is_noted_and_null_is_not():
    assert codes(assistant(content="x", tool_calls=[]).diagnostics) == [Code.TOOL_CALLS_EMPTY]
    assert assistant(content="x", tool_calls=None).diagnostics == ()
    assert normalise_message({"role": "user", "content": "", "tool_calls": []}).diagnostics == ()


def test_tool_calls_that_are_not_a_list_are_read_and_reported():
    for value in (native(), json.dumps([native()])):
        found = assistant(tool_calls=value)
        assert [c.name for c, _ in found.calls] == ["terminal"]
        assert codes(found.diagnostics) == [Code.SOURCE_DEFECT]


@pytest.mark.parametrize(
    ("ids", "state"),
    [({}, IdState.MISSING), ({"id": None}, IdState.NULL), ({"id": ""}, IdState.EMPTY)],
)
def test_a_call_without_an_id_is_reported(ids, state):
    call, found = only_call({"function": {"name": "f", "arguments": "{}"}, **ids})
    assert call.id_state is state
    assert [(d.code, d.severity, d.call_index) for d in found] == [
        (Code.ID_MISSING, Severity.WARNING, 0)
    ]


@pytest.mark.parametrize("name", [None, "", 5, {}])
def test_a_call_without_a_name_is_an_error(name):
    call, found = only_call(native(name=name))
    assert call.name is None
    assert [(d.code, d.severity) for d in found] == [(Code.NAME_MISSING, Severity.ERROR)]


@pytest.mark.parametrize(
    ("arguments", "state", "value", "expected"),
    [
        ({"a": 1}, ArgumentsState.OBJECT, {"a": 1}, [Code.ARGS_OBJECT]),
        ('{"a": 1}', ArgumentsState.JSON_STRING, {"a": 1}, []),
        ('"{\\"a\\": 1}"', ArgumentsState.DOUBLE_ENCODED, {"a": 1}, [Code.ARGS_DOUBLE]),
        ("ls -la", ArgumentsState.NOT_JSON, None, [Code.ARGS_INVALID]),
        ("[1]", ArgumentsState.NOT_OBJECT, None, [Code.ARGS_NOT_OBJECT]),
        ('"ls"', ArgumentsState.NOT_OBJECT, None, [Code.ARGS_NOT_OBJECT]),
        ("null", ArgumentsState.NOT_OBJECT, None, [Code.ARGS_NOT_OBJECT]),
        ([1], ArgumentsState.NOT_OBJECT, None, [Code.ARGS_NOT_OBJECT]),
        ("", ArgumentsState.EMPTY, {}, []),
        (None, ArgumentsState.NULL, None, [Code.ARGS_NOT_OBJECT]),
    ],
)
def test_the_state_of_the_arguments_is_reported(arguments, state, value, expected):
    call, found = only_call(native(arguments))
    assert (call.arguments_state, call.arguments) == (state, value)
    assert codes(found) == expected


def test_missing_arguments_are_distinguished_from_null():
    call, _ = only_call({"id": "a", "function": {"name": "f"}})
    assert call.arguments_state is ArgumentsState.MISSING


def test_broken_arguments_are_underlined_where_json_stops():
    text = '{"city": "Lisbon" "days": 3}'
    call, found = only_call(native(text))
    assert call.arguments_text == text
    span = found[0].span
    assert span is not None
    assert text[span.start : span.end] == '"'
    assert span.start == text.index('"days"')


def test_truncated_arguments_are_reported_as_such():
    _, found = only_call(native('{"city": "Lis'))
    assert "truncated" in found[0].hint


def test_python_literals_are_reported_as_such_and_read():
    call, found = only_call(native("{'city': 'Lisbon', 'now': True}"))
    assert "Python" in found[0].hint
    assert call.arguments == {"city": "Lisbon", "now": True}
    assert call.arguments_state is ArgumentsState.NOT_JSON


def test_findings_carry_the_index_of_their_call():
    found = assistant(tool_calls=[native(), native("{")])
    assert found.calls[0][1] == ()
    assert [d.call_index for d in found.calls[1][1]] == [1]


def test_deeply_nested_arguments_do_no_harm():
    call, found = only_call(native('{"a":' * 100_000 + "1" + "}" * 100_000))
    assert call.arguments_state is ArgumentsState.NOT_JSON
    assert codes(found) == [Code.ARGS_INVALID]


def test_a_flaw_in_the_arguments_is_reported_once_with_its_place() -> None:
    found = read_arguments('{"a": "\x01"}').diagnostics
    assert [each.message for each in found] == [
        "the arguments are not JSON: Invalid control character at character 7"
    ]


def test_text_that_claude_code_could_not_parse_is_the_arguments() -> None:
    entry: dict[str, Any] = {"type": "tool_use", "id": "t", "name": "ls"}
    entry["input"] = {"__unparsedToolInput": 1}
    assert read_call(entry, 0)[0].arguments == {"__unparsedToolInput": 1}
    entry["input"] = {"__unparsedToolInput": {"raw": '{"a": }', "len": 7}}
    call, found = read_call(entry, 0)
    assert (call.arguments_text, call.raw) == ('{"a": }', entry)
    assert [one.code for one in found] == [Code.ARGS_INVALID]
