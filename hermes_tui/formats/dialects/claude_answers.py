"""What Claude Code records about the results of calls: durations, and calls the user declined.

line = {"message": {"content": [{"type": "tool_result", …}]},
        "toolUseResult"?: {"durationMs" | "totalDurationMs" | "durationSeconds", "agentId"?, …}
                          | text, "toolDenialKind"?}
"""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.declined import DECLINED, settle_declined
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.messages import ToolResult, changed
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import Normalised

_DURATION_KEYS = (("durationMs", 1e3), ("totalDurationMs", 1e3), ("durationSeconds", 1.0))
_DECLINED = re.compile(
    r"The user doesn't want to (?:proceed with this tool use|take this action right now)\b"
)
_REASON = re.compile(r"\bthe user said:\n(.+)", re.DOTALL)


def answered(
    build: RunBuilder, parts: Normalised, row: dict[str, Any], pointer: str, ts: float | None
) -> Normalised:
    """Return the message of a line, its results completed with what the line records of them.

    The calls that the user declined are appended to `build` first.
    """
    if not parts.results:
        return parts
    if len(parts.results) == 1:
        [(result, diagnostics)] = parts.results
        if (seconds := fields.duration_of(tool_use_result(row), _DURATION_KEYS)) is not None:
            parts = parts._replace(results=((changed(result, duration_s=seconds), diagnostics),))
    is_rejected = row.get("toolDenialKind") == "user-rejected"

    def why(result: ToolResult) -> str:
        return _why_declined(result.content) or (DECLINED if is_rejected else "")

    return settle_declined(build, parts, why, pointer, ts)


def _why_declined(text: str) -> str:
    if not _DECLINED.match(text):
        return ""
    match = _REASON.search(text)
    return f"{DECLINED}: {title(match[1])}" if match else DECLINED


def tool_use_result(row: dict[str, Any]) -> dict[str, Any]:
    """Return the object in which a line describes the result in it, which differs by tool."""
    return fields.as_dict(row.get("toolUseResult", row.get("tool_use_result")))
