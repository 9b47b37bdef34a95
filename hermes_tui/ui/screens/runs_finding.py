"""Searching and filtering the list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_tui.ui.runs.fields import FIELD_NAMES
from hermes_tui.ui.runs.search import LOOKED_AT
from hermes_tui.ui.screens.runs_side import RunsSide
from hermes_tui.ui.screens.searching import Searching
from hermes_tui.ui.search import Search

if TYPE_CHECKING:
    from hermes_tui.ui.runs.feed import RunsFeed
    from hermes_tui.ui.widgets.prompt import Prompt


class RunsFinding(Searching, RunsSide):
    """Goes from match to match; of a search over all texts, to the first while it goes on."""

    feed: RunsFeed
    searched = LOOKED_AT
    searched_too = "all that the runs say: messages, reasoning, calls, results"

    def __init__(self) -> None:
        super().__init__()
        self._seek = 0
        """Direction in which to go to a match as soon as one is known."""
        self._seeks_from_here = False
        """Whether the run under the cursor may be that match: the search has only begun."""
        self._is_untouched = True
        """Whether nobody has given a command yet."""

    def do_filter(self) -> None:
        self._ask_filter(self.model.filter_text)

    def _ask_filter(self, text: str) -> None:
        hint = f"such as errors > 0 ({', '.join(FIELD_NAMES[:6])}, …)"
        self.ask("filter", "filter", text, hint=hint)

    def answered_filter(self, event: Prompt.Answered) -> None:
        wrong = self.model.try_filter(event.value)
        if wrong:
            self._ask_filter(event.value)
            self.say(wrong)
            return
        self._say_what_is_waited_for()
        self.refresh_view()
        self.hurry()

    def _say_what_is_waited_for(self) -> None:
        if self.model.waits_for_search:
            self.say(self.keys.told("found: nothing is searched, {search} begins a search"))

    def do_unfilter(self) -> None:
        self.model.try_filter("")
        self.refresh_view()

    def search_begun(self) -> Search | None:
        return self.model.search

    def begin_search(self, search: Search | None) -> None:
        self.model.set_search(search)
        self._seeks_from_here = True
        self.go_match(1)

    def _may_go(self) -> bool:
        """Tell whether the next match is known: of a long search, the first may do."""
        model = self.model
        is_long = model.search is not None and model.search.in_texts
        # A search that was asked for at the start begins before the runs are there.
        is_early = self._is_untouched and (model.unsettled or not self.feed.finished)
        is_all = not (model.searching or is_early)
        return is_all or (is_long and model.next_match(0, 1) is not None)

    def go_match(self, step: int) -> None:
        if not self._may_go():
            self._seek = step
            self.hurry()
            return
        from_here, self._seek, self._seeks_from_here = self._seeks_from_here, 0, False
        pane = self.runs_pane
        here = pane.position
        if here is None:
            here = self.model.kept_position() or 0
        position = self.model.next_match(here - step * from_here, step)
        if position is None:
            self.say(self._no_match())
        else:
            pane.go_to(position)
        self.refresh_lines()

    def _no_match(self) -> str:
        search = self.model.search
        if search is None:
            return self.keys.told(self.why_not["search-next"])
        if self.model.searched < self.model.taken or not self.feed.finished:
            return "no match so far"
        if search.in_texts:
            return "no match"
        return self.keys.told("no match (F4 at {search} searches all texts)")

    def _found(self) -> str:
        """Return how many runs the search has found, and how far it is."""
        model = self.model
        if model.searched < model.taken:
            how_far = f"of {model.searched:,} searched"
            return f"{model.matches:,} {how_far}{' …' if model.searching else ', stopped'}"
        return f"{model.matches:,}{' …' if model.searching else ''}"
