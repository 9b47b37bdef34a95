"""How the spans of a trace become runs: conversations, agents, tools, failures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.base import Format
from hermes_tui.formats.readers import langsmith, otlp
from hermes_tui.formats.readers.langfuse import reader as langfuse
from hermes_tui.formats.readers.phoenix_spans import reader as phoenix_spans
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.runs import Trace, append_trace, append_traces
from hermes_tui.formats.spans.tools import FROM_SPAN
from hermes_tui.formats.spans.tree import Span, SpanKind
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event, MessageAppended, RequestFailed, SourceDefect
from hermes_tui.model.messages import Usage
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    ended,
    found_codes,
    messages,
    only,
    read_value,
    results,
    runs,
)
from tests.timing import Work, assert_linear

USER = {"role": "user", "content": "Weather?"}
NEXT = {"role": "user", "content": "And tomorrow?"}


def call(call_id: str, name: str = "weather", arguments: str = '{"city": "Bonn"}') -> Any:
    function = {"name": name, "arguments": arguments}
    entry = {"id": call_id, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [entry]}


def answer(call_id: str, text: str = "rain") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def text(what: str) -> dict[str, Any]:
    return {"role": "assistant", "content": what}


def root(**more: Any) -> Span:
    return Span(id="root", name="main", start_s=1000.0, end_s=1009.0, **more)


def request(start: float, given: Any, output: Any, **more: Any) -> Span:
    """Return a model request that takes half a second."""
    known = {"id": f"llm{start:g}", "parent_id": "root", "kind": SpanKind.LLM, "name": "chat"}
    times = {"start_s": 1000 + start, "end_s": 1000.5 + start}
    return Span(**{**known, **times, "input": given, "output": output, **more})


def tool(start: float, name: str, given: Any, output: Any, **more: Any) -> Span:
    known = {"id": f"tool{start:g}", "parent_id": "root", "kind": SpanKind.TOOL, "name": name}
    times = {"start_s": 1000 + start, "end_s": 1000.25 + start}
    return Span(**{**known, **times, "input": given, "output": output, **more})


def read(*spans: Span, trace: Trace | None = None) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1))
    append_trace(spans, build, trace or Trace(id="t1", name="a trace"))
    return build.events


def test_requests_that_repeat_earlier_messages_are_one_run() -> None:
    used = Usage(prompt_tokens=5, completion_tokens=2, cost_usd=0.5)
    events = read(
        root(),
        request(1, [USER], call("c1"), usage=used, model="gpt-example"),
        request(3, [USER, call("c1"), answer("c1")], text("Rain."), usage=used),
    )
    assert len(runs(events)) == 1
    assert (runs(events)[0].run_id, runs(events)[0].group_id) == ("t1", "")
    assert runs(events)[0].model == "gpt-example"
    assert [message.role for message in messages(events)] == [
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    end = ended(events)
    assert end.usage == Usage(prompt_tokens=10, completion_tokens=4, cost_usd=1.0)


def test_each_reply_has_the_time_and_usage_of_its_own_request() -> None:
    events = read(
        root(),
        request(1, [USER], call("c1"), usage=Usage(completion_tokens=2)),
        request(
            3, [USER, call("c1"), answer("c1")], text("Rain."), usage=Usage(completion_tokens=7)
        ),
    )
    replies = [
        (event.ts, event.message.usage, event.message.duration_s)
        for event in only(events, MessageAppended)
        if event.message.role == "assistant"
    ]
    assert replies == [
        (1001.5, Usage(completion_tokens=2), 0.5),
        (1003.5, Usage(completion_tokens=7), 0.5),
    ]


def test_a_tool_span_gives_its_result_time_and_error() -> None:
    events = read(
        root(),
        request(1, [USER], call("c1")),
        tool(2, "weather", {"city": "Bonn"}, "rain", error="TimeoutError: slow"),
        request(3, [USER, call("c1"), answer("c1")], text("Rain.")),
    )
    (result,) = results(events)
    assert result.duration_s == 0.25
    assert result.error is not None
    assert "TimeoutError" in result.error.reason
    assert len(messages(events)) == 4


def test_an_error_like_result_counts_as_an_error_if_its_span_failed() -> None:
    error_text = "Error: no such city"
    events = read(
        root(),
        request(1, [USER], call("c1")),
        tool(2, "weather", {"city": "Bonn"}, None, error="KeyError: Bonn", call_id="c1"),
        request(3, [USER, call("c1"), answer("c1", error_text)], text("Sorry.")),
    )
    (result,) = results(events)
    assert result.content == error_text
    assert result.error is not None and result.error.kind == "flag"
    assert found_codes(events) == ["TOOL_ERROR:error"]


def test_a_reply_keeps_text_that_the_next_request_omits() -> None:
    reply = {**call("c1"), "content": "Let me look."}
    events = read(
        root(),
        request(1, [USER], reply),
        request(3, [USER, call("c1"), answer("c1")], text("Rain.")),
    )
    assert [content for _, content in dialog(events)] == [
        "Weather?",
        "Let me look.",
        "rain",
        "Rain.",
    ]
    assert [one.id for one in calls(events)] == ["c1"]


def test_a_result_that_no_request_repeats_is_taken_from_its_span() -> None:
    events = read(root(), request(1, [USER], call("c1")), tool(2, "weather", {}, "rain"))
    assert dialog(events)[-1] == ("tool", "rain")
    assert messages(events)[-1].flags == (FROM_SPAN,)
    assert results(events)[0].call_id == "c1"
    assert "CALL_UNANSWERED" not in fold_run(events)[0].codes


@pytest.mark.parametrize("by", ["id", "arguments", "order"])
def test_parallel_calls_get_their_own_spans(by: str) -> None:
    both = call("c1", arguments='{"city": "Bonn"}')
    both["tool_calls"] += call("c2", arguments='{"city": "Ulm"}')["tool_calls"]
    given = {"id": ({}, {}), "arguments": ({"city": "Ulm"}, {"city": "Bonn"}), "order": ("", "")}
    first, second = given[by]
    ids = ("c2", "c1") if by == "id" else ("", "")
    outputs = ("sun", "rain") if by != "order" else ("rain", "sun")
    events = read(
        root(),
        request(1, [USER], both),
        tool(2, "weather", first, outputs[0], call_id=ids[0]),
        tool(2.1, "weather", second, outputs[1], call_id=ids[1]),
    )
    assert [(result.call_id, result.content) for result in results(events)] == [
        ("c1", "rain"),
        ("c2", "sun"),
    ]


@pytest.mark.parametrize(
    "given",
    [
        '{"city": "Bonn"}',
        "{'city': 'Bonn'}",
        {"input": {"city": "Bonn"}},
        {"input": "{'city': 'Bonn'}"},
        {"args": [], "kwargs": {"city": "Bonn"}},
    ],
)
def test_arguments_are_found_inside_the_wrappers_of_tracers(given: Any) -> None:
    other = tool(2, "weather", {"city": "Ulm"}, "sun")
    events = read(root(), request(1, [USER], call("c1")), other, tool(3, "weather", given, "rain"))
    assert results(events)[0].content == "rain"


@pytest.mark.parametrize(
    ("output", "content"),
    [
        ({"content": [{"type": "text", "text": "rain"}]}, "rain"),
        ({"output": "rain"}, "rain"),
        ({"output": {"type": "tool", "content": "rain", "tool_call_id": "c1"}}, "rain"),
        ({"sky": "rain", "t": 3}, '{"sky":"rain","t":3}'),
    ],
)
def test_results_are_found_inside_the_wrappers_of_tracers(output: Any, content: str) -> None:
    events = read(root(), request(1, [USER], call("c1")), tool(2, "weather", {}, output))
    assert results(events)[0].content == content


def test_requests_to_a_stateful_server_contain_only_new_messages() -> None:
    events = read(
        root(),
        request(1, [USER], call("c1")),
        tool(2, "weather", {}, "rain"),
        request(3, [answer("c1")], text("Rain.")),
    )
    assert len(runs(events)) == 1
    assert dialog(events) == [
        ("user", "Weather?"),
        ("assistant", ""),
        ("tool", "rain"),
        ("assistant", "Rain."),
    ]
    assert results(events)[0].duration_s == 0.25


def test_requests_without_an_input_continue_the_conversation() -> None:
    events = read(
        root(),
        request(1, [USER], text("Let me see.")),
        request(2, None, call("c1")),
        tool(3, "weather", {}, "rain"),
        request(4, None, text("Rain.")),
    )
    assert len(runs(events)) == 1
    assert [message.role for message in messages(events)] == [
        "user",
        "assistant",
        "assistant",
        "tool",
        "assistant",
    ]


def test_conversations_with_nothing_in_common_are_runs_of_one_group() -> None:
    events = read(
        root(),
        request(1, [NEXT], text("Short.")),
        request(2, [USER], call("c1")),
        request(3, [USER, call("c1"), answer("c1")], text("Rain.")),
    )
    first, second = runs(events)
    assert (first.run_id, second.run_id) == ("t1", "t1/2")
    assert (second.parent_run_id, second.group_id) == ("t1", "t1")
    assert first.task == "Weather?"


@pytest.mark.parametrize(
    "again",
    [[USER], [USER, NEXT]],
    ids=["the same question", "a question without the answer before it"],
)
def test_a_reply_is_kept_even_if_the_next_request_does_not_repeat_it(again: Any) -> None:
    events = read(root(), request(1, [USER], text("One.")), request(2, again, text("Two.")))
    assert {message.text for message in messages(events)} >= {"One.", "Two."}


def test_a_failed_and_retried_request_is_one_run_with_its_failure() -> None:
    events = read(
        root(),
        request(1, [USER], None, error="429 too many requests\nslow down"),
        request(2, [USER], text("Rain.")),
    )
    assert len(runs(events)) == 1
    (failed,) = only(events, RequestFailed)
    assert (failed.message, failed.body) == (
        "429 too many requests",
        "429 too many requests\nslow down",
    )
    assert dialog(events)[-1] == ("assistant", "Rain.")
    assert ended(events).status == "unknown"


def test_a_trace_that_ends_with_a_failure_is_an_error() -> None:
    events = read(root(), request(1, [USER], None, error="boom"))
    assert (ended(events).status, ended(events).stop_reason) == ("error", "boom")
    cut = read(root(), request(1, [USER], text("Rai"), finish_reason="length"))
    assert ended(cut).status == "truncated"


def test_an_agent_called_by_another_is_a_child_run() -> None:
    agent = Span(id="sub", parent_id="tool2", kind=SpanKind.AGENT, name="helper", start_s=1002.1)
    events = read(
        root(),
        request(1, [USER], call("c1", "ask_helper")),
        tool(2, "ask_helper", {}, "rain"),
        agent,
        request(2.2, [NEXT], text("Rain."), parent_id="sub"),
    )
    first, second = runs(events)
    assert (second.run_id, second.parent_run_id, second.group_id) == ("sub", "t1", "t1")
    assert first.group_id == "t1"
    assert (second.details["agent"], second.details["called_by_tool"]) == ("helper", "ask_helper")


def test_an_agent_below_one_without_a_run_takes_the_grandparent() -> None:
    events = read(
        root(),
        request(1, [USER], text("Go.")),
        Span(id="flow", parent_id="root", kind=SpanKind.AGENT, start_s=1002.0),
        Span(id="sub", parent_id="flow", kind=SpanKind.AGENT, start_s=1003.0),
        request(4, [NEXT], text("Gone."), parent_id="sub"),
    )
    assert [(run.run_id, run.parent_run_id) for run in runs(events)] == [("t1", ""), ("sub", "t1")]


def test_trace_metadata_goes_to_the_first_run() -> None:
    trace = Trace(id="t1", details={"user": "u1"}, scores={"quality": 0.5})
    events = read(
        root(),
        Span(id="r", parent_id="root", name="retrieve", error="no index"),
        request(1, [USER], text("One.")),
        request(2, [NEXT], text("Two.")),
        tool(3, "lonely", {"a": 1}, "b"),
        trace=trace,
    )
    first, second = runs(events)
    assert first.details["user"] == "u1"
    assert first.details["other_spans"] == {"retrieve": 1}
    assert first.details["failed_spans"] == [{"span": "retrieve", "error": "no index"}]
    assert "user" not in second.details
    assert ended(events).scores == {"quality": 0.5}
    assert events[-1].details == {  # type: ignore[union-attr]
        "tool_spans_without_call": [{"name": "lonely", "input": {"a": 1}, "output": "b"}]
    }


def test_an_agent_without_model_requests_shows_its_tools_as_calls() -> None:
    events = read(root(input=[USER], output="Rain."), tool(2, "weather", {"city": "Bonn"}, "rain"))
    assert dialog(events) == [
        ("user", "Weather?"),
        ("assistant", ""),
        ("tool", "rain"),
        ("assistant", "Rain."),
    ]
    assert [(one.name, one.arguments) for one in calls(events)] == [("weather", {"city": "Bonn"})]
    assert fold_run(events)[0].codes == {}


def test_an_agent_without_recorded_messages_is_one_run_with_the_known_facts() -> None:
    events = read(
        root(),
        request(1, None, None, usage=Usage(prompt_tokens=5), finish_reason="tool_calls", model="m"),
        tool(2, "weather", {"city": "Bonn"}, "rain", call_id="c1"),
        request(3, None, None, usage=Usage(prompt_tokens=7)),
    )
    (run,) = runs(events)
    assert (run.model, run.details["requests_without_messages"]) == ("m", 2)
    assert [(call.id, call.name) for call in calls(events)] == [("c1", "weather")]
    assert results(events)[0].content == "rain"
    assert ended(events).usage.prompt_tokens == 12
    assert ended(events).stop_reason == "the trace keeps no replies"
    assert fold_run(events)[1] == []


def test_a_failed_request_without_messages_follows_the_agents_input() -> None:
    events = read(root(input=[USER], error="refused"), request(1, None, None, error="refused"))
    assert dialog(events) == [("user", "Weather?")]
    assert only(events, RequestFailed)[0].message == "refused"
    assert ended(events).status == "error"


def test_an_agent_output_with_the_whole_conversation_is_not_repeated() -> None:
    whole = [USER, call("c1"), answer("c1"), text("Rain.")]
    events = read(
        root(input={"messages": [USER]}, output={"messages": whole}),
        tool(2, "weather", {"city": "Bonn"}, "rain"),
    )
    assert len(messages(events)) == 4
    assert results(events)[0].duration_s == 0.25


def test_instructions_come_first_regardless_of_their_source() -> None:
    separate = request(
        1, [USER], text("Rain."), system='[{"type": "text", "content": "Be brief."}]'
    )
    repeated = request(1, [USER], {"object": "response", "instructions": "Be brief.", "output": []})
    for events in (
        read(root(), separate),
        read(root(), repeated),
        read(root(system="Be brief."), request(1, [USER], text("Rain."))),
        read(root(input={"system": "Be brief.", "prompt": "x"}), request(1, [USER], text("Rain."))),
    ):
        assert dialog(events)[0] == ("system", "Be brief.")


def test_spans_of_several_traces_are_separated() -> None:
    build = RunBuilder(ByteRange(0, 1))
    one = request(1, [USER], text("One."), trace_id="a", parent_id="")
    two = request(2, [USER], text("Two."), trace_id="b", parent_id="")
    append_traces([one, two], build)
    assert [run.run_id for run in runs(build.events)] == ["a", "b"]


def test_events_point_to_the_lines_of_their_spans() -> None:
    ranges = (ByteRange(0, 10), ByteRange(10, 20), ByteRange(20, 30))
    build = RunBuilder(ByteRange(0, 30), line_ranges=ranges)
    span = request(1, [USER], call("c1"), line=1, output_line=2, parent_id="")
    append_trace([span], build, Trace(id="t"))
    places = [event.at.range.start for event in build.events if event.at]
    assert places == [10, 10, 20, 20, 10]


def unrelated_requests(number: int) -> list[Span]:
    """Return requests with nothing in common, tool spans and other spans."""
    kinds = (SpanKind.LLM, SpanKind.TOOL, SpanKind.OTHER)
    return [
        Span(id=str(i), parent_id="root", kind=kinds[i % 3], name="x", input=f"{i}", output="y")
        for i in range(number)
    ]


def nested_agents(number: int) -> list[Span]:
    """Return nested agents, of which the inner half call a model."""
    agents = [
        Span(id=str(i), parent_id=str(i - 1), kind=SpanKind.AGENT, name="x") for i in range(number)
    ]
    asked_by = range(number // 2, number)
    return agents + [
        Span(id=f"q{i}", parent_id=str(i), kind=SpanKind.LLM, input="q", output="a")
        for i in asked_by
    ]


def many_tool_calls(number: int) -> list[Span]:
    """Return a reply with many calls of one tool, and a span for each."""
    reply = call("c0")
    reply["tool_calls"] = [call(f"c{i}")["tool_calls"][0] for i in range(number)]
    return [request(1, [USER], reply), *(tool(2, "weather", {}, f"{i}") for i in range(number))]


@pytest.mark.parametrize("make", [unrelated_requests, nested_agents, many_tool_calls])
def test_many_spans_take_linear_time(make: Any) -> None:
    def reading(number: int) -> Work:
        spans = [root(), *make(number)]
        return lambda: read(*spans)

    assert_linear(reading, 3_000)


def test_a_trace_without_spans_is_an_empty_run() -> None:
    events = read()
    assert [(run.run_id, run.task) for run in runs(events)] == [("t1", "a trace")]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.integers(0, 4),
            st.sampled_from(list(SpanKind)),
            any_json("role", "content", "messages", "output", "parts", "type", "tool_calls"),
            any_json("role", "content", "messages", "choices", "candidates", "generations"),
        ),
        max_size=6,
    )
)
def test_any_spans_are_read_without_an_exception(
    drawn: list[tuple[int, int, SpanKind, Any, Any]],
) -> None:
    spans = [
        Span(id=str(own), parent_id=str(parent), kind=kind, name="x", input=given, output=output)
        for own, parent, kind, given, output in drawn
    ]
    events = read(*spans)
    fold_run(events)
    assert runs(events)


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (otlp.FORMAT, {"resourceSpans": []}),
        (otlp.FORMAT, {"resourceSpans": [{"scopeSpans": [{"spans": []}]}]}),
        (langfuse.FORMAT, []),
        (langsmith.FORMAT, []),
        (phoenix_spans.FORMAT, []),
    ],
)
def test_a_file_without_spans_is_reported(found: Format, value: Any) -> None:
    (defect,) = read_value(found, value)
    assert isinstance(defect, SourceDefect)
    assert "no span" in defect.message
