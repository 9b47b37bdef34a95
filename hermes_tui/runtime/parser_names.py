"""Names of parsers as a person gives them."""

from __future__ import annotations

from hermes_tui.model.errors import UsageError
from hermes_tui.parsers.base import Parser
from hermes_tui.parsers.choice import named_parser, near_names


def known_parser(name: str) -> Parser:
    """Return the parser called `name`; raises UsageError with the near matches."""
    try:
        return named_parser(name)
    except KeyError:
        near = near_names(name)
        hint = f"did you mean {', '.join(near)}?" if near else "see `hermes-tui parsers`"
        raise UsageError(f"unknown parser {name!r}", hint) from None
