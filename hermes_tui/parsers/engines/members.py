"""The spans of the members of a JSON value in a text."""

from __future__ import annotations

from hermes_tui.model.spans import Span
from hermes_tui.parsers.literals import FAILED, read_literal


def stripped(text: str, span: Span) -> Span:
    """Return the span without the blanks at its ends."""
    inner = text[span.start : span.end]
    start = span.start + len(inner) - len(inner.lstrip())
    return Span(start, max(start, span.start + len(inner.rstrip())))


def members_in(text: str, span: Span) -> dict[str, Span]:
    """Return the spans of the values of the object or list in `span`, by key or index.

    Empty if there is no readable value, or a value of another kind.
    """
    at = stripped(text, span)
    literal = read_literal(text, at.start, at.end)
    is_whole = literal.rung != FAILED and isinstance(literal.value, (dict, list))
    return literal.members(text, at.start) if is_whole else {}
