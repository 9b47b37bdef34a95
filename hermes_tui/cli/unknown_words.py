"""Suggestions for words of the command line that no parser knows."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from hermes_tui.model.errors import UsageError, near_hint
from hermes_tui.model.wording import command_line

_COMMON_COMMANDS: Final = {"help": "--help", "version": "--version"}
"""Words that are commands of many programs, and options here."""


def unknown_command(word: str, commands: Sequence[str]) -> str:
    """Return an error message for a first word that names no command."""
    if option := _COMMON_COMMANDS.get(word):
        hint = f"did you mean `hermes-tui {option}`?"
    elif os.path.lexists(word):
        hint = f"did you mean {command_line('open', word)}?"
    else:
        hint = near_hint(word, commands, f"the commands are {', '.join(commands)}")
    return f"no command is called {word!r}: {hint}"


def unknown_words(words: Sequence[str], known: Collection[str]) -> str:
    """Return an error message for unrecognised words; the first may be an option."""
    name = words[0].partition("=")[0]
    near = near_hint(name, sorted(known)) if name.startswith("-") else ""
    return f"unrecognized arguments: {' '.join(words)}" + (f": {near}" if near else "")


def refuse_run(paths: Sequence[str], option: str) -> None:
    """Raise UsageError for FILE:RUN, as `diff` takes it, if here `option` names the run."""
    # Loaded only if needed: --help and mistyped words do without.
    from pathlib import Path

    from hermes_tui.runtime.folder_walk import false_on_oserror

    for path in paths:
        file, _, run = path.rpartition(":")
        if file and run and not os.path.lexists(path) and false_on_oserror(Path(file).is_file):
            meant = shlex.join((file, option, run))
            raise UsageError(f"{path}: no such file", f"did you mean {meant}?")


def misplaced_option_message(
    words: Sequence[str], known: Collection[str], options: Mapping[str, Collection[str]]
) -> str:
    """Return an error message for an option before the command, or "" if there is none.

    `known` are the program's own options, `options` those of each command.
    """
    name = words[0].partition("=")[0] if words else ""
    if not name.startswith("-") or name in known or name in ("-", "--"):
        return ""
    takers = [command for command in options if name in options[command]]
    if not takers:
        return unknown_words([name], known)
    meant = [word for word in words if word in takers][:1] or takers
    if len(meant) > 1:
        return f"{name} goes after a command that takes it: {', '.join(meant)}"
    return f"{name} goes after the command: `hermes-tui {meant[0]} {name} …`"
