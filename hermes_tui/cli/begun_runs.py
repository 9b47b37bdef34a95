"""The runs that a run started: those of its subagents, in its record or in separate files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hermes_tui.cli.stderr import print_notice
from hermes_tui.formats.reader import split_runs
from hermes_tui.model.errors import HermesError
from hermes_tui.model.events import Event, RunStarted
from hermes_tui.runtime.opener import OpenFile, RunRef, open_file, read_events
from hermes_tui.runtime.subagent_files import subagent_files

Run = list[Event]


def begun_runs(ref: RunRef, run: Run) -> list[Run]:
    """Return the runs that `run` started, and those that these started in turn."""
    known_ids = {_ids(run)[0]} - {""}
    others = [*_runs_in_record(ref), *_runs_in_subagent_files(ref)] if known_ids else []
    descendants: list[Run] = []
    while children := [other for other in others if _ids(other)[1] in known_ids]:
        descendants += children
        others = [other for other in others if _ids(other)[1] not in known_ids]
        known_ids = {_ids(other)[0] for other in children} - {""}
    return descendants


def _ids(run: Run) -> tuple[str, str]:
    """Return the id of a run, and that of the run that started it."""
    start = next((event for event in run if isinstance(event, RunStarted)), None)
    return (start.run_id, start.parent_run_id) if start is not None else ("", "")


def _runs_in_record(ref: RunRef) -> Iterator[Run]:
    """Yield the other runs in the record of a run."""
    if ref.record < 0:
        return
    for nth, run in enumerate(split_runs(ref.file.decode(ref.record))[1]):
        if nth != ref.nth:
            yield list(run)


def _runs_in_subagent_files(ref: RunRef) -> Iterator[Run]:
    """Yield the runs in the files of a session's subagents; report unreadable files."""
    session = ref.file.path
    for path in subagent_files(session) if isinstance(session, Path) else ():
        try:
            file = open_file(path, whole=True)
        except HermesError as error:
            print_notice(f"a subagent is left out: {error}")
            continue
        try:
            yield from _runs_in_file(file)
        finally:
            file.close()


def _runs_in_file(file: OpenFile) -> Iterator[Run]:
    """Yield the runs of a file, without folding them, which would take most of the time."""
    if file.is_one_run:
        yield read_events(RunRef(file, 0))
        return
    for _ in file.scan():
        pass
    for record in range(len(file.index)):
        yield from map(list, split_runs(file.decode(record))[1])
