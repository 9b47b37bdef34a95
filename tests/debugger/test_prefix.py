"""Runs that begin with messages of another run: the log holds what those messages hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.debugger.effects import DispatchTool, SendRequest
from hermes_tui.debugger.inputs import (
    AddCall,
    EditArguments,
    Fork,
    Reopen,
    Resume,
    Retry,
    Start,
    ToolRaised,
    ToolReplied,
)
from hermes_tui.debugger.outcome import outcome_of
from hermes_tui.debugger.stepping import RUN_MODE, Phase
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.fold import RunState
from hermes_tui.log.timeline import Timeline
from hermes_tui.model import events as ev
from hermes_tui.model.spans import ByteRange
from hermes_tui.parsers.plain_values import json_text
from tests.debugger.scenario import (
    DISPATCHED,
    LS,
    READ,
    TERMINAL,
    Scenario,
    broken,
    calls,
    saw,
    says,
    stopped,
)

Chat = list[dict[str, Any]]

USER = {"role": "user", "content": "list the files"}
ONE = ("c1", "terminal", '{"command": "ls"}')
OTHER = ("c2", "read_file", '{"path": "a"}')


def asks(*named: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    listed = [
        {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}
        for key, name, arguments in named
    ]
    return {"role": "assistant", "content": None, "tool_calls": listed, **more}


def answers(key: str, content: str = "a.txt", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": key, "content": content, **more}


WHOLE: Chat = [
    {"role": "system", "content": "be brief"},
    USER,
    asks(ONE, OTHER, reasoning_content="two at once"),
    answers("c1"),
    answers("c2", '{"error": "no such file"}', is_error=True),
    {"role": "assistant", "content": 'so <tool_call>{"name": "terminal",}</tool_call>'},
    {"role": "user", "content": "go on"},
]


def begins(messages: Chat, *breakpoints: str, **fields: Any) -> Start:
    fields = {"stop_points": RUN_MODE, "tools": (TERMINAL, READ), **fields}
    return Start(tuple(messages), breakpoints=broken(*breakpoints), **fields)


def as_a_file(messages: Chat) -> list[ev.Event]:
    build = RunBuilder(ByteRange(0, 0))
    build.start(tools=(TERMINAL, READ))
    build.messages(messages, "")
    return build.events


def folded(events: list[ev.Event]) -> tuple[list[tuple[str, int, str]], dict[str, int]]:
    state = RunState()
    found = [finding for event in events for finding in state.apply(event)]
    counted = ("turn", "messages", "calls", "results", "tool_errors", "reasoning", "characters")
    return (
        [(finding.code.value, finding.turn, finding.message) for finding in found],
        {name: getattr(state, name) for name in counted},
    )


def test_the_messages_are_recorded_as_they_are_from_a_file() -> None:
    run = Scenario() >> begins(WHOLE)
    before = [
        event for event in run.log if not isinstance(event, ev.BreakpointsSet | ev.RequestSent)
    ]
    found, counted = folded(before)
    assert (found, counted) == folded(as_a_file(WHOLE))
    assert counted["calls"] == 3 and counted["tool_errors"] == 1
    assert {"TOOL_ERROR", "CALL_IN_CONTENT"} <= {code for code, _, _ in found}


def test_the_request_holds_the_messages_byte_for_byte() -> None:
    run = Scenario() >> begins(WHOLE)
    (request,) = run.effects
    assert isinstance(request, SendRequest)
    assert list(request.messages) == [json_text(message) for message in WHOLE]


def test_turns_are_counted_on_from_the_turns_of_the_messages() -> None:
    run = Scenario() >> begins(WHOLE, "before_dispatch if turn == 3")
    run >> calls(LS)
    assert run.session.state.phase is Phase.STOPPED
    timeline = Timeline(MemoryLog(run.log))
    timeline.advance()
    own = (ev.RequestSent, ev.ResponseReceived, ev.ToolCallProposed, ev.Stopped)
    sent = next(event.seq for event in run.log if isinstance(event, ev.RequestSent))
    rows = [row for row in range(len(timeline)) if timeline.seq(row) >= sent]
    assert {timeline.turn(row) for row in rows if isinstance(timeline.event(row), own)} == {3}
    assert {e.turn for e in run.log if isinstance(e, ev.RequestSent | ev.ResponseReceived)} == {3}


def test_only_requested_replies_count_against_the_limit() -> None:
    run = Scenario() >> begins(WHOLE, max_turns=1) >> calls(LS) >> ToolReplied("a.txt")
    ended = run.log[-1]
    assert isinstance(ended, ev.RunEnded) and ended.stop_reason == "max_turns"
    assert ended.details["turns_used"] == 1


def test_the_result_of_the_loop_counts_its_own_turns_only() -> None:
    run = Scenario() >> begins(WHOLE, stop_points=frozenset()) >> calls(LS)
    run >> ToolRaised("OSError: gone") >> says("Done.")
    outcome = outcome_of(run.log)
    assert outcome.turns_used == 2 and [error.turn for error in outcome.tool_errors] == [1]
    recorded = [event.error.turn for event in run.log if isinstance(event, ev.ToolErrorRecorded)]
    assert recorded == [3]


def test_an_unanswered_call_at_the_end_is_dispatched_like_that_of_a_reply() -> None:
    messages = [USER, asks(ONE, name="agent")]
    run = Scenario() >> begins(messages, "before_dispatch")
    assert run.session.state.phase is Phase.STOPPED and run.log[-1].stop_point == "before_dispatch"
    run >> Resume() << (ev.Resumed, *DISPATCHED)
    run >> ToolReplied("a.txt")
    assert run.conversation()[:2] == messages
    assert run.conversation()[2] == answers("c1")
    run >> says("Done.")
    assert "unanswered" not in " ".join(run.findings())
    assert outcome_of(run.log).turns_used == 1
    assert RunState().turn == 0 and folded(run.log)[1]["turn"] == 2


@pytest.mark.parametrize("answered", ["c1", "c2"])
def test_only_the_unanswered_ones_of_several_calls_are_dispatched(answered: str) -> None:
    left = {"c1": "c2", "c2": "c1"}[answered]
    run = Scenario() >> begins([USER, asks(ONE, OTHER), answers(answered, "it was there")])
    (effect,) = run.effects
    assert isinstance(effect, DispatchTool) and effect.call_id == left
    run >> ToolReplied("now")
    results = {m["tool_call_id"]: m["content"] for m in run.conversation() if m["role"] == "tool"}
    assert results == {answered: "it was there", left: "now"}
    assert [m.get("tool_call_id") for m in run.conversation()[2:]] == ["c1", "c2"]
    assert run.findings() == []


def test_open_calls_can_be_edited_and_the_model_sees_the_edit() -> None:
    run = Scenario() >> begins([USER, asks(ONE)], "before_dispatch")
    run >> EditArguments(0, '{"command": "pwd"}') >> Resume() >> ToolReplied("/")
    (call,) = run.conversation()[1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"command": "pwd"}


def test_open_calls_without_an_id_get_one_that_their_result_names() -> None:
    message = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"type": "function", "function": {"name": "terminal", "arguments": "{}"}}],
    }
    run = Scenario() >> begins([USER, message], tools=None)
    run >> ToolReplied("a.txt")
    _, reply, result = run.conversation()
    assert reply["tool_calls"][0]["id"] == result["tool_call_id"] != ""


def test_the_reply_with_open_calls_can_be_requested_again() -> None:
    run = Scenario() >> begins([USER, asks(ONE)], "after_parse", max_turns=1)
    assert run.log[-1].stop_point == "after_parse"
    run >> Retry()
    assert run.conversation() == [USER]
    run >> says("Done.")
    assert {e.turn for e in run.log if isinstance(e, ev.ResponseReceived)} == {1}
    assert outcome_of(run.log).turns_used == 1


def test_a_call_can_be_added_to_open_calls() -> None:
    run = Scenario() >> begins([USER, asks(ONE)], "before_dispatch once")
    run >> AddCall("read_file", '{"path": "b"}') >> Resume() >> ToolReplied("x") >> ToolReplied("y")
    assert len(run.conversation()[1]["tool_calls"]) == 2


def test_faithful_mode_sends_open_calls_as_the_loop_does() -> None:
    messages = [USER, asks(ONE)]
    run = Scenario() >> begins(messages, mode="faithful")
    assert run.conversation() == messages


def test_messages_that_no_run_ends_with_are_sent_unchanged() -> None:
    for messages in (
        [USER, asks(ONE), USER],
        [USER, asks(ONE), answers("of another")],
        [USER, asks(ONE, ONE), answers("c1")],
        [USER, asks(ONE), answers("c1"), answers("c1")],
        [USER, {"role": "assistant", "content": "I think"}],
        [answers("c1")],
    ):
        assert (Scenario() >> begins(messages)).conversation() == messages


def test_a_reopened_run_that_began_with_open_calls_is_at_the_same_stop() -> None:
    run = Scenario() >> begins([USER, asks(ONE, OTHER), answers("c1")], "before_dispatch")
    again = run.reopened()
    assert again.session.state == run.session.state
    again >> Reopen() << ()
    again >> Resume() << (ev.Resumed, *DISPATCHED)
    again >> ToolReplied("b")
    assert [m["role"] for m in again.conversation()] == ["user", "assistant", "tool", "tool"]


def test_the_log_of_such_a_run_can_be_cut_anywhere_and_forked() -> None:
    run = Scenario() >> begins([USER, asks(ONE, OTHER), answers("c2")]) >> ToolReplied("a")
    run >> says("Done.")
    for length in range(1, len(run.log)):
        cut = run.reopened(length)
        if cut.session.state.phase in (Phase.DECIDING, Phase.STOPPED):
            cut >> Fork("parent", length - 1)
            assert cut.session.state.phase in (Phase.STOPPED, Phase.ENDED)


def test_a_recording_made_before_turns_were_counted_on_keeps_its_numbers() -> None:
    run = Scenario() >> begins(WHOLE, "before_dispatch", max_turns=2) >> calls(LS)
    started, *rest = run.log
    assert isinstance(started, ev.RunStarted)
    details = {k: v for k, v in started.details.items() if k != "turns_before"}
    old = [ev.copy_event(started, details=details)]
    for event in rest:
        turned = isinstance(event, ev.RequestSent | ev.ResponseReceived | ev.ResponseParsed)
        old.append(ev.copy_event(event, turn=1) if turned else event)
    again = Scenario(log=old).reopened() >> Resume()
    (
        again
        >> ToolReplied("a.txt")
        << (ev.ToolReturned, ev.MessageAppended, saw(ev.RequestSent, turn=2), SendRequest)
    )
    again >> calls(LS)
    again << (*again.outputs[:-1], stopped("before_dispatch", 0))
