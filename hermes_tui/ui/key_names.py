"""The keys of commands, as a person has them, in what the screens say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from hermes_tui.model.wording import counted
from hermes_tui.ui.commands import BY_ID, shown_key

_COMMAND: Final = re.compile(r"\{([a-z][a-z0-9-]*)\}")


class KeyNames(NamedTuple):
    """Which keys commands have. `keymap` holds those that were remapped, by command."""

    keymap: Mapping[str, str] = MappingProxyType({})

    def told(self, words: str) -> str:
        """Return our own `words` with each command in braces as its key: `{search} begins one`.

        Foreign text is put around them afterwards: it may hold braces, too. Raises KeyError for
        what is no command.
        """
        return _COMMAND.sub(lambda found: shown_key(BY_ID[found[1]], self.keymap), words)


def not_shown(number: int, keys: KeyNames) -> str:
    """Return that so many characters of a text are not shown, and which key shows them."""
    return keys.told(f"… {counted(number, 'more character')}: {{pane-6}} shows the record")
