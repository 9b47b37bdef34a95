"""The commands of a person, as events. Raises IllegalCommand if the run is not at such a place."""

from __future__ import annotations

from hermes_tui.debugger import edits
from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.replies import breakpoints_set
from hermes_tui.debugger.state import RETRY, SessionState
from hermes_tui.debugger.stepping import Kind, Moment, allowed
from hermes_tui.debugger.turn import CallState, CallStatus
from hermes_tui.model import events as ev
from hermes_tui.model.errors import IllegalCommand
from hermes_tui.model.messages import ADDED, IdState, Origin, ToolCall
from hermes_tui.parsers.call_arguments import read_arguments

_TURN_MOMENTS = frozenset({Moment.REPLY, Moment.CALL, Moment.RESULT, Moment.TURN_END})
_Command = (
    given.Resume
    | given.Pause
    | given.EditArguments
    | given.EditName
    | given.EditText
    | given.EditMessage
    | given.SetParameters
    | given.SkipCall
    | given.FailCall
    | given.SubstituteResult
    | given.DropCall
    | given.AddCall
    | given.Retry
    | given.SetBreakpoints
)


def opening(command: _Command, state: SessionState, new_id: str) -> list[ev.Event]:
    """Return the events that carry out `command`.

    A person's decision is recorded before the run is resumed, so that no log can end in between
    with the decision lost.
    """
    match command:
        case given.Resume():
            return [ev.Resumed(seq=0, command=command.command)]
        case given.Pause():
            return [] if state.pausing else [ev.PauseRequested(seq=0)]
        case given.SetBreakpoints():
            return [breakpoints_set(command.breakpoints, command.stop_points)]
        case given.EditArguments() | given.EditName():
            return [_edited(command, _waiting_call(command.call_index, command.kind, state))]
        case given.AddCall():
            return [_added(command, state, new_id)]
        case given.DropCall():
            return _dropped(command, state)
        case given.Retry():
            return _retried(command, state)
        case given.EditText():
            if state.reply is None:
                raise _illegal(command.kind, state, "there is no reply")
            return edits.text_edited(command, state, state.reply, new_id)
        case given.EditMessage():
            return [edits.message_edited(command, state)]
        case given.SetParameters():
            return [edits.parameters_changed(command.parameters, state)]
        case given.SkipCall() | given.FailCall():
            return _skipped(command, state)
        case given.SubstituteResult():
            return _substituted(command, state)


def _illegal(kind: Kind, state: SessionState, situation: str) -> IllegalCommand:
    others = (k for k in allowed(state.phase, state.moment) if k is not kind)
    return IllegalCommand(kind, situation, tuple(others))


def _waiting_call(call_index: int, kind: Kind, state: SessionState) -> CallState:
    """Return a call that has not been run yet. Raises IllegalCommand if it does not wait."""
    calls = state.reply.calls if state.reply else []
    if 0 <= call_index < len(calls) and calls[call_index].status is CallStatus.WAITING:
        return calls[call_index]
    raise _illegal(kind, state, f"call {call_index} is not waiting")


def _current_call(kind: Kind, state: SessionState) -> CallState:
    """Return the call that the run is stopped at. Raises IllegalCommand if there is none."""
    if state.call is None or state.stop.call_index is None:
        raise _illegal(kind, state, "the run is not stopped at a call")
    return state.call


def _edited(command: given.EditArguments | given.EditName, call: CallState) -> ev.Event:
    before, name = call.arguments.text, call.name or ""
    index = call.call.index
    if isinstance(command, given.EditArguments):
        return ev.ArgumentsEdited(seq=0, call_index=index, before=before, after=command.arguments)
    return ev.ArgumentsEdited(
        seq=0,
        call_index=index,
        before=before,
        after=before,
        name_before=name,
        name_after=command.name,
    )


def _added(command: given.AddCall, state: SessionState, new_id: str) -> ev.Event:
    if state.reply is None:
        raise _illegal(command.kind, state, "there is no reply to add a call to")
    index = len(state.reply.calls)
    arguments = read_arguments(command.arguments)
    call = ToolCall(
        index,
        command.name,
        arguments.text,
        arguments.state,
        arguments=arguments.value,
        id=f"call_{new_id}_{index}",
        id_state=IdState.SYNTHETIC,
        origin=Origin.UNKNOWN,
        verdict=ADDED,
    )
    return ev.ToolCallProposed(
        seq=0,
        call=call,
        parser=command.parser,
        content=command.content,
        diagnostics=arguments.diagnostics,
    )


def _dropped(command: given.DropCall, state: SessionState) -> list[ev.Event]:
    call = _waiting_call(command.call_index, command.kind, state)
    dropped = ev.CallDropped(seq=0, call_index=call.call.index)
    if state.stop.call_index == call.call.index:
        return [dropped, ev.Resumed(seq=0, command="drop")]
    return [dropped]


def _retried(command: given.Retry, state: SessionState) -> list[ev.Event]:
    """Return the events that ask the model again, or run the tool again after its result."""
    events: list[ev.Event] = []
    if command.parameters is not None:
        events.append(edits.parameters_changed(command.parameters, state))
    if state.moment in _TURN_MOMENTS and not _reruns_tool(state):
        if state.tool_ran:
            raise _illegal(
                command.kind, state, "a tool of this turn has already run: fork before it"
            )
        events.append(ev.ReplyDiscarded(seq=0, reason="asked again"))
    return [*events, ev.Resumed(seq=0, command=RETRY)]


def _reruns_tool(state: SessionState) -> bool:
    return (
        state.moment is Moment.RESULT
        and state.call is not None
        and state.call.dispatched is not None
    )


def _skipped(command: given.SkipCall | given.FailCall, state: SessionState) -> list[ev.Event]:
    call = _current_call(command.kind, state)
    failed = isinstance(command, given.FailCall)
    return [
        ev.CallSkipped(
            seq=0,
            call_index=call.call.index,
            reason=command.reason,
            result=command.error if isinstance(command, given.FailCall) else command.result,
            failed=failed,
        ),
        ev.Resumed(seq=0, command="fail" if failed else "skip"),
    ]


def _substituted(command: given.SubstituteResult, state: SessionState) -> list[ev.Event]:
    call = _current_call(command.kind, state)
    before = call.result.content if call.result else ""
    return [
        ev.ResultSubstituted(
            seq=0, call_index=call.call.index, before=before, after=command.result
        ),
        ev.Resumed(seq=0, command="substitute"),
    ]
