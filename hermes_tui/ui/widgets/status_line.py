"""One line of styled text that never wraps, such as the title of a run."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget


class StatusLine(Widget):
    """Shows segments; those behind a `\\0fill` segment are put to the right end.

    Where there is no room for all, the first of those on the right go, then the left is cut. With
    `keeps_left` all but the last of those on the right go before the left is cut at all.
    """

    DEFAULT_CSS = "StatusLine { height: 1; }"

    def __init__(
        self,
        resolve: Callable[[str], Style],
        *,
        base: str = "bar",
        keeps_left: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._keeps_left = keeps_left
        self.resolve = resolve
        self._base = base
        self._segments: list[tuple[str, str]] = []

    def show(self, segments: list[tuple[str, str]]) -> None:
        """Show these (text, style name) segments from now on."""
        if segments != self._segments:
            self._segments = segments
            self.refresh()

    @property
    def text(self) -> str:
        return "".join(part for part, _ in self._segments if part != "\0fill")

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style + self.resolve(self._base)
        sides: list[list[Segment]] = [[], []]
        side = 0
        for text, style in self._segments:
            if text == "\0fill":
                side = 1
            else:
                sides[side].append(Segment(text, base + self.resolve(style) if style else base))
        room = max(width // 2, width - 40)
        if self._keeps_left:
            room = width - Strip(sides[0]).cell_length
        while len(sides[1]) > 1 and Strip(sides[1]).cell_length > room:
            sides[1].pop(0)
        left, right = Strip(sides[0]), Strip(sides[1])
        left_width = max(0, width - right.cell_length)
        if left.cell_length > left_width > 1:
            left = Strip.join([left.crop(0, left_width - 2), Strip([Segment("… ", base)])])
        left = left.adjust_cell_length(left_width, base)
        return Strip.join([left, right]).adjust_cell_length(width, base)
