"""The parser lab: a text, a parser's steps through it, and the readings of other parsers."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.css.scalar import Scalar
from textual.events import Resize
from textual.widgets import TextArea

from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.spans import Span
from hermes_tui.model.visible import visible_line
from hermes_tui.ui.bindings import bindings_for
from hermes_tui.ui.command import Situation
from hermes_tui.ui.lab.bars import editing_bar, stream_bar
from hermes_tui.ui.lab.commands import DELTAS, GROUP, HAND, REAL, RESTORE
from hermes_tui.ui.lab.model import LabText
from hermes_tui.ui.lab.parsers import lab_parsers
from hermes_tui.ui.lab.verdicts import Verdict
from hermes_tui.ui.layout import LOW, MEDIUM
from hermes_tui.ui.panes.lab import LabTextPane, ResultPane, StepsPane
from hermes_tui.ui.render.lab import legend, result_rows, step_place, title_segments
from hermes_tui.ui.render.lab_stream import stream_place, stream_rows
from hermes_tui.ui.screens.lab_commands import Hand
from hermes_tui.ui.screens.lab_side import SidePane
from hermes_tui.ui.screens.lab_take_away import LabTakeAway
from hermes_tui.ui.search import Search
from hermes_tui.ui.widgets.key_bar import Entry, KeyBar
from hermes_tui.ui.widgets.row_list import RowList
from hermes_tui.ui.widgets.status_line import StatusLine
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from textual.widget import AwaitMount, Widget

    from hermes_tui.ui.widgets.edit_area import EditArea

WIDE_SIDES = frozenset({"matrix", "which", "sweep"})
"""Side panes that take the whole width, below the text."""
MAX_MATCHES = 2_000
LEAST_STEPS = 6
"""Rows that the steps keep next to the result even if there are fewer steps."""


class LabScreen(LabTakeAway):
    """Text on the left, steps or a side pane in their place on the right, the result below."""

    scope = "lab"
    BINDINGS: ClassVar = bindings_for("lab")
    DEFAULT_CSS = """
    LabScreen { layout: vertical; }
    LabScreen #body { height: 1fr; layout: horizontal; }
    LabScreen #left { width: 1fr; height: 1fr; }
    LabScreen #right { width: 1fr; height: 1fr; }
    LabScreen #body RowList, LabScreen #body TextView, LabScreen #body EditArea {
        border: round $secondary 60%; border-title-color: $secondary;
        border-title-align: left; padding: 0; height: 1fr;
    }
    LabScreen #body RowList:focus, LabScreen #body TextView:focus, LabScreen #body EditArea:focus {
        border: heavy $accent; border-title-color: $accent;
    }
    LabScreen.stacked #body { layout: vertical; }
    LabScreen.stacked #left { width: 100%; height: 2fr; }
    LabScreen.stacked #right { width: 100%; height: 3fr; }
    LabScreen.bare #body RowList, LabScreen.bare #body TextView, LabScreen.bare #body EditArea {
        border: none;
    }
    """

    def __init__(self, given: LabText, hand: Hand | None = None) -> None:
        super().__init__(given)
        self.hand = hand
        self.side = ""
        self.search: Search | None = None
        self._matches: list[tuple[int, int]] = []
        self._match = -1
        self._unmatched_text: str | None = None
        """The text in which the search found nothing; None if it found something."""
        self._area: EditArea | None = None
        self._front = "steps"
        """The focused pane: text, steps (or the side pane in their place) or result."""
        self._shown_step: object = None
        self._parts: tuple[Widget, ...] = ()
        """The parts that are redrawn together."""

    def compose(self) -> ComposeResult:
        self._arrange()
        self.model.keys = self.keys
        resolve = self.hermes.style
        title, text = StatusLine(resolve, id="title"), LabTextPane(resolve)
        right_panes = StepsPane(self.model, resolve), SidePane(self, resolve), ResultPane(resolve)
        bottom_lines = StatusLine(resolve, base="status", wraps=True, id="status"), KeyBar(resolve)
        self._parts = (title, text, *right_panes, *bottom_lines)
        yield title
        with Container(id="body"):
            with Container(id="left"):
                yield text
            with Container(id="right"):
                yield from right_panes
        yield from bottom_lines

    def on_mount(self) -> None:
        self.text_pane.border_title = "1 Text"
        self.query_one(ResultPane).border_title = "3 Result"
        self._arrange()
        self.set_focus(self.query_one(StepsPane))
        if self.model.given.field:
            self._message = "the message has no text: this is its reasoning"
        self.start_pump()
        self.read()
        self.call_after_refresh(self.refresh_view)
        self.ask_engines(all_parsers=False)

    @property
    def text_pane(self) -> LabTextPane:
        return self.query_one(LabTextPane)

    # Arranging

    def on_resize(self, event: Resize) -> None:
        if isinstance(self.focused, (RowList, TextView)):
            self._front = str(self.focused.id).replace("side", "steps")
        self._arrange()
        # The panes have their new widths only after the layout.
        self.call_after_refresh(self.refresh_view)

    def _arrange(self) -> None:
        """Arrange the panes as there is room: a low screen has one in each column."""
        (width, height), is_wide = self.app.size, self.side in WIDE_SIDES
        is_stacked, is_low = width < MEDIUM or is_wide, height < LOW
        is_bare = is_stacked and is_low
        for name, is_on in (("stacked", is_stacked), ("bare", is_bare)):
            if self.has_class(name) != is_on:
                self.set_class(is_on, name)
        if not self._is_whole:
            return
        has_result, has_text = self._front == "result", self._front == "text"
        shown = {
            "#left": has_text or not is_bare,
            "#right": not (has_text and is_bare),
            "#steps": not (self.side or (has_result and is_low)),
            "#side": bool(self.side) and not (has_result and is_low),
            "#result": not is_wide and (has_result or not is_low),
        }
        for part, is_on in shown.items():
            self.query_one(part).display = is_on

    def show_pane(self, name: str) -> None:
        """Give a pane the focus, and show it if it is not visible."""
        self._front = "steps" if name == "result" and self.side in WIDE_SIDES else name
        self._arrange()
        self.set_focus(self._front_pane())
        self.call_after_refresh(self.refresh_view)

    def _front_pane(self) -> RowList | TextView | EditArea:
        if self._front == "text":
            return self._area or self.text_pane
        if self._front == "result":
            return self.query_one(ResultPane)
        return self.query_one(SidePane if self.side else StepsPane)

    def show_side(self, side: str) -> None:
        """Show a side pane in place of the steps; "" shows the steps again."""
        if side == self.side:
            return
        self.side = side
        self.query_one(SidePane).begin()
        self.show_pane("steps")
        self.refresh_view()

    def focus_main(self) -> None:
        self.show_pane("steps")

    def focused_pane(self) -> RowList | TextView:
        focused = self.focused
        if isinstance(focused, (RowList, TextView)):
            return focused
        return self.query_one(SidePane if self.side else StepsPane)

    def side_cursor(self) -> int:
        return self.query_one(SidePane).cursor

    def side_verdict(self) -> Verdict | None:
        return self.query_one(SidePane).verdict

    def result_target(self) -> Diagnostic | Span | None:
        return self.query_one(ResultPane).target

    def reveal(self, span: Span) -> None:
        self.text_pane.reveal_span(span)

    def look_at(self, span: Span) -> None:
        self._show_text()
        self.call_after_refresh(self.reveal, span)

    def _show_text(self) -> None:
        if not self.query_one("#left").display:
            self.show_pane("text")

    # Showing

    def situation(self) -> Situation:
        model = self.model
        legal = set()
        if self.hand is not None:
            legal.add(HAND)
        if model.is_edited:
            legal.add(RESTORE)
        if model.real is not None:
            legal.add(REAL)
        if self.side == "stream":
            legal.add(DELTAS)
        pane = self.focused
        return Situation(
            rows=len(model.steps) if self.side != "stream" else 2,
            problems=len(model.failures) + (self.side == "stream"),
            searching=self.search is not None and self.model.text != self._unmatched_text,
            legal=frozenset(legal),
            enter=pane.enter if isinstance(pane, SidePane) else "",
        )

    @property
    def _is_whole(self) -> bool:
        """Whether all parts exist: they appear a little later than the screen, and disappear one
        by one when it is closed."""
        return self.is_mounted and all(part.is_attached for part in self._parts)

    def refresh_view(self) -> None:
        if not self._is_whole:
            return
        model, stream = self.model, self.shown_stream
        if self._area is None:
            self.text_pane.show(model, stream)
        else:
            self._mark_area()
        steps = self.query_one(StepsPane)
        steps.show()
        steps.border_title = f"2 Steps of {visible_line(model.parser.name, 40)}"
        self._fit_steps()
        self.query_one(SidePane).show()
        result = self.query_one(ResultPane)
        width = max(20, result.scrollable_content_region.width - 2)
        rows = stream_rows(stream, width) if stream is not None else result_rows(model, width)
        at = (model.step, id(model.result), stream and stream.at)
        result.show(rows, keep_cursor=at == self._shown_step)
        self._shown_step = at
        self.refresh_lines()

    def _fit_steps(self) -> None:
        """Leave the rows that the steps do not need to the result."""
        steps, rows = self.query_one(StepsPane), max(LEAST_STEPS, len(self.model.steps))
        has_result = self.query_one(ResultPane).display
        limit = Scalar.from_number(rows + steps.gutter.height) if has_result else None
        if steps.styles.max_height != limit:
            steps.styles.max_height = limit

    def draw_lines(self) -> None:
        if not self._is_whole:
            return
        model = self.model
        self.query_one("#title", StatusLine).show(title_segments(model))
        if self._message:
            left = [(f" {visible_line(self._message, 300)}", "hint")]
        elif self.side in ("matrix", "which") and self.waiting:
            all_parsers, ends = len(lab_parsers()), self.keys.format("{clear} ends this")
            read = all_parsers - self.waiting
            left = [(f" {read} of {all_parsers} parsers have read the text; {ends}", "hint")]
        elif self.is_editing:
            left = [
                (self.keys.format(" editing: read again after every key; {clear} ends it"), "hint")
            ]
        else:
            left = legend()
        stream = self.shown_stream
        where = stream_place(stream) if stream is not None else step_place(model)
        self.query_one("#status", StatusLine).show([*left, ("\0fill", ""), (f"{where} ", "dim")])
        self.refresh_bar()

    def do_help(self) -> None:
        from hermes_tui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(place=self.scope, first=GROUP))

    def bar(self) -> list[Entry]:
        if self.is_editing:
            return editing_bar(self.situation())
        if (stream := self.shown_stream) is not None:
            return stream_bar(self.hermes.config.keys, by_characters=stream.by_characters)
        return super().bar()

    def follow_cursor(self, row_list: RowList) -> None:
        if row_list.id == "side":
            if (stream := self.shown_stream) is not None:
                stream.go(row_list.cursor)
            elif self.side == "fixes":
                self.query_one(SidePane).describe()
        self.refresh_view()

    @on(RowList.Chosen)
    def _row_chosen(self, event: RowList.Chosen) -> None:
        self.action_command("lab-open")

    # Editing in place

    @property
    def is_editing(self) -> bool:
        return self._area is not None

    def begin_edit(self) -> None:
        """Replace the text by an editor, with its cursor at the current place."""
        from hermes_tui.ui.widgets.edit_area import EditArea

        if self._area is not None:
            self.set_focus(self._area)
            return
        self._area = EditArea(self.model.text, resolve=self.hermes.style, id="edit")
        # A compact one has no border, whatever the CSS of a screen sets.
        self._area.compact = False
        self._area.border_title = "1 Text, being edited"
        self.text_pane.display = False
        mounted = self.query_one("#left").mount(self._area)
        self._front = "text"
        self._arrange()
        self.call_after_refresh(self._edit_begun, mounted)

    async def _edit_begun(self, mounted: AwaitMount) -> None:
        await mounted
        area, place = self._area, self.model.place()
        if area is None:
            return
        self.set_focus(area)
        if place is not None:
            area.go_to(*self._position(place.start))
        self.refresh_view()

    def _position(self, offset: int) -> tuple[int, int]:
        from hermes_tui.ui.edit_checks import position

        return position(self.model.text, offset)

    def _mark_area(self) -> None:
        failure = self.model.failure()
        places = []
        if failure is not None and failure.span is not None:
            places.append((*self._position(failure.span.start), "damage"))
        if self._area is not None:
            self._area.mark(places)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        if self._area is not None:
            self.model.set_text(self._area.value)
            self.read()
            self.refresh_view()

    def end_edit(self) -> None:
        """Show the text again, with its edits."""
        area, self._area = self._area, None
        if area is not None:
            area.remove()
            self.text_pane.display = True
            self.show_pane("steps")
            self.call_after_refresh(self.refresh_view)
            self.ask_engines(all_parsers=self.compares)

    # Finding

    def go_match(self, step: int) -> None:
        """Go to the next or previous match, wrapping around; 0 searches again."""
        if self.search is None:
            self._matches = []
        elif step == 0 or not self._matches:
            self._matches = list(islice(self.search.spans(self.model.text), MAX_MATCHES))
            self._match = 0
            self._unmatched_text = None if self._matches else self.model.text
        if self._matches:
            self._show_text()
            self._match = (self._match + step) % len(self._matches)
            self.say(f"match {self._match + 1} of {len(self._matches)}")
        elif self.search is not None:
            self.say("no match")
        self.text_pane.mark_matches(self._matches, self._match if self._matches else None)
