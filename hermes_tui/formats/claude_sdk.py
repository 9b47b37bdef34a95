"""Convert messages of Python's Claude Agent SDK, dumped by `dataclasses.asdict`, to stream lines.

    system    = {"subtype", "data": line}
    assistant = {"content": [block, …], "model", "parent_tool_use_id", "message_id", "usage", …}
    user      = {"content": [block, …] | text, "parent_tool_use_id", "tool_use_result", …}
    result    = {"subtype", "is_error", "num_turns", "session_id", …}
    block     = {"text"} | {"thinking", "signature"} | {"id", "name", "input"}
              | {"tool_use_id", "content", …}

The SDK's objects are distinguished by their class, so neither messages nor blocks have a `type`.
People add the name of the class under that key.
"""

from __future__ import annotations

from typing import Any

_SAID = frozenset({"content", "parent_tool_use_id"})
_OF_USER = frozenset({"tool_use_result", "uuid"})
_OF_RESULT = frozenset({"subtype", "is_error", "num_turns", "session_id"})
_OF_EVENT = frozenset({"event", "uuid", "session_id"})
_OF_MESSAGE = ("content", "model", "usage", "stop_reason")
_TYPES = (("text", "text"), ("thinking", "thinking"), ("tool_use_id", "tool_result"))


class SdkLine(dict[str, Any]):
    """A line of a stream made from a message of the SDK, which has no member `message`."""


def as_line(row: dict[str, Any]) -> dict[str, Any]:
    """Return a message of the SDK as the stream line it was made from; other rows unchanged."""
    kind = row.get("type")
    if "message" in row or "role" in row or not (kind is None or _is_class(kind)):
        return row
    data = row.get("data")
    if "subtype" in row and isinstance(data, dict) and data.get("type") == "system":
        return SdkLine(data)
    if row.keys() >= _OF_RESULT:
        return SdkLine({**row, "type": "result"})
    if row.keys() >= _OF_EVENT and isinstance(row["event"], dict):
        return SdkLine({**row, "type": "stream_event"})
    if row.keys() >= _SAID and "model" in row and isinstance(row["content"], list):
        return _said(row, "assistant")
    if row.keys() >= _SAID | _OF_USER and isinstance(row["content"], list | str):
        return _said(row, "user")
    return row


def _is_class(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(("Message", "StreamEvent"))


def _said(row: dict[str, Any], role: str) -> SdkLine:
    content = row["content"]
    message = {key: row[key] for key in _OF_MESSAGE if row.get(key) is not None}
    message["role"] = role
    if isinstance(content, list):
        message["content"] = [_typed(block) for block in content]
    if row.get("message_id"):
        message["id"] = row["message_id"]
    beside = {key: value for key, value in row.items() if key not in _OF_MESSAGE}
    return SdkLine({"session_id": None, **beside, "type": role, "message": message})


def _typed(block: Any) -> Any:
    """Return a block with its type; any other block with a name and an input is a tool call."""
    if not isinstance(block, dict) or (block.get("type") and not _is_block(block["type"])):
        return block
    kind = next((kind for key, kind in _TYPES if key in block), "")
    if not kind and block.keys() >= {"name", "input"}:
        kind = "tool_use"
    return {**block, "type": kind} if kind else block


def _is_block(name: Any) -> bool:
    return isinstance(name, str) and name.endswith("Block")
