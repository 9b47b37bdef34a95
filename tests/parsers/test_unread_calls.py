"""Texts with calls that no parser read, marked or not, and texts without calls."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import Origin, ToolSpec
from hermes_tui.parsers.normalise import normalise_message
from hermes_tui.parsers.unread_calls import unread_calls, with_unread
from tests.parsers.agreement import CORPUS, rows, toolsets

TOOLS = (ToolSpec("look", "", {"type": "object", "properties": {"at": {"type": "string"}}}),)
JSON = '{"name": "look", "arguments": {"at": "a"}}'
CALL = f"<tool_call>{JSON}</tool_call>"
HARMONY = 'assistantcommentary to=functions.look json{"at": "a"}'


@pytest.mark.parametrize(
    ("text", "reader"),
    [
        ('{"name": "look", "arguments": {"at": "a"}}', "vllm/llama3_json"),
        ('```json\n[{"name": "look", "parameters": {"at": "a"}}]\n```', "vllm/llama4_json"),
        ('[look(at="a")]', "vllm/pythonic"),
        ('look(at="a")', "no parser reads it unchanged"),
        (
            f"analysisI need it.{HARMONY}",
            "gpt-oss (sglang) reads it once the missing markers are there",
        ),
    ],
)
def test_unread_calls_are_reported_with_the_parsers_that_read_them(text: str, reader: str) -> None:
    calls, (error,), _ = unread_calls(text, TOOLS)
    assert [(call.name, call.arguments, call.origin) for call, _ in calls] == [
        ("look", {"at": "a"}, Origin.TEXT)
    ]
    assert (error.code, error.severity) == (Code.CALL_IN_CONTENT, Severity.ERROR)
    assert reader in error.hint


def test_bare_json_is_a_call_of_any_tool() -> None:
    text = '{"name": "other", "arguments": {}}'
    assert len(unread_calls(text, ()).calls) == len(unread_calls(text, TOOLS).calls) == 1


@pytest.mark.parametrize(
    "text",
    [
        '[other(at="a")]',
        '{"name": "other", "arguments": {}} is no answer',
        f"The schema: {JSON} is what it takes",
        f"I would send {JSON} now.",
        "```python\n[look(at='a')]\n```",
        "Run this:\nlook(at='a')\nand see.",
        '[look(at="a")] is what I would call.',
        'I call [look(at="a")]',
        '{"name": "look", "age": 3}',
        '{"id": 1, "name": "look", "size": {"at": "a"}}',
        '{"look": {"at": "a"}}',
        "look",
        "(look)",
        f"My analysis: {HARMONY}",
        "",
    ],
)
def test_other_texts_hold_no_calls(text: str) -> None:
    assert unread_calls(text, TOOLS) == ([], [], False)


def test_without_declared_tools_only_bare_json_is_a_call() -> None:
    assert unread_calls('[look(at="a")]', ()) == ([], [], False)
    assert unread_calls('look{"at": "a"}', ()) == ([], [], False)


@pytest.mark.parametrize(
    "text",
    [
        f"I look.\n\n{JSON}",
        f"Let me look: {JSON}",
        f"{JSON}; {JSON}",
        f"{JSON}\nOne moment.",
        f"Here:\n```json\n{JSON}\n```",
        f"<think>hm</think>{JSON}",
        f"{JSON}<|im_end|>",
        JSON[:-1],
        JSON.replace("arguments", "args"),
        'Let me check. [look(at="a")]',
        '[look(at="a")]\nOne moment.',
        '[tools.look(at="a")]',
        'functions.look:0{"at": "a"}',
        'I look.\nlook{"at": "a"}',
    ],
)
def test_a_call_of_a_declared_tool_is_reported_next_to_prose(text: str) -> None:
    calls, (error,), _ = unread_calls(text, TOOLS)
    assert {call.arguments["at"] for call, _ in calls} == {"a"}
    assert (error.code, error.severity) == (Code.CALL_IN_CONTENT, Severity.ERROR)
    assert error.span is not None and text[error.span.start] in "{[lf"
    for others in ((), (ToolSpec("other"),)):
        assert "as bare JSON" in error.message or unread_calls(text, others) == ([], [], False)


STEP3 = (
    "<｜tool_calls_begin｜>\n<｜tool_call_begin｜>function<｜tool_sep｜>"
    '<steptml:invoke name="look"><steptml:parameter name="at">a</steptml:parameter>'
    "</steptml:invoke><｜tool_call_end｜>\n<｜tool_calls_end｜>"
)
LLAMA4 = '<|python_start|>[look(at="a")]<|python_end|>'


@pytest.mark.parametrize(
    ("text", "form", "flag"),
    [
        (STEP3, "step3", "--tool-call-parser step3"),
        (LLAMA4, "llama4_pythonic", "--tool-call-parser llama4_pythonic (vllm), pythonic (sglang)"),
        (
            '[TOOL_CALLS] [{"name": "look", "arguments": {"at": "a"}}]',
            "mistral",
            "--tool-call-parser mistral",
        ),
    ],
)
def test_marked_calls_are_reported_complete_with_the_parser_that_reads_them(
    text: str, form: str, flag: str
) -> None:
    calls, (error,), _ = unread_calls(text, TOOLS)
    assert [(call.name, call.arguments) for call, _ in calls] == [("look", {"at": "a"})]
    assert f"in the text as {form}, none" in error.message and "(look)" in error.message
    assert f"this markup is read by {flag}" in error.hint
    assert "no parser" not in error.hint and "lacks" not in error.hint


@pytest.mark.parametrize("text", [STEP3, LLAMA4])
def test_marked_calls_are_reported_but_not_made_without_declared_tools(text: str) -> None:
    calls, (error,), _ = unread_calls(text, ())
    assert not calls
    assert error.code is Code.CALL_IN_CONTENT and "(look)" in error.message


def test_markers_in_reasoning_are_reported_as_such() -> None:
    calls, (found,), _ = unread_calls(f"<think>maybe {STEP3}</think>No need.", TOOLS)
    assert not calls
    assert (found.code, found.severity) == (Code.MARKER_IN_REASONING, Severity.WARNING)


def test_a_call_after_such_reasoning_is_reported() -> None:
    for call in ('[look(at="a")]', LLAMA4, JSON):
        calls, (found,), _ = unread_calls(f"<think>maybe {STEP3}</think>{call}", TOOLS)
        assert len(calls) == 1 and found.code is Code.CALL_IN_CONTENT


def test_markers_mentioned_in_prose_are_not_calls() -> None:
    calls, findings, _ = unread_calls("The marker `<|python_start|>` opens a (look) call.", TOOLS)
    assert not calls and all(one.severity is Severity.NOTE for one in findings)


def test_a_flaw_in_a_call_is_reported_with_it() -> None:
    ((_, own),), (error,), _ = unread_calls(f"I look.\n{JSON[:-2]},}}}}", TOOLS)
    assert [one.code for one in own] == [Code.TRAILING_COMMA]
    assert error.hint.startswith("TRAILING_COMMA: ")


@pytest.mark.parametrize("text", [JSON, STEP3, LLAMA4, '[look(at="a")]', 'look{"at": "a"}'])
def test_a_message_read_without_its_tools_gets_the_finding_once_they_are_known(text: str) -> None:
    found = normalise_message({"role": "assistant", "content": text, "finish_reason": "tool_calls"})
    known = with_unread(found, TOOLS)
    calls, findings, _ = unread_calls(text, TOOLS)
    assert known.diagnostics == tuple(findings)
    assert known.calls == tuple(calls) and known.message.calls == 1
    assert with_unread(known, TOOLS) == known


@pytest.mark.parametrize("text", ["", "Nothing (to look at).", "<tool_call>{", CALL])
def test_a_message_without_such_calls_is_unchanged(text: str) -> None:
    found = normalise_message({"role": "assistant", "content": text})
    assert with_unread(found, TOOLS) == found


UNDECLARED = {"pythonic-23-dashed_name", "pythonic-30-unknown_tool"}
"""Rows without a marker whose tool is not declared."""


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the real outputs are not here")
def test_every_real_text_with_an_intended_call_is_reported() -> None:
    tools = toolsets()
    for row in rows():
        message = normalise_message({"role": "assistant", "content": row["text"]})
        codes = [one.code for one in with_unread(message, tools[row["tools"]]).diagnostics]
        if row["intent"] and row["id"] not in UNDECLARED:
            assert Code.CALL_IN_CONTENT in codes, row["id"]
        if "in_think" in row["id"]:
            assert Code.CALL_IN_CONTENT not in codes, row["id"]


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ('[look(at="…")]', "pythonic is made"),
        (
            '{"name": "look", "arguments": {"at": "…"}}',
            "llama3_json (vllm), llama3 (sglang) is made",
        ),
    ],
)
def test_a_long_text_is_recognised_by_its_format_alone(text: str, flag: str) -> None:
    calls, (error,), _ = unread_calls(text.replace("…", "a" * 50_000), TOOLS)
    assert len(calls) == 1
    assert f"--tool-call-parser {flag}" in error.hint


PIECES = st.sampled_from(["look", "(", ")", "[", "]", '"', "at=", "{", "}", ":", "name", " ", "a"])


@settings(max_examples=60)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_spans_are_within_any_text(text: str) -> None:
    calls, findings, _ = unread_calls(text, TOOLS)
    assert len(findings) == bool(calls)
    for call, _ in calls:
        assert call.span is not None and 0 <= call.span.start < call.span.end <= len(text)
