"""The conversations of an ART trajectory, which keeps their histories or their exchanges.

    trajectory = {"messages_and_choices": [said, …], "tools"?, "additional_histories"?: [history]}
               | {"exchanges": {"chat_completions": [exchange, …], …}}          ART 0.5.23
    history    = {"messages_and_choices": [said, …], "tools"?}
    exchange   = {"request": {"messages": [message, …], "tools"?, …}, "response": {"choices", …}, …}
    said       = message of the OpenAI API | {"finish_reason", "index", "message"}

A request that begins with all earlier messages of a conversation continues it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hermes_tui.formats import fields

MESSAGES_KEY = "messages_and_choices"
HISTORIES_KEY = "additional_histories"


class Conversation(NamedTuple):
    """One conversation: its messages, the tools declared, and the model."""

    messages: list[Any]
    tools: Any
    model: str = ""


def conversations_of(trajectory: Mapping[str, Any]) -> list[Conversation]:
    """Return the conversations of a trajectory, the main one first."""
    if isinstance(trajectory.get(MESSAGES_KEY), list):
        histories = fields.as_list(trajectory.get(HISTORIES_KEY))
        return [_conversation_of_history(raw) for raw in (trajectory, *histories)]
    exchanges = fields.as_dict(trajectory.get("exchanges")).get("chat_completions")
    return _conversations_of_exchanges(fields.as_list(exchanges))


def _conversation_of_history(history: Any) -> Conversation:
    raw = fields.as_dict(history)
    messages = raw.get(MESSAGES_KEY)
    # An odd history is passed on as an odd message, which is reported as a defect.
    return Conversation(
        messages if isinstance(messages, list) else [fields.excerpt(history)], raw.get("tools")
    )


def _conversations_of_exchanges(exchanges: list[Any]) -> list[Conversation]:
    conversations: list[Conversation] = []
    for exchange in exchanges:
        raw = fields.as_dict(exchange)
        request, reply = (fields.as_dict(raw.get(key)) for key in ("request", "response"))
        request_messages, choices = (fields.as_list(request.get("messages")), reply.get("choices"))
        messages = [*request_messages, *fields.as_list(choices)[:1]]
        if conversations and _continues(conversations[-1].messages, request_messages):
            earlier = conversations.pop().messages
            # A request repeats a reply without its reasoning and its finish reason.
            messages = [*earlier, *messages[len(earlier) :]]
        conversations.append(Conversation(messages, request.get("tools"), fields.model_of(request)))
    return conversations


def _continues(earlier: list[Any], messages: list[Any]) -> bool:
    if len(messages) < len(earlier):
        return False
    return all(_key(old) == _key(new) for old, new in zip(earlier, messages, strict=False))


def _key(value: Any) -> tuple[str, str, tuple[str, ...]]:
    """Return what identifies a message when it is repeated: role, text and call ids."""
    raw = fields.as_dict(value)
    message = raw["message"] if isinstance(raw.get("message"), dict) else raw
    calls = map(fields.as_dict, fields.as_list(message.get("tool_calls")))
    text = fields.text_of(message.get("content"))
    role = fields.label(message, "role") or "assistant"
    return role, text, tuple(fields.label(call, "id") for call in calls)
