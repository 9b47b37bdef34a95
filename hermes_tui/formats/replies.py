"""A model's reply in any form that a log keeps: completion, envelope, stream, text or error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.dialects import ollama
from hermes_tui.formats.dialects.responses_items import message_of_reply, why_incomplete
from hermes_tui.formats.failures import Failure, failure_of, status_of
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.streams.sse import (
    Joined,
    Stream,
    join_chunks,
    looks_like_sse,
    read_lines,
    read_sse,
)
from hermes_tui.formats.texts.text_replies import is_generated, meta_of_reply, texts_of_reply
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import counted, title
from hermes_tui.parsers.finish_reasons import FAILED

_FAILED_REASON = ("finish_reason", FAILED)
_BODY_KEYS = ("body", "json", "content", "text", "data")
_LAST_EVENTS = ("message_stop", "response.completed", "response.incomplete", "response.failed")


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of a request: messages with their pointers, a failure, or neither (`defect`)."""

    messages: tuple[tuple[str, dict[str, Any]], ...] = ()
    finish_reason: str = ""
    usage: Any = None
    """The usage as the server wrote it."""
    model: str = ""
    id: str = ""
    failure: Failure | None = None
    defect: str = ""
    headers: Mapping[str, Any] | None = None
    flaws: tuple[Diagnostic, ...] = ()
    """Where the stream of the reply is cut off, or clients interpret it differently."""
    is_raw: bool = False
    """Whether it is the model's own text, which contains calls because no parser has read it."""
    usual: frozenset[Code] = frozenset()
    """Findings on calls that are usual for the source of the reply, and are not reported."""


def reply_of(response: Any, pointer: str) -> Reply:
    """Read the response at `pointer`; never raises."""
    envelope = _unwrap(response)
    if envelope is None:
        return _reply(response, pointer, None)
    status, body, headers, key = envelope
    return replace(_reply(body, f"{pointer}/{key}", status), headers=headers)


def bare_reply(text: str) -> Reply | None:
    """Return the reply whose body is `text`, whole or streamed, or None if it is something else."""
    if looks_like_sse(text):
        return _streamed_reply(read_sse(text), "")
    if (stream := read_lines(text)) is not None:
        return _streamed_reply(stream, "") if ollama.are_bare(stream.events) else None
    value = decode_if_json(text.strip(), 1)
    if isinstance(value, list):
        return _list_reply(value, "") if value and all(map(is_generated, value)) else None
    if not isinstance(value, dict):
        return None
    choices = [
        choice for choice in fields.as_list(value.get("choices")) if isinstance(choice, dict)
    ]
    holds_one = any("message" in choice or "finish_reason" in choice for choice in choices)
    is_reply = holds_one or is_generated(value) or ollama.is_bare(value)
    return _object_reply(value, "") if is_reply else None


def _unwrap(
    response: Any,
) -> tuple[int | None, Any, Mapping[str, Any] | None, str] | None:
    """Return status, body, headers and the body's key of an HTTP response, or None."""
    response = decode_if_json(response)
    if not isinstance(response, dict) or "choices" in response or "role" in response:
        return None
    status = status_of(response)
    if status is None and not isinstance(response.get("headers"), dict):
        return None
    key = next((key for key in _BODY_KEYS if response.get(key) is not None), "")
    if not key and (status is None or status < 400):
        return None
    headers = response.get("headers")
    return status, response.get(key), headers if isinstance(headers, dict) else None, key


def _reply(response: Any, pointer: str, status: int | None) -> Reply:
    response = decode_if_json(response)
    if status is not None and status >= 400:
        return Reply(failure=failure_of(response if response is not None else "", status))
    if isinstance(response, str):
        return _text_reply(response, pointer)
    if isinstance(response, list):
        return _list_reply(response, pointer)
    if isinstance(response, dict):
        return _object_reply(response, pointer)
    return Reply(defect="there is no reply")


def _text_reply(text: str, pointer: str) -> Reply:
    if looks_like_sse(text):
        stream = read_sse(text)
        if stream.events or stream.unread:
            return reply_of_stream(stream, pointer)
    if (stream_of_lines := read_lines(text)) is not None:
        return reply_of_stream(stream_of_lines, pointer)
    if not text.strip():
        return Reply(defect="the reply is empty")
    return Reply(messages=((pointer, {"role": "assistant", "content": text}),))


def reply_of_stream(stream: Stream, pointer: str) -> Reply:
    """Return the reply in a stream, as far as it was received, or the error in its place."""
    if (reply := _streamed_reply(stream, pointer)) is not None:
        return reply
    if errors := _errors_in(stream):
        return Reply(failure=failure_of(errors[0]))
    return Reply(defect="an event stream in which no reply is found")


def _errors_in(stream: Stream) -> list[dict[str, Any]]:
    return [event for event in stream.events if isinstance(event, dict) and event.get("error")]


def _streamed_reply(stream: Stream, pointer: str) -> Reply | None:
    """Return the reply that the events of a stream add up to, or None if they belong to none."""
    joined = join_chunks(stream.events)
    if joined is None:
        return None
    reply = _joined_reply(joined, pointer)
    is_cut = not (stream.done or _has_ended(stream.events, reply))
    flaws = stream_flaws(stream, is_cut=is_cut)
    if _errors_in(stream):
        return _with_errors(reply, flaws)
    return replace(reply, flaws=(*flaws, *reply.flaws))


def stream_flaws(stream: Stream, *, is_cut: bool) -> tuple[Diagnostic, ...]:
    """Return all findings on a stream as such; `is_cut`: it ended before what it sent did."""
    return (*stream.flaws, *_flaws_of(stream, is_cut=is_cut))


def _flaws_of(stream: Stream, *, is_cut: bool) -> Iterator[Diagnostic]:
    """Yield the findings on errors in a reply, on events that are not JSON, and on its end."""
    errors = _errors_in(stream)[:1]
    for error in errors:
        what = f"the stream contains an error: {failure_of(error).message}"
        yield Diagnostic(Code.ERROR_IN_REPLY, Severity.ERROR, what)
    unread, torn = stream.unread, ""
    if stream.is_torn and not stream.done:
        unread, torn = unread[:-1], unread[-1]
    if unread:
        what = f"no JSON in {counted(len(unread), 'event')} of the stream: {title(unread[0])}"
        yield Diagnostic(Code.REPLY_SHAPE, Severity.ERROR, what)
    if torn:
        what = f"the stream ends in the middle of an event: {title(torn)}"
        yield Diagnostic(Code.STREAM_CUT, Severity.ERROR, what)
    elif is_cut and not errors:
        what = "the stream ended before the reply did: no finish_reason"
        yield Diagnostic(Code.STREAM_CUT, Severity.ERROR, what)


def _has_ended(events: tuple[Any, ...], reply: Reply) -> bool:
    if reply.finish_reason or reply.failure is not None:
        return True
    found = [event for event in events if isinstance(event, dict)]
    return any(each.get("type") in _LAST_EVENTS or each.get("done") is True for each in found)


def _list_reply(items: list[Any], pointer: str) -> Reply:
    if items and all(map(is_generated, items)):
        replies = [_object_reply(item, f"{pointer}/{i}") for i, item in enumerate(items)]
        return replace(replies[0], messages=tuple(m for reply in replies for m in reply.messages))
    joined = join_chunks(items)
    if joined is not None:
        return _joined_reply(joined, pointer)
    if fields.is_message_list(items):
        places = [(f"{pointer}/{i}", m) for i, m in enumerate(items) if isinstance(m, dict)]
        return Reply(messages=tuple(places))
    message = _from_output_items(items)
    return Reply(messages=((pointer, message),)) if message else Reply(defect="no reply in a list")


def _joined_reply(joined: Joined, pointer: str) -> Reply:
    reply = _object_reply(joined.reply, pointer, streamed=True)
    return replace(reply, flaws=joined.flaws, is_raw=reply.is_raw or joined.is_raw)


def _object_reply(raw: dict[str, Any], pointer: str, *, streamed: bool = False) -> Reply:
    meta = meta_of_reply(raw)
    known: dict[str, Any] = {
        "usage": meta.get("usage"),
        "model": fields.model_of(meta),
        "id": fields.label(meta, "id"),
    }
    if texts := texts_of_reply(raw, pointer):
        placed = ((pointer if streamed else text.pointer, text.message) for text in texts)
        reason = texts[0].finish_reason
        return Reply(tuple(placed), finish_reason=reason, is_raw=True, **known)
    if ollama.is_ollama(raw) and not raw.get("error"):
        return _ollama_reply(raw, pointer, streamed)
    choices = raw.get("choices")
    if isinstance(choices, list) and choices:
        return _choices_reply(choices, pointer, streamed, known)
    reason = fields.label(raw, "finish_reason", "stop_reason", "done_reason")
    reason = reason or why_incomplete(raw)
    if raw.get("error") and not raw.get("content"):
        return Reply(**known, failure=failure_of(raw))
    message, place = _message_in(raw, pointer)
    if message is None:
        return Reply(**known, finish_reason=reason, defect="no message in the reply")
    if reason:
        message = {"finish_reason": reason, **message}
    place = pointer if streamed else place
    return Reply(((place, message),), finish_reason=reason, **known)


def _ollama_reply(raw: dict[str, Any], pointer: str, streamed: bool) -> Reply:
    place, message = ollama.message_of(raw)
    return Reply(
        ((pointer if streamed else pointer + place, message),),
        finish_reason=fields.label(raw, "done_reason"),
        usage=ollama.usage_of(raw),
        model=fields.model_of(raw),
        is_raw=ollama.is_text(raw),
        usual=ollama.USUAL,
    )


def _choices_reply(
    choices: list[Any], pointer: str, streamed: bool, known: dict[str, Any]
) -> Reply:
    messages = []
    flaws: list[Diagnostic] = []
    reason = ""
    for index, choice in enumerate(choices):
        if not isinstance(choice, dict):
            continue
        found = choice.get("message")
        if not isinstance(found, dict):
            found = {"content": choice.get("text")} if "text" in choice else None
        if found is None:
            continue
        finish = fields.label(choice, "finish_reason")
        reason = reason or finish
        if choice.get("error"):
            what = f"the reply ended in an error: {failure_of(choice['error']).message}"
            flaws.append(Diagnostic(Code.ERROR_IN_REPLY, Severity.ERROR, what))
        message = {"role": "assistant", **({"finish_reason": finish} if finish else {}), **found}
        place = pointer if streamed else f"{pointer}/choices/{index}/message"
        messages.append((place, message))
    defect = "" if messages else "choices without a message"
    reply = Reply(tuple(messages), finish_reason=reason, defect=defect, **known)
    return _with_errors(reply, flaws) if flaws else reply


def _with_errors(reply: Reply, errors: Iterable[Diagnostic]) -> Reply:
    """Return the reply with its errors; a finish reason that only repeats them is left out."""
    messages = tuple(
        (place, {key: one for key, one in message.items() if (key, one) != _FAILED_REASON})
        for place, message in reply.messages
    )
    return replace(reply, messages=messages, flaws=(*errors, *reply.flaws))


def _message_in(raw: dict[str, Any], pointer: str) -> tuple[dict[str, Any] | None, str]:
    if isinstance(raw.get("message"), dict):
        return {"role": "assistant", **raw["message"]}, f"{pointer}/message"
    if isinstance(raw.get("output"), list):
        return _from_output_items(raw["output"]), f"{pointer}/output"
    if "role" in raw or "content" in raw or "tool_calls" in raw:
        return openai_message({"role": "assistant", **raw}), pointer
    for key in ("output_text", "completion", "generated_text", "text", "response", "answer"):
        if isinstance(raw.get(key), str):
            return {"role": "assistant", "content": raw[key]}, f"{pointer}/{key}"
    return None, pointer


def _from_output_items(items: list[Any]) -> dict[str, Any] | None:
    """Return one assistant message for the output items of a Responses reply, or None if there are
    none."""
    typed = [item for item in items if isinstance(item, dict) and fields.label(item, "type")]
    return message_of_reply(typed) if typed else None


_AUTOGEN_ROLES = {
    "SystemMessage": "system",
    "UserMessage": "user",
    "AssistantMessage": "assistant",
    "FunctionExecutionResultMessage": "tool",
}


def is_autogen(raw: Any) -> bool:
    """Return whether `raw` is a message in AutoGen's form."""
    kind = raw.get("type") if isinstance(raw, dict) else None
    return isinstance(kind, str) and kind in _AUTOGEN_ROLES and "content" in raw


def openai_message(raw: dict[str, Any]) -> dict[str, Any]:
    """Return an AutoGen message in OpenAI's form, and any other message unchanged."""
    kind = raw.get("type")
    role = _AUTOGEN_ROLES.get(kind) if isinstance(kind, str) else None
    content = raw.get("content")
    has_calls = isinstance(content, list) and any(_is_function_call(item) for item in content)
    if role is None and not has_calls and not raw.get("thought"):
        return raw
    message = {key: value for key, value in raw.items() if key not in ("type", "thought", "source")}
    message["role"] = role or raw.get("role", "assistant")
    if isinstance(raw.get("source"), str) and raw["source"] != message["role"]:
        message["name"] = raw["source"]
    if raw.get("thought"):
        message["reasoning"] = raw["thought"]
    if has_calls and isinstance(content, list):
        message["tool_calls"] = [item for item in content if _is_function_call(item)]
        message["content"] = [item for item in content if not _is_function_call(item)] or None
    return message


def openai_messages(raw: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return a message, or one for each result in an AutoGen message, with pointers."""
    content = raw.get("content")
    if raw.get("type") != "FunctionExecutionResultMessage" or not isinstance(content, list):
        return [("", openai_message(raw))]
    found = []
    for index, item in enumerate(content):
        result = item if isinstance(item, dict) else {"content": item}
        message = {**result, "role": "tool", "tool_call_id": result.get("call_id")}
        found.append((f"/content/{index}", message))
    return found or [("", openai_message(raw))]


def _is_function_call(item: Any) -> bool:
    return isinstance(item, dict) and "name" in item and "arguments" in item and "type" not in item
