"""What the screens share: commands by key, bar, palette and click; a prompt; a pump for feeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual import events
from textual.screen import Screen

from hermes_tui.ui.command import Situation
from hermes_tui.ui.commands import BY_ID, bar_entries, command_on, in_scope, shown_key
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.screens.sized import SizedByTerminal
from hermes_tui.ui.widgets.key_bar import Entry, KeyBar

if TYPE_CHECKING:
    from textual.timer import Timer

    from hermes_tui.ui.base_app import BaseApp
    from hermes_tui.ui.palette import Offer
    from hermes_tui.ui.render.places import RunPlace
    from hermes_tui.ui.widgets.prompt import Prompt

T = TypeVar("T")

SLICE_S = 0.008
BUSY_EVERY_S = 0.012
POLL_EVERY_S = 0.25
OTHER_SCREENS = (
    ("run", "in a run ({open} opens it)"),
    ("live", "only in a live run"),
    ("runs", "in the list of runs"),
)
"""The message for a key that stands for a command on another screen."""
QUIT = "Quit"
"""The label of the command that goes back if it quits the program."""


class KeyHolder:
    """A screen that takes keys which arrive before the widget that they are for has the focus."""

    def hold_key(self, event: events.Key) -> bool:
        """Take such a key, or keep it for later; return whether this was done."""
        return False


class CommandScreen(SizedByTerminal, KeyHolder, Screen[None]):
    """A screen whose every action is a command of the registry: `do_<id>` with `_` for `-`."""

    scope: ClassVar[str] = ""
    why_not: ClassVar[Mapping[str, str]] = MappingProxyType({
        "search-next": "no search: {search} begins one",
        "search-previous": "no search: {search} begins one",
        "compare": "there is no other run to compare with",
        "unfilter": "there is no filter",
        "cancel": "all is read already",
    })  # fmt: skip
    """The message for a command that is not available now, by command id; `nothing_here` for all
    others. Keys are written in it as `KeyNames.format` takes them."""
    nothing_here: ClassVar[str] = ""
    pumps_in_background: ClassVar[bool] = False
    busy_every_s: ClassVar[float] = BUSY_EVERY_S
    AUTO_FOCUS = None

    def __init__(self) -> None:
        super().__init__()
        self._pump_timer: Timer | None = None
        self._busy = False
        self._prompt: Prompt | None = None
        self._message = ""
        """The text of the status line until the next command."""
        self._is_in_command = False
        self.stopped_at: tuple[int, int] | None = None
        """Bytes read and bytes in all when the user stopped the reading."""

    @property
    def hermes(self) -> BaseApp:
        return cast("BaseApp", self.app)

    @property
    def keys(self) -> KeyNames:
        """The keys of the commands, for sentences that name them."""
        return self.hermes.keys

    # Commands

    def situation(self) -> Situation:
        """Return the facts that decide which commands are available now."""
        return Situation()

    def action_command(self, command_id: str) -> None:
        """Run a command if it is available now, else show why it is not.

        A key that arrives right after this screen was left does nothing.
        """
        if self.hermes.is_over or self not in self.app.screen_stack:
            return
        self._message = ""
        handler = getattr(self, "do_" + command_id.replace("-", "_"), None)
        self._is_in_command = True
        try:
            if not BY_ID[command_id].enabled(self.situation()):
                self._message = self.why_unavailable(command_id)
            elif handler is not None:
                handler()
        finally:
            self._is_in_command = False
        self.draw_lines()

    def explain_key(self, key: str) -> None:
        """Show on which screen a key works that does nothing here; clear an earlier message."""
        keys = self.hermes.config.keys
        if self.scope not in ("run", "runs") or command_on(self.scope, key, keys) is not None:
            return
        if self._message:
            self.say("")
        for scope, where in OTHER_SCREENS:
            command = command_on(scope, key, keys)
            if command is not None:
                if scope == "run" and not self.situation().runs:
                    where = self.nothing_here
                self.say(f"{command.label.lower()}: {self.keys.format(where)}")
                return

    def why_unavailable(self, command_id: str) -> str:
        """Return why a command is not available now."""
        return self.keys.format(self.why_not.get(command_id, self.nothing_here))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "command" and parameters:
            command = BY_ID.get(str(parameters[0]))
            return command is not None and self.scope in command.scopes
        return True

    def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        self.action_command(event.command_id)

    def refresh_bar(self) -> None:
        prompt = self.open_prompt
        self.query_one(KeyBar).show(self.bar() if prompt is None else prompt.keys)

    def bar(self) -> list[Entry]:
        """Return the entries of the key bar while no prompt is open."""
        entries = bar_entries(self.scope, self.situation(), self.hermes.config.keys)
        if self.back_quits():
            entries = [(id, key, QUIT if id == "back" else label) for id, key, label in entries]
        return entries

    def back_quits(self) -> bool:
        """Return whether the key that goes back would quit the program now."""
        return self in self.app.screen_stack[: self.hermes.first_screens]

    def do_help(self) -> None:
        from hermes_tui.ui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(place=self.scope))

    def offers(self) -> Iterator[Offer]:
        """Yield the offers of the palette: every command that is available now."""
        from hermes_tui.ui.palette import SYNONYMS, Offer

        situation, keymap = self.situation(), self.hermes.config.keys
        for command in in_scope(self.scope):
            if command.enabled(situation) and command.id != "palette":
                yield Offer(
                    command.label,
                    self.keys.format(command.help),
                    partial(self.action_command, command.id),
                    shown_key(command, keymap),
                    SYNONYMS.get(command.id, ""),
                    command.id,
                )

    def do_palette(self) -> None:
        from hermes_tui.ui.screens.palette import PaletteScreen

        self.open_dialog(PaletteScreen(list(self.offers())), lambda offer: offer.run())

    def open_dialog(self, dialog: Screen[T | None], then: Callable[[T], object]) -> None:
        """Open a dialog; `then` is called with its result unless it is cancelled."""

        def closed(result: T | None) -> None:
            if result is not None:
                then(result)

        self.app.push_screen(dialog, closed)

    def do_theme(self) -> None:
        self.hermes.next_theme()

    def do_back(self) -> None:
        self.hermes.leave()

    def do_suspend(self) -> None:
        if why_not := self.hermes.suspend_for_shell():
            self.say(why_not)

    def show_back_hint(self) -> None:
        """Show which key goes back, after an Esc that had nothing to drop."""
        self.say(self.keys.format("nothing to drop: {back} goes back"))

    # Showing

    def refresh_view(self) -> None:
        """Show the state of the model in every pane."""

    def refresh_lines(self) -> None:
        """Redraw the lines above and below the panes; during a command, this waits for its end."""
        if not self._is_in_command:
            self.draw_lines()

    def draw_lines(self) -> None:
        """Draw the lines above and below the panes."""

    def say(self, message: str) -> None:
        """Show a message in the status line until the next command."""
        self._message = message
        self.refresh_lines()

    def copy(self, text: str, what: str = "", note: str = "") -> None:
        """Copy text to the clipboard, and show `what` was copied, followed by a `note`."""
        self.say(self.hermes.copy(text, what, note))

    def copy_command(self, place: RunPlace | None, message: int = 0) -> None:
        """Copy and show the command that opens a place; if there is none, show why.

        `message` is the number of a message of the run, from 1; 0 for none.
        """
        if place is None:
            self.say("a run from standard input cannot be opened again")
            return
        command = place.command(message)
        self.hermes.copy(command)
        self.say(f"copied: {command}")

    # The prompt

    def hold_key(self, event: events.Key) -> bool:
        """Let an open prompt keep a key that it cannot take yet; return whether it did."""
        return self._prompt is not None and self._prompt.hold(event)

    @property
    def is_asking(self) -> bool:
        """Whether a prompt is open."""
        return self.open_prompt is not None

    @property
    def open_prompt(self) -> Prompt | None:
        """The open prompt, which takes the keys, or None."""
        return self._prompt if self._prompt is not None and self._prompt.display else None

    def ask(self, label: str, purpose: str, value: str = "", **options: Any) -> None:
        """Ask for a line of text; `answered_<purpose>` will be called with it."""
        # Created when first needed: importing it would delay the first paint.
        from hermes_tui.ui.widgets.prompt import Prompt

        prompt = self._prompt
        if prompt is None:
            prompt = self._prompt = Prompt()
            prompt.ask(label, purpose, value, **options)
            self.mount(prompt, before=self.query_one(KeyBar))
        else:
            prompt.ask(label, purpose, value, **options)

    def on_prompt_answered(self, event: Prompt.Answered) -> None:
        getattr(self, f"answered_{event.purpose.replace('-', '_')}")(event)

    def on_prompt_closed(self, event: Prompt.Closed) -> None:
        # The message was about the prompt.
        self.say("")
        self.focus_main()

    def focus_main(self) -> None:
        """Give the focus back to the pane that had it."""

    # The pump

    def start_pump(self) -> None:
        """Call `pump` repeatedly: quickly while there is work, else a few times a second."""
        self._busy = True
        self._pump_timer = self.set_interval(self.busy_every_s, self._on_pump)

    def _on_pump(self) -> None:
        if not self.is_current and not self.pumps_in_background:
            return
        self._set_pace(busy=self.pump())

    def _set_pace(self, *, busy: bool) -> None:
        if busy != self._busy and self._pump_timer is not None:
            self._busy = busy
            self._pump_timer.stop()
            every_s = self.busy_every_s if busy else POLL_EVERY_S
            self._pump_timer = self.set_interval(every_s, self._on_pump)

    def pump(self) -> bool:
        """Do a few milliseconds of work; return whether there is more."""
        return False

    def hurry(self) -> None:
        """Pump quickly from now on, because there is new work."""
        self._set_pace(busy=True)
