"""Hypothesis strategies for logs: any events in any order, numbered densely."""

from __future__ import annotations

from hypothesis import strategies as st

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import (
    ArgumentsEdited,
    BreakpointsSet,
    Event,
    LoopEscaped,
    MessageAppended,
    MessageEdited,
    ParametersChanged,
    ReplayDiverged,
    ReplyDiscarded,
    RequestFailed,
    RequestSent,
    ResponseParsed,
    ResponseReceived,
    Resumed,
    RunEnded,
    RunForked,
    RunStarted,
    SourceDefect,
    Stopped,
    TextEdited,
    ToolCallProposed,
    ToolDispatched,
    ToolReturned,
    copy_event,
)
from hermes_tui.model.messages import (
    ArgumentsState,
    ErrorMark,
    Message,
    Origin,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from hermes_tui.model.spans import Span

TEXT = st.text(alphabet=st.characters() | st.sampled_from("\ud800\x1b\u202e[/]"), max_size=12)
IDS = st.sampled_from(["c1", "c2", ""]) | st.none()
NAMES = st.sampled_from(["terminal", "read_file", ""]) | st.none()
DIAGNOSTICS = st.lists(
    st.builds(
        Diagnostic,
        code=st.sampled_from(Code),
        severity=st.sampled_from(Severity),
        message=TEXT,
        span=st.none() | st.builds(Span, st.integers(0, 5), st.integers(5, 9)),
    ),
    max_size=2,
).map(tuple)


def calls() -> st.SearchStrategy[ToolCall]:
    return st.builds(
        ToolCall,
        index=st.integers(0, 2),
        name=NAMES,
        arguments_text=TEXT,
        arguments_state=st.sampled_from(ArgumentsState),
        arguments=st.none() | st.dictionaries(TEXT, st.integers(), max_size=2),
        id=IDS,
        origin=st.sampled_from(Origin),
    )


def results() -> st.SearchStrategy[ToolResult]:
    error = st.none() | st.builds(ErrorMark, st.sampled_from(["flag", "heuristic"]), TEXT)
    return st.builds(ToolResult, content=TEXT, call_id=IDS, name=NAMES, error=error)


def messages() -> st.SearchStrategy[Message]:
    roles = st.sampled_from(["system", "user", "assistant", "tool", "environment", "odd"])
    return st.builds(Message, role=roles, text=TEXT, results=st.integers(0, 2))


def events() -> st.SearchStrategy[Event]:
    zero = st.just(0)
    return st.one_of(
        st.builds(MessageAppended, seq=zero, message=messages(), diagnostics=DIAGNOSTICS),
        st.builds(ToolCallProposed, seq=zero, call=calls(), diagnostics=DIAGNOSTICS),
        st.builds(ToolReturned, seq=zero, result=results(), diagnostics=DIAGNOSTICS),
        st.builds(RequestFailed, seq=zero, message=TEXT),
        st.builds(SourceDefect, seq=zero, message=TEXT, partial=st.booleans()),
        st.builds(Stopped, seq=zero, stop_point=TEXT),
        st.builds(Resumed, seq=zero, command=TEXT),
        st.builds(ArgumentsEdited, seq=zero, call_index=zero, before=TEXT, after=TEXT),
        st.builds(RunEnded, seq=zero, status=TEXT, ts=st.none() | st.floats(0, 9e9)),
        st.builds(ResponseReceived, seq=zero, turn=st.integers(0, 3), raw=TEXT),
        st.builds(ResponseParsed, seq=zero, calls=st.integers(0, 2), content=TEXT),
        st.builds(RequestSent, seq=zero, turn=st.integers(0, 3), parameters=TEXT),
        st.builds(
            BreakpointsSet,
            seq=zero,
            stop_points=st.lists(st.sampled_from(["before_dispatch", "?"])).map(tuple),
            breakpoints=st.dictionaries(st.just("b1"), st.sampled_from(["turn_end", "?"])),
        ),
        st.builds(ReplyDiscarded, seq=zero),
        st.builds(TextEdited, seq=zero, before=TEXT, after=TEXT),
        st.builds(MessageEdited, seq=zero, index=st.integers(-1, 3), before=TEXT, after=TEXT),
        st.builds(ParametersChanged, seq=zero, after=TEXT),
        st.builds(ToolDispatched, seq=zero, call_index=st.integers(0, 3)),
        st.builds(RunForked, seq=zero, parent_run_id=TEXT, parent_seq=zero, run_id=TEXT),
        st.builds(ReplayDiverged, seq=zero, what=TEXT, call_index=st.none() | zero),
        st.builds(LoopEscaped, seq=zero, exception=TEXT),
    )


def logs(max_size: int = 25) -> st.SearchStrategy[list[Event]]:
    """Logs that begin with a `RunStarted` and number their events from 0."""
    started = st.builds(
        RunStarted,
        seq=st.just(0),
        run_id=TEXT,
        task=TEXT,
        tools=st.just((ToolSpec("terminal"),)),
        tools_declared=st.booleans(),
    )
    return st.tuples(started, st.lists(events(), max_size=max_size)).map(
        lambda pair: [copy_event(event, seq=seq) for seq, event in enumerate([pair[0], *pair[1]])]
    )
