"""Your own `AgentLoop` on the live screen, with its server and tools and every stop and edit.

result = await debug(AgentLoop(server, schemas, names, tool_handler=run_tool), messages)
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hermes_tui.cli.stderr import print_notice
from hermes_tui.cli.terminal import check_draws, report_end_signal
from hermes_tui.model.errors import HermesError, UsageError
from hermes_tui.runtime.agent_loop import AgentLoop, AgentResult
from hermes_tui.runtime.live import STOPS

if TYPE_CHECKING:
    from hermes_tui.runtime.branches import Branches

_SCREEN_SIGNALS = (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)
"""Signals that Textual handles without restoring the previous handlers."""


async def debug(
    loop: AgentLoop, messages: list[dict[str, Any]], *, stops: str = "step"
) -> AgentResult:
    """Run `loop` on the live screen and return the result of the branch that was shown last.

    With `stops` "step" it stops before every call, with "run" only when something goes wrong. It
    also stops at the breakpoints of the loop's own debugger, whose `decide` is not called: the user
    decides. Leaving the screen before the end cancels the run. The recording goes to `loop.record`,
    by default into the platform's state folder.
    Raises UsageError for other `stops`, HermesError without a terminal or if the run was aborted.
    """
    if stops not in STOPS:
        raise UsageError(f"unknown stops {stops!r}", " or ".join(STOPS))
    _check_terminal()
    from hermes_tui.cli.open import make_config
    from hermes_tui.runtime.branches import Branches
    from hermes_tui.runtime.terminal_shield import shielded_terminal
    from hermes_tui.ui.live_app import LiveApp

    server, tools, start = loop.parts(messages)
    branches = Branches(server, tools, record=loop.recording_path(), task_id=loop.task_id)

    async def started_branches() -> Branches:
        branches.start(replace(start, stop_points=STOPS[stops]))
        return branches

    app = LiveApp(started_branches, make_config(""), label=type(loop.server).__name__)
    with _cancellation_kept(), _signal_handlers_restored(), shielded_terminal() as size:
        await app.run_async(size=size)
    report_end_signal(app.ended_by)
    for line in app.last_words:
        print_notice(line)
    if broken := app.failure or app.abort_reason:
        raise broken
    if not branches.all:
        raise HermesError("left before the run began")
    branch = app.live_feed.branch or branches.all[0]
    return loop.result(server, messages, branch.log, branch.path)


def _check_terminal() -> None:
    from hermes_tui.runtime.terminal_shield import is_shielded

    if threading.current_thread() is not threading.main_thread():
        raise HermesError("a screen needs the main thread", "await debug(…) there")
    if is_shielded():
        raise HermesError("another run is using the screen", "debug one after the other")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise HermesError("no terminal to debug on", "await loop.run(messages) needs none")
    check_draws()


@contextmanager
def _cancellation_kept() -> Iterator[None]:
    """Raise CancelledError at the end if the task was cancelled: the app takes that as a request
    to quit, and swallows it."""
    task = asyncio.current_task()
    assert task is not None, "a coroutine that runs"
    before = task.cancelling()
    yield
    if task.cancelling() > before:
        raise asyncio.CancelledError


@contextmanager
def _signal_handlers_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SCREEN_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
