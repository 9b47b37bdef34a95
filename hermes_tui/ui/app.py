"""The app: which screen comes first, themes, clipboard, pager, the way from runs to a run."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import App, SystemCommand
from textual.filter import ANSIToTruecolor, LineFilter
from textual.screen import Screen

from hermes_tui.model.errors import SourceError
from hermes_tui.model.events import Event
from hermes_tui.model.visible import visible
from hermes_tui.runtime.config import Config
from hermes_tui.runtime.opener import OpenFile
from hermes_tui.runtime.sources import OpenSource
from hermes_tui.ui.commands import in_scope, shown_key
from hermes_tui.ui.feeds import RunFeed, RunsFeed
from hermes_tui.ui.render.rows import plain, timeline_row
from hermes_tui.ui.safe_text import terminal_filters
from hermes_tui.ui.screens.base import CommandScreen
from hermes_tui.ui.screens.run import RunScreen
from hermes_tui.ui.theme import THEMES, styles_for
from hermes_tui.ui.view_model import RunModel
from hermes_tui.ui.widgets.row_list import RowList
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.ui.runs_model import RunsModel

FIRST_LOOK_S = 0.05
"""Seconds spent on reading before the first screen is drawn."""
SHORT_FILE = 1 << 17
"""Unread bytes that are read first: only at the end of a file it is known to be a single run."""
NEW_OBJECTS = 50_000
"""Objects between two looks for garbage: every paint makes some 10,000 that are soon gone."""
FIRST_ROWS = 100
"""Rows that fill the first screen: a run is read on behind it."""


def _collect_garbage_again() -> None:
    """End what `cli.main` began; what was loaded until now stays, so it is never looked through."""
    if not gc.isenabled():
        gc.freeze()
        gc.set_threshold(NEW_OBJECTS)
        gc.enable()


class HermesApp(App[None]):
    """Shows the runs of a feed; a single run at once, several as a list."""

    TITLE = "hermes-tui"
    ENABLE_COMMAND_PALETTE = True

    def __init__(self, feed: RunsFeed, config: Config, *, filter_text: str = "") -> None:
        super().__init__()
        self.feed = feed
        self.config = config
        self.no_color = bool(os.environ.get("NO_COLOR"))
        self._filter_text = filter_text
        self._list: RunsModel | None = None
        self._position = 0
        self._resolve: Callable[[str], Style] = styles_for(
            config.theme or THEMES[0].name, self.no_color
        )
        self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = config.theme or THEMES[0].name

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let nothing that acts on a terminal through, whatever widget drew it."""
        # Our themes have no colours that depend on the terminal's palette.
        filters = [each for each in super().get_line_filters() if type(each) is not ANSIToTruecolor]
        return terminal_filters(filters, no_color=self.no_color)

    def _fatal_error(self) -> None:
        # Textual's own report prints the values of variables, which are foreign text, unfiltered.
        import traceback

        self.panic(Text(visible(traceback.format_exc())))

    def on_mount(self) -> None:
        self.set_keymap(self.config.keys)
        self.call_after_refresh(_collect_garbage_again)

    def on_key(self, event: events.Key) -> None:
        # Here, where commands are carried out in order: on its way up a key passes the screen while
        # the key before it has not opened its prompt yet.
        screen = self.screen
        if isinstance(screen, CommandScreen) and screen.hold_key(event):
            event.stop()
            event.prevent_default()

    def get_default_screen(self) -> Screen[None]:
        """Return the first screen: a single run at once, several as a list."""
        feed = self.feed
        if len(feed.targets) == 1 and feed.files and feed.files[0].is_one_run:
            return self._run_screen(RunFeed.of_file(feed.files[0], follow=feed.follow))
        feed.step(FIRST_LOOK_S, stop_at_runs=2)
        while self._is_soon_read() and len(feed.rows) < 2:
            feed.step(FIRST_LOOK_S, stop_at_runs=2)
        if feed.finished and len(feed.rows) == 1 and not feed.waiting:
            screen = self._run_screen(RunFeed(feed.rows[0].ref))
            if feed.complaints:
                screen.notice = feed.complaints[-1]
            return screen
        from hermes_tui.ui.screens.runs import RunsScreen

        return RunsScreen(feed)

    def _is_soon_read(self) -> bool:
        """Tell whether so little is left to read that the first screen may wait for it."""
        feed = self.feed
        unread = sum(file.source.size - file.index.end for file in feed.files)
        return not feed.finished and len(feed.targets) == 1 and unread <= SHORT_FILE

    def _run_screen(self, feed: RunFeed, *, number: int = 0, count: int = 1) -> RunScreen:
        feed.step(FIRST_LOOK_S, enough_rows=FIRST_ROWS)
        if self._filter_text:
            feed.model.try_filter(self._filter_text)
            feed.step(FIRST_LOOK_S)
            feed.model.snap()
        return RunScreen(feed, number=number, count=count)

    # Runs

    def open_run(self, runs: RunsModel, position: int) -> None:
        """Open the run at a position of the list."""
        self._list, self._position = runs, position
        self.push_screen(self._listed_screen())

    def switch_run(self, screen: CommandScreen, step: int) -> None:
        """Replace the run on screen by the next or previous one of the list."""
        if self._list is None or not isinstance(screen, RunScreen):
            return
        position = self._list.neighbour(screen.feed.ref, step)
        if position is None:
            screen.say("this is the " + ("last run" if step > 0 else "first run"))
            return
        self._position = position
        self._list.keep(position)
        following = self._listed_screen()
        following.take_over(screen)
        self.switch_screen(following)

    def _listed_screen(self) -> RunScreen:
        assert self._list is not None
        row = self._list.row(self._position)
        return self._run_screen(
            RunFeed(row.ref, follow=self.feed.follow),
            number=self._position,
            count=len(self._list),
        )

    def leave(self, screen: Screen[None]) -> None:
        """Go back one screen; leave the program from the first one."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.exit()

    # Looks

    def style(self, name: str) -> Style:
        """Return the style that a semantic name has in the present theme."""
        return self._resolve(name)

    def next_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        here = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(here + 1) % len(names)]
        self._resolve = styles_for(self.theme, self.no_color)
        for screen in self.screen_stack:
            for widget in screen.walk_children():
                if isinstance(widget, (RowList, TextView)):
                    widget.set_resolve(self.style)
                widget.refresh()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every command of the registry that makes sense now."""
        if not isinstance(screen, CommandScreen):
            return
        situation = screen.situation()
        for command in in_scope(screen.scope):
            if command.enabled(situation) and command.id != "palette":
                key = shown_key(command, self.config.keys)
                yield SystemCommand(
                    f"{command.label} ({key})",
                    command.help,
                    lambda command_id=command.id: screen.action_command(command_id),
                )

    # Taking away

    def copy(self, text: str) -> None:
        """Put text on the clipboard by OSC 52, lone surrogates as escapes."""
        self.copy_to_clipboard(text.encode("utf-8", "backslashreplace").decode("utf-8"))

    def row_text(self, model: RunModel) -> str:
        """Return the exact text behind the row under the cursor."""
        view = model.state()
        finding = view.timeline.finding(view.row) if view.row >= 0 else None
        if finding is not None:
            return f"{finding.severity} {finding.code} turn {finding.turn}: {finding.message}"
        if view.event is None:
            return ""
        from hermes_tui.formats.secrets import mask_json_text
        from hermes_tui.runtime.raw import raw_text

        return mask_json_text(raw_text(view.event, self._source())[0])

    def _source(self) -> OpenSource | None:
        screen = self.screen
        return screen.feed.file.source if isinstance(screen, RunScreen) else None

    def raw_text_of(self, file: OpenFile) -> Callable[[Event], tuple[str, bool]]:
        """Return how the exact text behind an event of this file is had."""
        from hermes_tui.runtime.raw import RawReader

        return RawReader(file.source).text

    def rows_text(self, model: RunModel) -> Iterable[str]:
        """Yield every listed row as a line of text."""
        for position in range(model.visible_rows()):
            yield plain(timeline_row(model.timeline, model.row_at(position), 400), 400)

    def page_out(self, lines: Iterable[str]) -> str:
        """Show lines in $PAGER, control characters made visible; return what went wrong, or ""."""
        from textual.app import SuspendNotSupported

        from hermes_tui.runtime.pager import run_pager

        failure = ""
        try:
            with self.suspend():
                # The terminal only comes back if nothing is raised in here.
                try:
                    run_pager(visible(line) + "\n" for line in lines)
                except SourceError as error:
                    failure = str(error)
        except SuspendNotSupported:
            failure = "this terminal cannot be handed to a pager"
        self.refresh(repaint=True)
        return failure
