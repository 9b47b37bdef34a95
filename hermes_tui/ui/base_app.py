"""What every app shares: themes, filters for the terminal, palette, clipboard, pager."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import ANSIToTruecolor, LineFilter

from hermes_tui.model.errors import SourceError
from hermes_tui.model.visible import visible
from hermes_tui.model.wording import counted
from hermes_tui.runtime.config import Config
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.key_spelling import key_name
from hermes_tui.ui.safe_text import terminal_filters
from hermes_tui.ui.screens.base import CommandScreen, KeyHolder
from hermes_tui.ui.terminal_driver import TerminalDriver
from hermes_tui.ui.theme import THEMES, styles_for
from hermes_tui.ui.widgets.row_list import RowList
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.runtime.engines.pool import EnginePool
    from hermes_tui.ui.run_feed import Feed
    from hermes_tui.ui.run_relations import Relative

QUIT_KEY = "ctrl+q"
"""Textual's own binding, on every screen."""
CHECK_TERMINAL_S = 1.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that end a program from outside."""
NEW_OBJECTS = 50_000
"""Allocations between garbage collections: every paint makes some 10,000 short-lived objects."""


def _collect_garbage_again() -> None:
    """Enable the collection that `cli.main` disabled; what is loaded by now is never scanned."""
    if not gc.isenabled():
        gc.freeze()
        gc.set_threshold(NEW_OBJECTS)
        gc.enable()


class BaseApp(App[None]):
    """Looks and behaviour that all apps share; subclasses decide which screens there are."""

    TITLE = "hermes-tui"
    ENABLE_COMMAND_PALETTE = False
    CSS = "Input > .input--placeholder { color: $text-muted; }"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.keys = KeyNames(config.keys)
        self.no_color = bool(os.environ.get("NO_COLOR"))
        self._resolve = self._style_resolver(config.theme or THEMES[0].name)
        self._engine_pool: EnginePool | None = None
        self.is_over = False
        """Whether the program is leaving; keys pressed since are ignored."""
        self.ended_by = ""
        """The name of the signal that ended the program; empty if none did."""
        self._signals_before: dict[int, Any] = {}
        self.animation_level = "none"
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = config.theme or THEMES[0].name

    @property
    def complaints(self) -> Sequence[str]:
        """Return what could not be read, or only in part."""
        return ()

    def get_driver_class(self) -> type[Driver]:
        default = super().get_driver_class()
        return TerminalDriver if default is LinuxDriver else default

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return filters that keep the control sequences of any widget from the terminal."""
        # Our themes have no colours that depend on the terminal's palette.
        filters = [each for each in super().get_line_filters() if type(each) is not ANSIToTruecolor]
        return terminal_filters(filters, no_color=self.no_color)

    def _fatal_error(self) -> None:
        # Textual's own report prints the values of variables, which are foreign text, unfiltered.
        import traceback

        self.panic(Text(visible(traceback.format_exc())))

    def on_mount(self) -> None:
        keymap = self.config.keys.items()
        self.set_keymap(
            {
                command_id: ",".join(key_name(key.strip()) for key in keys.split(","))
                for command_id, keys in keymap
            }
        )
        self.call_after_refresh(_collect_garbage_again)
        if isinstance(driver := self._driver, TerminalDriver) and driver.has_terminal:
            self.set_interval(CHECK_TERMINAL_S, lambda: self._leave_with_terminal(driver))

        self._listen_to_signals()

    def _listen_to_signals(self) -> None:
        """Leave in order when a signal ends the program, so that the terminal is restored."""
        loop = asyncio.get_running_loop()

        def leave(number: int, frame: object) -> None:
            self.ended_by = signal.Signals(number).name
            loop.call_soon_threadsafe(partial(self.exit, return_code=128 + number))

        for number in SIGNALS:
            # Ignored signals, as under nohup, stay ignored. The event loop's own
            # `add_signal_handler` would not restore the previous handlers.
            if (before := signal.getsignal(number)) is not signal.SIG_IGN:
                signal.signal(number, leave)
                self._signals_before[number] = before

    def _leave_with_terminal(self, driver: TerminalDriver) -> None:
        """Leave when the terminal is gone; if SIGHUP is ignored, nothing else reports that."""
        if not driver.has_terminal:
            self.exit(return_code=128 + signal.SIGHUP)

    def on_key(self, event: events.Key) -> None:
        # Keys are handled here, where commands are carried out in order: when a bubbling key passes
        # the screen, the prompt of the key before it may not be open yet.
        screen = self.screen
        if self.is_over or not isinstance(screen, KeyHolder):
            return
        if screen.hold_key(event):
            event.stop()
            event.prevent_default()
        elif isinstance(screen, CommandScreen):
            screen.explain_key(event.key)

    def action_help_quit(self) -> None:
        """Show in the status line how to leave; Ctrl-C may have been pressed out of habit."""
        screen = self.screen
        if isinstance(screen, CommandScreen):
            screen.say(self.keys.format(f"{{back}} goes back, {QUIT_KEY} quits"))

    @property
    def engine_pool(self) -> EnginePool:
        """Return the real engines that were added; their processes start when first used."""
        if self._engine_pool is None:
            from hermes_tui.runtime.engines.pool import EnginePool

            try:
                self._engine_pool = EnginePool()
            except SourceError:
                # `hermes-tui engines list` reports what is wrong with the folder.
                self._engine_pool = EnginePool(())
        return self._engine_pool

    async def on_unmount(self) -> None:
        for number, before in self._signals_before.items():
            signal.signal(number, before)
        if self._engine_pool is not None:
            await self._engine_pool.close()

    def exit(self, *arguments: Any, **options: Any) -> None:
        self.is_over = True
        super().exit(*arguments, **options)

    async def run_action(self, *arguments: Any, **options: Any) -> bool:
        """Carry out the action of a key, unless the program is leaving and its target with it."""
        return self.is_over or await super().run_action(*arguments, **options)

    @property
    def first_screens(self) -> int:
        """Return how many screens, from the first on, are left together with the program."""
        return 1

    def leave(self) -> None:
        """Go back one screen; leave the program from the first one."""
        if len(self.screen_stack) <= self.first_screens:
            self.exit()
        else:
            self.pop_screen()

    def switch_run(self, screen: CommandScreen, step: int) -> None:
        """Replace the run on screen by the next or previous one, if there are several."""

    def compare_run(self, feed: Feed, say: Callable[[str], None]) -> None:
        """Choose the run of a feed for a comparison, if there are several to choose from."""

    @property
    def chosen_run(self) -> str:
        """Return the name of the run chosen for a comparison; empty if none is."""
        return ""

    def drop_chosen_run(self) -> bool:
        """Forget the run chosen for a comparison; return whether there was one."""
        return False

    def relatives(self, feed: Feed) -> tuple[Relative, ...]:
        """Return the parent runs and the child runs of the run of a feed."""
        return ()

    def open_relative(self, screen: CommandScreen, place: int) -> None:
        """Show one of the `relatives` instead of the run on screen."""

    # Themes and styles

    def style(self, name: str) -> Style:
        """Return the style of a semantic name in the current theme."""
        return self._resolve(name)

    def _style_resolver(self, theme_name: str) -> Callable[[str], Style]:
        output = sys.__stdout__
        is_terminal = output is not None and output.isatty()
        few_colours = is_terminal and self.console.color_system == "standard"
        return styles_for(theme_name, self.no_color, few_colours)

    def next_theme(self) -> None:
        names = [theme.name for theme in THEMES]
        here = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(here + 1) % len(names)]
        self._resolve = self._style_resolver(self.theme)
        for screen in self.screen_stack:
            for widget in screen.walk_children():
                if isinstance(widget, (RowList, TextView)):
                    widget.set_resolve(self.style)
                widget.refresh()

    # Clipboard, pager, shell

    def copy(self, text: str, what: str = "", note: str = "") -> str:
        """Copy text to the clipboard by OSC 52, lone surrogates as escapes; return the message.

        The message names `what` was copied, followed by `note`.
        """
        self.copy_to_clipboard(text.encode("utf-8", "backslashreplace").decode("utf-8"))
        description = ", ".join(filter(None, (what, counted(len(text), "character"))))
        return f"copied {description}{note} (OSC 52: the terminal must allow it)"

    def show_in_pager(self, lines: Iterable[str]) -> str:
        """Show lines in $PAGER, control characters made visible; return the error, or ""."""
        from hermes_tui.runtime.pager_and_editor import run_pager

        shown = (visible(line) + "\n" for line in lines)
        return self.hand_terminal_to("a pager", lambda: run_pager(shown))

    def show_rows_in_pager(self, row_list: RowList) -> str:
        """Show the rows of a list in $PAGER; return the error, or ""."""
        width = 400
        return self.show_in_pager(text[:width].rstrip() for text in row_list.texts(width))

    def suspend_for_shell(self) -> str:
        """Stop until the shell resumes this job; return why that is impossible, or ""."""
        if os.getpgrp() == os.getsid(0):
            # There is no job control: the stopped program would never be resumed.
            return "there is no shell to go back to"
        # Stop the whole group, including a parent such as xargs, or the shell would keep waiting.
        return self.hand_terminal_to("the shell", lambda: os.killpg(0, signal.SIGSTOP))

    def hand_terminal_to(self, program: str, run: Callable[[], None]) -> str:
        """Call `run` with the terminal to itself; return the error, or ""."""
        from textual.app import SuspendNotSupported

        from hermes_tui.runtime.terminal_shield import lowered

        failure = ""
        try:
            with self.suspend(), lowered():
                # The terminal is only taken back if nothing is raised here.
                try:
                    run()
                except SourceError as error:
                    failure = str(error)
        except SuspendNotSupported:
            failure = f"this terminal cannot be handed to {program}"
        self.refresh(repaint=True)
        return failure
