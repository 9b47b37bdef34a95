"""`hermes-tui live --headless`: the same engine without a screen; prints one event per line."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final

from hermes_tui.cli.fail_on import FailOn, counts_text
from hermes_tui.cli.interrupts import SAME_INTERRUPT_S
from hermes_tui.cli.json_text import escaped_json
from hermes_tui.cli.stderr import print_notice
from hermes_tui.debugger.inputs import Retry
from hermes_tui.debugger.stepping import Phase, StopPoint
from hermes_tui.log.fold import RunState
from hermes_tui.model.events import RequestFailed, RunEnded, Stopped
from hermes_tui.model.wording import command_line
from hermes_tui.runtime.live import open_branches
from hermes_tui.runtime.live_settings import LiveSettings
from hermes_tui.runtime.scan.results import Row, finding_row
from hermes_tui.runtime.terminal_shield import reserved_output
from hermes_tui.ui.live_model import call_name, why_ended

if TYPE_CHECKING:
    from hermes_tui.log.event_log import EventLog, MemoryLog
    from hermes_tui.runtime.branches import Branch
    from hermes_tui.runtime.driver import Driver
    from hermes_tui.runtime.masking import Masking

FINISHED, ENDED, STOPPED, DIVERGED, SPENT = 0, 1, 4, 5, 6
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_headless(settings: LiveSettings, fail_on: FailOn) -> int:
    """Run to the end or the first stop, print every event, and return the exit code.

    A finished run still fails if it has a finding that `fail_on` selects.
    """
    with reserved_output() as output:
        return asyncio.run(_run(settings, output, fail_on))


class _Signals:
    """While entered, the first of SIGNALS cancels the task that entered it.

    `exit_code` is the one that a shell reports for that signal. A later signal has its default
    effect, so that nobody has to wait for a clean-up that does not end.
    """

    exit_code = 0

    def __enter__(self) -> _Signals:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        # A shell makes background jobs ignore Ctrl-C, and that stays so.
        self._handled_signals = [
            one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN
        ]
        for number in self._handled_signals:
            self._loop.add_signal_handler(number, self._on_signal, number)
        return self

    def __exit__(self, *_: object) -> None:
        self._remove_handlers()

    def stop_cancelling(self) -> None:
        """Cancel nothing from now on: the task is ending anyway."""
        self._task = None

    def _on_signal(self, number: int) -> None:
        if self.exit_code:
            return
        self.exit_code = 128 + number
        self._loop.call_later(SAME_INTERRUPT_S, self._remove_handlers)
        if self._task is not None:
            self._task.cancel()

    def _remove_handlers(self) -> None:
        for number in self._handled_signals:
            self._loop.remove_signal_handler(number)


async def _run(settings: LiveSettings, output: BinaryIO, fail_on: FailOn) -> int:
    with _Signals() as signals:
        try:
            branches = await open_branches(settings)
        except asyncio.CancelledError:
            if not signals.exit_code:
                raise
            print_notice("stopped before the run began")
            return signals.exit_code
        try:
            for warning in branches.warnings:
                print_notice(warning)
            branch = branches.all[0]
            lines = _Lines(branch.driver.log, branches.masking, output)
            _repeat_lost_request(branch.driver)
            exit_code = await _run_to_rest(branch, lines, signals, settings)
            for news in branches.news:
                print_notice(news)
            return _final_exit_code(exit_code, lines.findings, fail_on)
        finally:
            signals.stop_cancelling()
            await branches.close()


def _final_exit_code(
    exit_code: int, findings: Mapping[tuple[str, str], int], fail_on: FailOn
) -> int:
    """Return the exit code of a run: 1 if it finished with `findings` that `fail_on` selects.

    `findings` is their number by code and severity. Without `fail_on` the errors are named all the
    same: a run whose last call was lost finishes, too.
    """
    if exit_code != FINISHED:
        return exit_code
    if not fail_on and (errors := FailOn.parse("error").selected(findings)):
        print_notice(f"errors found: {counts_text(errors)} (--fail-on error exits with 1 for them)")
    if notes := fail_on.notes_left_out(findings):
        print_notice(notes)
    failing = fail_on.selected(findings)
    if not failing:
        return exit_code
    print_notice(f"failed by {counts_text(failing)}")
    return ENDED


def _repeat_lost_request(driver: Driver) -> None:
    """Send the request again whose reply was lost with an earlier process, if one was.

    That needs no person, since it changes nothing but the model's bill; a tool that may have run
    is another matter.
    """
    state = driver.session.state
    is_recovery = driver.phase is Phase.STOPPED and state.stop.stop_point == StopPoint.RECOVERY
    if is_recovery and state.stop.call_index is None:
        print_notice("the reply to the last request was lost: sending it again")
        driver.by = "program"
        driver.put(Retry())


class _Lines:
    """Prints the events of a run, one per line, each with the findings that it reveals.

    `findings` counts them by code and severity.
    """

    def __init__(self, log: MemoryLog, masking: Masking, output: BinaryIO) -> None:
        self._log, self._masking, self._output = log, masking, output
        self._state = RunState()
        self.findings: Counter[tuple[str, str]] = Counter()
        for length in range(1, len(log) + 1):
            self._write(length)
        log.on_append(self._write)

    def _write(self, length: int) -> None:
        event = self._log[length - 1]
        findings = self._state.apply(event)
        if isinstance(event, RunEnded):
            findings += self._state.finish()
        line = self._masking.line(event)
        if findings:
            rows = [finding_row(finding, self._state) for finding in findings]
            self.findings.update((row["code"], row["severity"]) for row in rows)
            line = self._masking.hidden(_with_findings(line, rows))
        # Standard output may be a terminal.
        self._output.write(escaped_json(line.decode()).encode())

    def flush(self) -> None:
        self._output.flush()


async def _run_to_rest(
    branch: Branch, lines: _Lines, signals: _Signals, settings: LiveSettings
) -> int:
    """Print the events until the run rests or a signal arrives; return the exit code."""
    driver = branch.driver

    def flush() -> None:
        # After a failed write to a closed pipe, another attempt is pointless.
        if driver.mistake is None:
            lines.flush()

    driver.on_change = flush
    flush()
    try:
        await driver.at_rest()
    except asyncio.CancelledError:
        if not signals.exit_code:
            raise
        if driver.failure is None and driver.phase not in (Phase.STOPPED, Phase.ENDED):
            # No event records this: the log ends where the run was cut off, as after a kill.
            print_notice(f"stopped{_resume_hint(branch)}")
            return signals.exit_code
    return _report(branch, settings)


def _with_findings(line: bytes, findings: Sequence[Row]) -> bytes:
    """Return the line of an event with the findings that it reveals.

    It can still be decoded as an event, so saved standard output can be opened.
    """
    findings_json = json.dumps(findings, ensure_ascii=False, separators=(",", ":"))
    end = findings_json.encode("utf-8", "backslashreplace") + b"}\n"
    return line.rstrip(b"\n").removesuffix(b"}") + b',"findings":' + end


def _resume_hint(branch: Branch) -> str:
    if branch.path is None:
        return "; nothing was recorded"
    return f"; continue with {command_line('live', '--resume', branch.path)}"


def _report(branch: Branch, settings: LiveSettings) -> int:
    """Report the state of the run on stderr, and return its exit code.

    A resumed run was at a stop already; resuming it again in the same way would change nothing.
    """
    driver = branch.driver
    if driver.failure is not None:
        raise driver.failure
    last = driver.log[len(driver.log) - 1]
    where = f"; recorded in {branch.path}" if branch.path else ""
    match last:
        case Stopped():
            print_notice(
                f"stopped at {_stop_reason(last, driver.log)}{_next_step(last, branch, settings)}"
            )
            return DIVERGED if last.stop_point == StopPoint.DIVERGENCE else STOPPED
        case RunEnded(stop_reason="finished"):
            print_notice(f"finished{where}")
            return FINISHED
        case RunEnded(stop_reason="request_failed" | "empty_response"):
            print_notice(f"ended: {last.stop_reason}: {_request_failure(driver.log)}{where}")
            return ENDED
        case RunEnded(stop_reason="budget" | "recording_ends" | "not_recorded"):
            print_notice(f"ended: {why_ended(last)}{where}")
            return SPENT if last.stop_reason == "budget" else ENDED
        case RunEnded():
            more = " (--max-turns N allows more)" if last.stop_reason == "max_turns" else ""
            print_notice(f"ended: {why_ended(last)}{more}{where}")
    return ENDED


def _stop_reason(stop: Stopped, log: EventLog) -> str:
    if stop.breakpoints:
        return f"{stop.stop_point} ({', '.join(stop.breakpoints)})"
    if stop.stop_point == StopPoint.REQUEST_FAILED:
        return f"{stop.stop_point}: {_request_failure(log)}"
    if stop.stop_point == StopPoint.RECOVERY:
        name = call_name(log, stop.seq, stop.call_index or 0) or "a tool"
        return f"{stop.stop_point}: {name} may already have run, and its result is lost"
    if stop.stop_point == StopPoint.MANUAL:
        name = call_name(log, stop.seq, stop.call_index or 0) or "a call"
        return f"{stop.stop_point}: {name} waits for an answer"
    return stop.stop_point


def _next_step(stop: Stopped, branch: Branch, settings: LiveSettings) -> str:
    hint = _resume_hint(branch) if branch.path else ""
    if settings.resume is not None:
        return f": a person is needed{hint} on a terminal, without --headless"
    if settings.stops == "step" and stop.stop_point == StopPoint.BEFORE_DISPATCH:
        again = f"{hint}, or start again" if hint else "; start again"
        return f": without a terminal nobody can approve the call{again} with --run or --headless"
    return hint


def _request_failure(log: EventLog) -> str:
    """Return why the last failed request failed, and what can be done about it."""
    events = (log[seq] for seq in reversed(range(len(log))))
    failed = next((event for event in events if isinstance(event, RequestFailed)), None)
    if failed is None:
        return ""
    hints = [found.hint for found in failed.diagnostics if found.hint][:1]
    if failed.retryable and failed.attempt == 1 and "--retries" not in "".join(hints):
        hints.append("--retries N asks again automatically")
    return f"{failed.message} ({'; '.join(hints)})" if hints else failed.message
