"""The events of a run, grouped as a reader of a transcript expects: messages in order, each with
its calls and results, and all other events between them.

In a log the results of a message come before it and its calls after it; in a live log its calls may
come before it. Calls and results without a message get one of their own, so that nothing is left
out.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hermes_tui.formats.secrets import mask_secrets
from hermes_tui.log.findings import Finding
from hermes_tui.model.events import (
    PERSON,
    ArgumentsEdited,
    CallDropped,
    CallSkipped,
    Event,
    MessageAppended,
    MessageEdited,
    ParametersChanged,
    ReasoningExtracted,
    RequestFailed,
    RequestSent,
    ResponseChunked,
    ResponseParsed,
    ResponseReceived,
    ResultSubstituted,
    RunEnded,
    RunStarted,
    SourceDefect,
    TextEdited,
    ToolCallProposed,
    ToolDispatched,
    ToolErrorRecorded,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.model.messages import ADDED, Message, Reasoning

Result = ToolReturned | ToolFailed

_PERSON_CHANGES: Mapping[type[Event], str] = {
    ArgumentsEdited: "calls_edited",
    TextEdited: "replies_edited",
    MessageEdited: "messages_edited",
    ParametersChanged: "parameters_changed",
    CallSkipped: "calls_answered",
    CallDropped: "calls_dropped",
    ResultSubstituted: "results_edited",
}
"""A person's changes to a run, under their names in the metadata."""

_HIDDEN_EVENTS = (
    RequestSent, ResponseChunked, ResponseReceived, ReasoningExtracted, ResponseParsed,
    ToolDispatched,
)  # fmt: skip
"""Events whose content is repeated in a message, a call or a result."""


@dataclass(slots=True)
class Entry:
    """A message with its calls and results, or one `other` event. `turn` is 1-based.

    `is_own` is False if no message was recorded and this one was made up for its calls or results.
    `requests` is the number of requests sent or failed before it.
    """

    seq: int
    turn: int
    message: Message = field(default_factory=lambda: Message("", ""))
    raw: str = ""
    is_own: bool = True
    calls: list[ToolCallProposed] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    other: Event | None = None
    requests: int = 0

    @property
    def text_without_results(self) -> str:
        """Return the message's text, or "" if it only repeats the results."""
        contents = [event.result.content for event in self.results]
        return "" if contents and self.message.text == "\n".join(contents) else self.message.text

    @property
    def is_only_results(self) -> bool:
        """Return whether the message consists only of its results and the text around them."""
        return bool(self.results) and (self.message.role == "tool" or not self.text_without_results)


@dataclass(slots=True)
class Transcript:
    """A whole run, ready to be written. `findings_at` holds the findings of each event."""

    start: RunStarted
    end: RunEnded | None
    entries: list[Entry]
    findings: tuple[Finding, ...]
    findings_at: dict[int, list[Finding]] = field(default_factory=dict)
    call_names: dict[str, str] = field(default_factory=dict)
    """The tool name of each call id, for results that do not name their tool."""

    def __post_init__(self) -> None:
        for event in (event for entry in self.entries for event in entry.calls):
            if event.call.id and event.call.name:
                self.call_names[event.call.id] = event.call.name
        for finding in self.findings:
            self.findings_at.setdefault(finding.seq, []).append(finding)

    def tool_name(self, event: Result) -> str:
        """Return the name of the tool that returned a result, or "" if it is not known."""
        return event.result.name or self.call_names.get(event.result.call_id or "", "")


def transcript_of(events: Sequence[Event], findings: Sequence[Finding] = ()) -> Transcript:
    """Group `events`. Without `findings`, the diagnostics of the events are used."""
    start: RunStarted | None = None
    end: RunEnded | None = None
    grouper = _Grouper()
    derived: list[Finding] = []
    for event in events:
        if isinstance(event, RunStarted) and start is None:
            start = event
        elif isinstance(event, RunEnded):
            end = event
        else:
            grouper.take(event)
        derived.extend(Finding.of(found, event.seq, grouper.turn) for found in event.diagnostics)
    grouper.flush()
    return Transcript(
        start or RunStarted(seq=0), end, grouper.entries, tuple(findings) or tuple(derived)
    )


class _Grouper:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.turn = 0
        self._requests = 0
        self._calls: deque[ToolCallProposed] = deque()
        self._results: deque[Result] = deque()
        self._calling: Entry | None = None
        """The last message, while calls that it announced are still to come."""
        self._reply: Entry | None = None
        """The last message of the model, to which a person may add calls."""

    def take(self, event: Event) -> None:
        self._requests += isinstance(event, (RequestSent, RequestFailed))
        match event:
            case MessageAppended():
                self._message(event)
            case ToolCallProposed():
                self._call(event)
            case ToolReturned() | ToolFailed():
                self._result(event)
            case _ if not isinstance(event, _HIDDEN_EVENTS):
                self._other(event)

    def flush(self) -> None:
        """Give calls and results without a message a message of their own."""
        if self._calls:
            self.turn += 1
            calls = list(self._calls)
            message = Message("assistant", "", calls=len(calls))
            self.entries.append(Entry(calls[0].seq, self.turn, message, is_own=False, calls=calls))
            self._calls.clear()
        for event in self._results:
            message = Message("tool", "", results=1)
            self.entries.append(Entry(event.seq, self.turn, message, is_own=False, results=[event]))
        self._results.clear()

    def _other(self, event: Event) -> None:
        self.entries.append(Entry(event.seq, self.turn, other=event, requests=self._requests))

    def _message(self, event: MessageAppended) -> None:
        message = event.message
        if self._calls and not message.calls:
            self.flush()
        results = [self._results.popleft() for _ in range(min(message.results, len(self._results)))]
        if message.role == "assistant":
            if self._results:
                self.flush()
            self.turn += 1
        turn = self.turn if message.role in ("assistant", "tool") else self.turn + 1
        entry = Entry(event.seq, turn, message, event.raw, results=results, requests=self._requests)
        while self._calls and len(entry.calls) < message.calls:
            entry.calls.append(self._calls.popleft())
        self.entries.append(entry)
        self._calling = entry
        if message.role == "assistant":
            self._reply = entry

    def _result(self, event: Result) -> None:
        """Keep a result for the message to come; of a call that ran twice, only the last one.

        Nothing else runs between the two.
        """
        index = event.call_index
        if index is not None and self._results and self._results[-1].call_index == index:
            self._other(self._results.pop())
        self._results.append(event)

    def _call(self, event: ToolCallProposed) -> None:
        entry = self._calling
        if event.call.verdict == ADDED and self._reply is not None:
            self._reply.calls.append(event)
        elif entry is not None and len(entry.calls) < entry.message.calls:
            entry.calls.append(event)
        else:
            self._calls.append(event)


def text_parts_only(message: Message) -> bool:
    """Return whether the text of `message` contains the content of all its parts."""
    return all(part.kind == "text" for part in message.parts)


def field_reasoning(message: Message) -> list[Reasoning]:
    """Return the reasoning of `message` that is not in its text anyway."""
    return [piece for piece in message.reasoning if piece.span is None]


def metadata_of(transcript: Transcript) -> dict[str, Any]:
    """Return all facts about the run except its messages and tools, without empty values."""
    start, end = transcript.start, transcript.end
    values: dict[str, Any] = {
        "run_id": start.run_id,
        "task": start.task,
        "source_format": start.source_format,
        "parser": start.parser,
        "group_id": start.group_id,
        "parent_run_id": start.parent_run_id,
    }
    if end is not None:
        usage = end.usage
        values |= {
            "status": end.status,
            "stop_reason": end.stop_reason,
            "reward": end.reward,
            "scores": end.scores,
            "usage": {name: getattr(usage, name) for name in usage.__struct_fields__}
            if usage
            else None,
        }
    values["details"] = {**start.details, **(end.details if end else {})}
    values |= _other_facts(transcript.entries)
    masked: dict[str, Any] = mask_secrets(_without_empty(values))
    return masked


def _other_facts(entries: Iterable[Entry]) -> dict[str, Any]:
    facts: dict[str, list[Any]] = {"request_errors": [], "tool_errors": [], "defects": []}
    steered: Counter[str] = Counter()
    for entry in entries:
        event = entry.other
        if event is not None and (name := _PERSON_CHANGES.get(type(event))):
            steered[name] += 1
        cancelled = [one for one in entry.results if isinstance(one, ToolFailed) and one.by]
        steered["calls_cancelled"] += len(cancelled)
        match event:
            case RequestFailed():
                fields = ("turn", "attempt", "status", "message", "body", "chain")
                facts["request_errors"].append(_fields(event, fields))
                steered["requests_cancelled"] += event.by == PERSON
            case ToolErrorRecorded(error=error):
                facts["tool_errors"].append(_without_empty(asdict(error)))
            case SourceDefect():
                facts["defects"].append(_fields(event, ("message", "excerpt", "partial")))
    # Anyone who learns from the run must know that a person intervened in it.
    return {**facts, "steered": dict(+steered)}


def _fields(value: Any, names: Iterable[str]) -> dict[str, Any]:
    return _without_empty({name: getattr(value, name) for name in names})


def _without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_empty(value) if key == "usage" else value
        for key, value in values.items()
        if value not in (None, "", [], {}, ())
    }
