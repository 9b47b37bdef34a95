"""Calls that are the whole of a text, in a format that nobody took for calls.

Bare JSON, pythonic lists, harmony without its special tokens: no marker says that they are calls,
so they are told and not made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from hermes_tui.model.messages import ToolSpec, changed
from hermes_tui.parsers.base import Outcome, ParsedCall, ParseResult
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.text_calls import (
    NO_SERVER_PARSER,
    TextReading,
    attributed,
    bare_in_content,
    call_in_content,
    may_hold_call,
)

_NOTHING: Final = TextReading([], [])
_MAX_NAMED: Final = 4
_MAX_TRIED: Final = 20_000
"""So many characters of a text are given to every parser, to find those that read it."""
_USUAL: Final = "llama3_json"
"""The format that bare JSON usually is."""
_BARE: Final = frozenset({_USUAL, "xlam"})
_OTHER_CHANNELS: Final = re.compile(
    r"\s*+(?:(?:analysis|commentary).{0,20000}assistant)?\s*+", re.DOTALL
)
"""What harmony says before a call, as it stands once the special tokens are gone."""


def unread_calls(text: str, tools: Sequence[ToolSpec]) -> TextReading:
    """Return the calls that `text`, in which none was read, is as a whole; nothing for any other.

    But for bare JSON a call is one only if it is of a tool in `tools`.
    """
    if not (may_hold_call(text) or "(" in text):
        return _NOTHING
    from hermes_tui.parsers.embedded import bare_call_json

    if bare := bare_call_json(text):
        reading = attributed(bare, ())
        told = bare_in_content(bare)
        hint = f"{_readers(text, tools, bare, '')}; {told.hint}"
        reading.diagnostics.append(changed(told, hint=hint))
        return reading
    if not any(tool.name in text for tool in tools):
        return _NOTHING
    from hermes_tui.parsers.auto import Auto

    result = Auto().parse(text, tools)
    rule = next((step.rule for step in result.steps if step.depth and step.outcome == "calls"), "")
    if rule in _BARE or not _is_whole(result, tools):
        return _NOTHING
    reading = attributed(result.calls, ())
    called = [call.name for call in result.calls]
    hint = f"{_readers(text, tools, result.calls, rule)}; {NO_SERVER_PARSER}"
    reading.diagnostics.append(call_in_content(called, result.calls[0].span, len(called), hint))
    return reading


def _is_whole(result: ParseResult, tools: Sequence[ToolSpec]) -> bool:
    """Tell whether there is nothing but calls of these tools, each of them readable."""
    names = {tool.name for tool in tools}
    return (
        bool(result.calls)
        and all(call.name in names and call.verdict != FAILED for call in result.calls)
        and _OTHER_CHANNELS.fullmatch(result.content or "") is not None
    )


def _readers(text: str, tools: Sequence[ToolSpec], meant: Sequence[ParsedCall], rule: str) -> str:
    """Say which parsers of the engines read these calls in `text`; none is a guess."""
    from hermes_tui.parsers.choice import AUTO, parsers
    from hermes_tui.parsers.fates import called_tools
    from hermes_tui.parsers.probe import is_same
    from hermes_tui.parsers.recognise import flag_for

    if len(text) > _MAX_TRIED:
        return f"{flag_for(rule or _USUAL)} is made for such texts"
    known = tools or called_tools(ParseResult(Outcome.CALLS, tuple(meant)))
    found = [
        parser.name
        for parser in parsers()
        if parser.name != AUTO and is_same(parser.parse(text.strip(), known).calls, meant)
    ]
    if found:
        ordered = sorted(found, key=lambda name: not name.startswith(("vllm/", "sglang/")))
        return f"read as it is by {', '.join(ordered[:_MAX_NAMED])}"
    flag, lacking = flag_for(rule), "no parser reads it as it is"
    return f"{lacking}; {flag} reads it with the markers that it lacks" if flag else lacking
