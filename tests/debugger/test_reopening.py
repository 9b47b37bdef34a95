"""A log whose process was killed is resumed at its end, and no tool runs twice uncommanded."""

from __future__ import annotations

from hermes_tui.debugger.effects import DispatchTool, Finish, SendRequest
from hermes_tui.debugger.inputs import (
    EditArguments,
    Reopen,
    Resume,
    Retry,
    SkipCall,
    ToolReplied,
)
from hermes_tui.model import events as ev
from tests.debugger.scenario import (
    LS,
    REQUEST,
    Scenario,
    calls,
    length_before,
    replies,
    run_to,
    saw,
    task,
)


def test_a_reopened_log_is_at_the_same_stop() -> None:
    run = Scenario() >> task() >> calls(LS) >> EditArguments(0, '{"command": "pwd"}')
    again = run.reopened()
    assert again.session.state == run.session.state
    again >> Reopen() << ()
    again >> Resume()
    assert again.effects == (DispatchTool(0, "c0", "terminal", '{"command": "pwd"}'),)


def test_a_tool_that_may_have_run_is_not_dispatched_again_without_a_command() -> None:
    run = (Scenario() >> run_to() >> calls(LS)).reopened()
    run >> Reopen() << saw(ev.Stopped, stop_point="recovery", call_index=0)
    (
        run
        >> Resume()
        << (
            ev.Resumed,
            saw(ev.ToolFailed, exception="The tool may have run; its result was lost"),
            ev.ToolErrorRecorded,
            ev.MessageAppended,
            *REQUEST,
        )
    )


def test_a_tool_that_may_have_run_is_dispatched_again_on_command() -> None:
    run = (Scenario() >> task() >> calls(LS) >> Resume()).reopened() >> Reopen()
    run >> Retry() << (saw(ev.Resumed, command="retry"), ev.ToolDispatched, DispatchTool)


def test_a_lost_result_can_be_typed() -> None:
    run = (Scenario() >> run_to() >> calls(LS)).reopened() >> Reopen()
    (
        run
        >> SkipCall("a.txt")
        << (ev.CallSkipped, ev.Resumed, ev.ToolReturned, ev.MessageAppended, *REQUEST)
    )


def test_a_request_without_a_reply_is_sent_again_on_command() -> None:
    run = (Scenario() >> run_to()).reopened()
    run >> Reopen() << saw(ev.Stopped, stop_point="recovery", call_index=None)
    run.refuses(SkipCall("x"))
    run >> Resume() << (ev.Resumed, saw(ev.RequestSent, turn=1, attempt=2), SendRequest)


def test_a_skip_whose_resumption_was_lost_still_skips() -> None:
    run = Scenario() >> task() >> calls(LS) >> SkipCall("typed")
    again = run.reopened(length_before(run, ev.Resumed)) >> Reopen()
    assert isinstance(again.log[-1], ev.CallSkipped)
    again >> Resume() << (ev.Resumed, ev.ToolReturned, ev.MessageAppended, *REQUEST)
    assert again.conversation()[-1]["content"] == "typed"


def test_a_result_not_yet_shown_to_the_model_is_shown() -> None:
    run = Scenario() >> run_to() >> calls(LS) >> ToolReplied("a.txt")
    again = run.reopened(length_before(run, ev.MessageAppended))
    again >> Reopen() << (ev.MessageAppended, *REQUEST)


def test_half_a_reply_is_discarded() -> None:
    run = Scenario() >> run_to() >> calls(LS, LS)
    again = run.reopened(length_before(run, ev.ToolCallProposed))
    again >> Reopen() << (ev.ReplyDiscarded, saw(ev.Stopped, stop_point="recovery"))
    again >> Resume() << (ev.Resumed, saw(ev.RequestSent, attempt=2), SendRequest)
    assert len(again.conversation()) == 1


def test_a_log_that_was_cut_off_at_its_beginning_is_started_again() -> None:
    run = (Scenario() >> run_to()).reopened(2)
    run.refuses(Reopen())
    run >> task()
    assert len(run.conversation()) == 1


def test_a_run_left_by_an_exception_is_ended_when_reopened() -> None:
    run = Scenario() >> run_to(mode="faithful") >> replies(None)
    run << (
        ev.ResponseReceived,
        saw(ev.LoopEscaped, turn=1, call_index=None),
        saw(
            ev.RunEnded,
            status="error",
            stop_reason="escaped",
            details={
                "turns_used": 1,
                "exception": "AttributeError: 'NoneType' object has no attribute 'tool_calls'",
            },
        ),
        Finish("escaped"),
    )
    again = run.reopened(length_before(run, ev.RunEnded)) >> Reopen()
    assert isinstance(again.log[-1], ev.RunEnded)
    assert again.session.state == run.session.state


def test_the_call_at_which_an_exception_leaves_the_run_is_named() -> None:
    run = Scenario() >> run_to(mode="faithful") >> calls(LS, LS) >> ToolReplied("[" * 100_000)
    assert saw(ev.LoopEscaped, turn=1, call_index=0).matches(run.log[-2])
