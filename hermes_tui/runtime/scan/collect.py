"""Assembles the parts of a scan: in order within each file, and numbered within the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hermes_tui.runtime.scan.rates import Rates
from hermes_tui.runtime.scan.results import Counts, Part, Row, place_row
from hermes_tui.runtime.scan.work import ScanUnit
from hermes_tui.runtime.targets import Target


@dataclass(slots=True)
class ScannedFile:
    """The results of a file so far."""

    target: Target
    counts: Counts = field(default_factory=Counts)
    format: str = ""
    failure: str = ""
    is_foreign: bool = False
    """Whether the failure is that the file is not a transcript."""
    guessed: dict[str, int] = field(default_factory=dict)
    runs_before: int = 0
    """Runs before the unit whose parts are arriving, including those that a filter excludes."""
    groups_before: int = 0
    """Records before that unit."""
    seen: int = 0
    """Runs read so far, including those that a filter excludes."""
    starts: list[tuple[ScanUnit, int]] = field(default_factory=list)
    """Each unit so far, and the number of runs before it."""
    announced: bool = False
    """Whether the sink was informed that the file can be read."""
    interrupted: bool = False
    """Whether the scan ended before the end of the file."""

    @property
    def label(self) -> str:
        return self.target.label

    @property
    def is_whole(self) -> bool:
        """Whether the file was read to its end."""
        return not self.failure and not self.interrupted


class Sink(Protocol):
    """Receives the results of a scan as they arrive."""

    def began(self, file: ScannedFile, rivals: tuple[str, ...]) -> None:
        """Begin a file, which can be read; `rivals` are other formats that fit it as well."""
        ...

    def refused(self, file: ScannedFile) -> None: ...

    def counted(self, file: ScannedFile, counts: Counts) -> None:
        """Receive more counts; the rows and defects that belong to them follow."""
        ...

    def defect(self, file: ScannedFile, message: str) -> None: ...

    def run(self, file: ScannedFile, row: Row) -> None: ...

    def ended(self, file: ScannedFile) -> None: ...


class Collector:
    """Passes on the parts of each file in order; with `ordered`, the files are in order, too."""

    def __init__(
        self,
        targets: Sequence[Target],
        sink: Sink,
        *,
        ordered: bool = False,
        on_end: Callable[[ScannedFile], None] = lambda file: None,
    ) -> None:
        self.rates = Rates()
        self.files_done = 0
        self.held = 0
        """How many batches of parts wait for those of earlier units."""
        self._targets = targets
        self._sink = sink
        self._ordered = ordered
        self._on_end = on_end
        self._files: dict[int, ScannedFile] = {}
        self._lanes: dict[int, deque[ScanUnit]] = {}
        """The units of each file that are not passed on yet; with `ordered`, all in one lane."""
        self._waiting: dict[int, list[Iterable[Part]]] = {}

    def expect(self, unit: ScanUnit) -> None:
        """Register a unit, whose parts may arrive at any time from now on."""
        self._lanes.setdefault(self._lane(unit), deque()).append(unit)

    def is_next(self, unit: ScanUnit) -> bool:
        """Return whether the parts of a unit are passed on at once."""
        return self._lanes[self._lane(unit)][0] is unit

    def take(self, unit: ScanUnit, parts: Iterable[Part]) -> None:
        """Take parts of a unit; `parts` is iterated over only when it is their turn."""
        if not self.is_next(unit):
            self.held += 1
            self._waiting.setdefault(unit.number, []).append(parts)
            return
        lane = self._lanes[self._lane(unit)]
        while self._pass_on(unit, parts):
            lane.popleft()
            if not lane:
                del self._lanes[self._lane(unit)]
                return
            unit = lane[0]
            waiting = self._waiting.pop(unit.number, [])
            self.held -= len(waiting)
            parts = (part for several in waiting for part in several)

    def abandon(self) -> None:
        """End the files that have begun but were not read to their end, as interrupted."""
        for file in list(self._files.values()):
            file.interrupted = True
            if file.announced:
                self._sink.ended(file)
        self._files.clear()

    def _lane(self, unit: ScanUnit) -> int:
        return 0 if self._ordered else unit.file

    def _pass_on(self, unit: ScanUnit, parts: Iterable[Part]) -> bool:
        """Pass parts on; return whether they include the last one of the unit."""
        file = self._files.get(unit.file)
        if file is None:
            file = self._files[unit.file] = ScannedFile(self._targets[unit.file])
        if not file.starts or file.starts[-1][0] is not unit:
            file.starts.append((unit, file.runs_before))
        ended = False
        for part in parts:
            self._take_part(unit, file, part)
            if part.is_last:
                ended = True
                file.groups_before += part.groups
        if ended:
            file.runs_before = file.seen
            if unit.ends_file:
                self._end(unit, file)
        return ended

    def _take_part(self, unit: ScanUnit, file: ScannedFile, part: Part) -> None:
        if part.failure:
            file.failure = file.failure or part.failure
            file.is_foreign = part.is_foreign
        if part.is_refusal or not part.is_result:
            return
        if not file.announced:
            file.announced, file.format = True, part.format
            self._sink.began(file, part.rivals)
        file.seen += part.seen
        file.counts.merge(part.counts, file.runs_before)
        self.rates.merge(part.rates, unit.file, file.runs_before)
        for name, count in part.guessed.items():
            file.guessed[name] = file.guessed.get(name, 0) + count
        self._sink.counted(file, part.counts)
        for message in part.defects:
            self._sink.defect(file, message)
        for row in part.rows:
            self._sink.run(file, place_row(row, file.runs_before, file.groups_before))

    def _end(self, unit: ScanUnit, file: ScannedFile) -> None:
        del self._files[unit.file]
        self.files_done += 1
        if file.announced:
            self._sink.ended(file)
            self._on_end(file)
        else:
            self._sink.refused(file)
