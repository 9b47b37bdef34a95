"""Lines of Qwen Code other than messages.

    compression = {"subtype": "chat_compression", "systemPayload": {"compressedHistory": [content]}}
    rewind      = {"subtype": "rewind", "parentUuid": the last line that is kept}
    failure     = {"subtype": "ui_telemetry", "systemPayload": {"uiEvent": {
                     "event.name": "qwen-code.api_error", "error_message", "status_code", …}}}

The answer to a call that started a subagent in the background names it: `agentId: NAME-CALL`, in
later versions `task_id: NAME-CALL`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.failures import status_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp

_SUBAGENT_ID: Final = re.compile(r"(?:agentId|task_id): ([^\s\"\\]{1,200})")
_MAX_SUBAGENTS: Final = 500
"""The most subagents of one run that are listed."""


def _payload(row: dict[str, Any]) -> dict[str, Any]:
    return fields.as_dict(row.get("systemPayload"))


def rewound_rows(rows: list[dict[str, Any]]) -> frozenset[int]:
    """Return the positions of lines that a person rewound."""
    at: dict[str, int] = {}
    standing: list[int] = []
    rewound: set[int] = set()
    for position, row in enumerate(rows):
        if row.get("subtype") == "rewind":
            kept = at.get(fields.label(row, "parentUuid"), -1)
            is_known = kept >= 0 or row.get("parentUuid") is None
            while is_known and standing and standing[-1] > kept:
                rewound.add(standing.pop())
        at[fields.label(row, "uuid")] = position
        standing.append(position)
    return frozenset(rewound)


def summary_in(row: dict[str, Any], known_parts: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield the contents of a compression that are not among the session's messages, with pointers.

    `known_parts` are the parts of those messages, as JSON.
    """
    if row.get("subtype") != "chat_compression":
        return
    for index, content in enumerate(fields.as_list(_payload(row).get("compressedHistory"))):
        parts = fields.as_dict(content).get("parts")
        if isinstance(parts, list) and fields.json_text(parts) not in known_parts:
            yield f"/systemPayload/compressedHistory/{index}", content


def is_failure(row: dict[str, Any]) -> bool:
    """Return whether a line records a failed request."""
    event = fields.as_dict(_payload(row).get("uiEvent"))
    return fields.label(event, "event.name") == "qwen-code.api_error"


def append_failure(
    build: RunBuilder, row: dict[str, Any], pointer: str, *, is_retried: bool
) -> None:
    """Append a failed request, as a warning if a later attempt succeeded."""
    event = fields.as_dict(_payload(row).get("uiEvent"))
    whose = fields.label(event, "subagent_name")
    message = fields.label(event, "error_message") or fields.label(event, "error_type")
    build.request_failed(
        f"subagent {whose}: {message}" if whose else message,
        severity=Severity.WARNING if is_retried else Severity.ERROR,
        pointer=pointer,
        ts=timestamp(row.get("timestamp")),
        status=status_of(event),
        retryable=is_retried,
    )


def subagents_in(rows: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the subagents that were started in the background, by the ids of their calls."""
    found: dict[str, str] = {}
    for row in rows:
        result = fields.as_dict(row.get("toolCallResult"))
        shown = fields.as_dict(result.get("resultDisplay"))
        if fields.label(shown, "type") == "task_execution" and len(found) < _MAX_SUBAGENTS:
            named = _SUBAGENT_ID.search(fields.json_text(row.get("message")))
            if named and (call := fields.label(result, "callId")):
                found[title(call)] = title(named[1])
    return found


def called_by(agent: str, name: str) -> str:
    """Return the id of the call that started a subagent, whose own id is NAME-CALL; "" if
    unknown."""
    prefix = f"{name}-"
    return title(agent.removeprefix(prefix)) if name and agent.startswith(prefix) else ""
