"""The run screen: one run, its panes, their arrangement and their content."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize

from hermes_tui.log.timeline import RowKind
from hermes_tui.model.events import Event
from hermes_tui.ui.bindings import bindings_for
from hermes_tui.ui.command import Situation
from hermes_tui.ui.layout import LAYOUTS, LAZY_PANES, PANES, arrange
from hermes_tui.ui.panes.errors import ErrorsPane
from hermes_tui.ui.panes.text_panes import (
    CallsPane,
    MessagePane,
    RawPane,
    ReasoningPane,
    TextPane,
)
from hermes_tui.ui.panes.timeline import TimelinePane
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.render.titles import run_title, status_segments
from hermes_tui.ui.run_feed import Feed
from hermes_tui.ui.screens.base import SLICE_S, CommandScreen
from hermes_tui.ui.screens.run_commands import RunCommands
from hermes_tui.ui.view_model import ViewState
from hermes_tui.ui.widgets.key_bar import KeyBar
from hermes_tui.ui.widgets.row_list import RowList
from hermes_tui.ui.widgets.status_line import StatusLine
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.ui.panes.metadata import MetadataPane
    from hermes_tui.ui.panes.tokens import TokensPane
    from hermes_tui.ui.render.metadata import RunMetadata

    DetailPane = TextPane | ErrorsPane | TokensPane | MetadataPane
    Pane = TimelinePane | DetailPane

DRAW_EVERY_S = 0.15
"""Seconds between two paints while a file is being read."""


class RunScreen(RunCommands):
    """Timeline on the left or on top, the other panes right of or below it, as there is room."""

    scope = "run"
    draw_every_s: ClassVar = DRAW_EVERY_S
    nothing_here = "there is no row here"
    why_not = MappingProxyType({
        **CommandScreen.why_not,
        "next-call": "this run has no calls",
        "previous-call": "this run has no calls",
        "next-problem": "nothing is wrong in this run",
        "previous-problem": "nothing is wrong in this run",
        "gold": "the file names no message at which the run went wrong",
        "next-run": "there is no other run",
        "previous-run": "there is no other run",
        "pair": "no call or result belongs to this row",
    })  # fmt: skip
    BINDINGS: ClassVar = bindings_for("run")
    DEFAULT_CSS = """
    RunScreen { layout: vertical; }
    RunScreen #body { height: 1fr; visibility: hidden; }
    RunScreen #details { height: 1fr; width: 1fr; visibility: hidden; }
    RunScreen #body TextPane, RunScreen #body RowList { visibility: visible; }
    RunScreen #body TextPane, RunScreen #body RowList {
        border: round $secondary 60%; border-title-color: $secondary;
        padding: 0; border-title-align: left;
    }
    RunScreen #body TextPane:focus, RunScreen #body RowList:focus {
        border: heavy $accent; border-title-color: $accent;
    }
    RunScreen.bare #body TextPane, RunScreen.bare #body RowList { border: none; }
    RunScreen #body { layout: horizontal; }
    RunScreen.narrow #body { layout: vertical; }
    RunScreen.narrow #timeline { height: 45%; }
    RunScreen.medium #timeline { width: 48%; }
    RunScreen.wide #timeline { width: 36%; }
    RunScreen.wide #details { layout: grid; grid-size: 2 2; grid-rows: 3fr 2fr; }
    """

    def __init__(self, feed: Feed, *, number: int = 0, count: int = 1, own: int = -1) -> None:
        """Show run `number` of `count` (from 0), which is number `own` in its file."""
        super().__init__()
        self.feed = feed
        self.model = feed.model
        self.number, self.count, self.own = number, count, own
        self._active = "message"
        """The detail pane that is shown if there is room for only one."""
        self._main = "timeline"
        self.zoomed = False
        self._has_all_panes = False
        self._stale = False
        self._drawn_at = 0.0
        self._made: dict[str, Pane] = {}
        """The panes created so far, by name."""
        self.notice = ""
        """A message about the files, shown until the first command."""

    def compose(self) -> ComposeResult:
        # Before any widgets exist: every later change of a class restyles all of them.
        self._arrange()
        self.model.keys = self.keys
        resolve = self.hermes.style
        yield StatusLine(resolve, id="title")
        with Container(id="body"):
            yield self._made.setdefault("timeline", TimelinePane(self.model, resolve))
            with Container(id="details"):
                yield self._make_pane("message")
        yield from self.further_lines()
        yield StatusLine(resolve, base="status", wraps=True, id="status")
        yield KeyBar(resolve)

    def further_lines(self) -> Iterable[StatusLine]:
        """Return the lines between the panes and the status line."""
        return ()

    def _make_pane(self, name: str) -> DetailPane:
        resolve = self.hermes.style
        pane: DetailPane
        match name:
            case "message":
                pane = MessagePane(resolve, id=name)
            case "calls":
                pane = CallsPane(resolve, id=name)
            case "reasoning":
                pane = ReasoningPane(resolve, id=name)
            case "errors":
                pane = ErrorsPane(self.model, resolve)
            case "tokens":
                from hermes_tui.ui.panes.tokens import TokensPane

                pane = TokensPane(self.model, resolve, self._raw_text)
            case "metadata":
                from hermes_tui.ui.panes.metadata import MetadataPane

                pane = MetadataPane(self.model, resolve, self._metadata)
            case _:
                pane = RawPane(resolve, self._raw_text, id="raw")
        pane.border_title = f"{PANES.index(name) + 1} {pane.title}"
        self._made[name] = pane
        return pane

    def _raw_text(self, event: Event) -> tuple[str, bool]:
        return self.feed.raw_text(event)

    def _metadata(self) -> RunMetadata:
        from hermes_tui.ui.render.metadata import RunMetadata

        relatives = self.relatives_with_calls()
        return RunMetadata(self.model.timeline, self.feed.label, relatives, self.own + 1, self.keys)

    def on_mount(self) -> None:
        self.query_one("#timeline").border_title = "1 Timeline"
        self.set_focus(self.query_one("#timeline"))
        self._settle()
        self.refresh_view()
        # The first paint does not wait for panes that are not visible yet.
        self.call_after_refresh(self._add_panes)

    def on_unmount(self) -> None:
        self.feed.close()

    def _add_panes(self) -> None:
        """Add the other panes and start the pump, unless the screen is gone already."""
        details = self.query_one("#details")
        if not details.is_attached:
            return
        if not details.is_mounted:
            self.call_after_refresh(self._add_panes)
            return
        self._has_all_panes = True
        for name in PANES:
            if name not in LAZY_PANES or name == self._active:
                self._pane(name)
        self._arrange()
        if isinstance(self.focused, TimelinePane):
            # A pane may have been requested before it existed.
            self.focus_main()
        self.refresh_view()
        self.start_pump()

    def _pane(self, name: str) -> Pane:
        """Return a pane; create it if it does not exist yet."""
        if name in self._made:
            return self._made[name]
        pane = self._make_pane(name)
        pane.display = False
        later = [other for other in self._panes() if PANES.index(str(other.id)) > PANES.index(name)]
        self.query_one("#details").mount(pane, before=later[0] if later else None)
        return pane

    def _panes(self) -> list[Pane]:
        """Return the panes created so far, in order."""
        return [self._made[name] for name in PANES if name in self._made]

    # Showing

    def situation(self) -> Situation:
        loading = self.feed.progress() is not None
        return self.model.situation(runs=self.count, loading=loading, searching=self.may_find)

    def refresh_view(self) -> None:
        """Show the state of the model in every visible pane."""
        view = self.model.state()
        for pane in self._panes():
            if not pane.display:
                continue
            if isinstance(pane, TextPane):
                self.fill(pane, view)
            else:
                pane.show()
        self.refresh_lines()

    def fill(self, pane: TextPane, view: ViewState) -> None:
        """Show in a pane its part of a state."""
        pane.show(view)

    def draw_lines(self) -> None:
        feed, model = self.feed, self.model
        title = run_title(
            model,
            feed.label,
            feed.format_name,
            number=self.number,
            count=self.count,
            own=self.own,
        )
        self.query_one("#title", StatusLine).show(title)
        self.query_one("#status", StatusLine).show(self.status())
        self.refresh_bar()

    def status(self) -> Segments:
        """Return the content of the status line."""
        progress = self.feed.progress()
        return status_segments(
            self.model,
            progress=progress,
            partial=self.feed.partial,
            message=self._message or self.notice,
            failure=self.feed.failure,
            follows=self.feed.follows,
            chosen=self.hermes.chosen_run,
            stopped_at=self.stopped_at,
            pace=self.feed.pace(*progress) if progress is not None else "",
            in_text=self.found_in_text(),
        )

    def pump(self) -> bool:
        polled = self.feed.poll()
        changed = self.feed.step(SLICE_S)
        self._stale = self._stale or changed or polled
        now = time.monotonic()
        # While a long file is read, drawing at every slice would cost more than the reading.
        if self._stale and (not changed or now - self._drawn_at > self.draw_every_s):
            self._stale = False
            self._drawn_at = now
            self._settle()
            self.refresh_view()
        return self.find_on() or changed

    def _settle(self) -> None:
        model = self.model
        model.settle()
        self.seek_call()
        if model.target_message and model.timeline.finished:
            self.notice = f"there is no message {model.target_message:,} in this run"
            model.target_message = 0

    def take_over(self, other: RunScreen) -> None:
        """Take over how `other` was viewed: rendering, filter, search, pane."""
        before, model = other.model, self.model
        model.mode, model.raw_beside = before.mode, before.raw_beside
        self._active = other._active
        model.set_search(before.search, seek=before.search is not None and before.search.in_texts)
        if before.filter is not None:
            model.set_filter(before.filter_text, before.filter)
        self.feed.step(SLICE_S * 2)
        model.snap()

    def action_command(self, command_id: str) -> None:
        self.notice = ""
        super().action_command(command_id)

    # Arranging

    def on_resize(self, event: Resize) -> None:
        self._arrange()
        # The panes have their new widths only after the layout.
        self.call_after_refresh(self.refresh_view)

    def _arrange(self) -> None:
        """Choose the layout for the size of the screen, and the panes that fit."""
        width, height = self.app.size
        plan = arrange(width, height, active=self._active, main=self._main, zoomed=self.zoomed)
        for name in LAYOUTS:
            if self.has_class(name) != (name == plan.layout):
                self.set_class(name == plan.layout, name)
        if self.has_class("bare") != plan.bare:
            self.set_class(plan.bare, "bare")
        for pane in self._panes():
            if pane.display != (pane.id in plan.shown):
                pane.display = pane.id in plan.shown
        for details in self.query("#details"):
            details.display = plan.shown != {"timeline"}

    def show_pane(self, name: str) -> None:
        """Give a pane the focus, and show it if it is not visible."""
        self._main = name
        if name != "timeline":
            self._active = name
        if not self._has_all_panes:
            return
        pane = self._pane(name)
        self._arrange()
        self.set_focus(pane)
        self.refresh_view()
        self.call_after_refresh(self.refresh_view)

    def focus_main(self) -> None:
        if self._has_all_panes:
            self.set_focus(self._pane(self._main))

    def focused_pane(self) -> RowList | TextView:
        """Return the pane that has the focus."""
        focused = self.focused
        if isinstance(focused, (RowList, TextView)):
            self._main = str(focused.id)
            return focused
        return self.query_one(TimelinePane)

    def main_pane(self) -> RowList | TextView | None:
        return self._made.get(self._main)

    def text_panes(self) -> Iterable[TextPane]:
        return (pane for pane in self._panes() if isinstance(pane, TextPane) and pane.display)

    def shown_panes(self) -> list[str]:
        """Return the ids of the panes that Tab visits: in a wide layout those on screen."""
        if self.has_class("wide"):
            return [str(pane.id) for pane in self._panes() if pane.display]
        return list(PANES)

    def moved(self) -> None:
        """Update the other panes after the cursor moved, and show the pane that fits the row."""
        model = self.model
        if model.visible_rows():
            model.follow = model.follow and self.is_at_head(model.position())
        follows_row = self._active in ("message", "calls") and not self.has_class("wide")
        if self._has_all_panes and follows_row:
            fitting = "calls" if self.on_call() else "message"
            if fitting != self._active and not self._pane(fitting).display:
                self._active = fitting
                if self._main != "timeline":
                    self._main = fitting
                self._arrange()
        self.refresh_view()

    def on_call(self) -> bool:
        """Return whether the cursor is on a call."""
        view = self.model.state()
        return view.row >= 0 and view.timeline.kind(view.row) is RowKind.CALL

    def toggle_zoom(self) -> None:
        self.focused_pane()
        self.zoomed = not self.zoomed
        self._arrange()
        self.focus_main()
        # The panes have their new widths only after the layout.
        self.call_after_refresh(self.refresh_view)

    def follow_cursor(self, row_list: RowList) -> None:
        self._message = ""
        if row_list.id == "timeline" and self.model.visible_rows():
            # The model has moved with it already, and maybe further than an event reports.
            may_follow = self.feed.follows or self.model.follow
            self.model.follow = may_follow and self.is_at_head(row_list.cursor)
            self.moved()

    def is_at_head(self, position: int) -> bool:
        """Return whether the cursor at a position of the list follows the head of the run."""
        return position == self.model.visible_rows() - 1

    @on(RowList.Chosen)
    def _row_chosen(self, event: RowList.Chosen) -> None:
        self.action_command("open")
