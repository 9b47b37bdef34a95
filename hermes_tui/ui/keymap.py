"""Checks of the keys that a user sets in the settings file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from hermes_tui.model.errors import near_hint
from hermes_tui.ui.command import Command
from hermes_tui.ui.commands import BY_ID, SCOPES, in_scope, keys_of
from hermes_tui.ui.dialog_keys import DIALOG_BY_ID, DIALOG_KEYS, TEXT_SCOPES, DialogKey, dialog_keys
from hermes_tui.ui.key_spelling import key_name, short_spelling, types_text

_IDS: Final = frozenset({*BY_ID, *DIALOG_BY_ID})


def check_keymap(keymap: Mapping[str, str]) -> list[str]:
    """Return the problems of a keymap: unknown ids or keys, and keys with two meanings.

    A key that types a character has two meanings wherever a text is edited.
    """
    problems: list[str] = []
    for command_id, keys in keymap.items():
        if command_id not in _IDS:
            near = near_hint(command_id, _IDS)
            problems.append(f"unknown action {command_id!r}{near and f', {near}'}")
        unknown = (key for key in map(str.strip, keys.split(",")) if not key_name(key))
        problems.extend(f"no key is named {key!r}, for {command_id!r}" for key in unknown)
    if problems:
        return problems
    for scope in SCOPES:
        problems.extend(_clashes(in_scope(scope), keymap))
    for scope in dict.fromkeys(key.scope for key in DIALOG_KEYS):
        problems.extend(_clashes(dialog_keys(scope), keymap))
    for key in DIALOG_KEYS:
        problems.extend(_typed_keys(key, keymap))
    return list(dict.fromkeys(problems))


def _typed_keys(command: DialogKey, keymap: Mapping[str, str]) -> list[str]:
    if command.scope not in TEXT_SCOPES or command.id not in keymap:
        return []
    return [
        f"key {short_spelling(key)!r} types a character there: {command.id!r} needs another one"
        for key in keys_of(command, keymap)
        if types_text(key)
    ]


def _clashes(commands: Iterable[Command | DialogKey], keymap: Mapping[str, str]) -> list[str]:
    owners: dict[str, str] = {}
    problems = []
    for command in commands:
        for key in keys_of(command, keymap):
            other = owners.setdefault(key, command.id)
            if other != command.id:
                shown = short_spelling(key)
                problems.append(f"key {shown!r} means both {other!r} and {command.id!r}")
    return problems
