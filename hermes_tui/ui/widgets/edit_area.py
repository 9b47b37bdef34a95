"""An editor for foreign text: no control sequence reaches the terminal, no character is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from hermes_tui.ui.shielded_text import (
    SOFT_BREAK,
    STAND_IN,
    hold,
    name_of,
    pictured,
    shield,
    unshield,
)
from hermes_tui.ui.widgets.ordered_keys import run_binding_now

LARGE = 1_000_000
"""Characters from which each key takes noticeably long; such a text is better edited in $EDITOR."""
_MAX_BRACKET_SEARCH = 100_000
"""Characters up to which the matching bracket is searched for, character by character."""
_NO_STYLE = Style()


class EditArea(TextArea):
    """A `TextArea` whose text is read and set by `value`. With `one_line`, Enter submits."""

    DEFAULT_CSS = """
    EditArea {
        border: none; padding: 0; background: $surface; scrollbar-size: 1 1;
        &:focus { border: none; }
        &.-one-line { height: 1; scrollbar-size: 0 0; overflow: hidden hidden; }
        &:dark .text-area--cursor, &:light .text-area--cursor {
            text-style: reverse; color: $foreground; background: $background;
        }
        & .text-area--selection { text-style: underline; }
        & .text-area--gutter { color: $secondary; }
        & .text-area--cursor-gutter { color: $foreground; text-style: bold; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "to_start", "To the beginning", show=False),
        Binding("ctrl+end", "to_end", "To the end", show=False),
    ]

    class Submitted(Message):
        """Enter was pressed in an editor of one line."""

    def __init__(
        self,
        value: str = "",
        *,
        resolve: Callable[[str], Style] = lambda name: _NO_STYLE,
        one_line: bool = False,
        id: str | None = None,
    ) -> None:
        # These are set before the base class measures and edits the text.
        self._resolve = resolve
        self._one_line = one_line
        self._marks: Mapping[int, Sequence[tuple[int, str]]] = {}
        super().__init__(
            shield(value, newlines=one_line),
            soft_wrap=not one_line,
            show_line_numbers=False,
            highlight_cursor_line=False,
            compact=True,
            id=id,
            classes="-one-line" if one_line else None,
        )
        self.cursor_blink = False
        self._update_line_numbers()

    @property
    def value(self) -> str:
        """The text, every character as given or typed."""
        return unshield(self.text)

    @value.setter
    def value(self, value: str) -> None:
        self.replace(shield(value, newlines=self._one_line), (0, 0), self.document.end)
        self.move_cursor((0, 0))
        self._update_line_numbers()

    def _update_line_numbers(self) -> None:
        # The pieces of broken lines would be counted too.
        self.show_line_numbers = not self._one_line and SOFT_BREAK not in self.text

    def mark(self, places: Sequence[tuple[int, int, str]]) -> None:
        """Mark characters at (line, column) from 1, each in a style; earlier marks are removed."""
        marks: dict[int, list[tuple[int, str]]] = {}
        for line, column, style in places:
            at, index = self._document_location(line, column)
            marks.setdefault(at, []).append((index, style))
        if marks != self._marks:
            self._marks = marks
            self.notify_style_update()

    def _document_location(self, line: int, column: int) -> tuple[int, int]:
        """Return the location in the document of a character of the value.

        They differ because long lines are broken in the document.
        """
        at, before = 1, column - 1
        for number, text in enumerate(self.document.lines):
            continues = text.endswith(SOFT_BREAK)
            if at == line:
                length = len(unshield(text))
                if before < length or not continues:
                    return number, len(shield(unshield(text)[:before]))
                before -= length
            at += not continues
        return self.document.end

    def go_to(self, line: int, column: int) -> None:
        """Move the cursor to a character of the value, both counted from 1, and centre it."""
        self.move_cursor(self._document_location(line, column), center=True)

    @property
    def place(self) -> str:
        """The line and column of the cursor, and the name of the character there if invisible."""
        row, column = self.cursor_location
        lines = self.document.lines
        first = row
        while first and lines[first - 1].endswith(SOFT_BREAK):
            first -= 1
        line = first + 1 - sum(text.endswith(SOFT_BREAK) for text in lines[:first])
        before = sum(len(unshield(text)) for text in lines[first:row])
        before += len(unshield(lines[row][:column]))
        name = name_of(lines[row][column]) if column < len(lines[row]) else ""
        return f"line {line}, column {before + 1}" + (f" · {name}" if name else "")

    def edit(self, edit: Edit) -> EditResult:
        """Perform an edit, with stand-ins for harmful characters that were typed or pasted."""
        edit.text = hold(edit.text.replace("\r\n", "\n"), newlines=self._one_line)
        return super().edit(edit)

    def on_paste(self, event: events.Paste) -> None:
        # Terminals send line breaks in pasted text as carriage returns, as for Enter.
        event.text = event.text.replace("\r\n", "\n").replace("\r", "\n")

    def get_line(self, line_index: int) -> Text:
        """Return a line as drawn."""
        line = super().get_line(line_index)
        plain = line.plain
        if STAND_IN.search(plain):
            shown = pictured(plain)
            line = Text(shown, end="", no_wrap=True)
            for found in STAND_IN.finditer(plain):
                line.stylize(self._resolve("mark"), found.start(), found.end())
        for column, style in self._marks.get(line_index, ()):
            at = min(column, max(0, len(plain) - 1))
            line.stylize(self._resolve(style), at, at + 1)
        return line

    def find_matching_bracket(
        self, bracket: str, search_from: tuple[int, int]
    ) -> tuple[int, int] | None:
        """Return the location of the matching bracket, if any; always None in a large text."""
        if len(self.text) > _MAX_BRACKET_SEARCH:
            return None
        return super().find_matching_bracket(bracket, search_from)

    def action_to_start(self) -> None:
        self.move_cursor((0, 0))

    def action_to_end(self) -> None:
        self.move_cursor(self.document.end)

    def on_resize(self, event: events.Resize) -> None:
        # The text area wraps again by itself, but only repaints if its height has changed.
        self.refresh()

    async def on_key(self, event: events.Key) -> None:
        if self._one_line and event.key == "enter":
            event.prevent_default()
            event.stop()
            self.post_message(self.Submitted())
        else:
            await run_binding_now(self, event)
