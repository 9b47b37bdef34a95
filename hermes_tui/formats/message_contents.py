"""Messages of frameworks that put texts, calls and results into one list, as chat messages.

A framework's list of contents becomes one message for each result in it, and one for the contents
before, between and after the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message
from hermes_tui.formats.run_builder import RunBuilder


class Kind(Enum):
    """What an element of a message's contents is."""

    PART = "part"
    CALL = "call"
    RESULT = "result"


class Content(NamedTuple):
    """An element of a message's contents.

    `value` is a content part, an entry of `tool_calls`, or a whole tool message.
    """

    kind: Kind
    value: Any


def split_message(
    sources: Iterable[SourceValue],
    read: Callable[[Any], Content],
    around: dict[str, Any],
    pointer: str,
    line: int = 0,
) -> Iterator[ChatMessage]:
    """Yield the message at `pointer` whose contents are `sources`: several if it has results.

    `around` are the members of the message next to its contents; the last message other than a
    result has them all, those before it only the role and the name.
    """
    pieces: list[list[tuple[SourceValue, Content]]] = [[]]
    for source in sources:
        content = read(source.value)
        if content.kind is Kind.RESULT:
            pieces += [[(source, content)], []]
        else:
            pieces[-1].append((source, content))
    kept = [piece for piece in pieces if piece] or [[]]
    last = next((at for at in reversed(range(len(kept))) if not _is_result(kept[at])), -1)
    speaker: dict[str, Any] = {key: around[key] for key in ("role", "name") if key in around}
    for at, piece in enumerate(kept):
        if _is_result(piece):
            source, content = piece[0]
            yield ChatMessage(content.value, source.pointer, (source,), line=line)
        else:
            place = pointer if len(kept) == 1 else piece[0][0].pointer
            yield _message(piece, around if at == last else speaker, place, line)


def _is_result(piece: list[tuple[SourceValue, Content]]) -> bool:
    return bool(piece) and piece[0][1].kind is Kind.RESULT


def _message(
    piece: list[tuple[SourceValue, Content]], around: dict[str, Any], pointer: str, line: int
) -> ChatMessage:
    parts = [content.value for _, content in piece if content.kind is Kind.PART]
    calls = [(source, content.value) for source, content in piece if content.kind is Kind.CALL]
    raw: dict[str, Any] = {**around, "content": parts or None}
    if calls:
        raw["tool_calls"] = [call for _, call in calls]
    return ChatMessage(raw, pointer, tuple(source for source, _ in calls), line=line)


class Dialect(NamedTuple):
    """How the messages of one framework are recognised and read.

    `messages_of` takes a message, its pointer and its line.
    """

    is_message: Callable[[Any], bool]
    messages_of: Callable[[dict[str, Any], str, int], Iterable[ChatMessage]]
    append: Callable[[RunBuilder, ChatMessage], None] = append_message

    def title_of(self, values: Iterable[Any]) -> str:
        """Return the first line of the user's first message, or an empty string."""
        known = (one for one in values if self.is_message(one))
        return fields.title_of(found.raw for one in known for found in self.messages_of(one, "", 0))

    def append_all(self, build: RunBuilder, values: Any, pointer: str = "") -> None:
        """Append the messages of the list at `pointer`, or a single one."""
        for place, line, value in build.placed(values, pointer):
            if self.is_message(value):
                for message in self.messages_of(value, place, line):
                    self.append(build, message)
            else:
                build.defect("not a message", value, pointer=place, line=line)


def models_of(messages: Iterable[dict[str, Any]], key: str) -> tuple[str, dict[str, Any]]:
    """Return the first model that messages have under `key`, and all as details if several."""
    models = dict.fromkeys(filter(None, (fields.label(one, key) for one in messages)))
    return next(iter(models), ""), {"models": ", ".join(models)} if len(models) > 1 else {}
