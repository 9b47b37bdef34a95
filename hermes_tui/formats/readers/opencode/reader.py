"""`opencode`: sessions as `opencode export` and its database give them, and `run --format json`.

    file    = session | session*          each one run
            | event*                      one run
    session = {"info": {"id", "parentID"?, "title", "model"?, "tokens"?, "cost"?, "time"},
               "messages": [{"info": {"role", "time", "error"?, …}, "parts": [part, …]}, …]}
    event   = {"type", "timestamp", "sessionID", "part": part} | {"type": "error", …, "error"}
    part    = {"type": "text" | "reasoning", "text"} | {"type": "step-start"}
            | {"type": "step-finish", "reason", "tokens", "cost"}
            | {"type": "tool", "tool", "callID", "state": {"status", "input", "output" | "error"}}
            | {"type": "file" | "subtask" | "compaction" | …, …}

Each step of a message is a separate reply. Times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import SourceValue, append_message, values_under
from hermes_tui.formats.failures import status_of
from hermes_tui.formats.readers.opencode.parts import messages_of, parts_between, used
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import RequestFailed
from hermes_tui.parsers.measures import number, timestamp

_EVENTS: Final = frozenset({
    "step_start", "step_finish", "text", "reasoning", "tool_use", "error",
})  # fmt: skip
_DETAIL_KEYS: Final = ("title", "directory", "agent", "version", "share", "summary", "revert")


class OpenCode:
    """Reads whole sessions, and the events that a run printed."""

    name = "opencode"
    summary = "opencode and Kilo Code: exported sessions, the database, `run --format json`"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_runs(0.95, _is_session)
        return found or sample.match_of_rows(0.95, _is_event)

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            _read_session(value, build)
        else:
            _read_events(value, build)


def _is_session(value: Any) -> bool:
    if not isinstance(value, dict) or not fields.label(fields.as_dict(value.get("info")), "id"):
        return False
    messages = value.get("messages")
    return isinstance(messages, list) and all(map(_is_message, messages[:20]))


def _is_message(value: Any) -> bool:
    known = isinstance(value, dict) and isinstance(value.get("parts"), list)
    return known and isinstance(fields.as_dict(value.get("info")).get("role"), str)


def _is_event(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("sessionID"), str):
        return False
    has_content = isinstance(value.get("part"), dict) or value.get("type") == "error"
    return has_content and fields.label(value, "type") in _EVENTS


def _read_session(session: dict[str, Any], build: RunBuilder) -> None:
    info, messages = fields.as_dict(session.get("info")), fields.as_list(session["messages"])
    model = fields.as_dict(info.get("model"))
    infos = [fields.as_dict(fields.as_dict(one).get("info")) for one in messages]
    build.start(
        run_id=fields.label(info, "id"),
        task=_task(messages) or fields.label(info, "title"),
        model=fields.label(model, "id") or fields.first_label(infos, "modelID"),
        parent_run_id=fields.label(info, "parentID"),
        details={
            **fields.details_of({key: info[key] for key in _DETAIL_KEYS if info.get(key)}),
            **_subagent_details(messages),
        },
        ts=timestamp(fields.as_dict(info.get("time")).get("created")),
    )
    for index, message in enumerate(messages):
        _read_message(message, f"/messages/{index}", build)
    failed = any(one.get("error") for one in infos[-1:])
    if failed or info.get("tokens"):
        build.end(
            status="error" if failed else "unknown",
            usage=used(info.get("tokens"), number(info.get("cost")) or None),
        )


def _read_message(message: Any, pointer: str, build: RunBuilder) -> None:
    if not _is_message(message):
        build.defect("not a message", message, pointer=pointer)
        return
    sources = values_under(message["parts"], f"{pointer}/parts")
    info = message["info"]
    for step in parts_between(sources) if info["role"] == "assistant" else [sources]:
        _append(step, info, pointer, build)
    if info.get("error"):
        _fail(info["error"], fields.as_dict(info.get("time")).get("created"), pointer, build)


def _append(step: list[SourceValue], info: dict[str, Any], pointer: str, build: RunBuilder) -> None:
    for message, ts in messages_of(step, info, pointer):
        append_message(build, message, ts=ts)


def _read_events(value: Any, build: RunBuilder) -> None:
    events = list(build.placed(value))
    rows = [fields.as_dict(row) for _, _, row in events]
    parts = [fields.as_dict(row.get("part")) for row in rows]
    build.start(
        run_id=fields.first_label(rows, "sessionID"),
        details=_subagent_details([{"parts": parts}]),
        ts=timestamp(rows[0].get("timestamp")) if rows else None,
    )
    waiting: list[SourceValue] = []
    for (pointer, line, row), known in zip(events, rows, strict=True):
        is_part = isinstance(known.get("part"), dict)
        if not is_part or known["part"].get("type") == "step-start":
            _append_events(waiting, build)
            waiting = []
        build.locate(line)
        if is_part:
            waiting.append(SourceValue(known["part"], f"{pointer}/part", line))
        elif known.get("type") == "error":
            _fail(known.get("error"), known.get("timestamp"), pointer, build)
        else:
            build.defect("not an event", row, pointer=pointer)
    _append_events(waiting, build)


def _append_events(step: list[SourceValue], build: RunBuilder) -> None:
    if step:
        _append(step, {"role": "assistant"}, step[0].pointer, build)


def _fail(error: Any, when: Any, pointer: str, build: RunBuilder) -> None:
    known = fields.as_dict(error)
    data = fields.as_dict(known.get("data")) or known
    parts = [fields.label(known, "name"), fields.label(data, "message")]
    build.add(
        RequestFailed,
        pointer=pointer,
        ts=timestamp(when),
        message=": ".join(filter(None, parts)) or fields.excerpt(error),
        status=status_of(data),
        body=fields.text_of(data.get("responseBody")),
    )


def _task(messages: list[Any]) -> str:
    """Return the first line of the first request, without the parts that opencode adds."""
    for message in map(fields.as_dict, messages):
        if fields.as_dict(message.get("info")).get("role") == "user":
            parts = map(fields.as_dict, fields.as_list(message.get("parts")))
            texts = (
                fields.text_of(part.get("text")) for part in parts if not part.get("synthetic")
            )
            return fields.title_of([{"role": "user", "content": "\n".join(filter(None, texts))}])
    return ""


def _subagent_details(messages: Iterable[Any]) -> dict[str, Any]:
    """Return the sessions that calls started, under the name for details of a run."""
    found = dict(_subagents(messages))
    return {"subagents": found} if found else {}


def _subagents(messages: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for message in messages:
        for part in fields.as_list(fields.as_dict(message).get("parts")):
            state = fields.as_dict(fields.as_dict(part).get("state"))
            call = fields.label(fields.as_dict(part), "callID")
            session = fields.label(fields.as_dict(state.get("metadata")), "sessionId")
            if call and session:
                yield call, session


FORMAT = OpenCode()
