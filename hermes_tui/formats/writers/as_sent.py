"""A person's changes to a run, applied to its messages: the conversation as the model received it.

A log records messages and, after them, the changes made to them: arguments edited, calls dropped,
results replaced, replies requested again, messages edited. Writers of conversations write the
outcome of these, which is all that the model received.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import count

from hermes_tui.formats.writers.changes import DISCARDED, Changes
from hermes_tui.formats.writers.transcript import Entry, Result
from hermes_tui.model.events import (
    ArgumentsEdited,
    CallDropped,
    Event,
    MessageEdited,
    ReplyDiscarded,
    ResultSubstituted,
    TextEdited,
    ToolCallProposed,
    ToolReturned,
)
from hermes_tui.model.messages import Origin, ToolCall, ToolResult, changed
from hermes_tui.parsers.call_arguments import read_arguments
from hermes_tui.parsers.normalise import normalise_message
from hermes_tui.parsers.plain_values import decode
from hermes_tui.parsers.text_calls import content_without_calls


def as_sent(entries: Iterable[Entry], changes: Changes) -> list[Entry]:
    """Return the messages among `entries` as they were sent.

    The messages of replies that were discarded or replaced are left out and counted in `changes`.
    """
    conversation = _Conversation(entries)
    changes.add(DISCARDED, conversation.discarded)
    return conversation.entries


class _Conversation:
    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: list[Entry] = []
        self.discarded = 0
        self._reply_at = -1
        self._calls: dict[int, ToolCallProposed] = {}
        """The calls of the last reply by their index, without those that were dropped."""
        self._results: dict[int, str] = {}
        """The replacements for results of its calls, by their index."""
        self._new_seqs = count(-1, -1)
        """Numbers for events that are not in the log."""
        for entry in entries:
            if entry.other is None:
                self._append(entry)
            else:
                self._change(entry, entry.other)

    def _append(self, entry: Entry) -> None:
        if entry.message.role == "assistant":
            self._reply_at = len(self.entries)
            self._calls = dict(enumerate(entry.calls))
            self._results = {}
            entry = _without_handed_over(entry)
        elif self._results and entry.results:
            entry = replace(entry, results=[self._result(event) for event in entry.results])
        self.entries.append(entry)

    def _result(self, event: Result) -> Result:
        """Return a result, or a person's replacement for it."""
        content = self._results.pop(-1 if event.call_index is None else event.call_index, None)
        if content is None:
            return event
        old = event.result
        result = ToolResult(content, call_id=old.call_id, name=old.name)
        return ToolReturned(seq=event.seq, result=result, call_index=event.call_index)

    def _change(self, entry: Entry, event: Event) -> None:
        match event:
            case ReplyDiscarded() | TextEdited():
                self._discard(entry)
            case ArgumentsEdited(call_index=index) if index in self._calls:
                self._rewrite(index, _edited(self._calls[index].call, event))
            case CallDropped(call_index=index) if index in self._calls:
                self._rewrite(index, None)
            case ResultSubstituted():
                self._results[event.call_index] = event.after
            case MessageEdited():
                self._edit(event, entry.turn)
            case _:
                pass

    def _discard(self, by: Entry) -> None:
        """Remove the reply to the last request; a reply that was cut off left no message."""
        if self._reply_at < 0 or self.entries[self._reply_at].requests != by.requests:
            return
        self.discarded += len(self.entries) - self._reply_at
        del self.entries[self._reply_at :]
        self._reply_at = -1

    def _rewrite(self, index: int, call: ToolCall | None) -> None:
        """Replace one of the last reply's calls by `call`, or remove it if `call` is None."""
        if self._reply_at < 0:
            return
        if self._calls[index].call.origin is Origin.TEXT:
            self._take_calls_out_of_the_text()
        if call is None:
            del self._calls[index]
        else:
            self._calls[index] = ToolCallProposed(seq=self._calls[index].seq, call=call)
        entry = self.entries[self._reply_at]
        self.entries[self._reply_at] = replace(entry, calls=list(self._calls.values()))

    def _take_calls_out_of_the_text(self) -> None:
        """Move the calls that a client read from the text to their own field only."""
        entry = self.entries[self._reply_at]
        text = content_without_calls(entry.message.text, (one.call for one in entry.calls))
        message = changed(entry.message, text=text, parts=())
        self.entries[self._reply_at] = replace(entry, message=message)
        for place, event in self._calls.items():
            if event.call.origin is Origin.TEXT:
                call = changed(event.call, origin=Origin.DICT, span=None)
                self._calls[place] = ToolCallProposed(seq=event.seq, call=call)

    def _edit(self, event: MessageEdited, turn: int) -> None:
        """Change, insert or remove a message; an edit takes effect before the next request."""
        self._reply_at = -1
        after = [self._entry(event, turn)] if event.after else []
        self.entries[event.index : event.index + 1] = after

    def _entry(self, edited: MessageEdited, turn: int) -> Entry:
        found = normalise_message(decode(edited.after))
        calls = [ToolCallProposed(seq=next(self._new_seqs), call=call) for call, _ in found.calls]
        results: list[Result] = [
            ToolReturned(seq=next(self._new_seqs), result=result) for result, _ in found.results
        ]
        return Entry(edited.seq, turn, found.message, edited.after, calls=calls, results=results)


def _without_handed_over(entry: Entry) -> Entry:
    """Return a reply without the text that a person's parser read as calls, if it did."""
    left = [event.content for event in entry.calls if event.content is not None]
    if not left:
        return entry
    return replace(entry, message=changed(entry.message, text=left[-1], parts=()))


def _edited(call: ToolCall, event: ArgumentsEdited) -> ToolCall:
    arguments = read_arguments(event.after)
    return changed(
        call,
        name=event.name_after or call.name,
        arguments_text=arguments.text,
        arguments_state=arguments.state,
        arguments=arguments.value,
        origin=Origin.DICT if call.origin is Origin.TEXT else call.origin,
        span=None,
        verdict="",
    )
