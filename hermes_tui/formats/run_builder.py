"""The builder of runs: a format reports what a record holds, and the events are numbered here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.refused_requests import refusal_hint
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RequestFailed,
    RunEnded,
    RunStarted,
    SourceDefect,
    ToolCallProposed,
    ToolReturned,
    copy_event,
)
from hermes_tui.model.messages import ToolSpec, Usage
from hermes_tui.model.spans import ByteRange, SourceRef
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message

_BEFORE_ROLE = frozenset({"content", "created_at", "id", "name", "reasoning", "reasoning_content"})
"""The members that may precede the role in a message whose keys are sorted."""


@dataclass(slots=True)
class RunBuilder:
    """Collects the events of one record and numbers them.

    `record` is the record's byte range; pointers are JSON Pointers into its value.
    """

    record: ByteRange
    first_seq: int = 0
    is_first: bool = True
    line_ranges: tuple[ByteRange, ...] = ()
    source_format: str = ""
    events: list[Event] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Defects of the record's bytes, as pairs of message and excerpt; reported in the first run."""
    notes: tuple[Diagnostic, ...] = ()
    """Oddities of the bytes that the format is known to write; noted where the first run begins."""
    unit: Unit = Unit.RUNS
    """What a record holds in this file; some formats come in both forms."""
    sidecars: Mapping[str, Any] = field(default_factory=dict)
    """The values of the existing sidecars; for an unreadable one, a text with the reason."""
    is_last: bool = False
    """Whether nothing follows the record any more."""
    lines_before: Callable[[], Iterable[bytes]] = tuple
    """Returns the lines of earlier turns, the latest first, up to some megabytes of them."""
    likeness: Callable[[ByteRange], str] | None = None
    """Returns what else a defective record or line looks like, to be added to the message."""
    tools: tuple[ToolSpec, ...] = ()
    """The tools that the current run declares."""
    _seq: int = -1

    def __post_init__(self) -> None:
        self._seq = self.first_seq

    @property
    def is_used(self) -> bool:
        """Return whether anything was found in the record."""
        return bool(self.events)

    @property
    def has_run(self) -> bool:
        """Return whether a run was opened."""
        return any(isinstance(event, RunStarted) for event in self.events)

    def forget(self) -> None:
        """Drop everything read from the record so far."""
        self.events.clear()
        self._seq = self.first_seq

    @property
    def is_opening(self) -> bool:
        """Return whether the single run of a file of parts has yet to be opened."""
        return self.is_first and not self.is_used

    def locate(self, index: int) -> None:
        """Locate the events that follow at line `index` of a WHOLE_LINES record."""
        if index < len(self.line_ranges):
            self.record = self.line_ranges[index]

    def placed(self, value: Any, pointer: str = "") -> Iterator[tuple[str, int, Any]]:
        """Yield the pointer, the line and the value of each element of a list at `pointer`.

        Anything but a list is yielded whole. In a record of all lines, each element is a line.
        """
        if not isinstance(value, list):
            yield pointer, 0, value
            return
        for index, one in enumerate(value):
            yield (pointer, index, one) if self.line_ranges else (f"{pointer}/{index}", 0, one)

    def at(self, pointer: str = "") -> SourceRef:
        return SourceRef(self.record, pointer)

    def next_seq(self) -> int:
        seq = self._seq
        self._seq += 1
        return seq

    def start(
        self,
        *,
        run_id: str = "",
        task: str = "",
        model: str = "",
        tools: tuple[ToolSpec, ...] | None = None,
        parser: str = "",
        group_id: str = "",
        parent_run_id: str = "",
        lone_reply: bool = False,
        details: Mapping[str, Any] | None = None,
        pointer: str = "",
        ts: float | None = None,
        diagnostics: tuple[Diagnostic, ...] = (),
    ) -> None:
        """Open a run and restart the numbering. `tools` is None if they are not known.

        Members of the source keep their names in `details`. What a reader names itself has one of
        the common names: agent, models, provider, parameters, session, conversation, user, tags,
        environment, version, cost_usd, latency_s, worked_s, branch_of, goes_on_from, called_by,
        called_by_tool, subagents (run ids by the ids of the calls that started them), gold_….

        In a file read as a single run, any further opening is a part of that run, and the numbering
        continues.
        """
        if self.unit is Unit.RUNS:
            self._seq = 0
        self.tools = tools or ()
        notes, self.notes = self.notes, ()
        self.events.append(
            RunStarted(
                seq=self.next_seq(),
                ts=ts,
                at=self.at(pointer),
                run_id=run_id,
                task=title(task),
                model=model,
                tools=tools or (),
                tools_declared=tools is not None,
                source_format=self.source_format,
                parser=parser,
                group_id=group_id,
                parent_run_id=parent_run_id,
                lone_reply=lone_reply,
                details=dict(details or {}),
                diagnostics=diagnostics + notes,
            )
        )
        self.flush_problems()

    def flush_problems(self) -> None:
        """Report the defects of the record's bytes, unless that has been done already."""
        problems, self.problems = self.problems, []
        for message, excerpt in problems:
            alike = self._likeness_text() if not self.line_ranges else ""
            self.add(SourceDefect, message=message + alike, excerpt=excerpt)

    def message(
        self,
        raw: Any,
        *,
        pointer: str = "",
        text_calls: TextCalls = TextCalls.SUSPECT,
        role: str | None = None,
        ts: float | None = None,
    ) -> None:
        """Normalise one message-like JSON value and append it with its calls and results."""
        self.append(normalise_message(raw, text_calls=text_calls, role=role), pointer, ts=ts)

    def append(self, parts: Normalised, pointer: str = "", *, ts: float | None = None) -> None:
        """Append a message that is already normalised: its results, then the message, then its
        calls."""
        if parts.unread and self.tools:
            from hermes_tui.parsers.unread_calls import with_unread

            parts = with_unread(parts, self.tools)
        at = SourceRef(self.record, pointer)
        if ts is None:
            ts = parts.message.time_s
        add = self.events.append
        seq = self._seq
        for result, found in parts.results:
            add(ToolReturned(seq=seq, ts=ts, at=at, result=result, diagnostics=found))
            seq += 1
        add(
            MessageAppended(
                seq=seq, ts=ts, at=at, message=parts.message, diagnostics=parts.diagnostics
            )
        )
        seq += 1
        for call, found in parts.calls:
            add(ToolCallProposed(seq=seq, ts=ts, at=at, call=call, diagnostics=found))
            seq += 1
        self._seq = seq

    def messages(self, raws: Iterable[Any], pointer: str) -> None:
        """Append each message of a list at `pointer`; anything but an object is a defect."""
        self.append_each(raws, pointer, self._one_of_messages, TextCalls.SUSPECT)

    def part(self, value: Any) -> None:
        """Append a record of a file that is one run: a message, or occasionally several."""
        if self.is_opening:
            self.start(task=fields.title_of(value if isinstance(value, list) else [value]))
        if isinstance(value, list):
            self.messages(value, "")
        elif isinstance(value, dict) and ("role" in value or _lacks_only_role(value)):
            self.message(value)
        else:
            self.defect("not a message", value)

    def append_each(
        self,
        raws: Iterable[Any],
        pointer: str,
        append: Callable[[int, Any, str], None],
        text_calls: TextCalls,
    ) -> None:
        """Append a list of messages, passing the index, the message and its pointer to `append`.

        `text_calls` is how `append` reads calls in the text of replies.
        """
        for index, raw in enumerate(raws):
            append(index, raw, f"{pointer}/{index}")

    def _one_of_messages(self, _: int, raw: Any, pointer: str) -> None:
        self.append_element(raw, pointer)

    def append_element(
        self, raw: Any, pointer: str, text_calls: TextCalls = TextCalls.SUSPECT
    ) -> None:
        """Append an element of a list of messages; anything but an object is a defect."""
        if isinstance(raw, dict):
            self.message(raw, pointer=pointer, text_calls=text_calls)
        else:
            self.defect("not a message", raw, pointer=pointer)

    def add(self, event_type: Any, *, pointer: str = "", **fields: Any) -> None:
        """Append any other event (`RequestFailed`, `ToolErrorRecorded`, …)."""
        self.events.append(event_type(seq=self.next_seq(), at=self.at(pointer), **fields))

    def request_failed(
        self,
        text: str,
        *,
        otherwise: str = "the request failed",
        severity: Severity = Severity.ERROR,
        **fields: Any,
    ) -> None:
        """Append a failed request. The finding is the first line of `text`, the error."""
        found = Diagnostic(
            Code.REQUEST_ERROR, severity, title(text) or otherwise, hint=refusal_hint(text)
        )
        self.add(RequestFailed, message=text, diagnostics=(found,), **fields)

    def take(self, event: Event) -> None:
        """Append an existing event with a new number; a recording may have torn lines."""
        self.events.append(copy_event(event, seq=self.next_seq()))

    def defect(
        self, message: str, value: Any = "", *, pointer: str = "", line: int | None = None
    ) -> None:
        """Report a malformed value, with its beginning, and locate it at `line` if that is given.

        In a record of all lines the message names the byte offset of its line.
        """
        if line is not None:
            self.locate(line)
        if not pointer:
            message += self._likeness_text()
        if self.line_ranges:
            message = f"byte {self.record.start:,} of the file: {message}"
        self.add(SourceDefect, message=message, excerpt=fields.excerpt(value), pointer=pointer)

    def _likeness_text(self) -> str:
        is_whole = bool(self.line_ranges) or not self.is_used
        return self.likeness(self.record) if self.likeness is not None and is_whole else ""

    def end(
        self,
        *,
        status: str = "unknown",
        stop_reason: str = "",
        reward: float | None = None,
        scores: Mapping[str, float] | None = None,
        usage: Usage | None = None,
        details: Mapping[str, Any] | None = None,
        duration_s: float | None = None,
        by_call: bool = False,
        ts: float | None = None,
    ) -> None:
        """Close the run, with what the source records about its outcome. Optional.

        Only the first line of `stop_reason` is kept, as of the `task` of a run.
        """
        self.events.append(
            RunEnded(
                seq=self.next_seq(),
                ts=ts,
                at=self.at(),
                status=status,
                stop_reason=title(stop_reason),
                reward=reward,
                scores=dict(scores or {}),
                usage=usage,
                details=dict(details or {}),
                duration_s=duration_s,
                by_call=by_call,
            )
        )

    def end_with(self, outcome: Mapping[str, Any] | None) -> None:
        """Close the run with the arguments of `end` that `outcome_of` found, if any."""
        if outcome is not None:
            self.end(**outcome)


def _lacks_only_role(value: Mapping[str, Any]) -> bool:
    """Return whether a record is a message without its role, as when sorted keys are cut off."""
    return bool(value.get("content")) and value.keys() <= _BEFORE_ROLE
