"""Lines and their scrollbar drawn without asking the style sheet anew for each of them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip


class QuickScrollBar(ScrollBar):
    """A scrollbar whose equal cells are drawn once."""

    def render_lines(self, crop: Region) -> list[Strip]:
        width, height = self.region.size
        bar = self.render()
        if not isinstance(bar, ScrollBarRender) or self.opacity != 1:
            return super().render_lines(crop)
        strips: dict[int, Strip] = {}
        lines = []
        for segment in _cells(bar, height):
            strip = strips.get(id(segment))
            if strip is None:
                strip = strips[id(segment)] = self._strip(segment, width)
            lines.append(strip)
        lines = lines[crop.y : crop.bottom]
        if crop.column_span == (0, width):
            return lines
        return [strip.crop(*crop.column_span) for strip in lines]

    def _strip(self, segment: Segment, width: int) -> Strip:
        segments = list(Segment.apply_style([segment], self.visual_style.rich_style))
        for line_filter in self.get_line_filters():
            segments = line_filter.apply(segments, self.background_colors[1])
        return Strip(segments, width)


def _cells(bar: ScrollBarRender, height: int) -> Sequence[Segment]:
    """Return a segment for every line of an upright bar; equal ones are the same."""
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


class QuickLines(ScrollView):
    """Draws what is around its lines once for all of them, which takes a fifth off a page.

    The style sheet may give it border, padding and opacity; tint, hatching and outlines are not
    drawn.
    """

    _frame_key: tuple[object, ...] = ()
    _head: Sequence[Strip] = ()
    _foot: Sequence[Strip] = ()

    def draw_line(self, y: int, width: int, base: Style) -> list[Segment]:
        """Return the line at `y` of the window, `width` cells long, on the style `base`."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return Strip(self.draw_line(y, width, self.visual_style.rich_style), width)

    def render_lines(self, crop: Region) -> list[Strip]:
        width, height = self.region.size
        gutter = self.styles.gutter
        end = height - gutter.bottom
        # While the layout changes, lines below the last one may be asked for.
        if self.opacity != 1 or end <= gutter.top or crop.bottom > height:
            return super().render_lines(crop)
        self._draw_frame()
        head, foot = self._head, self._foot
        left = list(head[-1].crop(0, gutter.left)) if gutter.left else []
        right = list(head[-1].crop(width - gutter.right)) if gutter.right else []
        room, base = width - gutter.width, self.visual_style.rich_style
        filters, background = self.get_line_filters(), self.background_colors[1]
        strips = []
        for y in crop.line_range:
            if y < gutter.top:
                strips.append(head[y])
            elif y >= end:
                strips.append(foot[y - end])
            else:
                inner = self.draw_line(y - gutter.top, room, base)
                for line_filter in filters:
                    inner = line_filter.apply(inner, background)
                strips.append(Strip([*left, *inner, *right], width))
        if crop.column_span == (0, width):
            return strips
        return [strip.crop(*crop.column_span) for strip in strips]

    def _draw_frame(self) -> None:
        """Draw what is above and below the lines, and one of them, whose sides are everyone's."""
        width, height = self.region.size
        gutter = self.styles.gutter
        key = (
            self.region.size,
            self.border_title,
            self.border_subtitle,
            self.styles._cache_key,
            self.background_colors,
            tuple(self.get_line_filters()),
        )
        if key == self._frame_key:
            return
        self._frame_key, self._head, self._foot = key, (), ()
        if any(gutter):
            self._head = super().render_lines(Region(0, 0, width, gutter.top + 1))
        if gutter.bottom:
            self._foot = super().render_lines(
                Region(0, height - gutter.bottom, width, gutter.bottom)
            )

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """The scrollbar at the side; made when it is first asked for."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = bar = QuickScrollBar(
                name="vertical", thickness=self.scrollbar_size_vertical
            )
            bar.display = False
            self.app._start_widget(self, bar)
        return self._vertical_scrollbar
