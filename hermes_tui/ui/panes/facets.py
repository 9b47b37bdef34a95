"""The panes next to the list of runs: facets and histogram. Enter on a bar filters by it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from functools import partial

from rich.style import Style
from textual.content import Content

from hermes_tui.ui.render.facets import (
    BarColumns,
    FacetLine,
    bar_columns,
    bar_lines,
    count_text,
    facet_lines,
    line_row,
    reward_text,
)
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.runs.counts import Bar, RunCounts
from hermes_tui.ui.runs.facets import FACET_NAMES, FacetCounts
from hermes_tui.ui.runs.fields import column
from hermes_tui.ui.runs.filter_terms import terms_of
from hermes_tui.ui.runs.histogram import QUANTITIES, HistogramCounts, Quantity, next_with_values
from hermes_tui.ui.runs.model import RunsModel
from hermes_tui.ui.widgets.row_list import RowList

SAMPLED_RUNS = 2_000
"""Rows among which a quantity must have values to be offered in the histogram."""


class BarRows:
    """Lines with bars, as the row source of the list widget."""

    def __init__(self) -> None:
        self.lines: Sequence[FacetLine] = ()
        self.is_narrowed = False
        self.picked: Collection[str] = frozenset()
        self._columns: tuple[int, BarColumns] | None = None

    def take(self, lines: Sequence[FacetLine], picked: Collection[str], *, narrowed: bool) -> bool:
        """Replace the lines; return whether anything changed."""
        before = (self.lines, self.picked, self.is_narrowed)
        self.lines, self.picked, self.is_narrowed = lines, picked, narrowed
        self._columns = None
        return before != (lines, picked, narrowed)

    def __len__(self) -> int:
        return len(self.lines)

    def row(self, index: int, width: int) -> Segments:
        if self._columns is None or self._columns[0] != width:
            self._columns = width, bar_columns(self.lines, width, is_narrowed=self.is_narrowed)
        line = self.lines[index]
        is_picked = line.bar is not None and line.bar.term in self.picked
        columns = self._columns[1]
        return line_row(line, columns, is_narrowed=self.is_narrowed, is_picked=is_picked)


class BarsPane(RowList):
    """Shows lines with bars, rebuilt as the counts grow; the cursor stays on its line."""

    title = ""
    DEFAULT_CSS = """
    BarsPane { border: round $secondary 60%; border-title-color: $secondary; }
    BarsPane:focus { border: heavy $accent; border-title-color: $accent; }
    """

    def __init__(self, model: RunsModel, resolve: Callable[[str], Style], *, id: str) -> None:
        self._rows = BarRows()
        super().__init__(self._rows, resolve=resolve, id=id)
        self.model = model

    @property
    @abstractmethod
    def counts(self) -> RunCounts[FacetCounts] | RunCounts[HistogramCounts]: ...

    @abstractmethod
    def make_lines(self, picked: Collection[str]) -> list[FacetLine]:
        """Return the lines for the current counts; `picked` are the terms of the filter."""

    def show(self) -> None:
        """Show the current counts."""
        here = self._line_at_cursor()
        picked = terms_of(self.model.filter_text) if self.model.filter else frozenset()
        lines = self.make_lines(picked)
        suffix = " …" if self.counts.unsettled else ""
        self.border_title = Content(f"{self.title}{suffix}")
        empty = "nothing tells these runs apart" if len(self.model) else "no runs to count"
        self.set_empty_text("" if self.counts.unsettled else empty)
        is_narrowed = self.counts.is_narrowed
        bars = (line.bar for line in lines if line.bar is not None)
        has_rewards = any(bar.rewards[is_narrowed] is not None for bar in bars)
        self.border_subtitle = "runs · mean reward" if has_rewards else ""
        if not self._rows.take(lines, picked, narrowed=is_narrowed):
            return
        self.rows_changed(0)
        keys = [line.key for line in lines]
        if here is not None and here.key in keys:
            self.go(keys.index(here.key), quiet=True)

    @property
    def copied(self) -> str:
        """The text to copy: the bar under the cursor with its count, or the heading."""
        line = self._line_at_cursor()
        if line is None or line.bar is None:
            return line.text.strip() if line is not None else ""
        is_narrowed = self.counts.is_narrowed
        reward = reward_text(line.bar, is_narrowed=is_narrowed)
        suffix = f", mean reward {reward}" if reward else ""
        return f"{line.bar.label} {count_text(line.bar, is_narrowed=is_narrowed)}{suffix}"

    @property
    def enter(self) -> str:
        """The label of what Enter does on the line under the cursor."""
        line = self._line_at_cursor()
        if line is None or line.bar is not None:
            return "Choose"
        return "Fold" if line.is_heading else "More or fewer"

    def bar(self) -> Bar | None:
        """Return the bar under the cursor, or None."""
        line = self._line_at_cursor()
        return line.bar if line is not None else None

    def unfold(self) -> None:
        """Fold or unfold the part that the line under the cursor heads or continues."""

    def all_lines(self) -> Sequence[FacetLine]:
        """Return the lines, including those that are folded or left out."""
        return self._rows.lines

    def reveal(self, bar: Bar) -> None:
        """Show a bar that is folded or left out."""

    def find(self, text: str, step: int, *, from_here: bool = False) -> tuple[int, int] | None:
        """Go to the next bar whose label contains `text`, ignoring case, wrapping around.

        Return its number among those bars, from 1, and how many there are; None if there is none.
        """
        lines, here = self.all_lines(), self._line_at_cursor()
        at = next((n for n, line in enumerate(lines) if here and line.key == here.key), 0)
        needle = text.casefold()
        found = [
            n for n, line in enumerate(lines) if line.bar and needle in line.bar.label.casefold()
        ]
        if not found:
            return None
        if step > 0:
            is_ahead = at.__le__ if from_here else at.__lt__
            chosen = next((n for n in found if is_ahead(n)), found[0])
        else:
            chosen = next((n for n in reversed(found) if n < at), found[-1])
        key, bar = lines[chosen].key, lines[chosen].bar
        assert bar is not None, "only bars can be found"
        if all(line.key != key for line in self._rows.lines):
            self.reveal(bar)
        self.go(next(n for n, line in enumerate(self._rows.lines) if line.key == key))
        return found.index(chosen) + 1, len(found)

    def _line_at_cursor(self) -> FacetLine | None:
        lines = self._rows.lines
        return lines[self.cursor] if self.cursor < len(lines) else None


class FacetsPane(BarsPane):
    """Lists diagnostics, tools, models, status … with the number of runs that have each."""

    title = "Facets"

    def __init__(self, model: RunsModel, resolve: Callable[[str], Style]) -> None:
        super().__init__(model, resolve, id="facets")
        self._counts = RunCounts(model, FacetCounts)
        self._folded: set[str] = set()
        self._unfolded: set[str] = set()

    @property
    def counts(self) -> RunCounts[FacetCounts]:
        return self._counts

    def make_lines(self, picked: Collection[str]) -> list[FacetLine]:
        facets = self._counts.shown.facets(whole=self._unfolded, picked=picked)
        return facet_lines(facets, self._folded)

    def all_lines(self) -> Sequence[FacetLine]:
        return facet_lines(self._counts.shown.facets(whole=FACET_NAMES), ())

    def reveal(self, bar: Bar) -> None:
        self._folded.discard(bar.name)
        self.show()
        if all(line.bar is None or line.bar.term != bar.term for line in self._rows.lines):
            self._unfolded.add(bar.name)
            self.show()

    def unfold(self) -> None:
        line = self._line_at_cursor()
        if line is not None and line.bar is None:
            names = self._folded if line.is_heading else self._unfolded
            names ^= {line.name}
            self.show()


class HistogramPane(BarsPane):
    """Shows how many runs have which values of a quantity."""

    title = "turns"

    def __init__(self, model: RunsModel, resolve: Callable[[str], Style]) -> None:
        super().__init__(model, resolve, id="histogram")
        self._quantity = QUANTITIES[0]
        self._counts = RunCounts(model, self._new_counts)

    @property
    def counts(self) -> RunCounts[HistogramCounts]:
        return self._counts

    def _new_counts(self) -> HistogramCounts:
        return HistogramCounts(self._quantity)

    def make_lines(self, picked: Collection[str]) -> list[FacetLine]:
        bars = self._counts.shown.bars()
        return bar_lines(bars, largest=max((bar.total for bar in bars), default=1))

    def next_quantity(self) -> Quantity:
        """Show the next quantity that these runs have values for, and return it."""
        self._quantity = next_with_values(
            self._quantity, partial(column, self.model.rows[:SAMPLED_RUNS])
        )
        self.title = self._quantity.heading
        self._counts.begin_anew(self._new_counts())
        return self._quantity
