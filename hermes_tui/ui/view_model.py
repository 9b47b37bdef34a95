"""The state of the run screen, without any widget: log, cursor, filter, search, marks.

`RunModel` applies what a person does; panes receive a frozen `ViewState` and read the log from it.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hermes_tui.log.event_log import EventLog
from hermes_tui.log.query import CHEAP_FIELDS, FIELDS, RowFields, row_texts
from hermes_tui.log.regex_automaton import SEARCH_SLICE
from hermes_tui.log.same_row import same_row
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import Event
from hermes_tui.ui.command import Situation
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.search import Search

if TYPE_CHECKING:
    from hermes_tui.log.expressions import Expression


RECORDS_AT_ONCE = 256


class ViewState(NamedTuple):
    """What the panes show. `row` is a row of the timeline, or -1 if there is none yet."""

    timeline: Timeline
    row: int
    follow: bool = False
    search: Search | None = None
    mode: str = "plain"
    """How the message pane renders: plain, markdown or json."""
    raw_beside: bool = False
    keys: KeyNames = KeyNames()

    @property
    def event(self) -> Event | None:
        """Return the event under the cursor, or None if there is none."""
        return self.timeline.event(self.row) if 0 <= self.row < len(self.timeline) else None


@dataclass(slots=True)
class RunModel:
    """The state of one run screen. Row numbers are those of the timeline, whatever the filter."""

    log: EventLog
    timeline: Timeline = field(init=False)
    row: int = 0
    follow: bool = False
    mode: str = "plain"
    raw_beside: bool = False
    search: Search | None = None
    matches: array[int] = field(default_factory=lambda: array("L"))
    seeking: bool = False
    """Whether the cursor has yet to move to the first match at or after it."""
    searched: int = 0
    """Rows searched so far."""
    _row_search: Iterator[bool | None] | None = None
    """The unfinished search of row number `searched`, or None."""
    filter_text: str = ""
    filter: Expression | None = None
    shown: array[int] = field(default_factory=lambda: array("L"))
    """Rows that match the filter, in order; used only while there is a filter."""
    filtered: int = 0
    """Rows tested by the filter so far."""
    dropped: tuple[str, Expression | None] | None = None
    """The filter that was dropped because it hid the row that the cursor moved to."""
    marks: dict[str, int] = field(default_factory=dict)
    target_message: int = 0
    """The message to move to as soon as it is read, counted from 1; 0 for none."""
    keys: KeyNames = field(default_factory=KeyNames)

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.log)

    def show_log(self, log: EventLog) -> None:
        """Show another run from its beginning, with the same search and filter."""
        self.log, self.timeline = log, Timeline(log)
        self.row = 0
        self.marks.clear()
        self.restart_search_and_filter()

    def restart_search_and_filter(self) -> None:
        """Search and filter every row again, because its text may have changed."""
        dropped = self.dropped
        self.set_search(self.search, seek=self.seeking)
        self.set_filter(self.filter_text, self.filter)
        self.dropped = dropped

    def take_over(self, log: EventLog, timeline: Timeline) -> None:
        """Continue with a log of the same run that is read further; rows keep their numbers."""
        self.log, self.timeline = log, timeline

    def replace_reading(self, log: EventLog, timeline: Timeline) -> None:
        """Continue with the run as it was read again; the cursor and marks stay on their rows."""
        before, self.log, self.timeline = self.timeline, log, timeline
        self.row = same_row(before, self.row, timeline)
        self.marks = {name: same_row(before, row, timeline) for name, row in self.marks.items()}
        self.restart_search_and_filter()

    # Growing

    def advance(self, events: int) -> bool:
        """Read up to `events` more events; return whether anything was done."""
        log = self.log
        # Only a log that is read from a file has this method; live runs need no reader.
        index_record = getattr(log, "index_record", None)
        indexed = 0
        if index_record is not None:
            # Blank lines are records without events, and there may be a million of them.
            while (
                indexed < RECORDS_AT_ONCE
                and len(log) - self.timeline.state.events < events
                and index_record()
            ):
                indexed += 1
        before = len(self.timeline)
        folded = self.timeline.advance(events)
        return bool(folded or indexed) or len(self.timeline) != before

    def advance_search(self, rows: int) -> bool:
        """Search up to `rows` more rows, or part of a long one; return whether any were left."""
        search = self.search
        if search is None or self.searched >= len(self.timeline):
            return False
        end = min(len(self.timeline), self.searched + rows)
        while self.searched < end:
            if self._row_search is None:
                self._row_search = self._look(search, self.searched)
            found = next(self._row_search)
            if found is None:
                break
            if found:
                self.matches.append(self.searched)
            self._row_search = None
            self.searched += 1
        return True

    def _look(self, search: Search, row: int) -> Iterator[bool | None]:
        """Yield None after each part of a long text of a row, and finally whether it matches."""
        for text in row_texts(self.timeline, row):
            for found in search.search_steps(text):
                if found:
                    yield True
                    return
                if len(text) > SEARCH_SLICE:
                    yield None
        yield False

    def advance_filter(self, rows: int) -> bool:
        """Test up to `rows` more rows against the filter; return whether any were left."""
        expression = self.filter
        if expression is None or self.filtered >= len(self.timeline):
            return False
        end = min(len(self.timeline), self.filtered + rows)
        for row in range(self.filtered, end):
            if expression.matches(RowFields(self.timeline, row)):
                self.shown.append(row)
        self.filtered = end
        return True

    # What is shown

    def state(self) -> ViewState:
        """Return what the panes show now."""
        return ViewState(
            self.timeline,
            self.row if self.visible_rows() else -1,
            self.follow,
            self.search,
            self.mode,
            self.raw_beside,
            self.keys,
        )

    def situation(
        self, *, runs: int = 1, loading: bool = False, searching: bool = False
    ) -> Situation:
        """Return the situation that decides which commands are enabled."""
        state = self.timeline.state
        linked = bool(len(self.timeline)) and self.timeline.linked_seq(self.row) is not None
        problems = sum(1 for code in state.severities if code != "note")
        return Situation(
            rows=self.visible_rows(),
            calls=state.calls,
            problems=problems,
            runs=runs,
            linked=linked,
            searching=searching,
            filtered=self.filter is not None or self.dropped is not None,
            loading=loading,
            gold=bool(state.tally.gold_failures),
        )

    def visible_rows(self) -> int:
        """Return how many rows the list shows."""
        return len(self.timeline) if self.filter is None else len(self.shown)

    def row_at(self, position: int) -> int:
        """Return the timeline row at a position of the list."""
        return position if self.filter is None else self.shown[position]

    def position(self) -> int:
        """Return the cursor's position in the list, or that of the nearest shown row below it."""
        if self.filter is None:
            return self.row
        return min(bisect_left(self.shown, self.row), max(0, len(self.shown) - 1))

    def is_shown(self, row: int) -> bool:
        """Return whether a row matches the filter; True without one."""
        if self.filter is None:
            return True
        at = bisect_left(self.shown, row)
        return at < len(self.shown) and self.shown[at] == row

    # Moving

    def go(self, row: int) -> None:
        """Move the cursor to a row, clamped to the rows of the run."""
        self.row = max(0, min(row, len(self.timeline) - 1))

    def snap(self) -> None:
        """Move the cursor to the nearest shown row below it if the filter hides its own."""
        if self.row < self.filtered and len(self.shown):
            self.row = self.shown[self.position()]

    def settle(self) -> None:
        """Move the cursor according to what search and filter have found so far."""
        self._seek_message()
        self.snap()
        if not self.seeking or self.search is None or self.target_message:
            return
        at = bisect_left(self.matches, self.row)
        number = self._shown_match(at, 1) if self.matches else None
        is_all = self.searched >= len(self.timeline) and self.timeline.finished
        if is_all or (number is not None and number >= at):
            self.seeking = self.follow = False
            if number is not None:
                self.row = self.matches[number]

    def _seek_message(self) -> None:
        row = self.timeline.message_row(self.target_message) if self.target_message else None
        if row is not None:
            self.target_message = 0
            self.go(row)

    def go_kind(self, step: int, kind: str) -> bool:
        """Move to the next (`step` 1) or previous (-1) shown `call`, `turn` or `problem`."""
        rows = self.timeline.rows_from(kind, self.row, step)
        found = next(filter(self.is_shown, rows), None)
        if found is not None:
            self.row = found
        return found is not None

    def pair(self) -> int | None:
        """Return the row of the result of the call under the cursor, or of the call of the result.

        None if there is none.
        """
        seq = self.timeline.linked_seq(self.row) if len(self.timeline) else None
        return self.timeline.row_of(seq) if seq is not None else None

    def show_row(self, row: int) -> bool:
        """Move the cursor to a row; return whether the filter hid the row and was dropped."""
        self.go(row)
        if not self._is_hidden(self.row):
            return False
        hidden_by = self.filter_text, self.filter
        self.set_filter("", None)
        self.dropped = hidden_by
        return True

    def _is_hidden(self, row: int) -> bool:
        """Return whether the filter hides a row, or will once it reaches the row."""
        if self.filter is None or not self.filtered <= row < len(self.timeline):
            return not self.is_shown(row)
        return not self.filter.matches(RowFields(self.timeline, row))

    def restore_filter(self) -> bool:
        """Restore the filter that was dropped to show a row; return whether there was one."""
        if self.dropped is None:
            return False
        self.set_filter(*self.dropped)
        return True

    def go_match(self, step: int) -> int | None:
        """Move to the next or previous match, wrapping around; return its 1-based number if any."""
        if not self.matches:
            return None
        here, on_match = self._place_among_matches()
        target = here + (on_match if step > 0 else -1)
        number = self._shown_match(target, step)
        if number is None:
            return None
        self.row = self.matches[number]
        return number + 1

    def _shown_match(self, first: int, step: int) -> int | None:
        """Return the first shown match from number `first` on, wrapping around, or None."""
        count = len(self.matches)
        numbers = ((first + step * further) % count for further in range(count))
        return next((number for number in numbers if self.is_shown(self.matches[number])), None)

    def match_number(self) -> int | None:
        """Return the 1-based number of the match under the cursor, or None if it is on none."""
        here, on_match = self._place_among_matches()
        return here + 1 if on_match else None

    def _place_among_matches(self) -> tuple[int, bool]:
        """Return the number of matches above the cursor, and whether it is on the next one."""
        here = bisect_left(self.matches, self.row)
        return here, here < len(self.matches) and self.matches[here] == self.row

    def go_to(self, target: str) -> str:
        """Go to `target`, a row number, t3, s12 or 50%; return what is wrong with it, or ""."""
        target = target.strip()
        found = re.fullmatch(r"(t|s)?(\d{1,12})(%)?", target)
        if found is None:
            return "a row number, t3 for a turn, s12 for an event, or 50%"
        prefix, digits, percent = found.groups()
        number = int(digits)
        last = len(self.timeline) - 1
        if percent:
            self.go(last * min(number, 100) // 100)
        elif prefix == "s":
            return self._go_to_event(number)
        elif prefix == "t":
            return self._go_to_turn(number)
        elif not 1 <= number <= last + 1:
            return f"there is no row {number:,}; rows go from 1 to {last + 1:,}{self.so_far}"
        else:
            self.go(number - 1)
        return ""

    def _go_to_event(self, seq: int) -> str:
        events = self.timeline.state.events
        if seq >= events:
            return f"there is no event {seq:,}; the last is {events - 1:,}{self.so_far}"
        row = self.timeline.row_of(seq)
        # The last events of a run may have no row of their own.
        self.go(len(self.timeline) if row is None else row)
        return ""

    def _go_to_turn(self, number: int) -> str:
        row = self.timeline.turn_row(number)
        if row is None:
            return f"there is no turn {number}; the last is {self.timeline.state.turn}{self.so_far}"
        self.row = row
        return ""

    @property
    def so_far(self) -> str:
        """Return the suffix of "there is no …" messages while the run is still being read."""
        return "" if self.timeline.finished else " so far"

    # Search and filter

    def seek_from_start(self, search: Search) -> None:
        """Search, and go to the first match of the run; stop following a run that grows."""
        self.row, self.follow = 0, False
        self.set_search(search, seek=True)

    def set_search(self, search: Search | None, *, seek: bool = False) -> None:
        """Search from the first row on; `seek`: go to the first match at or after the cursor."""
        self.search = search
        self.seeking = seek
        self.matches = array("L")
        self.searched = 0
        self._row_search = None

    def try_filter(self, text: str) -> str:
        """Filter by an expression (none if it is empty); return what is wrong with it, or ""."""
        from hermes_tui.log.expressions import ExpressionError
        from hermes_tui.log.plain_fields import compile_filter

        try:
            expression = compile_filter(text, FIELDS, cheap_names=CHEAP_FIELDS)
        except ExpressionError as error:
            return error.on_screen
        self.set_filter(text.strip(), expression)
        return ""

    def set_filter(self, text: str, expression: Expression | None) -> None:
        self.filter_text = text
        self.filter = expression
        self.dropped = None
        self.shown = array("L")
        self.filtered = 0
