"""A replay whose request or call differs from the recording stops, and can be accepted."""

from __future__ import annotations

from hermes_tui.debugger.effects import DispatchTool, SendRequest
from hermes_tui.debugger.inputs import Diverged, Reopen, Resume, Terminate, ToolReplied
from hermes_tui.model import events as ev
from tests.debugger.scenario import LS, REQUEST, Scenario, calls, run_to, saw, says, stopped, task

OTHER = Diverged("message 1", "go", "stop")


def test_a_diverging_request_stops_with_both_sides_shown() -> None:
    run = Scenario() >> run_to() >> OTHER
    run << (
        saw(ev.ReplayDiverged, what="message 1", expected="go", got="stop", call_index=None),
        stopped("divergence"),
    )


def test_an_accepted_request_is_due_again_without_a_second_event() -> None:
    run = Scenario() >> run_to() >> OTHER >> Resume()
    resumed, request = run.outputs
    assert isinstance(resumed, ev.Resumed)
    assert isinstance(request, SendRequest)
    assert request.accepted
    assert run.session.effects_due() == run.effects
    run >> calls(LS)
    (dispatch,) = run.effects
    assert isinstance(dispatch, DispatchTool)
    assert not dispatch.accepted


def test_a_diverging_tool_call_stops_and_is_due_again() -> None:
    run = Scenario() >> run_to() >> calls(LS) >> OTHER
    run << (saw(ev.ReplayDiverged, call_index=0), stopped("divergence", 0))
    again = run.reopened() >> Reopen() << ()
    again >> Resume()
    assert again.effects == (DispatchTool(0, "c0", "terminal", '{"command": "ls"}', accepted=True),)
    again >> ToolReplied("a")
    (request,) = again.effects
    assert isinstance(request, SendRequest)
    assert not request.accepted


def test_a_replay_that_may_diverge_continues_without_a_stop() -> None:
    run = Scenario() >> task(stop_points=frozenset()) >> OTHER
    run << (ev.ReplayDiverged, saw(ev.Resumed, command="accept"), SendRequest)
    run >> says("done")
    assert run.session.state.phase == "ended"


def test_a_log_that_ends_at_a_divergence_stops_there_when_reopened() -> None:
    run = Scenario() >> run_to() >> OTHER
    run.reopened(len(run.log) - 1) >> Reopen() << stopped("divergence")


def test_a_run_can_be_ended_at_its_divergence() -> None:
    run = Scenario() >> run_to() >> OTHER >> Terminate()
    assert saw(ev.RunEnded, stop_reason="terminated").matches(run.log[-1])


def test_a_later_request_can_diverge_again() -> None:
    run = Scenario() >> run_to() >> OTHER >> Resume() >> calls(LS) >> ToolReplied("a")
    run >> OTHER << (ev.ReplayDiverged, stopped("divergence"))
    run >> Resume() << (ev.Resumed, REQUEST[1])
