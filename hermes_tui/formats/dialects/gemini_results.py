"""Results as Gemini CLI and its descendants keep them: an answer, and the status of its call."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats.declined import DECLINED, append_declined
from hermes_tui.formats.dialects.gemini_contents import member, plain_result
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.events import ToolReturned
from hermes_tui.model.messages import ErrorMark, ToolResult, changed
from hermes_tui.model.wording import title
from hermes_tui.parsers.tool_results import error_findings, part_result

CANCELLED = "cancelled"
FAILED = frozenset({"error", CANCELLED})
_DECLINED_TEXT = "User did not allow tool call"


def append_result(
    build: RunBuilder,
    part: dict[str, Any],
    members: dict[str, Any],
    *,
    status: str,
    pointer: str,
    ts: float | None,
) -> None:
    """Append the result in a part; a failed `status` of its call makes it an error.

    `members` are the fields of the result that are recorded on the call.
    """
    result, diagnostics = _judged(part, members, status)
    if _is_declined(status, result):
        append_declined(build, result, DECLINED, pointer, ts)
    build.add(ToolReturned, pointer=pointer, ts=ts, result=result, diagnostics=diagnostics)


def _judged(
    part: dict[str, Any], members: dict[str, Any], status: str
) -> tuple[ToolResult, tuple[Diagnostic, ...]]:
    response = member(part, "functionResponse")
    result, diagnostics = plain_result(*part_result({"functionResponse": response}))
    result = changed(result, **members)
    if _is_declined(status, result):
        return changed(result, error=None), ()
    if status not in FAILED:
        return result, diagnostics
    reason = f"exit code {result.exit_code}" if result.exit_code else title(result.content)
    mark = ErrorMark("flag", reason if status in reason.lower() else f"{status}: {reason}")
    return changed(result, error=mark), error_findings(mark)


def _is_declined(status: str, result: ToolResult) -> bool:
    return status == CANCELLED and _DECLINED_TEXT in result.content
