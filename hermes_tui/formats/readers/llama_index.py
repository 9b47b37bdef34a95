"""`llama-index`: chat messages of LlamaIndex, and the chat stores that keep them.

    file    = message* | [message, …]               one run
            | {"store": {key: [message, …]}, …}     a run a key, as `SimpleChatStore` persists it
    message = {"role", "blocks": [block, …], "additional_kwargs": {"tool_call_id"?, "tool_calls"?}}
    block   = {"block_type": "text", "text"} | {"block_type": "thinking", "content"}
            | {"block_type": "tool_call", "tool_call_id", "tool_name", "tool_kwargs"}
            | {"block_type": "image" | …, …}

`additional_kwargs` repeats the calls of the blocks; in older versions only it holds them.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message, raw_messages
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call

_STORE = "store"


class LlamaIndex:
    """Reads messages whose content consists of blocks."""

    name = "llama-index"
    summary = "LlamaIndex chat messages, and chat stores as they are persisted"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if fields.mostly(values, _is_message):
            return Match(0.95, Unit.PARTS, layout)
        return Match(0.95, Unit.RUNS, layout) if fields.mostly(values, _is_store) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            messages = [_message(one, place) for place, _, one in build.placed(value)]
            if build.is_opening:
                build.start(task=fields.title_of(raw_messages(messages)))
            _append(messages, build)
            return
        store = fields.as_dict(fields.as_dict(value).get(_STORE))
        for key, listed in store.items():
            place = f"/{_STORE}{pointer_of((key,))}"
            messages = [
                _message(one, f"{place}/{i}") for i, one in enumerate(fields.as_list(listed))
            ]
            build.start(run_id=key, task=fields.title_of(raw_messages(messages)), pointer=place)
            _append(messages, build)
        if not store:
            build.defect("no chat in this record", value)


def _is_message(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("role"), str):
        return False
    blocks = value.get("blocks")
    return isinstance(blocks, list) and all(
        isinstance(block, dict) and "block_type" in block for block in blocks
    )


def _is_store(value: Any) -> bool:
    store = fields.as_dict(fields.as_dict(value).get(_STORE))
    chats = [one for one in store.values() if isinstance(one, list)]
    messages = [message for chat in chats[:5] for message in chat[:20]]
    return len(chats) == len(store) and fields.mostly(messages, _is_message)


def _append(messages: list[ChatMessage], build: RunBuilder) -> None:
    for message in messages:
        append_message(build, message)


def _message(value: Any, pointer: str) -> ChatMessage:
    if not isinstance(value, dict):
        return ChatMessage({"role": "unknown", "content": value}, pointer)
    extra = fields.as_dict(value.get("additional_kwargs"))
    content: list[Any] = []
    calls: list[Any] = []
    sources: list[SourceValue] = []
    for index, block in enumerate(fields.as_list(value.get("blocks"))):
        if fields.label(fields.as_dict(block), "block_type") == "tool_call":
            calls.append(_call(block))
            sources.append(SourceValue(block, f"{pointer}/blocks/{index}"))
        else:
            content.append(_part(block))
    raw = {
        "role": value.get("role"),
        "content": content or None,
        "tool_calls": calls or extra.get("tool_calls") or None,
        "tool_call_id": extra.get("tool_call_id"),
        "name": extra.get("name"),
    }
    known = {key: item for key, item in raw.items() if item is not None}
    if value.get("role") == "tool":
        sources = [SourceValue(value, pointer)]
    return ChatMessage({"content": None, **known}, pointer, tuple(sources))


def _call(block: dict[str, Any]) -> dict[str, Any]:
    text = fields.json_text(block.get("tool_kwargs"))
    return function_call(block.get("tool_call_id"), block.get("tool_name"), text)


def _part(block: Any) -> Any:
    """Return a block as chat messages write it; any but text and thinking keeps its members."""
    if not isinstance(block, dict):
        return block
    match block.get("block_type"):
        case "text":
            return {"type": "text", "text": block.get("text")}
        case "thinking":
            return {"type": "thinking", "thinking": block.get("content")}
        case _:
            return {"type": block.get("block_type"), **block}


FORMAT = LlamaIndex()
