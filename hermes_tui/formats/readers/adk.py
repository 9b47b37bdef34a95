"""`adk`: sessions of Google's Agent Development Kit, and the events that its runner yields.

    file    = session | [session, …] | session* | event* | [event, …]
    session = {"id", "app_name", "user_id", "state", "events": [event, …], "last_update_time"}
    event   = {"id", "author", "invocation_id", "timestamp", "actions", "content"?, "partial"?,
               "finish_reason"?, "usage_metadata"?, "model_version"?, "branch"?,
               "error_code"?, "error_message"?}

The keys are in snake case, or (by_alias, `adk web`) in camel case. A content is Gemini's. The last
event of a stream repeats the content of its partial events.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import source_values
from hermes_tui.formats.dialects.gemini_contents import member, message_of, normalised
from hermes_tui.formats.dialects.gemini_replies import findings_of, messages_of_reply
from hermes_tui.formats.message_parts import with_findings
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import RequestFailed
from hermes_tui.model.messages import with_flags
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp

_ABOUT_KEYS = ("appName", "userId", "state")
_ACTION_KEYS = ("stateDelta", "artifactDelta", "escalate", "compaction", "rewindBeforeInvocationId")
"""Actions that an event may carry in addition to its content."""


class Adk:
    """Reads a session as a run; loose events together are one run."""

    name = "adk"
    summary = "Google ADK sessions (JSON, SQLite) and events, with the errors of the model"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_runs(0.95, _is_session)
        return found or sample.match_of_rows(0.95, _is_event)

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, dict) and isinstance(value.get("events"), list):
            _read_session(value, build)
        else:
            events = source_values(value, build)
            _start({}, [event.value for event in events], build)
            for event in events:
                build.locate(event.line)
                _read_event(event.value, event.pointer, build)


def _is_event(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("author"), str)
        and isinstance(member(value, "invocationId"), str)
        and ("actions" in value or "content" in value)
    )


def _is_session(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(member(value, "appName"), str):
        return False
    events = value.get("events")
    return isinstance(events, list) and (not events or fields.mostly(events[:50], _is_event))


def _read_session(session: dict[str, Any], build: RunBuilder) -> None:
    events = session["events"]
    _start(session, events, build)
    for index, event in enumerate(events):
        _read_event(event, f"/events/{index}", build)


def _start(session: dict[str, Any], events: list[Any], build: RunBuilder) -> None:
    rows = [event for event in events if isinstance(event, dict)]
    models = (member(row, "modelVersion") for row in rows)
    agents = Counter(author for row in rows if (author := fields.label(row, "author")) != "user")
    about = {key: member(session, key) for key in _ABOUT_KEYS}
    details = {
        "app": about["appName"],
        "user": about["userId"],
        "state": about["state"],
        "agents": list(agents) if len(agents) > 1 else None,
        "partial_events": sum(row.get("partial") is True for row in rows),
    }
    contents = (row.get("content") for row in rows if row.get("author") == "user")
    build.start(
        run_id=fields.label(session, "id"),
        task=fields.title_of(message_of(content) for content in contents),
        model=next((name for name in models if isinstance(name, str) and name), ""),
        details=fields.details_of(fields.without_falsy(details)),
        ts=timestamp(rows[0].get("timestamp")) if rows else None,
    )


def _read_event(event: Any, pointer: str, build: RunBuilder) -> None:
    if not isinstance(event, dict):
        build.defect("not an event", event, pointer=pointer)
        return
    if event.get("partial") is True:
        return
    content = event.get("content")
    error = ": ".join(
        filter(
            None, (fields.label(event, *_spellings(key)) for key in ("errorCode", "errorMessage"))
        )
    )
    if isinstance(content, dict) and content.get("parts"):
        _append(event, content, pointer, error, build)
    elif error:
        ts = timestamp(event.get("timestamp"))
        build.add(RequestFailed, pointer=pointer, ts=ts, message=error, body=error)
    _append_actions(event, pointer, build)


def _spellings(key: str) -> tuple[str, str]:
    return key, fields.snake_case(key)


def _append(
    event: dict[str, Any], content: dict[str, Any], pointer: str, error: str, build: RunBuilder
) -> None:
    author = fields.label(event, "author")
    if content.get("role") == "model":
        candidate = {"content": content, "finishReason": member(event, "finishReason")}
        counts = member(event, "usageMetadata")
        [raw] = messages_of_reply({"candidates": [candidate], "usageMetadata": counts})
        findings = list(findings_of(raw))
    else:
        raw, findings = message_of(content), []
    if error and not findings:
        findings = [Diagnostic(Code.REQUEST_ERROR, Severity.ERROR, title(error))]
    if author != "user" and raw["role"] != "tool":
        raw |= {"role": "assistant", "name": author}
    branch = fields.label(event, "branch")
    parts = with_findings(normalised(raw), *findings)
    message = with_flags(parts.message, *((f"branch {branch}",) if branch else ()))
    ts = timestamp(event.get("timestamp"))
    build.append(parts._replace(message=message), f"{pointer}/content", ts=ts)


def _append_actions(event: dict[str, Any], pointer: str, build: RunBuilder) -> None:
    """Append the actions of an event, such as a change of the state or a file."""
    actions = fields.as_dict(event.get("actions"))
    values = {key: value for key in _ACTION_KEYS if (value := member(actions, key))}
    if values:
        raw = {"role": "environment", "name": "actions", "content": fields.json_text(values)}
        ts = timestamp(event.get("timestamp"))
        build.message(raw, pointer=f"{pointer}/actions", ts=ts)


FORMAT = Adk()
