"""Our own parser: it reads any wire format, tolerates flaws and reports every repair."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.lost_tokens import with_tokenless_calls
from hermes_tui.parsers.wire.scan import scan


class Auto:
    """Reads what a person would take for calls, in every known format; evaluates nothing.

    Calls in reasoning are reported but not returned as calls. Every repair has a diagnostic.
    """

    name = "hermes-tui/auto"

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult:
        """Return the verdict on `text`; never raises."""
        return with_tokenless_calls(text, tools, scan(text, tools))
