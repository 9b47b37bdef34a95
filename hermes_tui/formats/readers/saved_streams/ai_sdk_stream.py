"""The stream of the AI SDK to `useChat`, joined to the UI message that it describes.

    stream = {"type": "start", "messageId"?} chunk* {"type": "finish", "messageMetadata"?}
    chunk  = {"type": "start-step" | "finish-step"} | {"type": "error", "errorText"}
           | {"type": "text-start" | "reasoning-start", "id"}
           | {"type": "text-delta" | "reasoning-delta", "id", "delta" | "text"}
           | {"type": "tool-input-start", "toolCallId", "toolName"}
           | {"type": "tool-input-delta", "toolCallId", "inputTextDelta"}
           | {"type": "tool-input-available" | "tool-input-error", …, "input", "errorText"?}
           | {"type": "tool-output-available" | "tool-output-error" | "tool-output-denied", …}
           | {"type": "file" | "source-url" | "data-NAME" | …, …}

A stream may continue a message whose calls it does not repeat. A chunk whose text is elsewhere is
kept as a part of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.streams.growing_texts import GrowingTexts

_OWN_TYPES: Final = frozenset(
    {"start-step", "finish-step", "text-delta", "reasoning-delta", "tool-input-start"}
    | {"tool-input-available", "tool-input-error", "tool-output-available"}
    | {"tool-output-error", "tool-output-denied"}
)
_LAST_TYPES: Final = frozenset({"finish", "abort", "error"})
_SILENT_TYPES: Final = frozenset({"finish-step", "text-end", "reasoning-end"})
_TOOL_STATES: Final = {
    "tool-input-start": "input-streaming",
    "tool-input-available": "input-available",
    "tool-input-error": "output-error",
    "tool-output-available": "output-available",
    "tool-output-error": "output-error",
    "tool-output-denied": "output-denied",
    "tool-approval-request": "approval-requested",
}
_KEPT_MEMBERS: Final = ("toolCallId", "toolName", "input", "output", "errorText")


class UIStream(NamedTuple):
    """The UI message of a stream; the error it reports, and whether it came to its end."""

    message: dict[str, Any]
    error: str
    has_ended: bool


def is_ui_stream(events: Iterable[Any]) -> bool:
    """Return whether these are events of a stream to `useChat`."""
    return any(
        isinstance(event, dict)
        and (fields.label(event, "type") in _OWN_TYPES or "errorText" in event)
        for event in events
    )


def ui_stream_of(events: Sequence[Any]) -> UIStream:
    """Return the message that the events of a stream add up to."""
    joiner = _Joiner()
    error, has_ended = "", False
    for event in events:
        chunk = fields.as_dict(event)
        kind = fields.label(chunk, "type")
        has_ended = has_ended or kind in _LAST_TYPES
        if kind == "error":
            error = error or fields.label(chunk, "errorText") or fields.excerpt(chunk)
        elif kind and kind not in _SILENT_TYPES:
            joiner.add(kind, chunk)
    return UIStream(joiner.message(), error, has_ended)


class _Joiner:
    """Collects the parts of a message from the chunks of its stream."""

    def __init__(self) -> None:
        self._id = ""
        self._metadata: dict[str, Any] = {}
        self._parts: list[GrowingTexts] = []
        self._texts: dict[tuple[str, str], GrowingTexts] = {}
        self._tools: dict[str, GrowingTexts] = {}

    def add(self, kind: str, chunk: dict[str, Any]) -> None:
        self._metadata |= fields.as_dict(chunk.get("messageMetadata"))
        head, _, end = kind.rpartition("-")
        if kind in ("start", "finish", "abort", "message-metadata"):
            self._id = self._id or fields.label(chunk, "messageId")
        elif kind == "start-step":
            self._part({"type": "step-start"})
        elif head in ("text", "reasoning"):
            self._text(head, end, chunk)
        elif kind in _TOOL_STATES or kind == "tool-input-delta":
            self._tool(kind, chunk)
        else:
            self._part(chunk)

    def _part(self, members: dict[str, Any]) -> GrowingTexts:
        part = GrowingTexts(members)
        self._parts.append(part)
        return part

    def _text(self, head: str, end: str, chunk: dict[str, Any]) -> None:
        text = chunk.get("delta", chunk.get("text"))
        if end == "delta" and not isinstance(text, str):
            self._part({**chunk, "type": f"data-{head}-{end}"})
            return
        key = head, fields.label(chunk, "id")
        if end == "start" or key not in self._texts:
            self._texts[key] = self._part({"type": head, "text": ""})
        if isinstance(text, str):
            self._texts[key].add("text", text)

    def _tool(self, kind: str, chunk: dict[str, Any]) -> None:
        call_id = fields.label(chunk, "toolCallId")
        if call_id not in self._tools:
            if "toolName" not in chunk:
                self._part({**chunk, "type": f"data-{kind}"})
                return
            self._tools[call_id] = self._part({"type": "dynamic-tool", "toolCallId": call_id})
        part = self._tools[call_id]
        if isinstance(chunk.get("inputTextDelta"), str):
            part.add("rawInput", chunk["inputTextDelta"])
        for key in _KEPT_MEMBERS:
            if key in chunk:
                part[key] = chunk[key]
        if kind in _TOOL_STATES:
            part["state"] = _TOOL_STATES[kind]

    def message(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "role": "assistant",
            "metadata": self._metadata,
            "parts": [_without_pieces(part.whole()) for part in self._parts],
        }


def _without_pieces(part: dict[str, Any]) -> dict[str, Any]:
    """Return a call with its decoded input, or else with the text received so far."""
    text = part.pop("rawInput", None)
    if text is not None and "input" not in part:
        part["input"] = decode_if_json(text)
    return part
