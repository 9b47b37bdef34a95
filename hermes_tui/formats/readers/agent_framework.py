"""`agent-framework`: sessions, histories and responses of Microsoft's Agent Framework.

    file     = message* | [message, …]                                      one run
             | session | response | [session | response, …], or a line each
    session  = {"type": "session", "session_id", "state": {provider: {"messages": [message, …]}}}
             | {"chat_message_store_state": {"messages": [message, …]}}       before version 1.0
    response = {"type": "agent_response" | "chat_response" | …, "messages": [message, …],
                "usage_details", "finish_reason", "response_id", "created_at"}
    message  = {"type": "message" | "chat_message", "role": text | {"value"}, "contents":
                [content, …], "author_name"?, "message_id"?}
    content  = {"type": "text", "text"} | {"type": "text_reasoning", "text", "protected_data"?}
             | {"type": "function_call", "call_id", "name", "arguments": text | object}
             | {"type": "function_result", "call_id", "result", "items"?, "exception"?}
             | {"type": "function_approval_request", "function_call"}
             | {"type": "function_approval_response", "function_call", "approved"}
             | {"type": "error", "message", "error_code"?} | {"type": "usage", "usage_details"}
             | {"type": "…_tool_call" | "…_tool_result", "call_id", …}        of the provider
             | {"type": "data" | "uri", "uri", "media_type"?} | …

A request for approval repeats its call. The instructions of an agent are not saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, append_normalised, values_under
from hermes_tui.formats.declined import DECLINED, settle_declined
from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.message_contents import Content, Dialect, Kind, split_message
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.messages import ToolResult, Usage
from hermes_tui.parsers.measures import counted_usage, timestamp, total_usage

_MESSAGE_TYPES: Final = frozenset({"message", "chat_message"})
_STORE: Final = "chat_message_store_state"
_REJECTED: Final = "Error: Tool call invocation was rejected by user."
_CALL_TYPE: Final = "function_call"
_REQUEST: Final = "function_approval_request"
_CALL: Final = "_tool_call"
_RESULT: Final = "_tool_result"
_NO_ARGUMENTS: Final = frozenset(
    {"type", "call_id", "id", "status", "tool_name", "server_name", "annotations"}
    | {"additional_properties", "raw_representation", "merge_mode"}
)


class AgentFramework:
    """Reads the messages of an agent, in whichever object they are kept."""

    name = "agent-framework"
    summary = "Microsoft Agent Framework: sessions, histories of messages, responses"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_rows(0.95, _is_message)
        return found or sample.match_of_runs(0.95, lambda one: any(_lists_in(one)))

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, list) or _is_message(value):
            _read_run({}, "", "", value, build)
            return
        found = list(_lists_in(value))
        for name, place, messages in found:
            _read_run(value, name, place, messages, build)
        if not found:
            build.defect("no messages in this record", value)


def _is_message(value: Any) -> bool:
    known = fields.as_dict(value)
    contents = known.get("contents")
    return (
        fields.label(known, "type") in _MESSAGE_TYPES
        and bool(_role_of(known))
        and isinstance(contents, list)
        and all("type" in fields.as_dict(one) for one in contents[:20])
    )


def _role_of(message: dict[str, Any]) -> str:
    role = message.get("role")
    return fields.label(role, "value") if isinstance(role, dict) else fields.label(message, "role")


def _lists_in(value: Any) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield the lists of messages in a session or a response: provider's name, pointer, list."""
    row = fields.as_dict(value)
    states = fields.as_dict(row.get("state"))
    holders = [(name, f"/state{pointer_of((name,))}", states[name]) for name in states]
    holders += [("", f"/{_STORE}", row.get(_STORE)), ("", "", row)]
    for name, place, holder in holders:
        messages = fields.as_dict(holder).get("messages")
        if isinstance(messages, list) and fields.mostly(messages[:50], _is_message):
            yield name, f"{place}/messages", messages


def _read_run(
    value: dict[str, Any], provider: str, pointer: str, messages: Any, build: RunBuilder
) -> None:
    named = {"history": provider, "session": fields.label(value, "service_session_id")}
    build.start(
        run_id=fields.label(value, "session_id", "response_id"),
        task=_DIALECT.title_of(messages if isinstance(messages, list) else [messages]),
        model=fields.model_of(value),
        details=fields.without_empty(named),
        pointer=pointer,
        ts=timestamp(value.get("created_at")),
    )
    _DIALECT.append_all(build, messages, pointer)
    used, reason = value.get("usage_details"), fields.label(value, "finish_reason")
    if used or reason:
        build.end(stop_reason=reason, usage=_usage(used))


def _append(build: RunBuilder, message: ChatMessage) -> None:
    parts = message.normalise(message.raw)
    parts = settle_declined(build, parts, _refusal_of, message.pointer, None)
    append_normalised(build, message, parts)


def _refusal_of(result: ToolResult) -> str:
    return DECLINED if result.content == _REJECTED else ""


def _messages(message: dict[str, Any], pointer: str, line: int) -> Iterator[ChatMessage]:
    contents = [fields.as_dict(one) for one in message["contents"]]
    called = {fields.label(one, "call_id") for one in contents if one.get("type") == _CALL_TYPE}
    requests = [one for one in contents if one.get("type") == _REQUEST]
    sources = [
        source
        for source, content in zip(
            values_under(message["contents"], f"{pointer}/contents", line), contents, strict=True
        )
        if content.get("type") != "usage" and not _is_repeated(content, called)
    ]
    around = {
        "role": _role_of(message),
        "name": fields.label(message, "author_name"),
        "usage": _counts(total_usage(_usage(one.get("usage_details")) for one in contents)),
    }
    for found in split_message(sources, _read, fields.without_falsy(around), pointer, line):
        asks = requests and "tool_calls" in found.raw
        yield replace(found, flags=("approval requested",)) if asks else found


def _is_repeated(content: dict[str, Any], called: set[str]) -> bool:
    """Return whether a content asks for the approval of a call that its message has anyway."""
    asked = fields.as_dict(content.get("function_call"))
    return content.get("type") == _REQUEST and fields.label(asked, "call_id") in called


def _usage(used: Any) -> Usage | None:
    return counted_usage(
        fields.as_dict(used),
        prompt=("input_token_count",),
        completion="output_token_count",
        cached="cache_read_input_token_count",
        reasoning="reasoning_output_token_count",
    )


def _counts(used: Usage | None) -> dict[str, Any]:
    """Return a usage as chat messages have it."""
    if used is None:
        return {}
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "cached_tokens": used.cached_tokens,
        "reasoning_tokens": used.reasoning_tokens,
    }


def _read(value: Any) -> Content:
    content = fields.as_dict(value)
    kind = fields.label(content, "type")
    asked = fields.as_dict(content.get("function_call"))
    match kind:
        case _ if kind == _CALL_TYPE:
            return Content(Kind.CALL, _call(content))
        case "function_result":
            return Content(Kind.RESULT, _result(content, content.get("result")))
        case _ if kind == _REQUEST:
            return Content(Kind.CALL, _call(asked))
        case "function_approval_response":
            word = "approved" if content.get("approved") is True else "declined"
            return Content(Kind.PART, _text(f"{word}: {fields.label(asked, 'name')}"))
        case _ if kind.endswith(_CALL):
            return Content(Kind.CALL, _hosted_call(content, kind))
        case _ if kind.endswith(_RESULT):
            return Content(Kind.RESULT, _hosted_result(content))
    return Content(Kind.PART, _part(value))


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _call(content: dict[str, Any]) -> dict[str, Any]:
    given = content.get("arguments")
    arguments = "" if given is None else fields.json_text(given)
    return function_call(content.get("call_id"), content.get("name"), arguments)


def _result(content: dict[str, Any], result: Any) -> dict[str, Any]:
    """Return a result as a tool message. `exception` is the error's class, before 1.0 its text."""
    items, failure = content.get("items"), fields.label(content, "exception")
    if result is None and isinstance(items, list):
        result = [_part(one) for one in items]
    elif not isinstance(result, (str, list)):
        result = fields.json_text(result) if result is not None else failure
    raw = {"role": "tool", "tool_call_id": content.get("call_id"), "content": result}
    return {**raw, "is_error": True} if failure else raw


def _hosted_call(content: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return a call of a tool that the provider runs; some have their arguments as members."""
    given = content.get("arguments")
    if given is None:
        given = {key: one for key, one in content.items() if key not in _NO_ARGUMENTS}
    name = fields.label(content, "tool_name") or kind.removesuffix(_CALL)
    call_id = fields.label(content, "call_id", "image_id")
    return function_call(call_id or None, name, fields.json_text(given))


def _hosted_result(content: dict[str, Any]) -> dict[str, Any]:
    found = next(
        (content[key] for key in ("result", "output", "outputs") if content.get(key) is not None),
        None,
    )
    if isinstance(found, list):
        found = [_part(one) for one in found]
    call_id = fields.label(content, "call_id", "image_id")
    name = fields.label(content, "tool_name")
    return {**_result(content, found), "tool_call_id": call_id or None, "name": name or None}


def _part(value: Any) -> Any:
    """Return a content as chat messages write it; any other keeps its members."""
    content = fields.as_dict(value)
    match fields.label(content, "type"):
        case "text_reasoning":
            if text := fields.label(content, "text"):
                return {"type": "thinking", "thinking": text}
            return {"type": "thinking", "encrypted": content.get("protected_data")}
        case "error":
            return _text(f"error: {fields.labels(content, 'error_code', 'message')}")
        case "data" | "uri":
            media_type = fields.label(content, "media_type")
            shown = "image" if media_type.startswith("image/") else "file"
            return {"type": shown, "source": {"url": content.get("uri"), "media_type": media_type}}
        case "shell_command_output":
            printed = {key: content.get(key) for key in ("stdout", "stderr", "exit_code")}
            return _text(fields.json_text(fields.without_falsy(printed)))
    return value


_DIALECT = Dialect(_is_message, _messages, _append)
FORMAT = AgentFramework()
