"""The panes that show text about the row under the cursor: message, calls, reasoning, raw.

Modules that are not needed for the first screen are imported when a pane makes its first page.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from rich.style import Style

from hermes_tui.log.timeline import RowKind, Timeline
from hermes_tui.ui.render.document import Document, Match
from hermes_tui.ui.render.message import message_page
from hermes_tui.ui.search import Search
from hermes_tui.ui.view_model import ViewState
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.ui.render.copied import Copyable
    from hermes_tui.ui.render.raw import RawText

MAX_HIGHLIGHTS = 2_000
AT_ONCE_S = 0.1
"""Seconds for which a text is searched before it is shown; the search then continues."""
GROWING = "growing"


class TextPane(TextView):
    """Shows a page made from the view state, rebuilt only when what it depends on has changed."""

    title = ""

    def __init__(self, resolve: Callable[[str], Style], *, id: str) -> None:
        super().__init__(resolve=resolve, id=id)
        self._shown_for: object = None
        self._search: Search | None = None
        self.matches: list[Match] = []
        """The matches found in the text so far."""
        self._pending_matches: Iterator[Match | None] | None = None
        """Yields the remaining matches, and None whenever some time has passed."""
        self._keeps_position = False
        """Whether the text is not scrolled when a match is highlighted as the current one."""
        self._has_current = False
        """Whether a match is highlighted as the current one."""
        self._match = 0
        self._first_line = 0
        """The line at which the page begins."""
        self._end_row = 0
        """The topmost row when the end of a growing text was last shown."""

    def show(self, view: ViewState) -> None:
        """Show the page of this state."""
        width = self.scrollable_content_region.width
        key = (view.row, id(view.timeline), view.mode, self.depends_on(view, width))
        if key != self._shown_for:
            same_row = isinstance(self._shown_for, tuple) and self._shown_for[:2] == key[:2]
            self._shown_for = key
            document, self._first_line = self.make_page(view)
            self.set_document(document, keep_position=same_row)
            if self._first_line and not same_row:
                self.scroll_to_line(self._first_line)
            self._highlight(view.search, keep=same_row and view.search == self._search)
        elif view.search != self._search:
            self._highlight(view.search)
        self._search = view.search

    def show_growing(self, document: Document) -> None:
        """Show a text that is still arriving; its end stays visible unless scrolled away."""
        top = self.scroll_offset.y
        at_end = self._shown_for != GROWING or top >= min(self._end_row, self.max_scroll_y)
        self._shown_for = GROWING
        self.matches, self._pending_matches = [], None
        self.set_document(document, keep_position=not at_end)
        if at_end:
            self._show_end()
            # The height may change with the next layout.
            self.call_after_refresh(self._show_end)

    def _show_end(self) -> None:
        if self._shown_for == GROWING:
            self.to_bottom()
            self._end_row = self.scroll_offset.y

    def depends_on(self, view: ViewState, width: int) -> object:
        """Return what else the page depends on: findings and results that arrive later."""
        timeline = view.timeline
        return timeline.finished or min(len(timeline), view.row + 64)

    @abstractmethod
    def make_page(self, view: ViewState) -> tuple[Document, int]:
        """Return the page, and the line to scroll to."""

    def copies(self, view: ViewState) -> Sequence[Copyable]:
        """Return the texts to copy from this pane, one after another; by default what is shown."""
        from hermes_tui.ui.render.copied import Copyable

        return [Copyable(self.document.indented_text)]

    @property
    def match_number(self) -> int:
        """The number of the current match, from 1."""
        return self._match + 1

    def go_match(self, step: int) -> bool:
        """Go to the match `step` further on; return False if the text has none there."""
        number = self._match + step
        if number >= len(self.matches) and self.is_finding:
            self.find_on(AT_ONCE_S)
        is_found = 0 <= number < len(self.matches)
        if is_found:
            self._show_match(number)
        return is_found or (number > 0 and self.is_finding)

    def page_of(self, timeline: Timeline, row: int) -> object:
        """Return a key of the page that shows a row; rows may share a page."""
        return row

    def shows(self, timeline: Timeline, row: int) -> bool:
        """Return whether the page of a row shows all of the row that is searched."""
        return True

    def leave_matches(self, step: int) -> None:
        """Make the next step leave the text, because its matches have been visited."""
        self._match = len(self.matches) - 1 if step > 0 else 0

    def enter_match(self, step: int) -> None:
        """Go to the match at which a step from another row arrives."""
        if step > 0:
            self._show_match_from(self._first_line)
        else:
            self.wrap_match(step)

    def wrap_match(self, step: int) -> None:
        """Go to the first match for a step forward, to the last one for a step back."""
        if self.matches:
            self._show_match(0 if step > 0 else len(self.matches) - 1)

    def _highlight(self, search: Search | None, *, keep: bool = False) -> None:
        """Search the text and mark the matches; the first from the top of the window is current.

        With `keep`, the current match keeps its number and the text is not scrolled.
        """
        before, self.matches, self._pending_matches = self.matches, [], None
        self._keeps_position, self._has_current = keep, False
        if not keep:
            self._match = 0
        if before:
            self.set_matches(())
        if search is not None:
            self._pending_matches = self.document.look(search.look_at, search.may_match)
            self.find_on(AT_ONCE_S)

    @property
    def is_finding(self) -> bool:
        """Whether a part of the text is not searched yet."""
        return self._pending_matches is not None

    def find_on(self, budget_s: float) -> bool:
        """Search the text for about `budget_s` seconds; return whether anything was found."""
        if self._pending_matches is None:
            return False
        known, deadline = len(self.matches), time.perf_counter() + budget_s
        for match in self._pending_matches:
            if match is not None:
                self.matches.append(match)
            elif time.perf_counter() > deadline:
                break
            if len(self.matches) == MAX_HIGHLIGHTS:
                self._pending_matches = None
                break
        else:
            self._pending_matches = None
        if len(self.matches) > known or not self.is_finding:
            self._show_matches()
        return len(self.matches) > known

    def _show_matches(self) -> None:
        """Mark the matches, and highlight the current one as soon as it is known."""
        if not self.matches:
            return
        is_there = self._match < len(self.matches)
        if self._has_current or (self._keeps_position and is_there):
            self._has_current = True
            self.set_matches(self.matches, self._match, reveal=False)
        elif self.is_finding and (self._keeps_position or self.matches[-1].line < self.top_line):
            self.set_matches(self.matches)
        else:
            self._show_match_from(self.top_line)

    def _show_match_from(self, line: int) -> None:
        if self.matches:
            ahead = bisect_left(self.matches, line, key=attrgetter("line"))
            self._show_match(ahead if ahead < len(self.matches) else 0)

    def _show_match(self, number: int) -> None:
        self._match, self._has_current = number, True
        self.set_matches(self.matches, number)


class MessagePane(TextPane):
    title = "Message"

    def make_page(self, view: ViewState) -> tuple[Document, int]:
        return message_page(view), 0

    def copies(self, view: ViewState) -> Sequence[Copyable]:
        from hermes_tui.ui.render.copied import text_copies

        return text_copies(view) or super().copies(view)


class CallsPane(TextPane):
    title = "Tool calls"

    def depends_on(self, view: ViewState, width: int) -> object:
        later = super().depends_on(view, width)
        return (later, view.raw_beside, width if view.raw_beside else 0)

    def page_of(self, timeline: Timeline, row: int) -> object:
        from hermes_tui.ui.render.calls import MAX_CALLS

        turn = timeline.turn(row)
        return ("turn", turn) if len(timeline.call_rows(turn)) <= MAX_CALLS else row

    def shows(self, timeline: Timeline, row: int) -> bool:
        # The page shows only the beginning of a result.
        return timeline.kind(row) is RowKind.CALL

    def make_page(self, view: ViewState) -> tuple[Document, int]:
        from hermes_tui.ui.render.calls import calls_page

        return calls_page(view, self.scrollable_content_region.width)

    def copies(self, view: ViewState) -> Sequence[Copyable]:
        from hermes_tui.ui.render.calls import selected_call
        from hermes_tui.ui.render.copied import call_copies

        _, call = selected_call(view.timeline, view.row) if view.row >= 0 else (None, None)
        return super().copies(view) if call is None else call_copies(call)


class ReasoningPane(TextPane):
    title = "Reasoning"

    def make_page(self, view: ViewState) -> tuple[Document, int]:
        from hermes_tui.ui.render.reasoning import reasoning_page

        return reasoning_page(view), 0


class RawPane(TextPane):
    title = "Raw"

    def __init__(self, resolve: Callable[[str], Style], raw_text: RawText, *, id: str) -> None:
        super().__init__(resolve, id=id)
        self._raw_text = raw_text

    def make_page(self, view: ViewState) -> tuple[Document, int]:
        from hermes_tui.ui.render.raw import raw_page

        return raw_page(view, self._raw_text), 0

    def copies(self, view: ViewState) -> Sequence[Copyable]:
        from hermes_tui.ui.render.copied import event_copies

        event = view.event
        return [] if event is None else event_copies(view.timeline, event, self._raw_text)
