"""The branches of a live run: a fork is a separate run that shares the past up to some event."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.forks import fork_point, is_about_call
from hermes_tui.debugger.stepping import Kind, Phase, StopPoint
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.events import BreakpointsSet, RunEnded, RunForked, RunStarted, copy_event
from hermes_tui.runtime.driver import Driver
from hermes_tui.runtime.live_settings import NO_LIMITS, Limits
from hermes_tui.runtime.masking import Masking, restore_credentials
from hermes_tui.runtime.writer import Recording, can_be_resumed, default_path

if TYPE_CHECKING:
    from hermes_tui.log.event_log import MemoryLog
    from hermes_tui.model.events import Event
    from hermes_tui.runtime.servers.base import Server
    from hermes_tui.runtime.tools.base import Toolbox

Stops = frozenset[StopPoint]
_NO_CREDENTIALS: Mapping[str, Any] = {}


@dataclass(eq=False, slots=True)
class Branch:
    """One run. `parent` is the branch it was forked from, `shared` the number of shared events."""

    name: str
    driver: Driver
    parent: Branch | None = None
    shared: int = 0

    @property
    def log(self) -> MemoryLog:
        return self.driver.log

    @property
    def path(self) -> Path | None:
        """The recording's path, or None if the branch is not recorded."""
        return self.driver.recording.path if self.driver.recording is not None else None


class Branches:
    """A run and its forks, with the server and the tools that they share."""

    def __init__(
        self,
        server: Server,
        tools: Toolbox,
        *,
        record: Path | None = None,
        recorded: bool = True,
        limits: Limits = NO_LIMITS,
        secrets: tuple[str, ...] = (),
        task_id: str = "",
    ) -> None:
        """If `record` is None, record in the platform's state folder; with `recorded` False, not.

        `task_id` is what the tools of all branches receive; if empty, each branch has its own id.
        """
        self.server, self.tools = server, tools
        self.all: list[Branch] = []
        self._record, self._recorded = record, recorded
        self._limits, self._secrets, self._task_id = limits, secrets, task_id
        self.masking = Masking(secrets)
        """For events that are written elsewhere than in a recording."""
        self.warnings: tuple[str, ...] = ()
        """Warnings to show once before the run continues."""

    @property
    def news(self) -> tuple[str, ...]:
        """Messages about tools that have changed since the run began."""
        return getattr(self.tools, "news", ())

    def start(self, start: given.Start) -> Branch:
        """Begin the first branch."""
        branch = self._add(Branch("main", self._driver(self._recording(self._record))))
        branch.driver.put(start)
        return branch

    def resume(
        self,
        path: Path,
        stops: Mapping[Stops, Stops] | None = None,
        credentials: Mapping[str, Any] = _NO_CREDENTIALS,
    ) -> Branch:
        """Resume a recording where it ends.

        `stops` maps its present set of stop points to the one that replaces it; `credentials` are
        the request parameters that are masked in the recording. Raises SourceError for a recording
        that ends before its run began.
        """
        recording, recorded = Recording.resumed(path, secrets=self._secrets)
        try:
            events = restore_credentials(recorded, credentials)
        except UsageError:
            recording.close()
            raise
        for changed in _changed_stop_points(events, stops or {}):
            recording.append(changed)
            events = (*events, changed)
        driver = self._driver(recording, events)
        if driver.phase is Phase.READY:
            recording.close()
            what = "the recording ends before its run began: there is nothing to resume"
            raise SourceError(str(path), what, "begin the run again, without --resume")
        branch = self._add(Branch("main", driver))
        driver.reopen()
        return branch

    def fork(self, parent: Branch, seq: int) -> Branch:
        """Begin a branch that shares the events up to `seq` of `parent` and stops right there."""
        shared = fork_point(parent.log, seq)
        events = [parent.log[at] for at in range(shared)]
        recording = self._recording(self._fork_path(parent))
        if recording is not None:
            for event in events:
                recording.append(event)
        driver = self._driver(recording, events)
        branch = self._add(Branch(f"fork-{len(self.all)}", driver, parent, shared))
        seq_shared = parent.log[shared - 1].seq
        driver.put(
            given.Fork(_run_id(parent.log), seq_shared, at_call=is_about_call(parent.log[seq]))
        )
        return branch

    def _driver(self, recording: Recording | None, events: Sequence[Event] = ()) -> Driver:
        return Driver(
            self.server,
            self.tools,
            recording=recording,
            events=events,
            limits=self._limits,
            task_id=self._task_id,
        )

    def _add(self, branch: Branch) -> Branch:
        self.all.append(branch)
        return branch

    def _recording(self, path: Path | None) -> Recording | None:
        if not self._recorded:
            return None
        target = path or default_path(uuid4().hex, now=time.time())
        return Recording(target, secrets=self._secrets)

    def _fork_path(self, parent: Branch) -> Path | None:
        path = self.all[0].path or parent.path
        if path is None:
            return None
        number = len(self.all)
        while (forked := path.with_name(f"{path.stem}.fork-{number}{path.suffix}")).exists():
            number += 1
        return forked

    async def close(self) -> None:
        """Close every branch, then the tools and the server.

        A recording ends where its run is now; a run that cannot be resumed is cancelled first.
        """
        try:
            for branch in self.all:
                _cancel_unless_resumable(branch.driver)
            for branch in self.all:
                await branch.driver.close()
        finally:
            try:
                await self.tools.close()
            finally:
                await self.server.close()


def _cancel_unless_resumable(driver: Driver) -> None:
    """Terminate a run that is still going on and cannot be resumed."""
    is_running = Kind.TERMINATE in driver.session.allowed and driver.failure is None
    if (
        is_running
        and driver.mistake is None
        and len(driver.log)
        and not can_be_resumed(driver.log[0])
    ):
        # Nothing shows it any more.
        driver.on_change = lambda: None
        driver.put(given.Terminate("cancelled"))


def _changed_stop_points(events: Sequence[Event], stops: Mapping[Stops, Stops]) -> Iterator[Event]:
    """Yield the event that changes the stop points of a run; none if it has ended."""
    last = next((one for one in reversed(events) if isinstance(one, BreakpointsSet)), None)
    if last is None or isinstance(events[-1], RunEnded):
        return
    before = frozenset(point for point in StopPoint if point in last.stop_points)
    after = stops.get(before, before)
    if after == before:
        return
    points = tuple(point for point in StopPoint if point in after)
    yield copy_event(last, seq=len(events), ts=time.time(), stop_points=points)


def _run_id(log: MemoryLog) -> str:
    named = (event.run_id for event in log if isinstance(event, (RunStarted, RunForked)))
    *_, last = named
    return last
