"""Calls that a person did not allow to run: a decision, not a failure of the tool."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import CallSkipped, ToolCallProposed
from hermes_tui.model.messages import ToolResult, changed
from hermes_tui.parsers.normalise import Normalised

DECLINED = "declined by the user"
_MAX_DISTANCE = 4_096
"""How many events before a result are searched for its call."""


def settle_declined(
    build: RunBuilder,
    parts: Normalised,
    why: Callable[[ToolResult], str],
    pointer: str,
    ts: float | None,
) -> Normalised:
    """Append the calls that a person declined; return the message, no error on their results.

    `why` returns the reason for a declined result, and "" for a result that its tool returned.
    """
    results = []
    for result, diagnostics in parts.results:
        if reason := why(result):
            append_declined(build, result, reason, pointer, ts)
            result = changed(result, error=None)
            diagnostics = tuple(one for one in diagnostics if one.code is not Code.TOOL_ERROR)
        results.append((result, diagnostics))
    return parts._replace(results=tuple(results))


def append_declined(
    build: RunBuilder, result: ToolResult, reason: str, pointer: str, ts: float | None
) -> None:
    """Append that a person declined the call that `result` answers, if that is known."""
    latest = islice(reversed(build.events), _MAX_DISTANCE)
    calls = (event.call for event in latest if isinstance(event, ToolCallProposed))
    call = next((call for call in calls if call.id and call.id == result.call_id), None)
    if call is not None:
        build.add(
            CallSkipped,
            pointer=pointer,
            ts=ts,
            call_index=call.index,
            reason=reason,
            result=result.content,
            failed=True,
        )
