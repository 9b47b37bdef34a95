"""The keys of commands, with the user's keymap, in the messages of the screens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from hermes_tui.model.wording import counted
from hermes_tui.ui.command import Command
from hermes_tui.ui.commands import BY_ID, shown_key
from hermes_tui.ui.dialog_keys import DIALOG_BY_ID, DialogKey

_COMMAND: Final = re.compile(r"\{([a-z][a-z0-9-]*)\}")


class KeyNames(NamedTuple):
    """The keys of all commands. `keymap` holds the remapped ones by command id."""

    keymap: Mapping[str, str] = MappingProxyType({})

    def format(self, text: str) -> str:
        """Return `text` with each command in braces replaced by its key: `{search} begins one`.

        The commands of dialogs count too. `text` must be our own. Add foreign text to the result
        only: it may hold braces too.
        Raises KeyError for a name that is no command.
        """
        return _COMMAND.sub(lambda found: shown_key(_command(found[1]), self.keymap), text)


def _command(command_id: str) -> Command | DialogKey:
    return DIALOG_BY_ID[command_id] if command_id in DIALOG_BY_ID else BY_ID[command_id]


def not_shown(number: int, keys: KeyNames) -> str:
    """Return the line that counts the characters not shown and names the key that shows them."""
    return keys.format(f"… {counted(number, 'more character')}: {{pane-6}} shows the record")
