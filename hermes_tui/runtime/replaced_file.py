"""Handles a file that replaces a followed one, whose run takes the place of the old run."""

from __future__ import annotations

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.file_stamps import stamp_of
from hermes_tui.runtime.growing import FileChange, GrowingSource
from hermes_tui.runtime.opener import OpenFile, open_file


def change_of(file: OpenFile) -> FileChange | None:
    """Return what became of a followed file; None if it is unchanged or only grew."""
    return file.source.change if isinstance(file.source, GrowingSource) else None


def leave(file: OpenFile, *, keeps: bool) -> None:
    """Clear the failure of a file whose runs are kept; close any other file."""
    if keeps and isinstance(file.source, GrowingSource):
        file.source.failure = ""
    elif not keeps:
        file.source.close()


def replace_from_path(file: OpenFile) -> bool:
    """Replace a followed file of one run by the file that is now at its path.

    Return whether that is impossible since the new file holds several runs. While nothing there can
    be read, nothing changes.
    """
    source = file.source
    if not isinstance(source, GrowingSource) or not file.is_one_run or source.change is None:
        return False
    stamp = stamp_of(file.path)
    if stamp == source.looked_at:
        return source.is_other
    source.looked_at = stamp
    wanted = file.reader.name if file.reader.is_forced else ""
    parser = file.diagnosis.requested_name if file.diagnosis is not None else ""
    try:
        found = open_file(file.path, wanted_format=wanted, follow=True, parser=parser)
    except SourceError:
        return False
    source.is_other = not found.is_one_run
    if source.is_other:
        found.close()
    else:
        file.begin_anew(found, replacement_message(source.change))
    return source.is_other


def replacement_message(change: FileChange) -> str:
    """Return the message about a file once the one that replaced it is read."""
    return f"{change.value}; read again"
