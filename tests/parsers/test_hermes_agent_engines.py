"""How hermes-agent's own parsers read texts: they keep what they cannot read, and guess."""

from __future__ import annotations

import pytest

from hermes_tui.parsers.base import Outcome
from tests.parsers.engine_cases import calls, found, read

OSLO = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
OSLO_CALL = ("get_weather", '{"city": "Oslo"}')


@pytest.mark.parametrize("name", ["hermes", "qwen"])
def test_the_whole_text_is_kept_for_one_bad_block(name: str) -> None:
    text = f"<tool_call>{OSLO}</tool_call><tool_call>{{'a': 1}}</tool_call>"
    result = read(f"hermes-agent/{name}", text)
    assert (result.outcome, result.calls, result.content) == (Outcome.TEXT, (), text)
    assert [code for code, _ in found(result, text)] == ["BAD_QUOTES", "SIBLING_VOIDED"]


def test_a_nameless_block_is_skipped_and_the_others_are_called() -> None:
    text = f'Hm. <tool_call>{{"arguments": {{}}}}</tool_call><tool_call>{OSLO}</tool_call>'
    result = read("hermes-agent/hermes", text)
    assert (calls(result), result.content) == ([OSLO_CALL], "Hm.")
    assert ("NAME_MISSING", '{"arguments": {}}') in found(result, text)


def test_parameters_are_lost_silently() -> None:
    text = f"<tool_call>{OSLO.replace('arguments', 'parameters')}</tool_call>"
    result = read("hermes-agent/hermes", text)
    assert calls(result) == [("get_weather", "{}")]
    assert [code for code, _ in found(result, text)] == ["SCHEMA_VIOLATION", "ARGS_KEY"]


def test_longcat_has_its_own_tags() -> None:
    text = f"<longcat_tool_call>{OSLO}</longcat_tool_call>"
    assert calls(read("hermes-agent/longcat", text)) == [OSLO_CALL]
    assert calls(read("vllm/longcat", text)) == [OSLO_CALL]
    plain = text.replace("longcat_", "")
    assert read("hermes-agent/longcat", plain).diagnostics[0].code.value == "WRONG_FORMAT"


def test_the_args_marker_becomes_part_of_the_name() -> None:
    text = '[TOOL_CALLS]get_weather[ARGS]{"city":"Oslo"}'
    result = read("hermes-agent/mistral", text)
    assert calls(result) == [("get_weather[ARGS]", '{"city": "Oslo"}')]
    assert found(result, text) == [("NAME_DECORATED", "get_weather[ARGS]")]


def test_text_after_named_arguments_is_sent_with_them() -> None:
    text = '[TOOL_CALLS]search{"query": "owl"}Now I wait'
    result = read("hermes-agent/mistral", text)
    assert calls(result) == [("search", '{"query": "owl"}Now I wait')]
    assert [code for code, _ in found(result, text)] == ["RAW_ARGS", "EXTRA_TEXT"]


def test_objects_of_a_damaged_list_are_found() -> None:
    text = f'[TOOL_CALLS] [{OSLO}, {{"name": "sea'
    assert calls(read("hermes-agent/mistral", text)) == [OSLO_CALL]


def test_an_object_is_found_after_a_surplus_brace_far_into_a_list() -> None:
    text = f"[TOOL_CALLS] [{', '.join([OSLO] * 6)}, {{{OSLO}]"
    assert calls(read("hermes-agent/mistral", text)) == [OSLO_CALL] * 7


def test_llama_calls_are_found_between_other_braces() -> None:
    text = f"use {{curly}} then {OSLO}"
    result = read("hermes-agent/llama3_json", text)
    assert (calls(result), result.content) == ([OSLO_CALL], "use")
    assert ("CONTENT_LOST", "{curly} then ") in found(result, text)


def test_a_config_in_prose_is_mistaken_for_a_call() -> None:
    text = 'The config is {"name":"prod","arguments":["--x"]} as shown'
    result = read("hermes-agent/llama4_json", text)
    assert calls(result) == [("prod", '["--x"]')]
    assert {"NAME_UNKNOWN", "ARGS_NOT_OBJECT"} <= {code for code, _ in found(result, text)}


def function(*parameters: str) -> str:
    return f"<tool_call>\n<function=search>\n{''.join(parameters)}</function>\n</tool_call>"


def parameter(key: str, value: str) -> str:
    return f"<parameter={key}>\n{value}\n</parameter>\n"


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        ("owl", '"owl"'),
        ("42", "42"),
        ("null", "null"),
        ("True", "true"),
        ("1.10", "1.1"),
        ("(1, 2)", "[1, 2]"),
        ("{'a': 1}", '{"a": 1}'),
        ("  indented", '"indented"'),
    ],
)
def test_values_are_guessed_without_regard_to_the_schema(value: str, read_as: str) -> None:
    result = read("hermes-agent/qwen3_coder", function(parameter("query", value)))
    assert calls(result) == [("search", f'{{"query": {read_as}}}')]


def test_a_guess_against_the_schema_is_reported() -> None:
    text = function(parameter("query", "42"))
    result = read("hermes-agent/qwen3_coder", text)
    assert ("TYPE_GUESSED", "42") in found(result, text)


def test_a_value_that_json_cannot_hold_keeps_the_text() -> None:
    text = function(parameter("query", "{1, 2}"))
    assert read("hermes-agent/qwen3_coder", text).content == text


def test_a_call_cut_by_max_tokens_is_made_with_what_it_has() -> None:
    text = "<tool_call>\n<function=search>\n<parameter=query>\nthe bl"
    result = read("hermes-agent/qwen3_coder", text)
    assert calls(result) == [("search", '{"query": "the bl"}')]
    assert [code for code, _ in found(result, text)] == ["UNCLOSED", "PARAM_UNCLOSED"]


def test_a_parameter_inside_a_value_becomes_a_key() -> None:
    text = function("<parameter=query>use <parameter=limit> here</parameter>")
    assert calls(read("hermes-agent/qwen3_coder", text)) == [
        ("search", '{"query": "use", "limit": "here"}')
    ]


PAIR = "<arg_key>city</arg_key><arg_value>Oslo</arg_value>"


def test_glm45_requires_a_newline_after_the_name_and_glm47_does_not() -> None:
    text = f"<tool_call>get_weather{PAIR}</tool_call>"
    assert calls(read("hermes-agent/glm47", text)) == [OSLO_CALL]
    result = read("hermes-agent/glm45", text)
    assert (result.content, found(result, text)) == (text, [("MARKER_VARIANT", text)])
    assert calls(read("hermes-agent/glm45", text.replace("<arg_key>", "\n<arg_key>"))) == [
        OSLO_CALL
    ]


def test_glm47_accepts_any_text_as_a_name() -> None:
    text = f"<tool_call>{OSLO}</tool_call>"
    assert calls(read("hermes-agent/glm47", text)) == [(OSLO, "{}")]


BEGIN, CALL, SEP, END = (
    *("<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"),
    *("<｜tool▁sep｜>", "<｜tool▁call▁end｜>"),
)


def test_deepseek_v3_sends_the_fenced_arguments_verbatim() -> None:
    text = f"Wait.{BEGIN}{CALL}function{SEP}search\n```json\n{{'a': 1}}\n```{END}"
    result = read("hermes-agent/deepseek_v3", text)
    assert (calls(result), result.content) == ([("search", "{'a': 1}")], "Wait.")
    assert [code for code, _ in found(result, text)] == ["RAW_ARGS", "BAD_QUOTES"]


@pytest.mark.parametrize("name", ["deepseek_v31", "deepseek_v3_1"])
def test_v31_reads_a_v3_body_as_a_tool_named_function(name: str) -> None:
    text = f'{BEGIN}{CALL}function{SEP}search\n```json\n{{"query": "owl"}}\n```{END}'
    assert calls(read(f"hermes-agent/{name}", text))[0][0] == "function"


def kimi(identity: str) -> str:
    begin, arguments = "<|tool_call_begin|>", "<|tool_call_argument_begin|>"
    call = f'{begin}{identity}{arguments}{{"query": "owl"}}<|tool_call_end|>'
    return f"<|tool_calls_section_begin|>{call}<|tool_calls_section_end|>"


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("functions.search:0", "search"),
        ("search:0", "search"),
        (" functions.mcp.srv.search:1 ", "search"),
        ("functions. search:0", " search"),
        ("a:b:0", "a"),
    ],
)
def test_a_kimi_name_follows_the_last_dot_of_the_id(identity: str, name: str) -> None:
    assert calls(read("hermes-agent/kimi_k2", kimi(identity))) == [(name, '{"query": "owl"}')]


@pytest.mark.parametrize("identity", ["call_abc123", "functions.search", ":0", "search: 0"])
def test_other_kimi_ids_are_kept_as_text(identity: str) -> None:
    text = kimi(identity)
    result = read("hermes-agent/kimi_k2", text)
    assert (result.calls, result.content) == ((), text)
    assert "NAME_DECORATED" in [code for code, _ in found(result, text)]


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        ("hermes-agent/hermes", "<tool_call>" + " " * 2_000),
        ("hermes-agent/deepseek_v3", BEGIN + CALL * 100),
        ("hermes-agent/glm45", "<tool_call>" * 7_000),
        ("sglang/qwen25", "<tool_call>\n" * 6_000),
    ],
)
def test_a_text_that_takes_the_real_parser_seconds_is_reported(parser: str, text: str) -> None:
    assert "PARSER_TIMEOUT" in [code for code, _ in found(read(parser, text), text)]
