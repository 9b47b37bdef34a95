"""Takes a message's `content` apart into text, media, and the blocks of calls and results.

content := text | null | [part, …] | part | any other JSON value
part    := text | {"type": …, …} with the text under one of TEXT_KEYS
         | {"functionCall" | "functionResponse" | …: …}                       Gemini
         | {"toolUse" | "toolResult" | "reasoningContent": …}                 Bedrock's Converse
         | {"type": "tool-call" | "tool-result" | "tool-error", "toolCallId", …}   AI SDK
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hermes_tui.model.messages import ContentPart
from hermes_tui.parsers.plain_values import json_text

TEXT_KEYS = ("text", "value", "content", "input_text", "output_text")

_TEXT_TYPES = frozenset({"text", "input_text", "output_text", "summary_text", "markdown"})
_REASONING_TYPES = frozenset(
    {"reasoning", "thinking", "redacted_thinking", "thought", "reasoning_text"}
)
_CALL_TYPES = frozenset(
    {"tool_call", "tool_use", "server_tool_use", "function_call", "toolCall", "functionCall"}
    | {"tool-call"}
)
_RESULT_TYPES = frozenset(
    {
        "tool_result",
        "tool_response",
        "tool_call_response",
        "tool_output",
        "function_call_output",
        "web_search_tool_result",
        "toolResult",
        "functionResponse",
        "tool-result",
        "tool-error",
    }
)
_MEDIA_KINDS = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "input_audio": "audio",
    "audio": "audio",
    "audio_url": "audio",
    "file": "file",
    "input_file": "file",
    "document": "file",
    "video": "file",
    "video_url": "file",
    "media": "file",
}
_TYPE_OF_KEY = {
    "functionCall": "functionCall",
    "functionResponse": "functionResponse",
    "toolUse": "tool_use",
    "toolResult": "toolResult",
    "reasoningContent": "reasoning",
    "inlineData": "media",
    "inline_data": "media",
    "image_url": "image_url",
}
"""Types of parts without a type field, by the key that identifies them."""

_MEDIA_KEYS = (
    "image_url",
    "input_audio",
    "audio_url",
    "video_url",
    "audio",
    "file",
    "source",
    "inlineData",
    "inline_data",
)
_DATA_KEYS = ("data", "url", "image_url", "file_data", "file_url", "b64_json", "base64", "path")
_MEDIA_TYPE_KEYS = ("media_type", "mime_type", "mimeType", "mediaType")
_MAX_SHOWN_URL = 300
_MAX_LEVELS = 3


@dataclass(slots=True)
class Content:
    """A message's content, taken apart. The blocks are raw, in order."""

    texts: list[str] = field(default_factory=list)
    parts: list[ContentPart] = field(default_factory=list)
    reasoning: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    whole: str | None = None
    """The content as JSON if it is neither text nor parts."""

    @property
    def text(self) -> str:
        return self.whole if self.whole is not None else "\n".join(self.texts)

    def shown(self) -> str:
        """Return everything to show, including placeholders and JSON."""
        return self.whole if self.whole is not None else "\n".join(p.text for p in self.parts)


def read_content(content: Any) -> Content:
    """Return the parts of any value of a `content` field."""
    found = Content()
    if content is None:
        return found
    if isinstance(content, str):
        _add_text(content, found)
    elif isinstance(content, list):
        _read_list(content, found, _MAX_LEVELS)
    elif isinstance(content, dict) and _kind(content):
        _read_part(content, found, _MAX_LEVELS)
    elif isinstance(content, dict) and isinstance(parts := content.get("parts"), list):
        _read_list(parts, found, _MAX_LEVELS)
    else:
        found.whole = json_text(content)
        found.parts.append(ContentPart("json", found.whole))
    return found


def text_of(value: Any) -> str | None:
    """Return the text of a part, under any of the usual keys; None if there is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        for key in TEXT_KEYS:
            if isinstance(text := value.get(key), str):
                return text
            if isinstance(text, dict) and isinstance(inner := text.get("value"), str):
                return inner
    return None


def _read_list(items: list[Any], found: Content, levels: int) -> None:
    for item in items:
        if isinstance(item, str):
            _add_text(item, found)
        elif isinstance(item, dict):
            _read_part(item, found, levels)
        elif item is not None:
            found.parts.append(ContentPart("json", json_text(item)))


def _kind(part: dict[str, Any]) -> str:
    kind = part.get("type")
    if isinstance(kind, str) and kind:
        return kind
    bare = next((_TYPE_OF_KEY[key] for key in part if key in _TYPE_OF_KEY), "")
    if bare:
        return bare
    return "text" if isinstance(part.get("text"), str) and len(part) <= 3 else ""


def _read_part(part: dict[str, Any], found: Content, levels: int) -> None:
    kind = _kind(part)
    text = text_of(part) if kind in _TEXT_TYPES or not kind else None
    if text is not None:
        _add_text(text, found)
    elif kind in _REASONING_TYPES:
        found.reasoning.append(_reasoning_block(part))
    elif kind in _CALL_TYPES:
        found.calls.append(part)
    elif kind in _RESULT_TYPES:
        found.results.append(part)
    elif kind == "refusal":
        found.parts.append(refusal_part(part.get("refusal") or text_of(part) or part))
    elif kind in _MEDIA_KINDS:
        found.parts.append(_media(_MEDIA_KINDS[kind], part))
    elif kind in _TEXT_TYPES and levels and isinstance(inner := part.get("content"), list):
        _read_list(inner, found, levels - 1)
    else:
        found.parts.append(ContentPart("json", json_text(part)))


def _reasoning_block(part: dict[str, Any]) -> dict[str, Any]:
    """Return a block of reasoning.

    Bedrock's `{"reasoningContent": {"reasoningText": {"text"}}}` is unwrapped.
    """
    for key in ("reasoningContent", "reasoningText"):
        if isinstance(inner := part.get(key), dict):
            part = inner
    return part


def _add_text(text: str, found: Content) -> None:
    found.texts.append(text)
    found.parts.append(ContentPart("text", text))


def refusal_part(value: Any) -> ContentPart:
    return ContentPart("refusal", value if isinstance(value, str) else json_text(value))


def _media(kind: str, part: dict[str, Any]) -> ContentPart:
    """Return a placeholder such as `[image image/png, 12,345 bytes]`."""
    holder: Any = next((part[key] for key in _MEDIA_KEYS if part.get(key)), part)
    if isinstance(holder, str):
        holder = {"url": holder}
    if not isinstance(holder, dict):
        return ContentPart("json", json_text(part))
    media_type = _media_type(kind, holder) or _media_type(kind, part)
    data = next((v for key in _DATA_KEYS if isinstance(v := holder.get(key), str) and v), "")
    name = next(
        (v for k in ("filename", "title", "name") if isinstance(v := holder.get(k), str)), ""
    )
    if data.startswith("data:"):
        head, _, data = data[5:].partition(",")
        media_type = head.partition(";")[0] or media_type
        size = _decoded_size(data) if ";base64" in head else len(data)
        return _placeholder(kind, name, media_type, size)
    if data and ("://" in data[:12] or "path" in holder or data.startswith("/")):
        url = (
            data
            if len(data) <= _MAX_SHOWN_URL
            else f"{data[:_MAX_SHOWN_URL]}… ({len(data)} characters)"
        )
        return _placeholder(kind, name or url, media_type, None)
    if data:
        is_text = holder.get("type") == "text"
        size = len(data.encode("utf-8", "replace")) if is_text else _decoded_size(data)
        return _placeholder(kind, name, media_type, size)
    file_id = holder.get("file_id", holder.get("id"))
    return _placeholder(
        kind, name or (file_id if isinstance(file_id, str) else ""), media_type, None
    )


def _media_type(kind: str, holder: dict[str, Any]) -> str:
    for key in _MEDIA_TYPE_KEYS:
        if isinstance(found := holder.get(key), str) and found:
            return found
    form = holder.get("format")
    return f"{kind}/{form}" if isinstance(form, str) and form else ""


def _decoded_size(data: str) -> int:
    """Return the number of bytes that a base64 text encodes, without decoding it."""
    blanks = data.count("\n") + data.count("\r") + data.count(" ")
    padding = data[-4:].count("=")
    return max(0, (len(data) - blanks - padding) * 3 // 4)


def _placeholder(kind: str, name: str, media_type: str, size: int | None) -> ContentPart:
    head = " ".join(word for word in (kind, name, media_type) if word)
    text = f"[{head}, {size:,} bytes]" if size is not None else f"[{head}]"
    return ContentPart(kind, text, media_type, size)
