"""One message in any dialect that tracers record, as chat messages: mostly one, sometimes
several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage
from hermes_tui.formats.dialects import (
    ai_sdk_messages,
    gemini_contents,
    genai_messages,
    langchain_messages,
    pydantic_ai_parts,
)
from hermes_tui.formats.replies import is_autogen, openai_messages
from hermes_tui.formats.texts.python_repr import NotRepr, read_members

MESSAGE_MEMBERS = frozenset({"role", "content", "tool_calls"})
"""Members of which every message has at least one, in any dialect."""

_KEPT_MEMBERS = ("role", "content", "name", "tool_call_id", "tool_calls", "reasoning_content")
"""The members that are kept of a message given as text; the others are specific to its writer."""

_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, str], Iterable[ChatMessage]]], ...] = (
    (ai_sdk_messages.is_ui_message, ai_sdk_messages.ui_messages),
    (pydantic_ai_parts.is_message, pydantic_ai_parts.messages_of),
    (genai_messages.is_genai, genai_messages.genai_messages),
    (
        genai_messages.is_openinference,
        lambda item, pointer: [genai_messages.openinference_message(item, pointer)],
    ),
    (gemini_contents.is_content, lambda item, pointer: [gemini_message(item, pointer)]),
    (
        lambda item: langchain_messages.is_message(item) or langchain_messages.is_pair(item),
        lambda item, pointer: [langchain_messages.message_of(item, pointer)],
    ),
    (
        is_autogen,
        lambda item, pointer: (ChatMessage(r, pointer + at) for at, r in openai_messages(item)),
    ),
)


def is_of_dialect(item: Any) -> bool:
    """Return whether `item` is a message in a form that only one dialect uses."""
    return any(fits(item) for fits, _ in _READERS)


def is_known(item: Any) -> bool:
    """Return whether `item` is a message of a known dialect."""
    return fields.is_message(item) or is_of_dialect(item)


def messages_in(item: Any, pointer: str, role: str) -> Iterator[ChatMessage]:
    """Yield the messages in `item`; `role` is the role of a message that names none."""
    for fits, read in _READERS:
        if fits(item):
            yield from read(item, pointer)
            return
    if isinstance(item, str):
        yield ChatMessage(_message_of_str(item) or {"role": role, "content": item}, pointer)
    elif isinstance(item, dict) and not MESSAGE_MEMBERS.isdisjoint(item):
        for below, raw in openai_messages({"role": role, **item}):
            yield ChatMessage(raw, pointer + below)
    else:
        yield ChatMessage({"role": role, "content": fields.json_text(item)}, pointer)


def _message_of_str(text: str) -> dict[str, Any] | None:
    """Return the message whose `str` a text is, as some tracers record objects, or None."""
    if not text.startswith("role="):
        return None
    try:
        members = read_members(text)
    except NotRepr:
        return None
    return {key: members[key] for key in _KEPT_MEMBERS if members.get(key) is not None}


def gemini_message(item: Any, pointer: str) -> ChatMessage:
    """Return a content of Google's API as a chat message."""
    raw = gemini_contents.message_of(item)
    return ChatMessage(raw, pointer, normalise=gemini_contents.normalised)
