"""The last line of a screen: the keys that are enabled now. Clicking one presses the key."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

Entry = tuple[str, str, str]
"""Command id, key, label. Without an id, a click does nothing."""


PINNED = ("help", "back")
"""Commands that are always shown, because a person who is lost needs them."""


def _width(entry: Entry) -> int:
    return cell_len(f" {entry[1]} {entry[2]} ")


class KeyBar(Widget):
    """Shows as many entries as fit, in the order given, and the pinned ones at the end."""

    DEFAULT_CSS = "KeyBar { height: 1; }"

    class Pressed(Message):
        """An entry was clicked."""

        def __init__(self, command_id: str) -> None:
            super().__init__()
            self.command_id = command_id

    def __init__(self, resolve: Callable[[str], Style]) -> None:
        super().__init__()
        self.resolve = resolve
        self._entries: list[Entry] = []
        self._places: list[tuple[int, int, str]] = []

    def show(self, entries: list[Entry]) -> None:
        """Show these entries from now on."""
        if entries != self._entries:
            self._entries = entries
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        pinned = [entry for entry in self._entries if entry[0] in PINNED]
        room = width - sum(_width(entry) for entry in pinned)
        shown: list[Entry] = []
        for entry in self._entries:
            if entry in pinned:
                continue
            if _width(entry) > room:
                break
            room -= _width(entry)
            shown.append(entry)
        return self._drawn([*shown, *pinned], width)

    def _drawn(self, entries: list[Entry], width: int) -> Strip:
        segments: list[Segment] = []
        self._places = []
        position = 0
        for entry in entries:
            command_id, key, label = entry
            self._places.append((position, position + _width(entry), command_id))
            segments.append(Segment(f" {key}", self.resolve("bar.key")))
            segments.append(Segment(f" {label} ", self.resolve("bar")))
            position += _width(entry)
        return Strip(segments).adjust_cell_length(width, self.resolve("bar"))

    def on_click(self, event: events.Click) -> None:
        for start, end, command_id in self._places:
            if start <= event.x < end and command_id:
                self.post_message(self.Pressed(command_id))
