"""What a recording decides for `live --resume` and `--replay`, and what options may still set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from hermes_tui.formats.secrets import MASK
from hermes_tui.model.errors import SourceError, UsageError

RECORDED_SETTINGS = ("api", "server", "tools", "outside", "api_key_env", "tokenizer", "server_type",
        "tool_parser", "stream", "parser", "tool_timeout")  # fmt: skip
"""Settings that a recording keeps, so that --resume does not need them again."""

_CONVERSATION_OPTIONS: Final = (
    "task", "system", "messages", "at", "format", "model", "temperature", "max_tokens", "raw",
    "tool_choice", "stream", "max_turns", "mode", "parser", "retries",
)  # fmt: skip
_DECIDED_OPTIONS: Final = {
    "resume": (*_CONVERSATION_OPTIONS, "run", "breakpoints"),
    "replay": (
        *_CONVERSATION_OPTIONS, "extra_body", "server", "api", "api_key_env", "header", "timeout",
        "tokenizer", "server_type", "tool_parser", "tools", "tool_timeout", "workdir", "outside",
    ),
}  # fmt: skip
"""The options that are meaningless with --resume, and those with --replay."""
_SCREEN_KEYS: Final = {
    "run": "press C to continue without stopping before calls",
    "breakpoints": "press b to set breakpoints",
}


def check_recorded_options(arguments: argparse.Namespace, *, has_screen: bool) -> None:
    """Raise UsageError if an option is given that the recording decides.

    If there is a screen, the hint names the key that does the same there.
    """
    for mode, decided in _DECIDED_OPTIONS.items():
        given_names = [name for name in decided if _is_given(getattr(arguments, name))]
        if not getattr(arguments, mode) or not given_names:
            continue
        options = [_option(name) for name in given_names]
        option_list = " and ".join(filter(None, (", ".join(options[:-1]), options[-1])))
        instead = [
            _SCREEN_KEYS[name] for name in given_names if has_screen and name in _SCREEN_KEYS
        ]
        hint = "; ".join(["leave it out" if len(options) == 1 else "leave them out", *instead])
        raise UsageError(f"with --{mode} the recording sets {option_list}", hint)


def _is_given(value: object) -> bool:
    # Zero is a value like any other.
    return value is not None and value is not False and value not in ("", [])


def _option(name: str) -> str:
    return "--break" if name == "breakpoints" else f"--{name.replace('_', '-')}"


def fill_in_recorded(arguments: argparse.Namespace, path: Path) -> None:
    """Fill in the settings that the recording holds and the command line leaves open."""
    from hermes_tui.model.events import RunStarted
    from hermes_tui.runtime.writer import can_be_resumed, first_event, not_a_recording_error

    try:
        first = first_event(path)
    except OSError as error:
        raise SourceError.of(path, error) from error
    if first is None:
        raise not_a_recording_error(path, "--resume")
    if not isinstance(first, RunStarted) or not can_be_resumed(first):
        hint = "`hermes-tui open` shows it, `live --replay` answers from it"
        raise SourceError(str(path), "was not made by `hermes-tui live`", hint)
    recorded = first.details["live"]
    if MASK in str(recorded.get("server", "")) and not arguments.server:
        hint = "pass it again in full: --server URL; recordings contain no credentials"
        message = f"the password or key in {recorded['server']} was not recorded"
        raise UsageError(message, hint)
    for name in RECORDED_SETTINGS:
        if name in recorded and not getattr(arguments, name):
            setattr(arguments, name, recorded[name])
    workdir = str(recorded.get("workdir", ""))
    if workdir and not arguments.workdir and not Path(workdir).is_dir():
        hint = "make it again, or name another with --workdir"
        raise SourceError(workdir, "the folder that the run worked in is gone", hint)
    arguments.workdir = arguments.workdir or workdir
    arguments.model = first.model
