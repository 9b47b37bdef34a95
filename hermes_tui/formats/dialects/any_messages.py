"""The input and the output of a model, in whichever dialect a tracer kept them.

said = text | [message, …] | message | request | reply | JSON text of one of these
message: of OpenAI, Anthropic, the Responses API, LangChain, pydantic-ai, Gemini, AutoGen,
         the AI SDK, the GenAI conventions, OpenInference
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.dialects import (
    gemini_contents,
    gemini_replies,
    langchain_messages,
    pydantic_ai_parts,
    responses_items,
)
from hermes_tui.formats.dialects.message_dialects import (
    MESSAGE_MEMBERS,
    gemini_message,
    is_known,
    is_of_dialect,
    messages_in,
)
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.replies import reply_of
from hermes_tui.model.messages import ToolSpec

_LIST_KEYS = ("messages", "input", "prompt", "prompts", "contents", "chat_history", "inputs")
_SYSTEM_KEYS = ("system", "instructions", "system_prompt")
_MAX_LEVELS = 4


@dataclass(slots=True)
class ModelMessages:
    """Messages in the form of chat messages, and the facts recorded with them.

    `usage` is unchanged from the source. `is_known` False: no dialect was recognised, and the only
    message is the whole value as JSON.
    """

    messages: list[ChatMessage] = field(default_factory=list)
    tools: tuple[ToolSpec, ...] | None = None
    model: str = ""
    usage: Any = None
    finish_reason: str = ""
    failure: str = ""
    is_known: bool = True


def read_input(value: Any, pointer: str = "") -> ModelMessages:
    """Read the input of a model."""
    return _read(value, pointer, "user")


def read_output(value: Any, pointer: str = "") -> ModelMessages:
    """Read the output of a model."""
    return _read(value, pointer, "assistant")


def _read(value: Any, pointer: str, role: str, levels: int = _MAX_LEVELS) -> ModelMessages:
    value = decode_if_json(value)
    if fields.is_empty(value):
        return ModelMessages()
    if isinstance(value, str):
        return ModelMessages([ChatMessage({"role": role, "content": value}, pointer)])
    found = None
    if isinstance(value, list):
        found = _read_list(value, pointer, role)
    elif isinstance(value, dict):
        found = _read_object(value, pointer, role, levels)
    if found is not None and (found.messages or found.failure or found.tools):
        return found
    raw = {"role": role, "content": fields.json_text(value)}
    return ModelMessages([ChatMessage(raw, pointer)], is_known=False)


def _read_list(
    items: list[Any], pointer: str, role: str, levels: int = _MAX_LEVELS
) -> ModelMessages | None:
    items = [decode_if_json(item) for item in items]
    inner = items[0] if len(items) == 1 else None
    if isinstance(inner, list) and levels and not langchain_messages.is_pair(inner):
        # LangChain sends a list of conversations, nearly always of one.
        return _read_list(inner, f"{pointer}/0", role, levels - 1)
    if any(map(responses_items.is_item, items)) and not any(map(_has_blocks, items)):
        return ModelMessages(list(responses_items.messages_of_items(items, pointer)))
    if gemini_replies.is_stream(items):
        return _gemini_reply(items, pointer)
    if fields.mostly(items[:50], _is_call):
        return ModelMessages(
            [ChatMessage({"role": role, "content": None, "tool_calls": items}, pointer)]
        )
    if fields.mostly(items[:50], _is_part):
        return ModelMessages([ChatMessage({"role": role, "content": items}, pointer)])
    found = ModelMessages()
    declared: list[Any] = []
    for index, item in enumerate(items):
        tool = _declaration(item)
        if tool is None:
            found.messages.extend(messages_in(item, f"{pointer}/{index}", role))
        else:
            declared.append(tool)
    found.messages = list(_with_instructions(items, found.messages, pointer))
    found.tools = tool_specs(declared) if declared else None
    found.is_known = any(map(is_known, items)) or all(isinstance(item, str) for item in items)
    return found


def _has_blocks(item: Any) -> bool:
    return isinstance(item, dict) and "parts" in item


def _is_call(item: Any) -> bool:
    """Return whether `item` is a call, which some tracers keep without the reply around it."""
    function = fields.as_dict(item.get("function")) if isinstance(item, dict) else {}
    return "name" in function and "arguments" in function and "role" not in item


def _is_part(item: Any) -> bool:
    """Return whether `item` is a part of a message: with a type, but without a role."""
    if not isinstance(item, dict) or "role" in item or "message" in item:
        return False
    kind = fields.label(item, "type")
    return bool(kind) and not langchain_messages.is_message(item) and "source" not in item


def _declaration(item: Any) -> Any:
    """Return a tool that a tracer lists among the messages: `{"role": "tool", "content": tool}`."""
    content = item.get("content") if isinstance(item, dict) else None
    if not isinstance(content, dict) or item.get("role") != "tool" or "tool_call_id" in item:
        return None
    is_tool = content.get("type") == "function" and isinstance(content.get("function"), dict)
    return content if is_tool else None


def _with_instructions(
    items: list[Any], messages: list[ChatMessage], pointer: str
) -> Iterator[ChatMessage]:
    """Yield the instructions of pydantic-ai, which every request repeats, and the messages."""
    for index, item in enumerate(items):
        if pydantic_ai_parts.is_message(item):
            instructions = pydantic_ai_parts.instructions_of(item, f"{pointer}/{index}")
            if instructions is not None:
                yield instructions
                break
    yield from messages


def _read_object(
    value: dict[str, Any], pointer: str, role: str, levels: int
) -> ModelMessages | None:
    if gemini_contents.is_request(value):
        return _gemini_request(value, pointer)
    if is_of_dialect(value):
        result = ModelMessages(list(messages_in(value, pointer, role)))
        result.model = langchain_messages.model_of([value])
        return result
    if isinstance(value.get("generations"), list):
        return _generations(value, pointer)
    if role == "assistant" and _is_reply(value):
        return _reply(value, pointer)
    if gemini_replies.is_reply(value) or _is_candidate(value):
        return _gemini_reply(value, pointer)
    key = next((key for key in _LIST_KEYS if value.get(key)), "")
    if key and levels and not fields.is_message(value):
        return _request(value, key, pointer, role, levels)
    if not MESSAGE_MEMBERS.isdisjoint(value):
        return ModelMessages(list(messages_in(value, pointer, role)))
    return _read_wrapped(value, pointer, role, levels)


def _request(
    value: dict[str, Any], key: str, pointer: str, role: str, levels: int
) -> ModelMessages | None:
    result = _read(value[key], f"{pointer}/{key}", role, levels - 1)
    if not result.is_known:
        return None
    for name in _SYSTEM_KEYS:
        instructions = value.get(name)
        if (
            isinstance(instructions, (str, list))
            and instructions
            and not _starts_with_system(result.messages)
        ):
            raw = {"role": "system", "content": instructions}
            result.messages.insert(0, ChatMessage(raw, f"{pointer}/{name}"))
    result.tools = result.tools or _tools(value)
    result.model = result.model or fields.model_of(value)
    return result


def _starts_with_system(messages: list[ChatMessage]) -> bool:
    return bool(messages) and messages[0].role in ("system", "developer")


def _tools(value: dict[str, Any]) -> tuple[ToolSpec, ...] | None:
    for holder in (value, fields.as_dict(value.get("config")), fields.as_dict(value.get("kwargs"))):
        for key in ("tools", "functions"):
            if holder.get(key):
                return tool_specs(holder[key]) or gemini_contents.tools_of({"tools": holder[key]})
    return None


def _read_wrapped(
    value: dict[str, Any], pointer: str, role: str, levels: int
) -> ModelMessages | None:
    """Read the value that a tracer of functions keeps: `args` and `kwargs`, or an `output`."""
    for key in ("kwargs", "args", "output", "outputs", "response", "result", "message"):
        inner = decode_if_json(value.get(key))
        if levels and isinstance(inner, (dict, list)) and inner:
            result = _read(inner, f"{pointer}/{key}", role, levels - 1)
            if result.is_known:
                return result
    return None


def _gemini_request(value: dict[str, Any], pointer: str) -> ModelMessages:
    config = fields.as_dict(value.get("config"))
    request = {**{key: config[key] for key in config if "nstruction" in key}, **value}
    messages = [
        gemini_message(item, pointer + ("" if below.split("/")[1] in value else "/config") + below)
        for below, item in gemini_contents.contents_of(request)
    ]
    return ModelMessages(messages, tools=_tools(value), model=fields.model_of(value))


def _is_candidate(value: dict[str, Any]) -> bool:
    """Return whether `value` is a candidate without the reply around it, as in Google's ADK."""
    return gemini_contents.is_content(value.get("content"))


def _gemini_reply(value: Any, pointer: str) -> ModelMessages | None:
    if isinstance(value, dict) and _is_candidate(value):
        value = {**value, "candidates": [value]}
    messages = gemini_replies.messages_of_reply(value)
    if not messages:
        return None
    normalise = gemini_contents.normalised
    return ModelMessages(
        [ChatMessage(raw, pointer, normalise=normalise) for raw in messages],
        model=gemini_replies.model_of(value),
        usage=messages[0].get("usage"),
        finish_reason=fields.label(messages[0], "finish_reason"),
    )


def _generations(value: dict[str, Any], pointer: str) -> ModelMessages:
    """Read an `LLMResult` of LangChain: `{"generations": [[{"message" | "text"}]]}`."""
    llm_output = fields.as_dict(value.get("llm_output"))
    result = ModelMessages(model=fields.model_of(llm_output), usage=llm_output.get("token_usage"))
    for row, entry in enumerate(value["generations"]):
        for column, one in enumerate(entry if isinstance(entry, list) else [entry]):
            place = f"{pointer}/generations/{row}"
            place = f"{place}/{column}" if isinstance(entry, list) else place
            generation = fields.as_dict(one)
            if isinstance(generation.get("message"), dict):
                message = langchain_messages.message_of(generation["message"], f"{place}/message")
            else:
                message = ChatMessage(
                    {"role": "assistant", "content": generation.get("text")}, place
                )
            result.messages.append(message)
    return result


def _is_reply(value: dict[str, Any]) -> bool:
    if value.get("object") == "response" or isinstance(value.get("choices"), list):
        return True
    items = value.get("output")
    if isinstance(items, list) and any(map(responses_items.is_item, items)):
        return True
    return bool(value.get("error")) or value.get("type") == "message"


def _reply(value: dict[str, Any], pointer: str) -> ModelMessages:
    found = reply_of(value, pointer)
    result = ModelMessages(
        [ChatMessage(raw, place) for place, raw in found.messages],
        model=found.model,
        usage=found.usage,
        finish_reason=found.finish_reason,
        failure=found.failure.message if found.failure else "",
    )
    items = value.get("output")
    if isinstance(items, list):
        result.messages = list(responses_items.messages_of_items(items, f"{pointer}/output"))
        result.tools = tool_specs(value["tools"]) if value.get("tools") else None
    return result


def instructions_in(value: Any, pointer: str, *, only_inside: bool = False) -> ChatMessage | None:
    """Return instructions given outside the messages: text, parts, or an object that holds them.

    `only_inside`: only an object may hold them; text and parts are not instructions.
    """
    value = decode_if_json(value)
    if isinstance(value, dict):
        value, pointer = value.get("instructions"), f"{pointer}/instructions"
    elif only_inside:
        return None
    if not isinstance(value, (str, list)) or not value:
        return None
    return ChatMessage({"role": "system", "content": value}, pointer)
