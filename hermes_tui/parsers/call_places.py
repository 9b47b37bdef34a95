"""Locates calls in the text they were read from, with the help of our own reading of the text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hermes_tui.model.same_json import text_key
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParseResult


def call_spans_in(calls: Sequence[tuple[str, str]], ours: ParseResult) -> list[Span | None]:
    """Return the span of each call `(name, arguments)`, None if our reading has no such call.

    Equal calls are matched in order. A call without an equal one matches the call at the same index
    of our reading if the names are equal.
    """
    equal: dict[tuple[str, object], list[Span]] = defaultdict(list)
    for call in reversed(ours.calls):
        equal[call.name or "", text_key(call.arguments)].append(call.span)
    found: list[Span | None] = []
    for number, (name, arguments) in enumerate(calls):
        if left := equal[name, text_key(arguments)]:
            found.append(left.pop())
            continue
        twin = ours.calls[number] if number < len(ours.calls) else None
        found.append(twin.span if twin is not None and (twin.name or "") == name else None)
    return found
