"""The start of a run and the replies of the model, as events.

The session fills in `seq` and `ts` of the events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from hermes_tui.debugger.asked_parser import is_named_parser, read_by_parser
from hermes_tui.debugger.breakpoints import Breakpoint, parse_breakpoint
from hermes_tui.debugger.left_calls import with_left_calls, with_missed_calls
from hermes_tui.debugger.prefix import TURNS_BEFORE, loggable_call, prefix_of, with_id
from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.debugger.wire import reply_text
from hermes_tui.log.empty_replies import empty_message_finding, is_flawed
from hermes_tui.model import events as ev
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.errors import UsageError
from hermes_tui.model.messages import Message, Origin, ToolCall, Usage, changed, with_flags
from hermes_tui.parsers.finish_reasons import finish_reason_findings
from hermes_tui.parsers.measures import usage
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message
from hermes_tui.parsers.plain_values import json_text, plain
from hermes_tui.parsers.text_calls import content_without_calls

if TYPE_CHECKING:
    from hermes_tui.debugger import inputs as given
    from hermes_tui.debugger.state import SessionState
    from hermes_tui.debugger.turn import CallState, Reply

EDITED = "edited"


def started(start: given.Start, new_id: str) -> list[ev.Event]:
    """Return the first events of a log. The run begins with the last of them, `BreakpointsSet`."""
    goes_on = start.goes_on and start.mode == "strict"
    prefix = prefix_of(start.messages, new_id, goes_on=goes_on, read_as=start.read_as)
    details: dict[str, Any] = {
        **plain_json(start.details),
        TURNS_BEFORE: prefix.turns,
        "max_turns": start.max_turns,
        "mode": start.mode,
        "parameters": plain_json(start.parameters),
        "url": start.url,
        "retries": start.retries,
        "manual": sorted(start.manual),
        "valid_names": None if start.valid_names is None else sorted(start.valid_names),
    }
    if not prefix.turns:
        del details[TURNS_BEFORE]
    events: list[ev.Event] = [
        ev.RunStarted(
            seq=0,
            run_id=new_id,
            task=start.task,
            model=start.model,
            source_format="native",
            tools=start.tools or (),
            tools_declared=start.tools is not None,
            parser=start.parser,
            group_id=start.group_id,
            details=details,
        )
    ]
    return [*events, *prefix.events, breakpoints_set(start.breakpoints, start.stop_points)]


def plain_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` as it is after a round trip through JSON, as it will be in a decoded log."""
    decoded = json.loads(json_text(value), parse_constant=lambda name: None)
    return decoded if isinstance(decoded, dict) else {}


def breakpoints_set(
    breakpoints: tuple[Breakpoint, ...], stop_points: frozenset[StopPoint]
) -> ev.Event:
    """Return the event that sets what stops the run from now on.

    Raises UsageError for a breakpoint that cannot be written as one line.
    """
    for breakpoint in breakpoints:
        if parse_breakpoint(breakpoint.text, breakpoint_id=breakpoint.id) != breakpoint:
            raise UsageError(f"breakpoint {breakpoint.id} cannot be written as one line")
    return ev.BreakpointsSet(
        seq=0,
        breakpoints={breakpoint.id: breakpoint.text for breakpoint in breakpoints},
        stop_points=tuple(point for point in StopPoint if point in stop_points),
    )


def replied(replied: given.ModelReplied, state: SessionState, new_id: str) -> list[ev.Event]:
    """Return the events of a reply as received and as parsed; never raises."""
    mode = TextCalls.TRANSPORT if state.parser else TextCalls.SUSPECT
    found = with_left_calls(normalised_reply(replied, mode, state), state)
    return [received(replied, found.message, state), *read(found, state, new_id)]


def received(replied: given.ModelReplied, message: Message, state: SessionState) -> ev.Event:
    """Return the event of the reply as received."""
    return ev.ResponseReceived(
        seq=0,
        turn=state.turn,
        raw=replied.raw,
        finish_reason=message.finish_reason,
        usage=message.usage,
        duration_s=replied.duration_s,
        diagnostics=replied.diagnostics,
        sequences=replied.sequences,
    )


def normalised_reply(
    replied: given.ModelReplied, mode: TextCalls, state: SessionState | None = None
) -> Normalised:
    """Return the normalised message of a reply with its usage and finish reason; never raises.

    With the `state` of a run, calls that were missed are looked for, too.
    """
    found = _normalised(replied.message, mode, state)
    if state is not None:
        found = with_missed_calls(found, state)
    finish = replied.finish_reason if isinstance(replied.finish_reason, str) else ""
    message = changed(
        found.message,
        finish_reason=finish or found.message.finish_reason,
        usage=_usage(replied.usage) or found.message.usage,
    )
    calls = tuple((loggable_call(call), of_call) for call, of_call in found.calls)
    flaws = [*found.diagnostics, *_shape_diagnostics(replied)]
    call_diagnostics = chain.from_iterable(of_call for _, of_call in calls)
    flaws += finish_reason_findings(
        message.finish_reason,
        chain(flaws, call_diagnostics, replied.diagnostics),
        has_calls=bool(calls),
    )
    if state is not None and not is_flawed((*flaws, *replied.diagnostics)):
        empty = empty_message_finding(message, tools=bool(state.tools))
        flaws += [empty] if empty is not None else []
    return found._replace(message=message, calls=calls, diagnostics=tuple(flaws))


def _normalised(raw: Any, mode: TextCalls, state: SessionState | None) -> Normalised:
    """Return a normalised message, its text parsed by the parser that the run selects, if any."""
    if state is not None and mode is TextCalls.TRANSPORT and is_named_parser(state.parser):
        return read_by_parser(state.parser, raw, tuple((state.tools or {}).values()))
    return normalise_message(raw, text_calls=mode, role="assistant")


def _shape_diagnostics(replied: given.ModelReplied) -> Iterator[Diagnostic]:
    """Yield the diagnostic for a message that is not an object, if it is not."""
    message = replied.message
    if message is not None and not isinstance(message, (str, bytes, int, float, list, tuple)):
        return
    what = "null" if message is None else f"of type {type(message).__name__}"
    message = f"the reply's message is {what}, not an object"
    yield Diagnostic(Code.REPLY_SHAPE, Severity.ERROR, message)


def _usage(value: Any) -> Usage | None:
    plain_value = value if isinstance(value, Usage) or value is None else plain(value)
    return plain_value if isinstance(plain_value, Usage) else usage(plain_value)


def read(found: Normalised, state: SessionState, new_id: str) -> list[ev.Event]:
    """Return the events of a parsed reply. Every call that will run has an id."""
    message = found.message
    has_missed_calls = any(
        d.code is Code.CALL_IN_CONTENT and d.severity is Severity.ERROR for d in found.diagnostics
    )
    calls = [
        (call if has_missed_calls and call.origin is Origin.TEXT else with_id(call, new_id), own)
        for call, own in found.calls
    ]
    run = [call for call, _ in calls if call.id]
    content = content_without_calls(message.text, run)
    parser = state.parser if any(call.origin is Origin.TEXT for call in run) else ""
    parsed = ev.ResponseParsed(
        seq=0, turn=state.turn, parser=parser, calls=len(calls), content=content
    )
    appended = ev.MessageAppended(
        seq=0,
        message=message,
        raw=reply_text(content, run, message.reasoning),
        diagnostics=found.diagnostics,
    )
    proposed = [ev.ToolCallProposed(seq=0, call=call, diagnostics=own) for call, own in calls]
    if not message.reasoning:
        return [parsed, appended, *proposed]
    reasoning = ev.ReasoningExtracted(seq=0, turn=state.turn, reasoning=message.reasoning)
    return [reasoning, parsed, appended, *proposed]


def reread(text: str, reply: Reply, state: SessionState, new_id: str) -> list[ev.Event]:
    """Return the events of a reply with another text; calls in a field of their own stay."""
    field_calls = [call for call in reply.running if call.call.origin is not Origin.TEXT]
    found = read_text(text, state, [_entry(call) for call in field_calls])
    calls = tuple(
        (kept(call, field_calls[index].call) if index < len(field_calls) else call, diagnostics)
        for index, (call, diagnostics) in enumerate(found.calls)
    )
    return read(found._replace(message=_message(found, reply), calls=calls), state, new_id)


def read_text(
    text: str, state: SessionState, field_calls: Sequence[dict[str, Any]] = ()
) -> Normalised:
    """Return how the run reads a reply with this text and `field_calls` as its `tool_calls`."""
    mode = TextCalls.TRANSPORT if state.parser else TextCalls.SUSPECT
    raw = {"content": text, "tool_calls": list(field_calls) or None}
    return with_missed_calls(_normalised(raw, mode, state), state)


def _entry(call: CallState) -> dict[str, Any]:
    """Return a call in its present state, edits included, as an entry of `tool_calls`."""
    return function_call(call.call.id, call.name, call.arguments.text)


def kept(call: ToolCall, before: ToolCall) -> ToolCall:
    """Return `call` with the fields that only the call as received has."""
    return changed(
        call,
        origin=before.origin,
        id_state=before.id_state,
        raw=before.raw,
        verdict=before.verdict,
    )


def _message(found: Normalised, reply: Reply) -> Message:
    """Return the message with the reasoning that was not in the text."""
    fields = tuple(piece for piece in reply.reasoning if piece.span is None)
    message = changed(
        found.message,
        reasoning=(*found.message.reasoning, *fields),
        finish_reason=reply.finish_reason,
    )
    return with_flags(message, EDITED)


def failed(failure: given.RequestFailed, state: SessionState) -> ev.Event:
    return ev.RequestFailed(
        seq=0,
        turn=state.turn,
        attempt=state.attempt,
        message=failure.message,
        status=failure.status,
        body=failure.body,
        chain=failure.chain,
        empty=failure.empty,
        retryable=failure.retryable,
        retry_in_s=failure.retry_in_s,
        diagnostics=failure.diagnostics,
        by=failure.by,
    )


def given_up(partial: str, by: str, state: SessionState) -> ev.Event:
    """Return the event of a run that was ended while a reply arrived, with what had arrived."""
    what = "the run was ended while the reply was arriving"
    diagnostic = Diagnostic(
        Code.REQUEST_ERROR, Severity.NOTE, what, hint="the raw text received so far is kept"
    )
    return ev.RequestFailed(
        seq=0,
        turn=state.turn,
        attempt=state.attempt,
        message=what,
        body=partial,
        diagnostics=(diagnostic,),
        by=by,
    )
