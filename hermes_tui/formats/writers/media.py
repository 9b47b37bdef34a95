"""Images, audio and files of a message, in the form of the OpenAI API's chat messages."""

from __future__ import annotations

import json
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.writers.transcript import Entry
from hermes_tui.model.messages import ContentPart
from hermes_tui.parsers.content_parts import read_content

KINDS: Final = ("image", "audio", "file")
_UNCHANGED_KINDS: Final = ("input_audio", "file")


def is_media(part: ContentPart) -> bool:
    return part.kind in KINDS


def media_of(entry: Entry) -> list[dict[str, Any] | None]:
    """Return the media of a message in order, with None for each that the API does not accept.

    Return [] if the record of the message is not known.
    """
    try:
        raw = json.loads(entry.raw) if entry.raw else None
    except (ValueError, RecursionError):
        return []
    raw = fields.as_dict(raw)
    content = raw.get("content", fields.as_dict(raw.get("message")).get("content"))
    items = fields.objects_in(content)
    found = [_api_part(item) for item in items if any(map(is_media, read_content([item]).parts))]
    return found if len(found) == sum(map(is_media, entry.message.parts)) else []


def _api_part(item: dict[str, Any]) -> dict[str, Any] | None:
    """Return a part in the form that the API accepts, also from Anthropic's and the Responses API's
    images."""
    kind = item.get("type")
    if kind in _UNCHANGED_KINDS:
        return item if isinstance(item.get(kind), dict) else None
    image = item.get("image_url")
    if kind == "image_url" and isinstance(image, dict):
        return item if isinstance(image.get("url"), str) else None
    if isinstance(image, str) and image:
        return _image(image)
    source = fields.as_dict(item.get("source"))
    match kind, source.get("type"), source.get("data"), source.get("url"):
        case "image", "base64", str(data), _:
            return _image(f"data:{source.get('media_type') or 'image/png'};base64,{data}")
        case "image", "url", _, str(url):
            return _image(url)
    return None


def _image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}
