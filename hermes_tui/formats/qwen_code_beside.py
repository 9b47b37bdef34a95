"""What lines of Qwen Code say beside its messages.

    compression = {"subtype": "chat_compression", "systemPayload": {"compressedHistory": [content]}}
    rewind      = {"subtype": "rewind", "parentUuid": the last line that is kept}
    failure     = {"subtype": "ui_telemetry", "systemPayload": {"uiEvent": {
                     "event.name": "qwen-code.api_error", "error_message", "status_code", …}}}

The answer to a call that began a subagent in the background names it: `agentId: NAME-CALL`, in
later versions `task_id: NAME-CALL`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.replies import status_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp

_BEGUN: Final = re.compile(r"(?:agentId|task_id): ([^\s\"\\]{1,200})")
_MOST: Final = 500
"""Subagents of one run that are told of."""


def _payload(row: dict[str, Any]) -> dict[str, Any]:
    return fields.as_dict(row.get("systemPayload"))


def left_behind(rows: list[dict[str, Any]]) -> frozenset[int]:
    """Return the positions of lines that a person rewound."""
    at: dict[str, int] = {}
    standing: list[int] = []
    left: set[int] = set()
    for position, row in enumerate(rows):
        if row.get("subtype") == "rewind":
            kept = at.get(fields.label(row, "parentUuid"), -1)
            is_known = kept >= 0 or row.get("parentUuid") is None
            while is_known and standing and standing[-1] > kept:
                left.add(standing.pop())
        at[fields.label(row, "uuid")] = position
        standing.append(position)
    return frozenset(left)


def summary_in(row: dict[str, Any], told: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield what a compression says that no message of the session does, with its pointer.

    `told` are the parts of its messages, as JSON.
    """
    if row.get("subtype") != "chat_compression":
        return
    for index, content in enumerate(fields.as_list(_payload(row).get("compressedHistory"))):
        parts = fields.as_dict(content).get("parts")
        if isinstance(parts, list) and fields.json_text(parts) not in told:
            yield f"/systemPayload/compressedHistory/{index}", content


def is_failure(row: dict[str, Any]) -> bool:
    """Say whether a line tells of a request that failed."""
    event = fields.as_dict(_payload(row).get("uiEvent"))
    return fields.label(event, "event.name") == "qwen-code.api_error"


def append_failure(
    build: RunBuilder, row: dict[str, Any], pointer: str, *, is_retried: bool
) -> None:
    """Append a failed request: a warning where a reply came all the same."""
    event = fields.as_dict(_payload(row).get("uiEvent"))
    whose = fields.label(event, "subagent_name")
    said = fields.label(event, "error_message") or fields.label(event, "error_type")
    build.request_failed(
        f"subagent {whose}: {said}" if whose else said,
        severity=Severity.WARNING if is_retried else Severity.ERROR,
        pointer=pointer,
        ts=timestamp(row.get("timestamp")),
        status=status_of(event),
        retryable=is_retried,
    )


def subagents_in(rows: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the subagents that calls began to work in the background, by the ids of the calls."""
    found: dict[str, str] = {}
    for row in rows:
        told = fields.as_dict(row.get("toolCallResult"))
        shown = fields.as_dict(told.get("resultDisplay"))
        if fields.label(shown, "type") == "task_execution" and len(found) < _MOST:
            named = _BEGUN.search(fields.json_text(row.get("message")))
            if named and (call := fields.label(told, "callId")):
                found[title(call)] = title(named[1])
    return found


def called_by(agent: str, name: str) -> str:
    """Return the id of the call that began a subagent; its own is NAME-CALL."""
    prefix = f"{name}-"
    return title(agent.removeprefix(prefix)) if name and agent.startswith(prefix) else ""
