"""A run under the debugger: the loop itself, and its failures."""

from __future__ import annotations

import json

import pytest

from hermes_tui.debugger.effects import CancelRequest, CancelTool, DispatchTool, Finish, SendRequest
from hermes_tui.debugger.inputs import (
    Pause,
    RequestFailed,
    Resume,
    Retry,
    SkipCall,
    Terminate,
    ToolRaised,
    ToolReplied,
)
from hermes_tui.debugger.stepping import Kind, StopPoint
from hermes_tui.model import events as ev
from hermes_tui.model.messages import IdState
from tests.debugger.scenario import (
    ANSWERED,
    DISPATCHED,
    FINISHED,
    LS,
    REQUEST,
    RM,
    STARTED,
    Scenario,
    calls,
    replied,
    replies,
    run_to,
    saw,
    says,
    stopped,
    task,
)


def test_the_default_is_to_stop_before_every_dispatch() -> None:
    run = Scenario() >> task() << STARTED
    run >> calls(LS, LS) << (*replied(2), stopped("before_dispatch", 0))
    (
        run
        >> Resume()
        << (
            saw(ev.Resumed, command="continue", waited_s=1.0),
            ev.ToolDispatched,
            DispatchTool(0, "c0", "terminal", '{"command": "ls"}'),
        )
    )
    run >> ToolReplied("a.txt") << (*ANSWERED, stopped("before_dispatch", 1))
    run >> Resume() << (ev.Resumed, *DISPATCHED)
    run >> ToolReplied("a.txt") << (*ANSWERED, *REQUEST)
    run >> says("done") << (*replied(), *FINISHED)


def test_run_mode_continues_to_the_first_breakpoint() -> None:
    run = Scenario() >> run_to("before_dispatch:terminal if 'rm -rf' in args.command") << STARTED
    run >> calls(LS) << (*replied(1), *DISPATCHED)
    run >> ToolReplied("a.txt") << (*ANSWERED, *REQUEST)
    (
        run
        >> calls(RM)
        << (
            *replied(1),
            saw(ev.Stopped, stop_point="before_dispatch", breakpoints=("b1",), hits=("b1",)),
        )
    )


def test_a_request_holds_the_conversation_as_a_client_sends_it() -> None:
    run = Scenario() >> run_to()
    run >> calls(LS, text="let me look") >> ToolReplied("a.txt")
    assert run.conversation() == [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": "let me look",
            "tool_calls": [
                {
                    "id": "c0",
                    "type": "function",
                    "function": {"name": "terminal", "arguments": '{"command": "ls"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c0", "content": "a.txt"},
    ]


def test_reasoning_is_kept_for_the_next_request() -> None:
    reply = {
        "role": "assistant",
        "content": "",
        "reasoning": "hm",
        "tool_calls": [{"id": "c0", "function": {"name": "read_file", "arguments": "{}"}}],
    }
    run = Scenario() >> run_to() >> replies(reply) >> ToolReplied("x")
    assert run.conversation()[1]["reasoning_content"] == "hm"


def test_a_call_without_an_id_gets_one_that_its_result_carries() -> None:
    reply = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"name": "read_file", "arguments": {"path": "a"}}],
    }
    run = Scenario() >> run_to() >> replies(reply)
    (dispatch,) = run.effects
    assert isinstance(dispatch, DispatchTool)
    assert dispatch.call_id
    (proposed,) = [event for event in run.log if isinstance(event, ev.ToolCallProposed)]
    assert (proposed.call.id, proposed.call.id_state) == (dispatch.call_id, IdState.SYNTHETIC)
    run >> ToolReplied("x")
    _, assistant, tool = run.conversation()
    assert assistant["tool_calls"][0]["id"] == tool["tool_call_id"] == dispatch.call_id


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        ('{"command": "ls"}', '{"command": "ls"}'),
        (json.dumps('{"command": "ls"}'), '{"command":"ls"}'),
        ("", "{}"),
    ],
)
def test_a_tool_receives_an_object_however_it_was_written(arguments: str, received: str) -> None:
    run = Scenario() >> task(tools=None, stop_points=frozenset()) >> calls(("f", arguments))
    (dispatch,) = run.effects
    assert isinstance(dispatch, DispatchTool)
    assert dispatch.arguments == received


def test_an_unknown_tool_stops_and_is_answered_without_a_dispatch() -> None:
    run = Scenario() >> run_to() << STARTED
    run >> calls(("teleport", {})) << (*replied(1), stopped("unknown_tool", 0))
    (
        run
        >> Resume()
        << (
            ev.Resumed,
            saw(ev.ToolFailed, exception="Unknown tool 'teleport'"),
            ev.ToolErrorRecorded,
            ev.MessageAppended,
            *REQUEST,
        )
    )
    assert run.conversation()[-1]["content"] == (
        "{\"error\": \"Unknown tool 'teleport'. Available tools: ['read_file', 'terminal']\"}"
    )


@pytest.mark.parametrize("arguments", ["{oops", "[1]", "5"])
def test_arguments_other_than_an_object_stop_and_are_never_dispatched(arguments: str) -> None:
    run = Scenario() >> run_to() >> calls(("read_file", arguments))
    assert run.session.state.stop.stop_point == "invalid_args"
    (
        run
        >> Resume()
        << (
            ev.Resumed,
            ev.ToolFailed,
            ev.ToolErrorRecorded,
            ev.MessageAppended,
            *REQUEST,
        )
    )


def test_a_missing_required_parameter_stops_but_may_be_dispatched() -> None:
    run = Scenario() >> run_to() << STARTED
    run >> calls(("terminal", {"cmd": "ls"})) << (*replied(1), stopped("invalid_args", 0))
    run >> Resume() << (ev.Resumed, *DISPATCHED)


def test_an_exception_of_a_tool_is_a_result_for_the_model() -> None:
    run = Scenario() >> run_to() >> calls(LS)
    (
        run
        >> ToolRaised("OSError: disk full")
        << (
            saw(ev.ToolFailed, exception="OSError: disk full", call_index=0),
            ev.ToolErrorRecorded,
            ev.MessageAppended,
            *REQUEST,
        )
    )
    assert run.conversation()[-1]["content"] == (
        '{"error": "Tool execution failed: OSError: disk full"}'
    )


def test_a_negative_exit_code_is_recorded_as_a_tool_error() -> None:
    run = Scenario() >> run_to() >> calls(LS)
    (
        run
        >> ToolReplied('{"error": "killed", "exit_code": -9}')
        << (
            ev.ToolReturned,
            ev.ToolErrorRecorded,
            ev.MessageAppended,
            *REQUEST,
        )
    )


def test_a_truncated_reply_stops() -> None:
    run = Scenario() >> run_to() << STARTED
    run >> says("I was ab", finish="length") << (*replied(), stopped("truncated"))
    run >> Resume() << (ev.Resumed, *FINISHED)


def test_a_call_left_in_the_text_stops_and_is_not_run() -> None:
    text = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"}}</tool_call>'
    run = Scenario() >> run_to() << STARTED
    run >> says(text) << (*replied(1), stopped("parse_failure"))
    run >> Resume() << (ev.Resumed, *FINISHED)


def test_calls_read_from_the_text_are_run_and_removed_from_it() -> None:
    one = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"}}</tool_call>'
    run = Scenario() >> run_to(parser="hermes") << STARTED
    run >> says(f"I look.\n{one}\n{one}")
    run << (*replied(2), *DISPATCHED)
    run >> ToolReplied("a") >> ToolReplied("b")
    _, assistant, *results = run.conversation()
    assert assistant["content"] == "I look."
    assert [call["id"] for call in assistant["tool_calls"]] == [
        result["tool_call_id"] for result in results
    ]
    assert run.findings() == []


def test_the_run_ends_at_the_limit_of_turns() -> None:
    run = Scenario() >> run_to(max_turns=1) >> calls(LS)
    (
        run
        >> ToolReplied("a")
        << (
            *ANSWERED,
            saw(ev.RunEnded, status="truncated", stop_reason="max_turns"),
            Finish("max_turns"),
        )
    )


def test_a_limit_of_no_turns_ends_the_run_at_once() -> None:
    start = (ev.RunStarted, ev.MessageAppended, ev.BreakpointsSet)
    Scenario() >> run_to(max_turns=0) << (*start, ev.RunEnded, Finish("max_turns"))


def test_a_failed_request_stops_and_can_be_sent_again() -> None:
    run = Scenario() >> run_to() << STARTED
    (
        run
        >> RequestFailed("500", status=500)
        << (
            saw(ev.RequestFailed, turn=1, attempt=1, status=500),
            stopped("request_failed"),
        )
    )
    (
        run
        >> Retry()
        << (
            saw(ev.Resumed, command="retry"),
            saw(ev.RequestSent, turn=1, attempt=2),
            SendRequest,
        )
    )


@pytest.mark.parametrize(("empty", "reason"), [(False, "request_failed"), (True, "empty_response")])
def test_a_failed_request_that_is_given_up_ends_the_run(empty: bool, reason: str) -> None:
    run = Scenario() >> run_to() >> RequestFailed("no choices", empty=empty)
    (
        run
        >> Resume()
        << (ev.Resumed, saw(ev.RunEnded, status="error", stop_reason=reason), Finish(reason))
    )


def test_a_retried_turn_sends_the_same_request_again() -> None:
    run = Scenario() >> task(stop_points=frozenset({StopPoint.AFTER_RESPONSE}))
    first = run.effects
    run >> calls(RM) << (*replied(1), stopped("after_response"))
    (
        run
        >> Retry()
        << (
            ev.ReplyDiscarded,
            ev.Resumed,
            saw(ev.RequestSent, turn=1, attempt=2),
            SendRequest(1, 2, first[0].messages, "{}"),  # type: ignore[union-attr]
        )
    )


def test_terminate_cancels_what_is_in_progress_and_discards_what_still_arrives() -> None:
    run = Scenario() >> run_to() >> Terminate()
    run << (saw(ev.RunEnded, stop_reason="terminated"), CancelRequest(1), Finish("terminated"))
    run >> says("late") << saw(ev.ReplyDiscarded, reason="response after the end")


def test_terminate_cancels_the_tool() -> None:
    run = Scenario() >> run_to() >> calls(LS) >> Terminate()
    assert CancelTool(0) in run.effects
    run >> ToolReplied("late") << ev.ReplyDiscarded
    run.refuses(Resume())


def test_only_inputs_that_the_phase_allows_are_accepted() -> None:
    run = Scenario()
    run.refuses(Resume())
    run >> task()
    run.refuses(ToolReplied("nobody asked"))
    run.refuses(SkipCall("x"))
    assert run.session.allowed[:2] == (Kind.RESPONSE, Kind.REQUEST_FAILURE)
    run >> calls(LS)
    run.refuses(says("twice"))
    run.refuses(Pause())
    assert Kind.SKIP in run.session.allowed
    assert Kind.EDIT_MESSAGE not in run.session.allowed
