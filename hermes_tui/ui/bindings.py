"""Textual bindings made from the command registry."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from hermes_tui.ui.commands import in_scope


def bindings_for(scope: str) -> list[BindingType]:
    """Return the bindings of one screen. Each has its command's id, so a keymap can change it."""
    return [
        Binding(
            ",".join(command.keys),
            f"command('{command.id}')",
            command.label,
            show=False,
            id=command.id,
        )
        for command in in_scope(scope)
    ]
