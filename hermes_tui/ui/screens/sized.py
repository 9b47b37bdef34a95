"""The size of screens is that of the terminal."""

from __future__ import annotations

from textual.events import Resize
from textual.message_pump import MessagePump


class SizedByTerminal(MessagePump):
    """A screen that ignores sizes which the terminal no longer has.

    A layout in a new size sends the screen that size again. Two sizes that wait with other messages
    between them would therefore replace each other without end.
    """

    def on_resize(self, event: Resize) -> None:
        if event.size != self.app.size:
            event.prevent_default()
