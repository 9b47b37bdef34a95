"""The messages of a gptme conversation, from its lines or from the events of its log.

event   = {"seq", "ts", "type": "message_append", "payload": {"message"}}
        | {"type": "message_edit" | "checkpoint", "payload": {"messages"}}     all of them
        | {"type": "undo", "payload": {"n"}}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import SourceValue
from hermes_tui.parsers.measures import timestamp, whole

_EVENT_KINDS: Final = frozenset({"message_append", "message_edit", "checkpoint", "undo"})
_FAILED_REQUEST: Final = "LLM request failed:"


@dataclass(frozen=True, slots=True)
class Line:
    """A message, its place, and its flags."""

    raw: dict[str, Any]
    source: SourceValue
    flags: tuple[str, ...] = ()

    @property
    def role(self) -> str:
        return fields.label(self.raw, "role")

    @property
    def text(self) -> str:
        return fields.text_of(self.raw.get("content"))

    @property
    def metadata(self) -> dict[str, Any]:
        return fields.as_dict(self.raw.get("metadata"))

    @property
    def call_id(self) -> str:
        return fields.label(self.raw, "call_id")

    @property
    def ts(self) -> float | None:
        return timestamp(self.raw.get("timestamp"))

    @property
    def is_failure(self) -> bool:
        is_failed = self.metadata.get("error") is True or self.text.startswith(_FAILED_REQUEST)
        return self.role == "system" and not self.call_id and is_failed

    @property
    def may_answer_block(self) -> bool:
        """Return whether it may be the result of a call without an id."""
        is_shown = not (self.raw.get("hide") or self.raw.get("ui_only"))
        return self.role == "system" and not self.call_id and is_shown and not self.is_failure


def has_message(row: Any) -> bool:
    """Return whether a row is a message of any role."""
    return isinstance(row, dict) and bool(fields.label(row, "role"))


def is_event(row: Any) -> bool:
    """Return whether a row is an event of the log."""
    return (
        isinstance(row, dict)
        and fields.label(row, "type") in _EVENT_KINDS
        and isinstance(row.get("payload"), dict)
        and "seq" in row
    )


def lines_of(sources: Iterable[SourceValue]) -> list[Line]:
    """Return the messages in their order, flagging those that were undone or edited away."""
    lines: list[Line] = []
    current: list[int] = []
    for source in sources:
        if not is_event(source.value):
            if has_message(source.value):
                current.append(len(lines))
                lines.append(Line(source.value, source))
            continue
        kind, payload = source.value["type"], source.value["payload"]
        if kind == "undo":
            count = max(0, min(whole(payload.get("n", 1)) or 0, len(current)))
            removed = current[len(current) - count :]
            del current[len(current) - count :]
        else:
            removed = _take(kind, payload, source, lines, current)
        for at in removed:
            lines[at] = replace(lines[at], flags=("rewound",))
    return lines


def _take(
    kind: str,
    payload: dict[str, Any],
    source: SourceValue,
    lines: list[Line],
    current: list[int],
) -> list[int]:
    """Add the messages of an event that are new; return the numbers of those that it removes."""
    if kind == "message_append":
        message = payload.get("message")
        if isinstance(message, dict) and has_message(message):
            current.append(len(lines))
            lines.append(Line(message, _inside(source, "message")))
        return []
    known: dict[str, list[int]] = {}
    for at in reversed(current):
        known.setdefault(fields.json_text(lines[at].raw), []).append(at)
    before, kept = list(current), list[int]()
    for place, message in enumerate(fields.as_list(payload.get("messages"))):
        if not has_message(message):
            continue
        if same := known.get(fields.json_text(message)):
            kept.append(same.pop())
        else:
            kept.append(len(lines))
            lines.append(Line(message, _inside(source, f"messages/{place}")))
    current[:] = kept
    return sorted(set(before).difference(kept))


def _inside(source: SourceValue, member: str) -> SourceValue:
    return SourceValue(source.value, f"{source.pointer}/payload/{member}", source.line)
