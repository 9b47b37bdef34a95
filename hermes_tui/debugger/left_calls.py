"""Calls of a reply that did not arrive as calls, told while the run can still stop at them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import Origin, ToolCall, changed
from hermes_tui.model.wording import counted
from hermes_tui.parsers.normalise import Normalised
from hermes_tui.parsers.swallowed import with_swallowed, without_thoughts
from hermes_tui.parsers.text_calls import NO_SERVER_PARSER, listed

if TYPE_CHECKING:
    from hermes_tui.debugger.state import SessionState

_READ_BY_SERVER: Final = frozenset({"openai", "http"})
"""The kinds of server that are to hand over calls as calls."""


def with_missed(found: Normalised, state: SessionState) -> Normalised:
    """Return a reply in which no call was read with those that were missed, and an error of it.

    They are its whole text, or stand in its reasoning where it says nothing else.
    """
    message = found.message
    if found.calls or any(one.severity is Severity.ERROR for one in found.diagnostics):
        return found
    tools = tuple((state.tools or {}).values())
    text = without_thoughts(message.text)
    if text.strip():
        from hermes_tui.parsers.unread_calls import unread_calls

        calls, diagnostics = unread_calls(text, tools)
        message = changed(message, calls=len(calls))
        told = (*found.diagnostics, *diagnostics)
        return found._replace(message=message, calls=tuple(calls), diagnostics=told)
    if message.parts:
        return found
    flaws = with_swallowed([*found.diagnostics], text, (), message.reasoning, tools)
    return found._replace(diagnostics=tuple(flaws))


def with_left(found: Normalised, state: SessionState) -> Normalised:
    """Return a reply with a warning where its server left sound calls to be read here.

    None where the texts of the model are what is asked for, or where the calls are not made.
    """
    text = [(call, own) for call, own in found.calls if call.origin is Origin.TEXT]
    told = chain(found.diagnostics, *(own for _, own in text))
    flawed = any(one.severity is Severity.ERROR for one in told)
    if not text or flawed or not state.tools or state.api not in _READ_BY_SERVER:
        return found
    return found._replace(
        diagnostics=(*found.diagnostics, _left([call for call, _ in text], found.message.text))
    )


def _left(calls: Sequence[ToolCall], text: str) -> Diagnostic:
    from hermes_tui.parsers.recognise import flag_for, formats_in

    seen = formats_in(text)
    flag = flag_for(seen[0].format) if seen else ""
    were = "it was" if len(calls) == 1 else "they were"
    return Diagnostic(
        Code.CALL_IN_CONTENT,
        Severity.WARNING,
        f"the server left {counted(len(calls), 'call')} in the text "
        f"({listed(call.name for call in calls)}); {were} read here",
        calls[0].span,
        NO_SERVER_PARSER + (f" this markup is read by {flag}" if flag else ""),
    )
