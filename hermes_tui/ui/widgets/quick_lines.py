"""Lines and their scrollbar drawn without consulting the style sheet for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from types import MappingProxyType

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Offset, Region
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip


class QuickScrollBar(ScrollBar):
    """A scrollbar that draws equal cells only once."""

    def render_lines(self, crop: Region) -> list[Strip]:
        width, height = self.region.size
        bar = self.render()
        if not isinstance(bar, ScrollBarRender) or self.opacity != 1:
            return super().render_lines(crop)
        cells = _cells(bar, height)
        drawn = self._strips({id(cell): cell for cell in cells}, width)
        lines = [drawn[id(cell)] for cell in cells[crop.y : crop.bottom]]
        if crop.column_span == (0, width):
            return lines
        return [strip.crop(*crop.column_span) for strip in lines]

    def _strips(self, cells: Mapping[int, Segment], width: int) -> dict[int, Strip]:
        """Return each cell as it is drawn, under its key."""
        style, background = self.visual_style.rich_style, self.background_colors[1]
        filters = self.get_line_filters()
        return {
            key: Strip(_filtered([*Segment.apply_style([cell], style)], filters, background), width)
            for key, cell in cells.items()
        }


def _filtered(
    segments: list[Segment], filters: Sequence[LineFilter], background: Color
) -> list[Segment]:
    for line_filter in filters:
        segments = line_filter.apply(segments, background)
    return segments


def _cells(bar: ScrollBarRender, height: int) -> Sequence[Segment]:
    """Return a segment for each line of a vertical bar; equal ones are the same object."""
    style = bar.style
    assert isinstance(style, Style) and style.color and style.bgcolor
    return bar.render_bar(
        size=height,
        virtual_size=bar.virtual_size,
        window_size=bar.window_size,
        position=bar.position,
        thickness=bar.thickness,
        back_color=style.bgcolor,
        bar_color=style.color,
    ).segments


class _FramedLine(Strip):
    """A line between the sides of its frame, which knows how a scrollbar divides it.

    Textual divides every line at the edges of the scrollbar that covers a part of it.
    """

    __slots__ = ("_cuts", "_parts")

    def __init__(self, parts: Sequence[Strip], cuts: Sequence[int]) -> None:
        super().__init__(chain.from_iterable(parts), cuts[-1])
        self._parts, self._cuts = parts, cuts

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        positions = list(cuts)
        return self._parts if positions == self._cuts else super().divide(positions)


class QuickLines(ScrollView):
    """Draws the frame around its lines only once, which saves a fifth of the time for a page.

    The style sheet may set border, padding and opacity; tint, hatching and outlines are not drawn.
    """

    _frame_key: tuple[object, ...] = ()
    _head: Sequence[Strip] = ()
    _foot: Sequence[Strip] = ()
    _left: Sequence[Segment] = ()
    _right: Sequence[Strip] = ()
    """What is right of a line: the place of the scrollbar, and the border with its padding."""
    _cuts: Sequence[int] = ()
    """Where a line and what is right of it end, in cells of the widget."""
    _filters: Sequence[LineFilter] = ()
    _backdrop = Color(0, 0, 0)
    _drawn_lines: Mapping[int, tuple[list[Segment], Strip]] = MappingProxyType({})
    """The most recently drawn lines, by the identity of their segments."""
    _blank_line: tuple[int, Style | None, list[Segment]] = (0, None, [])

    def draw_line(self, y: int, offset: Offset, width: int, base: Style) -> list[Segment]:
        """Return the line at `y` of the window, `width` cells long, on the style `base`.

        `offset` is how far the lines are scrolled. Returning the same list object again means that
        the line is unchanged.
        """
        raise NotImplementedError

    def blank_line(self, width: int, base: Style) -> list[Segment]:
        """Return a line without text, always the same object."""
        if self._blank_line[:2] != (width, base):
            self._blank_line = (width, base, [Segment(" " * width, base)])
        return self._blank_line[2]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.visual_style.rich_style
        return Strip(self.draw_line(y, self.scroll_offset, width, base), width)

    def render_lines(self, crop: Region) -> list[Strip]:
        width, height = self.region.size
        gutter = self.styles.gutter
        end = height - gutter.bottom
        # While the layout changes, lines below the last one may be requested.
        if self.opacity != 1 or end <= gutter.top or crop.bottom > height:
            return super().render_lines(crop)
        room, base = width - self.gutter.width, self.visual_style.rich_style
        self._draw_frame(room, base)
        offset = self.scroll_offset
        before, drawn = self._drawn_lines, dict[int, tuple[list[Segment], Strip]]()
        strips = []
        for y in crop.line_range:
            if y < gutter.top:
                strips.append(self._head[y])
            elif y >= end:
                strips.append(self._foot[y - end])
            else:
                line = self.draw_line(y - gutter.top, offset, room, base)
                # A strip caches what Textual renders from it, which costs more than drawing it.
                known = drawn.get(id(line)) or before.get(id(line)) or (line, self._framed(line))
                drawn[id(line)] = known
                strips.append(known[1])
        self._drawn_lines = drawn
        if crop.column_span == (0, width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def _framed(self, line: list[Segment]) -> Strip:
        """Return a line of the window as drawn, with the frame on both sides."""
        inside = _filtered(line, self._filters, self._backdrop)
        drawn = Strip([*self._left, *inside], self._cuts[0])
        return _FramedLine((drawn, *self._right), self._cuts) if self._right else drawn

    def _draw_frame(self, room: int, base: Style) -> None:
        """Draw the frame around lines of `room` cells; the sides of one line are those of all."""
        width, height = self.region.size
        gutter = self.styles.gutter
        backgrounds, filters = self.background_colors, tuple(self.get_line_filters())
        key = (
            self.region.size,
            room,
            base,
            self.border_title,
            self.border_subtitle,
            self.styles._cache_key,
            backgrounds,
            filters,
        )
        if key == self._frame_key:
            return
        self._frame_key, self._head, self._foot = key, (), ()
        self._drawn_lines, self._filters, self._backdrop = {}, filters, backgrounds[1]
        left, right = list[Segment](), list[Segment]()
        if any(gutter):
            self._head = super().render_lines(Region(0, 0, width, gutter.top + 1))
            side = self._head[-1]
            left = list(side.crop(0, gutter.left))
            right = list(side.crop(width - gutter.right))
        if gutter.bottom:
            self._foot = super().render_lines(
                Region(0, height - gutter.bottom, width, gutter.bottom)
            )
        blank = [Segment(" " * (width - gutter.width - room), base)]
        scrollbar = _filtered(blank, filters, backgrounds[1])
        ends = (gutter.left + room, width - gutter.right, width)
        sides = ((scrollbar, ends[1] - ends[0]), (right, gutter.right))
        self._left, self._right = left, [Strip(side, size) for side, size in sides if size]
        self._cuts = sorted(set(ends))

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """The vertical scrollbar, created on first access."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = bar = QuickScrollBar(
                name="vertical", thickness=self.scrollbar_size_vertical
            )
            bar.display = False
            self.app._start_widget(self, bar)
        return self._vertical_scrollbar
