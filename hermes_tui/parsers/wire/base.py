"""What a wire format is: how it opens, who reads it, how it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.wire.cursor import WireCursor

Reader = Callable[[WireCursor, Span], int]
"""Reads what opens at the span and returns where to go on; -1: it is none of this format."""

Renderer = Callable[[Sequence[ParsedCall]], str]


class Wire(NamedTuple):
    """A way of writing calls. `opener` is a regular expression without groups.

    `formats` are the names that its calls may be reported under (a reader may read relatives).
    `order`: where two openers match at one place, the lower one is tried first.
    """

    formats: tuple[str, ...]
    opener: str
    read: Reader
    render: Renderer | None = None
    order: int = 5
