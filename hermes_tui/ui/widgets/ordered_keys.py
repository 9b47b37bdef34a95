"""Handling an editor's keys in the order in which they are typed."""

from __future__ import annotations

from functools import cache

from textual import events
from textual.binding import Binding
from textual.widget import Widget


async def run_binding_now(widget: Widget, event: events.Key) -> None:
    """Run the action that a widget binds to a key immediately.

    Textual runs bindings only after a key has bubbled up. Letters that arrive in one chunk with a
    backspace, as over a slow connection, would be handled before it.
    """
    if action := _actions_by_key(type(widget)).get(event.key):
        event.stop()
        event.prevent_default()
        await widget.run_action(action)


@cache
def _actions_by_key(widget: type[Widget]) -> dict[str, str]:
    """Return the actions of a class of widgets by key."""
    return {
        key: binding.action
        for base in reversed(widget.__mro__)
        for binding in vars(base).get("BINDINGS", ())
        if isinstance(binding, Binding)
        for key in binding.key.split(",")
    }
