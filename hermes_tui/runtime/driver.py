"""Drives one run: writes down what the session says, then does what it wants done.

    async with Driver(server, tools, recording=recording) as driver:
        driver.put(Start(messages))
        await driver.at_rest()

Every event is in the log and in the recording before the effect that follows from it is performed.
One effect is under way at most; `put` may be called at any time from the same event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.effects import (
    CancelRequest,
    CancelTool,
    DispatchTool,
    Effect,
    Finish,
    SendRequest,
)
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import Kind, Phase
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.model.errors import HermesError, IllegalCommand, StoreError
from hermes_tui.model.events import Event, ResponseReceived, RunStarted
from hermes_tui.parsers.plain_values import decode, json_text
from hermes_tui.parsers.tool_errors import judge
from hermes_tui.runtime.divergence import Divergence, RecordingEnds
from hermes_tui.runtime.live_settings import NO_LIMITS, Limits
from hermes_tui.runtime.partial_reply import Partial
from hermes_tui.runtime.servers.base import Piece, Request, RequestFailure, Server
from hermes_tui.runtime.tools.base import Answer, CallContext, Toolbox, ToolFailure
from hermes_tui.runtime.working_time import worked_s

if TYPE_CHECKING:
    from hermes_tui.runtime.writer import Recording

RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Answers after which asking once more can help; so can it after a lost connection."""


class Driver:
    """A run that happens. `failure` is what went wrong in our own environment: it ended the run."""

    def __init__(
        self,
        server: Server,
        tools: Toolbox,
        *,
        recording: Recording | None = None,
        events: Sequence[Event] = (),
        limits: Limits = NO_LIMITS,
        task_id: str = "",
    ) -> None:
        """`events` are those of a run that is gone on with; they stand in the recording already."""
        self.server, self.tools = server, tools
        self.recording = recording
        self.log = MemoryLog(events)
        self.session = Session.from_events(self.log)
        self.limits = limits
        self.task_id = task_id or uuid4().hex
        self.partial = Partial()
        self.failure: HermesError | None = None
        self.spent_s = worked_s(self.log)
        """Seconds that requests and tools took, with what was done before this driver."""
        self.tokens = sum(map(_tokens_of, self.log))
        self.working_since: float | None = None
        """When the effect that is under way began, by the monotonic clock."""
        self.on_change: Callable[[], None] = lambda: None
        """Called after every input, and for every piece of a reply that is being streamed."""
        self._user_task = ""
        self._work: asyncio.Task[None] | None = None
        self._resting = asyncio.Event()
        self.mistake: BaseException | None = None
        """A mistake of our own, which `at_rest` raises; the log up to it is on the disk."""

    async def __aenter__(self) -> Driver:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give up what is under way, without an event: a run that is gone on with stands there."""
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            await asyncio.wait([work])
        if self.recording is not None:
            self.recording.close()

    # In

    def put(self, what: given.Input) -> None:
        """Apply an input; raises IllegalCommand, having changed nothing, where it is not legal."""
        if self.failure is not None:
            raise IllegalCommand(str(what.kind), f"broken off: {self.failure}", ())
        events, effects = self.session.apply(what, now=time.time(), new_id=self._new_id(what))
        self._write(events)
        if self.failure is None:
            for effect in effects:
                self._begin(effect)
        self._rest_or_not()
        self.on_change()
        self._check_tokens(events)

    def _new_id(self, what: given.Input) -> str:
        """Return an id for what has none: random for a run, else the same in every replay of it."""
        if not len(self.log) or isinstance(what, given.Fork):
            return uuid4().hex
        first, state = self.log[0], self.session.state
        seed = first.details.get("ids_of", first.run_id) if isinstance(first, RunStarted) else ""
        return sha256(f"{seed} {state.turn} {state.attempt}".encode()).hexdigest()[:12]

    def reopen(self) -> None:
        """Go on where the events that this driver was made with end."""
        if Kind.REOPEN in self.session.allowed:
            self.put(given.Reopen())
        self._rest_or_not()

    async def at_rest(self) -> None:
        """Return once the run is stopped, has ended, or was broken off."""
        await self._resting.wait()
        if self.mistake is not None:
            raise self.mistake

    @property
    def phase(self) -> Phase:
        return self.session.state.phase

    def _rest_or_not(self) -> None:
        if self.failure is not None or self.phase in (Phase.STOPPED, Phase.ENDED):
            self.log.complete = self.failure is not None or self.phase is Phase.ENDED
            self._resting.set()
        else:
            self._resting.clear()

    def _write(self, events: Sequence[Event]) -> None:
        for event in events:
            if self.recording is not None and self.failure is None:
                try:
                    self.recording.append(event)
                except StoreError as error:
                    self._break_off(error)
            self.log.append(event)
            self.tokens += _tokens_of(event)

    def _break_off(self, failure: HermesError) -> None:
        """End the run without another word: what cannot be recorded is not done."""
        self.failure = failure
        if self._work is not None and self._work is not asyncio.current_task():
            self._work.cancel()

    def _check_tokens(self, events: Sequence[Event]) -> None:
        limit = self.limits.tokens
        if limit is None or self.tokens < limit or self.phase is Phase.ENDED or not events:
            return
        if isinstance(events[0], ResponseReceived):
            self.put(given.Terminate("budget", self.limits.tokens_spent(self.tokens)))

    # Out

    def _begin(self, effect: Effect) -> None:
        match effect:
            case SendRequest() | DispatchTool():
                # Not by the loop's factory: that may begin it at once, in the middle of this input.
                self._work = asyncio.Task(self._perform(effect))
                self._work.add_done_callback(self._performed)
            case CancelRequest() | CancelTool():
                if self._work is not None and self._work is not asyncio.current_task():
                    self._work.cancel()
            case Finish():
                self._sync_now()

    async def _perform(self, effect: SendRequest | DispatchTool) -> None:
        """Perform an effect and put in the one reply that it owes, unless the run is over."""
        self.working_since = time.monotonic()
        timer = self._limit_time()
        try:
            match effect:
                case SendRequest():
                    answer: given.Input = await self._ask(effect)
                case DispatchTool():
                    answer = await self._dispatch(effect)
        finally:
            if timer is not None:
                timer.cancel()
            self.spent_s += time.monotonic() - self.working_since
            self.working_since = None
        if isinstance(effect, DispatchTool):
            await self._sync()
        if self.failure is None:
            self.put(answer)
        if self.phase is Phase.STOPPED:
            self._sync_now()

    def _performed(self, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and (mistake := work.exception()) is not None:
            self.mistake = mistake
            self._resting.set()
            self.on_change()

    def _limit_time(self) -> asyncio.TimerHandle | None:
        if self.limits.time_s is None:
            return None
        left = max(0.0, self.limits.time_s - self.spent_s)
        return asyncio.get_running_loop().call_later(left, self._out_of_time)

    def _out_of_time(self) -> None:
        if self.failure is None and Kind.TERMINATE in self.session.allowed:
            self.put(given.Terminate("budget", self.limits.time_spent()))

    async def _ask(self, effect: SendRequest) -> given.Input:
        self.partial.clear()
        request = Request(
            effect.turn, effect.attempt, effect.messages, effect.parameters, effect.accepted
        )
        if effect.delay_s:
            await asyncio.sleep(effect.delay_s)
        begun = time.monotonic()
        try:
            reply = await self.server.reply(request, self._piece)
        except RequestFailure as failure:
            return _failed(failure)
        except (Divergence, RecordingEnds) as found:
            return found.as_input()
        except Exception as error:  # noqa: BLE001 - an adapter's mistake must not lose the run
            return given.RequestFailed(f"{type(error).__name__}: {error}", chain=(repr(error),))
        return given.ModelReplied(
            reply.raw,
            reply.message,
            finish_reason=reply.finish_reason,
            usage=reply.usage,
            duration_s=time.monotonic() - begun,
            diagnostics=reply.diagnostics,
            sequences=reply.sequences,
        )

    def _piece(self, piece: Piece) -> None:
        self.partial.add(piece)
        self.on_change()

    async def _dispatch(self, effect: DispatchTool) -> given.Input:
        # The intent must be on the disk before the tool can do anything that lasts.
        await self._sync()
        if self.failure is not None:
            # Nobody hears this: a run that is broken off takes no answer. Its tool must not run.
            return given.ToolRaised(str(self.failure))
        context = CallContext(
            self.task_id,
            self._task(),
            effect.call_id,
            turn=self.session.state.turn,
            call_index=effect.call_index,
            accepted=effect.accepted,
        )
        begun = time.monotonic()
        try:
            answer = await self.tools.call(effect.name, decode(effect.arguments), context)
        except (Divergence, RecordingEnds) as found:
            return found.as_input()
        except ToolFailure as failure:
            return given.ToolRaised(str(failure), time.monotonic() - begun)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a tool raises is its own
            return given.ToolRaised(f"{type(error).__name__}: {error}", time.monotonic() - begun)
        return _replied(answer, time.monotonic() - begun)

    def _task(self) -> str:
        """Return the first user message, as tools are told it."""
        if not self._user_task:
            messages: list[Any] = [decode(text) for text in self.session.state.conversation[:20]]
            said = next(
                (m for m in messages if isinstance(m, dict) and m.get("role") == "user"), {}
            )
            content = said.get("content")
            self._user_task = content.strip()[:500] if isinstance(content, str) else ""
        return self._user_task

    # On the disk

    async def _sync(self) -> None:
        if self.recording is None or self.failure is not None:
            return
        try:
            await asyncio.to_thread(self.recording.sync)
        except StoreError as error:
            self._break_off(error)
            self._rest_or_not()

    def _sync_now(self) -> None:
        if self.recording is None or self.failure is not None:
            return
        try:
            self.recording.sync()
        except StoreError as error:
            self._break_off(error)


def _tokens_of(event: Event) -> int:
    if not isinstance(event, ResponseReceived) or event.usage is None:
        return 0
    return (event.usage.prompt_tokens or 0) + (event.usage.completion_tokens or 0)


def _replied(answer: Answer, duration_s: float) -> given.ToolReplied:
    is_text = isinstance(answer.value, str)
    content = answer.value if is_text else json_text(answer.value)
    verdict = judge(content)
    return given.ToolReplied(
        content,
        error=answer.error or verdict.error,
        exit_code=verdict.exit_code if answer.exit_code is None else answer.exit_code,
        duration_s=duration_s,
        raw=None if is_text else answer.value,
        is_text=is_text,
    )


def _failed(failure: RequestFailure) -> given.RequestFailed:
    lost_connection = failure.status is None and not failure.empty
    return given.RequestFailed(
        failure.message,
        status=failure.status,
        body=failure.body,
        chain=failure.chain,
        empty=failure.empty,
        diagnostics=failure.diagnostics,
        retryable=lost_connection or failure.status in RETRYABLE,
        retry_in_s=failure.retry_after_s,
    )
