"""Calls of agents whose replies contain commands instead of calls: a fenced block, or an action."""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import ArgumentsState, IdState, Origin, ToolCall, changed
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import Normalised
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.parsers.tool_results import whole_result

_FIRST_WORD = re.compile(r"\s*+(\S++)")
_ISSUE = "ISSUE:\n"


def issue_title(text: str) -> str:
    """Return the first line of the issue in a user's message, or "" if there is none.

    The same introduction precedes the issue in every run.
    """
    return title(text.partition(_ISSUE)[2])


def text_action(
    index: int, name: str, arguments: dict[str, Any], *, raw: str, span: Span | None
) -> tuple[ToolCall, tuple[Diagnostic, ...]]:
    """Return the call for a command in a reply; such calls have no ids."""
    call = ToolCall(
        index=index,
        name=name or None,
        arguments_text=json_text(arguments),
        arguments_state=ArgumentsState.OBJECT,
        arguments=arguments,
        id_state=IdState.MISSING,
        origin=Origin.TEXT,
        raw=raw,
        span=span,
        verdict="action",
    )
    return call, ()


def command_call(action: str, text: str) -> tuple[ToolCall, tuple[Diagnostic, ...]]:
    """Return the call for a shell command in `text`; the first word is the tool's name."""
    command = action.strip()
    word = _FIRST_WORD.match(command)
    place = text.rfind(command)
    span = Span(place, place + len(command)) if place >= 0 else None
    return text_action(0, word[1] if word else "", {"command": command}, raw=action, span=span)


def with_calls(
    parts: Normalised, calls: list[tuple[ToolCall, tuple[Diagnostic, ...]]], *more: Diagnostic
) -> Normalised:
    """Return a message with exactly these `calls`, and `more` findings."""
    message = changed(parts.message, calls=len(calls))
    return parts._replace(
        message=message, calls=tuple(calls), diagnostics=(*parts.diagnostics, *more)
    )


def as_result(parts: Normalised, raw: dict[str, Any]) -> Normalised:
    """Return a message, of any role, whose whole text answers the previous command."""
    if parts.results:
        return parts
    found = whole_result(raw, parts.message.text)
    return parts._replace(message=changed(parts.message, results=1), results=(found,))
