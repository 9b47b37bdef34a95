"""What is left of a text when the calls that were read from it are taken out."""

from __future__ import annotations

from collections.abc import Iterable

from hermes_tui.model.messages import Origin, ToolCall
from hermes_tui.model.spans import gaps


def content_beside(text: str, calls: Iterable[ToolCall]) -> str:
    """Return `text` without the markup of the calls that were read from it.

    With the markup left in, the next prompt would hold each call twice.
    """
    spans = [c.span for c in calls if c.origin is Origin.TEXT and c.span is not None]
    if not spans:
        return text
    return "".join(text[left.start : left.end] for left in gaps(spans, len(text))).strip()
