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

_CONVERSATION_KEYS = frozenset({"content", "parent_tool_use_id"})
_USER_KEYS = frozenset({"tool_use_result", "uuid"})
_RESULT_KEYS = frozenset({"subtype", "is_error", "num_turns", "session_id"})
_EVENT_KEYS = frozenset({"event", "uuid", "session_id"})
_MESSAGE_KEYS = ("content", "model", "usage", "stop_reason")
_BLOCK_TYPES = (("text", "text"), ("thinking", "thinking"), ("tool_use_id", "tool_result"))


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
    if row.keys() >= _RESULT_KEYS:
        return SdkLine({**row, "type": "result"})
    if row.keys() >= _EVENT_KEYS and isinstance(row["event"], dict):
        return SdkLine({**row, "type": "stream_event"})
    if row.keys() >= _CONVERSATION_KEYS and "model" in row and isinstance(row["content"], list):
        return _message_line(row, "assistant")
    if row.keys() >= _CONVERSATION_KEYS | _USER_KEYS and isinstance(row["content"], list | str):
        return _message_line(row, "user")
    return row


def _is_class(name: Any) -> bool:
    return isinstance(name, str) and name.endswith(("Message", "StreamEvent"))


def _message_line(row: dict[str, Any], role: str) -> SdkLine:
    content = row["content"]
    message = {key: row[key] for key in _MESSAGE_KEYS if row.get(key) is not None}
    message["role"] = role
    if isinstance(content, list):
        message["content"] = [_with_type(block) for block in content]
    if row.get("message_id"):
        message["id"] = row["message_id"]
    others = {key: value for key, value in row.items() if key not in _MESSAGE_KEYS}
    return SdkLine({"session_id": None, **others, "type": role, "message": message})


def _with_type(block: Any) -> Any:
    """Return a block with its type; any other block with a name and an input is a tool call."""
    if not isinstance(block, dict) or (block.get("type") and not _is_block(block["type"])):
        return block
    kind = next((kind for key, kind in _BLOCK_TYPES if key in block), "")
    if not kind and block.keys() >= {"name", "input"}:
        kind = "tool_use"
    return {**block, "type": kind} if kind else block


def _is_block(name: Any) -> bool:
    return isinstance(name, str) and name.endswith("Block")
