"""A list of rows with a cursor, in which a million rows cost no more than those on screen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Protocol

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset, Size
from textual.message import Message

from hermes_tui.model.visible import ELLIPSIS, visible_line
from hermes_tui.ui.widgets.quick_lines import QuickLines

Row = Sequence[tuple[str, str]]
"""The pieces of a row: (raw text, name of its style)."""

Resolve = Callable[[str], Style]

GUTTER = 1
MARGIN = 2
# This mark shows the cursor, not its colour alone.
CURSOR_FOCUSED, CURSOR_BLURRED, NO_CURSOR = "▌", ">", " "
_CURSOR_STYLES = {CURSOR_FOCUSED: "cursor", CURSOR_BLURRED: "cursor.blurred", NO_CURSOR: ""}
_CACHED_LINES = 1024
_NO_STYLE = Style()


class RowSource(Protocol):
    """Provides the rows of a list, one at a time, when they are drawn."""

    def __len__(self) -> int: ...

    def row(self, index: int, width: int, /) -> Row:
        """Return row `index` for `width` cells. Its text need not be escaped, padded or cut."""
        ...


class Rows:
    """The source of two functions: `count()`, and `row(index, width)`."""

    def __init__(self, count: Callable[[], int], row: Callable[[int, int], Row]) -> None:
        self._count, self.row = count, row

    def __len__(self) -> int:
        return self._count()


_NO_ROWS = Rows(lambda: 0, lambda index, width: ())


class _RowMessage(Message):
    def __init__(self, row_list: RowList, index: int) -> None:
        super().__init__()
        self.row_list, self.index = row_list, index


class RowList(QuickLines, can_focus=True, inherit_bindings=False):
    """Shows the rows of a `RowSource` with a cursor on one of them. It binds no keys.

    `header` returns the lines that stay at the top, for a width in cells. `follow` keeps the cursor
    on the last row as rows are added; moving it to another row ends that.
    """

    DEFAULT_CSS = """
    RowList {
        height: 1fr;
        overflow: hidden auto;
        scrollbar-gutter: stable;
        scrollbar-size: 1 1;
    }
    """
    ALLOW_SELECT = False
    header_style = "heading"
    """Name of the base style of the lines at the top."""
    styles_blanks: ClassVar[bool] = True
    """Whether the leading blanks of a piece have its style. A background or an underline on them
    would look like a value in a column that has none."""

    class Moved(_RowMessage):
        """A person, or a `go` that is not quiet, moved the cursor to row `index`."""

    class Chosen(_RowMessage):
        """Row `index` was double-clicked, or `choose` was called."""

    def __init__(
        self,
        source: RowSource = _NO_ROWS,
        *,
        resolve: Resolve = lambda name: _NO_STYLE,
        header: Callable[[int], Sequence[Row]] | None = None,
        empty: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._source = source
        self._count = len(source)
        self._cursor = self._width = 0
        self._follow = False
        self._resolve, self._header, self._empty = resolve, header, empty
        self._header_rows: Sequence[Row] = ()
        self._footer: Sequence[Row] = ()
        self._line_cache = OrderedDict[tuple[int, int, int, str, Style], list[Segment]]()
        self._style_cache: dict[tuple[str, str, Style], Style] = {}

    @property
    def cursor(self) -> int:
        """The row that the cursor is on; 0 if there is none."""
        return self._cursor

    @property
    def row_count(self) -> int:
        """The number of rows as of the last `set_source` or `rows_changed`."""
        return self._count

    @property
    def copied(self) -> str:
        """The text to copy; empty to copy the row under the cursor."""
        return ""

    @property
    def follow(self) -> bool:
        """Whether the cursor stays on the last row as rows are added."""
        return self._follow

    @follow.setter
    def follow(self, follow: bool) -> None:
        self._follow = follow
        if follow:
            self.go(self._count - 1, quiet=True)

    def set_source(self, source: RowSource, *, cursor: int = 0) -> None:
        """Replace the rows, with the cursor on row `cursor`, without posting `Moved`."""
        self._source, self._count = source, len(source)
        self._cursor = self._clamp(cursor)
        self._redraw_all()
        self._show_cursor()

    def set_header(self, header: Callable[[int], Sequence[Row]] | None) -> None:
        """Replace the lines at the top."""
        self._header = header
        self._redraw_all()
        self._show_cursor()

    def set_resolve(self, resolve: Resolve) -> None:
        """Replace the styles of the names, as when the theme changes."""
        self._resolve = resolve
        self._redraw_all()

    def set_empty_text(self, text: str) -> None:
        """Set the text that is shown when there are no rows."""
        if text != self._empty:
            self._empty = text
            self.refresh()

    def rows_changed(self, first: int | None = None) -> None:
        """Read the length again, and redraw rows from `first` on, which may have changed.

        Without `first`, rows were only added or removed at the end. If the cursor has to move, no
        `Moved` is posted: read `cursor`.
        """
        before, self._count = self._count, len(self._source)
        if (first := min(before, self._count) if first is None else first) < before:
            for key in [key for key in self._line_cache if key[0] >= first]:
                del self._line_cache[key]
        self._publish_size()
        last_shown = self.scroll_offset.y + self._height
        if min(before, first) < last_shown:
            start = max(first, self.scroll_offset.y)
            # At least the row that says that the list is, or was, empty.
            self.refresh_lines(start + len(self._header_rows), max(1, last_shown - start))
        if self.footer_height() and (before != self._count or first < before):
            # The height of the footer may have changed.
            self._footer = ()
            self.refresh()
        if not self._count:
            self._cursor = 0
        elif self._follow or self._cursor >= self._count:
            self.go(self._count - 1, quiet=True)

    def move(self, rows: int) -> None:
        """Move the cursor by rows; up if negative."""
        self.go(self._cursor + rows)

    def page(self, pages: int) -> None:
        """Move cursor and window by pages, which overlap by one row."""
        rows = pages * max(1, self._height - 1)
        self._scroll(self.scroll_offset.y + rows)
        self.go(self._cursor + rows)

    def to_top(self) -> None:
        """Move the cursor to the first row."""
        self.go(0)

    def to_bottom(self) -> None:
        """Move the cursor to the last row."""
        self.go(self._count - 1)

    def go(self, index: int, *, quiet: bool = False) -> None:
        """Move the cursor to a row, or the nearest existing one, and scroll it into view.

        Posts `Moved` if the cursor was elsewhere, unless `quiet`.
        """
        if not self._count:
            return
        index = self._clamp(index)
        self._follow = self._follow and index == self._count - 1
        if index != self._cursor:
            before, self._cursor = self._cursor, index
            self._refresh_row(before)
            self._refresh_row(index)
            self._refresh_footer()
            if not quiet:
                self.post_message(self.Moved(self, index))
        self._show_cursor()

    def choose(self) -> None:
        """Post `Chosen` for the row under the cursor, if there is one."""
        if self._count:
            self.post_message(self.Chosen(self, self._cursor))

    def on_mount(self) -> None:
        self._publish_size()

    def on_resize(self, event: events.Resize) -> None:
        self._update_width()

    def on_show(self, event: events.Show) -> None:
        self._update_width()

    def on_focus(self, event: events.Focus) -> None:
        self._refresh_row(self._cursor)

    def on_blur(self, event: events.Blur) -> None:
        self._refresh_row(self._cursor)

    def on_click(self, event: events.Click) -> None:
        if (offset := event.get_content_offset(self)) is None:
            return
        row = offset.y - len(self._header_rows)
        index = self.scroll_offset.y + row
        if not 0 <= row < self._height or index >= self._count:
            return
        self.go(index)
        if event.chain == 2:
            self.choose()

    def footer_height(self) -> int:
        """Return how many lines at the bottom show the row under the cursor; usually none."""
        return 0

    def footer_rows(self, height: int) -> Sequence[Row]:
        """Return the lines at the bottom, `height` of them."""
        return ((),) * height

    def texts(self, width: int) -> Iterator[str]:
        """Yield each row as text, laid out for `width` cells."""
        for index in range(len(self._source)):
            yield "".join(text for text, _ in self._source.row(index, width))

    @property
    def _height(self) -> int:
        """How many rows fit between header and footer."""
        around = len(self._header_rows) + self.footer_height()
        return max(0, self.scrollable_content_region.height - around)

    def _clamp(self, index: int) -> int:
        return max(0, min(index, self._count - 1))

    def _update_width(self) -> None:
        width = self.scrollable_content_region.width
        if width and width != self._width:
            self._width = width
            self._redraw_all()
        self._publish_size()
        self._show_cursor()

    def _redraw_all(self) -> None:
        self._line_cache.clear()
        self._style_cache.clear()
        self._footer = ()
        self._make_header()
        self._publish_size()
        self.refresh()

    def _make_header(self) -> None:
        room = max(0, self._width - GUTTER)
        self._header_rows = tuple(self._header(room)) if self._header is not None else ()

    def _publish_size(self) -> None:
        # Each assignment of `virtual_size` costs a layout of the screen.
        lines = self._count + len(self._header_rows) + self.footer_height()
        if (size := Size(1, lines)) != self.virtual_size:
            self.virtual_size = size

    def _show_cursor(self) -> None:
        """Scroll by as little as possible to keep the cursor in view with some rows around it."""
        if not (height := self._height):
            return
        margin = min(MARGIN, (height - 1) // 2)
        lowest, highest = self._cursor + margin + 1 - height, self._cursor - margin
        top = min(max(self.scroll_offset.y, lowest), highest)
        if top != self.scroll_offset.y:
            self._scroll(top)

    def _scroll(self, top: int) -> None:
        # Forced, because a scrollbar that the new size needs only appears with the next layout.
        self.scroll_to(y=top, animate=False, force=True)

    def _refresh_footer(self) -> None:
        self._footer = ()
        if height := self.footer_height():
            self.refresh_lines(len(self._header_rows) + self._height, height)

    def _footer_row(self, number: int) -> Row:
        height = self.footer_height()
        if len(self._footer) != height:
            self._footer = self.footer_rows(height)
        return self._footer[number]

    def _refresh_row(self, index: int) -> None:
        if 0 <= index - self.scroll_offset.y < self._height:
            self.refresh_line(index + len(self._header_rows))

    def draw_line(self, y: int, offset: Offset, width: int, base: Style) -> list[Segment]:
        """Draw the line at `y` of the window: header, row, or nothing."""
        if not self._width:
            # The first paint comes before the first Resize, and should not be empty.
            self._width = self.scrollable_content_region.width
            self._make_header()
        if y < len(self._header_rows):
            heading = base + self._resolve(self.header_style)
            return self._segments(self._header_rows[y], NO_CURSOR, width, heading)
        index = offset.y + y - len(self._header_rows)
        if self.footer_height() and (below := y - len(self._header_rows) - self._height) >= 0:
            return self._segments(self._footer_row(below), NO_CURSOR, width, base)
        if not self._count and index == 0:
            return self._segments([(self._empty, "dim")], NO_CURSOR, width, base)
        if index >= min(self._count, len(self._source)):
            return self.blank_line(width, base)
        cursor = NO_CURSOR
        if index == self._cursor:
            cursor = CURSOR_FOCUSED if self.has_focus else CURSOR_BLURRED
        key = (index, self._width, width, cursor, base)
        line = self._line_cache.get(key)
        if line is None:
            row = self._source.row(index, max(0, self._width - GUTTER))
            line = self._line_cache[key] = self._segments(row, cursor, width, base)
            if len(self._line_cache) > _CACHED_LINES:
                self._line_cache.popitem(last=False)
        return line

    def _segments(self, row: Row, cursor: str, width: int, base: Style) -> list[Segment]:
        """Draw `row` after its gutter, cut with … if it is wider than the list."""
        if not self._width:
            return self.blank_line(width, base)
        limit, plain = 2 * self._width + 1, self._style("", cursor, base)
        segments, length, before = [Segment(cursor, plain)], GUTTER, 0
        for text, style_name in row:
            shown = visible_line(text, limit)
            if not self.styles_blanks:
                blanks = len(shown) - len(shown.lstrip(" "))
                segments.append(Segment(shown[:blanks], plain))
                length += blanks
                shown = shown[blanks:]
            segments.append(Segment(shown, self._style(style_name, cursor, base)))
            size = len(shown) if shown.isascii() else cell_len(shown)
            before, length = length, length + size
            if length > self._width:
                break
        if length > self._width:
            last, left = segments[-1], self._width - 1 - before
            if left >= 0:
                short = last.text[:left]
                text = short if short.isascii() else set_cell_size(last.text, left)
                segments[-1] = Segment(text, last.style)
            else:
                segments = Segment.adjust_line_length(segments, self._width - 1)
            segments.append(Segment(ELLIPSIS, self._style("dim", cursor, base)))
        elif length < self._width:
            segments.append(Segment(" " * (self._width - length), plain))
        # Until the resize event arrives, the row is as wide as the list was before.
        is_fit = width == self._width
        return segments if is_fit else Segment.adjust_line_length(segments, width, base)

    def _style(self, name: str, cursor: str, base: Style) -> Style:
        """Return the style of a piece of a row; styles are cached, as there are only few."""
        if (key := (name, cursor, base)) not in self._style_cache:
            overlay, own = self._resolve(_CURSOR_STYLES[cursor]), self._resolve(name)
            # A pair of foreground and background colour stays a pair under the cursor.
            self._style_cache[key] = base + overlay + own if own.bgcolor else base + own + overlay
        return self._style_cache[key]
