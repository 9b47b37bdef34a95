"""The parser that is guessed from a text reads it, or is the one that was meant to."""

from __future__ import annotations

import json

import pytest

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.choice import AUTO, guess_parser, named_parser
from tests.parsers.agreement import CORPUS, rows, toolsets

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = (ToolSpec("get_weather", parameters=CITY), ToolSpec("list_files"))
CLAUDE = (
    '<function_calls>\n<invoke name="get_weather">\n<parameter name="city">Oslo</parameter>\n'
    "</invoke>\n</function_calls>"
)
STEP3 = (
    "<｜tool_calls_begin｜>\n<｜tool_call_begin｜>function<｜tool_sep｜>"
    '<steptml:invoke name="list_files"></steptml:invoke><｜tool_call_end｜>\n<｜tool_calls_end｜>'
)
KIMI = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.list_files:0"
    "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>"
)


def deepseek_v3(bar: str, blank: str) -> str:
    text = (
        "<|tool~calls~begin|><|tool~call~begin|>function<|tool~sep|>get_weather\n```json\n"
        '{"city": "Oslo"}\n```<|tool~call~end|><|tool~calls~end|>'
    )
    return text.replace("|", bar).replace("~", blank)


def read(name: str, text: str) -> list[tuple[str | None, object]]:
    return [(call.name, arguments(call)) for call in named_parser(name).parse(text, TOOLS).calls]


def arguments(call: ParsedCall) -> object:
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<tool_call>list_files\n</tool_call>", "vllm/glm45"),
        ("<tool_call>list_files</tool_call>", "vllm/glm47"),
        ("Let me look. <tool_call>list_files\n</tool_call>\nDone.", "vllm/glm45"),
        ("</think><tool_call>list_files</tool_call>", "vllm/glm47"),
    ],
)
def test_a_call_of_glm_without_arguments_is_guessed_as_such(text: str, name: str) -> None:
    assert guess_parser(text).name == name
    assert read(name, text) == [("list_files", {})]


@pytest.mark.parametrize(
    "text",
    [
        "Write the call between <tool_call>tags</tool_call> as JSON.",
        "<tool_call>list_files now</tool_call>",
        '<tool_call>list_files</tool_call>\n<tool_call>{"name": "list_files", "arguments": {}}',
    ],
)
def test_words_between_hermes_tags_do_not_make_it_a_text_of_glm(text: str) -> None:
    assert guess_parser(text).name == "vllm/hermes"


@pytest.mark.parametrize("bar", ["|", "｜"])
@pytest.mark.parametrize("blank", ["▁", "_", " "])
def test_markers_of_deepseek_in_another_spelling_are_guessed_as_deepseek(
    bar: str, blank: str
) -> None:
    text = deepseek_v3(bar, blank)
    guess = guess_parser(text)
    assert (guess.name, guess.format) == ("vllm/deepseek_v3", "deepseek_v3")
    assert read(AUTO, text) == [("get_weather", {"city": "Oslo"})]
    if (bar, blank) != ("｜", "▁"):
        (finding,) = named_parser(guess.name).parse(text, TOOLS).diagnostics
        assert finding.code is Code.MARKER_VARIANT


def test_markers_of_kimi_and_step3_are_not_taken_for_deepseek() -> None:
    assert guess_parser(KIMI).name == "vllm/kimi_k2"
    assert guess_parser(STEP3).format == "step3"
    assert read(AUTO, STEP3) == read(AUTO, KIMI) == [("list_files", {})]


def test_invocations_of_claude_are_guessed_as_the_format_whose_parser_reads_them() -> None:
    assert guess_parser(CLAUDE).format == "minimax_m2"
    assert guess_parser("<function_calls>\nlist_files()\n</function_calls>").format == "olmo3"


def test_invocations_of_claude_are_read_with_their_wrapper() -> None:
    result = named_parser(AUTO).parse(f"Sure.\n{CLAUDE}", TOOLS)
    assert [(call.name, call.value) for call in result.calls] == [("get_weather", {"city": "Oslo"})]
    assert (result.content or "").strip() == "Sure."
    assert [one.code for one in result.diagnostics] == [Code.NO_MARKER]


@pytest.mark.parametrize(
    ("parser", "hint"),
    [
        ("vllm/hermes", "--tool-call-parser minimax_m2"),
        ("sglang/hermes", "sglang has no parser for it; vLLM has --tool-call-parser minimax_m2"),
    ],
)
def test_a_parser_that_leaves_invocations_of_claude_says_which_one_reads_them(
    parser: str, hint: str
) -> None:
    (finding,) = named_parser(parser).parse(CLAUDE, TOOLS).diagnostics
    assert (finding.code, finding.hint) == (Code.WRONG_FORMAT, hint)


@pytest.mark.parametrize(
    ("body", "hints"),
    [
        ("list_files\n", {"vllm": "glm45", "sglang": "glm45"}),
        ("list_files", {"vllm": "glm45", "sglang": "glm47"}),
        (
            "get_weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n",
            {"vllm": "glm45", "sglang": "glm45"},
        ),
    ],
)
def test_a_hermes_parser_names_the_one_that_reads_a_call_of_glm(
    body: str, hints: dict[str, str]
) -> None:
    for engine, flag in hints.items():
        result = named_parser(f"{engine}/hermes").parse(f"<tool_call>{body}</tool_call>", TOOLS)
        assert [(one.code, one.hint) for one in result.diagnostics] == [
            (Code.WRONG_FORMAT, f"--tool-call-parser {flag} reads it")
        ]


def test_a_word_that_no_parser_reads_as_a_call_is_only_not_json() -> None:
    (finding,) = named_parser("vllm/hermes").parse("<tool_call>a b</tool_call>", TOOLS).diagnostics
    assert finding.code is Code.JSON_INVALID


@pytest.mark.skipif(not CORPUS.exists(), reason="no corpus next to the project")
def test_the_guessed_parser_reads_as_many_texts_as_measured() -> None:
    """Measured: 179 of the 384 texts that some emulated parser reads, 2 more than without GLM's."""
    tools, guessed = toolsets(), 0
    for row in rows():
        meant = [(call["name"], call["arguments"]) for call in row["intent"]]
        name = guess_parser(row["text"]).name
        if meant and name != AUTO:
            calls = named_parser(name).parse(row["text"], tools[row["tools"]]).calls
            guessed += [(call.name, arguments(call)) for call in calls] == meant
    assert guessed >= 179
