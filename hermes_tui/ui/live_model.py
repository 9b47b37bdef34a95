"""What a live run is doing, in words and rows, read from its log, without any widget."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from math import ceil
from typing import NamedTuple

from hermes_tui.debugger.stepping import Moment, StopPoint
from hermes_tui.log.event_log import EventLog
from hermes_tui.log.timeline import Timeline
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import command_line
from hermes_tui.ui.reply_errors import ABOUT_REPLY, reply_error
from hermes_tui.ui.reversed_log import LONGEST_TURN, back_from

_PLAIN_NAME = re.compile(r"[\w.:/-]+")
_FAILURE_LIMIT = 100
_EDIT_EVENTS = (ev.ArgumentsEdited, ev.TextEdited, ev.MessageEdited)

STOP_WORDS: Mapping[StopPoint, str] = {
    StopPoint.BEFORE_REQUEST: "before the request",
    StopPoint.REQUEST_FAILED: "the request failed",
    StopPoint.TRUNCATED: "the reply was cut off",
    StopPoint.PARSE_FAILURE: "an error in the reply",
    StopPoint.AFTER_PARSE: "the reply was read",
    StopPoint.AFTER_RESPONSE: "the reply has arrived",
    StopPoint.UNKNOWN_TOOL: "before dispatch of",
    StopPoint.INVALID_ARGS: "before dispatch of",
    StopPoint.REPEAT: "before dispatch of",
    StopPoint.BEFORE_DISPATCH: "before dispatch of",
    StopPoint.MANUAL: "waiting for your answer to",
    StopPoint.TOOL_ERROR: "after",
    StopPoint.AFTER_RESULT: "after",
    StopPoint.TURN_END: "at the end of the turn",
    StopPoint.RUN_END: "before the end of the run",
    StopPoint.RECOVERY: "lost: the reply",
    StopPoint.DIVERGENCE: "the replay diverged",
}
REASONS: Mapping[StopPoint, str] = {
    StopPoint.UNKNOWN_TOOL: "no such tool",
    StopPoint.INVALID_ARGS: "invalid arguments",
    StopPoint.REPEAT: "the same call as before",
    StopPoint.TOOL_ERROR: "tool error",
    StopPoint.RECOVERY: "continue asks again",
    StopPoint.DIVERGENCE: "continue uses the recorded answer",
}
WAITING = "WAITING"
TOOL_LOST = "it may have run"
NOT_RECORDED = "no answer to this was recorded: continue ends the run"
ENDINGS = {
    "finished": "finished naturally",
    "max_turns": "out of turns",
    "request_failed": "the request failed",
    "empty_response": "the reply was empty",
    "terminated": "ended by the user",
    "cancelled": "cancelled",
    "debugger_failed": "its debugger raised an exception",
    "budget": "a limit was reached",
    "recording_ends": "the recording ends here",
    "not_recorded": "the recording contains no answer",
    "breakpoint": "a breakpoint ended it",
    "escaped": "an exception escaped the loop",
}


class Activity(NamedTuple):
    """What a run is doing: one word, its object, and why. `style` is the name of a style."""

    word: str
    what: str = ""
    why: str = ""
    style: str = "badge"


def activity_text(activity: Activity) -> str:
    """Return an activity as part of a sentence, such as "stopped before dispatch of ls"."""
    what = activity.what
    if activity.word == "STOPPED" and not what.startswith(("before ", "after ", "at ")):
        what = f"({what})"
    return f"{activity.word.lower()} {what}".rstrip()


@dataclass(slots=True)
class RunUsage:
    """The tokens and turns that a run has used so far, summed event by event."""

    seen: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    turn: int = 0

    def take(self, log: EventLog) -> None:
        """Add the events that were appended since the last call."""
        for seq in range(self.seen, len(log)):
            event = log[seq]
            if isinstance(event, ev.RequestSent):
                self.turn = event.turn
            elif isinstance(event, ev.ResponseReceived) and event.usage is not None:
                self.tokens_in += event.usage.prompt_tokens or 0
                self.tokens_out += event.usage.completion_tokens or 0
        self.seen = len(log)


def activity_at(log: EventLog, seq: int) -> Activity:
    """Return what the run was doing just after event `seq`."""
    resumed = False
    for event in back_from(log, seq):
        match event:
            case ev.Resumed():
                # If a replay diverged, the pending request was made before the stop.
                resumed = True
            case ev.Stopped() as stop if not resumed:
                return _doing_at_stop(log, stop)
            case ev.RequestSent() as sent:
                again = f", attempt {sent.attempt}" if sent.attempt > 1 else ""
                return Activity("REQUESTING", f"turn {sent.turn}{again}")
            case ev.ToolDispatched() as dispatched:
                return Activity("DISPATCHING", dispatched.name)
            case ev.RunEnded() as ended:
                ok = ended.status == "ok"
                return Activity("ENDED", "", why_ended(ended), "success" if ok else "warning")
            case ev.ResponseReceived() as received:
                return Activity("READING", f"the reply of turn {received.turn}")
            case ev.ToolReturned() | ev.ToolFailed():
                return Activity("READING", "the tool's result")
            case ev.RunForked(seq=forked_at):
                before = activity_at(log, forked_at - 1)
                return before if before.word == "STOPPED" else Activity("FORKED")
            case _:
                pass
    return Activity("STARTING")


def _doing_at_stop(log: EventLog, stop: ev.Stopped) -> Activity:
    doing = without_repetition(stopped(log, stop), stop)
    edited = "edited since" if is_edited(log, stop) else ""
    return doing._replace(why=" · ".join(filter(None, (doing.why, edited))))


def without_repetition(doing: Activity, stop: ev.Stopped) -> Activity:
    """Return `doing` without a reason that is only the name of the stop point."""
    # The words already name the point. A breakpoint may have the same name.
    is_named = doing.why == stop.stop_point and not stop.breakpoints
    return doing._replace(why="") if is_named else doing


def waiting(left_s: float, attempt: int) -> Activity:
    """Return the state of a run that will send a request again after a delay."""
    return Activity(WAITING, f"{ceil(left_s)} s before attempt {attempt}")


def why_ended(ended: ev.RunEnded) -> str:
    """Return why a run ended, and what can be done about it."""
    details = ended.details
    names = ("limit", "spent", "resume", "exception")
    limit, spent, resume, exception = (details.get(name) for name in names)
    match ended.stop_reason, details.get("budget"):
        case "budget", "time" if isinstance(limit, (int, float)):
            return f"--time-limit of {limit:g} s reached"
        case "budget", "tokens":
            return f"--token-limit of {limit} reached ({spent} used)"
        case "escaped" | "debugger_failed" as reason, _ if exception:
            return f"{ENDINGS[reason]}: {visible_line(str(exception), _FAILURE_LIMIT)}"
        case "recording_ends", _ if resume:
            resumed = command_line("live", "--resume", resume)
            return f"{ENDINGS['recording_ends']}; continue with {resumed}"
    return ENDINGS.get(ended.stop_reason, ended.stop_reason or ended.status)


def stopped(log: EventLog, stop: ev.Stopped) -> Activity:
    """Return at which stop point the run is stopped, and why."""
    point = _point_of(stop)
    words = STOP_WORDS[point] if point is not None else f"at {stop.stop_point}"
    if point is StopPoint.RECOVERY and stop.call_index is not None:
        words = "lost: the result of"
    elif point is StopPoint.DIVERGENCE and stop.call_index is not None:
        words += " at"
    if stop.call_index is not None:
        place, count = stop.call_index + 1, _calls_before(log, stop.seq)
        which = f" (call {place:,} of {count:,})" if count > 1 else ""
        words += f" {call_name(log, stop.seq, stop.call_index) or '(no name)'}{which}"
    if error := reply_error(log, stop.seq, point):
        # The finding is the reason, unless a breakpoint stopped the run.
        named = stop.breakpoints or stop.notes
        return Activity("STOPPED", error, _why_stopped(log, stop) if named else "", "stopped")
    return Activity("STOPPED", words, _why_stopped(log, stop), "stopped")


def is_stopped_at_flawed_reply(log: EventLog) -> bool:
    """Return whether the run is stopped at a reply because of an error in it."""
    stop = last_stop(log)
    return stop is not None and _point_of(stop) in ABOUT_REPLY


def hint_at(hints: Mapping[str, str], point: str, turn: int, call: int = 1) -> str:
    """Return the hint for a stop at `point` in `turn` at `call` (both 1-based), or ""."""
    keys = (f"{point}@{turn}.{call}", f"{point}@{turn}", point)
    return next((hints[key] for key in keys if key in hints), "")


def is_edited(log: EventLog, stop: ev.Stopped) -> bool:
    """Return whether something was edited at a stop before the run resumed."""
    later = (log[seq] for seq in range(stop.seq + 1, min(len(log), stop.seq + LONGEST_TURN)))
    until = takewhile(lambda event: not isinstance(event, ev.Resumed), later)
    return any(isinstance(event, _EDIT_EVENTS) for event in until)


def _point_of(stop: ev.Stopped) -> StopPoint | None:
    """Return the stop point of a stop, or None if this version does not know it."""
    return StopPoint(stop.stop_point) if stop.stop_point in list(StopPoint) else None


def _why_stopped(log: EventLog, stop: ev.Stopped) -> str:
    """Return the breakpoints that stopped the run, with their notes; else the stop point."""
    texts = breakpoint_texts(log, stop.seq)
    named = [texts.get(key, key) for key in stop.breakpoints]
    if not named:
        named = [_reason(log, stop)]
    return " · ".join([*named, *stop.notes])


def _reason(log: EventLog, stop: ev.Stopped) -> str:
    """Return why a run stopped where no breakpoint matched."""
    match _point_of(stop):
        case None:
            return "unknown"
        case StopPoint.RECOVERY if stop.call_index is not None:
            return TOOL_LOST
        case StopPoint.DIVERGENCE:
            at = _last_seq(log, stop.seq, (ev.ReplayDiverged,))
            diverged = log[at] if at is not None else None
            if isinstance(diverged, ev.ReplayDiverged) and not diverged.expected:
                return NOT_RECORDED
            return REASONS[StopPoint.DIVERGENCE]
        case StopPoint.REQUEST_FAILED | StopPoint.TOOL_ERROR if text := _failure(log, stop):
            return text
        case StopPoint.INVALID_ARGS:
            return _argument_finding(log, stop) or REASONS[StopPoint.INVALID_ARGS]
        case point:
            return REASONS.get(point, stop.stop_point)


def _failure(log: EventLog, stop: ev.Stopped) -> str:
    """Return why the request failed, or that the tool was cancelled; "" if neither happened."""
    at = _last_seq(log, stop.seq, (ev.RequestFailed, ev.ToolFailed, ev.ToolReturned))
    match log[at] if at is not None else None:
        case ev.RequestFailed(message=text):
            return visible_line(text, _FAILURE_LIMIT)
        case ev.ToolFailed(by=by, exception=text) if by:
            return text
        case _:
            return ""


def _argument_finding(log: EventLog, stop: ev.Stopped) -> str:
    """Return the code of the worst finding in the call of a stop; "" if there is none."""
    at = _call_seq(log, stop.seq, stop.call_index or 0)
    findings = log[at].diagnostics if at is not None else ()
    for severity in (Severity.ERROR, Severity.WARNING):
        if codes := [str(one.code) for one in findings if one.severity is severity]:
            return codes[0]
    return ""


def breakpoint_texts(log: EventLog, seq: int) -> Mapping[str, str]:
    """Return the texts of the breakpoints in force at event `seq`, by their ids."""
    for at in range(seq, -1, -1):
        event = log[at]
        if isinstance(event, ev.BreakpointsSet):
            return event.breakpoints
    return {}


def _call_seq(log: EventLog, seq: int, index: int) -> int | None:
    """Return the seq of the event that proposed call `index` in the turn of event `seq`."""
    for event in back_from(log, seq):
        if isinstance(event, ev.ToolCallProposed) and event.call.index == index:
            return event.seq
        if isinstance(event, ev.RequestSent):
            return None
    return None


def call_name(log: EventLog, seq: int, index: int) -> str:
    """Return the name that call `index` had when event `seq` happened, edits included."""
    for event in back_from(log, seq):
        match event:
            case ev.ArgumentsEdited(call_index=edited, name_after=name) if edited == index and name:
                return name
            case ev.ToolCallProposed(call=call) if call.index == index:
                return call.name or ""
            case ev.RequestSent():
                return ""
            case _:
                pass
    return ""


def _calls_before(log: EventLog, seq: int) -> int:
    """Return how many calls the last reply before event `seq` has."""
    count = 0
    for event in back_from(log, seq):
        if isinstance(event, ev.ToolCallProposed):
            count = max(count, event.call.index + 1)
        elif isinstance(event, ev.RequestSent):
            break
    return count


def head_row(timeline: Timeline) -> int:
    """Return the row to show now: the one that a stop is about, else the last one."""
    last, log = len(timeline) - 1, timeline.log
    stop = last_stop(log)
    if stop is None:
        return last
    point = _point_of(stop)
    match point.moment if point is not None else None:
        case Moment.CALL:
            seq = _call_seq(log, stop.seq, stop.call_index or 0)
        case Moment.RECOVERY if stop.call_index is not None:
            seq = _call_seq(log, stop.seq, stop.call_index)
        case Moment.DIVERGENCE:
            seq = _last_seq(log, stop.seq, (ev.ReplayDiverged,))
        case Moment.RESULT:
            seq = _last_seq(log, stop.seq, (ev.ToolReturned, ev.ToolFailed))
        case Moment.REPLY:
            seq = _last_seq(log, stop.seq, (ev.MessageAppended,))
        case Moment.FAILURE:
            return _finding_row(timeline, _last_seq(log, stop.seq, (ev.RequestFailed,)), last)
        case _:
            return last
    row = timeline.row_of(seq) if seq is not None else None
    return last if row is None else row


def last_stop(log: EventLog) -> ev.Stopped | None:
    """Return the stop at which the run is stopped, or None if it is not stopped."""
    for event in back_from(log, len(log) - 1):
        match event:
            case ev.Stopped() as stop:
                return stop
            case ev.Resumed() | ev.RequestSent() | ev.ToolDispatched() | ev.RunEnded():
                return None
            case _:
                pass
    return None


def _last_seq(log: EventLog, seq: int, kinds: tuple[type[ev.Event], ...]) -> int | None:
    return next((event.seq for event in back_from(log, seq) if isinstance(event, kinds)), None)


def _finding_row(timeline: Timeline, seq: int | None, last: int) -> int:
    """Return the row of the finding at event `seq`, which has no row of its own."""
    rows = range(last, max(-1, last - LONGEST_TURN), -1)
    return next((row for row in rows if timeline.seq(row) == seq), last)


def breakpoint_for(timeline: Timeline, row: int) -> str:
    """Return the text of a breakpoint that would stop at the event of a row."""
    if not 0 <= row < len(timeline):
        return StopPoint.BEFORE_DISPATCH
    match timeline.event(row):
        case ev.ToolCallProposed(call=call):
            return _breakpoint_text(StopPoint.BEFORE_DISPATCH, call.name)
        case ev.ToolDispatched(name=name):
            return _breakpoint_text(StopPoint.BEFORE_DISPATCH, name)
        case ev.ToolReturned(result=result) | ev.ToolFailed(result=result):
            point = StopPoint.TOOL_ERROR if result.error else StopPoint.AFTER_RESULT
            return _breakpoint_text(point, result.name)
        case ev.MessageAppended(message=message) if message.role == "assistant":
            return StopPoint.AFTER_RESPONSE
        case ev.MessageAppended() | ev.RequestSent():
            return StopPoint.BEFORE_REQUEST
        case ev.RequestFailed():
            return StopPoint.REQUEST_FAILED
        case ev.RunEnded():
            return StopPoint.RUN_END
        case ev.Stopped(stop_point=point):
            return point
        case _:
            return StopPoint.BEFORE_DISPATCH


def _breakpoint_text(point: StopPoint, name: str | None) -> str:
    return f"{point}:{name}" if name and _PLAIN_NAME.fullmatch(name) else str(point)


def message_index(timeline: Timeline, row: int, messages: list[str]) -> int:
    """Return the index of the request's message (JSON text) that a row shows, else the last."""
    event = timeline.event(row) if 0 <= row < len(timeline) else None
    raw = event.raw if isinstance(event, ev.MessageAppended) else ""
    return messages.index(raw) if raw in messages else max(0, len(messages) - 1)
