"""Laws of every emulated engine parser: total, covering, nested, and linear in the text."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import Outcome, ParseResult
from hermes_tui.parsers.engines.base import EngineParser
from hermes_tui.parsers.engines.json_text import MAX_DEPTH, is_json
from hermes_tui.parsers.engines.registry import engine_parsers, parser_named
from tests.timing import Work, assert_linear

PARSERS = engine_parsers()
NAMES = [parser.name for parser in PARSERS]
TOOLS = (
    ToolSpec(
        "f",
        parameters={
            "type": "object",
            "properties": {"a": {"type": "string"}, "n": {"type": "integer"}},
            "required": ["a"],
        },
    ),
    ToolSpec("g"),
    ToolSpec("h", parameters={"properties": {"a": {"type": [[]]}}, "required": [[], {}, None]}),
)


@cache
def pieces(name: str) -> list[str]:
    """Return the pieces, good and bad, of which texts in the parser's format consist."""
    markers = list(parser_named(name).info.markers)
    return [
        *markers * 3,
        *("{", "}", "[", "]", '"', "'", ":", ",", "; ", "\\", "(", ")", "=", "`", "```json\n"),
        *(
            '"name"',
            '"arguments"',
            '"f"',
            '{"name":',
            "f",
            "g",
            "h",
            "a",
            "functions.f:0",
            "True",
            "03",
        ),
        *('{"name":"f","arguments":{"a":"1","n":"2"}}', "{'name':'f','arguments':{}}"),
        *('{"a":1}', "f(a=1)", "[f(a='x')]", '[{"name":"g","parameters":null}]', "\n```"),
        *("<tool_call>", "</tool_call>", "<function=f>", "<parameter=a>", "</parameter>"),
        *("</function>", "<arg_key>a</arg_key>", "<arg_value>", "</arg_value>", "<think>"),
        *(
            "</think>",
            "<|im_end|>",
            "\n",
            " ",
            "\x00",
            "\ud83e",
            "é",
            "words",
            "42",
            "NaN",
            "1e999",
        ),
    ]


def texts(name: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces(name)), max_size=22).map("".join) | st.text(max_size=40)


def check_engine_laws(text: str, result: ParseResult) -> None:
    """Assert what holds for every verdict on any text."""
    _covers(text, result)
    _steps_nest(text, result)
    for call in result.calls:
        for inner in (call.name_span, call.arguments_span):
            assert inner is None or call.span.start <= inner.start <= inner.end <= call.span.end
        assert (call.verdict == "failed") == (not is_json(call.arguments))
    for diagnostic in result.diagnostics:
        span = diagnostic.span
        assert span is None if not text else span and 0 <= span.start < span.end <= len(text)
        assert diagnostic.call_index is None or 0 <= diagnostic.call_index < len(result.calls)
    if result.outcome is Outcome.RAISED:
        assert result.error and not result.calls and result.content is None
    if result.outcome is Outcome.TEXT:
        assert not result.calls


def _covers(text: str, result: ParseResult) -> None:
    """Check that all text is content, a call or dropped, and none of it is two of these."""
    parts = [*result.content_spans, *result.reasoning, *result.dropped]
    parts.extend(call.span for call in result.calls)
    assert all(0 <= span.start < span.end <= len(text) for span in parts)
    position = 0
    for span in sorted(parts):
        assert span.start == position, (span, position)
        position = span.end
    assert position == len(text)


def _steps_nest(text: str, result: ParseResult) -> None:
    around: list[Span] = []
    for step in result.steps:
        assert 0 <= step.span.start <= step.span.end <= len(text)
        del around[step.depth :]
        assert len(around) == step.depth
        if around:
            assert around[-1].start <= step.span.start
            assert step.span.end <= around[-1].end
        around.append(step.span)
        assert step.outcome, step


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_text_gets_a_lawful_verdict(name: str, data: st.DataObject) -> None:
    text = data.draw(texts(name))
    tools = data.draw(st.sampled_from([TOOLS, ()]))
    parser = parser_named(name)
    check_engine_laws(text, parser.parse(text, tools))


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_always_gives_its_reason(name: str) -> None:
    parser = parser_named(name)
    for text in ("", "words", "<other>", *parser.info.markers):
        result = parser.parse(text, TOOLS)
        if not result.calls and text:
            assert result.diagnostics, text
        assert len(result.steps) > 1 or result.diagnostics or not text


UNITS = ("(", "[", "{", '"', " ", "\\", '{"a":', "f(a=1, ", "x:{", "<parameter=x>", "words ")
SIZE = 60_000


def repeated(parser: EngineParser) -> list[str]:
    """Return texts that have cost engines quadratic time or more."""
    markers = [*parser.info.markers]
    pairs = ["".join(pair) for pair in pairwise(markers)]
    return [*markers, *pairs, *(f"{marker} {{" for marker in markers[:2]), *UNITS]


def assert_parsed_in_linear_time(
    parser: EngineParser, unit: str, count: int, opening: str = ""
) -> None:
    def parsing(count: int) -> Work:
        text = opening + unit * count
        return lambda: parser.parse(text, TOOLS)

    assert_linear(parsing, count, of=f"{parser.name} on {unit!r}")


@pytest.mark.parametrize("name", NAMES)
def test_the_time_grows_linearly_with_the_text(name: str) -> None:
    parser = parser_named(name)
    for opening in ("", parser.info.markers[0] if parser.info.markers else "["):
        for unit in repeated(parser):
            assert_parsed_in_linear_time(parser, unit, SIZE // len(unit), opening)


@pytest.mark.parametrize("name", ["vllm/hermes", "sglang/hermes", "hermes-agent/hermes"])
def test_the_time_grows_linearly_with_calls_in_reasoning_between_others(name: str) -> None:
    parser, call = parser_named(name), '{"name": "f", "arguments": {}}'
    unit = f"<think>{call}</think><tool_call>{call}</tool_call>"
    assert_parsed_in_linear_time(parser, unit, 800)


@pytest.mark.parametrize("engine", ["vllm", "sglang", "hermes-agent"])
def test_the_time_grows_linearly_with_unclosed_functions(engine: str) -> None:
    parser, unit = parser_named(f"{engine}/qwen3_coder"), "<tool_call><function=f></tool_call>"
    assert_parsed_in_linear_time(parser, unit, 12_000)


def test_the_time_grows_with_the_coerced_values_and_not_with_the_other_keys() -> None:
    of_numbers = {"type": "array", "items": {"type": "integer"}}
    tool = ToolSpec("f", parameters={"type": "object", "properties": {"a": of_numbers}})

    def parsing(count: int) -> Work:
        arguments = {"a": ["1"] * count, **dict.fromkeys(map(str, range(count)), 1)}
        text = f"[TOOL_CALLS]f[ARGS]{json.dumps(arguments)}"

        def work() -> None:
            result = parser_named("vllm/mistral_v11").parse(text, (tool,))
            assert [call.value["a"] for call in result.calls] == [[1] * count]

        return work

    assert_linear(parsing, 4_000)


SHELLS = (
    '<tool_call>\n{"name":"f","arguments":%s}\n</tool_call>',
    '<longcat_tool_call>{"name":"f","arguments":{"a":%s}}',
    '{"name":"f","parameters":%s}',
    '[TOOL_CALLS] [{"name":"f","arguments":%s}]',
    '[TOOL_CALLS]f[ARGS]{"a":%s}',
    "<tool_call>\n<function=f>\n<parameter=a>\n%s\n</parameter>\n</function>\n</tool_call>",
    "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>%s</arg_value>\n</tool_call>",
    "[f(a=%s)]",
    "<|python_tag|>{'name':'f','parameters':%s}",
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>%s<｜tool▁call▁end｜>",
    "<|tool_calls_section_begin|><|tool_call_begin|>f:0<|tool_call_argument_begin|>%s<|tool_call_end|>",
)


@pytest.mark.parametrize("depth", [200, 500, MAX_DEPTH - 9, MAX_DEPTH + 9, 985, 3_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_does_no_harm(depth: int, opening: str, closing: str) -> None:
    inner = opening * depth + "1" + closing * depth
    for shell in SHELLS:
        text = shell % inner
        for parser in PARSERS:
            check_engine_laws(text, parser.parse(text, TOOLS))


def test_every_name_is_listed_once_with_its_card() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for parser in PARSERS:
        info = parser.info
        assert info.name == parser.name
        assert re.fullmatch(r"(vllm|sglang|hermes-agent)/[\w.-]+", parser.name)
        assert info.engine == parser.name.partition("/")[0]
        assert info.version and info.format and info.families and info.kind and info.flag


def test_an_unknown_name_raises_a_key_error() -> None:
    with pytest.raises(KeyError):
        parser_named("vllm/none")
