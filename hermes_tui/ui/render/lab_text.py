"""The text of the lab: the fate of each character, the step's span, carets at the failure.

Lines are made when they are drawn; only the offsets where they begin are kept.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from hermes_tui.model.spans import Span
from hermes_tui.model.visible import visible_line
from hermes_tui.ui.lab.fates import Fate, Piece, within
from hermes_tui.ui.render.document import (
    Document,
    Line,
    StyledSpan,
    TextLines,
    is_plain_ascii,
    styled_line,
)
from hermes_tui.ui.render.wrap import cells, row_starts

STEP_SUFFIX = ".here"
"""Suffix of the style names inside the span of the step."""
MAX_CARETS = 60


class Caret(NamedTuple):
    """A mark below a line: the span that it points at, and what is wrong there."""

    span: Span
    message: str
    style: str = "error"


class LabDocument(Document):
    """The text of a lab at one width in cells, with a line of carets inserted for `caret`."""

    def __init__(
        self,
        text: str,
        pieces: Sequence[Piece],
        *,
        step: Span | None = None,
        caret: Caret | None = None,
        width: int = 80,
    ) -> None:
        super().__init__()
        self.source = text
        self._texts = text.split("\n")
        lengths = (len(line) + 1 for line in self._texts[:-1])
        self._starts = list(accumulate(lengths, initial=0))
        self.caret_line = -1
        """The number of the line of carets, or -1 if there is none."""
        self.caret_style = caret.style if caret is not None else ""
        if caret is not None:
            self._insert_carets(caret, max(8, width))
        plain_ascii = is_plain_ascii(text) and self._caret_is_ascii()
        self.lines = _LabLines(self, self._texts, pieces, step, plain_ascii=plain_ascii)

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line that the character at `offset` is in, and its offset in the line."""
        line = bisect_right(self._starts, offset) - 1
        if line == self.caret_line:
            line -= 1
        return line, min(offset - self._starts[line], len(self._texts[line]))

    def start(self, line: int) -> int:
        """Return the offset in the text of a line's first character."""
        return self._starts[line]

    def _caret_is_ascii(self) -> bool:
        return self.caret_line < 0 or self._texts[self.caret_line].isascii()

    def _insert_carets(self, caret: Caret, width: int) -> None:
        """Insert the carets below the row that contains the span; a long line is split there."""
        line, character = self.place(min(caret.span.start, len(self.source)))
        whole = self._texts[line]
        rows = row_starts(whole, width)
        row = bisect_right(rows, character) - 1
        end = rows[row + 1] if row + 1 < len(rows) else len(whole)
        count = max(1, min(caret.span.end, self._starts[line] + end) - caret.span.start)
        carets = _caret_text(
            caret.message,
            cells(whole[rows[row] : character]),
            min(cells(whole[character : character + count]) or 1, MAX_CARETS),
            width,
        )
        self.caret_line = line + 1
        # The same offset as that of the following line, so that no character of the text is looked
        # up in the line of carets.
        after = self._starts[line] + end
        inserted, starts = [carets], [after]
        if end < len(whole):
            self._texts[line] = whole[:end]
            inserted.append(whole[end:])
            starts.append(after)
        self._texts[line + 1 : line + 1] = inserted
        self._starts[line + 1 : line + 1] = starts


def _caret_text(message: str, before: int, count: int, width: int) -> str:
    """Return carets at a column, with the message on the side that has more room for it."""
    before = min(before, width - 1)
    marks = "^" * max(1, min(count, width - before))
    right = width - before - len(marks) - 1
    left = before - 1
    whole = cells(message)
    if right >= whole or (left < whole and right >= left):
        shown = visible_line(message, max(0, right))
        return " " * before + marks + (f" {shown}" if right > 0 else "")
    shown = visible_line(message, left)
    return " " * (left - cells(shown)) + f"{shown} {marks}"


class _LabLines(TextLines):
    """The lines of a lab's text with their styles, made one at a time."""

    def __init__(
        self,
        document: LabDocument,
        texts: list[str],
        pieces: Sequence[Piece],
        step: Span | None,
        *,
        plain_ascii: bool,
    ) -> None:
        super().__init__(texts, plain_ascii=plain_ascii)
        self._document, self._pieces = document, pieces
        self._step = step or Span(0, 0)

    def line(self, number: int) -> Line:
        text = self.texts[number]
        if number == self._document.caret_line:
            return styled_line(text, self._document.caret_style)
        start = self._document.start(number)
        return Line(text, tuple(self._spans(start, start + len(text))))

    def _spans(self, start: int, end: int) -> list[StyledSpan]:
        found = []
        step = self._step
        for piece in within(self._pieces, start, end):
            left, right = max(piece.start, start), min(piece.end, end)
            cuts = (cut for cut in (step.start, step.end) if left < cut < right)
            edges = sorted({left, right, *cuts})
            for first, last in pairwise(edges):
                inside = step.start <= first < step.end
                name = piece.fate.style_name + (STEP_SUFFIX if inside else "")
                if inside or piece.fate is not Fate.CONTENT:
                    found.append(StyledSpan(first - start, last - start, name))
        return found
