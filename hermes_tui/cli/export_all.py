"""`hermes-tui export` of many runs: as lines of one file, or a file each in a folder."""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from hermes_tui.cli.begun_runs import begun_runs
from hermes_tui.cli.export import (
    ELSEWHERE,
    masks_for,
    named_details,
    render,
    report_masked,
    report_named_details,
    write_out,
)
from hermes_tui.cli.filters import check_for_each
from hermes_tui.cli.progress import ProgressLine
from hermes_tui.cli.run_choice import one_file
from hermes_tui.cli.stderr import print_notice
from hermes_tui.formats.writers.changes import Changes
from hermes_tui.log.run_fields import numbered_group
from hermes_tui.model.errors import HermesError, NoTranscript, StoreError, UsageError
from hermes_tui.model.events import Event, RunStarted, copy_event
from hermes_tui.model.wording import counted
from hermes_tui.runtime.folder_walk import false_on_oserror
from hermes_tui.runtime.opener import FoundDefect, FoundRun, OpenFile, Progress, read_events, survey
from hermes_tui.runtime.remote import local_path
from hermes_tui.runtime.run_filter import RunFilter
from hermes_tui.runtime.targets import Target, expand_paths

LINE_FORMATS: Final = ("openai", "sharegpt")
SUFFIXES: Final = {"markdown": "md", "html": "html", "native": "jsonl"}
"""File suffixes by format; other formats are JSON."""
MAX_TRAILING: Final = 2
"""How many bytes may follow the last record."""


def run_export_all(arguments: argparse.Namespace) -> int:
    """Write the runs and return the exit code."""
    source = _selection_source(arguments)
    into_folder = _is_folder(arguments.output)
    if arguments.to not in LINE_FORMATS and not into_folder:
        message = f"{source}: {arguments.to} holds only one run per file"
        lines = f"--to {' or '.join(LINE_FORMATS)} holds many"
        raise UsageError(message, f"--run chooses one; -o FOLDER/ writes one file per run; {lines}")
    if arguments.run:
        raise UsageError(f"--run cannot be combined with {source}", "leave out one of them")
    if arguments.filter:
        check_for_each(arguments.filter)
    runs = _Runs(arguments, shows=arguments.output != "-")
    if into_folder:
        _write_files(runs, local_path(arguments.output), overwrite=arguments.force)
    else:
        rendered_runs = (runs.rendered(found, in_line=True) for found in runs)
        # If no run is written, no file is created or overwritten.
        for first in itertools.islice(rendered_runs, 1):
            content = itertools.chain((first,), rendered_runs)
            write_out(arguments.output, content, overwrite=arguments.force)
    runs.report()
    return 3 if runs.has_failed else int(not runs.written)


def _selection_source(arguments: argparse.Namespace) -> str:
    """Return the option or argument that selects many runs."""
    if arguments.filter or arguments.all:
        return "--filter" if arguments.filter else "--all"
    return "several files" if len(arguments.paths) > 1 else f"the folder {arguments.paths[0]}"


def _is_folder(output: str) -> bool:
    return output.endswith("/") or (output != "-" and false_on_oserror(local_path(output).is_dir))


def _write_files(runs: _Runs, folder: Path, *, overwrite: bool) -> None:
    """Write each run to a separate file, named after the file that it comes from."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError.of(folder, error, ELSEWHERE) from error
    names: Counter[str] = Counter()
    for found in runs:
        name = runs.name_of(found)
        names[name] += 1
        number = f"-{names[name]}" if names[name] > 1 else ""
        path = folder / f"{name}{number}.{SUFFIXES.get(runs.to, 'json')}"
        write_out(str(path), [runs.rendered(found, in_line=False)], overwrite=overwrite)


def _with_group(events: Iterable[Event], name: str) -> Iterator[Event]:
    """Yield the events of a run, which belongs to the group `name` unless it names its own."""
    for event in events:
        if isinstance(event, RunStarted) and name and not event.group_id:
            event = copy_event(event, group_id=name)
        yield event


def _is_only_run(found: FoundRun) -> bool:
    """Return whether a run is all that its file holds."""
    file, ref = found.ref.file, found.ref
    rest = file.source.size - file.record(ref.record).range.end
    return ref.number == 0 and found.siblings == 1 and file.source.complete and rest <= MAX_TRAILING


class _Runs:
    """The runs that pass the filter, one by one, and what to report about them."""

    def __init__(self, arguments: argparse.Namespace, *, shows: bool) -> None:
        self.to: str = arguments.to
        self.written = 0
        self.has_failed = False
        """Whether a named file could not be read, or not to its end."""
        self._targets: Sequence[Target] = expand_paths(arguments.paths)
        self._format = arguments.format
        self._filter = arguments.filter
        self._shows = shows
        """Whether the terminal is free for the progress line."""
        self._changes = Changes()
        self._masks = masks_for(arguments)
        self._group = ""
        """The name of the group of the present run if its record holds several runs, else empty."""
        self._seen = self._without_messages = self._defects = 0
        self._named_details = 0

    def __iter__(self) -> Iterator[FoundRun]:
        progress = ProgressLine()
        for target in self._targets:
            try:
                with one_file(target.path, self._format) as file:
                    yield from self._runs_in_file(file, progress)
                    if file.source.failure:
                        self._fail(file.source.failure)
            except HermesError as error:
                if len(self._targets) == 1 or isinstance(error, (UsageError, StoreError)):
                    raise
                # A folder may hold files that are not transcripts.
                if isinstance(error, NoTranscript) and not target.named:
                    print_notice(f"skipped {error}")
                else:
                    self._fail(str(error))
        progress.clear()

    def _fail(self, reason: str) -> None:
        self.has_failed = True
        print_notice(reason)

    def _runs_in_file(self, file: OpenFile, progress: ProgressLine) -> Iterator[FoundRun]:
        passing = RunFilter(file, file.label, self._filter)
        for step in survey(file):
            match step:
                case FoundRun() if step.final:
                    self._seen += 1
                    # Numbered in order, so each run must be asked for.
                    self._group = numbered_group(passing.group(step))
                    if passing.passes(step):
                        yield step
                case FoundDefect():
                    self._defects += 1
                case Progress() if self._shows:
                    progress.show(f"exporting {file.label}", step.bytes_done, step.bytes_total)
                case _:
                    pass

    def rendered(self, found: FoundRun, *, in_line: bool) -> bytes:
        """Return a run in the form in which it is written."""
        self.written += 1
        self._without_messages += not found.state.messages
        events = read_events(found.ref)
        if self.to != "native":
            events = list(_with_group(events, self._group_name(found)))
        self._named_details += named_details(events)
        subagent_runs = begun_runs(found.ref, events) if self.to == "atif" else ()
        file = found.ref.file
        return render(
            self.to,
            events,
            file,
            subagent_runs,
            changes=self._changes,
            in_line=in_line,
            masks=self._masks,
        )

    def _group_name(self, found: FoundRun) -> str:
        """Return the group that lists show, with its file if there are several."""
        is_shared = self._group and len(self._targets) > 1
        return f"{self._group} · {found.ref.file.label}" if is_shared else self._group

    def name_of(self, found: FoundRun) -> str:
        """Return the name of a run's file, without its suffix."""
        file, number = found.ref.file, found.ref.number
        stem = Path(file.label).name.partition(".")[0] or "run"
        return stem if file.is_one_run or _is_only_run(found) else f"{stem}-{number + 1}"

    def report(self) -> None:
        """Report how much was written, and what was left out or changed."""
        print_notice(f"{self.written:,} of {counted(self._seen, 'run')} written")
        if self._without_messages:
            print_notice(f"{self._without_messages:,} of these without messages")
        if self._defects:
            print_notice(f"{counted(self._defects, 'malformed place')} outside of any run left out")
        report_named_details(self._named_details)
        report_masked(self._masks)
        if self._changes:
            print_notice(f"changed for {self.to}: {self._changes.summary()}")
