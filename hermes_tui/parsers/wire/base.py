"""The definition of a wire format: its opening marker, its reader and its renderer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import compact
from hermes_tui.parsers.wire.cursor import WireCursor

Reader = Callable[[WireCursor, Span], int]
"""Reads the block that opens at the span and returns the position to continue from.

-1 if the block is not of this format.
"""

Renderer = Callable[[Sequence[ParsedCall]], str]


def json_call(call: ParsedCall, key: str = "arguments") -> str:
    """Return a call as a JSON object whose arguments are under `key`."""
    return f'{{"name": {compact(call.name)}, "{key}": {call.arguments}}}'


class Wire(NamedTuple):
    """A way of writing calls. `opener` is a regular expression without groups.

    `formats` are the names that its calls may be reported under (a reader may read related
    formats). If two openers match at the same place, the one with the lower `order` is tried first.
    """

    formats: tuple[str, ...]
    opener: str
    read: Reader
    render: Renderer | None = None
    order: int = 5
