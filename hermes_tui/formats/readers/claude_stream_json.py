"""`claude-stream-json`: what `claude -p --output-format stream-json` and the Agent SDK print.

    file = line* | [line, …] | {"metadata", "messages": [wrapped, …]}
    line = {"type": "system", "subtype": "init", "session_id", "model", "tools", …}
         | {"type": "user" | "assistant", "message", "parent_tool_use_id", "session_id", …}
         | {"type": "result", "is_error", "usage", "total_cost_usd", …} | {"type", …}
         | wrapped | a message of the Agent SDK (`claude_sdk`)
    wrapped = {"direction": "send" | "recv", "message": line}

One reply of the API is spread over several lines, which make one message. The messages of a
subagent (`parent_tool_use_id`) are a separate run. All other lines are counted in the run's
details.

A session too big for that is one run, read turn by turn; a subagent's messages in it have a flag.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.anthropic_lines import (
    SUBAGENT,
    append_lines,
    has_results,
    message_of,
    reply_of_line,
)
from hermes_tui.formats.dialects.claude_history import Line, Lines, split_lines
from hermes_tui.formats.dialects.claude_other_lines import SYNTHETIC, is_failure
from hermes_tui.formats.dialects.claude_sdk import as_line
from hermes_tui.formats.dialects.claude_subagents import subagent_callers
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.formats.turns import READ_BY_TURNS
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.measures import timestamp, usage

_SPEAKERS = frozenset({"user", "assistant"})
_OWN_KEYS = ("type", "subtype", "session_id", "uuid", "model", "tools")
_SHOWN_ELSEWHERE = ("type", "uuid", "session_id", "usage", "result")


class ClaudeStreamJson:
    """Reads all lines of a session together: they refer to each other."""

    name = "claude-stream-json"
    summary = "Claude Code stream-json, Agent SDK messages (asdict too), with directions or not"
    traits = Traits(reply_of_line=reply_of_line)

    def sniff(self, sample: Sample) -> Match | None:
        wrapped = _wrapped(sample.first_object())
        if wrapped is not None:
            return Match(0.95, Unit.RUNS) if any(map(_is_own, wrapped[:50])) else None
        if not any(map(_is_own, sample.values)):
            return None
        return Match(0.95, Unit.RUNS, sample.layout.together())

    def read(self, value: Any, build: RunBuilder) -> None:
        prefix = "" if build.line_ranges else "/{}"
        if isinstance(value, dict):
            wrapped = _wrapped(value)
            value, prefix = ([value], "") if wrapped is None else (wrapped, "/messages/{}")
        _read_session(value if isinstance(value, list) else [value], prefix, build)


def _wrapped(value: dict[str, Any]) -> list[Any] | None:
    """Return the recorded lines in the document of a recorder, or None if it is not one."""
    messages = value.get("messages")
    if not isinstance(messages, list) or not any(map(_is_wrapped, messages[:50])):
        return None
    return messages


def _is_wrapped(row: Any) -> bool:
    return isinstance(row, dict) and "direction" in row and isinstance(row.get("message"), dict)


def _is_own(row: Any) -> bool:
    if _is_wrapped(row):
        row = row["message"]
    if isinstance(row, dict):
        row = as_line(row)
    if not isinstance(row, dict) or "session_id" not in row:
        return False
    kind = fields.label(row, "type")
    if kind == "system":
        return row.get("subtype") == "init"
    if kind == "result":
        return "is_error" in row and "num_turns" in row
    return kind in _SPEAKERS and "parent_tool_use_id" in row and "message" in row


def _read_session(values: list[Any], prefix: str, build: RunBuilder) -> None:
    lines: Lines = []
    places: dict[int, str] = {}
    for index, row in enumerate(values):
        places[index] = prefix.format(index)
        if _is_wrapped(row):
            row, places[index] = row["message"], f"{places[index]}/message"
        if isinstance(row, dict):
            lines.append((index, as_line(row)))
    if build.unit is Unit.PARTS:
        _read_turn(values, lines, places, build)
        return
    runs: dict[str, Lines] = {"": []}
    rest: Lines = []
    for index, row in lines:
        if _is_transcript_line(row):
            runs.setdefault(fields.label(row, "parent_tool_use_id"), []).append((index, row))
        else:
            rest.append((index, row))
    callers = subagent_callers(runs)
    for agent, own in runs.items():
        _start(own, agent, rest, callers.details(agent), build)
        if not agent:
            _report_odd(values, lines, places, build)
        append_lines(build, own, places.__getitem__, lambda _: ())
        if not agent:
            _end(rest, build)


def _is_transcript_line(row: dict[str, Any]) -> bool:
    """Return whether a line is a message or a failed request."""
    return is_failure(row) or (fields.label(row, "type") in _SPEAKERS and bool(message_of(row)))


def _read_turn(values: list[Any], lines: Lines, places: dict[int, str], build: RunBuilder) -> None:
    """Read some lines of a session; the lines after them are not known."""
    own, rest = split_lines(lines, _is_transcript_line)
    if build.is_first:
        _start(own, "", rest, {}, build)
    _report_odd(values, lines, places, build)
    append_lines(build, own, places.__getitem__, _flags_in_turn)
    if build.is_last:
        _end(rest, build)


def _flags_in_turn(row: dict[str, Any]) -> tuple[str, ...]:
    return (SUBAGENT,) if fields.label(row, "parent_tool_use_id") else ()


def _last(rest: Lines, kind: str) -> Line | None:
    return next(((i, row) for i, row in reversed(rest) if row.get("type") == kind), None)


def _start(
    own: Lines, agent: str, rest: Lines, relations: dict[str, Any], build: RunBuilder
) -> None:
    init = next((row for _, row in rest if row.get("subtype") == "init"), {})
    messages = [message for _, row in own if (message := message_of(row))]
    models = (name for message in messages if (name := fields.model_of(message)) != SYNTHETIC)
    session = fields.first_label((row for _, row in (*rest, *own)), "session_id")
    tools = init.get("tools")
    other = Counter(name for _, row in rest if (name := fields.label(row, "type")))
    details = fields.details_of(init, without=_OWN_KEYS) if not agent else {}
    if build.unit is Unit.PARTS:
        details.update(READ_BY_TURNS)
    elif not agent and other:
        details["other_records"] = dict(other.most_common(20))
    details.update(relations)
    first = own[0] if own else (rest[0] if rest else (0, {}))
    build.locate(first[0])
    build.start(
        run_id=agent or session,
        task=fields.title_of(message for message in messages if not has_results(message)),
        model=next((name for name in (fields.model_of(init), *models) if name), ""),
        tools=_tools(tools) if isinstance(tools, list) else None,
        parent_run_id=session if agent else "",
        details=details,
        ts=timestamp(first[1].get("timestamp")),
    )


def _tools(names: list[Any]) -> tuple[ToolSpec, ...]:
    """Return the tools that a session starts with, of which it records only the names."""
    return tuple(ToolSpec(name) for name in names if isinstance(name, str) and name)


def _report_odd(values: list[Any], lines: Lines, places: dict[int, str], build: RunBuilder) -> None:
    """Report values that are not lines of a stream, and messages that are not objects."""
    rows = dict(lines)
    for index, value in enumerate(values):
        row = rows.get(index, {})
        kind = fields.label(row, "type")
        if not kind:
            what = "not a line of a stream"
        elif kind in _SPEAKERS and not message_of(row):
            what = "the message of this line is not an object"
        else:
            continue
        build.defect(what, value, pointer=places[index], line=index)


def _end(rest: Lines, build: RunBuilder) -> None:
    last = _last(rest, "result")
    if last is None:
        return
    index, row = last
    build.locate(index)
    failed, subtype = row.get("is_error") is True, fields.label(row, "subtype")
    status = "error" if failed or subtype.startswith("error") else "ok"
    build.end(
        status="truncated" if subtype == "error_max_turns" else status,
        stop_reason=subtype,
        usage=usage(row.get("usage"), row.get("total_cost_usd")),
        details=fields.details_of(row, without=_SHOWN_ELSEWHERE),
    )


FORMAT = ClaudeStreamJson()
