"""A log may hold anything in any order: nothing in it breaks its readers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.debugger.forks import fork_point
from hermes_tui.debugger.inputs import EditText, Reopen, Resume, Terminate, ToolReplied
from hermes_tui.debugger.outcome import outcome_of
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import Kind, Phase
from hermes_tui.log.codec import decode, encode
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import Event
from tests.debugger.scenario import Scenario, replies, run_to
from tests.log.events_strategy import logs

LEFT = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"}}</tool_call>'
KEYS = st.sampled_from(
    ["content", "tool_calls", "function", "name", "arguments", "id", "reasoning"]
)


@settings(max_examples=100, deadline=None)
@given(logs(), st.data())
def test_any_log_is_read_reopened_and_forked_from(log: list[Event], data: st.DataObject) -> None:
    session = Session.from_events(log)
    assert Session.from_events([decode(encode(event)) for event in log]).state == session.state
    outcome_of(log)
    assert 0 <= fork_point(log, data.draw(st.integers(0, len(log) - 1))) <= len(log)
    for kind, given_input in ((Kind.REOPEN, Reopen()), (Kind.TERMINATE, Terminate())):
        if kind in session.allowed:
            session.apply(given_input, now=0.0, new_id="x")


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "{}", LEFT, "\ud800", b"x", object(), {1}, 0.5, Exception("x"), str]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4).map(lambda held: SimpleNamespace(**held))
    ),
    max_leaves=8,
)
CALLED = st.lists(VALUES, max_size=2).map(lambda calls: {"tool_calls": calls})


@settings(max_examples=150, deadline=None)
@given(CALLED | VALUES, VALUES, st.sampled_from(["strict", "faithful"]), st.booleans())
def test_any_message_and_any_result_can_be_logged(
    message: Any, result: Any, mode: str, reads: bool
) -> None:
    run = Scenario() >> run_to("after_response", mode=mode, parser="hermes" if reads else "")
    run >> replies(message)
    if run.session.state.phase is Phase.STOPPED:
        run >> EditText("other") >> Resume()
    while run.session.state.phase is Phase.STOPPED:
        run >> Resume()
    if run.session.state.phase is Phase.DISPATCHING:
        run >> ToolReplied("x", raw=result)
    saved = [decode(encode(event)) for event in run.log]
    assert saved == run.log
    assert Session.from_events(saved).state == run.session.state


@settings(max_examples=100, deadline=None)
@given(logs())
def test_any_log_has_rows_and_each_turn_one_reply(log: list[Event]) -> None:
    lines = Timeline(MemoryLog(log, complete=True))
    lines.advance()
    for turn in range(1, lines.state.turn + 1):
        assert lines.turn_row(turn) is not None
        lines.call_rows(turn)
    assert lines.turn_row(lines.state.turn + 1) is None
