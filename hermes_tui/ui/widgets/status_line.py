"""One line of styled text, such as the title of a run; where it may, it takes a second row."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from hermes_tui.ui.render.wrap import fit_end, row_starts

LEAST_PATH = 12
"""Cells of a path of which less tells nothing."""
_BETWEEN = " · "
"""Stands between two pieces, and not where the first of them was dropped."""
SAID = "hint"
"""The style of what is said about a key."""


class StatusLine(Widget):
    """Shows segments; those behind a `\\0fill` segment are put to the right end.

    The one behind a `\\0path` segment is a path that ends the left: where it has little room its
    end is shown, or nothing of it.

    Where there is no room for all, those on the left go that stand behind a `\\0spare` segment, the
    last first, then the first of those on the right, then the left is cut. The last on the
    right stays. With `keeps_left` all the others there go before the left is cut at all. With
    `wraps` a left that says something about a key takes two rows, and all on the right goes, where
    it would be cut.
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
        """The cell of the left that the second row begins with; 0 where there is none."""
        self._alone = False
        """Whether the left has all of the width."""
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
        """Take a second row where the left has no room in one, and give it back where it has."""
        width = self.size.width
        if not (self._wraps and width):
            return
        sides, _ = self._sides(Style())
        left, right = Strip(sides[0]), Strip(sides[1])
        self._second_row = 0
        is_said = any(style == SAID for _, style in self._segments)
        taken = left.cell_length + right.cell_length + bool(right.cell_length)
        self._alone = is_said and taken > width
        if self._alone:
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
        if self._alone:
            return self._row(Strip(sides[0]), y, base)
        room = max(width // 2, width - 40)
        if self._keeps_left:
            room = width - Strip(sides[0]).cell_length
        last = 1 + bool(sides[1] and not sides[1][-1].text.strip())
        while len(sides[1]) > last and Strip(sides[1]).cell_length > room:
            sides[1].pop(0)
        if sides[1] and sides[1][0].text.startswith(_BETWEEN):
            first = sides[1][0]
            sides[1][0] = Segment("  " + first.text.removeprefix(_BETWEEN), first.style)
        left, right = Strip(sides[0]), Strip(sides[1])
        # What is not set off by a blank of its own would run into the left.
        gap = int(bool(right.cell_length) and not right.text.startswith(" "))
        left_width = max(0, width - right.cell_length - gap)
        path_width = min(cell_len(path), left_width - left.cell_length - 2)
        if path and path_width >= min(cell_len(path), LEAST_PATH):
            left = Strip.join([left, Strip([Segment(f" {fit_end(path, path_width)} ", base)])])
        left = _cut(left, left_width, base).adjust_cell_length(left_width + gap, base)
        return Strip.join([left, right]).adjust_cell_length(width, base)

    def _row(self, left: Strip, y: int, base: Style) -> Strip:
        """Return one of the two rows of a left that stands alone, or its only one."""
        width, begin = self.size.width, self._second_row
        if y == 0:
            # A blank may hang over the end of the row.
            row = left.crop(0, min(begin, width)) if begin else left
        else:
            row = Strip.join([Strip([Segment(" ", base)]), left.crop(begin)])
        return _cut(row, width, base).adjust_cell_length(width, base)

    def _sides(self, base: Style) -> tuple[list[list[Segment]], str]:
        """Return what stands on the left and on the right, without what must be spared, and the
        path."""
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
        # What is not set off by a blank of its own takes one more.
        gap = int(bool(sides[1]) and not sides[1][0].text.startswith(" "))
        room = self.size.width - gap
        while spare and Strip([*sides[0], *sides[1]]).cell_length > room:
            dropped = spare.pop()
            sides[0] = [segment for segment in sides[0] if segment is not dropped]
        return sides, path


def _cut(strip: Strip, width: int, base: Style) -> Strip:
    """Return a strip cut visibly to `width` cells."""
    if not strip.cell_length > width > 1:
        return strip
    return Strip.join([strip.crop(0, width - 2), Strip([Segment("… ", base)])])
