"""A text with parts removed, and the mapping of its spans back to the original."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from hermes_tui.model.spans import Span


class Cleaned:
    """A text reduced to its `kept` parts, joined."""

    def __init__(self, text: str, kept: list[Span]) -> None:
        self._kept = [span for span in kept if len(span)]
        self._starts = [0, *accumulate(len(span) for span in self._kept)]
        self.text = "".join(text[span.start : span.end] for span in self._kept)

    def place(self, span: Span) -> Span:
        """Return the span in the original that a span of the cleaned text corresponds to."""
        start = self._original(span.start)
        return Span(start, max(start, self._original(span.end - 1) + 1) if len(span) else start)

    def parts(self, span: Span) -> list[Span]:
        """Return the pieces of the original that make up a span of the cleaned text."""
        found = []
        for index in range(self._index(span.start), len(self._kept)):
            start, piece = self._starts[index], self._kept[index]
            if start >= span.end:
                break
            left, right = max(span.start, start), min(span.end, start + len(piece))
            found.append(Span(piece.start + left - start, piece.start + right - start))
        return [part for part in found if len(part)]

    def _index(self, position: int) -> int:
        return max(0, min(bisect_right(self._starts, position) - 1, len(self._kept) - 1))

    def _original(self, position: int) -> int:
        if not self._kept:
            return 0
        index = self._index(position)
        return self._kept[index].start + position - self._starts[index]


def without(text: str, part: Span, tokens: tuple[str, ...]) -> Cleaned:
    """Return a part of `text` with the tokens removed, one token after the other."""
    cleaned = Cleaned(text, [part])
    for token in tokens:
        kept: list[Span] = []
        position = 0
        while (found := cleaned.text.find(token, position)) >= 0:
            kept.extend(cleaned.parts(Span(position, found)))
            position = found + len(token)
        kept.extend(cleaned.parts(Span(position, len(cleaned.text))))
        cleaned = Cleaned(text, kept)
    return cleaned
