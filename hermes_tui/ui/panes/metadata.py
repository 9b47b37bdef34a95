"""The metadata pane: what the run's file records beyond messages and calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.style import Style
from textual import events

from hermes_tui.ui.render.document import StyledSpan, pieces
from hermes_tui.ui.render.metadata import MetaLine, RunMetadata, ValueTexts, metadata_lines
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.render.wrap import row_starts
from hermes_tui.ui.search import Search
from hermes_tui.ui.view_model import RunModel
from hermes_tui.ui.widgets.row_list import GUTTER, RowList

LEAST_WIDTH = 10
DEEPEST_INDENT = 24
LONGEST_MATCH = 400


class _Part(NamedTuple):
    """The part of a line that one row shows: the characters `[start, end)` after `indent` cells."""

    line: int
    start: int
    end: int
    indent: int


class MetadataRows:
    """The lines of the page, wrapped, as the row source of the list widget."""

    def __init__(self) -> None:
        self.lines: Sequence[MetaLine] = ()
        self.search: Search | None = None
        self._parts: list[_Part] = []

    def take(self, lines: Sequence[MetaLine], width: int) -> None:
        """Replace the lines, and wrap them to `width` cells."""
        self.lines = lines
        self._parts = [
            part for number in range(len(lines)) for part in self._parts_of(number, width)
        ]

    def _parts_of(self, number: int, width: int) -> list[_Part]:
        """Return the rows of a line; continuation rows are indented to where its value begins."""
        line, hang = self.lines[number].line, self.lines[number].hang
        if not hang or width < LEAST_WIDTH + 2 * hang:
            hang = len(line.text) - len(line.text.lstrip(" "))
        hang = min(hang, DEEPEST_INDENT)
        indent = min(line.indent, DEEPEST_INDENT)
        room = max(LEAST_WIDTH, width - indent - hang)
        breaks = [hang + start for start in row_starts(line.text[hang:], room)][1:]
        return [
            _Part(number, start, end, indent + hang * bool(start))
            for start, end in pairwise([0, *breaks, len(line.text)])
        ]

    def __len__(self) -> int:
        return len(self._parts)

    def line_at(self, index: int) -> MetaLine | None:
        """Return the line that a row is a part of."""
        return self.lines[self._parts[index].line] if index < len(self._parts) else None

    def row_of(self, number: int) -> int:
        """Return the first row of a line."""
        return next((at for at, part in enumerate(self._parts) if part.line == number), 0)

    def row(self, index: int, width: int) -> Segments:
        part = self._parts[index]
        line = self.lines[part.line].line
        # The space at which a line breaks may overhang the end of the row.
        hangs = part.end < len(line.text) and line.text[part.end - 1] == " "
        shown = pieces(line, part.start, part.end - hangs, self._match_spans(line.text, part))
        return [
            (" " * part.indent, ""),
            *((text, names[-1] if names else "") for text, names in shown),
        ]

    def _match_spans(self, text: str, part: _Part) -> list[StyledSpan]:
        if self.search is None:
            return []
        # A match may begin in a row above, but only near ones are searched: lines can be very long.
        begin = max(0, part.start - LONGEST_MATCH)
        found = self.search.spans(text[begin : part.end + LONGEST_MATCH])
        return [StyledSpan(begin + start, begin + end, "match") for start, end in found]

    def next_match(self, index: int, step: int) -> int | None:
        """Return the first row of the next line with a match, wrapping around, or None."""
        if self.search is None or not self._parts:
            return None
        here, count = self._parts[index].line, len(self.lines)
        for distance in range(1, count + 1):
            number = (here + step * distance) % count
            if self.search.found_in(self.lines[number].line.text):
                return self.row_of(number)
        return None


class MetadataPane(RowList):
    """Lists facts of the run; Enter unfolds a value, goes to a step, or to another run."""

    title = "Metadata"

    def __init__(
        self,
        model: RunModel,
        resolve: Callable[[str], Style],
        metadata: Callable[[], RunMetadata],
    ) -> None:
        self._rows = MetadataRows()
        super().__init__(self._rows, resolve=resolve, id="metadata", empty="nothing is known yet")
        self._model = model
        self._metadata = metadata
        self._unfolded: set[str] = set()
        self._texts = ValueTexts()
        self._shown_for: object = None

    def show(self) -> None:
        """Show what is known by now."""
        width = self.scrollable_content_region.width - GUTTER
        metadata = self._metadata()
        state = metadata.timeline.state
        key = (id(metadata.timeline), state.events, len(self._unfolded), metadata.relatives, width)
        if key != self._shown_for:
            self._shown_for = key
            self._rows.take(
                metadata_lines(metadata, self._unfolded, self._texts), max(LEAST_WIDTH, width)
            )
            self.rows_changed(0)
        if self._rows.search != self._model.search:
            self._rows.search = self._model.search
            self.rows_changed(0)

    @property
    def copied(self) -> str:
        """The text to copy: the whole line under the cursor."""
        line = self.line()
        return line.line.text if line is not None else ""

    @property
    def text(self) -> str:
        """The text of the whole page."""
        return "\n".join(" " * line.line.indent + line.line.text for line in self._rows.lines)

    def line(self) -> MetaLine | None:
        """Return the line under the cursor, or None."""
        return self._rows.line_at(self.cursor)

    def unfold(self, key: str) -> None:
        """Unfold a value, or fold it again."""
        self._unfolded ^= {key}
        self._shown_for = None
        self.show()

    def go_match(self, step: int) -> bool:
        """Go to the next line with a match, wrapping around; return whether there is one."""
        row = self._rows.next_match(self.cursor, step)
        if row is not None:
            self.go(row)
        return row is not None

    def on_resize(self, event: events.Resize) -> None:
        self.show()
