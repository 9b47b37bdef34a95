"""The messages of a conversation in the form sent to the model, each as JSON text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hermes_tui.model.chat_api import function_call
from hermes_tui.model.messages import Reasoning, ToolCall
from hermes_tui.parsers.plain_values import json_text


def assistant_text(
    content: str, calls: Iterable[tuple[str, str, str]], reasoning: Sequence[Reasoning]
) -> str:
    """Return the message of a reply, JSON text; `calls` are (id, name, arguments text).

    Reasoning that came in a field of its own is kept.
    """
    message: dict[str, object] = {"role": "assistant", "content": content}
    listed = [function_call(*call) for call in calls]
    if listed:
        message["tool_calls"] = listed
    for piece in reasoning:
        if piece.kind == "text" and piece.span is None:
            message["reasoning_content"] = piece.text
            break
    return json_text(message)


def reply_text(content: str, calls: Iterable[ToolCall], reasoning: Sequence[Reasoning]) -> str:
    """Return the message of a reply with `calls` as received, JSON text."""
    entries = [(call.id or "", call.name or "", call.arguments_text or "{}") for call in calls]
    return assistant_text(content, entries, reasoning)


def tool_text(call_id: str, content: str) -> str:
    return json_text({"role": "tool", "tool_call_id": call_id, "content": content})


def body_of(messages: Sequence[str], parameters: str) -> str:
    """Return a request body with the messages first, so that turns share a prefix of bytes."""
    rest = parameters[1:]
    comma = "," if rest.strip() != "}" else ""
    return f'{{"messages":[{",".join(messages)}]{comma}{rest}'
