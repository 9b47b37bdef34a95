"""A hint that names another parser or a cause holds for this text."""

from __future__ import annotations

import pytest

from hermes_tui.cli.caret import caret_lines
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.choice import named_parser

TOOLS = (ToolSpec("get_weather"),)
V31 = (
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>"
    '{"city": "Oslo"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
)
UNFENCED_V3 = V31.replace("get_weather<｜tool▁sep｜>", "function<｜tool▁sep｜>get_weather\n")


def hint(parser: str, text: str, code: Code) -> str:
    found = named_parser(parser).parse(text, TOOLS).diagnostics
    return next(one.hint for one in found if one.code is code)


@pytest.mark.parametrize(
    ("parser", "flag"),
    [("vllm/deepseek_v3", "deepseek_v31"), ("sglang/deepseekv3", "deepseekv31")],
)
def test_the_other_parser_of_deepseek_is_named_if_it_reads_the_call(parser: str, flag: str) -> None:
    assert hint(parser, V31, Code.WRONG_FORMAT) == f"--tool-call-parser {flag} reads it"


@pytest.mark.parametrize("parser", ["vllm/deepseek_v3", "sglang/deepseekv3"])
def test_a_call_that_neither_parser_of_deepseek_reads_gets_the_form_that_is_expected(
    parser: str,
) -> None:
    expected = "V3 writes function<｜tool▁sep｜>NAME, and the arguments in a ```json fence below"
    assert hint(parser, UNFENCED_V3, Code.WRONG_FORMAT) == expected


def test_a_name_in_another_spelling_is_not_put_down_to_the_format() -> None:
    text = '<tool_call>{"name": "%s", "arguments": {}}</tool_call>'
    spelled = hint("vllm/hermes", text % "get-weather", Code.NAME_DECORATED)
    assert spelled == "the model spelled it differently: no parser corrects that"
    decorated = hint("vllm/hermes", text % "functions.get_weather", Code.NAME_DECORATED)
    assert decorated.startswith("strip what the format adds to names")


def test_the_end_of_a_place_is_not_given_if_it_is_the_end_of_its_line() -> None:
    assert caret_lines('{"a": "b\nc"}', Span(8, 9)) == ['1 │ {"a": "b', "  │         ^"]
    assert caret_lines("ab\ncd", Span(0, 4))[-1] == "  │ ^^ … to line 2, column 1"
