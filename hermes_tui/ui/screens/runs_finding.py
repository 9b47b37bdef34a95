"""Searching and filtering the list of runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hermes_tui.model.visible import visible_line
from hermes_tui.ui.panes.runs import RunsPane
from hermes_tui.ui.runs.fields import FIELD_NAMES
from hermes_tui.ui.runs.search import LOOKED_AT
from hermes_tui.ui.screens.filtering import Filtering
from hermes_tui.ui.screens.runs_side import RunsSide
from hermes_tui.ui.screens.searching import Searching
from hermes_tui.ui.search import Search

if TYPE_CHECKING:
    from hermes_tui.ui.panes.facets import BarsPane
    from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
    from hermes_tui.ui.runs.feed import RunsFeed
    from hermes_tui.ui.widgets.prompt import Prompt

NO_MATCH_SO_FAR = "no match so far"


class RunsFinding(Searching, RunsSide, Filtering):
    """Goes from match to match; in a search over all texts, to the first while it is running."""

    feed: RunsFeed
    model: ArrangedRuns
    filter_hint = f"such as errors > 0 ({', '.join(FIELD_NAMES[:6])}, …)"
    searched = LOOKED_AT
    wide_scope = "all that the runs say: messages, reasoning, calls, results"

    def __init__(self) -> None:
        super().__init__()
        self._seek = 0
        """The direction in which to go to a match as soon as one is known."""
        self._seeks_from_here = False
        """Whether the run under the cursor may be that match, since the search has only begun."""
        self._bar_text = ""
        """The text to find among the bars of a side pane; empty for none."""
        self._initial_revision = -1
        """The revision of the list in which the cursor went to a match of the initial search."""
        self._is_untouched = True
        """Whether no command has been given yet."""

    def touched(self) -> None:
        """Note that a command is given: from now on the cursor belongs to the user."""
        if self._is_untouched and self._initial_revision >= 0:
            self._seek, self._seeks_from_here = 0, False
        self._is_untouched = False

    def filter_changed(self) -> None:
        self.show_search_hint()
        self.refresh_view()
        self.hurry()

    def show_search_hint(self) -> None:
        if self.model.waits_for_search:
            self.say(self.keys.format("found: nothing was searched yet, {search} begins a search"))

    def do_go_to(self) -> None:
        self.touched()
        self.ask("go to run, 50%", "go-to")

    def answered_go_to(self, event: Prompt.Answered) -> None:
        found = re.fullmatch(r"(\d{1,9})(%)?", event.value.strip())
        if found is None:
            self.say("a run's number, or 50%")
            return
        number, listed = int(found[1]), len(self.model)
        if found[2]:
            position = (listed - 1) * min(number, 100) // 100 if listed else None
        else:
            position = self.model.position_numbered(number)
        if position is not None:
            self.runs_pane.go_to(position)
            self.refresh_lines()
            return
        last, so_far = len(self.feed.rows), "" if self.feed.finished else " so far"
        if 1 <= number <= last:
            why = self.keys.format("does not pass the filter; {unfilter} drops it")
            self.say(f"run {number:,} {why}")
        else:
            self.say(f"there is no run {number:,}; the last is {last:,}{so_far}")

    def do_unfilter(self) -> None:
        self.model.try_filter("")
        self.refresh_view()

    def do_search(self) -> None:
        pane = self.front_pane()
        if isinstance(pane, RunsPane):
            super().do_search()
        else:
            label = f"search {pane.title.lower()}"
            self.ask(label, "bar", self._bar_text, hint="part of a name", replace=True)

    def answered_bar(self, event: Prompt.Answered) -> None:
        self._bar_text = event.value
        self._go_to_bar(1, from_here=True)

    @property
    def searched_bars(self) -> BarsPane | None:
        """The focused pane if the next match is one of its bars."""
        pane = self.front_pane()
        return pane if self._bar_text and not isinstance(pane, RunsPane) else None

    def _go_to_bar(self, step: int, *, from_here: bool = False) -> bool:
        """Go to the next bar that matches; return whether a search for bars is active here."""
        pane = self.searched_bars
        if pane is None:
            return False
        found = pane.find(self._bar_text, step, from_here=from_here)
        count = "no match" if found is None else f"{found[0]:,} of {found[1]:,}"
        self.say(f"/{visible_line(self._bar_text, 40)}: {count} in {pane.title.lower()}")
        return True

    def do_search_next(self) -> None:
        if not self._go_to_bar(1):
            super().do_search_next()

    def do_search_previous(self) -> None:
        if not self._go_to_bar(-1):
            super().do_search_previous()

    def search_begun(self) -> Search | None:
        return self.model.search

    def begin_search(self, search: Search | None) -> None:
        self.model.set_search(search)
        self.seek_first()

    def seek_first(self) -> None:
        """Go to the first match of a search that has only begun, as soon as it is known."""
        self._seeks_from_here = True
        self.go_match(1)

    @property
    def _is_early(self) -> bool:
        """Whether the initial search still runs, or runs still come in, before any command."""
        is_read = self.feed.finished and not self.model.unsettled
        return self._is_untouched and not is_read

    def _may_go(self, step: int) -> bool:
        """Return whether the next match is known."""
        model = self.model
        if not (model.searching or self._is_early):
            return True
        is_long = model.search is not None and model.search.in_texts
        return is_long and model.reaches_match(self._search_start(step), step)

    def _search_start(self, step: int) -> int:
        """Return the position from which to look for the next match."""
        if self._is_untouched and self._seeks_from_here:
            # Runs may still come in before those that were read first.
            return -1
        here = self.runs_pane.position
        if here is None:
            here = self.model.kept_position() or 0
        return here - step * self._seeks_from_here

    def go_match(self, step: int) -> None:
        self._seek = step
        if not self._may_go(step):
            self.hurry()
            return
        is_early = self._is_early
        if is_early and self._initial_revision == self.model.revision:
            # Until the runs are rearranged, none comes in before that match.
            return
        position = self.model.next_match(self._search_start(step), step)
        if is_early:
            self._initial_revision = self.model.revision
        else:
            self._seek, self._seeks_from_here = 0, False
        if position is None:
            self.say(self.no_match())
        elif position != self.runs_pane.position:
            self.runs_pane.go_to(position)
        self.refresh_lines()

    @property
    def may_find(self) -> bool:
        """Whether the search has found a run, or may still find one."""
        model = self.model
        if model.search is None:
            return False
        return bool(model.matches) or model.searching or not self.feed.finished

    def update_match_message(self) -> None:
        """Replace the message shown while runs came in or were searched by the result."""
        if self._message == NO_MATCH_SO_FAR:
            message = "" if self.model.matches else self.no_match()
            if message != self._message:
                self.say(message)

    def no_match(self) -> str:
        """Return why there is no run to go to; while runs come in, only that there is none yet."""
        search = self.model.search
        if search is None:
            return self.keys.format(self.why_not["search-next"])
        if self.model.searched < self.model.taken or not self.feed.finished:
            return NO_MATCH_SO_FAR
        if search.in_texts:
            return "no match"
        return self.keys.format("no match (F4 at {search} searches all texts)")

    def _match_count(self) -> str:
        """Return how many runs the search has found, and how far it has come."""
        model = self.model
        if model.searched < model.taken:
            how_far = f"of {model.searched:,} searched"
            return f"{model.matches:,} {how_far}{' …' if model.searching else ', stopped'}"
        if model.searching:
            return f"{model.matches:,} …"
        position = self.runs_pane.position
        number = model.match_number(position) if position is not None else None
        return f"{model.matches:,}" if number is None else f"{number:,} of {model.matches:,}"
