"""The keys of the dialogs. While a text is edited, only control and function keys are bound."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple


class DialogKey(NamedTuple):
    """A command of a dialog; fields as in the command registry."""

    id: str
    label: str
    keys: tuple[str, ...]
    shown: str
    scope: str
    help: str
    bar: bool = True
    """Whether the key bar shows it."""


DIALOG_KEYS: Final = (
    DialogKey("editor-accept", "Accept", ("ctrl+s", "f2"), "ctrl+s", "editor",
        "apply the edit, after showing what changes"),
    DialogKey("editor-leave", "Leave", ("escape",), "Esc", "editor",
        "leave; asks first if something was changed"),
    DialogKey("editor-kind", "Result/error", ("f3",), "F3", "editor",
        "answer with a result, or with an error"),
    DialogKey("editor-layout", "Lay out JSON", ("f4",), "F4", "editor",
        "put JSON on several lines, or on one"),
    DialogKey("editor-external", "$EDITOR", ("ctrl+e",), "ctrl+e", "editor",
        "edit the text in $VISUAL or $EDITOR"),
    DialogKey("editor-next", "Next field", ("tab",), "Tab", "editor", "go to the next field"),
    DialogKey("editor-previous", "Previous field", ("shift+tab",), "shift+Tab", "editor",
        "go to the previous field", False),
    DialogKey("editor-scroll-down", "Scroll", ("ctrl+down", "alt+down"), "ctrl+↓", "editor",
        "scroll what is below the text: problems, the message, help"),
    DialogKey("editor-scroll-up", "Scroll up", ("ctrl+up", "alt+up"), "ctrl+↑", "editor",
        "scroll back up", False),

    DialogKey("confirm-yes", "Yes", ("enter", "y"), "Enter", "confirm", "yes, do it"),
    DialogKey("confirm-no", "No", ("escape", "n", "q"), "Esc", "confirm", "no, go back"),
    DialogKey("confirm-down", "Down", ("down", "j"), "↓", "confirm", "scroll down", False),
    DialogKey("confirm-up", "Up", ("up", "k"), "↑", "confirm", "scroll up", False),
    DialogKey("confirm-page-down", "Page down", ("pagedown", "space", "ctrl+d", "ctrl+f"), "PgDn",
        "confirm",
        "scroll down a page", False),
    DialogKey("confirm-page-up", "Page up", ("pageup", "ctrl+u", "ctrl+b"), "PgUp", "confirm",
        "scroll up a page", False),

    DialogKey("palette-run", "Do it", ("enter",), "Enter", "palette", "do the action"),
    DialogKey("palette-leave", "Back", ("escape",), "Esc", "palette", "leave the list of actions"),
    DialogKey("palette-down", "Down", ("down",), "↓", "palette", "move down a row"),
    DialogKey("palette-up", "Up", ("up",), "↑", "palette", "move up a row"),
    DialogKey("palette-page-down", "Page down", ("pagedown",), "PgDn", "palette",
        "scroll down a page", False),
    DialogKey("palette-page-up", "Page up", ("pageup",), "PgUp", "palette",
        "scroll up a page", False),

    DialogKey("breakpoints-toggle", "On/off", ("space",), "space", "breakpoints",
        "switch a stop point or breakpoint on or off"),
    DialogKey("breakpoints-add", "Add", ("a",), "a", "breakpoints", "add a breakpoint"),
    DialogKey("breakpoints-edit", "Edit", ("e",), "e", "breakpoints", "edit the breakpoint"),
    DialogKey("breakpoints-delete", "Delete", ("d", "delete"), "d", "breakpoints",
        "delete the breakpoint"),
    DialogKey("breakpoints-once", "Once", ("o",), "o", "breakpoints",
        "take effect once, or every time"),
    DialogKey("breakpoints-apply", "Apply", ("enter", "ctrl+s"), "Enter", "breakpoints",
        "apply the changes"),
    DialogKey("breakpoints-leave", "Cancel", ("escape", "q"), "Esc", "breakpoints",
        "leave everything as it was"),
    DialogKey("breakpoints-down", "Down", ("down", "j"), "↓", "breakpoints",
        "move down a row", False),
    DialogKey("breakpoints-up", "Up", ("up", "k"), "↑", "breakpoints", "move up a row", False),
    DialogKey("breakpoints-page-down", "Page down", ("pagedown", "ctrl+d", "ctrl+f"), "PgDn",
        "breakpoints",
        "scroll down a page", False),
    DialogKey("breakpoints-page-up", "Page up", ("pageup", "ctrl+u", "ctrl+b"), "PgUp",
        "breakpoints",
        "scroll up a page", False),
    DialogKey("breakpoints-top", "First", ("home", "g"), "g", "breakpoints",
        "go to the first row", False),
    DialogKey("breakpoints-bottom", "Last", ("end", "G"), "G", "breakpoints",
        "go to the last row", False),

    DialogKey("branches-open", "Go to it", ("enter",), "Enter", "branches", "go to the branch"),
    DialogKey("branches-mark", "Mark", ("space", "m"), "space", "branches",
        "mark the branch for a comparison"),
    DialogKey("branches-compare", "Compare", ("d", "D"), "d", "branches",
        "compare the two marked branches, or this one with where it was forked from"),
    DialogKey("branches-leave", "Back", ("escape", "q"), "Esc", "branches", "leave the list"),
    DialogKey("branches-down", "Down", ("down", "j"), "↓", "branches", "move down a row", False),
    DialogKey("branches-up", "Up", ("up", "k"), "↑", "branches", "move up a row", False),

    DialogKey("comparison-clear", "Back", ("escape",), "Esc", "comparison",
        "drop the search; if there is none, go back"),
    DialogKey("comparison-leave", "Back", ("q", "enter"), "q", "comparison",
        "go back", False),
    DialogKey("comparison-next", "Next difference", ("right_square_bracket",), "]", "comparison",
        "go to the next difference"),
    DialogKey("comparison-previous", "Previous", ("left_square_bracket",), "[", "comparison",
        "go to the previous difference"),
    DialogKey("comparison-search", "Search", ("slash",), "/", "comparison",
        "search the page (F2 in the prompt: regular expression, F3: match case)"),
    DialogKey("comparison-search-next", "Next match", ("n",), "n", "comparison",
        "go to the next match; without a search, to the next difference", False),
    DialogKey("comparison-search-previous", "Previous match", ("N",), "N", "comparison",
        "go to the previous match; without a search, to the previous difference", False),
    DialogKey("comparison-copy", "Copy", ("y",), "y", "comparison", "copy the comparison as text"),
    DialogKey("comparison-pager", "Pager", ("vertical_line",), "|", "comparison",
        "open the comparison in $PAGER"),
    DialogKey("comparison-down", "Down", ("down", "j"), "↓", "comparison", "scroll down"),
    DialogKey("comparison-page-down", "Page down", ("pagedown", "space", "ctrl+d", "ctrl+f"),
        "PgDn", "comparison",
        "scroll down a page"),
    DialogKey("comparison-bottom", "Bottom", ("end", "G"), "G", "comparison", "go to the bottom"),
    DialogKey("comparison-top", "Top", ("home", "g"), "g", "comparison", "go to the top"),
    DialogKey("comparison-up", "Up", ("up", "k"), "↑", "comparison", "scroll up"),
    DialogKey("comparison-page-up", "Page up", ("pageup", "ctrl+u", "ctrl+b"), "PgUp", "comparison",
        "scroll up a page"),
)  # fmt: skip


DIALOG_BY_ID: Final = MappingProxyType({key.id: key for key in DIALOG_KEYS})
TEXT_SCOPES: Final = frozenset({"editor", "palette"})
"""The dialogs in which letters are typed into a text."""


def dialog_keys(scope: str) -> tuple[DialogKey, ...]:
    """Return the keys of one dialog, most useful first."""
    return tuple(key for key in DIALOG_KEYS if key.scope == scope)
