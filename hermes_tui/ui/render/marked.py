"""Text with marked spans: calls, and what a finding points at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from hermes_tui.model.spans import Span
from hermes_tui.ui.render.document import Line, StyledSpan

Mark = tuple[Span, str]
"""A span of the text, and the name of its style. Later marks cover earlier ones."""

EMPTY_AT = "⟨here⟩"
"""Shown where a finding points after the end of the text."""


def marked_lines(text: str, marks: Sequence[Mark], *, indent: int = 0) -> list[Line]:
    """Return the lines of `text` with `marks` on them. An empty span marks one character."""
    lines: list[Line] = []
    start = 0
    wide = [(span.start, max(span.end, span.start + 1), style) for span, style in marks]
    for part in text.split("\n"):
        end = start + len(part)
        inside = [
            (max(left, start) - start, min(right, end) - start, style)
            for left, right, style in wide
            if left < end and right > start
        ]
        lines.append(Line(part, tuple(_flattened(inside)), indent))
        start = end + 1
    last = max((left for left, _, _ in wide), default=-1)
    if last >= len(text):
        style = next(style for left, _, style in wide if left == last)
        lines.append(Line(EMPTY_AT, (StyledSpan(0, len(EMPTY_AT), style),), indent))
    return lines


def _flattened(spans: Iterable[tuple[int, int, str]]) -> Iterable[StyledSpan]:
    """Yield disjoint spans: each character gets the style of the last span that covers it."""
    pieces = list(spans)
    cuts = sorted({edge for left, right, _ in pieces for edge in (left, right)})
    for left, right in pairwise(cuts):
        style = next((s for a, b, s in reversed(pieces) if a <= left and b >= right), None)
        if style is not None and right > left:
            yield StyledSpan(left, right, style)
