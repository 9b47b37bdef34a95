"""Names of parsers as a person gives them."""

from __future__ import annotations

from typing import Final

from hermes_tui.model.errors import UsageError
from hermes_tui.parsers.base import Parser
from hermes_tui.parsers.choice import named_parser, near_names

REAL: Final = "real/"
"""What begins the name of an added engine's parser: `real/vllm-0.33.0/hermes`."""


def known_parser(name: str) -> Parser:
    """Return the parser of ours called `name`; raises UsageError with the near matches."""
    if name.startswith(REAL):
        hint = "`hermes-tui parse --parser` takes it, and so do m and p in the parser lab"
        raise UsageError(f"{name!r}: an added engine reads single texts, not runs", hint)
    try:
        return named_parser(name)
    except KeyError:
        near = near_names(name)
        hint = f"did you mean {', '.join(near)}?" if near else "see `hermes-tui parsers`"
        raise UsageError(f"unknown parser {name!r}", hint) from None
