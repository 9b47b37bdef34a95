"""`codex`: a rollout file of Codex CLI.

    line = {"timestamp", "type", "payload"}     or, in files of early 2025, a bare item
    type = session_meta | turn_context | response_item | event_msg | compacted | …

The items are the transcript; the items of one reply make one message. Events repeat them, but only
they have usage, exit codes and durations; messages are taken from them if no item holds the text.

A rollout too big to be read at once is read turn by turn. If the last turn does not record the
total tokens or how the session ended, the turns before it are searched.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declined import settle_declined
from hermes_tui.formats.dialects.responses_items import (
    is_call,
    is_of_model,
    is_output,
    message_of_item,
    message_of_reply,
)
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.codex.items import (
    is_injected,
    output_message,
    request_in,
    why_declined,
)
from hermes_tui.formats.readers.codex.lines import (
    ENDS,
    ENVELOPES,
    TOKENS,
    USAGE,
    Line,
    error_of,
    is_line,
    line_of,
    reply_of_line,
    session_events,
)
from hermes_tui.formats.readers.codex.session import PROMPTS, dynamic_tools, parent_of, prompt_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.formats.turns import READ_BY_TURNS
from hermes_tui.model.events import RequestFailed, ToolCallProposed
from hermes_tui.model.messages import Usage, changed, with_flags
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp, whole
from hermes_tui.parsers.normalise import TextCalls, normalise_message

_FAILURE_TYPES = frozenset({"error", "stream_error"})
_ROLE_BY_TYPE = {"user_message": "user", "agent_message": "assistant"}
_CALL_END_TYPES = frozenset({"exec_command_end", "patch_apply_end", "mcp_tool_call_end"})
_ITEM_END_TYPE = "item_completed"
"""The event with which newer versions record the end of a call: its item has the call's id."""
_TURN_KEYS = ("effort", "approval_policy", "sandbox_policy")
_OWN_KEYS = ("id", "timestamp")


class Codex:
    """Reads all lines of a rollout together, since model and prompt are on later lines."""

    name = "codex"
    summary = "Codex CLI rollouts: ~/.codex/sessions/**/rollout-*.jsonl, those of early 2025 too"
    traits = Traits(reply_of_line=reply_of_line)

    def sniff(self, sample: Sample) -> Match | None:
        if not any(map(is_line, sample.values)):
            return None
        return Match(0.97, Unit.RUNS, sample.layout.together())

    def read(self, value: Any, build: RunBuilder) -> None:
        values = value if isinstance(value, list) else [value]
        is_list = isinstance(value, list) and not build.line_ranges
        lines = []
        odd_indices: list[int] = []
        for index, row in enumerate(values):
            line = line_of(index, row, f"/{index}" if is_list else "")
            if line is None:
                odd_indices.append(index)
            else:
                lines.append(line)
        if build.unit is Unit.RUNS or build.is_first:
            _start(lines, build)
        for index in odd_indices:
            build.defect("not a line of a rollout", values[index], line=index)
        _read_lines(lines, build)


def _first(lines: list[Line], kind: str) -> dict[str, Any]:
    return next((line.payload for line in lines if line.kind == kind), {})


def _start(lines: list[Line], build: RunBuilder) -> None:
    meta, turn = _first(lines, "session_meta"), _first(lines, "turn_context")
    prompt_keys = [key for key in PROMPTS if prompt_of(meta, key)]
    details = fields.details_of(meta, without=(*_OWN_KEYS, *prompt_keys))
    if tools := dynamic_tools(meta):
        details["dynamic_tools"] = tools
    details.update(fields.details_of({key: turn[key] for key in _TURN_KEYS if key in turn}))
    kinds = Counter(line.kind for line in lines if line.kind not in ENVELOPES)
    if build.unit is Unit.PARTS:
        details.update(READ_BY_TURNS)
    elif kinds:
        details["other_records"] = dict(kinds.most_common(20))
    build.locate(lines[0].number if lines else 0)
    build.start(
        run_id=fields.label(meta, "id"),
        task=_task(lines),
        model=fields.model_of(turn),
        parent_run_id=parent_of(meta),
        details=fields.without_empty(details),
        ts=timestamp(meta.get("timestamp")),
    )
    for line in (line for line in lines if line.payload is meta):
        build.locate(line.number)
        for key in prompt_keys:
            _append_prompt(prompt_of(meta, key), lines, f"{line.pointer}/{key}", build)


def _append_prompt(text: str, lines: list[Line], pointer: str, build: RunBuilder) -> None:
    """Append a system prompt, unless the text of a user's item contains it."""
    users = (line.payload for line in lines if line.payload.get("role") == "user")
    if any(text.strip() in fields.text_of(item.get("content")) for item in users):
        return
    raw = {"role": "system", "content": text}
    parts = normalise_message(raw, text_calls=TextCalls.IGNORE)
    message = with_flags(parts.message, "from the session line")
    build.append(parts._replace(message=message), pointer)


def _task(lines: list[Line]) -> str:
    for line in lines:
        kind = fields.label(line.payload, "type")
        if line.kind == "event_msg" and kind == "user_message":
            text = fields.label(line.payload, "message")
        elif line.kind == "response_item" and line.payload.get("role") == "user":
            text = fields.text_of(line.payload.get("content"))
        else:
            continue
        if text.strip() and not is_injected(text):
            return title(request_in(text))
    return ""


def _read_lines(lines: list[Line], build: RunBuilder) -> None:
    item_texts, ends = _item_texts(lines), _call_end_events(lines)
    reply: list[Line] = []
    for line in lines:
        if line.kind == "response_item" and is_of_model(line.payload):
            reply.append(line)
            continue
        if reply and _interrupts(line, item_texts):
            _append_reply(reply, build)
            reply = []
        if line.kind == USAGE and reply:
            _append_reply(reply, build, counts=line.payload.get("usage"))
            reply = []
        build.locate(line.number)
        if line.kind == "response_item":
            _item(line, ends, build)
        elif line.kind == "compacted":
            raw = {"role": "user", "content": line.payload.get("message")}
            _append(raw, line, build, ("compaction",))
        elif line.kind == "event_msg":
            _event(line, item_texts, build)
    if reply:
        _append_reply(reply, build)
    if build.unit is Unit.RUNS or build.is_last:
        _end(lines, build)


def _interrupts(line: Line, item_texts: set[str]) -> bool:
    """Return whether a reply ends before `line`; counts and repetitions do not end it."""
    if line.kind != "event_msg":
        return line.kind in ("response_item", "compacted")
    kind = fields.label(line.payload, "type")
    is_new = (
        kind in _ROLE_BY_TYPE and fields.label(line.payload, "message").strip() not in item_texts
    )
    return is_new or kind in _FAILURE_TYPES or (kind in ENDS and bool(error_of(line)))


def _event(line: Line, item_texts: set[str], build: RunBuilder) -> None:
    kind, text = fields.label(line.payload, "type"), fields.label(line.payload, "message")
    if kind in _FAILURE_TYPES:
        build.add(RequestFailed, pointer=line.pointer, ts=line.ts, message=text or kind)
    elif kind in ENDS and (failure := error_of(line)):
        build.add(RequestFailed, pointer=line.pointer, ts=line.ts, message=failure)
    elif kind in _ROLE_BY_TYPE and text.strip() and text.strip() not in item_texts:
        _append({"role": _ROLE_BY_TYPE[kind], "content": text}, line, build, ("from an event",))


def _end(lines: list[Line], build: RunBuilder) -> None:
    """Append how the session ended and its tokens, from the latest events of any turn."""
    usage: Usage | None = None
    stopped, failed = "", False
    for line in chain(reversed(lines), session_events(build.lines_before())):
        kind = fields.label(line.payload, "type") if line.kind == "event_msg" else ""
        if kind == TOKENS:
            usage = usage or _usage(line.payload)
        elif kind in ENDS and not stopped:
            failed = kind == "error" or bool(error_of(line))
            stopped = error_of(line) or fields.label(line.payload, "reason") or kind
        if usage is not None and stopped:
            break
    if usage is not None or stopped:
        build.end(status="error" if failed else "unknown", stop_reason=stopped, usage=usage)


def _item_texts(lines: list[Line]) -> set[str]:
    items = (line.payload for line in lines if line.kind == "response_item")
    return {fields.text_of(item.get("content")).strip() for item in items if "role" in item}


def _item(line: Line, ends: dict[str, dict[str, Any]], build: RunBuilder) -> None:
    item = line.payload
    if is_output(item):
        raw = output_message(item, ends.get(fields.label(item, "call_id"), {}))
    else:
        raw = message_of_item(item)
    text = fields.text_of(item.get("content"))
    is_injected_text = item.get("role") == "user" and is_injected(text)
    _append(raw, line, build, ("injected",) if is_injected_text else ())


def _append(
    raw: dict[str, Any], line: Line, build: RunBuilder, flags: tuple[str, ...] = ()
) -> None:
    """Append a message; the raw value of its call or result is the item of the file."""
    parts = normalise_message(raw)
    payload = line.payload
    parts = parts._replace(
        message=with_flags(parts.message, *flags),
        calls=tuple((changed(call, raw=payload), diagnostics) for call, diagnostics in parts.calls),
        results=tuple(
            (changed(answer, raw=payload), diagnostics) for answer, diagnostics in parts.results
        ),
    )
    parts = settle_declined(build, parts, why_declined, line.pointer, line.ts)
    build.append(parts, line.pointer, ts=line.ts)


def _append_reply(reply: list[Line], build: RunBuilder, *, counts: Any = None) -> None:
    """Append the items of one reply as one message, each call located at the line of its item."""
    first = reply[0]
    build.locate(first.number)
    raw = message_of_reply([line.payload for line in reply])
    parts = normalise_message({**raw, "usage": counts} if counts else raw)
    build.append(parts._replace(calls=()), first.pointer, ts=first.ts)
    call_lines = [line for line in reply if is_call(line.payload)]
    for number, (call, diagnostics) in enumerate(parts.calls):
        line = call_lines[number] if number < len(call_lines) else first
        build.locate(line.number)
        own_call = changed(call, raw=line.payload) if line is not first else call
        place = line.pointer
        build.add(
            ToolCallProposed, pointer=place, ts=line.ts, call=own_call, diagnostics=diagnostics
        )


def _call_end_events(lines: list[Line]) -> dict[str, dict[str, Any]]:
    """Return the events about the ends of calls, by the ids of the calls."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        kind = fields.label(line.payload, "type") if line.kind == "event_msg" else ""
        if kind in _CALL_END_TYPES:
            found[fields.label(line.payload, "call_id")] = line.payload
        elif kind == _ITEM_END_TYPE:
            item = fields.as_dict(line.payload.get("item"))
            found.setdefault(fields.label(item, "id"), item)
    return found


def _usage(payload: dict[str, Any]) -> Usage | None:
    """Return the tokens of the session so far, or None if the event holds only rate limits."""
    info = payload.get("info")
    total = info.get("total_token_usage") if isinstance(info, dict) else None
    if not isinstance(total, dict):
        return None

    return Usage(
        prompt_tokens=whole(total.get("input_tokens")),
        completion_tokens=whole(total.get("output_tokens")),
        cached_tokens=whole(total.get("cached_input_tokens")),
        reasoning_tokens=whole(total.get("reasoning_output_tokens")),
    )


FORMAT = Codex()
