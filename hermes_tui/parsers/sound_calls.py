"""A fast reader for calls exactly as Hermes models are trained to write them.

    text  := reasoning* prose (block prose)*
    block := "<tool_call>" blank {"name": NAME, "arguments": {…}} blank "</tool_call>"

Most texts with calls have this form. For them the full parser reports nothing but the calls, and
this reader returns the same; it leaves every other text to the full parser.
"""

from __future__ import annotations

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import JSON, compact, read_literal
from hermes_tui.parsers.marks import MARK
from hermes_tui.parsers.reasoning_tags import Thought

_KEYS = {"name", "arguments"}


def sound_calls(text: str, thoughts: tuple[Thought, ...]) -> tuple[ParsedCall, ...]:
    """Return the calls of a text of the form above, nothing for any other text.

    `thoughts` is the reasoning of the text.
    """
    calls: list[ParsedCall] = []
    marks = MARK.finditer(text)
    for opener in marks:
        closer = next(marks, None)
        if closer is None or opener.lastgroup != "open" or closer.lastgroup != "close":
            return ()
        if not calls and thoughts and thoughts[-1][0].end > opener.start():
            return ()
        call = _call(text, opener.end(), closer.start(), Span(opener.start(), closer.end()))
        if call is None:
            return ()
        calls.append(call)
    return tuple(calls)


def _call(text: str, start: int, end: int, whole: Span) -> ParsedCall | None:
    while start < end and text[start] in " \n":
        start += 1
    if not text.startswith("{", start):
        return None
    literal = read_literal(text, start, end)
    stop = literal.span.end
    if literal.rung != JSON or literal.flaws or stop > end:
        return None
    payload = literal.value
    if payload.keys() != _KEYS or (stop != end and text[stop:end].strip()):
        return None
    name, arguments = payload["name"], payload["arguments"]
    if type(name) is not str or type(arguments) is not dict or not name.strip():
        return None
    return ParsedCall(name, compact(arguments), whole, None, None, arguments)
