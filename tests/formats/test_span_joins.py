"""Requests that are each a separate trace are joined into conversations."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.spans.runs import append_traces
from hermes_tui.formats.spans.tree import Span, SpanKind
from hermes_tui.model.events import Event, RequestFailed
from hermes_tui.model.messages import Usage
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import calls, dialog, ended, only, runs
from tests.formats.test_span_runs import USER, answer, call, text


def lone_request(start: float, given: Any, output: Any, **more: Any) -> Span:
    """Return a request that is the root of trace `t<start>`."""
    about = {"id": f"s{start:g}", "trace_id": f"t{start:g}", "name": "chat"}
    times = {"start_s": 1000 + start, "end_s": 1000.5 + start}
    return Span(
        **{**about, **times, "kind": SpanKind.LLM, "input": given, "output": output, **more}
    )


def read(*spans: Span) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1))
    append_traces(spans, build)
    return build.events


FIRST = lone_request(1, [USER], call("c1"), usage=Usage(prompt_tokens=5))
SECOND = lone_request(
    2, [USER, call("c1"), answer("c1")], text("Rain."), usage=Usage(prompt_tokens=7)
)


def test_a_request_that_begins_with_another_and_its_reply_continues_its_run() -> None:
    for spans in ((FIRST, SECOND), (SECOND, FIRST)):
        events = read(*spans)
        (run,) = runs(events)
        assert run.details["traces"] == 2
        assert [content for _, content in dialog(events)] == ["Weather?", "", "rain", "Rain."]
        assert [one.id for one in calls(events)] == ["c1"]
        assert ended(events).usage.prompt_tokens == 12


def test_the_same_question_in_another_trace_is_another_run() -> None:
    events = read(FIRST, lone_request(1.5, [USER], call("c9")), SECOND)
    assert [run.run_id for run in runs(events)] == ["t1", "t1.5"]
    assert [one.id for one in calls(events)] == ["c1", "c9"]


def test_requests_are_not_joined_if_the_repeated_reply_differs() -> None:
    other = [USER, text("No idea."), USER]
    assert len(runs(read(FIRST, lone_request(3, other, text("Sun."))))) == 2


def test_a_trace_with_an_agent_around_its_requests_is_not_joined() -> None:
    agent = Span(id="a", trace_id="t2", kind=SpanKind.AGENT, name="main", start_s=1001.0)
    below = lone_request(2, SECOND.input, SECOND.output, parent_id="a")
    assert len(runs(read(FIRST, agent, below))) == 2


def test_a_conversation_ends_with_the_failure_of_its_last_request() -> None:
    more = [*SECOND.input, text("Rain."), USER]
    events = read(FIRST, SECOND, lone_request(3, more, None, error="429"))
    assert len(runs(events)) == 1
    assert only(events, RequestFailed)[0].message == "429"
    assert ended(events).status == "error"
