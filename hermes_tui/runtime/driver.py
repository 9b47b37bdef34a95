"""Drives one run: applies inputs to the session, records its events and performs its effects.

    async with Driver(server, tools, recording=recording) as driver:
        driver.put(Start(messages))
        await driver.at_rest()

Every event is in the log and in the recording before the effect that follows from it is performed.
At most one effect is under way; `put` may be called at any time from the same event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
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
from hermes_tui.model.events import PERSON, Event, ResponseReceived, RunStarted
from hermes_tui.parsers.plain_values import decode
from hermes_tui.runtime.divergence import Divergence, RecordingEnds
from hermes_tui.runtime.exception_text import exception_text
from hermes_tui.runtime.live_settings import NO_LIMITS, Limits
from hermes_tui.runtime.partial_reply import Partial
from hermes_tui.runtime.servers.base import Piece, Request, RequestFailure, Server
from hermes_tui.runtime.session_inputs import request_failed, tokens_of, tool_replied
from hermes_tui.runtime.tools.base import CallContext, Toolbox
from hermes_tui.runtime.tools.frames import tool_failed
from hermes_tui.runtime.tools.prints import Prints
from hermes_tui.runtime.working_time import worked_s

if TYPE_CHECKING:
    from hermes_tui.runtime.writer import Recording

CANCELLED = "cancelled by hand"
_CALLER_EXCEPTIONS = (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)
"""Exceptions that are meant for the caller of foreign code, even if that code seems to raise them.
"""


class Driver:
    """A live run. `failure` is the error of our own environment that aborted the run, if any."""

    def __init__(
        self,
        server: Server,
        tools: Toolbox,
        *,
        recording: Recording | None = None,
        events: Sequence[Event] = (),
        limits: Limits = NO_LIMITS,
        task_id: str = "",
        by: str = PERSON,
    ) -> None:
        """`events` are those of a run that is resumed; they are already in the recording.

        `by` names who sends the commands; it is recorded with them.
        """
        self.server, self.tools = server, tools
        self.recording = recording
        self.log = MemoryLog(events)
        self.session = Session.from_events(self.log)
        self.limits = limits
        self.task_id = task_id or uuid4().hex
        self.by = by
        self.partial = Partial()
        self.failure: HermesError | None = None
        self.spent_s = worked_s(self.log)
        """Seconds that requests and tools have taken, including those before a resumption."""
        self.tokens = sum(map(tokens_of, self.log))
        self.working_since: float | None = None
        """When the current effect began, by the monotonic clock; None if there is none."""
        self.on_change: Callable[[], None] = lambda: None
        """Called after every input, and for every piece of a reply that is being streamed."""
        self._user_task = ""
        self.prints = Prints()
        """What the running tool has printed so far."""
        self._work: asyncio.Task[None] | None = None
        self._is_cancelled_by_hand = False
        self._resting = asyncio.Event()
        self.mistake: BaseException | None = None
        """An exception due to a bug of ours, which `at_rest` raises; the log so far is on disk.

        Or CancelledError if foreign code cancelled the task that it runs in."""

    async def __aenter__(self) -> Driver:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Abandon the current effect without an event: the run stops there when it is resumed."""
        work = self._work
        if work is not None:
            self._cancel_work()
            self._work = None
            await asyncio.wait([work])
        if self.recording is not None:
            self.recording.close()

    # Inputs

    def put(self, what: given.Input) -> None:
        """Apply an input. Raises IllegalCommand, and changes nothing, if it is not legal now."""
        if self.failure is not None:
            raise IllegalCommand(str(what.kind), f"aborted: {self.failure}", ())
        if isinstance(what, given.Terminate):
            what = replace(what, partial=self.partial.raw)
        events, effects = self.session.apply(
            what, now=time.time(), new_id=self._new_id(what), by=self.by
        )
        self._write(events)
        if self.failure is None:
            for effect in effects:
                self._start_effect(effect)
        self._update_resting()
        self.on_change()
        self._enforce_token_budget(events)

    @property
    def can_cancel(self) -> bool:
        """Whether a request or a call is under way that `cancel_current` can cancel."""
        return self._is_reply_owed and self.working_since is not None

    @property
    def _is_reply_owed(self) -> bool:
        """Whether the session waits for a reply and would still use it."""
        is_awaited = self.phase in (Phase.REQUESTING, Phase.DISPATCHING)
        return is_awaited and self.failure is None

    def cancel_current(self) -> None:
        """Cancel the running request or call: it fails, and the run stops there.

        The failure is applied once everything that the effect started has ended. Raises
        IllegalCommand if nothing is under way.
        """
        if not self.can_cancel or self._work is None:
            raise IllegalCommand("cancel", str(self.phase), self.session.allowed)
        self._is_cancelled_by_hand = True
        self._work.cancel()

    def _new_id(self, what: given.Input) -> str:
        """Return an id for what the input creates.

        The id of a run is random; any other is the same in every replay of the run.
        """
        if not len(self.log) or isinstance(what, given.Fork):
            return uuid4().hex
        first, state = self.log[0], self.session.state
        seed = first.details.get("ids_of", first.run_id) if isinstance(first, RunStarted) else ""
        return sha256(f"{seed} {state.own_turn} {state.attempt}".encode()).hexdigest()[:12]

    def reopen(self) -> None:
        """Continue after the last of the events that were given to this driver."""
        if Kind.REOPEN in self.session.allowed:
            self.put(given.Reopen())
        self._update_resting()

    async def at_rest(self) -> None:
        """Return once the run is stopped, has ended or was aborted."""
        await self._resting.wait()
        if self.mistake is not None:
            raise self.mistake

    @property
    def phase(self) -> Phase:
        return self.session.state.phase

    def _update_resting(self) -> None:
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
                    self._abort(error)
            self.log.append(event)
            self.tokens += tokens_of(event)

    def _abort(self, failure: HermesError) -> None:
        """Abort the run without another event: nothing is done that cannot be recorded."""
        self.failure = failure
        self._cancel_work()

    def _cancel_work(self) -> None:
        """Cancel the current effect and discard its reply."""
        self._is_cancelled_by_hand = False
        if self._work is not None and self._work is not asyncio.current_task():
            self._work.cancel()

    def _enforce_token_budget(self, events: Sequence[Event]) -> None:
        limit = self.limits.tokens
        if limit is None or self.tokens < limit or self.phase is Phase.ENDED or not events:
            return
        if isinstance(events[0], ResponseReceived):
            self.put(given.Terminate("budget", self.limits.tokens_spent(self.tokens)))

    # Effects

    def _start_effect(self, effect: Effect) -> None:
        match effect:
            case SendRequest() | DispatchTool():
                self.partial.clear()
                # Not with the loop's task factory: an eager one would start within this input.
                self._work = asyncio.Task(self._perform(effect))
                self._work.add_done_callback(self._on_work_done)
            case CancelRequest() | CancelTool():
                self._cancel_work()
            case Finish():
                self._sync_now()

    async def _perform(self, effect: SendRequest | DispatchTool) -> None:
        """Perform an effect and apply its one reply, unless the run was aborted."""
        self._is_cancelled_by_hand = False
        self.working_since = begun = time.monotonic()
        timer = self._start_time_limit()
        try:
            match effect:
                case SendRequest():
                    answer: given.Input = await self._send_request(effect)
                case DispatchTool():
                    answer = await self._dispatch(effect)
        except asyncio.CancelledError as error:
            after_s = time.monotonic() - begun
            if self._is_cancelled_by_hand:
                answer = self._cancelled_answer(effect, after_s)
            elif not _is_cancelled_from_outside():
                answer = self._self_cancelled_answer(effect, error, after_s)
            else:
                raise
        finally:
            if timer is not None:
                timer.cancel()
            self.spent_s += time.monotonic() - begun
            self.working_since = None
        if isinstance(effect, DispatchTool):
            await self._sync()
        if self.failure is None:
            self.put(answer)
        if self.phase is Phase.STOPPED:
            self._sync_now()

    def _cancelled_answer(self, effect: SendRequest | DispatchTool, after_s: float) -> given.Input:
        if isinstance(effect, DispatchTool):
            return given.ToolRaised(CANCELLED, after_s, by=self.by, printed=self.prints.whole)
        return given.RequestFailed(CANCELLED, body=self.partial.raw, by=self.by)

    def _self_cancelled_answer(
        self, effect: SendRequest | DispatchTool, error: BaseException, after_s: float
    ) -> given.Input:
        """Return the input for foreign code that cancelled itself or awaited a cancelled task."""
        text, frames = tool_failed(error)
        if text == asyncio.CancelledError.__name__:
            text += ": cancelled from inside"
        if isinstance(effect, DispatchTool):
            return given.ToolRaised(text, after_s, frames=frames, printed=self.prints.whole)
        return given.RequestFailed(text, body=self.partial.raw, chain=(text,))

    def _on_work_done(self, work: asyncio.Task[None]) -> None:
        mistake = None if work.cancelled() else work.exception()
        if work.cancelled() and work is self._work and self._is_reply_owed:
            # Foreign code cancelled the task that it runs in; that is meant for whoever awaits it.
            mistake = asyncio.CancelledError()
        if mistake is not None:
            self.mistake = mistake
            self._resting.set()
            self.on_change()

    def _start_time_limit(self) -> asyncio.TimerHandle | None:
        if self.limits.time_s is None:
            return None
        left = max(0.0, self.limits.time_s - self.spent_s)
        return asyncio.get_running_loop().call_later(left, self._out_of_time)

    def _out_of_time(self) -> None:
        if self.failure is None and Kind.TERMINATE in self.session.allowed:
            self.put(given.Terminate("budget", self.limits.time_spent()))

    async def _send_request(self, effect: SendRequest) -> given.Input:
        request = Request(
            effect.turn, effect.attempt, effect.messages, effect.parameters, effect.accepted
        )
        if effect.delay_s:
            await asyncio.sleep(effect.delay_s)
        begun = time.monotonic()
        try:
            reply = await self.server.reply(request, self._on_piece)
        except RequestFailure as failure:
            return request_failed(failure, request)
        except (Divergence, RecordingEnds) as found:
            return found.as_input()
        except _CALLER_EXCEPTIONS:
            raise
        except BaseException as error:  # noqa: BLE001 - an adapter's mistake must not lose the run
            return given.RequestFailed(exception_text(error), chain=(exception_text(error),))
        return given.ModelReplied(
            reply.raw,
            reply.message,
            finish_reason=reply.finish_reason,
            usage=reply.usage,
            duration_s=time.monotonic() - (begun if reply.sent_s is None else reply.sent_s),
            diagnostics=reply.diagnostics,
            sequences=reply.sequences,
        )

    def _on_piece(self, piece: Piece) -> None:
        self.partial.add(piece)
        self.on_change()

    async def _dispatch(self, effect: DispatchTool) -> given.Input:
        self.prints = Prints()
        # The intent must be on disk before the tool can do anything that lasts.
        await self._sync()
        if self.failure is not None:
            # The tool must not run. The reply is ignored: an aborted run takes none.
            return given.ToolRaised(str(self.failure))
        context = CallContext(
            self.task_id,
            self._first_user_text(),
            effect.call_id,
            turn=self.session.state.turn,
            call_index=effect.call_index,
            accepted=effect.accepted,
            prints=self.prints,
        )
        begun = time.monotonic()
        try:
            answer = await self.tools.call(effect.name, decode(effect.arguments), context)
        except (Divergence, RecordingEnds) as found:
            return found.as_input()
        except _CALLER_EXCEPTIONS:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a tool raises is its own
            after_s = time.monotonic() - begun
            text, frames = tool_failed(error)
            return given.ToolRaised(text, after_s, frames=frames, printed=self.prints.whole)
        return tool_replied(answer, time.monotonic() - begun, self.prints.whole)

    def _first_user_text(self) -> str:
        """Return the text of the first user message as tools receive it, at most 500 characters."""
        if not self._user_task:
            messages: list[Any] = [decode(text) for text in self.session.state.conversation[:20]]
            first_user = next(
                (m for m in messages if isinstance(m, dict) and m.get("role") == "user"), {}
            )
            content = first_user.get("content")
            self._user_task = content.strip()[:500] if isinstance(content, str) else ""
        return self._user_task

    # The recording

    async def _sync(self) -> None:
        if self.recording is None or self.failure is not None:
            return
        try:
            await asyncio.to_thread(self.recording.sync)
        except StoreError as error:
            self._abort(error)
            self._update_resting()

    def _sync_now(self) -> None:
        if self.recording is None or self.failure is not None:
            return
        try:
            self.recording.sync()
        except StoreError as error:
            self._abort(error)


def _is_cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
