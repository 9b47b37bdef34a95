"""Find what looks like a conversation in any JSON value, and convert it to chat messages.

A message has a label (`role`, `from`, `type`, `kind` or `source`) and a body (`content`, `value`,
`parts`, `text` or `message`). The longest list of such objects wins; messages with `role` or `from`
take precedence over objects with only a type, since the parts of one message have types too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.json_text.json_values import decode_if_json

MAX_VISITS = 200_000
"""Values visited before a search gives up; what was found so far counts."""
MAX_DEPTH = 40
MAX_JSON_STRING = 4 << 20
"""Characters: JSON inside longer strings is not searched."""

_SPEAKER_KEYS = ("role", "from")
_LABEL_KEYS = ("role", "from", "type", "kind", "source")
_BODY_KEYS = ("content", "value", "parts", "text", "message")
_ENVELOPE_KEYS = ("message", "payload", "data", "item", "event", "node_data")
_OTHER_CONTENT_KEYS = ("tool_calls", "toolCalls", "function_call", "reasoning_content", "reasoning")

_WORD = re.compile(r"[a-z]+")
_FIELD_WORDS = frozenset({
    "messages", "message", "prompt", "completion", "response", "request", "reply", "answer",
    "input", "output", "inputs", "outputs", "history", "conversation", "conversations", "context",
    "chosen", "rejected", "system", "user", "assistant", "tool", "tools", "raw", "events",
    "content",
})  # fmt: skip
"""Words in the keys of different lists of messages of one run."""
_INDEX = "*"
"""Stands for any index of a list in the shape of a path."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A list of messages and the path to it."""

    path: Path
    items: list[Any]
    rank: int
    name: str = ""
    """The keys that lead to this list and not to the others that were chosen with it."""

    @property
    def pointer(self) -> str:
        return pointer_of(self.path)


def message_in(item: Any, envelopes: int = 2) -> tuple[str, dict[str, Any]] | None:
    """Return the pointer to the message in `item` and the message; None if there is none.

    Envelopes around a message are opened: `{"message": {…}}`, `{"payload": {…}}`.
    """
    if not isinstance(item, dict):
        return None
    if "role" not in item and envelopes:
        for key in _ENVELOPE_KEYS:
            found = message_in(item.get(key), envelopes - 1)
            if found is not None:
                return f"/{key}{found[0]}", found[1]
    message = _as_chat_message(item)
    return None if message is None else ("", message)


def _as_chat_message(item: dict[str, Any]) -> dict[str, Any] | None:
    label = next((item[key] for key in _LABEL_KEYS if _is_label(item.get(key))), None)
    if label is None:
        return None
    body_key = next((key for key in _BODY_KEYS if _is_body(item.get(key))), None)
    if body_key is None and not any(item.get(key) for key in _OTHER_CONTENT_KEYS):
        return None
    message = {key: value for key, value in item.items() if key not in _BODY_KEYS}
    if not any(key in item for key in _SPEAKER_KEYS):
        message.pop("type", None)
    message["role"] = label
    message["content"] = item[body_key] if body_key else None
    return message


def _is_label(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 60 and "\n" not in value


def _is_body(value: Any) -> bool:
    return isinstance(value, (str, list)) or (isinstance(value, dict) and bool(value))


def rank_of(items: Any) -> int:
    """Return how surely a list is a conversation: 2 by its roles, 1 by its types, 0 not at all.

    A single message ranks no higher than 1: logs hold many such lists next to the real one.
    """
    if not isinstance(items, list) or not items:
        return 0
    head = items[:50]
    found = [message for item in head if (message := message_in(item)) is not None]
    if 3 * len(found) < len(head):
        return 0
    speakers = sum(map(_has_speaker, head))
    return 2 if 2 * speakers >= len(head) > 1 else 1


def _has_speaker(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    found = message_in(item)
    places = (item, found[1] if found and found[0] else {})
    return any(_is_label(place.get(key)) for place in places for key in _SPEAKER_KEYS)


def find_conversations(value: Any) -> tuple[list[Found], list[Found]]:
    """Return the best list of messages in `value` with its siblings, and the other lists found.

    The paths of siblings differ only in list indices (`/runs/0/messages`, `/runs/1/messages`) or in
    keys that name no field of a run (`/task-1/messages`, `/task-2/messages`). Both lists are empty
    if nothing looks like a message.
    """
    found = list(_walk(value))
    if not found:
        return [], []
    best = max(found, key=lambda one: (one.rank, len(one.items), -len(one.path)))
    chosen: list[Found] = []
    others: list[Found] = []
    for one in found:
        (chosen if _are_siblings(one, best) else others).append(one)
    return _named(chosen), others


def _are_siblings(one: Found, best: Found) -> bool:
    ours, theirs = _shape(one.path), _shape(best.path)
    if len(ours) != len(theirs):
        return False
    differing = [key for pair in zip(ours, theirs, strict=True) if len({*pair}) > 1 for key in pair]
    if any(key == _INDEX or _names_field(key) for key in differing):
        return False
    return one.rank == best.rank or ours[-1] == theirs[-1]


def _shape(path: Path) -> tuple[str, ...]:
    return tuple(_INDEX if isinstance(step, int) else step for step in path)


def _names_field(key: str) -> bool:
    """Return whether a key names a field of a run rather than a run, its task or its model."""
    has_number = any(map(str.isdigit, key))
    return not has_number and not _FIELD_WORDS.isdisjoint(_WORD.findall(key.lower()))


def _named(chosen: list[Found]) -> list[Found]:
    """Return siblings with the keys by which their paths differ as their names."""
    shapes = [_shape(one.path) for one in chosen]
    differing = [at for at, keys in enumerate(zip(*shapes, strict=True)) if len({*keys}) > 1]
    return [
        replace(one, name=" · ".join(shape[at] for at in differing))
        for one, shape in zip(chosen, shapes, strict=True)
    ]


def _walk(value: Any) -> Iterator[Found]:
    """Yield every list of messages, outermost only, in the order of the document."""
    stack: list[tuple[Path, Any]] = [((), value)]
    visits = 0
    while stack and visits < MAX_VISITS:
        path, item = stack.pop()
        visits += 1
        if isinstance(item, str) and len(item) <= MAX_JSON_STRING:
            item = decode_if_json(item)
        if isinstance(item, list):
            rank = rank_of(item)
            if rank:
                yield Found(path, item, rank)
            if rank == 2:
                continue
            members: list[tuple[str | int, Any]] = []
            if not _is_numbers(item):
                members.extend(enumerate(item))
        elif isinstance(item, dict):
            members = list(item.items())
        else:
            continue
        if len(path) < MAX_DEPTH:
            below = [((*path, key), inner) for key, inner in members if _may_hold(inner)]
            stack.extend(reversed(below))


def _is_numbers(items: list[Any]) -> bool:
    """Return whether a list holds token ids or scores: such lists are long, without messages."""
    return bool(items) and all(isinstance(items[at], (int, float)) for at in (0, -1))


def _may_hold(value: Any) -> bool:
    if isinstance(value, str):
        return value[:1] in ("{", "[", '"')
    return isinstance(value, (dict, list))
