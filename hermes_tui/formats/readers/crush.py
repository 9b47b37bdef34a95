"""`crush`: sessions of Crush, from its `crush.db` and as `crush session show --json` prints them.

    file    = session | session*
    session = {"_table": "crush", "id", "parent_session_id", "title", "cost", …,
               "messages": [message, …], "children": [session id, …]}           of the database
            | {"meta": {"uuid", "title", "created", "cost", …}, "messages": [message, …]}
    message = {"id", "role", "model", "provider", "parts": [part, …], "created_at" | "created",
               "is_summary_message"?}
    part    = {"type", "data": {…}} | {"type", …}                       of the database | printed
            with the types
              text           {"text", "hidden"?}
              reasoning      {"thinking"}
              tool_call      {"id" | "tool_call_id", "name", "input"}
              tool_result    {"tool_call_id", "name", "content", "data"?, "mime_type"?, "is_error"}
              binary         {"Path", "MIMEType", "Data"} | {"mime_type", "size"}
              image_url      {"url"}
              shell_command  {"command", "output", "exit_code"}          run by the user
              finish         {"reason", "time", "message"?, "details"?}

The session of a subagent is named `MESSAGE$$CALL`. The tokens of a session are those of its last
request; its cost is the whole. The first opencode, from which Crush comes, has the same tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, append_message, values_under
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import number, timestamp

_AGENT_MARK: Final = "$$"
_LAST_COUNTS: Final = ("prompt_tokens", "completion_tokens")
_STATUSES: Final = {"end_turn": "ok", "error": "error", "max_tokens": "truncated"}


class Crush:
    """Reads a session as a run."""

    name = "crush"
    summary = "Crush: sessions in crush.db, and what `crush session show --json` prints"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.96, _is_session)

    def read(self, value: Any, build: RunBuilder) -> None:
        session = fields.as_dict(value)
        messages = fields.as_list(session.get("messages"))
        _start({**session, **fields.as_dict(session.get("meta"))}, messages, build)
        reader = _Messages(build)
        for at, message in enumerate(messages):
            reader.append(message, f"/messages/{at}")
        reader.end(session)


def _is_session(value: Any) -> bool:
    known = fields.as_dict(value)
    if known.get("_table") == "crush":
        return True
    messages = known.get("messages")
    has_meta = bool(fields.label(fields.as_dict(known.get("meta")), "uuid"))
    return has_meta and isinstance(messages, list) and all(map(_is_message, messages[:20]))


def _is_message(value: Any) -> bool:
    known = fields.as_dict(value)
    role = known.get("role")
    return isinstance(role, str) and bool(role) and isinstance(known.get("parts"), list)


def _start(session: dict[str, Any], messages: list[Any], build: RunBuilder) -> None:
    rows = [fields.as_dict(message) for message in messages]
    models = list(dict.fromkeys(filter(None, (fields.label(row, "model") for row in rows))))
    run_id = fields.label(session, "uuid", "id")
    title = fields.label(session, "title")
    last = {key: session[key] for key in _LAST_COUNTS if session.get(key)}
    details = {
        "titles": [title] if title else [],
        "models": models if len(models) > 1 else [],
        "provider": fields.first_label(rows, "provider"),
        "last_request": last,
        "called_by": _call_of(run_id),
        "subagents": {
            call: child
            for child in fields.as_list(session.get("children"))
            if isinstance(child, str) and (call := _call_of(child))
        },
    }
    build.start(
        run_id=run_id,
        task=_task(rows) or title,
        model=models[0] if models else "",
        parent_run_id=fields.label(session, "parent_session_id"),
        details=fields.details_of(fields.without_falsy(details)),
        ts=timestamp(session.get("created_at", session.get("created"))),
    )


def _call_of(session_id: str) -> str:
    """Return the id of the call that started the session of a subagent, or ""."""
    return session_id.partition(_AGENT_MARK)[2]


def _task(rows: Iterable[dict[str, Any]]) -> str:
    asked = (row for row in rows if row.get("role") == "user")
    return fields.title_of(
        {"role": "user", "content": [_data(part) for part in _of_type(row, "text")]}
        for row in asked
    )


def _of_type(message: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    parts = map(fields.as_dict, fields.as_list(message.get("parts")))
    return [part for part in parts if part.get("type") == kind]


def _data(part: Any) -> dict[str, Any]:
    known = fields.as_dict(part)
    data = known.get("data")
    return data if isinstance(data, dict) else known


class _Messages:
    """Appends the messages of a session in their order."""

    def __init__(self, build: RunBuilder) -> None:
        self.build = build
        self._last_finish: dict[str, Any] = {}

    def append(self, message: Any, pointer: str) -> None:
        if not _is_message(message):
            self.build.defect("not a message", message, pointer=pointer)
            return
        ts = timestamp(message.get("created_at", message.get("created")))
        sources = values_under(message["parts"], f"{pointer}/parts")
        kinds = [fields.label(fields.as_dict(source.value), "type") for source in sources]
        by_kind = list(zip(kinds, sources, strict=True))
        content = [_content(kind, one.value) for kind, one in by_kind if kind not in _OWN_PLACES]
        calls = [one for kind, one in by_kind if kind == "tool_call"]
        results = [one for kind, one in by_kind if kind == "tool_result"]
        finish = next((_data(one.value) for kind, one in by_kind if kind == "finish"), {})
        raw: dict[str, Any] = {"role": message["role"], "content": content or None}
        if calls:
            raw["tool_calls"] = [_call(_data(one.value)) for one in calls]
        is_reply = message["role"] == "assistant"
        is_failed = is_reply and finish.get("reason") == "error"
        if is_reply:
            self._last_finish = finish
            raw["finish_reason"] = fields.label(finish, "reason")
            raw["duration_s"] = _seconds(finish.get("time"), ts)
        if content or calls or not (results or is_failed):
            shown = ChatMessage(raw, pointer, tuple(calls), _flags(message))
            append_message(self.build, shown, ts=ts)
        for one in results:
            answer = ChatMessage(_result(_data(one.value)), one.pointer, (one,))
            append_message(self.build, answer, ts=ts)
        if is_failed:
            text = fields.labels(finish, "message", "details")
            self.build.request_failed(text, pointer=pointer, ts=ts)

    def end(self, session: dict[str, Any]) -> None:
        reason = fields.label(self._last_finish, "reason")
        about = {**session, **fields.as_dict(session.get("meta"))}
        cost = number(about.get("cost"))
        if reason or cost:
            self.build.end(
                status=_STATUSES.get(reason, "unknown"),
                stop_reason=reason,
                usage=Usage(cost_usd=cost) if cost else None,
                ts=timestamp(self._last_finish.get("time")),
            )


_OWN_PLACES: Final = frozenset({"tool_call", "tool_result", "finish"})
"""The types of parts that are not part of a message's content."""


def _content(kind: str, part: Any) -> Any:
    data = _data(part)
    match kind:
        case "text":
            return {"type": "text", "text": data.get("text")}
        case "reasoning":
            return {"type": "thinking", "thinking": data.get("thinking")}
        case "binary":
            media_type = fields.label(data, "MIMEType", "mime_type")
            media = {"data": data.get("Data"), "path": data.get("Path")}
            is_image = media_type.startswith("image/")
            shown = fields.without_falsy(media)
            return {"type": "image" if is_image else "file", "mime_type": media_type, **shown}
        case "shell_command":
            lines = (f"$ {fields.text_of(data.get('command'))}", fields.text_of(data.get("output")))
            code = data.get("exit_code")
            text = "\n".join(filter(None, (*lines, f"(exit code {code})" if code else "")))
            return {"type": "text", "text": text}
        case _:
            return {**data, "type": kind} if kind else part


def _call(data: dict[str, Any]) -> dict[str, Any]:
    text = fields.json_text(data["input"]) if data.get("input") is not None else ""
    return function_call(data.get("id", data.get("tool_call_id")), data.get("name"), text)


def _result(data: dict[str, Any]) -> dict[str, Any]:
    content: Any = data.get("content")
    if data.get("data"):
        media = {"type": "media", "mime_type": data.get("mime_type"), "data": data["data"]}
        content = [{"type": "text", "text": content or ""}, media]
    return {
        "role": "tool",
        "tool_call_id": data.get("tool_call_id"),
        "name": data.get("name"),
        "content": content,
        "is_error": data.get("is_error") is True or None,
    }


def _seconds(ended: Any, began: float | None) -> float | None:
    end = timestamp(ended)
    return end - began if end is not None and began is not None and end > began else None


def _flags(message: dict[str, Any]) -> tuple[str, ...]:
    texts = [_data(part) for part in _of_type(message, "text")]
    flags = {
        "compaction": message.get("is_summary_message") in (1, True),
        "hidden": any(text.get("hidden") is True for text in texts),
    }
    return tuple(name for name, is_set in flags.items() if is_set)


FORMAT = Crush()
