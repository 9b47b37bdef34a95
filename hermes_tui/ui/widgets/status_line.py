"""One line of styled text, such as the title of a run, optionally wrapped to a second row."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from hermes_tui.ui.render.wrap import fit_end, row_starts

LEAST_PATH = 12
"""Fewest cells of a path that are worth showing."""
_SEPARATOR = " · "
"""The separator of two pieces; it is dropped together with the first of them."""
HINT_STYLE = "hint"
"""The style of hints that mention a key."""


class StatusLine(Widget):
    """Shows segments; those after a `\\0fill` segment are aligned to the right end.

    The segment after a `\\0path` segment is a path, shown at the end of the left part: if there is
    little room, only its end, or nothing.

    If there is no room for all segments, those after a `\\0spare` segment on the left are dropped,
    the last first; then those on the right, the first of them first; then the left part is cut.
    The last segment on the right stays, unless something before a `\\0whole` segment would be cut.
    With `keeps_left`, all others on the right are dropped before the left is cut. With `wraps`, a
    left part with a hint about a key that would be cut takes two rows, and everything on the right
    is dropped.
    """

    DEFAULT_CSS = "StatusLine { height: 1; }"

    def __init__(
        self,
        resolve: Callable[[str], Style],
        *,
        base: str = "bar",
        keeps_left: bool = False,
        wraps: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._keeps_left, self._wraps = keeps_left, wraps
        self._second_row = 0
        """The cell of the left part at which the second row begins; 0 if there is none."""
        self._left_only = False
        """Whether the left part has the whole width."""
        self.resolve = resolve
        self._base = base
        self._segments: list[tuple[str, str]] = []

    def show(self, segments: list[tuple[str, str]]) -> None:
        """Show these (text, style name) segments from now on."""
        if segments != self._segments:
            self._segments = segments
            self._arrange()
            self.refresh()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Take a second row if the left part does not fit in one, and release it if it does."""
        width = self.size.width
        if not (self._wraps and width):
            return
        sides, _ = self._sides(Style())
        left, right = Strip(sides[0]), Strip(sides[1])
        self._second_row = 0
        has_hint = any(style == HINT_STYLE for _, style in self._segments)
        needed = left.cell_length + right.cell_length + bool(right.cell_length)
        self._left_only = has_hint and needed > width
        if self._left_only:
            starts = row_starts(left.text, width)
            self._second_row = cell_len(left.text[: starts[1]]) if len(starts) > 1 else 0
        self.styles.height = 2 if self._second_row else 1

    @property
    def text(self) -> str:
        return "".join(part for part, _ in self._segments if not part.startswith("\0"))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style + self.resolve(self._base)
        sides, path = self._sides(base)
        if self._left_only:
            return self._left_row(Strip(sides[0]), y, base)
        room = max(width // 2, width - 40)
        if self._keeps_left:
            room = width - Strip(sides[0]).cell_length
        last = 1 + bool(sides[1] and not sides[1][-1].text.strip())
        while len(sides[1]) > last and Strip(sides[1]).cell_length > room:
            sides[1].pop(0)
        if self._whole_width() + Strip(sides[1]).cell_length > width:
            sides[1].clear()
        if sides[1] and sides[1][0].text.startswith(_SEPARATOR):
            first = sides[1][0]
            sides[1][0] = Segment("  " + first.text.removeprefix(_SEPARATOR), first.style)
        left, right = Strip(sides[0]), Strip(sides[1])
        # A right part that does not begin with a blank would touch the left part.
        gap = int(bool(right.cell_length) and not right.text.startswith(" "))
        left_width = max(0, width - right.cell_length - gap)
        path_width = min(cell_len(path), left_width - left.cell_length - 2)
        if path and path_width >= min(cell_len(path), LEAST_PATH):
            left = Strip.join([left, Strip([Segment(f" {fit_end(path, path_width)} ", base)])])
        left = _cut(left, left_width, base).adjust_cell_length(left_width + gap, base)
        return Strip.join([left, right]).adjust_cell_length(width, base)

    def _whole_width(self) -> int:
        """Return the width in cells of what is before a `\\0whole` segment; 0 if there is none."""
        texts = [text for text, _ in self._segments]
        end = texts.index("\0whole") if "\0whole" in texts else 0
        return sum(cell_len(text) for text in texts[:end] if not text.startswith("\0"))

    def _left_row(self, left: Strip, y: int, base: Style) -> Strip:
        """Return one of the one or two rows of a left part without a right one."""
        width, begin = self.size.width, self._second_row
        if y == 0:
            # A blank may overhang the end of the row.
            row = left.crop(0, min(begin, width)) if begin else left
        else:
            row = Strip.join([Strip([Segment(" ", base)]), left.crop(begin)])
        return _cut(row, width, base).adjust_cell_length(width, base)

    def _sides(self, base: Style) -> tuple[list[list[Segment]], str]:
        """Return the segments of the left and right parts, without spare ones that do not fit, and
        the path."""
        sides: list[list[Segment]] = [[], []]
        spare: list[Segment] = []
        side, path, last = 0, "", ""
        for text, style in self._segments:
            if text == "\0fill":
                side = 1
            elif last == "\0path":
                path = text
            elif not text.startswith("\0"):
                segment = Segment(text, base + self.resolve(style) if style else base)
                sides[side].append(segment)
                if last == "\0spare":
                    spare.append(segment)
            last = text
        # A right part that does not begin with a blank takes one more cell.
        gap = int(bool(sides[1]) and not sides[1][0].text.startswith(" "))
        room = self.size.width - gap
        while spare and Strip([*sides[0], *sides[1]]).cell_length > room:
            dropped = spare.pop()
            sides[0] = [segment for segment in sides[0] if segment is not dropped]
        return sides, path


def _cut(strip: Strip, width: int, base: Style) -> Strip:
    """Return a strip cut to `width` cells, ending with … if it was longer."""
    if not strip.cell_length > width > 1:
        return strip
    return Strip.join([strip.crop(0, width - 2), Strip([Segment("… ", base)])])
