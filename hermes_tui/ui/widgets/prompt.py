"""A line at the bottom of a screen that asks for text: search, filter, go to, mark."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from hermes_tui.ui.widgets.key_bar import Entry
from hermes_tui.ui.widgets.ordered_keys import run_binding_now

_ACCEPT: Entry = ("", "Enter", "Accept")
_COMPLETE: Entry = ("", "→", "Complete")
_CANCEL: Entry = ("", "Esc", "Cancel")
_TOGGLES = ("f2", "f3", "f4")
MAX_CAPTION_WIDTH = "65%"
"""Most of the line that the caption takes; the rest is for the input."""


class _Line(Input):
    async def on_key(self, event: events.Key) -> None:
        await run_binding_now(self, event)


class Prompt(Horizontal):
    """Asks for one line; hidden until `ask`. Posts `Closed`, then `Answered`; Esc only closes.

    With `toggles`, F2 switches regular expressions and F3 matching of case. If `wide` names what
    else can be searched, F4 switches that.
    """

    DEFAULT_CSS = """
    Prompt { height: 1; display: none; }
    Prompt Static {
        width: auto; padding: 0 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis;
    }
    Prompt Input {
        border: none; height: 1; width: 1fr; padding: 0;
        & > .input--placeholder, & > .input--suggestion { color: $text-muted; }
        & > .input--selection { text-style: underline; }
    }
    """

    class Answered(Message):
        """A line was entered."""

        def __init__(
            self, purpose: str, value: str, *, is_regex: bool, case_matters: bool, is_wide: bool
        ) -> None:
            super().__init__()
            self.purpose = purpose
            self.value = value
            self.is_regex = is_regex
            self.case_matters = case_matters
            self.is_wide = is_wide

    class Typed(Message):
        """The text of the line changed."""

        def __init__(self, purpose: str, value: str) -> None:
            super().__init__()
            self.purpose = purpose
            self.value = value

    class Closed(Message):
        """The prompt was hidden."""

    def __init__(self) -> None:
        super().__init__()
        self._caption = Static(markup=False)
        self._line = _Line(compact=True, select_on_focus=False)
        self._label = ""
        self._purpose = ""
        self._toggles = False
        self._hint = self._wide = ""
        self._one_letter = False
        self._takes_keys = False
        self._held_keys: list[events.Key] = []
        self.is_regex = False
        self.case_matters = False
        self.is_wide = False

    def compose(self) -> ComposeResult:
        yield self._caption
        yield self._line

    def on_mount(self) -> None:
        if self.display:
            self.call_after_refresh(self._take_focus)

    def ask(
        self,
        label: str,
        purpose: str,
        value: str = "",
        *,
        toggles: bool = False,
        one_letter: bool = False,
        replace: bool = False,
        hint: str = "",
        wide: str = "",
        choices: Sequence[str] = (),
    ) -> None:
        """Show the prompt. With `one_letter`, the first letter typed is the answer.

        With `replace`, the first key typed replaces `value`; otherwise it is appended. `hint`, or
        `wide` if that is switched on, is the placeholder of the empty line. The first of `choices`
        that begins with the text is shown as a completion; the right arrow accepts it.
        """
        self._label, self._purpose = label, purpose
        self._toggles, self._one_letter = toggles, one_letter
        self._line.value = value
        self._hint, self._wide = hint, wide
        self._line.suggester = SuggestFromList(choices, case_sensitive=False) if choices else None
        self._caption.styles.max_width = None if one_letter else MAX_CAPTION_WIDTH
        self._line.selection = Selection(0 if replace else len(value), len(value))
        self._takes_keys = False
        self._held_keys.clear()
        self.display = True
        self._show_label()
        if self.is_mounted:
            self.call_after_refresh(self._take_focus)

    @property
    def keys(self) -> list[Entry]:
        """The entries of the key bar while the prompt is open, as a screen's letters are typed."""
        if self._one_letter:
            return [_CANCEL]
        complete = [] if self._line.suggester is None else [_COMPLETE]
        return [_ACCEPT, *complete, _CANCEL]

    def close(self) -> None:
        """Hide the prompt, if it is open."""
        if self.display:
            self.display = False
            # Not after the message: the next key is for the screen again.
            self.screen.set_focus(None)
            self.post_message(self.Closed())

    def hold(self, event: events.Key) -> bool:
        """Keep a key that arrived before the line is focused; return whether it was kept.

        Once the line is focused, a letter that still arrives here was pressed before that.
        """
        if not self.display:
            return False
        if not self._takes_keys:
            self._held_keys.append(event)
        elif event.is_printable:
            self._apply_key(event)
        else:
            return False
        return True

    def _take_focus(self) -> None:
        if not self.display:
            return
        self.screen.set_focus(self._line)
        self._takes_keys = True
        held, self._held_keys = self._held_keys, []
        for event in held:
            if self.display:
                self._apply_key(event)

    def _apply_key(self, event: events.Key) -> None:
        """Do what a held key would have done if the line had been focused."""
        if event.key == "enter":
            self._answer(self._line.value)
        elif event.key == "escape":
            self.close()
        elif event.key in _TOGGLES:
            self._toggle(event.key)
        elif event.key == "backspace":
            self._line.action_delete_left()
        elif event.key == "ctrl+u":
            self._line.action_delete_left_all()
        elif event.is_printable and event.character:
            self._line.replace(event.character, *self._line.selection)
            if self._one_letter:
                self._answer(event.character)

    def _show_label(self) -> None:
        label = self._label
        if self._toggles:
            regex = "on" if self.is_regex else "off"
            case = "on" if self.case_matters else "off"
            label += f"  F2 regex {regex} · F3 case {case}"
        if self._wide:
            label += f" · F4 texts {'on' if self.is_wide else 'off'}"
        self._line.placeholder = self._wide if self._wide and self.is_wide else self._hint
        self._caption.update(label)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._answer(event.value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._one_letter and self.display and self._takes_keys and event.value:
            self._answer(event.value[0])
        elif self.display:
            self.post_message(self.Typed(self._purpose, event.value))

    def _answer(self, value: str) -> None:
        if not self.display:
            return
        self.close()
        self.post_message(
            self.Answered(
                self._purpose,
                value,
                is_regex=self.is_regex,
                case_matters=self.case_matters,
                is_wide=bool(self._wide) and self.is_wide,
            )
        )

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.close()
        elif self._toggles and event.key in _TOGGLES:
            event.stop()
            self._toggle(event.key)

    def _toggle(self, key: str) -> None:
        if not self._toggles:
            return
        if key == "f2":
            self.is_regex = not self.is_regex
        elif key == "f3":
            self.case_matters = not self.case_matters
        elif self._wide:
            self.is_wide = not self.is_wide
        self._show_label()
