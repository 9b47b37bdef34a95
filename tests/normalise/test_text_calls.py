from __future__ import annotations

import pytest

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ArgumentsState, IdState, Origin
from hermes_tui.parsers.normalise import TextCalls, normalise_message
from tests.normalise.reading import assistant, codes, native

GOOD = '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls"}}\n</tool_call>'
BAD = '<tool_call>\n{"name": "terminal", "arguments": {"command": }}\n</tool_call>'


def read(text, mode=TextCalls.SUSPECT, role="assistant", **fields):
    return normalise_message({"role": role, "content": text, **fields}, text_calls=mode)


def test_calls_in_a_text_transport_are_plain_calls():
    found = read(f"Let me look.\n{GOOD}", TextCalls.TRANSPORT, role="gpt")
    call, findings = found.calls[0]
    assert (call.origin, call.id_state, call.verdict) == (Origin.TEXT, IdState.MISSING, "json")
    assert (call.name, call.arguments) == ("terminal", {"command": "ls"})
    assert call.arguments_state is ArgumentsState.JSON_STRING
    assert call.span is not None
    assert found.message.text[call.span.start : call.span.end] == GOOD
    assert (findings, found.diagnostics) == ((), ())
    assert found.message.calls == 1


def test_a_bad_block_does_not_hide_a_good_one():
    found = read(f"{BAD}\n{GOOD}", TextCalls.TRANSPORT)
    assert [c.name for c, _ in found.calls][1] == "terminal"
    assert any(d.severity is Severity.ERROR for d in found.calls[0][1])
    assert all(d.call_index == 0 for d in found.calls[0][1])


def test_a_call_in_content_is_an_error_of_the_message():
    found = read(f"Sure.\n{GOOD}")
    error = found.diagnostics[0]
    assert (error.code, error.severity) == (Code.CALL_IN_CONTENT, Severity.ERROR)
    assert error.span == found.calls[0][0].span
    assert "--tool-call-parser" in error.hint
    assert "terminal" in error.message
    assert found.calls[0][0].origin is Origin.TEXT
    assert Code.ID_MISSING not in codes(found.calls[0][1])


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        (GOOD, "hermes"),
        (
            "<tool_call>look\n<arg_key>at</arg_key>\n<arg_value>a</arg_value>\n</tool_call>",
            "glm45",
        ),
        (
            (
                "<tool_calls>\n<tool_call>look<tool_sep>\n<arg_key>at</arg_key>\n"
                "<arg_value>a</arg_value>\n</tool_call>\n</tool_calls>"
            ),
            "hy_v3 (vllm), hunyuan (sglang)",
        ),
        (
            (
                "<tool_call>\n<function=look>\n<parameter=at>\na\n</parameter>\n</function>\n"
                "</tool_call>"
            ),
            "qwen3_coder",
        ),
    ],
)
def test_the_hint_for_sound_markup_names_the_parser_that_reads_it(text, flag):
    hint = read(text).diagnostics[0].hint
    assert f"this markup is read by --tool-call-parser {flag};" in hint


def test_the_hint_names_what_is_wrong_with_the_markup():
    found = read(BAD)
    assert found.diagnostics[0].code is Code.CALL_IN_CONTENT
    causes = {d.code.value for _, several in found.calls for d in several}
    assert any(cause in found.diagnostics[0].hint for cause in causes)


def test_bare_call_json_is_suspected_but_not_a_transport():
    text = '{"name": "terminal", "arguments": {"command": "ls"}}'
    found = read(text)
    assert codes(found.diagnostics) == [Code.CALL_IN_CONTENT]
    assert [c.name for c, _ in found.calls] == ["terminal"]
    assert read(text, TextCalls.TRANSPORT).calls == ()


@pytest.mark.parametrize("mode", [TextCalls.SUSPECT, TextCalls.TRANSPORT])
@pytest.mark.parametrize("text", [GOOD, BAD])
def test_markup_next_to_native_calls_is_a_note(mode, text):
    found = read(text, mode, tool_calls=[native()])
    assert [c.origin for c, _ in found.calls] == [Origin.DICT]
    assert [(d.code, d.severity) for d in found.diagnostics] == [
        (Code.CALL_IN_CONTENT, Severity.NOTE)
    ]


def test_the_markup_of_another_format_is_named():
    found = read('[TOOL_CALLS] [{"name": "f", "arguments": {}}]')
    assert codes(found.diagnostics) == [Code.CALL_IN_CONTENT]
    assert "mistral" in found.diagnostics[0].message
    assert found.calls == ()


def test_text_is_not_searched_for_calls_in_ignore_mode():
    found = read(GOOD, TextCalls.IGNORE)
    assert (found.calls, found.diagnostics) == ((), ())


def test_examples_in_prompts_are_not_calls():
    for role in ("system", "user", "tool"):
        assert read(GOOD, TextCalls.TRANSPORT, role=role).calls == ()


def test_agents_make_calls_as_assistants_do():
    assert read(GOOD, TextCalls.TRANSPORT, role="agent").calls[0][0].name == "terminal"


def test_a_turn_labelled_as_a_call_is_read_as_one():
    found = read('{"name": "f", "arguments": {"a": 1}}', TextCalls.TRANSPORT, role="function_call")
    assert found.message.role == "assistant"
    assert found.calls[0][0].arguments == {"a": 1}
    assert found.diagnostics == ()
    broken = read("no call", TextCalls.TRANSPORT, role="function_call")
    assert codes(broken.calls[0][1]) == [Code.JSON_INVALID]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"name": "f", "arguments": {"a": 1},}', Code.TRAILING_COMMA),
        ("{'name': 'f', 'arguments': {'a': 1}}", Code.BAD_QUOTES),
        (
            '{"name": "g", "arguments": {}} {"name": "f", "arguments": {"a": 1,}}',
            Code.TRAILING_COMMA,
        ),
    ],
)
def test_repairs_to_a_text_that_is_a_call_are_reported(text: str, code: Code) -> None:
    found = read(text, TextCalls.TRANSPORT, role="function_call")
    call, findings = found.calls[-1]
    assert (call.name, call.arguments) == ("f", {"a": 1})
    assert [(one.code, one.severity) for one in findings] == [(code, Severity.ERROR)]


def test_plain_prose_is_not_a_call():
    assert assistant(content="a {name} and a list [1] < 3").diagnostics == ()
