"""Text with marked spans: calls, and what a finding points at."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.model.layers import topmost
from hermes_tui.model.spans import Span
from hermes_tui.ui.render.document import Line, StyledSpan, styled_line

Mark = tuple[Span, str]
"""A span of the text, and the name of its style. Later marks cover earlier ones."""

EMPTY_AT = "⟨here⟩"
"""Shown where a finding points after the end of the text."""


def marked_lines(text: str, marks: Sequence[Mark], *, indent: int = 0) -> list[Line]:
    """Return the lines of `text` with `marks` on them. An empty span marks one character."""
    wide = [
        (span.start, max(span.end, span.start + 1), rank) for rank, (span, _) in enumerate(marks)
    ]
    disjoint = list(topmost(wide))
    lines: list[Line] = []
    start = next_index = 0
    for part in text.split("\n"):
        end = start + len(part)
        spans: list[StyledSpan] = []
        while next_index < len(disjoint) and disjoint[next_index][0] < end:
            left, right, rank = disjoint[next_index]
            if right > start:
                inside = max(left, start) - start, min(right, end) - start
                spans.append(StyledSpan(*inside, marks[rank][1]))
            if right > end:
                break
            next_index += 1
        lines.append(Line(part, tuple(spans), indent))
        start = end + 1
    last = max((left for left, _, _ in wide), default=-1)
    if last >= len(text):
        style = next(style for span, style in marks if span.start == last)
        lines.append(styled_line(EMPTY_AT, style, indent))
    return lines
