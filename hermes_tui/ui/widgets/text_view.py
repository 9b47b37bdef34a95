"""A view of a long text, wrapped to the width and drawn row by row; handles 5 MB with ease."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset, Size
from textual.reactive import reactive

from hermes_tui.model.visible import ELLIPSIS, visible_line, visible_row
from hermes_tui.ui.render.document import Document, Match, StyledSpan, pieces
from hermes_tui.ui.render.wrap import Extent, RowMap
from hermes_tui.ui.widgets.quick_lines import QuickLines

Resolve = Callable[[str], Style]
Place = tuple[int, int]

_TOP: Place = (0, 0)
_NO_STYLE = Style()


class TextView(QuickLines, can_focus=True, inherit_bindings=False):
    """Shows a `Document`. Painting costs O(rows on screen), regardless of its length.

    `resolve` returns the style of a name. The text at the top stays there when the width or `wrap`
    changes. It binds no keys.
    """

    DEFAULT_CSS = """
    TextView {
        height: 1fr;
        overflow: auto scroll;
        scrollbar-gutter: stable;
        scrollbar-size: 1 1;
        scrollbar-background: transparent;
    }
    """
    ALLOW_SELECT = False

    wrap: reactive[bool] = reactive(True, init=False)

    def __init__(
        self,
        document: Document | None = None,
        *,
        resolve: Resolve = lambda name: _NO_STYLE,
        empty: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._document = document or Document()
        self._resolve = resolve
        self._empty = empty
        self._row_map: RowMap | None = None
        self._width = 0
        self._marks: dict[int, list[StyledSpan]] = {}
        # The place last gone to, and the row that showed it: as long as nobody scrolls, repeated
        # resizing returns to exactly this place.
        self._place, self._place_row = _TOP, 0

    @property
    def document(self) -> Document:
        """The document that is shown."""
        return self._document

    @property
    def top_line(self) -> int:
        """The line whose text is in the topmost row; 0 before anything is shown."""
        return self._top_place()[0]

    def set_document(self, document: Document, *, keep_position: bool = False) -> None:
        """Show `document` from its beginning or from the place now at the top; drop the matches."""
        place = self._top_place() if keep_position else _TOP
        self._document = document
        self._marks = {}
        if not keep_position:
            self._scroll(x=0)
        self._lay_out(place)

    def set_resolve(self, resolve: Resolve) -> None:
        """Replace the styles of the names, as when the theme changes."""
        self._resolve = resolve
        self.refresh()

    def set_matches(
        self,
        matches: Sequence[Match | tuple[int, int, int]],
        current: int | None = None,
        *,
        reveal: bool = True,
    ) -> None:
        """Highlight `matches` (sorted), and emphasise the one with index `current`.

        With `reveal`, it is scrolled into view as well.
        """
        marks = defaultdict(list)
        for index, (line, start, end) in enumerate(matches):
            style_name = "match.current" if index == current else "match"
            marks[line].append(StyledSpan(start, end, style_name))
        self._marks = dict(marks)
        if current is not None and reveal:
            line, start, _ = matches[current]
            self.reveal(line, start)
        self.refresh()

    def scroll_to_line(self, line: int) -> None:
        """Scroll the first row of a line to the top, or as near to it as the end allows."""
        self._go_to((line, 0))

    def reveal(self, line: int, character: int = 0) -> None:
        """Scroll only if the row that shows a place is out of view; then leave some context."""
        if self._row_map is None:
            self._place = (line, character)
            return
        row, top, height = self._row_map.row_of(line, character), self._top_row, self._height
        if not top <= row < top + height:
            self._scroll(y=row - height // 3)
        if not self.wrap:
            left = self._row_map.column_of(line, character)
            if not self.scroll_offset.x <= left < self.scroll_offset.x + self._width:
                self._scroll(x=left - self._width // 2)

    def move(self, rows: int) -> None:
        """Scroll by rows; up if negative."""
        self._scroll(y=self._top_row + rows)

    def page(self, pages: int) -> None:
        """Scroll by pages, which overlap by one row."""
        self.move(pages * max(1, self._height - 1))

    def to_top(self) -> None:
        """Scroll to the first row."""
        self._scroll(y=0)

    def to_bottom(self) -> None:
        """Scroll to the last row."""
        self._scroll(y=self.virtual_size.height)

    def watch_wrap(self) -> None:
        place = self._top_place()
        self._scroll(x=0)
        self._lay_out(place)

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_content_region.width != self._width:
            self._lay_out(self._top_place())
        elif self._row_map is not None:
            # A scrollbar next to a text that fits would suggest that there is more.
            rows = max(self._row_map.rows, self._height)
            self._publish_size(Size(self.virtual_size.width, rows))

    def on_show(self, event: events.Show) -> None:
        if self.scrollable_content_region.width != self._width:
            self._lay_out(self._top_place())

    @property
    def _top_row(self) -> int:
        return self.scroll_offset.y

    @property
    def _height(self) -> int:
        return self.scrollable_content_region.height

    def _top_place(self) -> Place:
        if self._row_map is None or self._top_row == self._place_row:
            return self._place
        if self._top_row >= self._row_map.rows:
            return _TOP
        extent = self._row_map.extent(self._top_row)
        return extent.line, extent.start

    def _lay_out(self, place: Place) -> None:
        """Wrap the document again; a view without a size does so when it gets one."""
        self._width = self.scrollable_content_region.width or self._width
        if not self._width:
            self._place = place
            return
        self._row_map = RowMap(self._document, self._width, wrap=self.wrap)
        columns = 1 if self.wrap else self._row_map.widest()
        # A text that fits counts as a full page.
        self._publish_size(Size(columns, max(self._row_map.rows, self._height)))
        self._go_to(place)
        self.refresh()

    def _publish_size(self, size: Size) -> None:
        """Set a new virtual size. Assigning it costs a layout of the screen, which is only needed
        if the scrollbars change."""
        if size == self.virtual_size:
            return
        bar = self.vertical_scrollbar
        if size.width == self.virtual_size.width and bar.window_virtual_size:
            self.set_reactive(QuickLines.virtual_size, size)
            bar.window_virtual_size = size.height
        else:
            self.virtual_size = size

    def _go_to(self, place: Place) -> None:
        self._place = place
        if self._row_map is not None:
            self._scroll(y=self._row_map.row_of(*place))
            self._place_row = self._top_row

    def _scroll(self, x: int | None = None, y: int | None = None) -> None:
        stays = y is None or y == self._top_row <= self.max_scroll_y
        if stays and x in (None, self.scroll_offset.x):
            return
        # Forced, because a scrollbar that the new size needs only appears with the next layout.
        self.scroll_to(x, y, animate=False, force=True)

    def draw_line(self, y: int, offset: Offset, width: int, base: Style) -> list[Segment]:
        """Draw the row at `y` of the window."""
        row = offset.y + y
        if self._document.is_empty and y == 0 and self._empty:
            text = visible_line(self._empty, width)
            segments = [Segment(text, base + self._resolve("dim"))]
        elif self._row_map is not None and row < self._row_map.rows:
            segments = self._segments(self._row_map.extent(row, offset.x), base)
            if width == self._width:
                return segments
        else:
            return self.blank_line(width, base)
        return Segment.adjust_line_length(segments, width, base)

    def _segments(self, extent: Extent, base: Style) -> list[Segment]:
        line = self._document.lines[extent.line]
        segments = [Segment(" " * extent.lead, base)] if extent.lead else []
        marks = self._marks.get(extent.line, ())
        for text, style_names in pieces(line, extent.start, extent.end, marks):
            style = base
            for style_name in style_names:
                style += self._resolve(style_name)
            segments.append(Segment(visible_row(text), style))
        if self.wrap and not line.wrap and extent.end < len(line.text):
            segments = Segment.adjust_line_length(segments, self._width - 1, base)
            return [*segments, Segment(ELLIPSIS, base + self._resolve("dim"))]
        return Segment.adjust_line_length(segments, self._width, base)
