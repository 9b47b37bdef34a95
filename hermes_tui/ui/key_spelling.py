"""The names of keys, as the settings file may spell them and as Textual reports them."""

from __future__ import annotations

import string
import unicodedata
from types import MappingProxyType
from typing import Final

from textual.keys import KEY_NAME_REPLACEMENTS

_MODIFIERS: Final = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})


def key_name(spelling: str) -> str:
    """Return the name by which Textual reports a key, such as `slash` for `/`; empty if no key.

    Modifiers come first, each followed by `+`. Letters and digits are their own names.
    """
    before, _, last = spelling[:-1].rpartition("+")
    modifiers, key = before.split("+") if before else [], last + spelling[-1:]
    name = _character_name(key) if len(key) == 1 else key
    is_known = len(key) == 1 or key in _NAMES or _is_unicode_name(key)
    return "+".join([*modifiers, name]) if is_known and _MODIFIERS.issuperset(modifiers) else ""


def _character_name(character: str) -> str:
    if character.isalnum():
        return character
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    return KEY_NAME_REPLACEMENTS.get(name, name)


def _is_unicode_name(name: str) -> bool:
    try:
        return name.islower() and not unicodedata.lookup(name.replace("_", " ")).isalnum()
    except KeyError:
        return False


_NAMES: Final = frozenset({
    "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete",
    "backspace", "enter", "tab", "escape", "space", *(f"f{number}" for number in range(1, 25)),
    *map(_character_name, string.punctuation),
})  # fmt: skip
_TYPING_NAMES: Final = frozenset({"space", "backspace", "delete"})
_CHARACTERS: Final = MappingProxyType({_character_name(char): char for char in string.punctuation})


def types_text(name: str) -> bool:
    """Return whether the key of that name, as Textual reports it, types or deletes a character."""
    modifiers, _, key = name.rpartition("+")
    if modifiers not in ("", "shift"):
        return False
    if key in _NAMES:  # Unicode has characters called escape and tab, too.
        return key in _CHARACTERS or key in _TYPING_NAMES
    return len(key) == 1 or _is_unicode_name(key)


def short_spelling(name: str) -> str:
    """Return the name of a key as a person would write it: `/` for `slash`."""
    return _CHARACTERS.get(name, name)
