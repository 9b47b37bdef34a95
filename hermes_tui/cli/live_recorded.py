"""What a recording decides for `live --resume` and `--replay`, and what options may still set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from hermes_tui.formats.secrets import MASK
from hermes_tui.model.errors import SourceError, UsageError

KEPT = ("api", "server", "tools", "outside", "api_key_env", "tokenizer", "server_type",
        "tool_parser", "stream", "parser", "tool_timeout")  # fmt: skip
"""Settings that a recording keeps, so that --resume does not need them again."""

_OF_CONVERSATION: Final = (
    *(
        "task",
        "system",
        "messages",
        "at",
        "format",
        "model",
        "temperature",
        "max_tokens",
        "raw",
        "tool_choice",
    ),
    *("stream", "max_turns", "mode", "parser", "retries"),
)
_DECIDED: Final = {
    "resume": (*_OF_CONVERSATION, "run", "breakpoints"),
    "replay": (
        *(*_OF_CONVERSATION, "extra_body"),
        *("server", "api", "api_key_env", "header", "timeout", "tokenizer", "server_type"),
        *("tool_parser", "tools", "tool_timeout", "workdir", "outside"),
    ),
}
"""Options that are meaningless with --resume or --replay."""
_ON_SCREEN: Final = {"run": "the key C runs on", "breakpoints": "the key b stops at more"}


def refuse_decided(arguments: argparse.Namespace, *, has_screen: bool) -> None:
    """Raise UsageError if an option is given that the recording decides.

    If there is a screen, the hint names the key that does the same there.
    """
    for how, decided in _DECIDED.items():
        given = [name for name in decided if _is_given(getattr(arguments, name))]
        if not getattr(arguments, how) or not given:
            continue
        named = [_option(name) for name in given]
        listed = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
        instead = [_ON_SCREEN[name] for name in given if has_screen and name in _ON_SCREEN]
        hint = "; ".join(["leave it out" if len(named) == 1 else "leave them out", *instead])
        raise UsageError(f"with --{how} the recording decides {listed}", hint)


def _is_given(value: object) -> bool:
    # Zero is a value like any other.
    return value is not None and value is not False and value not in ("", [])


def _option(name: str) -> str:
    return "--break" if name == "breakpoints" else f"--{name.replace('_', '-')}"


def take_from(arguments: argparse.Namespace, path: Path) -> None:
    """Fill in the settings that the recording holds and the command line leaves open."""
    from hermes_tui.model.events import RunStarted
    from hermes_tui.runtime.writer import can_be_resumed, first_event, not_a_recording

    try:
        first = first_event(path)
    except OSError as error:
        raise SourceError.of(path, error) from error
    if first is None:
        raise not_a_recording(path, "--resume")
    if not isinstance(first, RunStarted) or not can_be_resumed(first):
        hint = "`hermes-tui open` shows it, `live --replay` answers from it"
        raise SourceError(str(path), "was not made by `hermes-tui live`", hint)
    kept = first.details["live"]
    if MASK in str(kept.get("server", "")) and not arguments.server:
        hint = "give it again, whole: --server URL; recordings hold no credentials"
        what = f"the password or key in {kept['server']} was not recorded"
        raise UsageError(what, hint)
    for name in KEPT:
        if name in kept and not getattr(arguments, name):
            setattr(arguments, name, kept[name])
    arguments.workdir = arguments.workdir or kept.get("workdir", "")
    arguments.model = first.model
