"""Our own parser, format by format: sound calls, damaged calls, and texts without a call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.choice import named_parser, parsers
from hermes_tui.parsers.recognise import READERS, flag_for, formats_in
from hermes_tui.parsers.wire.scan import WIRES
from tests.parsers.laws import check_laws, codes, is_alike, readable, unmark

TOOLS = (
    ToolSpec(
        "lookup",
        "",
        {
            "type": "object",
            "properties": {
                "word": {"type": "string"},
                "limit": {"type": "integer"},
                "exact": {"type": "boolean"},
                "where": {"type": "object"},
            },
            "required": ["word"],
        },
    ),
    ToolSpec("ping", "", {"type": "object", "properties": {}}),
)


def read(text: str) -> ParseResult:
    result = Auto().parse(text, TOOLS)
    check_laws(text, result)
    return result


def calls(text: str) -> list[tuple[str | None, Any]]:
    return [(call.name, call.value) for call in readable(read(text).calls)]


def flagged(text: str, code: Code) -> bool:
    """Return whether `code` is reported, as more than a note, at the text between ‹ and ›."""
    bare, span = unmark(text)
    return any(
        found.code is code and found.severity is not Severity.NOTE and found.span.overlaps(span)
        for found in read(bare).diagnostics
        if found.span
    )


OWL = ("lookup", {"word": "owl", "limit": 5})
PING = ("ping", {})
SOUND = {
    "hermes": '<tool_call>{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}</tool_call>',
    "qwen25": '<tool_call>\n{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}\n'
    "</tool_call>",
    "longcat": '<longcat_tool_call>{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}'
    "</longcat_tool_call>",
    "mistral": '[TOOL_CALLS] [{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}]',
    "mistral_v11": '[TOOL_CALLS]lookup[ARGS]{"word": "owl", "limit": 5}',
    "llama3_json": '<|python_tag|>{"name": "lookup", "parameters": {"word": "owl", "limit": 5}}',
    "pythonic": "[lookup(word='owl', limit=5)]",
    "llama4_pythonic": "<|python_start|>[lookup(word='owl', limit=5)]<|python_end|>",
    "lfm2": "<|tool_call_start|>[lookup(word='owl', limit=5)]<|tool_call_end|>",
    "olmo3": "<function_calls>\nlookup(word='owl', limit=5)\n</function_calls>",
    "qwen3_coder": "<tool_call>\n<function=lookup>\n<parameter=word>\nowl\n</parameter>\n"
    "<parameter=limit>\n5\n</parameter>\n</function>\n</tool_call>",
    "seed_oss": "<seed:tool_call>\n<function=lookup>\n<parameter=word>\nowl\n</parameter>\n"
    "<parameter=limit>\n5\n</parameter>\n</function>\n</seed:tool_call>",
    "glm45": "<tool_call>lookup\n<arg_key>word</arg_key>\n<arg_value>owl</arg_value>\n"
    "<arg_key>limit</arg_key>\n<arg_value>5</arg_value>\n</tool_call>",
    "glm47": "<tool_call>lookup<arg_key>word</arg_key><arg_value>owl</arg_value>"
    "<arg_key>limit</arg_key><arg_value>5</arg_value></tool_call>",
    "minimax_m2": '<minimax:tool_call>\n<invoke name="lookup">\n<parameter name="word">owl'
    '</parameter>\n<parameter name="limit">5</parameter>\n</invoke>\n</minimax:tool_call>',
    "deepseek_v3": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>lookup\n"
    '```json\n{"word": "owl", "limit": 5}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "deepseek_v31": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>lookup<｜tool▁sep｜>"
    '{"word": "owl", "limit": 5}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "deepseek_v32": '<｜DSML｜function_calls>\n<｜DSML｜invoke name="lookup">\n'
    '<｜DSML｜parameter name="word" string="true">owl</｜DSML｜parameter>\n'
    '<｜DSML｜parameter name="limit" string="false">5</｜DSML｜parameter>\n'
    "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
    "deepseek_v4": '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="lookup">\n'
    '<｜DSML｜parameter name="word" string="true">owl</｜DSML｜parameter>\n'
    '<｜DSML｜parameter name="limit" string="false">5</｜DSML｜parameter>\n'
    "</｜DSML｜invoke>\n</｜DSML｜tool_calls>",
    "kimi_k2": "<|tool_calls_section_begin|><|tool_call_begin|>functions.lookup:0"
    '<|tool_call_argument_begin|>{"word": "owl", "limit": 5}<|tool_call_end|>'
    "<|tool_calls_section_end|>",
    "harmony": "<|channel|>commentary to=functions.lookup <|constrain|>json<|message|>"
    '{"word": "owl", "limit": 5}<|call|>',
    "functiongemma": "<start_function_call>call:lookup{word:<escape>owl<escape>,limit:<escape>5"
    "<escape>}<end_function_call>",
    "gemma4": '<|tool_call>call:lookup{word:<|"|>owl<|"|>,limit:5}<tool_call|>',
    "granite": '<|tool_call|> [{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}]',
    "jamba": '<tool_calls>[\n    {"name": "lookup", "arguments": {"word": "owl", "limit": 5}}\n]'
    "</tool_calls>",
    "phi4_mini": 'functools[{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}]',
    "xlam": '[{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}]',
    "hunyuan_a13b": '<tool_calls>[{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}]'
    "</tool_calls>",
    "apertus": '<|tools_prefix|>[{"lookup": {"word": "owl", "limit": 5}}]<|tools_suffix|>',
    "internlm": '<|action_start|><|plugin|>\n{"name": "lookup", "parameters": {"word": "owl", '
    '"limit": 5}}<|action_end|>',
    "internlm_sp": '<|action_start|> <|plugin|>\n{"name": "lookup", "parameters": {"word": "owl", '
    '"limit": 5}}<|action_end|>',
    "step3": "<｜tool_calls_begin｜>\n<｜tool_call_begin｜>function<｜tool_sep｜>"
    '<steptml:invoke name="lookup"><steptml:parameter name="word">owl</steptml:parameter>'
    '<steptml:parameter name="limit">5</steptml:parameter></steptml:invoke><｜tool_call_end｜>\n'
    "<｜tool_calls_end｜>",
    "hy_v3": "<tool_calls>\n<tool_call>lookup<tool_sep>\n<arg_key>word</arg_key>\n"
    "<arg_value>owl</arg_value>\n<arg_key>limit</arg_key>\n<arg_value>5</arg_value>\n"
    "</tool_call>\n</tool_calls>",
}
FORMATS = pytest.mark.parametrize("name", SOUND)


@FORMATS
def test_a_sound_call_is_read_without_complaint(name: str) -> None:
    result = read(SOUND[name])
    assert [(call.name, call.value, call.verdict) for call in result.calls] == [(*OWL, "json")]
    assert codes(result) == (["NO_MARKER"] if name == "xlam" else [])
    assert result.content is None


@FORMATS
def test_the_format_of_a_sound_call_is_recognised(name: str) -> None:
    guess = formats_in(SOUND[name])[0]
    assert is_alike(guess.format, name)


@FORMATS
def test_prose_around_a_call_stays_content(name: str) -> None:
    text = f"Let me look.\n{SOUND[name]}\nOne moment."
    assert calls(text) == [OWL]
    assert read(text).content == "Let me look.\n\nOne moment."


@FORMATS
def test_a_call_inside_reasoning_is_reported_but_not_made(name: str) -> None:
    text = f"<think>maybe {SOUND[name]} would do</think>No need."
    assert calls(text) == []
    assert flagged(f"<think>maybe ‹{SOUND[name]}› would do</think>No", Code.MARKER_IN_REASONING)


@FORMATS
def test_a_call_after_reasoning_is_made(name: str) -> None:
    assert calls(f"<think>Which word?</think>{SOUND[name]}") == [OWL]


@FORMATS
def test_a_call_in_a_fence_is_read_and_reported(name: str) -> None:
    assert calls(f"```\n{SOUND[name]}\n```") == [OWL]
    assert flagged(f"```\n‹{SOUND[name]}›\n```", Code.MARKER_IN_FENCE)


@FORMATS
def test_a_special_token_after_a_call_is_dropped(name: str) -> None:
    result = read(f"{SOUND[name]}<|im_end|>")
    assert len(readable(result.calls)) == 1
    assert len(result.dropped) == 1
    assert "STRAY_SPECIAL" in codes(result)


@FORMATS
def test_two_blocks_are_two_calls(name: str) -> None:
    assert calls(f"{SOUND[name]}\n{SOUND[name]}") == [OWL, OWL]


def test_every_format_is_read_by_some_engine() -> None:
    assert set(SOUND) == set(READERS)
    assert {name for wire in WIRES for name in wire.formats} == set(READERS)
    assert all(flag_for(name) for name in READERS)


DAMAGED = {
    "single quotes": "<tool_call>{‹'name'›: 'lookup', 'arguments': {'word': 'owl', 'limit': 5}}"
    "</tool_call>",
    "a trailing comma": '[TOOL_CALLS] [{"name": "lookup", "arguments": {"word": "owl", "limit": 5‹'
    ",›}}]",
    "an extra brace": 'functools[{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}‹}›]',
    "a missing brace": '<tool_calls>[{"name": "lookup", "arguments": {"word": "owl", "limit": 5}‹'
    "]›</tool_calls>",
    "a comment": '<|action_start|><|plugin|>\n{"name": "lookup", "parameters": {"word": "owl", '
    '‹// n›\n "limit": 5}}<|action_end|>',
    "no closing marker": '<|tools_prefix|>[{"lookup": {"word": "owl", "limit": 5}}‹]›',
    "no closing tag": "<tool_call>\n<function=lookup>\n<parameter=word>\n‹owl›\n<parameter=limit>"
    "\n5\n</parameter>\n</function>\n</tool_call>",
    "a marker twice": '‹<tool_call><tool_call>›{"name": "lookup", "arguments": {"word": "owl", '
    '"limit": 5}}</tool_call>',
    "a tool's prefix": '[TOOL_CALLS]‹functions.lookup›[ARGS]{"word": "owl", "limit": 5}',
    "a string of JSON": '<tool_call>{"name": "lookup", "arguments": ‹"{\\"word\\": \\"owl\\", '
    '\\"limit\\": 5}"›}</tool_call>',
    "arguments by position": "[lookup(‹'owl'›, 5)]",
    "a sum": "[lookup(word='owl', limit=‹2+3›)]",
    "a special token inside": '<tool_call>{"name": "lookup", "arguments": {"word": "owl", '
    '‹<|fim_pad|>›"limit": 5}}</tool_call>',
    "text after the JSON": '<tool_call>{"name": "lookup", "arguments": {"word": "owl", "limit": 5}}'
    "‹ (now)›</tool_call>",
    "an id without index": "<|tool_calls_section_begin|><|tool_call_begin|>‹functions.lookup›"
    '<|tool_call_argument_begin|>{"word": "owl", "limit": 5}<|tool_call_end|>'
    "<|tool_calls_section_end|>",
    "no marker at all": '‹{"name"›: "lookup", "arguments": {"word": "owl", "limit": 5}}',
    "JSON between tags": '<seed:tool_call>\n‹{"name": "lookup", "arguments": {"word": "owl", '
    '"limit": 5}}›\n</seed:tool_call>',
    "a float for an integer": "<tool_call>lookup\n<arg_key>word</arg_key>\n<arg_value>owl"
    "</arg_value>\n<arg_key>limit</arg_key>\n<arg_value>‹5.0›</arg_value>\n</tool_call>",
    "plain quotes": '<|tool_call>call:lookup{word:‹"owl"›,limit:5}<tool_call|>',
    "no end of a text": '<|tool_call>call:lookup{limit:5,word:‹<|"|>owl›}<tool_call|>',
    "bars for ｜": '‹<|DSML|function_calls>›\n<|DSML|invoke name="lookup">\n'
    '<|DSML|parameter name="word" string="true">owl</|DSML|parameter>\n'
    '<|DSML|parameter name="limit" string="false">5</|DSML|parameter>\n'
    "</|DSML|invoke>\n</|DSML|function_calls>",
    "no message token": "<|channel|>commentary to=functions.lookup <|constrain|>jso‹n{›"
    '"word": "owl", "limit": 5}<|call|>',
}
CODES = {
    "single quotes": Code.BAD_QUOTES,
    "a trailing comma": Code.TRAILING_COMMA,
    "an extra brace": Code.BRACES_EXTRA,
    "a missing brace": Code.BRACES_MISSING,
    "a comment": Code.COMMENT,
    "no closing marker": Code.UNCLOSED,
    "no closing tag": Code.PARAM_UNCLOSED,
    "a marker twice": Code.NESTED_OPEN,
    "a tool's prefix": Code.NAME_DECORATED,
    "a string of JSON": Code.ARGS_STRING,
    "arguments by position": Code.EXPR_NOT_LITERAL,
    "a sum": Code.EXPR_NOT_LITERAL,
    "a special token inside": Code.STRAY_SPECIAL,
    "text after the JSON": Code.EXTRA_TEXT,
    "an id without index": Code.NAME_DECORATED,
    "no marker at all": Code.NO_MARKER,
    "JSON between tags": Code.WRONG_FORMAT,
    "a float for an integer": Code.COERCED,
    "plain quotes": Code.BAD_QUOTES,
    "no end of a text": Code.PARAM_UNCLOSED,
    "bars for ｜": Code.MARKER_VARIANT,
    "no message token": Code.MARKER_VARIANT,
}


@pytest.mark.parametrize("flaw", DAMAGED)
def test_a_damaged_call_is_read_as_a_person_would_and_the_flaw_is_reported(flaw: str) -> None:
    bare, _ = unmark(DAMAGED[flaw])
    assert calls(bare) == [OWL]
    assert flagged(DAMAGED[flaw], CODES[flaw])


NO_CALLS = {
    "prose": "Lists look like [1, 2], calls like f(x) or [link](url), and {braces} are free.",
    "data with a name": 'The record is {"name": "Ada", "age": 36}.',
    "a call described": '{"name": "lookup", "arguments": "{... as JSON ...}"}',
    "a tool's schema": '{"name": "lookup", "parameters": {"type": "object", "properties": {}}}',
    "a marker in prose": "Write <tool_call> to start a call, and [TOOL_CALLS] for Mistral.",
    "no name": '<tool_call>{"arguments": {"word": "owl"}}</tool_call>',
    "a variable": "[lookup(word=name)]",
    "another call": "[lookup(word=ping())]",
    "an f-string": "[lookup(word=f'{x}')]",
    "an empty block": "<tool_calls>[]</tool_calls>",
    "a cut opener": "<tool_call>",
    "code": "```python\nprint(lookup('owl'))\n```",
    "only an answer": "<|channel|>final<|message|>It is mild.<|return|>",
}


@pytest.mark.parametrize("case", NO_CALLS)
def test_no_call_is_made_of_a_text_without_one(case: str) -> None:
    assert calls(NO_CALLS[case]) == []


def test_code_is_never_run() -> None:
    result = read("[lookup(word=__import__('os').system('true'), limit=9**9**9)]")
    assert readable(result.calls) == []
    assert "EXPR_NOT_LITERAL" in codes(result)


def test_a_closing_tag_inside_a_value_does_not_end_it() -> None:
    text = (
        "<tool_call>\n<function=lookup>\n<parameter=word>\na </tool_call> b </parameter> c\n"
        "</parameter>\n</function>\n</tool_call>"
    )
    assert calls(text) == [("lookup", {"word": "a </tool_call> b </parameter> c"})]


def test_a_cut_call_is_returned_and_marked_as_cut() -> None:
    result = read('<tool_call>{"name": "lookup", "arguments": {"word": "ow')
    assert [(call.value, call.verdict) for call in result.calls] == [({"word": "ow"}, "unclosed")]
    assert "TRUNCATED" in codes(result)


def test_a_broken_call_does_not_affect_its_sibling() -> None:
    text = SOUND["hermes"] + '\n<tool_call>{"name": "lookup", "arg'
    assert calls(text)[0] == OWL


def test_all_of_a_thousand_payloads_in_one_block_are_read() -> None:
    payload = '{"name": "ping", "arguments": {}}\n'
    assert calls(f"<tool_call>{payload * 1_000}</tool_call>") == [PING] * 1_000


def test_a_large_broken_payload_is_read_whole() -> None:
    words = "many words " * 5_000
    text = "<tool_call>{'name': 'lookup', 'arguments': {'word': '" + words + "'}}</tool_call>"
    assert calls(text) == [("lookup", {"word": words})]


def test_reasoning_whose_opening_tag_is_in_the_prompt_is_found() -> None:
    text = f"maybe {SOUND['hermes']} would do</think>No need."
    assert calls(text) == []
    assert "MARKER_IN_REASONING" in codes(read(text))


def test_the_analysis_channel_is_reasoning_and_the_final_one_content() -> None:
    text = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hi"
    result = read(text)
    assert [text[span.start : span.end] for span in result.reasoning] == [
        "<|channel|>analysis<|message|>Hm.<|end|>"
    ]
    assert result.content == "Hi"


def test_a_call_of_an_unknown_tool_is_read_and_reported() -> None:
    text = '<tool_call>{"name": "lokup", "arguments": {}}</tool_call>'
    result = read(text)
    unknown = [d for d in result.diagnostics if d.code is Code.NAME_UNKNOWN]
    assert calls(text) == [("lokup", {})]
    assert "lookup" in unknown[0].hint


def test_a_long_unknown_name_is_visibly_shortened() -> None:
    text = '<tool_call>{"name": "' + "n" * 200 + '", "arguments": {}}</tool_call>'
    (finding,) = Auto().parse(text, [ToolSpec("get_weather")]).diagnostics
    assert finding.message == f"no tool is called '{'n' * 79}…'"


def test_arguments_that_break_the_schema_are_reported() -> None:
    text = '<tool_call>{"name": "lookup", "arguments": {"limit": "5", "color": 1}}</tool_call>'
    messages = [d.message for d in read(text).diagnostics if d.code is Code.SCHEMA_VIOLATION]
    assert any("color" in message for message in messages)
    assert any("word" in message for message in messages)


@FORMATS
def test_rendered_calls_are_read_back(name: str) -> None:
    read_once = read(SOUND[name]).calls
    wires = [wire for wire in WIRES if wire.render and name in wire.formats]
    for wire in wires:
        assert wire.render is not None
        again = read(wire.render(read_once))
        assert [(c.name, json.loads(c.arguments)) for c in again.calls] == [OWL]


@pytest.mark.parametrize(
    ("text", "reads", "does_not"),
    [
        ('[{"name": "ping", "arguments": {}}]', {"llama3_json", "llama4_json"}, "sglang/llama3"),
        (
            '{"name": "ping", "arguments": {}}',
            {"llama3_json", "llama4_json", "llama3"},
            "vllm/hermes",
        ),
    ],
)
def test_the_hint_for_bare_calls_names_parsers_that_read_them(
    text: str, reads: set[str], does_not: str
) -> None:
    (found,) = [one for one in read(text).diagnostics if one.code is Code.NO_MARKER]
    emulated = {parser.name.partition("/")[2]: parser for parser in parsers()}
    for name in reads:
        assert name in found.hint
        assert [call.name for call in emulated[name].parse(text, TOOLS).calls] == ["ping"]
    assert named_parser(does_not).parse(text, TOOLS).calls == ()
    assert "only" not in found.hint
