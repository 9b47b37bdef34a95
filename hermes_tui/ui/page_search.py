"""A search in a single page of text: its matches, and the current one."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.ui.render.document import Match
from hermes_tui.ui.search import Search, matches_in
from hermes_tui.ui.widgets.text_view import TextView


class PageSearch:
    """A search in the document of a view, its matches, and the number of the current match."""

    def __init__(self) -> None:
        self.search: Search | None = None
        self._matches: Sequence[Match] = ()
        self._match = 0

    def begin(self, search: Search | None, view: TextView) -> str:
        """Replace the search, or drop it if None; go to the first match and return as `go` does."""
        self.search = search
        self.find(view)
        return self.go(view, 0)

    def find(self, view: TextView) -> None:
        """Find the matches in the current document."""
        self._match = 0
        self._matches = () if self.search is None else matches_in(view.document, self.search)

    def go(self, view: TextView, step: int) -> str:
        """Move `step` matches on, wrapping around; return the message to show."""
        if not self._matches:
            view.set_matches(())
            return "no match" if self.search is not None else ""
        self._match = (self._match + step) % len(self._matches)
        view.set_matches(self._matches, self._match)
        return f"match {self._match + 1:,} of {len(self._matches):,}"
