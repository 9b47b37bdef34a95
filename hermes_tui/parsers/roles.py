"""The labels that formats give to the author of a message, and the four roles they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_ROLES = {
    "system": ("system", "developer", "systemmessage"),
    "user": ("user", "human", "usermessage", "humanmessage"),
    "assistant": (
        "assistant",
        "gpt",
        "chatgpt",
        "ai",
        "model",
        "agent",
        "bot",
        "gemini",
        "assistantmessage",
        "aimessage",
        "aimessagechunk",
        "function_call",
        "tool_call",
        "tool-call",
    ),
    "tool": (
        "tool",
        "function",
        "observation",
        "ipython",
        "tool_response",
        "tool-response",
        "tool_result",
        "toolresult",
        "function_response",
        "function_call_output",
        "toolmessage",
        "functionmessage",
        "functionexecutionresultmessage",
    ),
}
ROLE_OF_LABEL = {label: role for role, labels in _ROLES.items() for label in labels}

CALL_LABELS = frozenset({"function_call", "tool_call", "tool-call"})
"""Labels of an assistant's message whose text is a call."""

KEPT_LABELS = frozenset(
    {
        "environment",
        "env",
        "session_meta",
        "exit",
        "thought",
        "state_info",
        "handler_log",
        "inference_input",
    }
)
"""Known labels that are kept as roles of their own."""

NOT_A_MODEL = frozenset(
    {
        "system",
        "user",
        "tool",
        "environment",
        "env",
        "session_meta",
        "state_info",
        "handler_log",
        "inference_input",
        "unknown",
    }
)
"""Roles that are not a model's. The text of any other role is read for reasoning and calls."""

_KEYS = ("role", "from", "type", "speaker", "sender", "source")


class Speaker(NamedTuple):
    """The author of a message.

    `author` is the source's own label if it differs from `role`, else the message's name field.
    """

    role: str
    author: str
    label: str
    known: bool


USUAL_SPEAKERS = {
    label: Speaker(role, label if label != role else "", label, True)
    for label, role in ROLE_OF_LABEL.items()
}
"""The speaker for each usual label of a message without further fields about its author."""


def speaker_of(raw: Mapping[str, Any], role: str | None = None) -> Speaker:
    """Return the author of the message `raw`; `role` overrides the role in it."""
    label = _label(raw)
    if role is None and (usual := USUAL_SPEAKERS.get(label)):
        named = not usual.author and usual.role != "tool" and _name(raw)
        return usual._replace(author=named) if named else usual
    chosen = role if role is not None else label
    lowered = chosen.lower() if chosen not in ROLE_OF_LABEL else chosen
    found = ROLE_OF_LABEL.get(lowered)
    known = found is not None or lowered in KEPT_LABELS
    resolved = found or (lowered if known else chosen) or "unknown"
    author = label if label and label != resolved else ""
    if not author and resolved != "tool":
        author = _name(raw)
    return Speaker(resolved, author or ("" if chosen == resolved else chosen), lowered, known)


def _label(raw: Mapping[str, Any]) -> str:
    given = raw.get("role")
    if isinstance(given, str) and given:
        return given
    author = raw.get("author")
    if isinstance(author, Mapping) and isinstance(author.get("role"), str):
        return str(author["role"])
    kept = other = ""
    for key in _KEYS:
        label = raw.get(key)
        if not isinstance(label, str) or not label:
            continue
        lowered = label.lower()
        if lowered in ROLE_OF_LABEL:
            return label
        if lowered in KEPT_LABELS:
            kept = kept or label
        other = other or label
    return kept or other


def _name(raw: Mapping[str, Any]) -> str:
    name = raw.get("name")
    if name is None and isinstance(author := raw.get("author"), Mapping):
        name = author.get("name")
    return name if isinstance(name, str) else ""
