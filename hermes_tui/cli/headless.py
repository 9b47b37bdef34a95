"""`hermes-tui live --headless`: the same engine without a screen, an event a line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, BinaryIO

from hermes_tui.cli.saying import say
from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.stepping import Phase, StopPoint
from hermes_tui.log.codec import encode
from hermes_tui.model.events import RequestFailed, RunEnded, Stopped
from hermes_tui.runtime.live import open_branches
from hermes_tui.runtime.live_settings import LiveSettings
from hermes_tui.runtime.terminal_shield import reserved_output

if TYPE_CHECKING:
    from hermes_tui.log.event_log import EventLog
    from hermes_tui.runtime.branches import Branch

FINISHED, ENDED, STOPPED, DIVERGED, SPENT = 0, 1, 4, 5, 6


def run_headless(settings: LiveSettings) -> int:
    """Run to the end or the first stop, print every event, and return the exit code."""
    with reserved_output() as output:
        return asyncio.run(_run(settings, output))


async def _run(settings: LiveSettings, output: BinaryIO) -> int:
    branches = await open_branches(settings)
    try:
        branch = branches.all[0]
        driver = branch.driver
        log = driver.log

        def write(length: int) -> None:
            output.write(encode(log[length - 1]))

        for length in range(1, len(log) + 1):
            write(length)
        log.on_append(write)

        def flush() -> None:
            # What a reader that went away made fail is not tried again.
            if driver.mistake is None:
                output.flush()

        driver.on_change = flush
        flush()
        try:
            await driver.at_rest()
        except asyncio.CancelledError:
            if driver.phase not in (Phase.STOPPED, Phase.ENDED, Phase.READY):
                driver.put(given.Terminate())
            raise KeyboardInterrupt from None
        return _report(branch)
    finally:
        await branches.close()


def _report(branch: Branch) -> int:
    """Say on stderr how the run stands, and return its exit code."""
    driver = branch.driver
    if driver.failure is not None:
        raise driver.failure
    last = driver.log[len(driver.log) - 1]
    where = f"; recorded in {branch.path}" if branch.path else ""
    match last:
        case Stopped():
            on = f" ({', '.join(last.breakpoints)})" if last.breakpoints else ""
            hint = f"; go on with `hermes-tui live --resume {branch.path}`" if branch.path else ""
            say(f"stopped at {last.stop_point}{on}{hint}")
            return DIVERGED if last.stop_point == StopPoint.DIVERGENCE else STOPPED
        case RunEnded(stop_reason="finished"):
            say(f"finished{where}")
            return FINISHED
        case RunEnded(stop_reason="request_failed"):
            say(f"ended: request_failed: {_failure(driver.log)}{where}")
            return ENDED
        case RunEnded():
            say(f"ended: {last.stop_reason}{where}")
            return SPENT if last.stop_reason == "budget" else ENDED
    return ENDED


def _failure(log: EventLog) -> str:
    """Return what the last request that failed did so by."""
    events = (log[seq] for seq in reversed(range(len(log))))
    return next((event.message for event in events if isinstance(event, RequestFailed)), "")
