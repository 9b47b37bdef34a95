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


GLM = "<tool_call>get_weather<arg_key>city</arg_key><arg_value>Oslo</arg_value></tool_call>"
V3 = V31.replace(
    'get_weather<｜tool▁sep｜>{"city": "Oslo"}',
    'function<｜tool▁sep｜>get_weather\n```json\n{"city": "Oslo"}\n```',
)
JSON_BLOCK = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'


@pytest.mark.parametrize(
    ("parser", "text", "flag"),
    [
        ("vllm/llama3_json", V3, "--tool-call-parser deepseek_v3"),
        ("hermes-agent/llama3_json", V3, 'get_parser("deepseek_v3")'),
        ("vllm/llama4_json", V31, "--tool-call-parser deepseek_v31"),
        ("sglang/llama3", '[TOOL_CALLS] [{"name": "get_weather"}]', "--tool-call-parser mistral"),
        ("vllm/qwen3_coder", GLM, "--tool-call-parser glm45"),
        ("sglang/qwen3_coder", GLM, "--tool-call-parser glm47"),
        ("sglang/glm45", JSON_BLOCK, "--tool-call-parser hermes"),
        ("sglang/glm47", JSON_BLOCK, "--tool-call-parser hermes"),
    ],
)
def test_a_parser_that_trips_over_another_format_names_the_one_that_reads_it(
    parser: str, text: str, flag: str
) -> None:
    assert hint(parser, text, Code.WRONG_FORMAT) == f"{flag} reads it"


HUNYUAN = {
    "with": GLM.replace("<arg_key>", "<tool_sep>\n<arg_key>", 1),
    "without": "<tool_calls>\n<tool_call>get_weather<tool_sep>\n</tool_call>\n</tool_calls>",
}
NO_PARSER = "hermes-agent has no parser for it; vLLM has --tool-call-parser hy_v3"


@pytest.mark.parametrize("arguments", HUNYUAN)
@pytest.mark.parametrize(
    ("parser", "remedy"),
    [
        *((f"vllm/{name}", "--tool-call-parser hy_v3")
          for name in ("hermes", "glm45", "glm47", "qwen3_coder", "mistral", "llama3_json")),
        *((f"sglang/{name}", "--tool-call-parser hunyuan")
          for name in ("hermes", "glm45", "glm47", "qwen3_coder", "mistral", "llama3")),
        *((f"hermes-agent/{name}", NO_PARSER)
          for name in ("hermes", "glm45", "qwen3_coder", "longcat")),
    ],
)  # fmt: skip
def test_every_parser_knows_the_calls_of_hunyuan_from_those_of_glm(
    parser: str, remedy: str, arguments: str
) -> None:
    text = HUNYUAN[arguments]
    assert hint(parser, text, Code.WRONG_FORMAT) == remedy
    found = named_parser(parser).parse(text, TOOLS).diagnostics
    assert not {Code.NAME_UNKNOWN, Code.JSON_INVALID} & {one.code for one in found}


def test_the_separator_of_hunyuan_in_an_argument_says_nothing_about_the_format() -> None:
    text = JSON_BLOCK.replace("Oslo", "<tool_sep>")
    found = named_parser("vllm/mistral").parse(text, TOOLS).diagnostics
    assert [one.message for one in found] == [
        "this is written as hermes, which vllm/mistral does not read"
    ]


def test_markers_of_other_formats_in_a_value_do_not_blame_the_format() -> None:
    quoted = V31.replace('"', "'")
    text = f'{{"name": "get_weather", "arguments": {{"city": "{quoted}",}}}}'
    found = named_parser("vllm/llama3_json").parse(text, TOOLS).diagnostics
    assert Code.WRONG_FORMAT not in {one.code for one in found}


def test_a_word_between_tags_is_a_call_of_glm_only_if_a_tool_has_that_name() -> None:
    for parser, code in (
        ("vllm/hermes", Code.JSON_INVALID),
        ("vllm/qwen3_coder", Code.MARKER_IN_PROSE),
    ):
        found = named_parser(parser).parse("Use <tool_call>tags</tool_call>.", TOOLS).diagnostics
        assert code in {one.code for one in found}
