"""Calls in JSON between tags in the texts of a run, sound and damaged, and their findings."""

from __future__ import annotations

import pytest

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import Outcome, ParseResult
from hermes_tui.parsers.embedded import read_embedded
from tests.parsers.laws import check_laws, codes, unmark

GOOD = '<tool_call>\n{"name": "ls", "arguments": {"path": "."}}\n</tool_call>'


def read(text: str, *names: str) -> ParseResult:
    result = read_embedded(text, [ToolSpec(name) for name in names])
    assert result is not None
    check_laws(text, result)
    return result


def test_a_sound_block_gets_no_finding() -> None:
    result = read(f"Let me look.\n\n{GOOD}\nOne moment.")
    (call,) = result.calls
    assert (call.name, call.arguments, call.value) == ("ls", '{"path": "."}', {"path": "."})
    assert call.verdict == "json"
    assert result.content == "Let me look.\n\n\nOne moment."
    assert result.diagnostics == ()


def test_spans_of_name_and_arguments_are_exact() -> None:
    (call,) = read(GOOD).calls
    assert call.name_span is not None
    assert call.arguments_span is not None
    assert GOOD[call.name_span.start : call.name_span.end] == "ls"
    assert GOOD[call.arguments_span.start : call.arguments_span.end] == '{"path": "."}'


def test_arguments_may_come_before_the_name() -> None:
    (call,) = read('<tool_call>{"arguments": {"a": 1}, "name": "f"}</tool_call>').calls
    assert (call.name, call.arguments) == ("f", '{"a": 1}')


DAMAGED = [
    # quotes, literals and other near-JSON
    ("<tool_call>{‹'›name': 'f', 'arguments': {'a': 1}}</tool_call>", "BAD_QUOTES", {"a": 1}),
    ('<tool_call>{"name": "f", "arguments": {"a": ‹True›}}</tool_call>', "PY_LITERAL", {"a": True}),
    ('<tool_call>{"name": "f", "arguments": {‹“›a”: “b”}}</tool_call>', "BAD_QUOTES", {"a": "b"}),
    ('<tool_call>{"name": "f", "arguments": {‹a›: 1}}</tool_call>', "BAD_QUOTES", {"a": 1}),
    (
        '<tool_call>{"name": "f", "arguments": {"a": ‹"x›}}\n</tool_call>',
        "BAD_QUOTES",
        {"a": "x"},
    ),
    ('<tool_call>{"name": "f", "arguments": {"a": 1‹,›}}</tool_call>', "TRAILING_COMMA", {"a": 1}),
    (
        '<tool_call>{"name": "f", "arguments": {"a": "the ‹"›blue" owl"}}</tool_call>',
        "INNER_QUOTE",
        {"a": 'the "blue" owl'},
    ),
    (
        '<tool_call>{"name": "f", "arguments": {"a": "x‹\n›y"}}</tool_call>',
        "RAW_CONTROL",
        {"a": "x\ny"},
    ),
    (
        '<tool_call>{"name": "f", "arguments": {"a": "‹\\d›+"}}</tool_call>',
        "BAD_ESCAPE",
        {"a": "\\d+"},
    ),
    (
        '<tool_call>{"name": "f", "arguments": {"a": "C:‹\\n›ew\\x.txt"}}</tool_call>',
        "BAD_ESCAPE",
        {"a": "C:\\new\\x.txt"},
    ),
    (
        '<tool_call>{"name": "f", ‹// now›\n"arguments": {"a": 1}}</tool_call>',
        "COMMENT",
        {"a": 1},
    ),
    ('<tool_call>{"name": "f", "arguments": {"a": ‹07›}}</tool_call>', "LEADING_ZERO", {"a": 7}),
    ('<tool_call>{"name": "f", "arguments": {"a": [1‹}›}</tool_call>', "BRACES_MISSING", None),
    ('<tool_call>{"name": "f", "arguments": {"a": 1‹}›</tool_call>', "BRACES_MISSING", {"a": 1}),
    ('<tool_call>{"name": "f", "arguments": {"a": 1}}‹}›</tool_call>', "BRACES_EXTRA", {"a": 1}),
    # shape
    (
        '<tool_call>{"name": "f", ‹"parameters": {"a": 1}›}</tool_call>',
        "ARGS_KEY",
        {"a": 1},
    ),
    ('<tool_call>‹{"name": "f", "a": 1}›</tool_call>', "ARGS_KEY", {"a": 1}),
    (
        '<tool_call>{"function": ‹{"name": "f", "arguments": {"a": 1}}›}</tool_call>',
        "ARGS_KEY",
        {"a": 1},
    ),
    ('<tool_call>{"tool": ‹"f"›, "arguments": {}}</tool_call>', "NAME_MISSING", {}),
    # frame
    (
        '<tool_call>{"name": "f", "arguments": {}} ‹(now)›</tool_call>',
        "EXTRA_TEXT",
        {},
    ),
    ('<tool_call>‹Calling: ›{"name": "f", "arguments": {}}</tool_call>', "EXTRA_TEXT", {}),
    (
        '<tool_call>‹```json\n›{"name": "f", "arguments": {}}\n```</tool_call>',
        "EXTRA_TEXT",
        {},
    ),
    ('<tool_call>{"name": "f", "arguments": {}}‹<tool_call>›', "NESTED_OPEN", {}),
    ('‹<tool_call><tool_call>›{"name": "f", "arguments": {}}</tool_call>', "NESTED_OPEN", {}),
    ('<tool_call>{"name": "f", "arguments": {}}‹</tool_cal>›', "MARKER_VARIANT", {}),
    ('‹<TOOL_CALL>›{"name": "f", "arguments": {}}</tool_call>', "MARKER_VARIANT", {}),
    ('{"name": "f", "arguments": {"a": 1}}‹</tool_call>›', "ORPHAN_CLOSE", {"a": 1}),
    (
        '<tool_call>{"name": "f", "arguments": {"a": "x ‹</tool_call>› y"}}</tool_call>',
        "MARKER_IN_VALUE",
        {"a": "x </tool_call> y"},
    ),
    (
        "<tool_call>{'name': 'f', 'arguments': {'a': 'x ‹</tool_call>› y'}}</tool_call>",
        "MARKER_IN_VALUE",
        {"a": "x </tool_call> y"},
    ),
    (
        '<tool_call>{"name": "f", "arguments": {"a": ‹"Lis›',
        "TRUNCATED",
        {"a": "Lis"},
    ),
    (
        '<tool_call>‹{"name": "f", "arguments": {"a": 1›',
        "TRUNCATED",
        {"a": 1},
    ),
]


@pytest.mark.parametrize(("marked", "code", "value"), DAMAGED)
def test_a_damaged_block_is_reported_as_an_error_at_its_place(
    marked: str, code: str, value: object
) -> None:
    text, span = unmark(marked)
    result = read(text)
    found = [d for d in result.diagnostics if d.code == code]
    assert found, codes(result)
    assert (found[0].span, found[0].severity) == (span, Severity.ERROR)
    assert found[0].call_index == 0
    assert found[0].hint
    assert result.calls[0].name == "f"
    if value is not None:
        assert result.calls[0].value == value


ALTERED = [
    ('{"name": "f", "arguments": ‹"{\\"a\\": 1}"›}', "ARGS_STRING", Severity.WARNING, {"a": 1}),
    (
        '{"name": "f", "arguments": ‹"\\"{\\\\\\"a\\\\\\": 1}\\""›}',
        "ARGS_DOUBLE",
        Severity.WARNING,
        {"a": 1},
    ),
    ('{"name": "f", "arguments": ‹null›}', "ARGS_NOT_OBJECT", Severity.WARNING, {}),
    ('{"name": "f", "arguments": ‹[1]›}', "ARGS_NOT_OBJECT", Severity.WARNING, [1]),
    ('{"name": "f", "arguments": {"a": ‹NaN›}}', "NONFINITE", Severity.WARNING, {"a": None}),
    ('{"name": "f", "arguments": {"a": 1, ‹"a"›: 2}}', "DUP_KEY", Severity.NOTE, {"a": 2}),
    ('{"name": "f", "arguments": {"a" : 1, ‹"a"› : 2}}', "DUP_KEY", Severity.NOTE, {"a": 2}),
    (
        '{"name": "f", "arguments": {"a": "‹\\ud83e›"}}',
        "SURROGATE",
        Severity.WARNING,
        {"a": "\ud83e"},
    ),
]


@pytest.mark.parametrize(("marked", "code", "severity", "value"), ALTERED)
def test_what_engines_pass_on_altered_is_reported_as_less_than_an_error(
    marked: str, code: str, severity: Severity, value: object
) -> None:
    text, span = unmark(f"<tool_call>{marked}</tool_call>")
    result = read(text)
    assert [(d.code, d.span, d.severity) for d in result.diagnostics] == [(code, span, severity)]
    assert (result.calls[0].value, result.calls[0].verdict) == (value, "json")


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ('{"name": "f", "arguments": {}}', "json"),
        ("{'name': 'f', \"arguments\": {'a': None}}", "python-literal"),
        ('{"name": "f", "arguments": {},}', "repaired"),
    ],
)
def test_the_verdict_names_the_rung_that_worked(body: str, verdict: str) -> None:
    assert read(f"<tool_call>{body}</tool_call>").calls[0].verdict == verdict


def test_a_block_that_is_not_json_keeps_its_text_and_the_place_of_the_error() -> None:
    text, span = unmark('<tool_call>\n{"name": "f", "arguments": {‹:›}}\n</tool_call>')
    result = read(text)
    (call,) = result.calls
    assert (call.name, call.verdict, call.value) == ("f", "failed", None)
    assert call.arguments == '{"name": "f", "arguments": {:}}'
    (diagnostic,) = result.diagnostics
    assert (diagnostic.code, diagnostic.span, diagnostic.call_index) == ("JSON_INVALID", span, 0)
    assert result.outcome is Outcome.TEXT


@pytest.mark.parametrize("body", ['{"arguments": {}}', '{"name": null, "arguments": {}}', "[]"])
def test_a_block_without_a_name_is_a_failed_call(body: str) -> None:
    result = read(f"<tool_call>{body}</tool_call>")
    (call,) = result.calls
    assert (call.name, call.verdict, call.arguments) == (None, "failed", body)
    assert {"NAME_MISSING", "NAME_TYPE", "EMPTY_BLOCK"} & set(codes(result))


def test_one_bad_block_hides_no_good_one_but_voids_it() -> None:
    text = f"{GOOD}\n<tool_call>{{@}}</tool_call>\n<tool_call>{{'name': 'g'}}</tool_call>\n{GOOD}"
    result = read(text)
    assert [call.name for call in result.calls if call.verdict != "failed"] == ["ls", "g", "ls"]
    voided = [d for d in result.diagnostics if d.code == "SIBLING_VOIDED"]
    names = [result.calls[d.call_index or 0].name for d in voided]
    assert names == ["ls", "ls"]
    assert all(d.severity is Severity.ERROR for d in voided)


def test_sound_siblings_are_not_voided() -> None:
    assert codes(read(GOOD + GOOD)) == []


@pytest.mark.parametrize(
    "beside",
    [
        '<tool_call>{"name": "g", "arguments": {"a": 1}}',
        '{"name": "g", "arguments": {}}\n</tool_call>',
        "<function=g>\n<parameter=a=b>\n</parameter>\n</function>",
    ],
)
def test_siblings_are_not_voided_by_what_engines_read_or_do_not_see(beside: str) -> None:
    assert "SIBLING_VOIDED" not in codes(read(f"{GOOD}\n{beside}"))


def test_two_payloads_in_one_block_do_not_void_each_other() -> None:
    one = '{"name": "f", "arguments": {}}'
    result = read(f"{GOOD}\n<tool_call>{one}{one}</tool_call>")
    voided = [found.call_index for found in result.diagnostics if found.code == "SIBLING_VOIDED"]
    assert voided == [0]


@pytest.mark.parametrize("glue", ["\n", ", ", ""])
def test_several_payloads_in_one_block_are_several_calls(glue: str) -> None:
    one, two = '{"name": "f", "arguments": {}}', '{"name": "g", "arguments": {"x": 2}}'
    result = read(f"<tool_call>{one}{glue}{two}</tool_call>")
    assert [(call.name, call.arguments) for call in result.calls] == [
        ("f", "{}"),
        ("g", '{"x": 2}'),
    ]
    assert codes(result) == ["MULTI_PAYLOAD"]


def test_a_list_in_one_block_is_several_calls() -> None:
    payload = '[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]'
    result = read(f"<tool_call>{payload}</tool_call>")
    assert [call.name for call in result.calls] == ["f", "g"]
    assert codes(result) == ["MULTI_PAYLOAD"]


def test_a_whole_payload_at_the_end_of_the_text_needs_no_closing_tag() -> None:
    result = read('<tool_call>{"name": "f", "arguments": {}}\n')
    assert (result.calls[0].verdict, codes(result)) == ("unclosed", ["UNCLOSED"])
    assert result.diagnostics[0].severity is Severity.NOTE


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ('{"path": "."}', "its arguments are complete: only what closes the call is missing"),
        (
            '{"path": {"a": 1}',
            "raise max_tokens; do not run it: what is shown is only its beginning",
        ),
        ('{"path": "."', "raise max_tokens; do not run it: what is shown is only its beginning"),
    ],
)
def test_a_call_that_lacks_only_its_end_is_not_reported_as_a_mere_beginning(
    arguments: str, hint: str
) -> None:
    result = read(f'<tool_call>\n{{"name": "ls", "arguments": {arguments}')
    assert [one.hint for one in result.diagnostics if one.code is Code.TRUNCATED] == [hint]


def test_an_unclosed_block_before_another_is_an_error() -> None:
    result = read(f'<tool_call>{{"name": "f", "arguments": {{}}}}\n{GOOD}')
    assert [call.name for call in result.calls] == ["f", "ls"]
    assert [(d.code, d.severity) for d in result.diagnostics if d.call_index == 0] == [
        ("UNCLOSED", Severity.ERROR)
    ]


def test_a_lone_opening_tag_at_the_end_is_a_cut_call() -> None:
    result = read("Here:\n<tool_call>\n")
    assert (result.calls[0].verdict, codes(result)) == ("failed", ["TRUNCATED"])


def test_an_empty_block_is_dropped_with_a_warning() -> None:
    result = read("<tool_call>\n</tool_call>")
    assert (result.calls, codes(result), len(result.dropped)) == ((), ["EMPTY_BLOCK"], 1)


@pytest.mark.parametrize(
    "text",
    [
        "Write <tool_call> to start.",
        "The tags <tool_call>{...}</tool_call> hold JSON.",
        "Use `<tool_call>` and `</tool_call>`.",
    ],
)
def test_tags_mentioned_in_prose_call_nothing(text: str) -> None:
    result = read(text)
    assert (result.calls, result.content) == ((), text)
    assert codes(result) == ["MARKER_IN_PROSE"]


def test_a_tag_in_prose_does_not_hide_the_call_after_it() -> None:
    result = read(f"Write <tool_call> to start.\n{GOOD}")
    assert [call.name for call in result.calls] == ["ls"]
    assert codes(result) == ["MARKER_IN_PROSE", "SIBLING_VOIDED"]


def test_a_tag_in_a_fence_is_noted() -> None:
    result = read("Like so:\n```\n<tool_call>\n...\n</tool_call>\n```\n")
    assert (result.calls, codes(result)) == ((), ["MARKER_IN_FENCE"])


def test_a_sound_call_in_a_fence_is_read_as_engines_do() -> None:
    result = read(f"```\n{GOOD}\n```")
    assert [call.name for call in result.calls] == ["ls"]
    assert [(d.code, d.severity) for d in result.diagnostics] == [
        ("MARKER_IN_FENCE", Severity.NOTE)
    ]


@pytest.mark.parametrize(
    "text",
    [f"<think>maybe {GOOD}</think>No.", f"maybe {GOOD}</think>No.", f"No.<think>maybe {GOOD}"],
)
def test_a_call_in_reasoning_is_rehearsed_and_not_made(text: str) -> None:
    result = read(text)
    assert (result.calls, result.content) == ((), "No.")
    (diagnostic,) = result.diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("MARKER_IN_REASONING", Severity.WARNING)
    assert diagnostic.span is not None
    assert text[diagnostic.span.start : diagnostic.span.end] == GOOD


def test_a_call_after_reasoning_is_made() -> None:
    result = read(f"<think>The user wants <tool_call>s.</think>{GOOD}")
    assert ([call.name for call in result.calls], codes(result)) == (["ls"], [])


def test_think_tags_in_a_value_are_not_reasoning() -> None:
    text = '<tool_call>{"name": "f", "arguments": {"a": "<think>"}}</tool_call><think>x</think>'
    result = read(text)
    assert result.calls[0].value == {"a": "<think>"}
    assert [text[span.start : span.end] for span in result.reasoning] == ["<think>x</think>"]


def test_a_lone_closing_tag_is_left_in_the_text() -> None:
    result = read("Done.</tool_call>")
    assert (result.content, codes(result)) == ("Done.</tool_call>", ["ORPHAN_CLOSE"])


@pytest.mark.parametrize(
    "body",
    [
        "get_weather\n<arg_key>city</arg_key><arg_value>Oslo</arg_value>",
        "<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n</function>",
    ],
)
def test_a_body_of_another_format_is_read_in_that_format(body: str) -> None:
    result = read(f"<tool_call>\n{body}\n</tool_call>")
    (call,) = result.calls
    assert (call.name, call.value, codes(result)) == ("get_weather", {"city": "Oslo"}, [])


def test_a_special_token_after_a_call_is_dropped() -> None:
    result = read(f"{GOOD}<|im_end|>")
    assert (result.content, codes(result)) == (None, ["STRAY_SPECIAL"])


@pytest.mark.parametrize("name", ["functions.get_weather", "get weather", "Get_Weather"])
def test_a_decorated_name_is_read_as_the_declared_tool(name: str) -> None:
    text = f'<tool_call>{{"name": "{name}", "arguments": {{}}}}</tool_call>'
    result = read(text, "get_weather", "search")
    assert (result.calls[0].name, codes(result)) == ("get_weather", ["NAME_DECORATED"])
    assert read(text).calls[0].name == name


def test_arguments_in_a_string_of_near_json_are_read_and_reported() -> None:
    text, span = unmark("""<tool_call>{"name": "f", "arguments": ‹"{'a': True}"›}</tool_call>""")
    result = read(text)
    assert result.calls[0].value == {"a": True}
    assert [(d.code, d.span) for d in result.diagnostics] == [
        ("ARGS_INVALID", span),
        ("ARGS_STRING", span),
    ]


def test_arguments_in_a_string_that_are_nested_too_deeply_stay_a_string() -> None:
    nested = "[" * 5000 + "]" * 5000
    result = read(f'<tool_call>{{"name": "f", "arguments": "{nested}"}}</tool_call>')
    assert (result.calls[0].value, codes(result)) == (nested, ["ARGS_NOT_OBJECT"])


def test_the_trail_tells_why_a_payload_was_refused() -> None:
    text = "<tool_call>{'name': 'f', 'arguments': {}}</tool_call>"
    trail = [(step.depth, step.rule, step.outcome) for step in read(text).steps]
    assert trail == [
        (0, "text", "calls"),
        (1, "hermes", "calls"),
        (2, "json", "Expecting property name enclosed in double quotes"),
        (2, "near-json", "python-literal"),
    ]
