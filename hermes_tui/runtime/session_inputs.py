"""Converts the answers of servers and tools to inputs of the session."""

from __future__ import annotations

from typing import Final

from hermes_tui.debugger import inputs as given
from hermes_tui.model.events import Event, ResponseReceived
from hermes_tui.parsers.plain_values import decode, json_text
from hermes_tui.parsers.tool_errors import judge
from hermes_tui.runtime.servers.base import Request, RequestFailure
from hermes_tui.runtime.servers.failures import RETRYABLE
from hermes_tui.runtime.tools.base import Answer

LONGEST_WAIT_S: Final = 3600.0
"""If a server asks for a longer wait, the request is not retried automatically."""


def tokens_of(event: Event) -> int:
    """Return the tokens that a reply cost, 0 for other events; a negative count counts as 0."""
    if not isinstance(event, ResponseReceived) or event.usage is None:
        return 0
    usage = event.usage
    return max(0, usage.prompt_tokens or 0) + max(0, usage.completion_tokens or 0)


def tool_replied(answer: Answer, duration_s: float, printed: str) -> given.ToolReplied:
    """Return the input for a tool's answer, with its text and its original value."""
    is_text = isinstance(answer.value, str)
    content = answer.value if is_text else json_text(answer.value)
    verdict = judge(content)
    return given.ToolReplied(
        content,
        error=answer.error or verdict.error,
        exit_code=verdict.exit_code if answer.exit_code is None else answer.exit_code,
        duration_s=duration_s,
        # Decoded from the text, since JSON cannot hold every value, such as very long numbers.
        raw=None if is_text else decode(content),
        is_text=is_text,
        printed=printed,
    )


def request_failed(failure: RequestFailure, request: Request) -> given.RequestFailed:
    """Return the input for a failed request, with whether to retry it automatically."""
    lost_connection = failure.status is None and not failure.empty and not failure.is_unsent
    wait_s, message = failure.retry_after_s, failure.message
    is_too_long = wait_s is not None and wait_s > LONGEST_WAIT_S
    may_help = lost_connection or failure.may_pass or failure.status in RETRYABLE
    if is_too_long:
        message += f" (the server asks to wait {wait_s:.3g} s: not retried automatically)"
    if failure.is_unsent and (place := _lone_surrogate_place(request)):
        message += f"; {place} contains half of a surrogate pair, edit it"
    return given.RequestFailed(
        message,
        status=failure.status,
        body=failure.body,
        chain=failure.chain,
        empty=failure.empty,
        escapes=failure.escapes,
        diagnostics=failure.diagnostics,
        retryable=may_help and not (is_too_long or failure.is_final),
        retry_in_s=None if is_too_long else wait_s,
    )


def _lone_surrogate_place(request: Request) -> str:
    """Return which message, else which parameter, has a lone surrogate; empty if none has.

    UTF-8 cannot encode these.
    """
    messages = {f"message {n}": text for n, text in enumerate(request.messages, 1)}
    parameters = decode(request.parameters) or {}
    texts = messages | {name: json_text(value) for name, value in parameters.items()}
    return next((place for place, text in texts.items() if not _is_encodable(text)), "")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
