"""Items of OpenAI's Responses API as chat messages: requests, replies, sessions, rollouts.

    item = {"type"?: "message", "role", "content"}
         | {"type": "reasoning", "summary", "content"?, "encrypted_content"?}
         | {"type": "function_call" | "custom_tool_call" | "local_shell_call" …, "call_id", …}
         | {"type": "function_call_output" | "custom_tool_call_output" …, "call_id", "output"}
         | {"type": "mcp_call" | "code_interpreter_call" | "file_search_call", …}  with the answer
         | {"type": "web_search_call" | …}      done by the server: shown, never answered

`id` identifies the item; calls and outputs are paired by `call_id`. The model's items between two
outputs are one reply, so they form one message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue
from hermes_tui.model.chat_api import custom_call, function_call

_FUNCTION_TYPES = frozenset({"function_call", "custom_tool_call"})
_BUILT_IN_TOOLS = {
    "local_shell_call": ("local_shell", "action"),
    "shell_call": ("shell", "action"),
    "apply_patch_call": ("apply_patch", "operation"),
    "computer_call": ("computer", "action"),
    "program": ("program", "code"),
}
"""Tools that the API identifies by the type of their items, and the member with their input."""

_SELF_ANSWERED = {
    "mcp_call": ("", "arguments", "output"),
    "code_interpreter_call": ("code_interpreter", "code", "outputs"),
    "file_search_call": ("file_search", "queries", "results"),
}
"""Calls that the server answers inside their item: name, and the members of input and answer."""

_SHOWN_TYPES = frozenset(
    {
        "reasoning",
        "web_search_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "tool_search_call",
        "item_reference",
        "compaction",
    }
)
_OUTPUT_TYPES = frozenset({"function_call_output", "program_output"}) | frozenset(
    f"{kind}_output" for kind in (*_FUNCTION_TYPES, *_BUILT_IN_TOOLS) if kind.endswith("_call")
)
ITEM_TYPES = (
    _FUNCTION_TYPES | _BUILT_IN_TOOLS.keys() | _SELF_ANSWERED.keys() | _SHOWN_TYPES | _OUTPUT_TYPES
)
"""Types that only items of this API have; `message` is used by others too."""

_CLIENT_TYPES = frozenset({"mcp_approval_response", "item_reference", "compaction"})


def is_item(value: Any) -> bool:
    """Return whether `value` is an item of a type that only this API has."""
    return isinstance(value, dict) and fields.label(value, "type") in ITEM_TYPES


def snake_item(item: Any) -> Any:
    """Return an item of the SDK for JavaScript in the spelling of the API.

    Its keys are in camel case, and its answers are `…_call_result` instead of `…_call_output`. With
    the chat completions API, the reasoning of a reply is next to its text.
    """
    if not isinstance(item, dict):
        return item
    members = {fields.snake_case(key).removeprefix("$"): value for key, value in item.items()}
    kind = fields.label(members, "type")
    if kind.endswith("_call_result"):
        members["type"] = f"{kind.removesuffix('_result')}_output"
    if details := list(_details_beside_text(members)):
        members["reasoning_details"] = details
    return members


def _details_beside_text(members: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in fields.as_list(members.get("content")):
        beside = fields.as_dict(fields.as_dict(part).get("providerData"))
        text = fields.label(beside, "reasoning_content", "reasoning")
        if text:
            yield {"type": "reasoning.text", "text": text}


def is_call(item: dict[str, Any]) -> bool:
    kind = fields.label(item, "type")
    return kind in _FUNCTION_TYPES or kind in _BUILT_IN_TOOLS or kind in _SELF_ANSWERED


def is_output(item: dict[str, Any]) -> bool:
    return fields.label(item, "type") in _OUTPUT_TYPES


def is_of_model(item: dict[str, Any]) -> bool:
    """Return whether an item is part of a reply: not an output, and not another role's message."""
    if is_output(item) or fields.label(item, "type") in _CLIENT_TYPES:
        return False
    return "role" not in item or item["role"] == "assistant"


def messages_of_items(
    items: Iterable[Any], pointer: str = "", *, by_lines: bool = False
) -> Iterator[ChatMessage]:
    """Yield the messages of a list of items at `pointer`.

    `by_lines`: item number n is line n of the record.
    """
    if by_lines:
        return messages_of_values(
            SourceValue(item, pointer, line) for line, item in enumerate(items)
        )
    return messages_of_values(SourceValue(item, f"{pointer}/{at}") for at, item in enumerate(items))


def instructions_of(request: dict[str, Any], pointer: str = "") -> list[ChatMessage]:
    """Return the instructions, a text or items, of a request at `pointer`."""
    text, place = request.get("instructions"), f"{pointer}/instructions"
    if not text:
        return []
    if isinstance(text, list):
        return list(messages_of_items(text, place))
    return [ChatMessage({"role": "system", "content": text}, place)]


def given_messages(given: Any, pointer: str) -> list[ChatMessage]:
    """Return the messages of an `input`, which is a text or items."""
    if isinstance(given, str):
        return [ChatMessage({"role": "user", "content": given}, pointer)]
    return list(messages_of_items(given if isinstance(given, list) else [given], pointer))


def why_incomplete(reply: dict[str, Any]) -> str:
    return fields.label(fields.as_dict(reply.get("incomplete_details")), "reason")


def with_reason(messages: list[ChatMessage], reply: dict[str, Any]) -> list[ChatMessage]:
    """Return the messages of a reply; if it is incomplete, the model's last one says why."""
    reason = why_incomplete(reply)
    if not reason or not messages or messages[-1].role != "assistant":
        return messages
    *before, last = messages
    return [*before, replace(last, raw={"finish_reason": reason, **last.raw})]


def messages_of_values(several: Iterable[SourceValue]) -> Iterator[ChatMessage]:
    """Yield the messages of items. Anything but an object gets the role "unknown"."""
    reply: list[SourceValue] = []
    for source in several:
        item = source.value
        if isinstance(item, dict) and is_of_model(item):
            reply.append(source)
            if fields.label(item, "type") not in _SELF_ANSWERED:
                continue
            yield _joined(reply)
            yield _own_answer(source)
        else:
            if reply:
                yield _joined(reply)
            yield _single_message(source)
        reply = []
    if reply:
        yield _joined(reply)


def _joined(reply: list[SourceValue]) -> ChatMessage:
    """Return the items of one reply as one message; each call keeps the place of its item."""
    first = reply[0]
    calls = tuple(source for source in reply if is_call(source.value))
    raw = message_of_reply([source.value for source in reply])
    return ChatMessage(raw, first.pointer, calls, line=first.line)


def _single_message(source: SourceValue) -> ChatMessage:
    item = source.value
    if isinstance(item, str):
        return ChatMessage({"role": "user", "content": item}, source.pointer, line=source.line)
    if not isinstance(item, dict):
        raw = {"role": "unknown", "content": fields.json_text(item)}
        return ChatMessage(raw, source.pointer, line=source.line)
    flags = ("compaction",) if fields.label(item, "type") == "compaction" else ()
    carried = (source,) if is_output(item) else ()
    return ChatMessage(message_of_item(item), source.pointer, carried, flags, source.line)


def message_of_reply(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the items of one reply as one message: reasoning, texts and calls."""
    content: list[Any] = []
    reasoning: list[Any] = []
    calls: list[Any] = []
    for item in items:
        raw = message_of_item(item)
        inner = raw.get("content")
        content += inner if isinstance(inner, list) else [] if inner is None else [inner]
        for key, several in (("reasoning_details", reasoning), ("tool_calls", calls)):
            found = raw.get(key)
            several += found if isinstance(found, list) else []
    whole: dict[str, Any] = {"role": "assistant", "content": content or None}
    if reasoning:
        whole["reasoning_details"] = reasoning
    return whole | {"tool_calls": calls} if calls else whole


def message_of_item(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as a message."""
    kind = fields.label(item, "type")
    if kind == "reasoning":
        return {"role": "assistant", "content": None, "reasoning_details": _reasoning(item)}
    if is_call(item):
        return {"role": "assistant", "content": None, "tool_calls": [_call(item, kind)]}
    if kind in _OUTPUT_TYPES:
        return answer_of(item)
    if "role" in item:
        return item
    if kind == "message":
        return {"role": "assistant", **item}
    role = "user" if kind in _CLIENT_TYPES else "assistant"
    return {"role": role, "content": [item]}


def answer_of(item: dict[str, Any]) -> dict[str, Any]:
    """Return an output as the message of a tool."""
    output = item.get("output", item.get("result"))
    raw = {"role": "tool", "tool_call_id": item.get("call_id"), "content": output}
    for key in ("status", "error"):
        if item.get(key) is not None:
            raw[key] = item[key]
    outcome = (
        output[0].get("outcome") if isinstance(output, list) and _is_one_outcome(output) else None
    )
    if isinstance(outcome, dict) and outcome.get("exit_code") is not None:
        raw["exit_code"] = outcome["exit_code"]
    return raw


def _is_one_outcome(output: list[Any]) -> bool:
    """Return whether a shell answers for a single command, whose exit code is then that of all."""
    return len(output) == 1 and isinstance(output[0], dict)


def _own_answer(source: SourceValue) -> ChatMessage:
    item = source.value
    name, _, key = _SELF_ANSWERED[fields.label(item, "type")]
    raw = {
        "role": "tool",
        "tool_call_id": item.get("call_id", item.get("id")),
        "name": fields.label(item, "name") or name,
        "content": _answer_text(item.get(key)),
        "error": item.get("error"),
        "status": item.get("status"),
    }
    return ChatMessage(raw, source.pointer, (source,), line=source.line)


def _answer_text(answer: Any) -> str | None:
    """Return the answer of a server's own tool: text, the logs of a program, or JSON."""
    if answer is None or isinstance(answer, str):
        return answer
    parts = answer if isinstance(answer, list) else []
    logs = [part.get("logs") for part in parts if isinstance(part, dict)]
    texts = [log for log in logs if isinstance(log, str)]
    return "\n".join(texts) if texts and len(texts) == len(parts) else fields.json_text(answer)


def _reasoning(item: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for key, kind, text_key in (
        ("summary", "reasoning.summary", "summary"),
        ("content", "reasoning.text", "text"),
    ):
        pieces = item.get(key)
        for piece in pieces if isinstance(pieces, list) else [pieces]:
            text = fields.text_of(piece)
            if text:
                found.append({"type": kind, text_key: text})
    if item.get("encrypted_content"):
        found.append({"type": "reasoning.encrypted", "data": item["encrypted_content"]})
    return found


def _call(item: dict[str, Any], kind: str) -> dict[str, Any]:
    call_id = item.get("call_id", item.get("id"))
    if kind in _BUILT_IN_TOOLS or kind in _SELF_ANSWERED:
        name, key = _BUILT_IN_TOOLS.get(kind) or _SELF_ANSWERED[kind][:2]
        given = item.get(key)
        name = fields.label(item, "name") or name
        if isinstance(given, str) and key == "code":
            return custom_call(call_id, name, given)
        return function_call(call_id, name, fields.json_text(given))
    # `id` is the item's own id; results refer to `call_id`.
    without = ("id",) if "call_id" in item else ()
    return {key: value for key, value in item.items() if key not in without}
