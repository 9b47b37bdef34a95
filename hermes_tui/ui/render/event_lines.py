"""Events other than messages, calls and results in one line: requests, stops, edits."""

from __future__ import annotations

import json
import re
from typing import Any

from hermes_tui.formats.declined import DECLINED
from hermes_tui.log.event_log import EventLog
from hermes_tui.log.query import describe
from hermes_tui.model import events as ev
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted, duration
from hermes_tui.ui.live_model import (
    ENDINGS,
    activity_at,
    breakpoint_texts,
    call_name,
    stopped,
    without_repetition,
)
from hermes_tui.ui.reversed_log import back_from

COMMANDS = {
    "continue": "continued",
    "next": "continued to the next stop of its kind",
    "step_in": "continued to the very next stop point",
    "step_out": "continued to the end of the turn",
    "run": "continued, without stops before calls from here on",
    "retry": "tried again",
    "skip": "continued with a result that was typed",
    "fail": "continued with an error that was typed",
    "drop": "continued without the call",
    "substitute": "continued with an edited result",
    "accept": "continued as recorded",
}
ROOM = 300
"""Most characters of a text that is shown on one line."""
_TEXT_WITH_JSON = re.compile(r"([^{\[]*+)([{\[].*[}\]])(\)?)", re.DOTALL)


def event_line(log: EventLog, event: ev.Event) -> tuple[str, str, str]:
    """Return label, style and a line of text for an event that is no message, call or result."""
    match event:
        case ev.RunStarted():
            return "▶ run", "dim", describe(event)
        case ev.RunEnded():
            return "■ end", "dim", _end_text(event)
        case ev.RequestSent():
            return "↑ request", "dim", _request_text(log, event)
        case ev.ResponseReceived():
            return "↓ reply", "dim", _reply_text(event)
        case ev.ToolDispatched():
            return "» run tool", "dim", f"{event.name or '(no name)'} {_short(event.arguments)}"
        case ev.Stopped():
            doing = without_repetition(stopped(log, event), event)
            return "‖ stop", "badge", " — ".join(filter(None, (doing.what, doing.why)))
        case ev.Resumed():
            words = COMMANDS.get(event.command, event.command)
            waited = f" after {duration(event.waited_s)}" if event.waited_s is not None else ""
            by = f" by the {event.by}" if event.by not in ("", "person") else ""
            return "▸ resume", "dim", words + by + waited
        case ev.PauseRequested():
            return "‖ pause", "dim", "asked to stop at the next stop point"
        case ev.BreakpointsSet():
            return "◉ stops at", "dim", _breakpoints_text(event)
        case ev.BreakpointsHit():
            return "◌ hit", "hint", _hit_text(log, event)
        case _:
            return _decision_line(log, event)


def _decision_line(log: EventLog, event: ev.Event) -> tuple[str, str, str]:
    """Return label, style and text for a person's edits, and for forks and divergences."""
    match event:
        case ev.ArgumentsEdited():
            return "✎ edit", "hint", _call_edit_text(log, event)
        case ev.CallSkipped():
            name = _call_name(log, event.seq, event.call_index)
            return "✎ answer", "hint", f"{name} {_short(answered(event))}: {_short(event.result)}"
        case ev.CallDropped():
            name = _call_name(log, event.seq, event.call_index)
            return "✎ drop", "hint", f"{name} was removed: the model will not see this call"
        case ev.ResultSubstituted():
            name = _call_name(log, event.seq, event.call_index)
            return "✎ result", "hint", f"of {name}: {_change_text(event.before, event.after)}"
        case ev.TextEdited():
            return "✎ edit", "hint", f"the reply's text: {_change_text(event.before, event.after)}"
        case ev.MessageEdited():
            return "✎ edit", "hint", _message_edit_text(event)
        case ev.ParametersChanged():
            return "✎ edit", "hint", "parameters: " + _key_changes_text(event.before, event.after)
        case ev.ReplyDiscarded():
            return "✗ discard", "warning", f"the reply was discarded: {event.reason}"
        case ev.RunForked():
            parent = f"run {event.parent_run_id}"
            return "↳ fork", "badge", f"shares everything before this with {parent}"
        case ev.ReplayDiverged():
            return "≠ replay", "error", f"{event.what}: {_change_text(event.expected, event.got)}"
        case ev.LoopEscaped():
            return "! escape", "error", f"{event.exception} escaped the loop"
        case _:
            return "• event", "dim", f"{type(event).__name__} {describe(event)}"


def answered(event: ev.CallSkipped) -> str:
    """Return how a call got a result without its tool, such as "answered by hand"."""
    if event.reason.startswith(DECLINED):
        return event.reason
    reason = f" ({event.reason})" if event.reason else ""
    return f"{'failed' if event.failed else 'answered'} by hand{reason}"


def changes(event: ev.Event) -> list[tuple[str, str, str]]:
    """Return the changes by an event, each with its name, the text before and the text after."""
    match event:
        case ev.ArgumentsEdited():
            named = ("name", event.name_before, event.name_after)
            both = [named, ("arguments", _laid_out(event.before), _laid_out(event.after))]
            return [change for change in both if change[1] != change[2]]
        case ev.ResultSubstituted():
            return [("result", event.before, event.after)]
        case ev.TextEdited():
            return [("text", event.before, event.after)]
        case ev.MessageEdited() | ev.ParametersChanged():
            return [("", _laid_out(event.before), _laid_out(event.after))]
        case ev.ReplayDiverged():
            expected, got = map(_with_json_spread, (event.expected, event.got))
            return [("recorded, and now", expected, got)]
        case _:
            return []


def _end_text(event: ev.RunEnded) -> str:
    words = ENDINGS.get(event.stop_reason, event.stop_reason)
    reward = f"reward {event.reward:g}" if event.reward is not None else ""
    # The stop reason is more precise, and "truncated" is also the word for a reply cut off.
    status = "" if words and event.status == "truncated" else event.status
    return " · ".join(part for part in (status, words, reward) if part)


def _request_text(log: EventLog, event: ev.RequestSent) -> str:
    changed = bool(event.parameters) and any(
        isinstance(earlier, ev.RequestSent) for earlier in back_from(log, event.seq - 1)
    )
    parts = [
        f"turn {event.turn}",
        f"attempt {event.attempt}" if event.attempt > 1 else "",
        counted(event.messages, "message") if event.messages else "",
        "other parameters" if changed else "",
        event.url,
    ]
    return " · ".join(part for part in parts if part)


def _reply_text(event: ev.ResponseReceived) -> str:
    usage = event.usage
    parts = [
        f"finish_reason {event.finish_reason}" if event.finish_reason else "no finish_reason",
        f"{usage.prompt_tokens or 0:,} tokens in, {usage.completion_tokens or 0:,} out"
        if usage
        else "",
        duration(event.duration_s) if event.duration_s is not None else "",
        counted(len(event.raw), "character") if event.raw else "",
    ]
    return " · ".join(part for part in parts if part)


def _breakpoints_text(event: ev.BreakpointsSet) -> str:
    texts = [f"{key} {text}" for key, text in event.breakpoints.items()]
    return " · ".join([", ".join(event.stop_points) or "no stop point", *texts])


def _hit_text(log: EventLog, event: ev.BreakpointsHit) -> str:
    texts = breakpoint_texts(log, event.seq)
    named = [texts.get(key, key) for key in event.breakpoints or event.hits]
    ends = ["this ends the run"] if event.fatal else []
    return " · ".join([*event.notes, *named, *ends]) or activity_at(log, event.seq).what


def _call_edit_text(log: EventLog, event: ev.ArgumentsEdited) -> str:
    if event.name_after and event.name_after != event.name_before:
        return f"the call's name: {_change_text(event.name_before, event.name_after)}"
    name = _call_name(log, event.seq, event.call_index)
    return f"arguments of {name}: {_change_text(event.before, event.after)}"


def _message_edit_text(event: ev.MessageEdited) -> str:
    which = f"message {event.index + 1} of the request"
    if not event.before:
        return f"{which} was added: {_short(event.after)}"
    if not event.after:
        return f"{which} was removed: {_short(event.before)}"
    return f"{which}: {_change_text(event.before, event.after)}"


def _key_changes_text(before: str, after: str) -> str:
    old, new = _json_object(before), _json_object(after)
    if old is None or new is None:
        return _change_text(before, after)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    shown = [f"{key} {_value_text(old.get(key))} → {_value_text(new.get(key))}" for key in keys]
    return ", ".join(shown) or "as before"


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _value_text(value: Any) -> str:
    return "none" if value is None else visible_line(json.dumps(value, ensure_ascii=False), 40)


def _laid_out(text: str) -> str:
    from hermes_tui.ui.json_layout import laid_out

    return laid_out(text) if "\n" not in text else text


def _with_json_spread(text: str) -> str:
    """Return text with the JSON in it, such as a call's arguments, on several lines."""
    from hermes_tui.ui.json_layout import spread

    found = _TEXT_WITH_JSON.fullmatch(text)
    return f"{found[1]}{spread(found[2])}{found[3]}" if found else text


def _call_name(log: EventLog, seq: int, index: int) -> str:
    return visible_line(call_name(log, seq, index) or "(no name)", 60)


def _change_text(before: str, after: str) -> str:
    return f"{visible_line(before, 60)} → {_short(after)}"


def _short(text: str) -> str:
    return visible_line(text, ROOM)
