"""`hermes-tui export --all`: the runs of a file, or those that pass a filter, as JSON lines."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from hermes_tui.cli.export import render, write_out
from hermes_tui.cli.filters import check_for_each
from hermes_tui.cli.progress import ProgressLine
from hermes_tui.cli.run_choice import one_file
from hermes_tui.cli.saying import say
from hermes_tui.formats.writers.changes import Changes
from hermes_tui.model.errors import UsageError
from hermes_tui.model.wording import counted
from hermes_tui.runtime.opener import FoundDefect, FoundRun, OpenFile, Progress, read_events, survey
from hermes_tui.runtime.remote import place_of
from hermes_tui.runtime.run_filter import RunFilter

LINES: Final = ("openai", "sharegpt")


def run_export_all(arguments: argparse.Namespace) -> int:
    """Write the runs, a line each, and return the exit code."""
    what = "--filter" if arguments.filter else "--all"
    if arguments.to not in LINES:
        message = f"{what}: a file of {arguments.to} holds one run"
        raise UsageError(message, f"--run chooses one; --to {' or '.join(LINES)} takes many")
    if arguments.run:
        raise UsageError(f"--run names one run, {what} takes many", "leave out one of them")
    if arguments.filter:
        check_for_each(arguments.filter)
    path = None if arguments.path == "-" else place_of(arguments.path)
    with one_file(path, arguments.format) as file:
        lines = _Lines(file, arguments.to, arguments.filter, shows=arguments.output != "-")
        write_out(arguments.output, lines, overwrite=arguments.force)
        lines.tell()
        return 3 if file.source.failure else 0


class _Lines:
    """The lines, one by one, and what is to be said of them."""

    def __init__(self, file: OpenFile, to: str, filter_text: str, *, shows: bool) -> None:
        self._file = file
        self._to = to
        self._filter = RunFilter(file, file.label, filter_text)
        self._shows = shows
        """Whether the terminal is free for the progress."""
        self._changes = Changes()
        self._seen = self._written = self._silent = self._defects = 0

    def __iter__(self) -> Iterator[bytes]:
        progress = ProgressLine()
        for step in survey(self._file):
            match step:
                case FoundRun() if step.final:
                    self._seen += 1
                    if self._filter.passes(step):
                        yield self._line(step)
                case FoundDefect():
                    self._defects += 1
                case Progress() if self._shows:
                    progress.show(
                        f"exporting {self._file.label}", step.bytes_done, step.bytes_total
                    )
                case _:
                    pass
        progress.clear()

    def _line(self, found: FoundRun) -> bytes:
        self._written += 1
        self._silent += not found.state.messages
        events = read_events(found.ref)
        return render(self._to, events, self._file, changes=self._changes, in_line=True)

    def tell(self) -> None:
        """Say how much was written, and what was left out or changed."""
        say(f"{self._written:,} of {counted(self._seen, 'run')} written")
        if self._silent:
            say(f"{counted(self._silent, 'run')} of these without messages")
        if self._defects:
            say(f"{counted(self._defects, 'malformed place')} outside of any run left out")
        if self._changes:
            say(f"changed for {self._to}: {self._changes.told()}")
        if self._file.source.failure:
            say(self._file.source.failure)
