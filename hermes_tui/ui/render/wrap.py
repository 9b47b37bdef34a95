"""Where lines break, and how wide they are in terminal cells when drawn. Pure.

Offsets are those of the raw text; widths are those of `visible_row(text)`, so nothing has to be
escaped before it is drawn. Lines break after a space, words longer than a row anywhere.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate, chain
from operator import add
from typing import NamedTuple, TypeVar

from rich.cells import cell_len, set_cell_size

from hermes_tui.model.visible import ELLIPSIS, visible_line, visible_row
from hermes_tui.ui.render.cell_widths import cells as cells
from hermes_tui.ui.render.cell_widths import edges as edges_of
from hermes_tui.ui.render.cell_widths import fits_to, is_even
from hermes_tui.ui.render.document import Document, Line, TextLines, is_plain_ascii

_ONE_ROW = (0,)
_CACHED_LINES = 256
_LONG_TEXT = 1 << 17
"""Characters from which the wrapping of a line is kept after measuring, to be drawn."""
Cached = TypeVar("Cached")


class Extent(NamedTuple):
    """The content of one row: characters `[start, end)` of a line, after `lead` blank cells."""

    line: int
    start: int
    end: int
    lead: int


def fit(text: str, width: int) -> str:
    """Return `text` on one line of exactly `width` cells: padded, or cut with … at the end.

    The result is ready to be drawn. Costs O(width).
    """
    shown = visible_line(text, 2 * width + 1)
    if cell_len(shown) <= width:
        return set_cell_size(shown, width)
    return set_cell_size(shown, width - 1) + ELLIPSIS if width > 0 else ""


def fit_end(text: str, width: int) -> str:
    """Return the end of `text` on one line of exactly `width` cells, … before what is left out."""
    shown = visible_row(text[-2 * width - 1 :])
    if cell_len(shown) <= width:
        return fit(shown, width)
    while shown and cell_len(shown) >= width:
        shown = shown[1:]
    return fit(ELLIPSIS + shown, width)


def row_starts(text: str, width: int) -> Sequence[int]:
    """Return the offset at which each row of `text` begins; the first is 0. `width` >= 1 cells.

    One space may overhang the end of a row, where it is not drawn.
    """
    if not is_even(text):
        return _uneven_starts(text, width)
    if len(text) <= width:
        return _ONE_ROW
    starts = array("I", _ONE_ROW)
    start = 0
    while len(text) - start > width:
        start = _break_offset(text, start, start + width)
        if start >= len(text):
            break
        starts.append(start)
    return starts


def _uneven_starts(text: str, width: int) -> Sequence[int]:
    starts = array("I", _ONE_ROW)
    start = 0
    while True:
        # A character wider than the row takes a row anyway; combining marks stay with their base.
        end = max(start + 1, fits_to(text, start, width))
        if end >= len(text):
            return starts if len(starts) > 1 else _ONE_ROW
        start = _break_offset(text, start, end)
        if start >= len(text):
            return starts
        starts.append(start)


def _widest(lines: Sequence[Line]) -> int:
    """Return the width in cells of the longest of these lines, indent included."""
    if not isinstance(lines, TextLines):
        return max((line.indent + cells(line.text) for line in lines), default=0)
    widths = map(len if lines.plain_ascii else cells, lines.texts)
    if lines.indents is not None:
        return max(map(add, widths, lines.indents), default=0)
    return lines.indent + max(widths, default=0)


def _break_offset(text: str, start: int, end: int) -> int:
    """Return where the next row begins, given that `[start, end)` fits and `text[end]` does not."""
    if text[end] == " ":
        return end + 1
    space = text.rfind(" ", start, end)
    if space <= start or text[start:space].isspace():
        return end
    # A word that is longer than a row is broken anyway, so it begins in the rest of this row.
    full = space + 1 + end - start
    is_too_long = len(text) > full and text.find(" ", end, full + 1) < 0
    return end if is_too_long else space + 1


class RowMap:
    """Maps the rows of a document at one width to places and back: row ⇄ (line, character).

    Costs O(lines) to make plus O(length) of the lines that are longer than a row; finding a row is
    O(log lines).
    """

    def __init__(self, document: Document, width: int, *, wrap: bool = True) -> None:
        self._document = document
        self._width = max(1, width)
        self._wrap = wrap
        self._starts: OrderedDict[int, Sequence[int]] = OrderedDict()
        self._long: dict[tuple[str, int], Sequence[int]] = {}
        self._line_edges: OrderedDict[int, array[int]] = OrderedDict()
        # Rows up to and including each line; None if every line takes one row.
        self._ends = self._measure() if wrap else None
        self.rows = self._ends[-1] if self._ends else len(document)

    def widest(self) -> int:
        """Return the width in cells of the longest line, indent included. O(text)."""
        return max(map(_widest, self._document.sections), default=0)

    def row_of(self, line: int, character: int = 0) -> int:
        """Return the row that shows a character, or the nearest if there is no such place."""
        if not len(self._document):
            return 0
        line = min(max(0, line), len(self._document) - 1)
        if self._ends is None:
            return line
        first = self._ends[line - 1] if line else 0
        return first + max(0, bisect_right(self._line_starts(line), character) - 1)

    def column_of(self, line: int, character: int) -> int:
        """Return how many cells precede a character if its line is not wrapped."""
        shown = self._document.lines[line]
        return shown.indent + cells(shown.text[:character])

    def extent(self, row: int, left: int = 0) -> Extent:
        """Return what `row` shows. Raises IndexError beyond the last row.

        `left` is how many cells are scrolled out of view if lines are not wrapped.
        """
        if not 0 <= row < self.rows:
            raise IndexError(row)
        if not self._wrap:
            return self._cut(row, left)
        line = row if self._ends is None else bisect_right(self._ends, row)
        shown = self._document.lines[line]
        if not shown.wrap:
            return self._cut(line, 0)
        starts = self._line_starts(line)
        nth = row - self.row_of(line)
        end = starts[nth + 1] if nth + 1 < len(starts) else len(shown.text)
        lead = self._indent(shown.indent) + (self._label_width(shown) if nth else 0)
        return Extent(line, starts[nth], end, lead)

    def _cut(self, number: int, left: int) -> Extent:
        """Return the characters of a line in the window of cells that begins at `left`."""
        line = self._document.lines[number]
        lead = max(0, line.indent - left)
        left = max(0, left - line.indent)
        room = max(0, self._width - lead)
        if is_plain_ascii(line.text):
            start = min(left, len(line.text))
            return Extent(number, start, min(start + room, len(line.text)), lead)
        edges = self._edges_of(number, line.text)
        start = bisect_right(edges, left) - 1
        if edges[start] < left and start < len(line.text):
            # A wide character is cut by the left edge: its rest is drawn as blank cells.
            start = bisect_right(edges, edges[start + 1]) - 1
            lead += min(room, edges[start] - left)
        end = bisect_right(edges, left + room) - 1
        return Extent(number, min(start, len(line.text)), max(start, end), lead)

    def _measure(self) -> array[int] | None:
        heights = [self._heights(lines) for lines in self._document.sections]
        if max((max(part, default=1) for part in heights), default=1) == 1:
            return None
        return array("Q", accumulate(chain.from_iterable(heights)))

    def _heights(self, lines: Sequence[Line]) -> Sequence[int]:
        """Return how many rows each of these lines takes."""
        if not isinstance(lines, TextLines):
            return [self._height(line) for line in lines]
        if lines.indents is not None:
            return [*map(self._height_at, lines.texts, lines.indents)]
        width, texts = self._room(lines.indent), lines.texts
        if not lines.plain_ascii:
            return [
                # No character but the tab takes more than two cells.
                1 if 2 * len(t) <= width and "\t" not in t else len(self._rows_of(t, width))
                for t in texts
            ]
        if max(map(len, texts), default=0) <= width:
            return [1] * len(texts)
        return [1 if len(t) <= width else len(self._rows_of(t, width)) for t in texts]

    def _height_at(self, text: str, indent: int) -> int:
        # No character but the tab takes more than two cells.
        if 2 * len(text) + indent <= self._width and "\t" not in text:
            return 1
        return len(self._rows_of(text, self._room(indent)))

    def _height(self, line: Line) -> int:
        return len(self._starts_of(line))

    def _starts_of(self, line: Line) -> Sequence[int]:
        """Return where the rows of a line begin."""
        if not line.wrap:
            return _ONE_ROW
        room, label_width = self._room(line.indent), self._label_width(line)
        if not label_width:
            return self._rows_of(line.text, room)
        starts = self._rows_of(line.text[line.label :], room - label_width)
        return (0, *(line.label + start for start in starts[1:]))

    def _label_width(self, line: Line) -> int:
        """Return the width in cells of a line's label, or 0 if it leaves too little room."""
        if not line.label:
            return 0
        width = cells(line.text[: line.label])
        return width if self._indent(line.indent) + width <= self._width // 2 else 0

    def _rows_of(self, text: str, room: int) -> Sequence[int]:
        """Return where the rows of a text begin; the result for a long text is cached."""
        if len(text) < _LONG_TEXT:
            return row_starts(text, room)
        key = (text, room)
        if (starts := self._long.get(key)) is None:
            starts = self._long[key] = row_starts(text, room)
        return starts

    def _indent(self, indent: int) -> int:
        """Return the indent in cells, limited so that at least half a row is left for the text."""
        return min(indent, self._width // 2)

    def _room(self, indent: int) -> int:
        return self._width - self._indent(indent)

    def _line_starts(self, number: int) -> Sequence[int]:
        starts = self._starts.get(number)
        if starts is None:
            line = self._document.lines[number]
            starts = self._starts_of(line)
            _remember(self._starts, number, starts)
        return starts

    def _edges_of(self, number: int, text: str) -> array[int]:
        edges = self._line_edges.get(number)
        if edges is None:
            edges = edges_of(text)
            _remember(self._line_edges, number, edges)
        return edges


def _remember(cache: OrderedDict[int, Cached], key: int, value: Cached) -> None:
    cache[key] = value
    if len(cache) > _CACHED_LINES:
        cache.popitem(last=False)
