"""Edits and parsers that are suggested so that the intended calls are read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.engines.registry import engine_parsers, parser_named
from hermes_tui.parsers.probe import delivered
from hermes_tui.parsers.suggest import Suggestion, suggestions
from tests.parsers.agreement import COLUMNS, CORPUS, rows, toolsets
from tests.timing import Work, assert_linear

CITY = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}}
TOOLS = (ToolSpec("get_weather", parameters=CITY), ToolSpec("list_files"))
CALL = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'


def suggested(parser: str, text: str, *others: str) -> tuple[Suggestion, ...]:
    return suggestions(text, parser_named(parser), TOOLS, others=[*map(parser_named, others)])


def block(payload: str) -> str:
    return f"<tool_call>{payload}</tool_call>"


@pytest.mark.parametrize(
    ("broken", "description"),
    [
        (block('{"name": "get_weather", "arguments": {"city": "Oslo",}}'), "remove the comma"),
        (block('{"name": "get_weather", "arguments": {"city": "Oslo"}}}'), "remove `}`"),
        (block('{"name": "get_weather", "arguments": {"city": "Oslo"}'), "insert `}`"),
        (block('{"name": "get_weather", "arguments": {"city": "Oslo}}'), 'insert `"`'),
        (block(CALL.replace('"', "'")), "write \" for ' (10 times)"),
        (block(CALL.replace("arguments", "args")), "replace `args` with `arguments`"),
        (block(CALL.replace("get_weather", "get_wether")), "replace `wether` with `weather`"),
        (block(CALL.replace("get_w", "functions.get_w")), "remove `functions.`"),
        (f"<tool_cal>{CALL}</tool_call>", "replace `cal` with `call`"),
        (block(f"Calling: {CALL}"), "remove `Calling:`"),
        (f"{CALL}</tool_call>", "insert `<tool_call>`"),
        (f"{block(CALL[:-1] + ', }')}\nBye for now.", "move `Bye for now.`, remove the comma"),
    ],
)
def test_the_smallest_edit_is_described_in_words(broken: str, description: str) -> None:
    first = suggested("vllm/hermes", broken)[0]
    assert first.description == description
    (call,) = parser_named("vllm/hermes").parse(first.text, TOOLS).calls
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Oslo"})


def test_the_places_of_an_edit_are_in_the_original_text() -> None:
    text = block('{"name": "get_weather", "args": {"city": "Oslo",}}')
    (first,) = suggested("vllm/hermes", text)
    assert [text[span.start : span.end] for span in first.spans] == ["args", ","]
    assert first.cost == len("args") + len("arguments") + 1


def test_two_payloads_in_one_block_become_two_blocks() -> None:
    first = suggested("vllm/hermes", block(f"{CALL}\n{CALL}"))[0]
    assert first.description == "insert `</tool_call>␊<tool_call>`"
    assert len(parser_named("vllm/hermes").parse(first.text, TOOLS).calls) == 2


def test_an_unclosed_parameter_is_closed() -> None:
    text = "<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</function>\n</tool_call>"
    first = suggested("vllm/qwen3_coder", text)[0]
    assert first.description == "insert `</parameter>`"


def test_a_truncated_text_is_reported_as_such() -> None:
    first = suggested("vllm/hermes", '<tool_call>{"name": "get_weather", "arguments": {"city": "O')[
        0
    ]
    assert first.description.endswith("the text was cut off here: more may have been meant")


def test_nothing_is_suggested_for_a_sound_text_or_one_without_a_call() -> None:
    assert suggested("vllm/hermes", block(CALL)) == ()
    assert suggested("vllm/hermes", "No call at all.", "vllm/qwen3_coder") == ()


def test_another_parser_that_reads_the_text_comes_before_rewriting_it() -> None:
    text = "<function=get_weather><parameter=city>Oslo</parameter></function>"
    first, second = suggested("vllm/hermes", text, "sglang/hermes", "vllm/qwen3_coder")
    assert first == Suggestion(
        text,
        "vllm/qwen3_coder reads it unchanged: --tool-call-parser qwen3_coder",
        (),
        "vllm/qwen3_coder",
        0,
    )
    assert second.parser == "vllm/hermes"


def test_a_small_edit_comes_before_another_parser() -> None:
    text = f"<tool_call>{CALL}</tool_cal>"
    assert [one.parser for one in suggested("vllm/hermes", text, "vllm/llama3_json")] == [
        "vllm/hermes",
        "vllm/llama3_json",
    ]


def test_a_call_that_was_read_without_the_edit_is_still_read() -> None:
    text = f"{block(CALL)}\n{block(CALL.replace('Oslo', 'Rome').replace('}}', ',}}'))}"
    first = suggested("vllm/hermes", text)[0]
    cities = [
        json.loads(call.arguments)["city"]
        for call in parser_named("vllm/hermes").parse(first.text, TOOLS).calls
    ]
    assert cities == ["Oslo", "Rome"]


def test_prose_before_a_call_stays_content() -> None:
    first = suggested("vllm/hermes", f"Let me look.\n{block(CALL[:-1])}")[0]
    assert parser_named("vllm/hermes").parse(first.text, TOOLS).content == "Let me look.\n"


def test_a_long_text_is_edited_in_place_and_quickly() -> None:
    def editing(count: int) -> Work:
        words = 'a \\"quoted\\" line\\n' * count
        call = block(f'{{"name": "get_weather", "args": {{"city": "{words}",}}}}')
        text = "Prose first. " * (count // 3) + call

        def work() -> None:
            first = suggested("vllm/hermes", text)[0]
            assert first.description == "replace `args` with `arguments`, remove the comma"

        return work

    assert_linear(editing, 30_000)


_PIECES = [
    *("<tool_call>", "</tool_call>", "<function=get_weather>", "<parameter=city>", "</parameter>"),
    *("</function>", "[TOOL_CALLS]", "[ARGS]", "<arg_key>city</arg_key>", "<arg_value>", "<think>"),
    *("</think>", '{"name": "get_weather", "arguments": ', '{"city": "Oslo"}', "{'city': 'x',}"),
    *("}", "{", "]", "[", '"', "'", ",", "\n", "```json\n", "```", "words", "\ud83e", "\x00", "\\"),
    *(CALL, block(CALL), "[get_weather(city='x')", "functions.get_weather:0", "<|im_end|>"),
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(_PIECES), max_size=10).map("".join),
    st.sampled_from([parser.name for parser in engine_parsers()]),
)
def test_every_suggestion_for_any_text_is_read_as_objects(text: str, name: str) -> None:
    others = ("vllm/hermes", "hermes-agent/llama3_json")
    for one in suggested(name, text, *others):
        result = parser_named(one.parser).parse(one.text, TOOLS)
        assert result.calls
        assert all(isinstance(json.loads(call.arguments), dict) for call in result.calls)
        assert all(0 <= span.start <= span.end <= len(text) for span in one.spans)
        assert one.spans == tuple(sorted(one.spans))
        assert (one.text == text) == (one.cost == 0)


def _figures(column: str) -> tuple[int, int]:
    """Return how many damaged rows the first edit turns into exactly the intent, and the total."""
    parsers = {parser.name: parser for parser in engine_parsers()}
    tools = toolsets()
    good = total = 0
    for row in rows():
        name = f"{COLUMNS[column]}/{(row.get(column) or {}).get('parser')}"
        truncated = row["kind"].startswith("trunc")
        if row["group"] != "bad" or not row["intent"] or truncated or name not in parsers:
            continue
        parser, spec = parsers[name], tools[row["tools"]]
        intent = [
            delivered(ParsedCall(call["name"], json.dumps(call["arguments"]), None))  # type: ignore[arg-type]
            for call in row["intent"]
        ]
        if [delivered(call) for call in parser.parse(row["text"], spec).calls] == intent:
            continue
        total += 1
        for first in suggestions(row["text"], parser, spec)[:1]:
            calls = parser.parse(first.text, spec).calls
            good += [delivered(call) for call in calls] == intent
    return good, total


@pytest.mark.shared
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")
@pytest.mark.parametrize("column", list(COLUMNS))
def test_the_first_edit_gives_what_was_intended(column: str) -> None:
    good, total = _figures(column)
    assert total > 100
    assert good / total >= 0.93, f"{good} of {total}"


def test_one_comma_among_thousands_of_calls_is_the_only_edit() -> None:
    block = '<tool_call>{"name":"get_weather","arguments":{"city":"Lisbon"}}</tool_call>'
    bad = block.replace('"}}', '",}}')
    text = block * 800 + bad + block * 800
    (only,) = suggestions(text, parser_named("vllm/hermes"), TOOLS, others=engine_parsers())
    assert (only.description, only.cost) == ("remove the comma", 1)
    assert only.text == block * 1601
