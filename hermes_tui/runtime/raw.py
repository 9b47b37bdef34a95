"""The exact text of what stands behind an event."""

from __future__ import annotations

from hermes_tui.formats.json_slice import json_slice
from hermes_tui.log.codec import encode
from hermes_tui.model.events import Event, MessageAppended
from hermes_tui.runtime.sources import OpenSource


def raw_text(event: Event, source: OpenSource | None) -> tuple[str, bool]:
    """Return the exact text behind `event`, and whether it is the source's own.

    Without a place in a source it is the event as a recording would hold it. Bytes that are no
    UTF-8 come as lone surrogates, so that nothing is lost.
    """
    if isinstance(event, MessageAppended) and event.raw:
        return event.raw, True
    at = event.at
    if at is None or source is None:
        return encode(event).decode("utf-8", "surrogateescape").rstrip("\n"), False
    data = source.read(at.range.start, len(at.range))
    record = data.strip(b" \t\r\n,")
    found = json_slice(record, at.pointer) if at.pointer else record
    return (found if found is not None else record).decode("utf-8", "surrogateescape"), True
