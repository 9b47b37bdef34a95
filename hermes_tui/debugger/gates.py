"""Whether a run stops at a moment, and why. Queries the state without changing it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.debugger.breakpoints import Action, hit
from hermes_tui.debugger.call_rules import refusal
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.stepping import STOP_POINTS, Command, Moment, StopPoint
from hermes_tui.debugger.turn import CallState
from hermes_tui.log.argument_schema import SchemaProblem, schema_problems
from hermes_tui.model import events as ev
from hermes_tui.parsers.finish_reasons import CUT

_CALLS_KNOWN = frozenset({Moment.REPLY, Moment.CALL, Moment.RESULT})
"""Stops at which the calls of the turn can be seen: a step to its end approves of them."""


def stop_or_hits(
    state: SessionState, moment: Moment, call: CallState | None
) -> ev.Stopped | ev.BreakpointsHit | None:
    """Return what happens at `moment`; None if the run continues with nothing to record."""
    index = call.call.index if call else None
    if state.place_of(moment, index) <= state.reached:
        return None
    points = tuple(_points_at(state, moment, call))
    reasons = [point for point in points if point in _enabled(state)]
    hits, took, notes = [], [], []
    fatal = False
    for key, breakpoint in state.breakpoints.items():
        if breakpoint.point not in points or key in state.spent:
            continue
        fields = _fields_at(state, breakpoint.point, call)
        found = hit(breakpoint, fields, state.hits[key])
        if found is None:
            continue
        hits.append(key)
        if found.note:
            notes.append(found.note)
        if found.action is None:
            continue
        took.append(key)
        fatal = fatal or found.action is Action.FAIL
        if found.action in (Action.STOP, Action.FAIL):
            reasons.append(breakpoint.point)
    stepped = _stepped_to(state, moment)
    if not (reasons or stepped or hits):
        return None
    point = min(reasons, key=points.index) if reasons else points[-1]
    facts: dict[str, Any] = {
        "stop_point": point,
        "call_index": index,
        "breakpoints": tuple(took),
        "hits": tuple(hits),
        "notes": tuple(notes),
    }
    if fatal or not (reasons or stepped):
        return ev.BreakpointsHit(seq=0, fatal=fatal, **facts)
    return ev.Stopped(seq=0, **facts)


def stop_point_at(state: SessionState, moment: Moment) -> StopPoint:
    """Return the point that a stop at `moment` is named after, regardless of its cause."""
    points = tuple(_points_at(state, moment, None))
    return next((point for point in points if point in state.stop_points), points[-1])


def _enabled(state: SessionState) -> frozenset[StopPoint]:
    enabled = state.stop_points
    if state.aim is Command.STEP_OUT and state.aim_moment in _CALLS_KNOWN:
        enabled -= {StopPoint.BEFORE_DISPATCH}
    if state.retries_request:
        enabled -= {StopPoint.REQUEST_FAILED}
    if state.cancelled:
        # Whoever cancelled it decides what happens next.
        enabled |= {StopPoint.REQUEST_FAILED, StopPoint.TOOL_ERROR}
    return enabled


def _stepped_to(state: SessionState, moment: Moment) -> bool:
    match state.aim:
        case Command.STEP_IN:
            return True
        case Command.NEXT if moment is state.aim_moment:
            return True
        case Command.STEP_OUT if moment is Moment.TURN_END:
            return True
    return state.pausing


def _points_at(state: SessionState, moment: Moment, call: CallState | None) -> Iterator[StopPoint]:
    """Yield the stop points that apply at `moment`, the narrowest first."""
    for point, traits in STOP_POINTS.items():
        if traits.moment is moment and _applies(state, point, call):
            yield point


def _applies(state: SessionState, point: StopPoint, call: CallState | None) -> bool:
    reply = state.reply
    match point:
        case StopPoint.TRUNCATED:
            return reply is not None and (
                reply.truncated or reply.torn or reply.finish_reason in CUT
            )
        case StopPoint.PARSE_FAILURE:
            return reply is not None and (
                reply.flawed
                or reply.same_ids
                or any(c.flawed and c.call.span is not None for c in reply.calls)
            )
        case StopPoint.UNKNOWN_TOOL:
            return _refusal_point(state, call) is point
        case StopPoint.INVALID_ARGS:
            return call is not None and (
                _refusal_point(state, call) is point
                or _is_flawed(state, call)
                or (_is_watched(state, point) and bool(_problems_of(call, state)))
            )
        case StopPoint.MANUAL:
            return call is not None and call.name in state.manual
        case StopPoint.REPEAT:
            return call is not None and call.repeats > 0
        case StopPoint.TOOL_ERROR:
            return call is not None and _is_error(call)
        case _:
            return True


def _is_flawed(state: SessionState, call: CallState) -> bool:
    """Return whether a call of `tool_calls` is dispatched in another form than it arrived in.

    Errors of a call in the text stop the run at the reply instead, where the text can be edited.
    """
    is_unreported = call.flawed and not call.edited and call.call.span is None
    return is_unreported and _refusal_point(state, call) is None


def _is_watched(state: SessionState, point: StopPoint) -> bool:
    """Return whether `point` is enabled or has a breakpoint, so that a check is worth its cost."""
    return point in state.stop_points or any(
        breakpoint.point is point for breakpoint in state.breakpoints.values()
    )


def _problems_of(call: CallState, state: SessionState) -> tuple[SchemaProblem, ...]:
    """Return how the arguments of `call` violate the tool's schema, once they are an object.

    The result is cached until the call is edited.
    """
    if call.problems is None:
        spec = state.tools.get(call.name or "") if state.tools else None
        value = {} if call.arguments.value is None else call.arguments.value
        call.problems = schema_problems(value, spec.parameters) if spec is not None else ()
    return call.problems


def _refusal_point(state: SessionState, call: CallState | None) -> StopPoint | None:
    if call is None:
        return None
    found = refusal(call.name, call.arguments, state.names, cut=call.cut)
    return found.point if found else None


def _is_error(call: CallState) -> bool:
    return bool(call.exception) or (call.result is not None and call.result.error is not None)


def _fields_at(state: SessionState, point: StopPoint, call: CallState | None) -> dict[str, Any]:
    """Return the fields that a condition can read at `point`, as in `breakpoints.FIELDS`."""
    moment, reply = point.moment, state.reply
    turn, attempt = state.request if moment is Moment.REQUEST else (state.turn, state.attempt)
    fields: dict[str, Any] = {"point": point.value, "turn": turn, "attempt": attempt}
    if reply is not None and moment is not Moment.REQUEST:
        fields |= {
            "finish": reply.finish_reason,
            "calls": len(reply.running),
            "text": reply.text,
        }
    if state.failure is not None:
        fields["text"] = state.failure.message
    if call is not None:
        fields |= {
            "tool": call.name,
            "name": call.name,
            "args": call.arguments.value,
            "arguments": call.arguments.value,
            "text": call.arguments.text,
            "id": call.call.id,
            "index": call.call.index,
            "origin": str(call.call.origin),
            "state": str(call.arguments.state),
            "repeats": call.repeats,
        }
        if call.result is not None:
            fields |= {"text": call.result.content, "error": _is_error(call)}
    return fields
