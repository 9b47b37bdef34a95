"""Reads a run again through a separate source, so that a thread can do it during other reading."""

from __future__ import annotations

from hermes_tui.formats.framing import RecordIndex
from hermes_tui.formats.reader import RecordLog, split_runs
from hermes_tui.model.events import Event
from hermes_tui.runtime.opener import RunRef
from hermes_tui.runtime.sources import open_source, wait_for


def reread_run(ref: RunRef) -> list[Event]:
    """Return all events of a run; raises SourceError if its file is gone.

    A pipe cannot be opened again; of its run, return the events that have arrived so far.
    """
    file = ref.file
    source = file.source if file.path is None else open_source(file.path)
    try:
        if source is not file.source:
            wait_for(source)
        reader = file.reader._replace(review=None)
        if not file.is_one_run:
            _, runs = split_runs(reader.decode(source, file.record(ref.record)))
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
