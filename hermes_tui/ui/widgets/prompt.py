"""A line at the bottom of a screen that asks for text: search, filter, go to, mark."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class Prompt(Horizontal):
    """Hidden until `ask`. Posts `Answered`, then `Closed`; Esc only closes.

    With `toggles`, F2 switches regular expressions and F3 whether case counts.
    """

    DEFAULT_CSS = """
    Prompt { height: 1; display: none; }
    Prompt Static { width: auto; padding: 0 1; text-style: bold; }
    Prompt Input { border: none; height: 1; width: 1fr; padding: 0; }
    """

    class Answered(Message):
        """A line was entered."""

        def __init__(self, purpose: str, value: str, *, is_regex: bool, case_matters: bool) -> None:
            super().__init__()
            self.purpose = purpose
            self.value = value
            self.is_regex = is_regex
            self.case_matters = case_matters

    class Closed(Message):
        """The prompt went away."""

    def __init__(self) -> None:
        super().__init__()
        self._label = ""
        self._purpose = ""
        self._value = ""
        self._toggles = False
        self._one_letter = False
        self.is_regex = False
        self.case_matters = False

    def compose(self) -> ComposeResult:
        yield Static(markup=False)
        yield Input(compact=True, select_on_focus=False)

    def ask(
        self,
        label: str,
        purpose: str,
        value: str = "",
        *,
        toggles: bool = False,
        one_letter: bool = False,
    ) -> None:
        """Show the prompt. `one_letter`: the first letter typed is the answer."""
        self._label, self._purpose, self._value = label, purpose, value
        self._toggles, self._one_letter = toggles, one_letter
        self.display = True
        if self.is_mounted:
            self._show()

    def on_mount(self) -> None:
        if self.display:
            self._show()

    def _show(self) -> None:
        line = self.query_one(Input)
        line.value = self._value
        line.cursor_position = len(self._value)
        line.focus()
        self._show_label()

    def close(self) -> None:
        """Hide the prompt, if it is open."""
        if self.display:
            self.display = False
            self.post_message(self.Closed())

    def _show_label(self) -> None:
        label = self._label
        if self._toggles:
            regex = "on" if self.is_regex else "off"
            case = "on" if self.case_matters else "off"
            label += f"  F2 regex {regex} · F3 case {case}"
        self.query_one(Static).update(label)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._answer(event.value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._one_letter and self.display and event.value:
            self._answer(event.value[0])

    def _answer(self, value: str) -> None:
        purpose = self._purpose
        self.close()
        self.post_message(
            self.Answered(purpose, value, is_regex=self.is_regex, case_matters=self.case_matters)
        )

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.close()
        elif self._toggles and event.key in ("f2", "f3"):
            event.stop()
            if event.key == "f2":
                self.is_regex = not self.is_regex
            else:
                self.case_matters = not self.case_matters
            self._show_label()
