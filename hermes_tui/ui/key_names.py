"""The keys of commands, with the user's keymap, in the messages of the screens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from hermes_tui.model.wording import counted
from hermes_tui.ui.commands import BY_ID, shown_key

_COMMAND: Final = re.compile(r"\{([a-z][a-z0-9-]*)\}")


class KeyNames(NamedTuple):
    """The keys of all commands. `keymap` holds the remapped ones by command id."""

    keymap: Mapping[str, str] = MappingProxyType({})

    def format(self, text: str) -> str:
        """Return `text` with each command in braces replaced by its key: `{search} begins one`.

        `text` must be our own. Add foreign text to the result only: it may hold braces too.
        Raises KeyError for a name that is no command.
        """
        return _COMMAND.sub(lambda found: shown_key(BY_ID[found[1]], self.keymap), text)


def not_shown(number: int, keys: KeyNames) -> str:
    """Return the line that counts the characters not shown and names the key that shows them."""
    return keys.format(f"… {counted(number, 'more character')}: {{pane-6}} shows the record")
