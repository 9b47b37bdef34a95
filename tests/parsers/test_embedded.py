"""Which texts are searched for calls, and in which format."""

from __future__ import annotations

import pytest

from hermes_tui.parsers.embedded import bare_call_json, foreign_format, read_embedded
from tests.parsers.laws import check_laws, codes

JSON_BLOCK = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
XML_BLOCK = "<tool_call>\n<function=g>\n<parameter=a>1</parameter>\n</function>\n</tool_call>"


@pytest.mark.parametrize(
    "text", ["", "plain words", "if a < b", "<p>html</p>", '{"tool_call_id": "<x>"}']
)
def test_a_text_without_markers_is_not_read(text: str) -> None:
    assert read_embedded(text) is None


def test_each_block_is_read_by_its_own_format() -> None:
    text = f"{JSON_BLOCK}\n{XML_BLOCK}\n<function=h></function>"
    result = read_embedded(text)
    assert result is not None
    check_laws(text, result)
    assert [call.name for call in result.calls] == ["f", "g", "h"]
    assert codes(result) == []


def test_reasoning_alone_is_reported() -> None:
    result = read_embedded("<think>why</think>answer")
    assert result is not None
    assert (result.content, len(result.reasoning), result.calls) == ("answer", 1, ())


def test_a_call_whose_opening_tag_is_missing_is_found() -> None:
    result = read_embedded('Sure.\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>')
    assert result is not None
    assert (result.calls[0].name, codes(result)) == ("f", ["ORPHAN_CLOSE"])
    assert result.content == "Sure."


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"name": "f", "arguments": {"a": 1}}', ["f"]),
        ('\n```json\n{"name": "f", "parameters": {}}\n```\n', ["f"]),
        ('[{"name": "f", "arguments": {}}, {"name": "g", "arguments": "{}"}]', ["f", "g"]),
        ('{"type": "function", "function": {"name": "f", "arguments": {}}}', ["f"]),
        ("{'name': 'f', 'arguments': {'a': True}}", ["f"]),
    ],
)
def test_a_text_that_is_nothing_but_call_json_is_read(text: str, names: list[str]) -> None:
    calls = bare_call_json(text)
    assert calls is not None
    assert [call.name for call in calls] == names
    assert all(0 <= call.span.start < call.span.end <= len(text) for call in calls)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "```",
        "words",
        '{"name": "Ada", "age": 3}',
        '{"name": "f", "arguments": {}} and words',
        'Call: {"name": "f", "arguments": {}}',
        '[{"name": "f", "arguments": {}}, 1]',
        '{"name": "f", "parameters": {"type": "object", "properties": {}}}',
        '{"name": "f", "arguments": {}',
    ],
)
def test_other_json_is_not_a_call(text: str) -> None:
    assert bare_call_json(text) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[TOOL_CALLS] [{"name": "f"}]', "mistral"),
        ("<|python_tag|>f()", "llama3_json"),
        ("<｜tool▁calls▁begin｜>", "deepseek_v3"),
        ("<|tool_calls_section_begin|>", "kimi_k2"),
        ("<minimax:tool_call>", "minimax_m2"),
        ("<tool_call>f\n<arg_key>a</arg_key>", "glm45"),
        ("functools[]", "phi4_mini"),
        (JSON_BLOCK, None),
        ("words", None),
    ],
)
def test_markers_of_other_formats_are_named(text: str, name: str | None) -> None:
    assert foreign_format(text) == name
