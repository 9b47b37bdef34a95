"""The side pane in place of the lab's steps: matrix, ranking, edits, deltas or splits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rich.style import Style

from hermes_tui.model.visible import visible_line
from hermes_tui.ui.lab.parsers import EMULATED
from hermes_tui.ui.lab.verdicts import Verdict
from hermes_tui.ui.render.lab_matrix import matrix_header, matrix_row
from hermes_tui.ui.render.lab_stream import delta_row, sweep_header, sweep_row
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.widgets.row_list import RowList, Rows

if TYPE_CHECKING:
    from hermes_tui.parsers.suggest import Suggestion
    from hermes_tui.ui.screens.lab_commands import LabCommands

TITLES: Final = {
    "matrix": "2 Engines", "which": "2 Which parser would have read this?", "fixes": "2 Fixes",
    "stream": "2 Deltas", "sweep": "2 Splits",
}  # fmt: skip


_ENTER: Final = {"matrix": "Its steps", "which": "Its steps", "fixes": "Apply", "sweep": "Replay"}
"""The label of Enter in the lists whose rows can be chosen."""


class SidePane(RowList):
    """A list of the lab; `screen.side` decides which one, and what its rows mean."""

    def __init__(self, screen: LabCommands, resolve: Callable[[str], Style]) -> None:
        super().__init__(resolve=resolve, id="side", empty="…")
        self._lab = screen
        self._rows: list[Verdict] = []
        self._shown: object = None
        self._moved = False
        self._selected: Verdict | None = None
        self._drawn: dict[tuple[bool, str, str], tuple[Verdict, Verdict | None, int, Segments]] = {}

    def begin(self) -> None:
        """Begin another list, with the cursor on its first row."""
        self._shown, self._moved = None, False
        self.border_title = TITLES.get(self._lab.side, "")

    def go(self, index: int, *, quiet: bool = False) -> None:
        super().go(index, quiet=quiet)
        # From now on the cursor stays on its row when others are inserted above it.
        self._moved = self._moved or not quiet

    @property
    def verdict(self) -> Verdict | None:
        """The verdict under the cursor, in a list of parsers."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    @property
    def enter(self) -> str:
        """The label of Enter on the row under the cursor; empty if it does nothing."""
        return _ENTER.get(self._lab.side, "") if self.row_count else ""

    def show(self) -> None:
        """Update the list from the screen's state."""
        match self._lab.side:
            case "matrix" | "which":
                self._show_verdicts(ranking=self._lab.side == "which")
            case "fixes":
                self._show_fixes()
            case "stream":
                self._show_deltas()
            case "sweep":
                self._show_splits()
            case _:
                self._rows = []

    def _is_new(self, shown: object) -> bool:
        before, self._shown = self._shown, shown
        return before != shown

    def _show_verdicts(self, *, ranking: bool) -> None:
        model = self._lab.model
        rows = model.rows(by_rank=ranking)
        selected = model.verdict
        waiting = len(model.unread())
        if not self._is_new((rows, selected, waiting > 0)):
            return
        kept = self.verdict if self._moved else None if ranking else selected
        self._rows = rows
        if selected is not self._selected:
            self._drawn.clear()
            self._selected = selected
        keys = [each.key for each in rows]
        hint = self._lab.keys.format("{lab-fixes} looks for small edits that help")
        empty_text = f"no parser reads a valid call here; {hint}"
        self.set_empty_text("reading …" if waiting else empty_text)
        self.set_header(lambda _: matrix_header(ranking=ranking))
        self.set_source(
            Rows(
                rows.__len__, lambda index, width: self._verdict_row(rows[index], ranking=ranking)
            ),
            cursor=keys.index(kept.key) if kept is not None and kept.key in keys else 0,
        )

    def _verdict_row(self, verdict: Verdict, *, ranking: bool) -> Segments:
        model = self._lab.model
        partner = model.verdicts.get((verdict.name, EMULATED)) if verdict.is_real else None
        drawn = self._drawn.get((ranking, *verdict.key))
        # Comparing long arguments takes time, so it is done once for each pair of verdicts.
        meant = model.meant
        if drawn is None or not (drawn[0] is verdict and drawn[1] is partner and drawn[2] == meant):
            row = matrix_row(verdict, model.verdict, partner, ranking=ranking, meant=meant)
            drawn = self._drawn[(ranking, *verdict.key)] = (verdict, partner, meant, row)
        return drawn[-1]

    def _show_fixes(self) -> None:
        found, looks = self._lab.suggestions, self._lab.looks_for_fixes
        if self._is_new((found, looks)):
            name = self._lab.model.parser.name
            hint = self._lab.keys.format("{lab-which} asks the other parsers")
            empty_text = f"nothing small makes {name} read more calls; {hint}"
            self.set_empty_text("looking …" if looks else empty_text)
            self.set_header(None)
            rows = Rows(found.__len__, lambda index, width: _fix_row(index, found[index], width))
            self.set_source(rows)

    def describe(self) -> None:
        """Show the place of the edit under the cursor."""
        found = self._lab.suggestions
        if self.cursor < len(found) and found[self.cursor].spans:
            self._lab.reveal(found[self.cursor].spans[0])

    def _show_deltas(self) -> None:
        stream, text = self._lab.stream, self._lab.model.text
        if stream is None:
            return
        if self._is_new((id(stream.reading), stream.size, stream.by_characters)):
            self.set_header(None)
            count = stream.deltas + 1 if stream.reading is not None else 0
            self.set_empty_text(self._lab.waiting_text(stream.engine, stream.parser))
            rows = Rows(lambda: count, lambda index, width: delta_row(stream, text, index))
            self.set_source(rows, cursor=stream.at)
        self.go(stream.at, quiet=True)

    def _show_splits(self) -> None:
        stream, text = self._lab.stream, self._lab.model.text
        if stream is None or not self._is_new((id(stream), stream.tried, len(stream.swept))):
            return
        self.set_empty_text("" if stream.tried < stream.splits else "no split changes the result")
        self.set_header(lambda width: sweep_header(stream))
        rows = Rows(stream.swept.__len__, lambda index, width: sweep_row(stream, text, index))
        self.set_source(rows, cursor=self.cursor)


def _fix_row(index: int, fix: Suggestion, width: int) -> Segments:
    return [(f"{index + 1}. ", "key"), (visible_line(fix.description, 2 * width), "")]
