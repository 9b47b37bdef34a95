"""Damage between and around calls: what is still read, and where it is reported."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.base import ParseResult
from tests.parsers.laws import check_laws, codes, readable, unmark

TOOLS = (
    ToolSpec(
        "lookup",
        "",
        {
            "type": "object",
            "properties": {
                "word": {"type": "string"},
                "limit": {"type": "integer"},
                "params": {"type": "array"},
            },
        },
    ),
    ToolSpec("ping", "", {"type": "object", "properties": {}}),
    ToolSpec("read-page", "", {"type": "object", "properties": {"word": {"type": "string"}}}),
)
OWL: tuple[str, Any] = ("lookup", {"word": "owl"})
PING: tuple[str, Any] = ("ping", {})
OWL_CALL = '{"name": "lookup", "arguments": {"word": "owl"}}'
PING_CALL = '{"name": "ping", "arguments": {}}'
LLAMA_OWL = '{"name": "lookup", "parameters": {"word": "owl"}}'
GLM_OWL = "lookup\n<arg_key>word</arg_key>\n<arg_value>owl</arg_value>\n</tool_call>"
HY_OWL = GLM_OWL.replace("lookup", "lookup<tool_sep>")
CODER_OWL = "<parameter=word>\nowl\n</parameter>\n</function>\n</tool_call>"
DEEPSEEK = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
KIMI = "<|tool_calls_section_begin|><|tool_call_begin|>{}<|tool_call_end|>"


def read(text: str, tools: tuple[ToolSpec, ...] = TOOLS) -> ParseResult:
    result = Auto().parse(text, tools)
    check_laws(text, result)
    return result


def calls(result: ParseResult) -> list[tuple[str | None, Any]]:
    return [(call.name, call.value) for call in readable(result.calls)]


def serious(result: ParseResult, code: Code) -> bool:
    return any(one.code is code and one.severity is not Severity.NOTE for one in result.diagnostics)


@pytest.mark.parametrize(
    ("marked", "code", "meant"),
    [
        (
            '<tool_call>{‹{›"name": "lookup", "arguments": {{"word": "owl"}}}}</tool_call>',
            Code.BRACES_EXTRA,
            [OWL],
        ),
        (f"<tool_call>{{‹{{›{OWL_CALL[1:]}</tool_call>", Code.BRACES_EXTRA, [OWL]),
        (
            f"[TOOL_CALLS] [{OWL_CALL[:-1]}‹,› {PING_CALL}]",
            Code.BRACES_MISSING,
            [OWL, PING],
        ),
        (
            '<tool_call>{"name": "lookup", "arguments": {"word": "owl‹" ›"limit": 5}}</tool_call>',
            Code.JSON_INVALID,
            [("lookup", {"word": "owl", "limit": 5})],
        ),
        (
            '<tool_call>{"name": "lookup", "arguments": {"word"‹=› "owl"}}</tool_call>',
            Code.JSON_INVALID,
            [OWL],
        ),
        (
            f"[TOOL_CALLS] [{PING_CALL}, ‹```json\n›{OWL_CALL}\n```]",
            Code.EXTRA_TEXT,
            [PING, OWL],
        ),
        (
            '<tool_call>‹{"name": "lookup", "word": "owl", "params": [1]}›</tool_call>',
            Code.ARGS_KEY,
            [("lookup", {"word": "owl", "params": [1]})],
        ),
        (
            '[TOOL_CALLS]lookup[ARGS]‹{"name": "lookup", "arguments": {"word": "owl"}}›',
            Code.ARGS_KEY,
            [OWL],
        ),
        (f"{LLAMA_OWL}‹\n›{LLAMA_OWL}", Code.MULTI_PAYLOAD, [OWL, OWL]),
        (f'{LLAMA_OWL}; {{"name": ‹7›, "parameters": {{}}}}', Code.NAME_TYPE, [OWL]),
        (f'{LLAMA_OWL}; {{"name": ‹"look›', Code.TRUNCATED, [OWL]),
        (f'{LLAMA_OWL}‹; {{"na›', Code.TRUNCATED, [OWL]),
        ('[{"name": ‹true›, "arguments": {"word": "owl"}}]', Code.NAME_TYPE, []),
        (
            DEEPSEEK.format('looku‹p{›"word": "owl"}'),
            Code.MARKER_VARIANT,
            [OWL],
        ),
        (
            DEEPSEEK.format('function<｜tool▁sep｜>looku‹p{›"word": "owl"}\n```'),
            Code.MARKER_VARIANT,
            [OWL],
        ),
        (
            DEEPSEEK.format('‹lookup\n›<｜tool▁sep｜>{"word": "owl"}'),
            Code.NAME_DECORATED,
            [OWL],
        ),
        (
            KIMI.format('functions.lookup:‹0{›"word": "owl"}'),
            Code.MARKER_VARIANT,
            [OWL],
        ),
        (
            f"<tool_call>ping\n</tool_call>\n‹<tool_call><tool_call>›{GLM_OWL}",
            Code.NESTED_OPEN,
            [PING, OWL],
        ),
        (
            f"<tool_calls>\n‹<tool_call><tool_call>›{HY_OWL}</tool_calls>",
            Code.NESTED_OPEN,
            [OWL],
        ),
        (
            f"<tool_call><function=lookup>\n‹hm, ›{CODER_OWL}",
            Code.EXTRA_TEXT,
            [OWL],
        ),
        (
            f"<tool_call>\n<function=lookup>\n<parameter=limit>\n5\n‹<›{CODER_OWL[1:]}",
            Code.PARAM_UNCLOSED,
            [("lookup", {"limit": 5, "word": "owl"})],
        ),
        (
            "[lookup(params=[‹true›, null])]",
            Code.EXPR_NOT_LITERAL,
            [("lookup", {"params": [True, None]})],
        ),
        (
            "[lookup(params=[‹“›owl of it's”])]",
            Code.BAD_QUOTES,
            [("lookup", {"params": ["owl of it's"]})],
        ),
        ("[lookup(params=[1, ‹owl›]), ping()]", Code.EXPR_NOT_LITERAL, [PING]),
        ("[‹read-page›(word='owl')]", Code.NAME_DECORATED, [("read-page", {"word": "owl"})]),
        ("‹lookup(word='owl'), ping()›", Code.NO_MARKER, [OWL, PING]),
        ("‹lookup(word='owl'); ping()›", Code.NO_MARKER, [OWL, PING]),
        ("[lookup(word='owl')‹, pi›", Code.TRUNCATED, [OWL]),
    ],
)
def test_damage_is_read_through_and_reported_in_its_place(
    marked: str, code: Code, meant: list[tuple[str, Any]]
) -> None:
    text, place = unmark(marked)
    result = read(text)
    assert calls(result) == meant
    findings = [one for one in result.diagnostics if one.code is code and one.span]
    assert any(one.span and one.span.overlaps(place) for one in findings)
    assert all(one.severity is not Severity.NOTE for one in findings)


@pytest.mark.parametrize(
    "marked",
    [
        f"<tool_call>{OWL_CALL}‹</tool_c›",
        f"<tool_call>{OWL_CALL}</tool_call>\n‹<tool_ca›",
        "<tool_call>\n<function=lookup>\n<parameter=word>\nowl\n</parameter>\n‹<parameter=li›",
        "<tool_call>lookup\n<arg_key>word</arg_key>\n<arg_value>owl</arg_value>\n‹<arg_key>li›",
        KIMI.format('functions.lookup:0<|tool_call_argument_begin|>{"word": "owl"}')
        + "‹<|tool_call_begin|>functions.lo›",
        "I look.\n‹[TOOL_CALL›",
    ],
)
def test_a_text_that_ends_inside_a_marker_is_reported_as_cut(marked: str) -> None:
    text, place = unmark(marked)
    cut = [one for one in read(text).diagnostics if one.code is Code.TRUNCATED and one.span]
    assert any(one.span and one.span.overlaps(place) for one in cut)


@pytest.mark.parametrize("text", ["It holds if a <", "Use the <tool", "see [TO", "a list: [1, 2"])
def test_a_text_that_ends_in_a_bracket_is_not_reported_as_cut(text: str) -> None:
    assert not serious(read(text), Code.TRUNCATED)


@pytest.mark.parametrize(
    "text",
    [
        "[lookup(params=[None, True, -1.5, 'true', \"owl\", {'null': 1}])]",
        "[lookup(word='the <|tool_call_end|> marker')]",
        "[lookup(word='a, b; ping()')]",
    ],
)
def test_sound_python_gets_no_finding(text: str) -> None:
    result = read(text)
    assert [name for name, _ in calls(result)] == ["lookup"]
    assert [one for one in result.diagnostics if one.severity is not Severity.NOTE] == []


def test_data_after_a_call_is_not_a_call() -> None:
    for data in ('\n{"name": "Ada", "age": 36}', '; {"name": "Ada", "age": 36}'):
        result = read(f"{LLAMA_OWL}{data}")
        assert (calls(result), result.content) == ([OWL], data.lstrip("; \n"))


def test_a_list_with_a_call_without_arguments_is_a_call_unless_other_tools_are_declared() -> None:
    assert calls(read("[fetch()]", ())) == [("fetch", {})]
    assert calls(read("[fetch()]")) == []


def test_cut_arguments_that_hold_whole_values_may_only_lack_a_bracket() -> None:
    result = read('[TOOL_CALLS]lookup[ARGS]{"word": "owl"')
    assert serious(result, Code.TRUNCATED)
    assert serious(result, Code.BRACES_MISSING)


@pytest.mark.parametrize(
    "text",
    [
        "Like so:\n```\n<tool_call>\n...\n</tool_call>\n```\n",
        "The tags <tool_call>json</tool_call> hold it.",
        "Put it between <tool_call>2 or more</tool_call>",
    ],
)
def test_words_between_tags_are_not_a_call_without_arguments(text: str) -> None:
    result = Auto().parse(text)
    assert (result.calls, result.content) == ((), text.strip())


@pytest.mark.parametrize("before", ["", "I look.", "I look.\n", "</think>"])
def test_a_lone_name_between_tags_calls_a_tool_if_it_is_set_apart(before: str) -> None:
    result = Auto().parse(f"{before}<tool_call>list_files</tool_call>")
    assert calls(result) == [("list_files", {})]


def test_a_separate_closed_block_without_a_payload_is_a_failed_call() -> None:
    (call,) = read('So.\n<tool_call>\nlookup("owl")\n</tool_call>').calls
    assert (call.name, call.arguments, call.verdict) == (None, 'lookup("owl")', "failed")
    for mentioned in ("Use <tool_call>a JSON object</tool_call>.", "<tool_call>{...}</tool_call>"):
        assert read(mentioned).calls == ()


@pytest.mark.parametrize(
    "text", ["So.\n<function=look", "<tool_call>\n<function=look", '<invoke name="look']
)
def test_a_call_cut_in_its_first_tag_fails_and_is_not_lost(text: str) -> None:
    result = read(text)
    assert [call.verdict for call in result.calls] == ["failed"]
    assert codes(result) == ["TRUNCATED"]


def test_a_function_mentioned_at_the_end_is_not_a_cut_call() -> None:
    result = read("That is a <function of x")
    assert (result.calls, result.content) == ((), "That is a <function of x")


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        (f"<tool_call>{OWL_CALL}", Severity.WARNING),
        (f"<tool_call>{OWL_CALL}\n<tool_call>{PING_CALL}</tool_call>", Severity.ERROR),
        ("<tool_call>\n<function=ping>\n</function>\n", Severity.WARNING),
        ("<function=ping>\n", Severity.ERROR),
        (f"<function=lookup>\n{CODER_OWL[:35]}\n<function=ping>\n</function>", Severity.ERROR),
    ],
)
def test_an_unclosed_call_is_reported_once_and_is_an_error_if_more_may_be_missing(
    text: str, severity: Severity
) -> None:
    findings = [one for one in read(text).diagnostics if one.code is Code.UNCLOSED]
    assert [(one.severity, one.call_index) for one in findings] == [(severity, 0)]


def test_a_call_closed_by_its_wrapper_is_whole() -> None:
    (json_call,) = read(f"<tool_call>{OWL_CALL[:-1]}</tool_call>").calls
    (tagged,) = read(f"<tool_call><function=lookup>{CODER_OWL.replace('</function>', '')}").calls
    assert (json_call.verdict, tagged.verdict) == ("repaired", "json")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ('{"word": "owl"}', "its arguments are complete: only what closes the call is missing"),
        ('{"where": {"a": 1}', "raise max_tokens"),
        ('{"word": "owl"', "raise max_tokens"),
    ],
)
def test_a_block_cut_before_its_last_bracket_is_reported_with_what_is_there(
    arguments: str, hint: str
) -> None:
    result = read(f'<tool_call>\n{{"name": "lookup", "arguments": {arguments}')
    (cut,) = [one for one in result.diagnostics if one.code is Code.TRUNCATED]
    assert hint in cut.hint


def test_a_prefix_and_html_escapes_are_removed_only_if_the_tool_is_known() -> None:
    prefixed = '<tool_call>{"name": "functions.lookup", "arguments": {}}</tool_call>'
    escaped = "<function=lookup>\n<parameter=word>a &amp; b</parameter>\n</function>"
    assert [name for name, _ in calls(read(prefixed))] == ["lookup"]
    assert [name for name, _ in calls(read(prefixed, ()))] == ["functions.lookup"]
    assert [value for _, value in calls(read(escaped))] == [{"word": "a & b"}]
    assert [value for _, value in calls(read(escaped, ()))] == [{"word": "a &amp; b"}]


def test_empty_tags_in_a_sentence_are_prose() -> None:
    text = "Put it within <tool_call> </tool_call> tags."
    assert (read(text).content, codes(read(text))) == (text, ["MARKER_IN_PROSE"])


def test_data_with_a_name_in_a_broken_payload_is_not_a_call() -> None:
    result = read('<tool_call>\n{"kinds": [{"type": "file", "name": "a.log"}, @}\n</tool_call>')
    assert [call.verdict for call in result.calls] == ["failed"]
    assert "NAME_DECORATED" not in codes(result)


def test_without_declared_tools_a_name_in_json_is_kept_verbatim() -> None:
    result = read('<tool_call>{"name": " get weather ", "arguments": {}}</tool_call>', ())
    assert (calls(result), codes(result)) == ([(" get weather ", {})], [])


def test_a_function_with_only_its_closing_wrapper_is_reported_as_lost_to_some_engines() -> None:
    findings = read(f"<function=lookup>\n{CODER_OWL}").diagnostics
    assert {one.code for one in findings} == {Code.NO_MARKER, Code.ORPHAN_CLOSE}
    assert {one.severity for one in findings} == {Severity.WARNING}


def test_the_last_call_of_a_cut_list_is_cut() -> None:
    for opening in ("<tool_call>", "[TOOL_CALLS] "):
        result = read(f'{opening}[{OWL_CALL}, {{"name": "lookup", "arguments": {{"word": "ow')
        (cut,) = [one for one in result.diagnostics if one.code is Code.TRUNCATED]
        assert (len(result.calls), cut.call_index) == (2, 1)


def test_functions_without_a_block_are_not_reported_as_several_in_one() -> None:
    function = f"<function=lookup>\n{CODER_OWL.removesuffix('</tool_call>')}"
    assert "MULTI_PAYLOAD" not in codes(read(function + function))
    assert "MULTI_PAYLOAD" in codes(read(f"<tool_call>\n{function}{function}</tool_call>"))
