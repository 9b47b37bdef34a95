"""Any object with an async `chat_completion(**kwargs)`, called as HermesAgentLoop calls it.

kwargs := messages (one list, the same object every turn), n, temperature, further parameters,
          tools if there are any, max_tokens if it is set, extra_body if it is not empty
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import first_line
from hermes_tui.parsers.plain_values import decode, json_text, plain
from hermes_tui.runtime.exception_text import exception_text
from hermes_tui.runtime.servers.base import OnPiece, Reply, Request, RequestFailure
from hermes_tui.runtime.servers.bodies import message_findings, usage_findings
from hermes_tui.runtime.servers.failures import capped, exception_chain, exceptions_of

_STREAM_PARAMETERS: Final = ("stream", "stream_options")
_OMITTED_IF_EMPTY: Final = ("tools", "extra_body")


class ChatCompletionServer:
    """Calls `server`; the message in its response is passed on unchanged, whatever its type.

    `messages` is a caller's list: it is passed to `server`, and grows with the conversation.
    """

    url = ""

    def __init__(self, server: Any, messages: list[Any] | None = None) -> None:
        self._server = server
        self._messages: list[Any] = [] if messages is None else messages
        self._own = list(self._messages)
        """The same items, which nothing else can add to, remove or replace."""
        self._texts = [json_text(message) for message in self._messages]

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        """Call `chat_completion` and return the first choice; raises RequestFailure only."""
        self.take(request.messages)
        kwargs = {"messages": self._messages, **self._arguments(request.parameters)}
        try:
            response = await self._server.chat_completion(**kwargs)
        except Exception as error:  # the server is foreign code: any exception is its answer
            raise failure_of(error) from error
        return _reply_in(response)

    def take(self, messages: Sequence[Any]) -> None:
        """Update the list to `messages`, JSON texts or values; the common beginning stays.

        What anything else has added, removed or replaced meanwhile is undone, since the request
        would not be the recorded one.
        """
        texts = [m if isinstance(m, str) else json_text(m) for m in messages]
        same = 0
        while same < min(len(texts), len(self._texts)) and texts[same] == self._texts[same]:
            same += 1
        new = messages[same:]
        self._own[same:] = [decode(m) if isinstance(m, str) else m for m in new]
        self._texts[same:] = texts[same:]
        self._messages[:] = self._own

    async def close(self) -> None:
        """Do nothing: the server belongs to its creator."""

    def _arguments(self, parameters: str) -> dict[str, Any]:
        """Return the keyword arguments other than the messages."""
        parameter_values: dict[str, Any] = json.loads(parameters)
        arguments = {"n": 1, **parameter_values}
        for name in _STREAM_PARAMETERS:
            arguments.pop(name, None)
        for name in _OMITTED_IF_EMPTY:
            if not arguments.get(name):
                arguments.pop(name, None)
        if arguments.get("max_tokens") is None:
            arguments.pop("max_tokens", None)
        return arguments


def _reply_in(response: Any) -> Reply:
    raw = json_text(plain(response))
    try:
        choices: Any = response.choices if response else ()
        choice = choices[0] if choices else None
        message = getattr(choice, "message", None)
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        name, why = type(response).__name__, first_line(str(error))
        what = f"{name} is not a response with choices ({why})"
        raise _empty(what, raw, exception_text(error)) from error
    if not response:
        raise _empty("the server returned nothing", raw)
    if not choices:
        raise _empty("no choices were returned", raw)
    if message is None:
        raise _empty("the first choice has no message", raw, _uncaught_exception(choice))
    reason, usage = getattr(choice, "finish_reason", None), plain(getattr(response, "usage", None))
    members = ("finish_reason", "error")
    around = {name: plain(getattr(choice, name)) for name in members if hasattr(choice, name)}
    return Reply(
        raw=raw,
        message=message,
        finish_reason=reason if isinstance(reason, str) else "",
        usage=usage,
        diagnostics=(
            *_choice_findings(choices),
            *usage_findings(usage),
            *message_findings(plain(message), around),
        ),
    )


def _uncaught_exception(choice: Any) -> str:
    """Return the exception that HermesAgentLoop raises on a choice without a message."""
    try:
        _ = choice.message.tool_calls
    except AttributeError as error:
        return exception_text(error)
    return ""


def _empty(what: str, raw: str, escapes: str = "") -> RequestFailure:
    found = Diagnostic(Code.REPLY_SHAPE, Severity.ERROR, what)
    return RequestFailure(what, body=capped(raw), empty=True, escapes=escapes, diagnostics=(found,))


def _choice_findings(choices: Sequence[Any]) -> tuple[Diagnostic, ...]:
    if len(choices) < 2:
        return ()
    what = f"{len(choices)} choices were returned; the first one is used"
    return (Diagnostic(Code.REPLY_SHAPE, Severity.WARNING, what, hint="ask for n=1"),)


def failure_of(error: BaseException) -> RequestFailure:
    """Return the failure for an exception of a server; a retry error is replaced by its cause.

    tenacity's own message is `RetryError[<Future …>]`. The attempts of nested retries multiply.
    """
    attempts, real = 1, error
    while (inner := _retry_cause(real)) is not None:
        number, real = inner
        attempts *= number
    text = first_line(str(real))
    message = f"{type(real).__name__}: {text}" if text else type(real).__name__
    if attempts > 1:
        message += f" (after {attempts} attempts)"
    return RequestFailure(
        message,
        status=next((s for e in exceptions_of(error) if (s := _status(e)) is not None), None),
        body=capped(next((b for e in exceptions_of(error) if (b := _body(e))), "")),
        chain=exception_chain(error),
    )


def _retry_cause(error: BaseException) -> tuple[int, BaseException] | None:
    """Return the number of attempts and the last exception if `error` is a retry error, or None."""
    attempt = getattr(error, "last_attempt", None)
    if attempt is None or not attempt.done() or (inner := attempt.exception()) is None:
        return None
    number = getattr(attempt, "attempt_number", 1)
    return (number if isinstance(number, int) else 1), inner


def _status(error: BaseException) -> int | None:
    for name in ("status_code", "status"):
        value = getattr(error, name, None)
        if isinstance(value, int) and 100 <= value <= 599:
            return value
    return None


def _body(error: BaseException) -> str:
    text = getattr(getattr(error, "response", None), "text", None)
    if isinstance(text, str):
        return text
    body = getattr(error, "body", None)
    return "" if body is None else body if isinstance(body, str) else json_text(plain(body))
