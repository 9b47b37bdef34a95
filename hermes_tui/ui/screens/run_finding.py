"""Searching and filtering on the run screen, and going to a row that a filter hides."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hermes_tui.ui.panes.text_panes import MAX_HIGHLIGHTS, TextPane
from hermes_tui.ui.screens.base import SLICE_S
from hermes_tui.ui.screens.filtering import Filtering
from hermes_tui.ui.screens.searching import Searching

if TYPE_CHECKING:
    from hermes_tui.ui.panes.metadata import MetadataPane
    from hermes_tui.ui.run_feed import Feed
    from hermes_tui.ui.search import Search
    from hermes_tui.ui.view_model import RunModel
    from hermes_tui.ui.widgets.row_list import RowList
    from hermes_tui.ui.widgets.text_view import TextView


NO_EVENTS = 'kind != "event"'
"""The filter that leaves only messages, calls and results, without the other events."""


class RunFinding(Searching, Filtering):
    """Goes from match to match: first through the focused text, then from row to row."""

    feed: Feed
    model: RunModel
    zoomed: bool
    filter_hint = 'such as kind == "call" and turn > 2'

    @abstractmethod
    def focused_pane(self) -> RowList | TextView: ...

    @abstractmethod
    def main_pane(self) -> RowList | TextView | None:
        """Return the pane that has the focus, or will have it once a prompt is answered."""

    @abstractmethod
    def text_panes(self) -> Iterable[TextPane]:
        """Return the visible panes with text."""

    @abstractmethod
    def moved(self) -> None: ...

    @abstractmethod
    def toggle_zoom(self) -> None: ...

    def go_to_row(self, row: int) -> None:
        """Put the cursor on a row of the timeline; a filter that hides it is dropped."""
        if self.model.show_row(row):
            self.say(
                self.keys.format("filter dropped: it hides this row; {unfilter} brings it back")
            )
        self.moved()

    # Searching

    def search_begun(self) -> Search | None:
        return self.model.search

    @property
    def may_find(self) -> bool:
        """Whether the search has found something, or may still find something."""
        model = self.model
        if model.search is None:
            return False
        is_searched = model.timeline.finished and model.searched >= len(model.timeline)
        if model.matches or not is_searched or self.metadata_pane() is not None:
            return True
        return any(pane.matches or pane.is_finding for pane in self.text_panes())

    def begin_search(self, search: Search | None) -> None:
        model = self.model
        if search is None:
            model.set_search(None)
            self.refresh_view()
            return
        model.set_search(search, seek=True)
        self.refresh_view()
        pane, metadata = self.main_pane(), self.metadata_pane()
        is_text = isinstance(pane, TextPane) and bool(pane.matches)
        if is_text or (metadata is not None and metadata.go_match(1)):
            # The current pane has a match, so no other row has to be found.
            model.seeking = False
        self.feed.step(SLICE_S * 4)
        model.settle()
        self.hurry()
        self.moved()

    def go_match(self, step: int) -> None:
        metadata = self.metadata_pane()
        if metadata is not None and metadata.go_match(step):
            return
        pane = self.focused_pane()
        text = pane if isinstance(pane, TextPane) else None
        if text is not None and text.go_match(step):
            self.refresh_lines()
            return
        before = self.model.row
        number = self._go_to_next_row(step, text)
        if number is not None and self.model.row != before:
            self.moved()
            # On a narrow screen, another pane may have the focus now.
            entered = self.main_pane()
            if isinstance(entered, TextPane):
                if entered is text and self._is_same_page(entered, before):
                    entered.leave_matches(step)
                else:
                    entered.enter_match(step)
                self.refresh_lines()
        else:
            self._wrap_around(step, is_match=number is not None)

    def _go_to_next_row(self, step: int, text: TextPane | None) -> int | None:
        """Go to the next matching row whose text was not searched through; return its number."""
        model, before = self.model, self.model.row
        number = model.go_match(step)
        while text is not None and number is not None and model.row != before:
            if not (self._is_same_page(text, before) and text.shows(model.timeline, model.row)):
                break
            number = model.go_match(step)
        return number

    def _is_same_page(self, text: TextPane, row: int) -> bool:
        """Return whether a pane shows the same page for the row under the cursor as for another."""
        timeline = self.model.timeline
        return text.page_of(timeline, row) == text.page_of(timeline, self.model.row)

    def _wrap_around(self, step: int, *, is_match: bool) -> None:
        """Wrap around in the text on screen, since no other row matches."""
        pane = self._text_with_matches()
        if pane is None:
            hides = len(self.model.matches) > is_match
            only = "this row is the only match" if is_match else "no match"
            self.say(only + (" that the filter shows" if hides else ""))
        elif not pane.go_match(step):
            pane.wrap_match(step)
        self.refresh_lines()

    def _text_with_matches(self) -> TextPane | None:
        """Return the focused text, or else a visible one, if it has matches."""
        main = self.main_pane()
        if isinstance(main, TextPane):
            return main if main.matches else None
        return next((pane for pane in self.text_panes() if pane.matches), None)

    def found_in_text(self) -> str:
        """Return text such as "2 of 5 in raw" for the matches in the text on screen."""
        pane = self._text_with_matches() if self.model.search is not None else None
        if pane is None:
            return ""
        total = len(pane.matches)
        more = "+" if total == MAX_HIGHLIGHTS or pane.is_finding else ""
        where = f"{total:,}{more} in {pane.title.lower()}"
        if pane is self.main_pane() or not self.model.matches:
            return f"{pane.match_number:,} of {where}"
        return where if total > 1 else ""

    def metadata_pane(self) -> MetadataPane | None:
        """Return the metadata pane if it has the focus."""
        pane = self.focused_pane()
        if pane.id != "metadata":
            return None
        from hermes_tui.ui.panes.metadata import MetadataPane

        return pane if isinstance(pane, MetadataPane) else None

    def find_on(self) -> bool:
        """Search the texts on screen a little further; return whether there is more to do."""
        finding = [pane for pane in self.text_panes() if pane.is_finding]
        for pane in finding:
            pane.find_on(SLICE_S)
        if finding:
            self.refresh_lines()
        return any(pane.is_finding for pane in finding)

    # Filtering

    def do_hide_events(self) -> None:
        from hermes_tui.ui.runs.filter_terms import toggled

        before = self.model.filter_text
        text = toggled(before, NO_EVENTS, name="kind", is_alternative=False)
        if wrong := self.model.try_filter(text):
            self.say(wrong)
        self.filter_changed()

    def do_unfilter(self) -> None:
        if self.model.filter is None and self.model.restore_filter():
            self.say("the filter is back")
            self.filter_changed()
        else:
            self.model.set_filter("", None)
            self.moved()

    def filter_changed(self) -> None:
        self.feed.step(SLICE_S * 4)
        self.model.snap()
        self.hurry()
        self.moved()

    def do_clear(self) -> None:
        if self.zoomed:
            self.toggle_zoom()
        elif self.hermes.drop_chosen_run():
            self.say("no run is chosen for comparison any more")
        elif self.model.search is not None:
            self.model.set_search(None)
        elif self.model.filter is not None:
            self.do_unfilter()
        else:
            self.show_back_hint()
        self.refresh_view()
