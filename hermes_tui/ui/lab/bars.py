"""The lab's key bars for editing the text and for replaying it in deltas."""

from __future__ import annotations

from typing import Final

from hermes_tui.ui.command import Situation
from hermes_tui.ui.commands import BY_ID, shown_key
from hermes_tui.ui.widgets.key_bar import PINNED, Entry

_EDITING_COMMANDS: Final = (
    ("clear", "Esc"), ("lab-hand", "ctrl+s"), ("lab-failure", "F5"), ("lab-step", "F11"),
    ("lab-next", "F10"),
)  # fmt: skip
"""The commands that work while the text is edited, with their keys; letters are typed."""
_STREAM_LABELS: Final = {
    "lab-forward": "Next", "lab-back": "Previous", "lab-larger": "Larger",
    "lab-smaller": "Smaller", "lab-unit": "Characters", "lab-sweep": "Sweep",
    "lab-failure": "Part of a call", "lab-out": "End",
}  # fmt: skip


def editing_bar(situation: Situation) -> list[Entry]:
    """Return the entries for a lab whose text is edited."""
    return [
        (name, key, "End editing" if name == "clear" else BY_ID[name].label)
        for name, key in _EDITING_COMMANDS
        if BY_ID[name].enabled(situation)
    ]


def stream_bar(keymap: dict[str, str], *, by_characters: bool) -> list[Entry]:
    """Return the entries for a lab that replays its text in deltas."""
    labels = _STREAM_LABELS | ({"lab-unit": "Tokens"} if by_characters else {})
    labels |= {name: BY_ID[name].label for name in PINNED}
    return [(name, shown_key(BY_ID[name], keymap), label) for name, label in labels.items()]
