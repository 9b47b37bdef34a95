"""Queries on the rows of a run: their fields for expressions, their text for search, the message
and the calls that a row belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from hermes_tui.log.findings import Finding
from hermes_tui.log.timeline import KIND_NAMES, RowKind, Timeline
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunEnded,
    RunStarted,
    SourceDefect,
    TextEdited,
    ToolCallProposed,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.model.messages import Message, Usage
from hermes_tui.model.wording import counted

FIELDS = {
    "kind": "message, call, result, error, warning, note or event",
    "role": "role of a message: system, user, assistant, tool, …",
    "turn": "turn number, from 1",
    "row": "row number, from 1",
    "name": "tool name of a call or result",
    "args": "arguments of a call: args.command, args['path']",
    "arguments": "the same as args",
    "text": "text of a message, result, argument string or finding",
    "size": "characters of that text",
    "id": "id of a call or of the call that a result answers",
    "origin": "object, custom-object, dict, flat-dict, text or unknown",
    "state": "state of a call's arguments: object, json-string, double-encoded, not-json, …",
    "code": "code of a finding, such as CALL_IN_CONTENT",
    "error": "true for tool errors and for error findings",
    "reasoning": "characters of reasoning in a message, encrypted reasoning left out",
    "finish": "finish_reason of a message",
    "seconds": "duration of a reply or a tool call, missing if not known",
    "tokens_in": "tokens of the request that a reply answers, missing if not known",
    "tokens_out": "tokens of a reply",
    "event": "name of the row's event, such as ToolReturned",
}


CHEAP_FIELDS = frozenset({"kind", "turn", "row", "code"})
"""Fields that can be read without decoding an event."""


class RowFields(Mapping[str, Any]):
    """The `FIELDS` of a row as plain JSON values, each computed on access.

    Fields that do not apply to the row are missing.
    """

    __slots__ = ("_row", "_timeline")

    def __init__(self, timeline: Timeline, row: int) -> None:
        self._timeline = timeline
        self._row = row

    def get(self, name: str, missing: Any = None) -> Any:
        """Return a field, or `missing` if it does not apply. Decodes at most one event."""
        read = _COMMON_FIELDS.get(name) or _KIND_FIELDS[self._timeline.kind(self._row)].get(name)
        return missing if read is None else read(self._timeline, self._row)

    def __getitem__(self, name: str) -> Any:
        if name not in set(self):
            raise KeyError(name)
        return self.get(name)

    def __iter__(self) -> Iterator[str]:
        yield from _COMMON_FIELDS
        yield from _KIND_FIELDS[self._timeline.kind(self._row)]

    def __len__(self) -> int:
        return len(_COMMON_FIELDS) + len(_KIND_FIELDS[self._timeline.kind(self._row)])


Read = Callable[[Timeline, int], Any]


def _event_field(attribute: str, read: Callable[[Any], Any]) -> Read:
    """Return a function that reads a field from the message, call or result of a row's event."""

    def read_row(timeline: Timeline, row: int) -> Any:
        return read(getattr(timeline.event(row), attribute))

    return read_row


def _reasoning_size(message: Message) -> int:
    return sum(len(piece.text) for piece in message.reasoning if piece.kind != "encrypted")


_REPLY_REACH: Final = 64
"""The most events between a reply as received and its message."""


def _reply(timeline: Timeline, row: int) -> ResponseReceived | None:
    """Return the reply of a row whose event is the reply itself or its message, else None."""
    event = timeline.event(row)
    if isinstance(event, ResponseReceived):
        return event
    if not isinstance(event, MessageAppended) or event.message.role != "assistant":
        return None
    is_edited = False
    for seq in range(event.seq - 1, max(-1, event.seq - 1 - _REPLY_REACH), -1):
        match timeline.log[seq]:
            case ResponseReceived() as reply:
                return reply
            case TextEdited():
                is_edited = True
            case RequestSent():
                return None
            case MessageAppended() if not is_edited:
                return None
            case _:
                pass
    return None


def _seconds(timeline: Timeline, row: int) -> float | None:
    match timeline.event(row):
        case MessageAppended(message=message) if message.duration_s is not None:
            return message.duration_s
        case ToolReturned(result=result) | ToolFailed(result=result):
            return result.duration_s
        case _:
            reply = _reply(timeline, row)
            return None if reply is None else reply.duration_s


def _token_field(read: Callable[[Usage], int | None]) -> Read:
    def read_row(timeline: Timeline, row: int) -> Any:
        event = timeline.event(row)
        if isinstance(event, MessageAppended) and event.message.usage is not None:
            return read(event.message.usage)
        reply = _reply(timeline, row)
        return None if reply is None or reply.usage is None else read(reply.usage)

    return read_row


def _finding_field(read: Callable[[Finding], Any]) -> Read:
    def read_row(timeline: Timeline, row: int) -> Any:
        finding = timeline.finding(row)
        return None if finding is None else read(finding)

    return read_row


def _result_name(timeline: Timeline, row: int) -> str | None:
    event = timeline.event(row)
    named = event.result.name if isinstance(event, ToolReturned | ToolFailed) else None
    return named or _called_name(timeline, row)


def _called_name(timeline: Timeline, row: int) -> str | None:
    event = timeline.linked(row)
    return event.call.name if isinstance(event, ToolCallProposed) else None


_COMMON_FIELDS: Mapping[str, Read] = {
    "kind": lambda timeline, row: KIND_NAMES[timeline.kind(row)],
    "turn": Timeline.turn,
    "row": lambda timeline, row: row + 1,
    "event": lambda timeline, row: type(timeline.event(row)).__name__,
}
_REPLY_FIELDS: Mapping[str, Read] = {
    "seconds": _seconds,
    "tokens_in": _token_field(lambda usage: usage.prompt_tokens),
    "tokens_out": _token_field(lambda usage: usage.completion_tokens),
}
_FINDING_FIELDS: Mapping[str, Read] = {
    "code": _finding_field(lambda finding: str(finding.code)),
    "text": _finding_field(lambda finding: finding.message),
    "size": _finding_field(lambda finding: len(finding.message)),
    "error": lambda timeline, row: timeline.kind(row) is RowKind.ERROR,
}
_KIND_FIELDS: Mapping[RowKind, Mapping[str, Read]] = {
    RowKind.MESSAGE: {
        "role": _event_field("message", lambda message: message.role),
        "text": _event_field("message", lambda message: message.text),
        "size": _event_field("message", lambda message: len(message.text)),
        "reasoning": _event_field("message", _reasoning_size),
        "finish": _event_field("message", lambda message: message.finish_reason),
        **_REPLY_FIELDS,
    },
    RowKind.CALL: {
        "name": _event_field("call", lambda call: call.name),
        "args": _event_field("call", lambda call: call.arguments),
        "arguments": _event_field("call", lambda call: call.arguments),
        "text": _event_field("call", lambda call: call.arguments_text),
        "size": _event_field("call", lambda call: len(call.arguments_text)),
        "id": _event_field("call", lambda call: call.id),
        "origin": _event_field("call", lambda call: str(call.origin)),
        "state": _event_field("call", lambda call: str(call.arguments_state)),
    },
    RowKind.RESULT: {
        "name": _result_name,
        "role": lambda timeline, row: "tool",
        "text": _event_field("result", lambda result: result.content),
        "size": _event_field("result", lambda result: len(result.content)),
        "id": _event_field("result", lambda result: result.call_id),
        "error": _event_field("result", lambda result: result.error is not None),
        "seconds": _seconds,
    },
    RowKind.ERROR: _FINDING_FIELDS,
    RowKind.WARNING: _FINDING_FIELDS,
    RowKind.NOTE: _FINDING_FIELDS,
    RowKind.EVENT: _REPLY_FIELDS,
}


def row_texts(timeline: Timeline, row: int) -> Iterator[str]:
    """Yield every text of a row that a search looks at: all that the panes show of it."""
    finding = timeline.finding(row)
    if finding is not None:
        yield from (str(finding.code), finding.message, finding.hint)
    event = timeline.event(row)
    # A failed request or a defect has only the row of its finding.
    if finding is not None and not isinstance(event, (RequestFailed, SourceDefect)):
        return
    if isinstance(event, ToolReturned | ToolFailed):
        yield _called_name(timeline, row) or ""
    yield from event_texts(event)


def event_texts(event: Event) -> Iterator[str]:
    """Yield every text of an event, without its findings."""
    match event:
        case MessageAppended(message=message):
            yield from _texts_of_message(message)
        case ToolCallProposed(call=call):
            yield from (call.name or "", call.arguments_text, call.id or "")
            # The decoded values, as they are shown without the escapes of the text.
            yield from _texts_in(call.arguments)
        case ToolReturned(result=result) | ToolFailed(result=result):
            yield from (result.content, result.name or "", result.call_id or "")
            yield result.error.reason if result.error is not None else ""
        case RunStarted() as started:
            yield from (started.task, started.run_id, started.model, started.source_format)
            yield from (started.group_id, started.parser)
            yield from _texts_in(started.details)
            for tool in started.tools:
                yield from (tool.name, tool.description)
                yield from _texts_in(tool.parameters)
        case RunEnded() as ended:
            yield describe(ended)
            yield from _texts_in([ended.scores, ended.details])
        case RequestFailed() as failed:
            yield from (failed.message, *failed.chain, failed.body)
        case SourceDefect() as defect:
            yield from (defect.message, defect.excerpt)
        case _:
            yield f"{type(event).__name__} {describe(event)}"


def _texts_of_message(message: Message) -> Iterator[str]:
    yield message.text
    yield from (message.author, message.finish_reason, *message.flags)
    for part in message.parts:
        if part.kind != "text":
            yield from (f"{part.kind} {part.media_type}", part.text)
    for piece in message.reasoning:
        if piece.span is None:
            yield piece.text


def _texts_in(value: Any) -> Iterator[str]:
    """Yield the keys and values in a JSON value, at any depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        match item:
            case str():
                yield item
            case dict():
                yield from map(str, item)
                waiting.extend(reversed(item.values()))
            case list() | tuple():
                waiting.extend(reversed(item))
            case None:
                pass
            case _:
                yield str(item)


def message_of(timeline: Timeline, seq: int) -> MessageAppended | None:
    """Return the message that event `seq` is or belongs to, or None.

    A call belongs to its reply, a result to the message that contains it.
    """
    log = timeline.log
    event = log[seq]
    match event:
        case MessageAppended():
            return event
        case ToolReturned() | ToolFailed():
            step, limit = 1, min(len(log), seq + 64)
        case ToolCallProposed():
            step, limit = -1, max(-1, seq - 4096)
        case _:
            return None
    position = seq + step
    while position != limit:
        other = log[position]
        if isinstance(other, MessageAppended):
            return other
        position += step
    return None


def calls_of_turn(timeline: Timeline, row: int) -> list[int]:
    """Return the rows of the calls of the turn that `row` belongs to, in order."""
    return timeline.call_rows(timeline.turn(row))


def findings_at(timeline: Timeline, row: int) -> list[Finding]:
    """Return the findings about the event that `row` shows, or is about."""
    return timeline.findings_of(timeline.seq(row))


def describe(event: Event) -> str:
    """Return a one-line label for an event that is not a message, call or result."""
    match event:
        case RunStarted() as started:
            declared = counted(len(started.tools), "tool")
            parts = [
                started.source_format,
                started.model and f"model {started.model}",
                declared if started.tools_declared else "tools not declared",
                started.run_id and f"id {started.run_id}",
                started.task,
            ]
            return " · ".join(part for part in parts if part)
        case RunEnded() as ended:
            parts = [
                ended.status,
                ended.stop_reason,
                f"reward {ended.reward:g}" if ended.reward is not None else "",
            ]
            return " · ".join(part for part in parts if part)
        case RequestFailed() as failed:
            return failed.message
        case SourceDefect() as defect:
            return defect.message
        case _:
            fields = [
                f"{name}={getattr(event, name)}"
                for name in event.__struct_fields__
                if name not in ("seq", "ts", "at", "diagnostics", "raw", "body")
                and getattr(event, name) not in (None, "", (), {})
            ]
            return " ".join(fields)
