"""Checks of a text while it is edited, the layout of JSON, and the display of differences."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.debugger.state import SessionState
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.ui.edit_checks import (
    check_arguments,
    check_assistant_text,
    check_breakpoint,
    check_message,
    check_name,
    check_parameters,
    position,
    signature,
)
from hermes_tui.ui.json_layout import laid_out, offset_of
from hermes_tui.ui.render.diff import diff_lines
from tests.live.dialogs import TERMINAL

AUTO = SessionState(
    parser="auto", tools={TERMINAL.name: TERMINAL}, names=frozenset({TERMINAL.name})
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


# Problems


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python looks through as much as it reads")
def test_arguments_nested_too_deeply_to_check_are_reported() -> None:
    (problem,) = check_arguments('{"a":' * 1000 + "1" + "}" * 1000)
    assert problem.severity is Severity.NOTE
    assert "nested too deeply" in problem.message


def test_broken_arguments_are_located() -> None:
    (problem,) = check_arguments('{"a": 1,\n "b" 2}')
    assert (problem.severity, problem.line, problem.column) == (Severity.ERROR, 2, 6)
    assert "not JSON" in problem.message


def test_an_open_bracket_of_typed_arguments_is_not_blamed_on_max_tokens() -> None:
    (problem,) = check_arguments('{"a": 1')
    assert problem.message.endswith("truncated: the text ends before all brackets are closed")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1]", "a list"),
        ('"{\\"a\\": 1}"', "encoded 2 times"),
        ("", "without arguments"),
        ('{"a": 1, "a": 2}', "appears twice"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "deep"),
    ],
)
def test_odd_arguments_are_reported(text: str, expected: str) -> None:
    assert expected in " ".join(problem.message for problem in check_arguments(text))


def test_arguments_are_checked_against_the_schema() -> None:
    problems = check_arguments('{\n "timeout": "soon"}', TERMINAL.parameters)
    assert [(problem.line, problem.column) for problem in problems] == [(0, 0), (2, 13)]
    assert "command" in problems[0].message
    assert "timeout" in problems[1].message


@pytest.mark.parametrize(
    ("path", "found"),
    [("a", "[1"), ("a[1]", '{"b.c'), ("a[1].b.c", "null"), ("d", "2"), ("a[9]", None), ("e", None)],
)
def test_values_are_found_by_their_path(path: str, found: str | None) -> None:
    text = '{"a" : [1, {"b.c": null}],\n "d":2}'
    offset = offset_of(text, path)
    assert (offset is None) if found is None else text.startswith(found, offset)


@given(VALUES, st.text())
@settings(max_examples=100)
def test_looking_up_any_path_raises_nothing(value: object, path: str) -> None:
    offset_of(json.dumps(value), path)


def test_a_good_call_has_no_problems() -> None:
    assert check_name("terminal", ["terminal"]) == []
    assert check_name("anything", None) == []
    assert check_arguments('{"command": "ls"}') == []


def test_an_unknown_name_gets_a_suggestion() -> None:
    (problem,) = check_name("termnal", ["terminal", "todo"])
    assert "did you mean terminal?" in problem.message
    assert check_name("", ["terminal"])[0].severity is Severity.ERROR


def test_a_cut_list_of_names_ends_with_an_ellipsis() -> None:
    (problem,) = check_name("zzz", [f"tool_{n}" for n in range(13)])
    assert problem.message.endswith(", …")
    (problem,) = check_name("zzz", [f"tool_{n}" for n in range(12)])
    assert "…" not in problem.message


def test_messages_and_parameters_must_be_objects() -> None:
    assert check_message("[]")[0].severity is Severity.ERROR
    assert check_message('{"role": "user", "content": "hi"}') == []
    assert "did you mean user" in check_message('{"role": "usr", "content": "hi"}')[0].message
    assert "tool_call_id" in check_message('{"role": "tool", "content": "hi"}')[0].message
    assert check_parameters('{"temperature": 0.2}') == []
    assert "temperature" in check_parameters('{"temperature": "hot"}')[0].message
    assert check_parameters('{"messages": []}')[0].severity is Severity.ERROR


def test_lone_surrogates_in_a_message_are_located() -> None:
    raw = check_message('{"role": "user",\n "content": "a\ud800 b\udc00"}')
    assert [(found.line, found.column) for found in raw] == [(2, 15), (2, 18)]
    (escaped,) = check_message('{"role": "user", "content": "a\\ud800"}')
    assert escaped.line == 0
    assert all("cannot be sent" in found.message for found in (*raw, escaped))
    assert check_message('{"role": "user", "content": "\\ud83d\\ude00"}') == []


def test_the_stream_parameter_can_be_edited() -> None:
    streamed = '{"stream": true, "stream_options": {"include_usage": true}}'
    assert check_parameters(streamed) == []
    assert check_parameters('{"stream": false}') == []
    (problem,) = check_parameters(streamed.replace("true", "false", 1))
    assert problem.severity is Severity.WARNING and "without stream" in problem.message
    assert "not a boolean" in check_parameters('{"stream": "yes"}')[0].message


def test_the_text_of_a_reply_is_parsed_again() -> None:
    text = 'Look:\n<tool_call>{"name": "termnal", "arguments": {}}</tool_call>'
    lines = {problem.message: problem.line for problem in check_assistant_text(text, AUTO)}
    assert lines["call 1: termnal {}"] == 2
    assert any("did you mean terminal" in message for message in lines)
    assert "plain answer" in check_assistant_text("hello", AUTO)[-1].message


def test_an_unclosed_call_is_found_while_editing() -> None:
    problems = check_assistant_text('<tool_call>{"name": "terminal", "arguments": {"comm', AUTO)
    assert any(problem.severity is not Severity.NOTE for problem in problems)


@pytest.mark.parametrize(
    ("parser", "is_read"), [("vllm/mistral", True), ("vllm/hermes", False), ("auto", False)]
)
def test_a_call_in_the_text_is_found_as_the_parser_of_the_run_finds_it(
    parser: str, is_read: bool
) -> None:
    text = 'I do.\n[TOOL_CALLS][{"name":"terminal","arguments":{"command":"ls"}}]'
    problems = check_assistant_text(text, replace(AUTO, parser=parser))
    messages = [problem.message for problem in problems]
    fate = "" if is_read else ", not run"
    assert f'call 1{fate}: terminal {{"command": "ls"}}' in messages
    assert any(problem.severity is Severity.ERROR for problem in problems) == (not is_read)


@given(st.text())
@settings(max_examples=100)
def test_checks_accept_any_text(text: str) -> None:
    for check in (
        check_arguments,
        check_message,
        check_parameters,
        check_breakpoint,
    ):
        check(text)
    for parser in ("", "auto", "vllm/hermes"):
        check_assistant_text(text, replace(AUTO, parser=parser))
    check_name(text, ["terminal"])


def test_positions_count_from_one() -> None:
    assert position("ab\ncd", 0) == (1, 1)
    assert position("ab\ncd", 4) == (2, 2)


def test_a_signature_marks_optional_parameters() -> None:
    assert signature(TERMINAL) == "terminal(command: string, timeout?: integer)"
    assert signature(ToolSpec("x", parameters=["odd"])) == "x(…)"


# Layout and differences


@given(VALUES)
@settings(max_examples=100)
def test_laid_out_json_means_the_same(value: object) -> None:
    text = json.dumps(value)
    assert json.loads(laid_out(text)) == value
    assert json.loads(laid_out(laid_out(text))) == value


def test_layout_keeps_the_spelling_of_numbers_and_duplicate_keys() -> None:
    text = '{"a":1.50e+3,"a":"\\u0041 { , }","b":[]}'
    spread = laid_out(text)
    assert spread == '{\n  "a": 1.50e+3,\n  "a": "\\u0041 { , }",\n  "b": []\n}'
    assert laid_out(spread) == '{"a": 1.50e+3, "a": "\\u0041 { , }", "b": []}'
    assert laid_out("{broken") == "{broken"


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
@settings(max_examples=100)
def test_a_difference_contains_both_texts_completely(old: list[str], new: list[str]) -> None:
    before, after = "\n".join(old), "\n".join(new)
    lines = [line.text for line in diff_lines(before, after, context=50)]
    if before == after:
        assert lines == ["no difference"]
        return
    assert "\n".join(line[2:] for line in lines if line[0] != "+") == before
    assert "\n".join(line[2:] for line in lines if line[0] != "-") == after


def test_only_the_changed_part_of_a_line_is_marked() -> None:
    removed, added = diff_lines('{"a": "rm x"}', '{"a": "ls x"}')
    assert removed.text[removed.spans[1].start : removed.spans[1].end] == "rm"
    assert added.text[added.spans[1].start : added.spans[1].end] == "ls"
