"""Put the attachments of an Inspect sample back into the places that name them.

A text of more than 100 characters may be `attachment://HASH` (once `tc://HASH`), which names an
entry of the sample's attachments.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields

MAX_DEPTH = 100
_SCHEMES = ("attachment://", "tc://")


def attachments_of(sample: dict[str, Any]) -> dict[str, Any]:
    """Return the attachments of a sample by their hashes."""
    old = fields.as_dict(sample.get("transcript"))
    return fields.as_dict(sample.get("attachments") or old.get("content"))


def with_attachments(value: Any, attachments: dict[str, Any], depth: int = 0) -> Any:
    """Return a JSON value in which references to attachments are replaced by their texts."""
    if not attachments:
        return value
    if isinstance(value, str):
        for scheme in _SCHEMES:
            if value.startswith(scheme):
                return attachments.get(value[len(scheme) :], value)
        return value
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, list):
        return [with_attachments(item, attachments, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: with_attachments(item, attachments, depth + 1) for key, item in value.items()}
    return value
