"""The panes next to the list of runs, and their commands: facets and histogram."""

from __future__ import annotations

from functools import partialmethod
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.events import Resize

from hermes_tui.ui.panes.runs import RunsPane
from hermes_tui.ui.render.groups import heading_text
from hermes_tui.ui.run_feed import place_of
from hermes_tui.ui.screens.base import CommandScreen

if TYPE_CHECKING:
    from hermes_tui.ui.panes.facets import BarsPane, FacetsPane, HistogramPane
    from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
    from hermes_tui.ui.runs.arrangement import Group

SIDE_BY_SIDE_WIDTH = 116
"""The width from which a side pane is next to the list; below it, it replaces the list."""
LOW_HEIGHT = 14
"""The height below which a side pane that replaces the list has no border."""
SIDES = ("facets", "histogram")
DRAW_EVERY_S = 0.25
"""Seconds between two updates while counting continues."""


class RunsSide(CommandScreen):
    """Opens and closes the side panes; choosing a bar narrows the list."""

    model: ArrangedRuns
    SIDE_CSS: ClassVar = """
    RunsScreen #body { height: 1fr; layout: horizontal; }
    RunsScreen #runs { width: 1fr; }
    RunsScreen #side { width: 1fr; }
    RunsScreen.beside #side { width: 34%; max-width: 60; }
    RunsScreen.beside #side.both #histogram { height: 18; max-height: 50%; }
    RunsScreen.bare #side BarsPane { border: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._front = "runs"
        """The pane that has the focus."""
        self._opened: dict[str, BarsPane] = {}
        self._made: dict[str, BarsPane] = {}
        self._next_update = 0.0

    @property
    def runs_pane(self) -> RunsPane:
        return self.query_one(RunsPane)

    def front_pane(self) -> RunsPane | BarsPane:
        """Return the pane that has the focus."""
        return self._opened.get(self._front) or self.runs_pane

    def enter_label(self) -> str:
        """Return the label of Enter in the focused pane; empty if it opens a run."""
        pane = self.front_pane()
        if not isinstance(pane, RunsPane):
            return pane.enter
        return "" if self._group_here() is None else "Fold"

    def _group_here(self) -> Group | None:
        """Return the group whose heading is under the cursor of the list."""
        return self.runs_pane.lines.group(self.runs_pane.cursor)

    def copied_text(self) -> str:
        """Return the text under the cursor of the focused pane."""
        pane = self.front_pane()
        if not isinstance(pane, RunsPane):
            return pane.copied
        if pane.position is not None:
            return self.model.line(pane.position)
        group = self._group_here()
        return heading_text(group) if group is not None else ""

    def do_copy_place(self) -> None:
        """Copy the command that opens the run under the cursor."""
        position = self.runs_pane.position
        if position is None:
            self.say("this is not a run")
        else:
            self.copy_command(place_of(self.model.row(position).ref))

    def focus_main(self) -> None:
        self.set_focus(self.front_pane())

    def on_resize(self, event: Resize) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Show the list and the open panes as there is room: on a small screen only one."""
        is_beside = self.size.width >= SIDE_BY_SIDE_WIDTH
        self.set_class(is_beside, "beside")
        self.set_class(not is_beside and self.size.height < LOW_HEIGHT, "bare")
        self.runs_pane.display = is_beside or self._front == "runs"
        for name, pane in self._made.items():
            pane.display = name in self._opened and (is_beside or name == self._front)
        for side in self.query("#side"):
            side.display = any(pane.display for pane in self._made.values())
            side.set_class(len(self._opened) > 1, "both")

    # Opening and closing

    def _open(self, name: str) -> BarsPane:
        pane = self._made.get(name) or self._make(name)
        self._opened[name] = pane
        self._bring_to_front(name)
        self.hurry()
        return pane

    def _make(self, name: str) -> BarsPane:
        from hermes_tui.ui.panes.facets import FacetsPane, HistogramPane

        kind: type[FacetsPane | HistogramPane]
        kind = FacetsPane if name == "facets" else HistogramPane
        pane = self._made[name] = kind(self.model, self.hermes.style)
        side = next(iter(self.query("#side")), None)
        if side is None:
            side = Vertical(id="side")
            self.query_one("#body").mount(side)
        side.mount(pane, before=0 if name == "facets" and len(self._made) > 1 else None)
        return pane

    def _close(self, name: str) -> None:
        del self._opened[name]
        self._bring_to_front("runs")

    def _bring_to_front(self, name: str) -> None:
        self._front = name
        self._arrange()
        self.set_focus(self.front_pane())
        self.refresh_view()

    def close_front(self) -> bool:
        """Close the focused pane unless it is the list; return whether one was closed."""
        if self._front not in self._opened:
            return False
        self._close(self._front)
        return True

    # Keeping up

    def advance_sides(self, budget_s: float, now: float) -> bool:
        """Continue counting for the visible panes; return whether they were drawn again."""
        counting = [pane for pane in self._opened.values() if pane.display]
        is_stale = False
        for pane in counting:
            is_stale |= pane.counts.advance(budget_s / len(counting))
        if not is_stale or (now < self._next_update and self.sides_unsettled):
            return False
        self._next_update = now + DRAW_EVERY_S
        self.show_sides()
        return True

    @property
    def sides_unsettled(self) -> bool:
        """Whether a visible pane is not completely counted yet."""
        return any(pane.display and pane.counts.unsettled for pane in self._opened.values())

    def show_sides(self) -> None:
        for pane in self._opened.values():
            if pane.display:
                pane.show()

    # Commands

    def do_facets(self) -> None:
        if self._front == "facets":
            self._close("facets")
        else:
            self._open("facets")

    def do_histogram(self) -> None:
        from hermes_tui.ui.panes.facets import HistogramPane

        is_front = self._front == "histogram"
        pane = self._open("histogram")
        if is_front and isinstance(pane, HistogramPane):
            self.say(f"histogram of {pane.next_quantity().heading}")
            self.hurry()
        elif self.has_class("bare"):
            # Without a frame, the pane has no title.
            self.say(f"histogram of {pane.title}")

    def back_quits(self) -> bool:
        return self._front not in self._opened and super().back_quits()

    def do_back(self) -> None:
        if not self.close_front():
            super().do_back()

    def _cycle(self, step: int) -> None:
        names = ["runs", *(name for name in SIDES if name in self._opened)]
        self._bring_to_front(names[(names.index(self._front) + step) % len(names)])

    do_next_pane = partialmethod(_cycle, 1)
    do_previous_pane = partialmethod(_cycle, -1)

    def choose_bar(self, pane: BarsPane) -> None:
        """Narrow the list to the runs of the bar under the cursor, or widen it again."""
        from hermes_tui.ui.runs.filter_terms import toggled

        bar = pane.bar()
        if bar is None:
            pane.unfold()
            return
        before = self.model.filter_text
        text = toggled(before, bar.term, name=bar.name, is_alternative=bar.is_alternative)
        wrong = self.model.try_filter(text)
        if wrong:
            self.say(wrong)
        self.refresh_view()
        self.hurry()
