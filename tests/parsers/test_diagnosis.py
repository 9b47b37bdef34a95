"""What is reported about a message: what its parser does with it, compared with the intent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import MessageAppended, ToolCallProposed
from hermes_tui.model.messages import ArgumentsState, Origin, Reasoning, ToolCall, ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.choice import guess_parser, named_parser, near_names, parsers
from hermes_tui.parsers.diagnosis import diagnose
from hermes_tui.parsers.normalise import TextCalls, normalise_message
from hermes_tui.parsers.run_diagnosis import RunDiagnosis
from tests.timing import Work, assert_linear

SOUND = '<tool_call>\n{"name": "search", "arguments": {"query": "owls"}}\n</tool_call>'
QUOTED = '<tool_call>\n{"name": "open", "arguments": {\'id\': 1}}\n</tool_call>'
XML = "<function=search>\n<parameter=query>\nowls\n</parameter>\n</function>"
SEARCH = ToolSpec("search", "", {"type": "object", "properties": {"query": {"type": "string"}}})


def findings(text: str, parser: str = "vllm/hermes", **more: Any) -> tuple[Diagnostic, ...]:
    return diagnose(text, parser=named_parser(parser), **more)


def native(name: str, arguments: Any, text: str = "") -> ToolCall:
    return ToolCall(
        index=0,
        name=name,
        arguments_text=text or json.dumps(arguments),
        arguments_state=ArgumentsState.NOT_JSON if text else ArgumentsState.JSON_STRING,
        arguments=arguments,
        origin=Origin.OBJECT,
    )


def test_a_call_that_is_delivered_as_intended_gets_no_finding() -> None:
    assert findings(SOUND, finish_reason="tool_calls") == ()


def test_an_answer_without_calls_gets_no_finding() -> None:
    assert findings("Owls are birds: {see above}, <b>really</b> [1].", finish_reason="stop") == ()


def test_the_finding_for_a_call_kept_as_text_names_the_call_and_the_reason() -> None:
    (found,) = findings(QUOTED)
    assert found.code is Code.BAD_QUOTES
    assert found.severity is Severity.ERROR
    assert "vllm/hermes keeps the call as text (open)" in found.message
    assert found.span is not None and QUOTED[found.span.start] == "'"


def test_the_finding_for_a_call_of_another_format_names_the_flag_that_reads_it() -> None:
    (found,) = findings(XML)
    assert found.code is Code.WRONG_FORMAT
    assert "keeps the call as text (search)" in found.message
    assert "qwen3_coder" in found.hint


def test_a_sound_call_voided_by_its_sibling_is_reported_apart_from_the_bad_one() -> None:
    found = findings(f"{SOUND}\n{QUOTED}")
    assert [item.code for item in found] == [Code.SIBLING_VOIDED, Code.BAD_QUOTES]
    assert "(search)" in found[0].message
    assert "(open)" in found[1].message


def test_a_call_that_vanishes_is_reported_as_lost() -> None:
    found = findings(SOUND, "vllm/qwen3_coder")
    assert "vllm/qwen3_coder loses the call (search)" in found[0].message
    assert found[0].severity is Severity.ERROR


def test_a_call_whose_arguments_are_changed_is_reported_as_altered() -> None:
    text = '[TOOL_CALLS]search{"query": 42}'
    (found,) = findings(text, "vllm/mistral_v11", tools=(SEARCH,))
    assert found.severity is Severity.WARNING
    assert "alters the call" in found.message


def test_types_that_the_format_cannot_express_get_no_finding() -> None:
    schema = {"type": "object", "properties": {"limit": {"type": "integer"}}}
    text = "<function=search>\n<parameter=limit>\n7\n</parameter>\n</function>"
    text = f"<tool_call>\n{text}\n</tool_call>"
    assert findings(text, "vllm/qwen3_coder", tools=(ToolSpec("search", "", schema),)) == ()


def test_a_cut_call_that_the_server_claims_to_be_whole_is_reported() -> None:
    text = '<tool_call>\n{"name": "search", "arguments": {"query": "ow'
    (found,) = findings(text, finish_reason="stop")
    assert found.code is Code.TRUNCATED
    assert "although finish_reason says stop" in found.message
    assert "although" not in findings(text, finish_reason="length")[0].message


def test_cut_arguments_of_a_native_call_claimed_to_be_whole_are_reported() -> None:
    call = native("search", None, '{"query": "ow')
    (found,) = findings("", native_calls=(call,), finish_reason="tool_calls")
    assert (found.code, found.call_index) == (Code.TRUNCATED, 0)


def test_a_promise_of_calls_without_any_is_reported_once() -> None:
    (found,) = findings("Let me look.", finish_reason="tool_calls")
    assert found.code is Code.CALLED_EMPTY
    known = Diagnostic(Code.CALLED_EMPTY, Severity.ERROR, "none")
    assert findings("Let me look.", finish_reason="tool_calls", known=(known,)) == ()


def test_a_call_that_the_server_left_in_the_text_is_reported() -> None:
    (found,) = findings(SOUND, native_calls=(native("open", {"id": 1}),))
    assert (found.code, found.severity) == (Code.CALL_IN_CONTENT, Severity.WARNING)


def test_a_text_that_repeats_a_native_call_is_a_note() -> None:
    (found,) = findings(SOUND, native_calls=(native("search", {"query": "owls"}),))
    assert (found.code, found.severity) == (Code.CALL_IN_CONTENT, Severity.NOTE)


@pytest.mark.parametrize(
    ("calls", "severity", "words"),
    [
        ((), Severity.WARNING, "the message has no call"),
        ((native("search", {"query": "owls"}),), Severity.NOTE, "is made after it"),
        ((native("open", {"id": 1}),), Severity.NOTE, "is not among the message's calls"),
    ],
)
def test_a_call_in_reasoning_is_reported(
    calls: tuple[ToolCall, ...], severity: Severity, words: str
) -> None:
    (found,) = findings("", native_calls=calls, reasoning=(Reasoning("reasoning", SOUND),))
    assert (found.code, found.severity) == (Code.MARKER_IN_REASONING, severity)
    assert words in found.message


def test_an_exception_of_a_parser_is_reported_as_such() -> None:
    raising = [p for p in parsers() if p.parse("<tool_call>{").outcome == "raised"]
    for parser in raising:
        codes = [item.code for item in diagnose("<tool_call>{", parser=parser)]
        assert Code.PARSER_RAISED in codes


def test_an_earlier_finding_is_not_repeated() -> None:
    (found,) = findings(QUOTED)
    assert found.span is not None
    cause = Diagnostic(Code.BAD_QUOTES, Severity.ERROR, "said", found.span)
    content = Diagnostic(Code.CALL_IN_CONTENT, Severity.ERROR, "said", Span(0, 5))
    assert findings(QUOTED, known=(cause, content)) == ()
    # A reader that takes the calls out of the text reports oddities, not what the engine does.
    assert len(findings(QUOTED, known=(cause,))) == 1


def test_the_guessed_format_follows_the_markers() -> None:
    for text, name in (
        (SOUND, "vllm/hermes"),
        (XML, "vllm/qwen3_coder"),
        ('[TOOL_CALLS]search{"query": 1}', "vllm/mistral_v11"),
        ('[TOOL_CALLS] [{"name": "search"}]', "vllm/mistral"),
        (f"<seed:tool_call>{XML}</seed:tool_call>", "hermes-tui/auto"),
        ("nothing at all", "hermes-tui/auto"),
    ):
        assert guess_parser(text).name == name


def test_unknown_names_get_similar_ones_suggested() -> None:
    assert near_names("vlm/hermes")[0] == "vllm/hermes"
    assert "vllm/hermes" in near_names("hermes")
    assert near_names("!") == []


_PIECES = st.sampled_from(
    [
        SOUND, QUOTED, XML, "<tool_call>", "</tool_call>", "<think>", "</think>", "[TOOL_CALLS]",
        '{"name": "f", "arguments": ', "{", "}", "```", "\ud83d", " ", "<function=f>", "[f(a=1)]",
        "<|python_tag|>", "<｜tool▁call▁begin｜>", "&lt;tool_call&gt;",
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(_PIECES | st.text(max_size=5), max_size=8).map("".join), st.data())
def test_no_text_raises_and_every_place_is_in_the_text(text: str, data: st.DataObject) -> None:
    parser = data.draw(st.sampled_from(parsers()))
    reason = data.draw(st.sampled_from(["", "stop", "tool_calls", "length"]))
    calls = data.draw(st.sampled_from([(), (native("search", {"query": "owls"}),)]))
    reasoning = (Reasoning("reasoning", text),)
    for found in diagnose(
        text, parser=parser, native_calls=calls, finish_reason=reason, reasoning=reasoning
    ):
        assert found.message
        if found.span is not None:
            assert 0 <= found.span.start <= found.span.end <= len(text)


@pytest.mark.parametrize("block", [SOUND, QUOTED, XML], ids=["sound", "quoted", "xml"])
def test_the_time_grows_linearly_with_the_text(block: str) -> None:
    def diagnosing(count: int) -> Work:
        text = block * count
        thought = (Reasoning("r", text),)
        return lambda: findings(text, finish_reason="stop", reasoning=thought)

    assert_linear(diagnosing, 1_600)


def test_a_place_counts_once_even_if_its_call_is_a_separate_record() -> None:
    found = normalise_message({"content": QUOTED}, text_calls=TextCalls.TRANSPORT, role="assistant")
    ((call, own),) = found.calls
    assert Code.BAD_QUOTES in [one.code for one in own]
    review = RunDiagnosis("vllm/hermes", one_run=True)
    (reviewed,) = review.review((MessageAppended(seq=4, message=found.message),))
    assert Code.BAD_QUOTES in [one.code for one in reviewed.diagnostics]
    (proposed,) = review.review((ToolCallProposed(seq=5, call=call, diagnostics=own),))
    assert Code.BAD_QUOTES not in [one.code for one in proposed.diagnostics]
    (other,) = review.review((ToolCallProposed(seq=9, call=call, diagnostics=own),))
    assert other.diagnostics == own
