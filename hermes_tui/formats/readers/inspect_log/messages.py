"""Convert messages of an Inspect sample to chat messages, with calls as the model wrote them.

call = {"id", "function": NAME, "arguments": object, "parse_error"?}
part = {"type": "tool_use", "id", "name", "arguments", "result", "error"?}    run by the server
     | {"type": "reasoning", "reasoning", "redacted"?, "summary"?} | text | image | audio | …
"""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.message_parts import flagged, with_flat_entries
from hermes_tui.formats.readers.inspect_log.events import Request
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolCall
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import number, timestamp
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message

_UNPARSED = re.compile(
    r"Error parsing the following tool call arguments:(.*?)Error details:", re.DOTALL
)
_USAGE_KEYS = {
    "completion_tokens": "output_tokens",
    "cached_tokens": "input_tokens_cache_read",
    "reasoning_tokens": "reasoning_tokens",
    "total_cost": "total_cost",
}


def chat_message(
    raw: dict[str, Any], request: Request | None, tool_event: dict[str, Any]
) -> Normalised:
    """Return a message with the facts in the event of its request or of its tool."""
    raw_calls = raw.get("tool_calls")
    entries = fields.as_list(raw_calls)
    message = {**raw, "content": _content(raw.get("content"))}
    if entries:
        message["tool_calls"] = [_entry(entry) for entry in entries]
    elif not raw_calls:
        message.pop("tool_calls", None)
    if request is not None:
        message |= _request_members(request)
        if not entries and request.message.get("tool_calls"):
            # Inspect moved the call that submits the answer into the text: the finish reason was
            # that of the call.
            del message["finish_reason"]
    if tool_event:
        message |= _tool_members(tool_event, raw)
    if raw.get("role") == "tool" and not message["content"]:
        # The model receives the error's message as the result of a failed tool.
        message["content"] = fields.label(fields.as_dict(message.get("error")), "message")
    parts = normalise_message(message, text_calls=TextCalls.SUSPECT)
    if entries:
        parts = with_flat_entries(parts, entries)
        calls = (
            (call, (*diagnostics, *_unparsed(call, diagnostics)))
            for call, diagnostics in parts.calls
        )
        parts = parts._replace(calls=tuple(calls))
    return flagged(parts, *_flags(raw, request))


def usage_of(raw: Any) -> dict[str, Any]:
    """Return Inspect's token counts under the usual names; its input excludes cached tokens."""
    if not isinstance(raw, dict):
        return {}
    found = {name: raw[key] for name, key in _USAGE_KEYS.items() if raw.get(key) is not None}
    prompt, total = number(raw.get("input_tokens")), number(raw.get("total_tokens"))
    out = number(raw.get("output_tokens"))
    if prompt is not None:
        found["prompt_tokens"] = prompt if total is None else max(prompt, total - (out or 0))
    return found


def _entry(entry: Any) -> Any:
    """Return a call; the text of arguments that Inspect could not decode comes from the error."""
    if not isinstance(entry, dict):
        return entry
    arguments = entry.get("arguments")
    unparsed = _UNPARSED.search(fields.label(entry, "parse_error"))
    if unparsed:
        arguments = unparsed[1].strip()
    elif arguments is not None:
        arguments = fields.json_text(arguments)
    return function_call(entry.get("id"), entry.get("function"), arguments)


def _unparsed(call: ToolCall, diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """Return Inspect's own finding about a call, unless it has an error already."""
    error = fields.label(fields.as_dict(call.raw), "parse_error")
    if not error or any(one.severity is Severity.ERROR for one in diagnostics):
        return ()
    message = title(error)
    return (Diagnostic(Code.ARGS_INVALID, Severity.ERROR, message, call_index=call.index),)


def _content(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [part for item in content for part in _parts(item)]


def _parts(part: Any) -> list[Any]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "reasoning" and part.get("redacted"):
        sealed = {"type": "redacted_thinking", "data": part.get("reasoning")}
        return [{**sealed, "summary": part.get("summary")}]
    if kind == "tool_use":
        call = {key: part.get(key) for key in ("id", "name", "arguments")}
        result = {"type": "tool_result", "tool_use_id": part.get("id"), "name": part.get("name")}
        answer = {"content": part.get("result"), "error": part.get("error")}
        return [{"type": "tool_use", **call}, {**result, **answer}]
    return [part]


def _request_members(request: Request) -> dict[str, Any]:
    event, output = request.event, request.output
    seconds = number(event.get("working_time"))
    return {
        "usage": usage_of(output.get("usage")),
        "finish_reason": request.choice.get("stop_reason"),
        "timestamp": event.get("completed") or event.get("timestamp"),
        "duration_s": seconds if seconds is not None else output.get("time"),
    }


def _tool_members(event: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    start, end = (timestamp(event.get(key)) for key in ("timestamp", "completed"))
    seconds = number(event.get("working_time"))
    if seconds is None and start is not None and end is not None:
        seconds = max(0.0, end - start)
    error = {"error": event["error"]} if event.get("error") and not raw.get("error") else {}
    return {"timestamp": event.get("completed"), "duration_s": seconds, **error}


def _flags(raw: dict[str, Any], request: Request | None) -> list[str]:
    flags = ["compaction"] if fields.as_dict(raw.get("metadata")).get("summary") is True else []
    if request is None:
        return flags
    retries = number(request.event.get("retries"))
    if retries:
        flags.append(f"{retries:g} retries" if retries != 1 else "1 retry")
    if request.event.get("cache") == "read":
        flags.append("cached")
    return flags
