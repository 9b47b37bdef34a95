"""Calls of a reply that did not arrive as calls, reported while the run can still stop at them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

from hermes_tui.debugger.asked_parser import is_named_parser
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import Origin, ToolCall
from hermes_tui.model.wording import counted
from hermes_tui.parsers.calls_in_reasoning import with_call_in_reasoning
from hermes_tui.parsers.normalise import Normalised
from hermes_tui.parsers.reasoning_tags import without_thoughts
from hermes_tui.parsers.text_calls import listed, reader_hint

if TYPE_CHECKING:
    from hermes_tui.debugger.state import SessionState

_READ_BY_SERVER: Final = frozenset({"openai", "http"})
"""The kinds of server that are expected to return calls as calls."""


def with_missed_calls(found: Normalised, state: SessionState) -> Normalised:
    """Return a reply; if it has no calls, with those missed in its text and an error about them.

    If it has no text either, a call in its reasoning is reported but not added.
    """
    from hermes_tui.parsers.unread_calls import with_unread

    tools = tuple((state.tools or {}).values())
    found = with_unread(found, tools)
    message, text = found.message, without_thoughts(found.message.text)
    if found.calls or message.parts or text.strip():
        return found
    flaws = with_call_in_reasoning([*found.diagnostics], text, (), message.reasoning, tools)
    return found._replace(diagnostics=tuple(flaws))


def with_left_calls(found: Normalised, state: SessionState) -> Normalised:
    """Return a reply with a warning if its server left calls in the text to be parsed here.

    They may be sound or not. There is no warning if the run names a parser for the text or asks
    its server for the model's text, or if the calls are not run.
    """
    if is_named_parser(state.parser):
        return found
    text_calls = [(call, own) for call, own in found.calls if call.origin is Origin.TEXT]
    is_reported = any(one.code is Code.CALL_IN_CONTENT for one in found.diagnostics)
    if not text_calls or is_reported or not state.tools or state.api not in _READ_BY_SERVER:
        return found
    flaws = chain(found.diagnostics, *(own for _, own in text_calls))
    flaw = next((one for one in flaws if one.severity is Severity.ERROR), None)
    left = _left_diagnostic([call for call, _ in text_calls], found.message.text, flaw)
    return found._replace(diagnostics=(*found.diagnostics, left))


def _left_diagnostic(calls: Sequence[ToolCall], text: str, flaw: Diagnostic | None) -> Diagnostic:
    from hermes_tui.parsers.recognise import flag_for, formats_in

    seen = formats_in(text)
    flag = flag_for(seen[0].format) if seen else ""
    hint = reader_hint(flag)
    they_were = "it was" if len(calls) == 1 else "they were"
    if flaw is not None:
        what = f"{flaw.code.value}: {flaw.message}"
        hint = f"{what}; servers' parsers leave a damaged call in the text"
    return Diagnostic(
        Code.CALL_IN_CONTENT,
        Severity.WARNING,
        f"the server left {counted(len(calls), 'call')} in the text "
        f"({listed(call.name for call in calls)}); {they_were} read here",
        calls[0].span,
        hint,
    )
