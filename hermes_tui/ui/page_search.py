"""A search over a single page of text: its matches, and the one that was gone to."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.ui.render.document import Match
from hermes_tui.ui.search import Search, matches_in
from hermes_tui.ui.widgets.text_view import TextView


class PageSearch:
    """What is searched in the document of a view, and how far a person has gone through it."""

    def __init__(self) -> None:
        self.search: Search | None = None
        self._matches: Sequence[Match] = ()
        self._match = 0

    def begin(self, search: Search | None, view: TextView) -> str:
        """Search for something else, or nothing any more; go to the first match, as `go` does."""
        self.search = search
        self.find(view)
        return self.go(view, 0)

    def find(self, view: TextView) -> None:
        """Find the matches in the document that is shown now."""
        self._match = 0
        self._matches = () if self.search is None else matches_in(view.document, self.search)

    def go(self, view: TextView, step: int) -> str:
        """Go to the next or previous match around the ends; return what is to be said."""
        if not self._matches:
            view.set_matches(())
            return "no match" if self.search is not None else ""
        self._match = (self._match + step) % len(self._matches)
        view.set_matches(self._matches, self._match)
        return f"match {self._match + 1:,} of {len(self._matches):,}"
