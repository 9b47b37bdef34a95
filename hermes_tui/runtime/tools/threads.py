"""Thread pools, above all for blocking tools, in which a hanging thread does no harm.

The threads are daemons, so that the interpreter exits without them. A thread whose call was
cancelled no longer counts, so that hanging tools do not exhaust the pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from hermes_tui.runtime.exception_text import exception_text
from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.frames import tool_frames

DEFAULT_SIZE = 128
"""The size in the observed loop: enough for 89 concurrent runs of one evaluation."""
IDLE_S = 30.0


class _Job:
    __slots__ = ("context", "function", "future", "is_abandoned", "is_done", "loop")

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.context = contextvars.copy_context()
        self.is_abandoned = False
        self.is_done = False

    def work(self) -> None:
        if self.future.cancelled():
            return
        value, failure = None, None
        try:
            value = self.context.run(self.function)
        except BaseException as error:  # noqa: BLE001  a tool may raise anything, even SystemExit
            failure = as_exception(error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self.loop.call_soon_threadsafe(self._deliver, value, failure)

    def _deliver(self, value: Any, failure: Exception | None) -> None:
        if self.future.done():
            return
        if failure is None:
            self.future.set_result(value)
        else:
            self.future.set_exception(failure)


def as_exception(error: BaseException) -> Exception:
    """Return `error`, or a ToolFailure with its text if raising it would end more than the call."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return ToolFailure(exception_text(error), tool_frames(error))


class DaemonPool:
    """Runs functions in at most `size` threads, which are started as needed."""

    def __init__(self, size: int = DEFAULT_SIZE) -> None:
        if size < 1:
            raise ValueError(f"a pool needs at least 1 thread, not {size}")
        self.size = size
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._threads = 0
        self._idle = 0
        self._is_retiring = False
        self._is_closed = False

    async def run(self, function: Callable[[], Any]) -> Any:
        """Return or raise the result of `function`; a cancellation abandons its thread."""
        job = _Job(function)
        self._submit(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            self._abandon(job)
            raise

    def submit(self, function: Callable[[], Any]) -> asyncio.Future[Any]:
        """Return a future for the result of `function`, which may never run if it is cancelled."""
        job = _Job(function)
        self._submit(job)
        return job.future

    def close(self) -> None:
        """Let the threads end once no job is left; does not wait for them."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def end_idle(self) -> None:
        """End the idle threads; later calls start new ones."""
        with self._changed:
            self._is_retiring = True
            self._changed.notify_all()

    def _submit(self, job: _Job) -> None:
        with self._changed:
            if self._is_closed:
                raise ToolFailure("RuntimeError: the thread pool of the tools is closed")
            self._jobs.append(job)
            self._is_retiring = False
            self._changed.notify()
            self._start_if_short()

    def _start_if_short(self) -> None:
        if self._idle < len(self._jobs) and self._threads < self.size:
            threading.Thread(target=self._work, name="tool", daemon=True).start()
            self._threads += 1

    def _abandon(self, job: _Job) -> None:
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
            elif not job.is_done:
                job.is_abandoned = True
                self._threads -= 1
                self._start_if_short()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.work()
            with self._changed:
                job.is_done = True
                if job.is_abandoned:
                    return

    def _next(self) -> _Job | None:
        """Wait for a job; return None if this thread has to end, which then no longer counts."""
        woken = True
        with self._changed:
            while not self._jobs:
                if self._is_closed or self._is_retiring or not woken:
                    self._threads -= 1
                    return None
                self._idle += 1
                woken = self._changed.wait(IDLE_S)
                self._idle -= 1
            return self._jobs.popleft()


_pool = DaemonPool()


def tool_pool() -> DaemonPool:
    """Return the pool that all tools share."""
    return _pool


def resize_tool_pool(max_workers: int) -> None:
    """Replace the shared pool by one of `max_workers` threads.

    Running and waiting jobs of the old pool are finished there; this does not wait for them.
    """
    global _pool
    old, _pool = _pool, DaemonPool(max_workers)
    old.close()


async def run_to_completion(function: Callable[[], Any], interrupt: Callable[[], None]) -> Any:
    """Run a function in the shared pool; on cancellation call `interrupt` and wait for its end."""
    running = tool_pool().submit(function)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        interrupt()
        await asyncio.wait({running})
        raise
