"""How a run is stepped: its phases, its inputs, and where it can stop. One table, nothing else.

Read `TRANSITIONS` first: an input that it does not list is an `IllegalCommand`. DECIDING is never
at rest: it moves on at once to a phase of its own row, so `START: {DECIDING}` means "sends the
first request, or stops before it".
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from hermes_tui.model.errors import IllegalCommand


class Phase(StrEnum):
    """The phases of a run. READY: there is no run yet. REQUESTING and DISPATCHING are owed exactly
    one reply."""

    READY = "ready"
    REQUESTING = "requesting"
    DECIDING = "deciding"
    STOPPED = "stopped"
    DISPATCHING = "dispatching"
    ENDED = "ended"


class Kind(StrEnum):
    """The kinds of input, and `CALL_READY`, the step that DECIDING takes without an input."""

    START = "start"
    RESPONSE = "response"
    REQUEST_FAILURE = "request failure"
    CALL_READY = "call ready"
    RESUME = "resume"
    EDIT = "edit"
    EDIT_TEXT = "edit text"
    EDIT_MESSAGE = "edit message"
    SET_PARAMETERS = "set parameters"
    SKIP = "skip"
    SUBSTITUTE = "substitute"
    DROP = "drop"
    ADD = "add"
    RETRY = "retry"
    PAUSE = "pause"
    TOOL_REPLY = "tool reply"
    TERMINATE = "terminate"
    SET_BREAKPOINTS = "set breakpoints"
    REOPEN = "reopen"
    FORK = "fork"
    DIVERGENCE = "divergence"


class Command(StrEnum):
    """How far a stopped run continues. Breakpoints and enabled stop points may stop it earlier."""

    CONTINUE = "continue"
    """To the next breakpoint, enabled stop point, or the end."""
    NEXT = "next"
    """To the next stop at the same moment: the next call, the next result, the next reply …"""
    STEP_IN = "step_in"
    """To the very next moment."""
    STEP_OUT = "step_out"
    """To the end of the turn, past known calls at which only step mode would stop."""
    RUN = "run"
    """Like `continue`, and step mode no longer stops at calls from then on."""


_P = Phase
TRANSITIONS: Final[Mapping[Phase, Mapping[Kind, frozenset[Phase]]]] = {
    Phase.READY: {
        Kind.START: frozenset({_P.DECIDING}),
        Kind.TERMINATE: frozenset({_P.ENDED}),
    },
    Phase.REQUESTING: {
        Kind.RESPONSE: frozenset({_P.DECIDING}),
        Kind.REQUEST_FAILURE: frozenset({_P.DECIDING}),
        Kind.DIVERGENCE: frozenset({_P.DECIDING}),  # the reply stays owed
        Kind.PAUSE: frozenset({_P.REQUESTING}),  # arms a stop
        Kind.TERMINATE: frozenset({_P.ENDED}),  # and cancels the request
        Kind.SET_BREAKPOINTS: frozenset({_P.REQUESTING}),
        Kind.REOPEN: frozenset({_P.STOPPED}),  # the reply was lost with the process
        Kind.FORK: frozenset({_P.STOPPED}),  # the reply is that of the other run
    },
    Phase.DECIDING: {
        # A stop; or the tool runs; or no call is left: the next request; or no calls: the end.
        Kind.CALL_READY: frozenset({_P.STOPPED, _P.DISPATCHING, _P.REQUESTING, _P.ENDED}),
        Kind.REOPEN: frozenset({_P.DECIDING}),  # the log ended here
        Kind.FORK: frozenset({_P.DECIDING}),  # arms a stop
    },
    Phase.STOPPED: {
        # Disarmed for this moment only; if a replay diverged, the reply is owed again.
        Kind.RESUME: frozenset({_P.DECIDING, _P.REQUESTING, _P.DISPATCHING}),
        Kind.EDIT: frozenset({_P.STOPPED}),
        Kind.EDIT_TEXT: frozenset({_P.STOPPED}),
        Kind.EDIT_MESSAGE: frozenset({_P.STOPPED}),
        Kind.SET_PARAMETERS: frozenset({_P.STOPPED}),
        Kind.ADD: frozenset({_P.STOPPED}),
        Kind.DROP: frozenset({_P.STOPPED, _P.DECIDING}),  # continues if stopped at that call
        Kind.SKIP: frozenset({_P.DECIDING}),
        Kind.SUBSTITUTE: frozenset({_P.DECIDING}),
        Kind.RETRY: frozenset({_P.DECIDING}),
        Kind.TERMINATE: frozenset({_P.ENDED}),
        Kind.SET_BREAKPOINTS: frozenset({_P.STOPPED}),
        Kind.REOPEN: frozenset({_P.STOPPED}),  # at the same stop
        Kind.FORK: frozenset({_P.STOPPED}),  # at the same stop
    },
    Phase.DISPATCHING: {
        Kind.TOOL_REPLY: frozenset({_P.DECIDING}),
        Kind.DIVERGENCE: frozenset({_P.DECIDING}),  # the reply stays owed
        Kind.PAUSE: frozenset({_P.DISPATCHING}),  # arms a stop
        Kind.TERMINATE: frozenset({_P.ENDED}),  # and cancels the tool
        Kind.SET_BREAKPOINTS: frozenset({_P.DISPATCHING}),
        Kind.REOPEN: frozenset({_P.STOPPED}),  # the tool may have run: a person decides
        Kind.FORK: frozenset({_P.STOPPED}),
    },
    Phase.ENDED: {
        # Replies that still arrive are discarded, and that is recorded.
        Kind.RESPONSE: frozenset({_P.ENDED}),
        Kind.REQUEST_FAILURE: frozenset({_P.ENDED}),
        Kind.TOOL_REPLY: frozenset({_P.ENDED}),
        Kind.DIVERGENCE: frozenset({_P.ENDED}),
    },
}


class Moment(StrEnum):
    """When a run can stop: at most once per moment and attempt, regardless of what matched."""

    REQUEST = "request"
    FAILURE = "failure"
    REPLY = "reply"
    CALL = "call"
    RESULT = "result"
    TURN_END = "turn end"
    RUN_END = "run end"
    RECOVERY = "recovery"
    DIVERGENCE = "divergence"


class StopPoint(StrEnum):
    """Why a run stops at a moment. Within a moment the narrower reason comes first."""

    BEFORE_REQUEST = "before_request"
    REQUEST_FAILED = "request_failed"
    TRUNCATED = "truncated"
    PARSE_FAILURE = "parse_failure"
    AFTER_PARSE = "after_parse"
    AFTER_RESPONSE = "after_response"
    UNKNOWN_TOOL = "unknown_tool"
    INVALID_ARGS = "invalid_args"
    MANUAL = "manual"
    """A person answers the calls of this tool."""
    REPEAT = "repeat"
    BEFORE_DISPATCH = "before_dispatch"
    TOOL_ERROR = "tool_error"
    AFTER_RESULT = "after_result"
    TURN_END = "turn_end"
    RUN_END = "run_end"
    RECOVERY = "recovery"
    """The run was reopened while a reply was owed that can no longer come."""
    DIVERGENCE = "divergence"
    """A replay asks for something other than what was recorded."""

    @property
    def moment(self) -> Moment:
        return STOP_POINTS[self].moment


def stop_point(name: str) -> StopPoint:
    """Return the stop point of that name, RECOVERY if it is not known: a person decides."""
    try:
        return StopPoint(name)
    except ValueError:
        return StopPoint.RECOVERY


class Traits(NamedTuple):
    """Traits of a stop point. `stops`: enabled by default. `about_call`: it is about one call."""

    moment: Moment
    stops: bool = False
    about_call: bool = False


STOP_POINTS: Final[Mapping[StopPoint, Traits]] = {
    StopPoint.BEFORE_REQUEST: Traits(Moment.REQUEST),
    StopPoint.REQUEST_FAILED: Traits(Moment.FAILURE, stops=True),
    StopPoint.TRUNCATED: Traits(Moment.REPLY, stops=True),
    StopPoint.PARSE_FAILURE: Traits(Moment.REPLY, stops=True),
    StopPoint.AFTER_PARSE: Traits(Moment.REPLY),
    StopPoint.AFTER_RESPONSE: Traits(Moment.REPLY),
    StopPoint.UNKNOWN_TOOL: Traits(Moment.CALL, stops=True, about_call=True),
    StopPoint.INVALID_ARGS: Traits(Moment.CALL, stops=True, about_call=True),
    StopPoint.MANUAL: Traits(Moment.CALL, stops=True, about_call=True),
    StopPoint.REPEAT: Traits(Moment.CALL, about_call=True),
    StopPoint.BEFORE_DISPATCH: Traits(Moment.CALL, about_call=True),
    StopPoint.TOOL_ERROR: Traits(Moment.RESULT, about_call=True),
    StopPoint.AFTER_RESULT: Traits(Moment.RESULT, about_call=True),
    StopPoint.TURN_END: Traits(Moment.TURN_END),
    StopPoint.RUN_END: Traits(Moment.RUN_END),
    StopPoint.RECOVERY: Traits(Moment.RECOVERY, stops=True),
    StopPoint.DIVERGENCE: Traits(Moment.DIVERGENCE, stops=True),
}

RUN_MODE: Final = frozenset(point for point, traits in STOP_POINTS.items() if traits.stops)
"""The stop points of run mode: runs to the first breakpoint, or until something goes wrong."""
STEP_MODE: Final = RUN_MODE | {StopPoint.BEFORE_DISPATCH}
"""The stop points of step mode, the default: also stops before every dispatch."""

_ALWAYS_LEGAL = frozenset(
    {
        Kind.RESUME,
        Kind.TERMINATE,
        Kind.SET_BREAKPOINTS,
        Kind.SET_PARAMETERS,
        Kind.REOPEN,
        Kind.FORK,
    }
)
_CALL_KINDS = frozenset({Kind.RETRY, Kind.EDIT, Kind.DROP, Kind.ADD})
AT_STOP: Final[Mapping[Moment, frozenset[Kind]]] = {
    Moment.REQUEST: _ALWAYS_LEGAL | {Kind.EDIT_MESSAGE},
    Moment.FAILURE: _ALWAYS_LEGAL | {Kind.EDIT_MESSAGE, Kind.RETRY},
    Moment.REPLY: _ALWAYS_LEGAL | _CALL_KINDS | {Kind.EDIT_TEXT},
    Moment.CALL: _ALWAYS_LEGAL | _CALL_KINDS | {Kind.SKIP},
    Moment.RESULT: _ALWAYS_LEGAL | _CALL_KINDS | {Kind.SUBSTITUTE},
    Moment.TURN_END: _ALWAYS_LEGAL | {Kind.RETRY},
    Moment.RUN_END: _ALWAYS_LEGAL,
    Moment.RECOVERY: _ALWAYS_LEGAL | {Kind.SKIP, Kind.RETRY},
    Moment.DIVERGENCE: _ALWAYS_LEGAL,
}
"""Which inputs of the STOPPED row are legal at which moment; edits reach calls that still wait."""


def allowed(phase: Phase, moment: Moment | None = None) -> tuple[Kind, ...]:
    """Return the inputs that are legal in `phase`, or for a stop at `moment` those legal there."""
    kinds = tuple(kind for kind in TRANSITIONS[phase] if kind is not Kind.CALL_READY)
    if moment is None:
        return kinds
    return tuple(kind for kind in kinds if kind in AT_STOP[moment])


def check(kind: Kind, phase: Phase, moment: Moment | None = None) -> None:
    """Raise IllegalCommand if `kind` is not legal; `moment` is that of the present stop."""
    legal = allowed(phase, moment)
    if kind not in legal:
        where = f"{phase} at {moment}" if moment else str(phase)
        raise IllegalCommand(kind, where, legal)
