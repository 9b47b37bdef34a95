"""The messages that a run begins with, as the same events that a reader makes of them.

    prefix = (result* message call*)*            each message as any reader appends it
             parsed [reasoning] message call*    where calls are still to be answered
             (result message)* result*           what answers some of them

Unanswered calls at the end of the messages are those of a reply that has just arrived: they are
dispatched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from hermes_tui.debugger.wire import reply_text
from hermes_tui.model import events as ev
from hermes_tui.model.messages import IdState, Message, Origin, ToolCall, ToolResult, changed
from hermes_tui.parsers.normalise import Normalised, normalise_message
from hermes_tui.parsers.plain_values import json_text, plain
from hermes_tui.parsers.text_calls import content_without_calls

TURNS_BEFORE: Final = "turns_before"
"""The detail of a run that is the number of replies among its first messages. It is absent if there
are none, or if the recording is of a version that numbered turns without them and sent open calls
unchanged."""


class Prefix(NamedTuple):
    """A prefix as events. `turns` is how many replies it has, including one with open calls."""

    events: list[ev.Event]
    turns: int


class _GivenMessage(NamedTuple):
    raw: Any
    found: Normalised

    @property
    def message(self) -> Message:
        return self.found.message


def prefix_of(
    messages: Sequence[Any], new_id: str, *, goes_on: bool, read_as: Sequence[Any]
) -> Prefix:
    """Return `messages` as events; `goes_on`: unanswered calls at the end are to be answered.

    `read_as` are the same messages with all that is known about them.
    """
    given = _read_messages(messages, read_as)
    turns = sum(one.message.role == "assistant" for one in given)
    last = _open_reply(given) if goes_on else len(given)
    events = [event for one in given[:last] for event in _message_events(one)]
    if last < len(given):
        events += _reply_events(given[last], turns, new_id)
        events += _answer_events(given[last], given[last + 1 :])
    return Prefix(events, turns)


def has_open_calls(messages: Sequence[Any]) -> bool:
    """Return whether `messages` end with calls that are to be answered."""
    given = _read_messages(messages)
    return _open_reply(given) < len(given)


def _read_messages(messages: Sequence[Any], read_as: Sequence[Any] = ()) -> list[_GivenMessage]:
    pairs = zip(messages, read_as or messages, strict=True)
    return [_GivenMessage(raw, _loggable(normalise_message(whole))) for raw, whole in pairs]


def _loggable(found: Normalised) -> Normalised:
    """Return `found` without values that a log cannot store."""
    calls = tuple((loggable_call(call), own) for call, own in found.calls)
    results = tuple((changed(result, raw=plain(result.raw)), own) for result, own in found.results)
    return found._replace(calls=calls, results=results)


def loggable_call(call: ToolCall) -> ToolCall:
    return changed(call, raw=plain(call.raw), arguments=plain(call.arguments))


def _open_reply(given: Sequence[_GivenMessage]) -> int:
    """Return the index of the last reply if some of its calls have no result; else the end.

    Such a reply may be followed only by results of its calls, each named by its id.
    """
    end = place = len(given)
    while place and given[place - 1].message.role == "tool":
        place -= 1
    if not place or given[place - 1].message.role != "assistant":
        return end
    calls = _own_calls(given[place - 1])
    ids = [call.id for call in calls]
    answered = [_result(one).call_id for one in given[place:] if len(one.found.results) == 1]
    matched = len(answered) == end - place == len(set(answered)) and set(answered) <= set(ids)
    is_open = len(answered) < len(calls) and (not answered or len(set(ids)) == len(ids))
    return place - 1 if matched and is_open else end


def _own_calls(reply: _GivenMessage) -> list[ToolCall]:
    """Return the calls in a reply's own field. Those in its text were read when it was new."""
    return [call for call, _ in reply.found.calls if call.origin is not Origin.TEXT]


def _result(one: _GivenMessage) -> ToolResult:
    return one.found.results[0][0]


def _message_events(one: _GivenMessage) -> Iterator[ev.Event]:
    """Yield a message as a reader appends it: its results, the message, its calls."""
    for result, own in one.found.results:
        yield ev.ToolReturned(seq=0, result=result, diagnostics=own)
    yield _message_event(one, json_text(one.raw))
    for call, own in one.found.calls:
        yield ev.ToolCallProposed(seq=0, call=call, diagnostics=own)


def _message_event(one: _GivenMessage, raw: str) -> ev.Event:
    return ev.MessageAppended(
        seq=0, message=one.message, raw=raw, diagnostics=one.found.diagnostics
    )


def _reply_events(one: _GivenMessage, turn: int, new_id: str) -> Iterator[ev.Event]:
    """Yield a reply whose calls are to be answered; each of them has an id."""
    calls = [
        (with_id(call, new_id) if call.origin is not Origin.TEXT else call, own)
        for call, own in one.found.calls
    ]
    message, run = one.message, [call for call, _ in calls if call.id]
    content = content_without_calls(message.text, run)
    raw = json_text(one.raw)
    if any(call.id_state is IdState.SYNTHETIC for call in run):
        raw = reply_text(content, run, message.reasoning)
    yield ev.ResponseParsed(seq=0, turn=turn, calls=len(calls), content=content)
    if message.reasoning:
        yield ev.ReasoningExtracted(seq=0, turn=turn, reasoning=message.reasoning)
    yield _message_event(one, raw)
    for call, own in calls:
        yield ev.ToolCallProposed(seq=0, call=call, diagnostics=own)


def with_id(call: ToolCall, new_id: str) -> ToolCall:
    """Return `call` with an id: its own, or one made up, marked as such."""
    if call.id and call.id.strip():
        return call
    return changed(call, id=f"call_{new_id}_{call.index}", id_state=IdState.SYNTHETIC)


def _answer_events(reply: _GivenMessage, given: Sequence[_GivenMessage]) -> Iterator[ev.Event]:
    """Yield the given results in the order of their calls.

    The message of a result comes after those of the calls before it: if one of these is still to
    run, the run appends the message later.
    """
    by_id = {_result(one).call_id: one for one in given}
    in_order = True
    for call in _own_calls(reply):
        one = by_id.get(call.id)
        if one is None:
            in_order = False
            continue
        ((result, own),) = one.found.results
        yield ev.ToolReturned(seq=0, result=result, call_index=call.index, diagnostics=own)
        if in_order:
            yield _message_event(one, json_text(one.raw))
