"""The lines of Claude Code other than messages: attachments, failed requests, durations.

    attachment = {"type": "attachment", "attachment": what, "rendered"?: [{"content"}, …]}
    what = {"type": "queued_command", "prompt", "commandMode", "origin"?: {"kind"}}
         | {"type": "edited_text_file" | "task_reminder" | …, …}
    failure = {"type": "system", "subtype": "api_error", "error", "retryInMs"?, "retryAttempt"?, …}
            | {"type": "system", "subtype": "api_retry", "error", "error_status"?, "attempt"?, …}
            | {"type": "assistant", "isApiErrorMessage": true, "apiErrorStatus"?, "message"}
            | {"type": "assistant", "error": text, "message": {"model": "<synthetic>", …}}

The names of a session file are in camel case, those of stream-json in snake case. The model
receives attachments in messages of the user; a queued command of mode `prompt` is what the user
typed while the model worked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.failures import Failure, failure_of, status_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.secrets import mask_secrets
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import RequestFailed
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp

ATTACHMENT = "attachment"
SYNTHETIC = "<synthetic>"
"""The name of the model in messages that the program wrote in place of the model."""
_DEFAULT_MESSAGE = "the request failed"
_TYPED_MODE = "prompt"
_NAME_KEYS = ("filename", "path", "displayPath", "hookName", "name")
_TEXT_KEYS = ("snippet", "content", "text", "prompt", "message", "stdout")
_STATUS = re.compile(r"\bAPI Error: (\d{3})\b")


def with_attachment_message(row: dict[str, Any]) -> dict[str, Any]:
    """Return a line with its attachment as a message of the user; any other line unchanged."""
    attachment = row.get(ATTACHMENT)
    if row.get("type") != ATTACHMENT or not isinstance(attachment, dict):
        return row
    if mode := _mode(attachment):
        name_member = {} if mode == _TYPED_MODE else {"name": mode}
        return {**row, "message": {"role": "user", **name_member, "content": attachment["prompt"]}}
    kind = fields.label(attachment, "type") or ATTACHMENT
    message = {
        "role": "user",
        "name": kind,
        "content": _attachment_text(attachment, row.get("rendered")),
    }
    return {**row, "message": message}


def _mode(attachment: dict[str, Any]) -> str:
    """Return the mode of a queued command with a prompt, or "" for any other attachment."""
    prompt = attachment.get("prompt")
    if attachment.get("type") != "queued_command" or not (
        prompt and isinstance(prompt, (str, list))
    ):
        return ""
    return fields.label(attachment, "commandMode") or _TYPED_MODE


def _attachment_text(attachment: dict[str, Any], rendered: Any) -> str:
    """Return the text that the model receives, or else the name and the text of the attachment."""
    pieces = fields.objects_in(rendered)
    if text := "\n".join(filter(None, (fields.text_of(one.get("content")) for one in pieces))):
        return text
    content = next(filter(None, (fields.text_of(attachment.get(key)) for key in _TEXT_KEYS)), "")
    found = "\n".join(filter(None, (fields.label(attachment, *_NAME_KEYS), content)))
    return found or fields.json_text({key: attachment[key] for key in attachment if key != "type"})


def is_typed(row: dict[str, Any]) -> bool:
    """Return whether a line is not an attachment, or is one that a person typed."""
    if row.get("type") != ATTACHMENT:
        return True
    attachment = fields.as_dict(row.get(ATTACHMENT))
    by_person = fields.label(fields.as_dict(attachment.get("origin")), "kind") in ("", "human")
    return _mode(attachment) == _TYPED_MODE and by_person and attachment.get("isMeta") is not True


def is_failure(row: dict[str, Any]) -> bool:
    """Return whether a line records a request that got no reply."""
    if row.get("type") == "system":
        return row.get("subtype") in ("api_error", "api_retry")
    if row.get("type") != "assistant":
        return False
    if True in (row.get("isApiErrorMessage"), row.get("is_api_error_message")):
        return True
    made_up = fields.as_dict(row.get("message")).get("model") == SYNTHETIC
    return made_up and bool(fields.label(row, "error"))


def append_failure(
    build: RunBuilder,
    row: dict[str, Any],
    pointer: str,
    *,
    turn: int,
    attempt: int,
    is_copied: bool,
) -> None:
    """Append a failed request: as a warning if it was sent again, as an error if it was the last.

    `turn` is the turn that its reply would have opened, or 0 if that is unknown. `is_copied`:
    another session counts the failure; here it is a note.
    """
    is_retried = row.get("type") == "system"
    failure = _retried(row) if is_retried else _given_up(row)
    names_status = failure.status is None or str(failure.status) in failure.message
    message = failure.message if names_status else f"status {failure.status}: {failure.message}"
    severity = Severity.WARNING if is_retried else Severity.ERROR
    severity = Severity.NOTE if is_copied else severity
    build.add(
        RequestFailed,
        pointer=pointer,
        ts=timestamp(row.get("timestamp")),
        turn=turn,
        attempt=attempt,
        message=failure.message,
        status=failure.status,
        body=failure.body,
        chain=failure.chain,
        retryable=is_retried,
        retry_in_s=fields.seconds(row.get("retryInMs", row.get("retry_delay_ms"))),
        diagnostics=(Diagnostic(Code.REQUEST_ERROR, severity, message, hint=_retry_hint(row)),),
    )


def _retried(row: dict[str, Any]) -> Failure:
    error = mask_secrets(row.get("error") or row.get("content") or _DEFAULT_MESSAGE)
    return failure_of(error, status_of({"status": row.get("error_status")}))


def _given_up(row: dict[str, Any]) -> Failure:
    text = fields.text_of(fields.as_dict(row.get("message")).get("content"))
    status = status_of({"status": row.get("apiErrorStatus", row.get("error_status"))})
    if status is None and (match := _STATUS.search(text)):
        status = int(match[1])
    kind = fields.label(row, "error")
    return Failure(title(text) or kind or _DEFAULT_MESSAGE, status, text, (kind,) if kind else ())


def _retry_hint(row: dict[str, Any]) -> str:
    number = fields.label(row, "retryAttempt", "attempt")
    most = fields.label(row, "maxRetries", "max_retries")
    return f"it was sent again: retry {number}{f' of {most}' if most else ''}" if number else ""


def durations_of(rows: Iterable[dict[str, Any]]) -> list[float]:
    """Return the recorded seconds from each prompt to the end of the work on it."""
    values = (row.get("durationMs") for row in rows if row.get("subtype") == "turn_duration")
    found = map(fields.seconds, values)
    return [seconds for seconds in found if seconds is not None]
