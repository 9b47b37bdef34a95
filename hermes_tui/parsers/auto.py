"""Our own reading of a text: tolerant, exact, of any wire format, and sure of what it repaired."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.lost_tokens import with_lost
from hermes_tui.parsers.wire.scan import scan


class Auto:
    """Reads what a person would read as calls, in every format known; nothing is evaluated.

    Calls in reasoning are no calls, they are told. Every repair has a diagnostic.
    """

    name = "hermes-tui/auto"

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult:
        """Return the verdict on `text`; never raises."""
        return with_lost(text, tools, scan(text, tools))
