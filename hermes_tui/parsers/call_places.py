"""Where in a text the calls stand that somebody read from it, as far as a reading of ours tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hermes_tui.model.same_json import text_key
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParseResult


def places_of(calls: Sequence[tuple[str, str]], ours: ParseResult) -> list[Span | None]:
    """Return the place of each call `(name, arguments)`, None where our reading has no such call.

    Calls that are equal stand for ours in order; of the same name is enough for one whose number
    is the same.
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
