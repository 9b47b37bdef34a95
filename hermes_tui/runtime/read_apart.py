"""A run read through a file of its own, so that a thread can do it beside other reading."""

from __future__ import annotations

from hermes_tui.formats.framing import RecordIndex
from hermes_tui.formats.reader import RecordLog, split_runs
from hermes_tui.model.events import Event
from hermes_tui.runtime.opener import RunRef
from hermes_tui.runtime.sources import OpenSource, open_source

WAIT_S = 0.05


def read_apart(ref: RunRef) -> list[Event]:
    """Return the events of a run, all of it; raises SourceError where its file is gone.

    Of what comes through a pipe, which nobody can open again, all that has come.
    """
    file = ref.file
    source = file.source if file.path is None else open_source(file.path)
    try:
        if source is not file.source:
            _wait(source)
        reader = file.reader._replace(review=None)
        if not file.is_one_run:
            _, runs = split_runs(reader.decode(source, file.index[ref.record]))
            return list(runs[ref.nth]) if ref.nth < len(runs) else []
        index = RecordIndex()
        for _ in reader.scan(source, index):
            pass
        log = RecordLog(reader, source, index)
        while log.index_record():
            pass
        return [log[seq] for seq in range(len(log))]
    finally:
        if source is not file.source:
            source.close()


def _wait(source: OpenSource) -> None:
    """Wait until a packed file is unpacked."""
    waiter = getattr(source, "wait", None)
    while waiter is not None and not source.complete:
        waiter(WAIT_S)
