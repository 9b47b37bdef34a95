"""The body of a reply that is not streamed: the message in it, or why there is none.

Any body that a server may send is read. A flaw that leaves the message usable is a diagnostic of
the reply; one that leaves no message is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hermes_tui.formats.streams.event_stream import NotJson, load_strictly
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import first_line
from hermes_tui.runtime.servers.base import Reply, RequestFailure
from hermes_tui.runtime.servers.failures import (
    Exchange,
    error_text,
    html_title,
    is_html,
    may_pass,
)

_KINDS = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
_FINISH_REASONS: Final = ("stop", "length", "tool_calls", "content_filter", "function_call")
_CALL_TYPES: Final = ("function", "custom")
_ESCAPES: Final = "AttributeError: 'NoneType' object has no attribute 'tool_calls'"
"""What HermesAgentLoop raises on the SDK's object of a choice whose message is null or missing."""
_COUNT_FIELDS = ("prompt_tokens", "completion_tokens", "total_tokens")


def kind_of(value: Any) -> str:
    """Return the name of the JSON type of `value`, with an article."""
    return _KINDS.get(type(value), "a number")


def shape(severity: Severity, message: str, hint: str = "") -> Diagnostic:
    """Return a finding about the form of a reply."""
    return Diagnostic(Code.REPLY_SHAPE, severity, message, hint=hint)


def stream_cut(message: str, severity: Severity = Severity.ERROR) -> Diagnostic:
    """Return a finding about a stream that ended too early."""
    hint = "" if severity is Severity.NOTE else "retry the turn; what arrived is in the raw body"
    return Diagnostic(Code.STREAM_CUT, severity, message, hint=hint)


def read_body(exchange: Exchange) -> Reply:
    """Return the reply in the body, its message as plain JSON; raises RequestFailure."""
    value, oddity = _decoded(exchange)
    if not isinstance(value, dict):
        raise _no_message(exchange, f"the body is {kind_of(value)}, not an object with choices")
    message, choice = _message(exchange, value)
    reason = choice.get("finish_reason")
    found = (
        *_body_findings(oddity, exchange),
        *completion_findings(value),
        *message_findings(message, choice),
    )
    return Reply(
        raw=exchange.text,
        message=message,
        finish_reason=reason if isinstance(reason, str) else "",
        usage=value.get("usage"),
        diagnostics=found,
    )


def _decoded(exchange: Exchange) -> tuple[Any, str]:
    text = exchange.so_far
    if not text.strip():
        raise _no_message(exchange, f"{exchange.status} with an empty body")
    if is_html(text):
        raise _failure(
            exchange,
            f"{exchange.status} with HTML, not JSON: {html_title(text)}",
            "the URL may be that of a web page or a proxy; the API is usually below /v1",
        )
    try:
        return load_strictly(bytes(exchange.received))
    except NotJson as error:
        what = f"with a body that is not JSON ({first_line(str(error))}): {first_line(text)}"
        if error.is_torn:
            end = " ".join(text[-60:].split())
            what = f"with JSON that breaks off after {len(exchange.received):,} bytes: …{end}"
        failure = _failure(exchange, f"{exchange.status} {what}", "retry the turn")
        failure.may_pass = error.is_torn
        raise failure from None


def _message(exchange: Exchange, value: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the message of the first choice, and that choice."""
    choices = value.get("choices")
    if not choices and (error := value.get("error")):
        raise RequestFailure(
            f"the body is an error: {error_text({'error': error})}",
            status=exchange.status,
            body=exchange.so_far,
            empty=True,
            may_pass=may_pass(error),
            diagnostics=(
                Diagnostic(Code.ERROR_IN_REPLY, Severity.ERROR, error_text({"error": error})),
            ),
        )
    if not isinstance(choices, list) or not choices:
        raise _no_message(exchange, f"choices {_why_absent(value, 'choices', 'a list')}")
    choice = choices[0]
    if not isinstance(choice, dict):
        raise _no_message(exchange, f"choices[0] is {kind_of(choice)}, not an object")
    message = choice.get("message")
    if message is None:
        failure = _no_message(exchange, f"message {_why_absent(choice, 'message', 'an object')}")
        failure.escapes = _ESCAPES
        raise failure
    return message, choice


def _why_absent(holder: dict[str, Any], key: str, expected: str) -> str:
    if key not in holder:
        keys = ", ".join(list(holder)[:8])
        error = f"; the body says: {error_text(holder)}" if "detail" in holder else ""
        return f"is missing (there is: {keys or 'nothing'}){error}"
    if holder[key] == []:
        return "is empty"
    if holder[key] is None:
        return "is null"
    return f"is {kind_of(holder[key])}, not {expected}"


def _no_message(exchange: Exchange, what: str) -> RequestFailure:
    failure = _failure(exchange, what, "the server accepted the request but sent no message; retry")
    failure.empty = failure.may_pass = True
    return failure


def _failure(exchange: Exchange, what: str, hint: str = "") -> RequestFailure:
    return RequestFailure(
        what,
        status=exchange.status,
        body=exchange.so_far,
        diagnostics=(shape(Severity.ERROR, what, hint),),
    )


def _body_findings(oddity: str, exchange: Exchange) -> Iterator[Diagnostic]:
    if oddity:
        severity = Severity.WARNING if "UTF-8" in oddity else Severity.NOTE
        yield shape(severity, f"the body is not quite JSON: {oddity}")
    kind = exchange.headers.get("content-type", "").split(";")[0].strip()
    if not kind.endswith(("json", "event-stream")):
        claim = f"says it is {kind}" if kind else "does not say what it is"
        yield shape(
            Severity.NOTE,
            f"the body is JSON but {claim}",
            "some clients then return a plain string",
        )


def completion_findings(value: dict[str, Any]) -> Iterator[Diagnostic]:
    """Yield findings about a completion, apart from its first choice."""
    if error := value.get("error"):
        yield Diagnostic(
            Code.ERROR_IN_REPLY,
            Severity.WARNING,
            f"an error was sent along with the choices: {error_text({'error': error})}",
            hint="the message may be incomplete; retry the turn if it is",
        )
    count = len(value["choices"])
    if count > 1:
        yield shape(
            Severity.WARNING,
            f"{count} choices were returned; the first one is used",
            "ask for n=1; all of them are in the raw body",
        )
    yield from usage_findings(value.get("usage"))


def usage_findings(usage: Any) -> Iterator[Diagnostic]:
    """Yield findings about the usage of a reply; `usage` is None if the reply has none."""
    if usage is not None and not isinstance(usage, dict):
        yield shape(Severity.NOTE, f"usage is {kind_of(usage)}, not an object")
    elif usage and (wrong := [key for key in _COUNT_FIELDS if _is_bad_count(usage.get(key, 0))]):
        yield shape(
            Severity.NOTE, f"usage contains values that are not whole numbers: {', '.join(wrong)}"
        )


def _is_bad_count(value: Any) -> bool:
    return not isinstance(value, int) or isinstance(value, bool)


def message_findings(message: Any, choice: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Yield deviations from the API in an unstreamed message and its choice."""
    if not isinstance(message, dict):
        yield shape(Severity.WARNING, f"the message is {kind_of(message)}, not an object")
    else:
        yield from _message_flaws(message)
    if not isinstance(choice.get("finish_reason"), str):
        state = kind_of(choice["finish_reason"]) if "finish_reason" in choice else "missing"
        yield shape(Severity.NOTE, f"finish_reason is {state}")
    if error := choice.get("error"):
        yield Diagnostic(
            Code.ERROR_IN_REPLY,
            Severity.ERROR,
            f"the reply ended in an error: {error_text({'error': error})}",
            hint="the message may be incomplete; retry the turn",
        )
    yield from choice_oddities(message, choice.get("finish_reason"))


def _message_flaws(message: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Yield deviations from the API in an unstreamed message; it is accepted all the same."""
    role, content = message.get("role"), message.get("content")
    if role != "assistant":
        value = _shown_value(message, "role")
        yield _note(f"the message's role is {value}, not assistant", "it is treated as the model's")
    if content is not None and not isinstance(content, (str, list)):
        yield _note(f"content is {kind_of(content)}, not a string", "it is treated as text")
    listed = message.get("tool_calls")
    calls = [
        (number, call)
        for number, call in enumerate(listed if isinstance(listed, list) else (), start=1)
        if isinstance(call, Mapping) and ("function" in call or "custom" in call)
    ]
    if untyped := [(number, call) for number, call in calls if call.get("type") not in _CALL_TYPES]:
        hint = "clients that check the type leave the call out"
        value = _shown_value(untyped[0][1], "type")
        yield _note(f"the type of {_numbered(untyped)} is {value}, not function", hint)
    if bad := [(number, call) for number, call in calls if not _is_id(call.get("id"))]:
        yield _note(f"the id of {_numbered(bad)} is {_shown_value(bad[0][1], 'id')}, not a string")


def _is_id(value: Any) -> bool:
    # A missing id is a finding of the call itself.
    return value is None or isinstance(value, str)


def _numbered(calls: Sequence[tuple[int, Any]]) -> str:
    more = f" and of {len(calls) - 1} more" if len(calls) > 1 else ""
    return f"call {calls[0][0]}{more}"


def choice_oddities(message: Any, reason: Any) -> Iterator[Diagnostic]:
    """Yield inconsistencies in a choice, streamed or not."""
    if not isinstance(message, Mapping):
        return
    if not message.get("tool_calls") and message.get("function_call"):
        hint = "today's clients read only tool_calls; it is treated as a call"
        yield _note("the call is in function_call, not in tool_calls", hint)
    elif message.get("tool_calls") and reason == "stop":
        yield _note(
            "finish_reason is stop, though there are calls",
            "a client that relies on it treats the reply as the last one",
        )
    if isinstance(reason, str) and reason not in _FINISH_REASONS:
        known = ", ".join(_FINISH_REASONS)
        yield _note(f"finish_reason {first_line(reason, 40)!r} is not one of the API's", known)


def _shown_value(holder: Mapping[str, Any], key: str) -> str:
    value = holder.get(key)
    if key not in holder:
        return "missing"
    return repr(first_line(value, 40)) if isinstance(value, str) else kind_of(value)


def _note(what: str, hint: str = "") -> Diagnostic:
    return shape(Severity.NOTE, what, hint)
