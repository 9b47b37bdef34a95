"""`semantic-kernel`: chat histories of Semantic Kernel for Python.

    file    = history | [history, …] | history per line | message* | [message, …]
    history = {"messages": [message, …], "system_message"?}     as `serialize` writes it
    message = {"content_type": "message", "role", "items": [item, …], "name"?, "ai_model_id"?,
               "finish_reason"?, "metadata": {"usage"?, "created"?, …}}
    item    = {"content_type": "text" | "reasoning", "text"}
            | {"content_type": "function_call", "id", "name", "function_name", "plugin_name"?,
               "arguments": text | object | null}
            | {"content_type": "function_result", "id", "result", "function_name", "plugin_name"?}
            | {"content_type": "image" | "audio" | "binary", "uri"? | "data_uri"?, …} | …

The instructions of an agent are not in its history.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, values_under
from hermes_tui.formats.message_contents import Content, Dialect, Kind, models_of, split_message
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call

_REFUSAL = re.compile(
    "An error occurred while invoking the function |The tool call arguments are malformed"
    "|The tool call with name `[^`]*` is not part of the provided"
    "|There are `[0-9]+` tool call arguments required"
)
"""How the results begin that Semantic Kernel writes itself if no function returned one."""
_MEDIA = frozenset({"image", "audio", "binary"})


class SemanticKernel:
    """Reads the history of a chat as a run."""

    name = "semantic-kernel"
    summary = "Semantic Kernel: chat histories, as `serialize` writes them"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_rows(0.95, _is_message)
        return found or sample.match_of_runs(0.95, _is_history)

    def read(self, value: Any, build: RunBuilder) -> None:
        pointer, messages = "", value
        if isinstance(value, dict) and not _is_message(value):
            pointer, messages = "/messages", value.get("messages")
        if not isinstance(messages, (list, dict)):
            build.defect("no chat history in this record", value)
            return
        listed = messages if isinstance(messages, list) else [messages]
        model, details = models_of(filter(_is_message, listed), "ai_model_id")
        build.start(task=_DIALECT.title_of(listed), model=model, details=details, pointer=pointer)
        _DIALECT.append_all(build, messages, pointer)


def _is_message(value: Any) -> bool:
    known = fields.as_dict(value)
    return (
        known.get("content_type") == "message"
        and isinstance(known.get("role"), str)
        and isinstance(known.get("items"), list)
    )


def _is_history(value: Any) -> bool:
    messages = fields.as_dict(value).get("messages")
    return isinstance(messages, list) and fields.mostly(messages[:50], _is_message)


def _messages(message: dict[str, Any], pointer: str, line: int) -> Iterator[ChatMessage]:
    metadata = fields.as_dict(message.get("metadata"))
    around = {
        "role": message["role"],
        "name": fields.label(message, "name"),
        "finish_reason": fields.label(message, "finish_reason"),
        "usage": fields.as_dict(metadata.get("usage")),
        "timestamp": metadata.get("created"),
    }
    sources = values_under(message["items"], f"{pointer}/items", line)
    return split_message(sources, _read, fields.without_falsy(around), pointer, line)


def _read(value: Any) -> Content:
    item = fields.as_dict(value)
    match item.get("content_type"):
        case "function_call":
            given = item.get("arguments")
            arguments = "" if given is None else fields.json_text(given)
            return Content(Kind.CALL, function_call(_id_of(item), _name_of(item), arguments))
        case "function_result":
            result = item.get("result")
            raw = {
                "role": "tool",
                "tool_call_id": _id_of(item),
                "name": _name_of(item),
                "content": "" if result is None else fields.json_text(result),
            }
            is_error = isinstance(result, str) and _REFUSAL.match(result)
            return Content(Kind.RESULT, {**raw, "is_error": True} if is_error else raw)
        case _:
            return Content(Kind.PART, _part(value))


def _id_of(item: dict[str, Any]) -> Any:
    return item.get("id") or item.get("call_id")


def _name_of(item: dict[str, Any]) -> str:
    """Return the name of a function as the model sees it, with that of its plugin."""
    if name := fields.label(item, "name"):
        return name
    names = (fields.label(item, key) for key in ("plugin_name", "function_name"))
    return "-".join(filter(None, names))


def _part(value: Any) -> Any:
    """Return an item as chat messages write it; any other keeps its members."""
    item = fields.as_dict(value)
    kind = fields.label(item, "content_type")
    if kind == "text":
        return {"type": "text", "text": item.get("text")}
    if kind == "reasoning":
        return {"type": "thinking", "thinking": item.get("text")}
    if kind in _MEDIA:
        url = fields.label(item, "uri", "data_uri")
        shown = "file" if kind == "binary" else kind
        return {"type": shown, "source": {"url": url, "media_type": item.get("mime_type")}}
    return {"type": kind, **item} if kind else value


_DIALECT = Dialect(_is_message, _messages)
FORMAT = SemanticKernel()
