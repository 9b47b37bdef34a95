"""The diagnosis of a whole run: how its parser reads every message, added to the events.

Only diagnostics change: new ones are added, and each replaces an older one with the same code and
place. The events keep their number and order. Works record by record, so nothing is read ahead.
"""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.model.diagnostics import Code, Diagnostic
from hermes_tui.model.events import Event, MessageAppended, RunStarted, ToolCallProposed, copy_event
from hermes_tui.model.messages import Message, Origin, ToolSpec
from hermes_tui.parsers.base import Parser
from hermes_tui.parsers.choice import AUTO, GUESS, guess_parser, named_parser
from hermes_tui.parsers.diagnosis import diagnose
from hermes_tui.parsers.findings_by_place import KnownFindings
from hermes_tui.parsers.finish_reasons import CALLED
from hermes_tui.parsers.text_calls import may_hold_call


class RunDiagnosis:
    """Diagnoses the model's messages in a file with the parser `name`.

    If `name` is `guess`, the parser is the one that the run names, or that its first marker calls
    for. `one_run`: the file holds a single run, so its parser is kept from record to record.
    """

    def __init__(self, name: str, *, one_run: bool) -> None:
        self.name = name
        self._requested = None if name == GUESS else named_parser(name)
        self._one_run = one_run
        self._parser = self._requested
        self._label = self._requested.name if self._requested else ""
        self._tools: tuple[ToolSpec, ...] = ()
        self.guessed: dict[str, int] = {}
        """How many runs each parser was guessed for."""
        self._findings_by_message: dict[int, KnownFindings] = {}
        """The findings in each message, by its number."""
        self._run_parsers: list[str] = []
        """The parser of each run of the latest record, empty if none is known."""

    def parser_of(self, nth: int) -> str:
        """Return the parser that read the run `nth` of the latest record, empty if none."""
        if self._one_run or nth >= len(self._run_parsers):
            return self._parser.name if self._parser else ""
        return self._run_parsers[nth]

    @property
    def requested_name(self) -> str:
        """Return the name of the requested parser, empty if it is guessed."""
        return self._requested.name if self._requested else ""

    @property
    def summary(self) -> str:
        """Return a line about the parsers guessed so far, empty if there are none."""
        return guessed_line(self.guessed)

    def review(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Return the events of one record with the diagnosis of each message added."""
        reviewed = list(events)
        self._run_parsers = []
        for place, event in enumerate(events):
            match event:
                case RunStarted():
                    self._begin(event)
                case MessageAppended() if event.message.role == "assistant":
                    self._review_message(reviewed, place, event)
                case ToolCallProposed() if self._one_run:
                    # In a recording, a call is a separate record.
                    if found := self._findings_by_message.get(event.seq - 1 - event.call.index):
                        reviewed[place] = _without(event, found)
                case _:
                    pass
        return tuple(reviewed)

    def _begin(self, event: RunStarted) -> None:
        self._tools = event.tools
        if self._requested is None and not (self._one_run and self._parser):
            self._parser = None
            if event.parser:
                self._use_parser(_find_parser(event.parser), "named by the run")
        self._run_parsers.append(self._parser.name if self._parser else "")

    def _review_message(self, events: list[Event], place: int, event: MessageAppended) -> None:
        """Add its findings to the message at `place`.

        They replace earlier ones about the same place, in the message and in its calls.
        """
        found = self._diagnosed(event, events, place)
        if not found:
            return
        replacing = KnownFindings(found)
        if self._one_run:
            self._findings_by_message[event.seq] = replacing
        for index in range(place, min(place + 1 + event.message.calls, len(events))):
            events[index] = _without(events[index], replacing)
        known = events[place].diagnostics
        events[place] = copy_event(events[place], diagnostics=(*known, *found))

    def _diagnosed(
        self, event: MessageAppended, events: Sequence[Event], place: int
    ) -> tuple[Diagnostic, ...]:
        message = event.message
        if self._parser is None:
            self._guess(message.text)
        own = events[place + 1 : place + 1 + message.calls]
        calls = [item for item in own if isinstance(item, ToolCallProposed)]
        if not (calls or message.finish_reason or _worth_reading(event)):
            return ()
        native = [item.call for item in calls if item.call.origin is not Origin.TEXT]
        found = diagnose(
            # Without a parser there is no reading of the text to report.
            message.text if self._parser else "",
            parser=self._parser or named_parser(AUTO),
            tools=self._tools,
            native_calls=native,
            finish_reason=_finish_reason(message, len(native)),
            reasoning=message.reasoning,
            known=(*event.diagnostics, *(d for call in calls for d in call.diagnostics)),
            label=self._label,
        )
        if calls and self._tools:
            # The reader of the run reports these for the calls themselves.
            found = tuple(one for one in found if one.code is not Code.SCHEMA_VIOLATION)
        return found

    def _guess(self, text: str) -> None:
        if not may_hold_call(text):
            return
        guess = guess_parser(text)
        if guess.span is None:
            return
        # JSON that looks like a call decides only if nothing precedes it in the message.
        if guess.sure or not text[: guess.span.start].strip():
            self._use_parser(named_parser(guess.name), "guessed")

    def _use_parser(self, parser: Parser | None, how: str) -> None:
        if parser is None:
            return
        self._parser, self._label = parser, f"{parser.name} ({how})"
        self.guessed[parser.name] = self.guessed.get(parser.name, 0) + 1
        if self._run_parsers:
            self._run_parsers[-1] = parser.name


def _without(event: Event, replacing: KnownFindings) -> Event:
    """Return the event without the diagnostics that `replacing` has for the same places."""
    kept = tuple(one for one in event.diagnostics if one.span is None or one not in replacing)
    return event if len(kept) == len(event.diagnostics) else copy_event(event, diagnostics=kept)


def guessed_line(guessed: dict[str, int]) -> str:
    """Return a line about the guessed parsers, with the number of runs of each; empty if none."""
    if not guessed:
        return ""
    if len(guessed) == 1:
        return f"read by {next(iter(guessed))}, guessed from the markers"
    runs = ", ".join(f"{name} ({count} runs)" for name, count in guessed.items())
    return f"parsers guessed from the markers: {runs}"


def _worth_reading(event: MessageAppended) -> bool:
    message = event.message
    return may_hold_call(message.text) or any(may_hold_call(r.text) for r in message.reasoning)


def _finish_reason(message: Message, native: int) -> str:
    """Return the finish reason, or "" if it promises calls that are elsewhere.

    Those calls are in the text or in other records.
    """
    elsewhere = message.calls > native and message.finish_reason in CALLED
    return "" if elsewhere else message.finish_reason


def _find_parser(name: str) -> Parser | None:
    """Return the parser that a run names (`vllm/hermes`, or vLLM's `hermes`), None if unknown."""
    for candidate in (name, f"vllm/{name}"):
        try:
            return named_parser(candidate)
        except KeyError:
            continue
    return None
