"""OpenTelemetry traces: every generation of attributes, several lines, several agents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.otlp import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.formats.secrets import mask_json_text
from hermes_tui.formats.spans.attributes import Attributes, any_value
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    deep_json,
    dialog,
    document,
    ended,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    started,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "otel"
S = 1_767_323_045_000_000_000


def as_any_value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [as_any_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": pairs(value)}}
        case _:
            return {"stringValue": value}


def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": as_any_value(value)} for key, value in values.items()]


def span(
    span_id: str, parent: str = "", at: int = 0, trace: str = "t1", **more: Any
) -> dict[str, Any]:
    attributes = pairs(more.pop("attributes", {}))
    events = [
        {"name": name, "attributes": pairs(values)} for name, values in more.pop("events", ())
    ]
    return {
        "traceId": trace,
        "spanId": span_id,
        "parentSpanId": parent,
        "name": span_id,
        "startTimeUnixNano": str(S + at * 10**9),
        "endTimeUnixNano": str(S + (at + 1) * 10**9),
        "attributes": attributes,
        "events": events,
        **more,
    }


def export(*spans: dict[str, Any]) -> dict[str, Any]:
    scope = {"scope": {"name": "x"}, "spans": list(spans)}
    resource = {"attributes": pairs({"service.name": "svc"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


def read(*spans: dict[str, Any]) -> list[Any]:
    return read_value(FORMAT, export(*spans))


ASK = [{"role": "user", "parts": [{"type": "text", "content": "List."}]}]
CALLING = {
    "role": "assistant",
    "parts": [{"type": "tool_call", "id": "c1", "name": "ls", "arguments": {"p": 1}}],
}
ANSWER = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "a"}]}
DONE = {"role": "assistant", "parts": [{"type": "text", "content": "Done."}]}


def chat(span_id: str, at: int, asked: list[Any], answered: Any, parent: str = "root") -> Any:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps([answered]),
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
        "gen_ai.tool.definitions": json.dumps([{"type": "function", "name": "ls"}]),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.response.finish_reasons": ["stop"],
    }
    return span(span_id, parent, at, attributes=attributes)


ROOT = span(
    "root",
    attributes={
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "lister",
        "gen_ai.conversation.id": "conv",
    },
)
TOOL = span(
    "tool",
    "root",
    2,
    attributes={
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "ls",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": '{"p": 1}',
    },
)
SPANS = [
    chat("second", 3, [*ASK, CALLING, ANSWER], DONE),
    TOOL,
    chat("first", 1, ASK, CALLING),
    ROOT,
]
WHOLE = [("system", "Be brief."), ("user", "List."), ("assistant", ""), ("tool", "a"),
         ("assistant", "Done.")]  # fmt: skip


def test_the_request_with_most_messages_and_its_reply_form_the_conversation() -> None:
    events = read_bytes(FORMAT, document(export(*SPANS)))
    assert dialog(events) == WHOLE
    first = started(events)
    assert (first.run_id, first.model) == ("t1", "m")
    assert [tool.name for tool in first.tools] == ["ls"]
    assert first.details["agent"] == "lister"
    assert first.details["conversation"] == "conv"
    assert first.details["service"] == "svc"
    usage = ended(events).usage
    assert usage is not None and usage.prompt_tokens == 14


def test_tool_spans_give_results_their_time_and_errors() -> None:
    failed = {**TOOL, "status": {"code": 2}, "events": [
        {"name": "exception", "attributes": pairs({"exception.type": "OSError",
                                                   "exception.message": "no disk"})}
    ]}  # fmt: skip
    [result] = results(read(SPANS[0], failed, *SPANS[2:]))
    assert result.duration_s == 1.0
    assert result.error is not None
    assert "OSError: no disk" in result.error.reason


def test_a_span_with_the_type_of_an_error_failed_whatever_its_status() -> None:
    error = pairs({"error.type": "TimeoutError"})
    failed = {**TOOL, "attributes": [*TOOL["attributes"], *error]}
    [result] = results(read(SPANS[0], failed, *SPANS[2:]))
    assert result.error is not None and "TimeoutError" in result.error.reason


def test_a_trace_spread_over_lines_is_one_run() -> None:
    data = lines(*(export(one) for one in SPANS))
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 5, 1)
    at = [event.at for event in events if event.at is not None]
    assert all(place.range.end <= len(data) for place in at)
    assert len({place.range for place in at}) > 1


def test_spans_of_an_agent_that_was_never_recorded_are_one_run() -> None:
    events = read(*SPANS[:-1])
    assert dialog(events) == WHOLE
    assert "not recorded" in started(events).details["lost_span"]
    assert [run.run_id for run in runs(events)] == ["t1"]


def test_each_trace_is_a_separate_run() -> None:
    other = chat("x", 9, ASK, DONE, parent="") | {"traceId": "t2"}
    assert [run.run_id for run in runs(read(*SPANS, other))] == ["t1", "t2"]


def test_an_agent_called_by_another_is_a_child_run() -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"}
    helper = span("helper", "tool", 2, attributes=agent)
    asked = chat("h1", 2, [{"role": "user", "parts": [{"type": "text", "content": "Help."}]}],
                 DONE, parent="helper")  # fmt: skip
    main, below = runs(read(*SPANS, helper, asked))
    assert (main.run_id, below.run_id, below.parent_run_id) == ("t1", "helper", "t1")
    assert below.details["agent"] == "helper"


FLAT_OI = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "m",
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "List.",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "ls",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"p": 1}',
    "llm.token_count.prompt": 7,
    "llm.tools.0.tool.json_schema": '{"type": "function", "function": {"name": "ls"}}',
}
OPENLLMETRY = {
    "llm.request.type": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.prompt.0.role": "user",
    "gen_ai.prompt.0.content": "List.",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.finish_reason": "tool_calls",
    "gen_ai.completion.0.tool_calls.0.id": "c1",
    "gen_ai.completion.0.tool_calls.0.name": "ls",
    "gen_ai.completion.0.tool_calls.0.arguments": '{"p": 1}',
    "gen_ai.usage.prompt_tokens": 7,
    "llm.request.functions.0.name": "ls",
    "llm.request.functions.0.parameters": '{"type": "object"}',
}
GENAI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 7,
    "gen_ai.tool.definitions": '[{"name": "ls"}]',
}
CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"p": 1}'}}
EVENT_SPAN = {
    "attributes": GENAI,
    "events": [
        ("gen_ai.user.message", {"content": "List.", "gen_ai.system": "openai"}),
        (
            "gen_ai.choice",
            {"index": 0, "finish_reason": "tool_calls",
             "message": json.dumps({"role": "assistant", "tool_calls": [CALL]})},
        ),
    ],
}  # fmt: skip
LATE_EVENT = {
    "attributes": GENAI,
    "events": [
        (
            "gen_ai.client.inference.operation.details",
            {
                "gen_ai.input.messages": json.dumps(ASK),
                "gen_ai.output.messages": json.dumps([CALLING]),
            },
        )
    ],
}
OLD_EVENTS = {
    "attributes": GENAI,
    "events": [
        ("gen_ai.content.prompt",
         {"gen_ai.prompt": json.dumps([{"role": "user", "content": "List."}])}),
        ("gen_ai.content.completion",
         {"gen_ai.completion": json.dumps([{"role": "assistant", "tool_calls": [CALL]}])}),
    ],
}  # fmt: skip
EVENTS_AS_JSON = {
    "attributes": {
        **GENAI,
        "events": json.dumps(
            [
                {"event.name": "gen_ai.user.message", "role": "user", "content": "List."},
                {
                    "event.name": "gen_ai.choice",
                    "index": 0,
                    "message": {"role": "assistant", "tool_calls": [CALL]},
                },
            ]
        ),
    }
}
STRUCTURED = {
    "attributes": {
        **GENAI,
        "gen_ai.input.messages": ASK,
        "gen_ai.output.messages": [CALLING],
    }
}


@pytest.mark.parametrize(
    "kept",
    [
        {"attributes": FLAT_OI},
        {"attributes": OPENLLMETRY},
        EVENT_SPAN,
        LATE_EVENT,
        OLD_EVENTS,
        EVENTS_AS_JSON,
        STRUCTURED,
    ],
    ids=["openinference", "openllmetry", "events", "late event", "old events", "events as json",
         "structured"],
)  # fmt: skip
def test_every_generation_of_attributes_is_read_alike(kept: dict[str, Any]) -> None:
    events = read(span("one", **kept))
    assert [role for role, _ in dialog(events)] == ["user", "assistant"]
    assert dialog(events)[0][1] == "List."
    [call] = calls(events)
    assert (call.name, call.id, call.arguments) == ("ls", "c1", {"p": 1})
    assert started(events).model == "m"
    assert [tool.name for tool in started(events).tools] == ["ls"]
    usage = messages(events)[-1].usage
    assert usage is not None and usage.prompt_tokens == 7


def responses_item(index: int, call_id: str = "", text: str = "") -> dict[str, Any]:
    """Return a Responses API item as OpenInference writes it: a message with one part."""
    call = {"id": call_id, "function.name": "ls", "function.arguments": "{}"}
    content = {"type": "text", "text": text}
    where = "tool_calls.0.tool_call" if call_id else "contents.0.message_content"
    part = (call if call_id else content).items()
    spread = {f"{index}.message.{where}.{name}": value for name, value in part}
    return {f"{index}.message.role": "assistant", **spread}


def listed(side: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {f"llm.{side}_messages.{key}": value for item in items for key, value in item.items()}


def test_openinference_responses_api_items_of_one_reply_stay_together() -> None:
    asked = {"0.message.role": "user", "0.message.content": "List."}
    returned = [
        {f"{at}.message.role": "tool", f"{at}.message.tool_call_id": f"c{at - 3}",
         f"{at}.message.content": "a.txt"}
        for at in (4, 5)
    ]  # fmt: skip
    reply = [responses_item(0, text="Both."), responses_item(1, "c1"), responses_item(2, "c2")]
    again = [responses_item(1, text="Both."), responses_item(2, "c1"), responses_item(3, "c2")]
    kind = {"openinference.span.kind": "LLM", "llm.model_name": "m"}
    one = {**kind, **listed("input", asked), **listed("output", *reply)}
    done = listed("output", responses_item(0, text="Done."))
    two = {**kind, **listed("input", asked, *again, *returned), **done}
    events = read(
        span("root"),
        span("one", "root", name="Response", attributes=one),
        span("two", "root", at=2, name="Response", attributes=two),
    )
    roles = [role for role, _ in dialog(events)]
    assert roles == ["user", "assistant", "assistant", "tool", "tool", "assistant"]
    assert [call.id for call in calls(events)] == ["c1", "c2"]
    assert [result.call_id for result in results(events)] == ["c1", "c2"]


def test_openinference_choices_stay_separate_replies() -> None:
    items = listed("output", responses_item(0, "c1"), responses_item(1, "c2"))
    kept = {"openinference.span.kind": "LLM", **items}
    events = read(span("one", name="ChatCompletion", attributes=kept))
    assert [role for role, _ in dialog(events)] == ["assistant", "assistant"]


def test_the_schema_of_a_tool_is_parsed_from_its_text() -> None:
    [tool] = started(read(span("one", attributes=OPENLLMETRY))).tools
    assert tool.parameters == {"type": "object"}


def test_tool_messages_of_old_events_answer_their_calls() -> None:
    events = read(
        span(
            "one",
            attributes=GENAI,
            events=[
                ("gen_ai.user.message", {"content": "List."}),
                ("gen_ai.assistant.message", {"tool_calls": json.dumps([CALL])}),
                ("gen_ai.tool.message", {"content": "a.txt", "id": "c1"}),
                ("gen_ai.choice", {"message": '{"content": "Done."}', "index": 0}),
            ],
        )
    )
    assert dialog(events)[-2:] == [("tool", "a.txt"), ("assistant", "Done.")]
    assert results(events)[0].call_id == "c1"


def test_a_failed_request_carries_its_reason() -> None:
    failed = chat("first", 1, ASK, DONE)
    failed["attributes"] = [
        pair for pair in failed["attributes"] if pair["key"] != "gen_ai.output.messages"
    ]
    failed["status"] = {"code": "STATUS_CODE_ERROR", "message": "429 slow down"}
    events = read(ROOT, failed)
    assert [event.message for event in only(events, RequestFailed)] == ["429 slow down"]
    assert ended(events).status == "error"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"intValue": "61"}, 61),
        ({"intValue": 61}, 61),
        ({"intValue": "x"}, "x"),
        ({"arrayValue": {"values": [{"stringValue": "a"}, {}]}}, ["a", None]),
        ({"arrayValue": {}}, []),
        ({"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": True}}]}}, {"k": True}),
        ({"string_value": "a"}, "a"),
        ({}, None),
        ("bare", "bare"),
    ],
)
def test_attribute_values_are_unwrapped(value: Any, expected: Any) -> None:
    assert any_value(value) == expected


def test_a_list_flattened_into_names_is_rebuilt_from_any_numbers() -> None:
    spread = {"m.1000000000.a": 0, "m.7.a.b": 1, "m.2": "x", "m.7.a.c.1": 2, "m.7.a.c.0": 3}
    assert Attributes(spread).listed("m") == ["x", {"a": {"b": 1, "c": [3, 2]}}]


@pytest.mark.parametrize("key", ["", "message", "value", "kvlistValue", "0"])
def test_deeply_nested_values_do_not_raise(key: str) -> None:
    deep = deep_json(key)
    names = ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.definitions",
             "llm.tools.0.tool", "events")  # fmt: skip
    attributes = [{"key": name, "value": deep} for name in names]
    odd = {**span("one"), "attributes": attributes, "status": deep}
    odd |= {"events": [{"name": "gen_ai.choice", "attributes": attributes}, deep]}
    fold_run(read_value(FORMAT, [export(odd), {"resourceSpans": deep}]))


@settings(max_examples=60, deadline=None)
@given(
    value=any_json(
        "resourceSpans", "scopeSpans", "spans", "attributes", "key", "value", "stringValue",
        "kvlistValue", "values", "events", "spanId", "parentSpanId", "status", "code", "name",
        "gen_ai.input.messages", "llm.input_messages.0.message.role", "parts",
    )
)  # fmt: skip
def test_no_value_raises(value: Any) -> None:
    odd = span("one", attributes={"gen_ai.operation.name": "chat"})
    listed = value if isinstance(value, list) else [value]
    whole = {"resourceSpans": listed}
    inner = {**odd, "attributes": value, "events": value}
    text = {"gen_ai.input.messages": json.dumps(value), "gen_ai.tool.definitions": value}
    asked = span("two", attributes={"gen_ai.operation.name": "chat", **text})
    for one in (value, whole, export(inner), export(asked), [export(odd), value]):
        fold_run(read_value(FORMAT, one))


def test_headers_in_a_span_show_no_credentials() -> None:
    kept = {"http.request.header.authorization": "Bearer s3cr3t", "http.method": "POST"}
    text = json.dumps(export(span("one", attributes=kept)), indent=1)
    assert "s3cr3t" not in mask_json_text(text)
    assert mask_json_text(text).replace("***", "s3cr3t") == text


def test_it_is_detected_by_its_content() -> None:
    for data in (document(export(*SPANS)), lines(export(*SPANS), export())):
        reader = detect(BytesSource(data), formats()).reader
        assert reader is not None and reader.name == "otlp"


@pytest.mark.parametrize("version", ["0.40", "0.62"])
def test_genuine_openllmetry_output_is_one_conversation(version: str) -> None:
    events = read_bytes(FORMAT, (FIXTURES / f"openllmetry-{version}.json").read_bytes())
    assert dialog(events) == [
        ("system", "Be brief."),
        ("user", "List."),
        ("assistant", "Let me look."),
        ("tool", "a.txt"),
        ("assistant", "Done."),
        ("user", "And now?"),
    ]
    assert [(call.name, call.arguments) for call in calls(events)] == [("ls", {"p": 1})]
    assert "slow down" in only(events, RequestFailed)[0].message
    assert [tool.name for tool in started(events).tools] == ["ls"]
    assert ended(events).status == "error"


def test_data_sent_by_the_langfuse_sdk_is_a_conversation() -> None:
    data = (FIXTURES / "langfuse-5.0.json").read_bytes()
    assert format_of(data) == "otlp"
    events = read_bytes(FORMAT, data)
    assert [run.task for run in runs(events)] == ["multi: Lima?", "bad400: Too long"]
    assert dialog(events)[1:5] == [
        ("user", "multi: Lima?"),
        ("assistant", ""),
        ("tool", '{"city": "Lima", "temp": 3, "units": "c"}'),
        ("assistant", "Lima is 18."),
    ]
    assert calls(events)[0].raw["function"]["arguments"] == '{"city": "Lima"}'
    assert results(events)[0].duration_s is not None
    assert started(events).model == "scripted-1-2026"
    assert [tool.name for tool in started(events).tools][:2] == ["get_weather", "read_file"]
    usage = messages(events)[4].usage
    assert usage is not None and (usage.prompt_tokens, usage.reasoning_tokens) == (110, 3)
    assert "maximum context length" in only(events, RequestFailed)[0].message


def test_data_sent_by_litellm_is_one_conversation_with_its_calls() -> None:
    data = (FIXTURES / "litellm-1.106.jsonl").read_bytes()
    events = read_bytes(FORMAT, data)
    assert [run.task for run in runs(events)] == ["multi: Lima?"]
    assert [role for role, _ in dialog(events)] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [(call.id, call.name) for call in calls(events)] == [("call_m_1", "get_weather")]
    first = read_bytes(FORMAT, data.splitlines()[0])
    assert [call.raw["function"]["arguments"] for call in calls(first)] == ['{"city": "Lima"}']


def test_reasoning_tokens_are_counted_under_their_newest_name() -> None:
    kept = {"gen_ai.operation.name": "chat", "gen_ai.usage.reasoning.output_tokens": 3}
    events = read(span("one", attributes={**kept, "gen_ai.output.messages": json.dumps([DONE])}))
    usage = messages(events)[0].usage
    assert usage is not None and usage.reasoning_tokens == 3


@pytest.mark.shared
def test_a_recorded_handoff_is_a_run_for_each_agent(trajectories: Path) -> None:
    path = trajectories / "14-traces" / "otlp-openai_agents_oi.jsonl"
    events = read_bytes(FORMAT, path.read_bytes())
    assert [run.details["agent"] for run in runs(events)] == ["Triage", "Refunds"]
    assert results(events)[0].duration_s is not None
