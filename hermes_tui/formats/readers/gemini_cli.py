"""`gemini-cli`: a session of Gemini CLI, one document or (later versions) lines that add to it.

    file    = session | line*
    session = {"sessionId", "projectHash", "startTime", "messages": [message, …], …}
    line    = {"sessionId", "projectHash", …}           what the session is
            | message                                   one with a known id takes the other's place
            | {"$set": {…, "messages"?: [message, …]}}  a change; others than `messages` are hidden
            | {"$rewindTo": id}                         that message and all after it are rewound
    message = {"id", "timestamp", "type": "user" | "gemini" | "info" | "warning" | "error",
               "content", "thoughts"?, "tokens"?, "model"?, "toolCalls"?: [call, …]}
    call    = {"id", "name", "args", "status", "result"?: [part, …], "resultDisplay"?, …}

A call includes its result, so results are not messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.gemini_contents import member, message_of, normalised
from hermes_tui.formats.dialects.gemini_replies import usage_of
from hermes_tui.formats.dialects.gemini_results import FAILED, append_result
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import changed, with_flags
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import time_of, timestamp

_NOTICE_TYPES = frozenset({"info", "warning", "error"})
_CONTEXT_PREFIX = "<session_context>"
_OWN_KEYS = ("sessionId", "messages", "startTime")


class GeminiCli:
    """Reads all lines of a session together, since later lines change earlier ones."""

    name = "gemini-cli"
    summary = (
        "Gemini CLI sessions: ~/.gemini/tmp/*/chats/session-*.json and .jsonl, rewound turns too"
    )

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if not {"sessionId", "projectHash"} <= row.keys():
            return None
        if isinstance(row.get("messages"), list):
            return Match(0.97, Unit.RUNS)
        return Match(0.97, Unit.RUNS, Layout.WHOLE_LINES)

    def read(self, value: Any, build: RunBuilder) -> None:
        session = _Session()
        if build.line_ranges:
            for index, line in enumerate(fields.as_list(value)):
                session.take(line, index)
        elif isinstance(value, dict) and isinstance(value.get("messages"), list):
            session.about = value
            session.put_all(value["messages"], 0, "/messages")
        else:
            build.defect("no session in this record", value)
            return
        _read_session(session, build)


@dataclass(slots=True)
class _Entry:
    """The latest version of a message, and its place."""

    message: Any
    line: int
    pointer: str
    flag: str = ""


@dataclass(slots=True)
class _Session:
    """A session as its lines so far define it."""

    about: dict[str, Any] = field(default_factory=dict)
    entries: list[_Entry] = field(default_factory=list)
    _live: dict[str, _Entry] = field(default_factory=dict)

    def take(self, line: Any, index: int) -> None:
        """Apply the next line."""
        change = line.get("$set") if isinstance(line, dict) else None
        if isinstance(change, dict):
            messages = change.get("messages")
            if isinstance(messages, list) and messages:
                for name in self._live.keys() - {fields.id_of(item) for item in messages}:
                    self._live.pop(name).flag = "hidden"
                self.put_all(messages, index, "/$set/messages")
            self.about.update(change)
        elif isinstance(line, dict) and isinstance(line.get("$rewindTo"), str):
            self._rewind(line["$rewindTo"])
        elif isinstance(line, dict) and "sessionId" in line and "type" not in line:
            self.about.update(line)
        else:
            self._put(line, index, "")

    def put_all(self, messages: list[Any], line: int, pointer: str) -> None:
        for position, message in enumerate(messages):
            self._put(message, line, f"{pointer}/{position}")

    def _put(self, message: Any, line: int, pointer: str) -> None:
        known = self._live.get(name) if (name := fields.id_of(message)) else None
        if known is not None:
            known.message, known.line, known.pointer = message, line, pointer
            return
        entry = _Entry(message, line, pointer)
        self.entries.append(entry)
        if name:
            self._live[name] = entry

    def _rewind(self, to: str) -> None:
        """Flag a message and all after it, or all messages if that one is unknown."""
        name = ""
        while self._live and name != to:
            name, entry = self._live.popitem()
            entry.flag = "rewound"


def _read_session(session: _Session, build: RunBuilder) -> None:
    about = session.about
    messages = [e.message for e in session.entries if isinstance(e.message, dict)]
    build.locate(0)
    build.start(
        run_id=fields.label(about, "sessionId"),
        task=fields.title_of(
            _message(raw) for raw in messages if raw.get("type") == "user" and not _is_context(raw)
        ),
        model=next((name for raw in messages if (name := fields.model_of(raw))), ""),
        details=fields.details_of(about, without=_OWN_KEYS),
        ts=timestamp(about.get("startTime")),
    )
    answered_ids: set[str] = set()
    for entry in session.entries:
        build.locate(entry.line)
        if isinstance(entry.message, dict) and isinstance(entry.message.get("type"), str):
            _append(entry, answered_ids, build)
        else:
            build.defect("not a message", entry.message, pointer=entry.pointer)


def _append(entry: _Entry, answered_ids: set[str], build: RunBuilder) -> None:
    raw = entry.message
    parts = normalised(_message(raw))
    # In a history that was written back, a user's turn repeats the results given with the calls.
    results = tuple(item for item in parts.results if item[0].call_id not in answered_ids)
    message = changed(parts.message, results=len(results))
    flags = (entry.flag, "injected" if raw["type"] == "user" and _is_context(raw) else "")
    message = with_flags(message, *filter(None, flags))
    diagnostics = (*parts.diagnostics, *_error_finding(raw))
    build.append(
        parts._replace(message=message, results=results, diagnostics=diagnostics), entry.pointer
    )
    calls = raw.get("toolCalls")
    for index, call in enumerate(fields.as_list(calls)):
        if isinstance(call, dict):
            answered_ids.add(fields.label(call, "id"))
            _append_results(call, f"{entry.pointer}/toolCalls/{index}", build)


def _is_context(raw: dict[str, Any]) -> bool:
    """Return whether a user's message was written by the program, about the environment."""
    return fields.text_of(raw.get("content")).lstrip().startswith(_CONTEXT_PREFIX)


def _message(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a message in the form of chat messages."""
    kind = fields.label(raw, "type")
    content = raw.get("content")
    parts = content if isinstance(content, (list, str)) or content is None else [content]
    message: dict[str, Any] = {"content": parts}
    if isinstance(parts, list):
        parts = _without_known_calls(parts, raw.get("toolCalls"))
        message = message_of({"parts": parts, "role": "user" if kind == "user" else "model"})
    if kind != "user":
        message["role"] = "environment" if kind in _NOTICE_TYPES else kind
    elif "role" not in message:
        message["role"] = "user"
    if kind in _NOTICE_TYPES:
        message["author"] = {"name": kind}
    members = {
        "timestamp": raw.get("timestamp"),
        "tool_calls": raw.get("toolCalls") or None,
        "thoughts": "\n\n".join(filter(None, map(_thought, fields.as_list(raw.get("thoughts"))))),
        "usage": _usage(raw.get("tokens")),
    }
    return {**message, **fields.without_falsy(members)}


def _without_known_calls(parts: list[Any], calls: Any) -> list[Any]:
    """Return parts without the calls that a history written back has under `toolCalls` too."""
    call_objects = fields.objects_in(calls)
    ids = {fields.label(call, "id") for call in call_objects}
    names = {fields.label(call, "name") for call in call_objects}
    kept = []
    for part in parts:
        call = member(part, "functionCall") if isinstance(part, dict) else None
        call_id = fields.id_of(call)
        if not isinstance(call, dict) or (
            call_id not in ids if call_id else fields.label(call, "name") not in names
        ):
            kept.append(part)
    return kept


def _thought(thought: Any) -> str:
    if not isinstance(thought, dict):
        return thought if isinstance(thought, str) else ""
    texts = (fields.label(thought, key).strip() for key in ("subject", "description"))
    return "\n".join(filter(None, texts))


def _usage(tokens: Any) -> dict[str, Any] | None:
    """Return the counts under the API's keys, or None if all are 0: nothing was counted."""
    if not isinstance(tokens, dict) or not any(tokens.values()):
        return None
    return usage_of(
        {
            "promptTokenCount": tokens.get("input"),
            "candidatesTokenCount": tokens.get("output"),
            "cachedContentTokenCount": tokens.get("cached"),
            "thoughtsTokenCount": tokens.get("thoughts"),
        }
    )


def _error_finding(raw: dict[str, Any]) -> tuple[Diagnostic, ...]:
    if raw.get("type") != "error":
        return ()
    message = title(fields.text_of(raw.get("content"))) or "an error without a text"
    return (Diagnostic(Code.REQUEST_ERROR, Severity.ERROR, message),)


def _append_results(call: dict[str, Any], pointer: str, build: RunBuilder) -> None:
    """Append the results of a call: the answers in it, or else the text that was displayed."""
    result = call.get("result")
    answers = [
        (f"{pointer}/result/{index}", part)
        for index, part in enumerate(fields.as_list(result))
        if isinstance(part, dict) and isinstance(member(part, "functionResponse"), dict)
    ]
    status = fields.label(call, "status").lower()
    if not answers:
        shown = result or call.get("resultDisplay")
        if not shown and status not in FAILED:
            return
        body = {"name": call.get("name"), "response": shown or status}
        answers = [(f"{pointer}/result", {"functionResponse": body})]
    call_members = {"call_id": fields.label(call, "id") or None, "name": fields.label(call, "name")}
    for place, part in answers:
        append_result(build, part, call_members, status=status, pointer=place, ts=time_of(call))


FORMAT = GeminiCli()
