"""Model and tools that answer from a recording, so that the same run can be stepped through again.

Each request and call is compared with the recorded one. A difference is reported before it is
answered, and a person decides whether the recorded answer is used all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.prefix import TURNS_BEFORE
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.stepping import Phase, StopPoint
from hermes_tui.formats.streams.sse import looks_like_sse
from hermes_tui.log.codec import MalformedEvent, decode
from hermes_tui.model import events as ev
from hermes_tui.model.errors import SourceError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.plain_values import decode as decode_json
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.runtime.divergence import Divergence, RecordingEnds
from hermes_tui.runtime.named_files import read_file_or_pipe
from hermes_tui.runtime.servers.base import OnPiece, Reply, Request, RequestFailure
from hermes_tui.runtime.tools.base import Answer, CallContext, ToolFailure
from hermes_tui.runtime.writer import can_be_resumed, malformed_line_error, not_a_recording_error

if TYPE_CHECKING:
    from hermes_tui.runtime.branches import Branches
    from hermes_tui.runtime.live_settings import LiveSettings


_CUT_OFF_REASONS = frozenset(
    {"", "terminated", "cancelled", "debugger_failed", "budget", "recording_ends", "not_recorded"}
)
"""Stop reasons of runs that were cut off before their natural end."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as it was sent, and its outcome."""

    messages: tuple[str, ...]
    parameters: str
    answer: ev.ResponseReceived | ev.RequestFailed | None = None
    escaped: str = ""
    """The exception that escaped the loop because of a failure."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call as it was dispatched, and its outcome."""

    name: str
    arguments: str
    answer: ev.ToolReturned | ev.ToolFailed | None = None


@dataclass(slots=True)
class Cassette:
    """The recorded answers of model and tools, by turn and attempt or call index."""

    start: ev.RunStarted
    messages: tuple[dict[str, Any], ...]
    exchanges: dict[tuple[int, int], RecordedRequest] = field(default_factory=dict)
    dispatches: dict[tuple[int, int], RecordedCall] = field(default_factory=dict)
    last: tuple[int, int, int] = (0, 0, 0)
    """The last place in the recording; see `end_before`."""
    ended: str = ""
    """The reason why the run ended; empty if it has not."""
    path: str = ""

    @classmethod
    def of(cls, events: Iterable[ev.Event]) -> Cassette:
        """Return the cassette of a recording; raises ValueError if no run begins in it."""
        state = SessionState()
        cassette: Cassette | None = None
        opening: list[dict[str, Any]] = []
        replies = 0
        parameters = ""
        for event in events:
            state.apply(event)
            match event:
                case ev.RunStarted() if cassette is None:
                    cassette = cls(event, ())
                case ev.RequestSent() if cassette is not None:
                    parameters = event.parameters or parameters
                    place = (event.turn, event.attempt)
                    cassette.exchanges[place] = RecordedRequest(
                        tuple(state.conversation), parameters
                    )
                case ev.MessageAppended() if cassette is not None and state.phase is Phase.READY:
                    opening.append(decode_json(event.raw))
                    replies += event.message.role == "assistant"
                case _ if cassette is not None:
                    cassette._record_answer(event, state)
        if cassette is None:
            raise ValueError("no run begins here")
        cassette.messages = tuple(opening)
        if not cassette.goes_on:
            cassette._shift_turns(replies)
        places = [(turn, 0, attempt) for turn, attempt in cassette.exchanges]
        places += [(turn, 1, index) for turn, index in cassette.dispatches]
        cassette.last = max(places, default=cassette.last)
        return cassette

    @property
    def goes_on(self) -> bool:
        """Whether the recording counts turns and answers open calls as they are today."""
        return TURNS_BEFORE in self.start.details

    def _shift_turns(self, replies: int) -> None:
        """Shift the turn numbers by the number of replies that the run began with."""
        self.exchanges = {(t + replies, n): one for (t, n), one in self.exchanges.items()}
        self.dispatches = {(t + replies, n): one for (t, n), one in self.dispatches.items()}

    def _record_answer(self, event: ev.Event, state: SessionState) -> None:
        place = (state.turn, state.attempt)
        match event:
            case ev.ResponseReceived() | ev.RequestFailed() if place in self.exchanges:
                request = self.exchanges[place]
                self.exchanges[place] = RecordedRequest(request.messages, request.parameters, event)
            case ev.LoopEscaped(exception=exception) if state.reply is None:
                if place in self.exchanges:
                    self.exchanges[place] = replace(self.exchanges[place], escaped=exception)
            case ev.ToolDispatched():
                call = (state.turn, event.call_index)
                self.dispatches[call] = RecordedCall(event.name, event.arguments)
            case ev.CallSkipped() if state.call is not None:
                # A result that a person gave in place of the tool is replayed as its answer.
                skipped = state.call
                call = (state.turn, event.call_index)
                self.dispatches[call] = RecordedCall(skipped.name or "", skipped.arguments.text)
            case ev.RunEnded():
                self.ended = event.stop_reason
                last = self.exchanges.get(place) if self.ended in _CUT_OFF_REASONS else None
                if last and isinstance(last.answer, ev.RequestFailed) and last.answer.by:
                    # The run was abandoned; the request itself did not fail.
                    self.exchanges[place] = RecordedRequest(last.messages, last.parameters)
            case ev.ToolReturned() | ev.ToolFailed():
                call = (state.turn, event.call_index or 0)
                sent = self.dispatches.get(call)
                if sent is not None and sent.answer is None:
                    self.dispatches[call] = RecordedCall(sent.name, sent.arguments, event)
            case _:
                pass

    def end_before(self, place: tuple[int, int, int], what: str) -> RecordingEnds | None:
        """Return the exception for a recording that broke off before `what`.

        `place` is (turn, 0, attempt) for a request, (turn, 1, index) for a call. Return None if the
        recording continues after that place or its run came to its natural end.
        """
        if self.ended not in _CUT_OFF_REASONS or self.last > place:
            return None
        resume = self.path if not self.ended and can_be_resumed(self.start) else ""
        return RecordingEnds(what, reason="recording_ends", resume=resume)


class ReplayServer:
    """Answers requests from a cassette."""

    url = ""

    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        """Return the recorded reply.

        Raises Divergence if the request differs, unless `request.accepted`; RecordingEnds or
        RequestFailure if there is no reply.
        """
        recorded = self._cassette.exchanges.get((request.turn, request.attempt))
        what = f"request {request.turn}, attempt {request.attempt}"
        end = self._cassette.end_before((request.turn, 0, request.attempt), what)
        if recorded is None and end is not None:
            raise end
        if not request.accepted:
            _compare_requests(recorded, request, what)
        answer, escaped = (recorded.answer, recorded.escaped) if recorded else (None, "")
        match answer:
            case ev.ResponseReceived():
                message = await self._message(answer)
                return Reply(
                    answer.raw,
                    message,
                    finish_reason=answer.finish_reason,
                    usage=answer.usage,
                    diagnostics=answer.diagnostics,
                )
            case ev.RequestFailed():
                next_one = (request.turn, request.attempt + 1)
                raise RequestFailure(
                    *(answer.message, answer.status, answer.body, answer.chain, answer.empty),
                    escapes=escaped,
                    may_pass=answer.retryable,
                    is_final=not answer.retryable and next_one not in self._cassette.exchanges,
                )
        if recorded is not None and end is None:
            raise RequestFailure(f"the recording contains no reply to request {request.turn}")
        raise end or RecordingEnds(what)

    async def _message(self, answer: ev.ResponseReceived) -> Any:
        message = _read_message(answer.raw)
        live = self._cassette.start.details.get("live")
        api = live.get("api") if isinstance(live, dict) else ""
        if api not in ("openai", "local", "demo"):
            return message
        from hermes_tui.runtime.servers.openai_sdk import sdk_message

        return await asyncio.to_thread(sdk_message, message)

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _read_message(raw: str) -> Any:
    """Return the message of a recorded body, whether whole or streamed."""
    from hermes_tui.runtime.servers.bodies import read_body
    from hermes_tui.runtime.servers.failures import Exchange
    from hermes_tui.runtime.servers.streams import StreamedReply

    exchange = Exchange("the recording", 0.0, 0.0, status=200)
    exchange.received += raw.encode("utf-8", "surrogatepass")
    if not looks_like_sse(raw):
        return read_body(exchange).message
    stream = StreamedReply(exchange, lambda piece: None)
    stream.feed(bytes(exchange.received))
    return stream.finish(broke_off="").message


def _compare_requests(recorded: RecordedRequest | None, request: Request, what: str) -> None:
    if recorded is None:
        raise Divergence(what, "", _last_or_empty(request.messages))
    if recorded.parameters != request.parameters:
        raise Divergence("the request's parameters", recorded.parameters, request.parameters)
    pairs = enumerate(zip(recorded.messages, request.messages, strict=False), 1)
    for number, (before, now) in pairs:
        if before != now:
            raise Divergence(f"message {number} of the request", before, now)
    if len(recorded.messages) != len(request.messages):
        expected = (
            f"{len(recorded.messages)} messages, the last: {_last_or_empty(recorded.messages)}"
        )
        got = f"{len(request.messages)} messages, the last: {_last_or_empty(request.messages)}"
        raise Divergence("the length of the conversation", expected, got)


def _last_or_empty(messages: Sequence[str]) -> str:
    return messages[-1] if messages else ""


class ReplayTools:
    """Answers calls from a cassette; declares the tools that the recorded run declared."""

    manual: frozenset[str] = frozenset()

    def __init__(self, cassette: Cassette) -> None:
        self._cassette = cassette
        self.specs: tuple[ToolSpec, ...] = cassette.start.tools
        listed = cassette.start.details.get("parameters", {}).get("tools", ())
        self.schemas: tuple[dict[str, Any], ...] = tuple(listed)

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Return the recorded answer.

        Raises Divergence if the call differs, unless `context.accepted`; RecordingEnds if there is
        no answer; ToolFailure if the recorded call failed.
        """
        turn, index = context.turn, context.call_index
        recorded = self._cassette.dispatches.get((turn, index))
        call_text = f"{name}({json_text(arguments)})"
        what = f"call {index + 1} of turn {turn}"
        end = self._cassette.end_before((turn, 1, index), what)
        if recorded is None and end is not None:
            raise end
        if not context.accepted:
            _compare_calls(recorded, name, arguments, call_text, what)
        if recorded is None or recorded.answer is None:
            raise end or RecordingEnds(what)
        result = recorded.answer.result
        context.prints.append(recorded.answer.printed)
        if isinstance(recorded.answer, ev.ToolFailed):
            raise ToolFailure(recorded.answer.exception, recorded.answer.frames)
        value = result.content if result.raw is None else result.raw
        return Answer(value, result.error, result.exit_code)

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _compare_calls(
    recorded: RecordedCall | None, name: str, arguments: Any, call_text: str, what: str
) -> None:
    if recorded is None:
        raise Divergence(what, "", call_text)
    if recorded.name != name or decode_json(recorded.arguments) != arguments:
        raise Divergence(what, f"{recorded.name}({recorded.arguments})", call_text)


def open_replay(settings: LiveSettings, path: Path) -> Branches:
    """Start the recorded run again, with the stops and breakpoints of `settings`."""
    from hermes_tui.runtime.branches import Branches

    cassette = _read(path)
    branches = Branches(
        ReplayServer(cassette),
        ReplayTools(cassette),
        record=settings.record,
        recorded=settings.recorded and settings.record is not None,
        limits=settings.limits,
    )
    branches.start(_start(cassette, settings))
    return branches


def _start(cassette: Cassette, settings: LiveSettings) -> given.Start:
    from hermes_tui.runtime.live import STOPS

    recorded = cassette.start
    details = recorded.details
    valid = details.get("valid_names")
    return given.Start(
        cassette.messages,
        tools=recorded.tools if recorded.tools_declared else None,
        valid_names=None if valid is None else frozenset(valid),
        parameters=details.get("parameters", {}),
        url=details.get("url", ""),
        parser=recorded.parser,
        mode=details.get("mode", "strict"),
        retries=details.get("retries", 0),
        max_turns=details.get("max_turns", 30),
        goes_on=cassette.goes_on,
        task=recorded.task,
        model=recorded.model,
        stop_points=STOPS[settings.stops] | {StopPoint.DIVERGENCE},
        breakpoints=settings.breakpoints,
        details={
            "live": details.get("live", {}),
            "ids_of": details.get("ids_of", recorded.run_id),
        },
    )


def _read(path: Path) -> Cassette:
    try:
        cassette = Cassette.of(_events(path))
    except ValueError as error:
        raise SourceError(str(path), f"cannot be replayed: {error}") from error
    cassette.path = str(path)
    return cassette


def _events(path: Path) -> Iterator[ev.Event]:
    # Anything after the last newline is torn.
    for number, line in enumerate(read_file_or_pipe(path).split(b"\n")[:-1], 1):
        try:
            yield decode(line)
        except MalformedEvent as error:
            if number == 1:
                raise not_a_recording_error(path, "--replay") from error
            raise malformed_line_error(path, number, error, "replayed") from error
