"""The AI SDK's telemetry: its own attributes up to version 6, the GenAI conventions since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.otlp import FORMAT
from hermes_tui.formats.spans.ai_sdk_spans import conventional_attributes, is_of_ai_sdk
from hermes_tui.formats.spans.genai_spans import RawSpan, span_of
from hermes_tui.formats.spans.tree import SpanKind
from hermes_tui.model.events import Event, RequestFailed
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    format_of,
    found_codes,
    messages,
    only,
    read_bytes,
    results,
    runs,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "otel"
QUESTION = "What is the weather in Paris and Oslo?"
BROKEN = '{"city":"Rome",}'


def agent_of_version_6() -> list[Event]:
    first, _ = (FOLDER / "ai-sdk-6.jsonl").read_bytes().splitlines()
    return read_bytes(FORMAT, first)


def agent_of_version_7() -> list[Event]:
    return read_bytes(FORMAT, (FOLDER / "ai-sdk-7.json").read_bytes())


AGENTS = [agent_of_version_6, agent_of_version_7]


@pytest.mark.parametrize("agent", AGENTS)
def test_all_that_the_server_sent_arrives(agent: Any) -> None:
    events = agent()
    ids = ["call_w1", "call_w2", "call_d1", "call_b1", "call_b2", "call_u1"]
    assert [call.id for call in calls(events)] == ids
    assert [one.call_id for one in results(events)] == ids
    assert dialog(events)[:2] == [("system", "You are terse."), ("user", QUESTION)]
    assert dialog(events)[-1] == ("assistant", "Paris is **18** C, Oslo is 7 C.")
    thoughts = [thought.text for one in messages(events) for thought in one.reasoning]
    assert thoughts == ["I need the weather first.", "Now divide.", "Enough."]


@pytest.mark.parametrize("agent", AGENTS)
def test_each_reply_keeps_its_token_counts_and_finish_reason(agent: Any) -> None:
    replies = [one for one in messages(agent()) if one.role == "assistant"]
    used = [one.usage for one in replies]
    assert [(one.prompt_tokens, one.completion_tokens, one.cached_tokens) for one in used] == [
        (100 + turn, 20 + turn, 5) for turn in range(6)
    ]
    assert [one.finish_reason.replace("_", "-")[:9] for one in replies] == ["tool-call"] * 5 + [
        "stop"
    ]


@pytest.mark.parametrize("agent", AGENTS)
def test_arguments_that_are_no_json_are_those_of_the_reply_not_of_its_repetition(
    agent: Any,
) -> None:
    events = agent()
    [broken] = [call for call in calls(events) if call.id == "call_b1"]
    assert broken.arguments_text == BROKEN
    assert "ARGS_INVALID:error" in found_codes(events)


@pytest.mark.parametrize("agent", AGENTS)
def test_the_tools_are_those_of_the_request(agent: Any) -> None:
    [first] = runs(agent())
    assert [tool.name for tool in first.tools] == ["weather", "divide", "remove"]
    assert first.tools[0].parameters["required"] == ["city"]


def test_the_agent_is_named_as_the_application_names_it() -> None:
    [first] = runs(agent_of_version_6())
    assert first.model == "agent-2025"
    about = {key: first.details[key] for key in ("agent", "provider", "session", "user")}
    assert about == {
        "agent": "weather-agent", "provider": "local.chat", "session": "s1", "user": "u1",
    }  # fmt: skip


def test_a_tool_that_threw_is_an_error_with_its_text() -> None:
    failed = next(one for one in results(agent_of_version_6()) if one.call_id == "call_d1")
    assert failed.content == "division by zero"
    assert failed.error is not None
    assert failed.error.kind == "flag"
    assert failed.duration_s is not None


def test_a_refused_request_ends_the_run_with_its_error() -> None:
    both = (FOLDER / "ai-sdk-6.jsonl").read_bytes()
    assert format_of(both) == "otlp"
    events = read_bytes(FORMAT, both)
    assert len(runs(events)) == 2
    [failed] = only(events, RequestFailed)
    assert failed.message == "AI_APICallError: the model crashed"


def test_spans_of_version_4_are_read_too() -> None:
    events = read_bytes(FORMAT, (FOLDER / "ai-sdk-4.json").read_bytes())
    assert [call.arguments for call in calls(events)] == [{"city": "Paris"}, {"city": "Oslo"}]
    assert [one.content for one in results(events)] == [
        '{"city":"Paris","celsius":18}',
        '{"city":"Oslo","celsius":7}',
    ]
    assert dialog(events)[-1] == ("assistant", "Paris is 18 C, Oslo is 7 C.")


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("ai.generateText", SpanKind.AGENT),
        ("ai.streamObject", SpanKind.AGENT),
        ("ai.generateObject.doGenerate", SpanKind.LLM),
        ("ai.streamText.doStream", SpanKind.LLM),
        ("ai.toolCall", SpanKind.TOOL),
    ],
)
def test_the_operation_says_what_a_span_is(operation: str, kind: SpanKind) -> None:
    span = span_of(RawSpan(id="1", name="x", attributes={"ai.operationId": operation}))
    assert span.kind is kind


def test_a_generated_object_is_the_reply() -> None:
    attributes = {
        "ai.operationId": "ai.generateObject.doGenerate",
        "ai.response.object": '{"city":"Paris"}',
        "ai.response.finishReason": "stop",
    }
    [reply] = conventional_attributes(attributes)["gen_ai.output.messages"]
    assert reply["content"] == [{"type": "text", "text": '{"city":"Paris"}'}]
    assert not is_of_ai_sdk({"ai.operationId": 7})


@settings(max_examples=100, deadline=None)
@given(any_json("ai.response.toolCalls", "ai.response.text", "ai.prompt.tools", "toolCallId"))
def test_any_values_of_attributes_are_read(anything: Any) -> None:
    attributes = anything if isinstance(anything, dict) else {"ai.response.toolCalls": anything}
    span_of(RawSpan(id="1", attributes={**attributes, "ai.operationId": "ai.x.doStream"}))
