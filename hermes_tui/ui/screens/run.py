"""The run screen: one run, its panes, and everything a person can do with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize

from hermes_tui.ui.bindings import bindings_for
from hermes_tui.ui.feeds import RunFeed
from hermes_tui.ui.panes.errors import ErrorsPane
from hermes_tui.ui.panes.text_panes import (
    CallsPane,
    MessagePane,
    RawPane,
    ReasoningPane,
    TextPane,
)
from hermes_tui.ui.panes.timeline import TimelinePane
from hermes_tui.ui.render.message import MODES
from hermes_tui.ui.render.titles import run_title, status_segments
from hermes_tui.ui.screens.base import SLICE_S, CommandScreen
from hermes_tui.ui.view_model import Situation, compile_search
from hermes_tui.ui.widgets.key_bar import KeyBar
from hermes_tui.ui.widgets.row_list import RowList
from hermes_tui.ui.widgets.status_line import StatusLine
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.ui.widgets.prompt import Prompt

PANES = ("timeline", "message", "calls", "reasoning", "errors", "raw")
WIDE, MEDIUM, TALL = 150, 100, 30


class RunScreen(CommandScreen):
    """Timeline on the left or on top, the other panes beside or below, as the room allows."""

    scope = "run"
    BINDINGS: ClassVar = bindings_for("run")
    DEFAULT_CSS = """
    RunScreen { layout: vertical; }
    RunScreen #body { height: 1fr; }
    RunScreen #details { height: 1fr; width: 1fr; }
    RunScreen #body TextPane, RunScreen #body RowList {
        border: round $secondary 60%; border-title-color: $secondary; padding: 0; border-title-align: left;
    }
    RunScreen #body TextPane:focus, RunScreen #body RowList:focus { border: heavy $accent; border-title-color: $accent; }
    RunScreen #body .away { display: none; }

    RunScreen.narrow #body { layout: vertical; }
    RunScreen.narrow #timeline { height: 45%; width: 1fr; }
    RunScreen.narrow #details { layout: vertical; }

    RunScreen.medium #body { layout: horizontal; }
    RunScreen.medium #timeline { width: 48%; height: 1fr; }
    RunScreen.medium #details { layout: vertical; }

    RunScreen.wide #body { layout: horizontal; }
    RunScreen.wide #timeline { width: 36%; height: 1fr; }
    RunScreen.wide #details { layout: grid; grid-size: 2 2; grid-rows: 3fr 2fr; }
    RunScreen.zoomed #details { layout: vertical; }
    RunScreen.zoomed .zoom { width: 1fr; height: 1fr; }
    """

    def __init__(self, feed: RunFeed, *, number: int = 0, count: int = 1) -> None:
        super().__init__()
        self.feed = feed
        self.model = feed.model
        self._number, self._count = number, count
        self._active = "message"
        """The detail pane shown where there is room for one only."""
        self._main = "timeline"
        self._message = ""
        self.notice = ""
        """What is to be said of the files, shown until the first command."""

    def compose(self) -> ComposeResult:
        resolve = self.hermes.style
        yield StatusLine(resolve, id="title")
        with Container(id="body"):
            yield TimelinePane(self.model, resolve)
            with Container(id="details"):
                yield self._make_pane("message")
        yield StatusLine(resolve, base="status", id="status")
        yield KeyBar(resolve)

    def _make_pane(self, name: str) -> TextPane | ErrorsPane:
        resolve = self.hermes.style
        pane: TextPane | ErrorsPane
        match name:
            case "message":
                pane = MessagePane(resolve, id=name)
            case "calls":
                pane = CallsPane(resolve, id=name)
            case "reasoning":
                pane = ReasoningPane(resolve, id=name)
            case "errors":
                pane = ErrorsPane(self.model, resolve)
            case _:
                pane = RawPane(resolve, self.hermes.raw_text_of(self.feed.file), id="raw")
        pane.border_title = f"{PANES.index(name) + 1} {pane.title}"
        return pane

    def on_mount(self) -> None:
        self.query_one("#timeline").border_title = "1 Timeline"
        self.query_one("#timeline").focus()
        self._arrange()
        self.refresh_view()
        # The first paint does not wait for the panes that are not seen yet.
        self.call_after_refresh(self._complete)

    def _complete(self) -> None:
        """Add the other panes and begin to read on, unless the screen is gone already."""
        if not self.query_one("#details").is_attached:
            return
        for name in PANES:
            self._pane(name)
        self._arrange()
        self.refresh_view()
        self.start_pump()

    def _pane(self, name: str) -> TimelinePane | TextPane | ErrorsPane:
        """Return a pane, made on the spot if it is not there yet."""
        found = self.query(f"#{name}")
        if found:
            return cast("TextPane", found.first())
        pane = self._make_pane(name)
        pane.display = False
        later = [other for other in self._panes() if PANES.index(str(other.id)) > PANES.index(name)]
        self.query_one("#details").mount(pane, before=later[0] if later else None)
        return pane

    def _panes(self) -> list[TimelinePane | TextPane | ErrorsPane]:
        """Return the panes that are there already, in order."""
        found = [self.query(f"#{name}") for name in PANES]
        return [cast("TextPane", nodes.first()) for nodes in found if nodes]

    # Showing

    def situation(self) -> Situation:
        return self.model.situation(runs=self._count, loading=self.feed.progress() is not None)

    def refresh_view(self) -> None:
        """Show the model's state in every pane that can be seen."""
        view = self.model.state()
        for pane in self._panes():
            if not pane.display:
                continue
            if isinstance(pane, TextPane):
                pane.show(view)
            else:
                pane.show()
        self._refresh_lines()

    def _refresh_lines(self) -> None:
        feed, model = self.feed, self.model
        title = run_title(
            model, feed.file.label, feed.file.reader.name, number=self._number, count=self._count
        )
        self.query_one("#title", StatusLine).show(title)
        status = status_segments(
            model,
            progress=feed.progress(),
            partial=feed.partial,
            message=self._message or self.notice,
            failure=feed.file.source.failure,
        )
        self.query_one("#status", StatusLine).show(status)
        self.refresh_bar()

    def pump(self) -> bool:
        polled = self.feed.poll()
        rows = len(self.model.timeline)
        changed = self.feed.step(SLICE_S)
        if changed or polled or len(self.model.timeline) != rows:
            self.refresh_view()
        return changed

    def say(self, message: str) -> None:
        """Show a message in the status line until the next command."""
        self._message = message
        self._refresh_lines()

    def action_command(self, command_id: str) -> None:
        self._message = self.notice = ""
        super().action_command(command_id)
        self._refresh_lines()

    # Arranging

    def on_resize(self, event: Resize) -> None:
        self._arrange()
        # The panes have their new widths only after the layout.
        self.call_after_refresh(self.refresh_view)

    def _arrange(self) -> None:
        """Choose the layout for the size of the screen, and the panes that it has room for."""
        width, height = self.app.size
        size = "narrow"
        if width >= MEDIUM:
            size = "wide" if width >= WIDE and height >= TALL else "medium"
        tall = size == "medium" and height >= TALL
        for name, wanted in (("wide", size == "wide"), ("medium", size == "medium"),
                             ("narrow", size == "narrow"), ("tall", tall)):
            if self.has_class(name) != wanted:
                self.set_class(wanted, name)
        shown = {self._active}
        if size == "wide":
            last = self._active if self._active in ("errors", "raw") else "errors"
            shown = {"message", "calls", "reasoning", last}
        elif tall and self._active in ("message", "calls"):
            shown = {"message", "calls"}
        for pane in self._panes()[1:]:
            if pane.display != (pane.id in shown):
                pane.display = pane.id in shown

    def _show_pane(self, name: str) -> None:
        if self.has_class("zoomed"):
            self.do_zoom()
        if name != "timeline" and not self._pane(name).display:
            self._active = name
            self._arrange()
        elif name != "timeline":
            self._active = name
        self._main = name
        self._pane(name).focus()
        self.refresh_view()

    def focus_main(self) -> None:
        self._pane(self._main).focus()

    def _focused(self) -> RowList | TextView:
        focused = self.focused
        if isinstance(focused, (RowList, TextView)):
            self._main = str(focused.id)
            return focused
        return self.query_one(TimelinePane)

    def _moved(self) -> None:
        """Follow the cursor with the other panes, and show the pane that fits the row."""
        if not self.has_class("wide") and self._active in ("message", "calls"):
            view = self.model.state()
            is_call = view.row >= 0 and view.timeline.kind(view.row).name == "CALL"
            wanted = "calls" if is_call else "message"
            if wanted != self._active and not self._pane(wanted).display:
                self._active = wanted
                self._arrange()
        self.refresh_view()

    @on(RowList.Moved)
    def _cursor_moved(self, event: RowList.Moved) -> None:
        if event.row_list.id == "timeline" and self.model.visible_rows():
            self.model.go(self.model.row_at(event.index))
            self.model.follow = self.feed.follows and event.index == self.model.visible_rows() - 1
            self._moved()

    @on(RowList.Chosen)
    def _row_chosen(self, event: RowList.Chosen) -> None:
        self.action_command("open")

    # Commands: moving

    def do_down(self) -> None:
        self._step(1)

    def do_up(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        self._focused().move(by)

    def do_page_down(self) -> None:
        self._focused().page(1)

    def do_page_up(self) -> None:
        self._focused().page(-1)

    def do_top(self) -> None:
        self._focused().to_top()

    def do_bottom(self) -> None:
        self._focused().to_bottom()

    def do_open(self) -> None:
        pane = self._focused()
        if isinstance(pane, ErrorsPane):
            row = pane.chosen_row()
            if row is not None:
                self.model.go(row)
                self._show_pane("timeline")
                self._moved()
            return
        if isinstance(pane, TimelinePane):
            view = self.model.state()
            is_call = view.row >= 0 and view.timeline.kind(view.row).name == "CALL"
            self._show_pane("calls" if is_call else "message")

    def _go_kind(self, step: int, wanted: str) -> None:
        if self.model.go_kind(step, wanted):
            self._moved()
        else:
            self.say(f"no {'further' if step > 0 else 'earlier'} {wanted}")

    def do_next_call(self) -> None:
        self._go_kind(1, "call")

    def do_previous_call(self) -> None:
        self._go_kind(-1, "call")

    def do_next_turn(self) -> None:
        self._go_kind(1, "turn")

    def do_previous_turn(self) -> None:
        self._go_kind(-1, "turn")

    def do_next_problem(self) -> None:
        self._go_kind(1, "problem")

    def do_previous_problem(self) -> None:
        self._go_kind(-1, "problem")

    def do_next_run(self) -> None:
        self.hermes.switch_run(self, 1)

    def do_previous_run(self) -> None:
        self.hermes.switch_run(self, -1)

    def do_pair(self) -> None:
        if self.model.go_pair():
            self._moved()
        else:
            self.say("no result or call belongs to this row")

    def do_mark(self) -> None:
        self.ask("mark with letter", "mark", one_letter=True)

    def answered_mark(self, event: Prompt.Answered) -> None:
        self.model.marks[event.value] = self.model.row
        self.say(f"row {self.model.row + 1:,} is marked {event.value}")
        self.refresh_view()

    def do_to_mark(self) -> None:
        if not self.model.marks:
            self.say("no marks yet: m sets one")
            return
        known = " ".join(sorted(self.model.marks))
        self.ask(f"go to mark ({known})", "to-mark", one_letter=True)

    def answered_to_mark(self, event: Prompt.Answered) -> None:
        row = self.model.marks.get(event.value)
        if row is None:
            self.say(f"nothing is marked {event.value}")
            return
        self.model.go(row)
        self._moved()

    def do_go_to(self) -> None:
        self.ask("go to row, t3 turn, s12 event, 50%", "go-to")

    def answered_go_to(self, event: Prompt.Answered) -> None:
        wrong = self.model.go_to(event.value)
        if wrong:
            self.say(wrong)
        self._moved()

    # Commands: finding

    def do_search(self) -> None:
        before = self.model.search
        self.ask("search", "search", before.text if before else "", toggles=True)

    def answered_search(self, event: Prompt.Answered) -> None:
        if not event.value:
            self.model.set_search(None)
            self.refresh_view()
            return
        try:
            search = compile_search(
                event.value, is_regex=event.is_regex, case_matters=event.case_matters
            )
        except re.error as error:
            self.say(f"not a regular expression: {error}")
            return
        self.model.set_search(search)
        self.feed.step(SLICE_S * 4)
        self.hurry()
        if self.model.matches and self.model.match_number() is None:
            self.model.go_match(1)
        self._moved()

    def do_search_next(self) -> None:
        self._go_match(1)

    def do_search_previous(self) -> None:
        self._go_match(-1)

    def _go_match(self, step: int) -> None:
        if self.model.go_match(step) is None:
            self.say("no match" if self.model.search else "no search: / begins one")
        self._moved()

    def do_filter(self) -> None:
        self.ask("filter", "filter", self.model.filter_text)

    def answered_filter(self, event: Prompt.Answered) -> None:
        wrong = self.model.try_filter(event.value)
        if wrong:
            self.say(wrong)
            return
        self.feed.step(SLICE_S * 4)
        self.model.snap()
        self.hurry()
        self._moved()

    def do_unfilter(self) -> None:
        self.model.set_filter("", None)
        self._moved()

    def do_clear(self) -> None:
        if self.has_class("zoomed"):
            self.do_zoom()
        elif self.model.search is not None:
            self.model.set_search(None)
        elif self.model.filter is not None:
            self.do_unfilter()
        self.refresh_view()

    def do_cancel(self) -> None:
        self.feed.cancelled = True
        self.say("stopped reading; what was read so far is shown")

    # Commands: looking

    def do_pane_1(self) -> None:
        self._show_pane("timeline")

    def do_pane_2(self) -> None:
        self._show_pane("message")

    def do_pane_3(self) -> None:
        self._show_pane("calls")

    def do_pane_4(self) -> None:
        self._show_pane("reasoning")

    def do_pane_5(self) -> None:
        self._show_pane("errors")

    def do_pane_6(self) -> None:
        self._show_pane("raw")

    def do_next_pane(self) -> None:
        self._cycle_pane(1)

    def do_previous_pane(self) -> None:
        self._cycle_pane(-1)

    def _cycle_pane(self, step: int) -> None:
        if self.has_class("wide"):
            names = [name for name in PANES if self._pane(name).display]
        else:
            names = list(PANES)
        here = str(self._focused().id)
        self._show_pane(
            names[(names.index(here) + step) % len(names)] if here in names else names[0]
        )

    def do_zoom(self) -> None:
        pane = self._focused()
        self.toggle_class("zoomed")
        zoomed = self.has_class("zoomed")
        for other in self._panes():
            other.set_class(zoomed and other.id == pane.id, "zoom")
        self.query_one("#details").set_class(zoomed and pane.id == "timeline", "away")
        self.query_one("#timeline").set_class(zoomed and pane.id != "timeline", "away")
        if zoomed:
            for other in self._panes()[1:]:
                other.display = other.id == pane.id
        else:
            self._arrange()
        self.refresh_view()

    def do_view(self) -> None:
        self.model.mode = MODES[(MODES.index(self.model.mode) + 1) % len(MODES)]
        self.say(f"texts are shown as {self.model.mode}")
        self.refresh_view()

    def do_raw_beside(self) -> None:
        self.model.raw_beside = not self.model.raw_beside
        self._show_pane("calls")

    def do_wrap(self) -> None:
        views = list(self.query(TextView))
        for view in views:
            view.wrap = not view.wrap
        self.say("long lines are " + ("wrapped" if views[0].wrap else "cut"))

    # Commands: taking away

    def do_copy(self) -> None:
        pane = self._focused()
        text = (
            pane.document.text if isinstance(pane, TextView) else self.hermes.row_text(self.model)
        )
        self.hermes.copy(text)
        self.say(f"copied {len(text):,} characters (OSC 52: the terminal must allow it)")

    def do_pager(self) -> None:
        pane = self._focused()
        if isinstance(pane, TextView):
            self.hermes.page_out([pane.document.text])
        else:
            self.hermes.page_out(self.hermes.rows_text(self.model))
