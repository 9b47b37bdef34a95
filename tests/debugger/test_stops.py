"""Where a run continues to, and what stops it."""

from __future__ import annotations

import json

import pytest

from hermes_tui.debugger.effects import CancelRequest, Finish
from hermes_tui.debugger.inputs import (
    EditArguments,
    ModelReplied,
    Pause,
    RequestFailed,
    Resume,
    Retry,
    SetBreakpoints,
    Terminate,
    ToolRaised,
    ToolReplied,
)
from hermes_tui.debugger.stepping import RUN_MODE, Command
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolSpec
from tests.debugger.scenario import (
    ANSWERED,
    DISPATCHED,
    FINISHED,
    LS,
    REQUEST,
    Scenario,
    broken,
    calls,
    replied,
    replies,
    run_to,
    saw,
    says,
    stopped,
    task,
)


def test_continue_lets_the_mode_stop_at_the_next_call() -> None:
    run = Scenario() >> task() >> calls(LS, LS) >> Resume()
    run >> ToolReplied("a") << (*ANSWERED, stopped("before_dispatch", 1))


def test_step_in_stops_at_the_very_next_stop_point() -> None:
    run = Scenario() >> task() >> calls(LS)
    (
        run
        >> Resume(Command.STEP_IN)
        >> ToolReplied("a")
        << (ev.ToolReturned, stopped("after_result", 0))
    )
    run >> Resume(Command.STEP_IN) << (ev.Resumed, ev.MessageAppended, stopped("turn_end"))
    run >> Resume(Command.STEP_IN) << (ev.Resumed, stopped("before_request"))
    run >> Resume(Command.STEP_IN) << (ev.Resumed, *REQUEST)
    run >> says("done") << (*replied(), stopped("after_response"))
    run >> Resume(Command.STEP_IN) << (ev.Resumed, stopped("turn_end"))
    run >> Resume(Command.STEP_IN) << (ev.Resumed, stopped("run_end"))
    run >> Resume(Command.STEP_IN) << (ev.Resumed, *FINISHED)


def test_next_stops_at_the_same_stop_point_of_the_next_call() -> None:
    run = Scenario() >> run_to("before_dispatch once") >> calls(LS, LS)
    run >> Resume(Command.NEXT) >> ToolReplied("a") << (*ANSWERED, stopped("before_dispatch", 1))


def test_step_out_runs_to_the_end_of_the_turn() -> None:
    run = Scenario() >> task() >> calls(LS, LS) >> Resume(Command.STEP_OUT)
    run >> ToolReplied("a") << (*ANSWERED, *DISPATCHED)
    run >> ToolReplied("b") << (*ANSWERED, stopped("turn_end"))


def test_step_out_stops_at_a_breakpoint() -> None:
    run = Scenario() >> task(breakpoints=broken("before_dispatch if index == 1"))
    run >> calls(LS, LS) >> Resume(Command.STEP_OUT) >> ToolReplied("a")
    run << (*ANSWERED, stopped("before_dispatch", 1))


def test_step_out_does_not_run_a_call_that_nobody_saw() -> None:
    run = Scenario() >> task() >> calls(LS) >> Resume(Command.STEP_OUT) >> ToolReplied("a")
    run << (*ANSWERED, stopped("turn_end"))
    run >> Resume(Command.STEP_OUT) >> calls(LS) << (*replied(1), stopped("before_dispatch", 0))


def test_step_out_stops_at_a_failure() -> None:
    run = Scenario() >> task() >> calls(LS, ("nope", {})) >> Resume(Command.STEP_OUT)
    run >> ToolReplied("a") << (*ANSWERED, stopped("unknown_tool", 1))


def test_run_lets_all_further_calls_through() -> None:
    run = Scenario() >> task() >> calls(LS, LS) >> Resume(Command.RUN)
    run >> ToolReplied("a") << (*ANSWERED, *DISPATCHED)


def test_pause_stops_at_the_next_stop_point() -> None:
    run = Scenario() >> run_to() >> calls(LS) >> Pause() << ev.PauseRequested
    run >> ToolReplied("a") << (ev.ToolReturned, stopped("after_result", 0))
    run >> Resume() << (ev.Resumed, ev.MessageAppended, *REQUEST)


def test_a_second_pause_before_the_stop_adds_nothing() -> None:
    run = Scenario() >> run_to() >> calls(LS) >> Pause() >> Pause()
    run << ()
    assert sum(isinstance(event, ev.PauseRequested) for event in run.log) == 1
    run >> ToolReplied("a") >> Resume() >> Pause() << ev.PauseRequested


def test_one_stop_lists_every_breakpoint_that_matched() -> None:
    lines = ("before_dispatch", "unknown_tool", 'before_dispatch log "{tool}"', "repeat")
    run = Scenario() >> run_to(*lines) >> calls(("nope", {}))
    run << (
        *replied(1),
        saw(
            ev.Stopped,
            stop_point="unknown_tool",
            breakpoints=("b1", "b2", "b3"),
            notes=("nope",),
        ),
    )


def test_a_logpoint_prints_and_the_run_continues() -> None:
    run = Scenario() >> run_to('before_dispatch log "$ {args.command}"') >> calls(LS)
    run << (*replied(1), saw(ev.BreakpointsHit, notes=("$ ls",), fatal=False), *DISPATCHED)


def test_a_failing_breakpoint_ends_the_run_before_the_dispatch() -> None:
    run = Scenario() >> run_to("before_dispatch:terminal fail") >> calls(LS)
    run << (
        *replied(1),
        saw(ev.BreakpointsHit, breakpoints=("b1",), fatal=True),
        saw(ev.RunEnded, status="failed", stop_reason="breakpoint"),
        Finish("breakpoint"),
    )


def test_a_condition_that_cannot_be_evaluated_stops_the_run() -> None:
    run = Scenario() >> run_to("before_dispatch if args.command > 3 count") >> calls(LS)
    assert run.session.state.stop.notes[0].startswith("b1: cannot compare")


def test_a_one_time_breakpoint_stops_once() -> None:
    run = Scenario() >> run_to("before_dispatch once") >> calls(LS, LS)
    run >> Resume() >> ToolReplied("a") << (*ANSWERED, *DISPATCHED)


def test_the_same_call_again_is_a_repeat() -> None:
    run = Scenario() >> run_to("repeat if repeats >= 2") >> calls(LS, LS, LS)
    run >> ToolReplied("a") >> ToolReplied("a") << (*ANSWERED, stopped("repeat", 2))


def test_breakpoints_set_while_a_tool_runs_apply_to_the_next_call() -> None:
    run = Scenario() >> run_to() >> calls(LS, LS)
    run >> SetBreakpoints(broken("before_dispatch"), RUN_MODE) << ev.BreakpointsSet
    run >> ToolReplied("a") << (*ANSWERED, stopped("before_dispatch", 1))


def test_hit_counts_continue_when_breakpoints_are_set_again() -> None:
    lines = broken("before_dispatch ignore 1")
    run = Scenario() >> task(stop_points=RUN_MODE, breakpoints=lines) >> calls(LS, LS)
    run >> SetBreakpoints(lines, RUN_MODE)
    run >> ToolReplied("a") << (*ANSWERED, stopped("before_dispatch", 1))


def test_calls_that_the_server_lost_stop_the_run() -> None:
    run = Scenario() >> task() >> says("Let me look.", finish="tool_calls")
    run << (*replied(), stopped("parse_failure"))
    assert run.findings() == ["CALLED_EMPTY"]


@pytest.mark.parametrize("code", [Code.STREAM_CUT, Code.REPLY_SHAPE])
def test_a_reply_that_arrived_broken_stops_the_run(code: Code) -> None:
    finding = Diagnostic(code, Severity.ERROR, "the stream broke off")
    message = {"role": "assistant", "content": "I will now"}
    run = Scenario() >> task() >> ModelReplied("{", message, diagnostics=(finding,))
    run << (*replied(), stopped("truncated"))
    assert run.reopened().session.state == run.session.state


@pytest.mark.parametrize("message", [{"content": None}, {"content": "", "tool_calls": []}])
def test_a_reply_without_content_is_reported_and_the_run_continues(
    message: dict[str, object],
) -> None:
    run = Scenario() >> run_to() >> ModelReplied("{}", message, finish_reason="stop")
    run << (*replied(), *FINISHED)
    (appended,) = [event for event in run.log[-2:] if isinstance(event, ev.MessageAppended)]
    assert appended.diagnostics[-1].message == "the reply is empty: no text, no call"


def test_an_empty_reply_that_cost_tokens_stops_the_run_if_tools_were_offered() -> None:
    used = {"completion_tokens": 48}
    empty = ModelReplied("{}", {"content": ""}, finish_reason="stop", usage=used)
    run = Scenario() >> run_to(tools=(ToolSpec("terminal"),)) >> empty
    run << (*replied(), stopped("parse_failure"))
    assert run.findings() == ["REPLY_SHAPE"]


DOUBLE = ("terminal", json.dumps('{"command": "ls"}'))


@pytest.mark.parametrize("mode", ["strict", "faithful"])
def test_doubly_encoded_arguments_stop_once_before_the_dispatch(mode: str) -> None:
    run = Scenario() >> run_to(mode=mode) >> calls(LS, DOUBLE) << (*replied(2), *DISPATCHED)
    run >> ToolReplied("a") << (*ANSWERED, stopped("invalid_args", 1))
    run >> EditArguments(1, '{"command": "ls"}') >> Resume() << (ev.Resumed, *DISPATCHED)
    run >> ToolReplied("b") << (*ANSWERED, *REQUEST)
    assert run.reopened().session.state == run.session.state


def test_doubly_encoded_arguments_are_decoded_if_the_run_continues() -> None:
    run = Scenario() >> task() >> calls(DOUBLE) << (*replied(1), stopped("invalid_args", 0))
    run >> Resume() << (ev.Resumed, *DISPATCHED)
    assert run.session.state.call is not None
    assert run.session.state.call.dispatched == run.log[-1]
    assert run.log[-1].arguments == '{"command":"ls"}'


def test_a_call_edited_at_its_reply_does_not_stop_for_its_old_arguments() -> None:
    run = Scenario() >> run_to("after_parse") >> calls(DOUBLE)
    run >> EditArguments(0, '{"command": "ls"}') >> Resume() << (ev.Resumed, *DISPATCHED)


@pytest.mark.parametrize("mode", ["strict", "faithful"])
def test_two_calls_with_the_same_id_stop_the_run_once(mode: str) -> None:
    function = {"name": "terminal", "arguments": '{"command": "ls"}'}
    call = {"id": "c0", "type": "function", "function": function}
    run = Scenario() >> run_to(mode=mode) >> replies({"content": None, "tool_calls": [call, call]})
    run << (*replied(2), stopped("parse_failure"))
    assert run.findings() == ["ID_DUPLICATE"]
    run >> Resume() << (ev.Resumed, *DISPATCHED)
    run >> ToolReplied("a") << (*ANSWERED, *DISPATCHED)


def test_calls_without_ids_do_not_share_an_id() -> None:
    call = {"function": {"name": "terminal", "arguments": '{"command": "ls"}'}}
    run = Scenario() >> run_to() >> replies({"content": None, "tool_calls": [call, call]})
    run << (*replied(2), *DISPATCHED)


@pytest.mark.parametrize("mode", ["strict", "faithful"])
def test_a_cancelled_call_stops_the_run_however_far_it_was_to_run(mode: str) -> None:
    run = Scenario() >> run_to(mode=mode) >> calls(LS, LS)
    run >> ToolRaised("cancelled by hand", by="person")
    assert isinstance(run.log[-1], ev.Stopped)
    assert (run.log[-1].stop_point, run.log[-1].call_index) == ("tool_error", 0)
    again = run.reopened()
    assert again.session.state == run.session.state
    again >> Retry() << (ev.Resumed, *DISPATCHED)
    again >> ToolReplied("a") << (*ANSWERED, *DISPATCHED)


def test_a_cancelled_request_waits_for_a_person_although_it_could_be_retried() -> None:
    run = Scenario() >> run_to(retries=5)
    cancelled = RequestFailed("cancelled by hand", body="data: Pa", by="person")
    run >> cancelled << (ev.RequestFailed, stopped("request_failed"))
    run >> Retry() << (ev.Resumed, *REQUEST)


def test_a_run_ended_during_a_reply_keeps_what_had_arrived() -> None:
    run = Scenario() >> run_to() >> Terminate(partial="data: Pa")
    run << (
        saw(ev.RequestFailed, body="data: Pa", by="person"),
        saw(ev.RunEnded, stop_reason="terminated"),
        CancelRequest(1),
        Finish("terminated"),
    )
