"""A fork shares the past of a run, runs no tool again, and stops at the requested event."""

from __future__ import annotations

import pytest

from hermes_tui.debugger.effects import DispatchTool
from hermes_tui.debugger.forks import fork_point, is_about_call
from hermes_tui.debugger.inputs import EditArguments, Fork, Resume, Retry, Terminate, ToolReplied
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.log.fold import RunState
from hermes_tui.model import events as ev
from tests.debugger.scenario import LS, RM, Scenario, calls, run_to, saw, says, stopped, task

READ = ("read_file", {"path": "a"})


def finished() -> Scenario:
    """Return a run of two turns: a reply with two calls, one with one call, then the end."""
    run = Scenario() >> run_to() >> calls(LS, READ) >> ToolReplied("a") >> ToolReplied("b")
    return run >> calls(RM) >> ToolReplied("gone") >> says("done")


def seqs(run: Scenario, kind: type) -> list[int]:
    return [event.seq for event in run.log if isinstance(event, kind)]


def forked(run: Scenario, seq: int) -> Scenario:
    length = fork_point(run.log, seq)
    return run.reopened(length) >> Fork("parent", length - 1)


def test_a_fork_is_a_separate_run() -> None:
    run = forked(finished(), seqs(finished(), ev.ToolDispatched)[1])
    state = RunState()
    for event in run.log:
        state.apply(event)
    fork = next(event for event in run.log if isinstance(event, ev.RunForked))
    assert (fork.parent_run_id, fork.parent_seq) == ("parent", fork.seq - 1)
    assert (state.run_id, state.parent_run_id) == (fork.run_id, "parent")


@pytest.mark.parametrize("kind", [ev.ToolDispatched, ev.ToolCallProposed])
def test_a_fork_from_a_call_stops_before_it_with_the_others_answered(kind: type) -> None:
    run = finished()
    fork = forked(run, seqs(run, kind)[1])
    assert fork.session.state.call is not None
    assert fork.session.state.call.call.index == 1
    assert len(seqs(fork, ev.ToolReturned)) == 1
    fork >> Resume()
    assert fork.effects == (DispatchTool(1, "c1", "read_file", '{"path": "a"}'),)


def test_a_fork_from_an_edited_call_keeps_the_edit() -> None:
    run = Scenario() >> task() >> calls(RM) >> EditArguments(0, '{"command": "ls"}')
    run >> Resume() >> ToolReplied("a") >> says("done")
    fork = forked(run, seqs(run, ev.ToolDispatched)[0])
    assert fork.log[-2].seq == seqs(run, ev.ArgumentsEdited)[0]
    fork >> Resume()
    assert fork.effects == (DispatchTool(0, "c0", "terminal", '{"command": "ls"}'),)


def test_a_fork_from_the_proposal_of_a_call_leaves_out_its_edit() -> None:
    run = Scenario() >> task() >> calls(RM) >> EditArguments(0, '{"command": "ls"}') >> Resume()
    fork = forked(run, seqs(run, ev.ToolCallProposed)[0])
    assert not seqs(fork, ev.ArgumentsEdited)


@pytest.mark.parametrize("kind", [ev.ResponseReceived, ev.ResponseParsed])
def test_a_fork_from_a_reply_stops_right_after_it(kind: type) -> None:
    run = finished()
    fork = forked(run, seqs(run, kind)[1])
    fork << (ev.RunForked, stopped("after_response"))
    assert fork.session.state.turn == 2


def test_a_fork_from_a_request_or_result_stops_before_the_request() -> None:
    run = finished()
    for seq in (seqs(run, ev.RequestSent)[1], seqs(run, ev.ToolReturned)[0]):
        fork = forked(run, seq)
        fork << (ev.RunForked, stopped("turn_end"))
        assert fork.session.state.request == (2, 1)
    fork >> Resume()
    assert len(fork.conversation()) == 4


def test_a_fork_from_the_first_message_stops_before_the_first_request() -> None:
    run = finished()
    fork = forked(run, 1)
    assert fork.session.state.stop.stop_point == "before_request"
    assert fork.session.state.request == (1, 1)


def test_a_fork_from_the_end_is_cut_before_it() -> None:
    run = finished()
    fork = forked(run, len(run.log) - 1)
    assert not seqs(fork, ev.RunEnded)
    assert fork.session.state.phase == "stopped"


def test_a_fork_where_a_reply_is_awaited_stops_like_a_reopened_run() -> None:
    run = Scenario() >> run_to() >> calls(LS)
    run.reopened() >> Fork("parent", 9) << (ev.RunForked, stopped("recovery", 0))


def test_a_fork_at_a_stop_stays_there() -> None:
    run = Scenario() >> task() >> calls(LS)
    fork = run.reopened() >> Fork("parent", 9) << ev.RunForked
    assert fork.session.state.stop == run.session.state.stop


def test_a_fork_never_dispatches_without_a_command() -> None:
    run = Scenario() >> task() >> calls(LS) >> Resume()
    release = seqs(run, ev.Resumed)[0] + 1
    run.reopened(release) >> Fork("parent", 9) << (ev.RunForked, stopped("before_dispatch", 0))


def test_a_fork_made_right_after_a_retry_stops_before_the_tool_runs_again() -> None:
    run = Scenario() >> task(stop_points={StopPoint.AFTER_RESULT}) >> calls(LS) >> ToolReplied("a")
    run >> Retry()
    length = seqs(run, ev.Resumed)[-1] + 1
    fork = run.reopened(length) >> Fork("parent", length - 1)
    fork << (ev.RunForked, stopped("before_dispatch", 0))
    fork >> Resume() << (ev.Resumed, ev.ToolDispatched, DispatchTool)


def test_a_run_that_ended_or_never_began_cannot_be_forked() -> None:
    run = finished()
    run.refuses(Fork("parent", 1))
    Scenario().refuses(Fork("parent", 1))
    (Scenario() >> run_to() >> Terminate()).refuses(Fork("parent", 1))


def test_a_run_can_be_forked_from_every_event() -> None:
    run = finished()
    for seq in range(len(run.log)):
        length = fork_point(run.log, seq)
        fork = Session.from_events(run.log[:length])
        events, effects = fork.apply(Fork("parent", seq), now=0.0, new_id="x")
        assert not effects
        assert saw(ev.Stopped).matches(events[-1])
    with pytest.raises(IndexError):
        fork_point(run.log, len(run.log))


def test_a_fork_of_a_fork_shares_what_the_first_fork_added() -> None:
    run = finished()
    fork = forked(run, seqs(run, ev.ResponseReceived)[1]) >> Resume() >> ToolReplied("kept")
    fork >> says("done")
    second = forked(fork, len(fork.log) - 1)
    assert len(seqs(second, ev.RunForked)) == 2


def test_a_fork_at_the_first_call_of_a_reply_stops_before_the_call_and_not_at_the_reply() -> None:
    run = finished()
    proposal = run.log[seqs(run, ev.ToolCallProposed)[0]]
    length = fork_point(run.log, proposal.seq)
    fork = run.reopened(length) >> Fork("parent", length - 1, at_call=is_about_call(proposal))
    assert fork.session.state.stop.stop_point == StopPoint.BEFORE_DISPATCH
    assert fork.reopened().session.state == fork.session.state
