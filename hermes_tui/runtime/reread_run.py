"""A run read again through a file of its own, so that a thread can do it beside other reading."""

from __future__ import annotations

from hermes_tui.formats.framing import RecordIndex
from hermes_tui.formats.reader import RecordLog, split_runs
from hermes_tui.model.events import Event
from hermes_tui.runtime.opener import RunRef
from hermes_tui.runtime.sources import open_source, wait_for


def reread_run(ref: RunRef) -> list[Event]:
    """Return the events of a run, all of it; raises SourceError where its file is gone.

    Of what comes through a pipe, which nobody can open again, all that has come.
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
