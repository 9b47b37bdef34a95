"""`cline`: a saved session of Cline, and the events that `cline --json` prints.

    file    = {"version", "sessionId", "agent", "messages": [message, …], "system_prompt"?, …}
            | event*                                                         `events.py`
    message = {"id", "role": "user" | "assistant", "content": [block, …], "ts", "modelInfo"?,
               "metrics"?: {"inputTokens", "outputTokens", "cacheReadTokens", "cost"?},
               "metadata"?: {"displayOnly", "displayRole"}}
    block   = a block of Anthropic's API; a result's content may be [answer, …]
    answer  = {"query", "result", "success", "error"?}       one for each command or file of a call

A failed request is kept as a message of the assistant that is for display only.
"""

from __future__ import annotations

import re
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.readers.cline.events import is_event, read_events, used
from hermes_tui.formats.readers.cline.results import with_answers
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.messages import changed
from hermes_tui.parsers.measures import timestamp
from hermes_tui.parsers.normalise import normalise_message

_USER_INPUT: Final = re.compile(
    r"\s*<user_input\b[^<>]{0,200}>(.*?)(?:</user_input>|\Z)", re.DOTALL
)
_DETAIL_KEYS: Final = ("agent", "taskType", "updated_at")


class Cline:
    """Reads a saved session, or the events that a run printed."""

    name = "cline"
    summary = "Cline sessions: ~/.cline/data/sessions/*/*.messages.json; what `cline --json` prints"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_runs(0.95, _is_session)
        return found or sample.match_of_rows(0.95, is_event)

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            _read_session(value, build)
        else:
            read_events(value, build)


def _is_session(value: Any) -> bool:
    if not isinstance(value, dict) or not fields.label(value, "sessionId"):
        return False
    messages = value.get("messages")
    return isinstance(messages, list) and "agent" in value and "version" in value


def _read_session(session: dict[str, Any], build: RunBuilder) -> None:
    messages = session["messages"]
    origin = fields.as_dict(session.get("origin"))
    models = [fields.as_dict(fields.as_dict(one).get("modelInfo")) for one in messages]
    first = fields.first_object(messages)
    details = {
        **{key: session.get(key) for key in _DETAIL_KEYS},
        "provider": fields.first_label(models, "provider"),
        **{key: origin.get(key) for key in ("version", "mode", "source")},
    }
    build.start(
        run_id=fields.label(session, "sessionId"),
        task=_task(messages),
        model=fields.first_label(models, "id"),
        parent_run_id=fields.label(origin, "parentThreadId"),
        details=fields.details_of(fields.without_falsy(details)),
        ts=timestamp(first.get("ts")),
    )
    if prompt := session.get("system_prompt"):
        build.message({"role": "system", "content": prompt}, pointer="/system_prompt")
    for index, message in enumerate(messages):
        _read_message(message, f"/messages/{index}", build)


def _task(messages: list[Any]) -> str:
    for message in map(fields.as_dict, messages):
        if message.get("role") == "user" and (text := fields.text_of(message.get("content"))):
            match = _USER_INPUT.match(text)
            return fields.title_of([{"role": "user", "content": match[1] if match else text}])
    return ""


def _read_message(message: Any, pointer: str, build: RunBuilder) -> None:
    if not isinstance(message, dict) or not fields.label(message, "role"):
        build.defect("not a message", message, pointer=pointer)
        return
    ts = timestamp(message.get("ts"))
    if _is_failure(message):
        text = fields.text_of(message.get("content"))
        build.request_failed(text, pointer=pointer, ts=ts)
        return
    shown = {key: message[key] for key in ("role", "content") if key in message}
    parts = with_answers(normalise_message(shown))
    counts = used(message.get("metrics"))
    if counts is not None:
        parts = parts._replace(message=changed(parts.message, usage=counts))
    build.append(parts, pointer, ts=ts)


def _is_failure(message: dict[str, Any]) -> bool:
    metadata = fields.as_dict(message.get("metadata"))
    return metadata.get("displayOnly") is True and metadata.get("displayRole") == "error"


FORMAT = Cline()
