"""Names of parsers as given on the command line."""

from __future__ import annotations

import re
from typing import Final

from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.parsers.base import Parser
from hermes_tui.parsers.choice import named_parser, near_names
from hermes_tui.parsers.real_names import ONLY_REAL

AUTO: Final = "auto"
NONE: Final = "none"
"""What parses the texts of a live run if no parser is named: the sound calls only, or nothing."""
REAL: Final = "real/"
"""The prefix of the name of an added engine's parser: `real/vllm-0.33.0/hermes`."""
WITH: Final = "+"
"""Joins a reasoning parser to a real one: `real/vllm-0.33.0/hermes+qwen3`."""
OWN_FILE: Final = re.compile(r"(?P<file>.+\.py)(?::(?P<name>[^:/\\]+))?", re.DOTALL)
"""Matches the name of a parser in a user's own file."""


def real_name(name: str) -> str:
    """Return the name, prefixed with `real/` if it names a file without that prefix."""
    is_file = OWN_FILE.fullmatch(name.partition(WITH)[0]) and not name.startswith(REAL)
    return f"{REAL}{name}" if is_file else name


def runs_file(name: str) -> bool:
    """Return whether using the parser `name` runs a file."""
    return OWN_FILE.fullmatch(name.removeprefix(REAL).partition(WITH)[0]) is not None


def with_reasoning(name: str, reasoning: str) -> str:
    """Return the name of a real parser joined with a reasoning parser's; raises UsageError."""
    if not reasoning:
        return name
    if not name.startswith(REAL):
        what = f"{name!r} cannot split off reasoning: it is not a real engine's parser"
        hint = "--parser real/ENGINE/NAME, as `hermes-tui parsers` lists them"
        raise UsageError(f"--reasoning-parser {reasoning}: {what}", hint)
    return f"{name}{WITH}{reasoning}"


def known_parser(name: str) -> Parser:
    """Return the parser of ours called `name`; raises UsageError with the near matches."""
    if name.startswith(REAL) or runs_file(name):
        hint = "use it with `hermes-tui parse --parser` or in the parser lab"
        raise UsageError(
            f"{name!r}: a parser in a separate process reads only single texts, not runs", hint
        )
    try:
        return named_parser(name)
    except KeyError:
        raise _unknown_parser_error(name) from None


def text_parser(name: str, mode: str) -> str:
    """Return the parser for the texts of a run in `mode`: auto, none or a parser of ours.

    Raises UsageError for any other name, and for a parser of ours in a mode that has its own.
    """
    if name in (AUTO, NONE):
        return name
    if "/" not in name:
        raise UsageError(f"unknown parser {name!r}", f"{AUTO}, {NONE}, or ENGINE/FORMAT")
    known_parser(name)
    if mode == "faithful":
        what = f"parser {name}: faithful mode reads texts as HermesAgentLoop does"
        raise UsageError(what, "leave out the parser or the mode")
    return name


def _unknown_parser_error(name: str) -> UsageError:
    engine, _, parser = name.partition("/")
    real = _added_parser_name(engine, parser)
    if real or name in ONLY_REAL:
        how = f"hermes-tui parse --parser {real or f'{REAL}{engine}-…/{parser}'}"
        hint = f"`{how}`" if real else f"`hermes-tui engines add {engine}`, then `{how}`"
        return UsageError(f"{name!r} is not emulated; only the real parser can be used", hint)
    near = near_names(name)
    hint = f"did you mean {', '.join(near)}?" if near else "see `hermes-tui parsers`"
    return UsageError(f"unknown parser {name!r}", hint)


def _added_parser_name(engine: str, parser: str) -> str:
    """Return the full name of such a parser of an added engine, empty if there is none."""
    from hermes_tui.runtime.engines.store import added_engines

    try:
        engines = added_engines()
    except SourceError:
        return ""
    fitting = (each for each in engines if each.engine == engine and parser in each.names)
    return next((f"{REAL}{each.name}/{parser}" for each in fitting), "")
