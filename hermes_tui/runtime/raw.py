"""The exact source text of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_tui.log.codec import encode
from hermes_tui.model.events import Event, MessageAppended
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.sources import OpenSource

if TYPE_CHECKING:
    from hermes_tui.formats.json_text.json_slice import JsonSlicer


MAX_SHOWN = 16 << 20
"""Bytes of a record that are shown at most."""


class RawReader:
    """Reads the exact text of the events of one source; `source` is None if there is none.

    It keeps the last record that holds several messages, since the next request is usually for the
    same one.
    """

    def __init__(self, source: OpenSource | None) -> None:
        self._source = source
        self._last_slicer: tuple[ByteRange, JsonSlicer] | None = None

    def text(self, event: Event) -> tuple[str, bool]:
        """Return the exact text of `event`, and whether it comes from the source.

        An event without a place in a source is encoded as in a recording. Bytes that are not UTF-8
        become lone surrogates, so that nothing is lost.
        """
        if isinstance(event, MessageAppended) and event.raw:
            return event.raw, True
        at = event.at
        if at is None or self._source is None:
            return encode(event).decode("utf-8", "surrogateescape").rstrip("\n"), False
        found = self._nearest_value(at.range, at.pointer)
        if found is None:
            found = self._record_head(at.range)
        return found.decode("utf-8", "surrogateescape"), True

    def _nearest_value(self, place: ByteRange, pointer: str) -> bytes | None:
        """Return the value at `pointer`, else the nearest one around it: that may be a text."""
        found = None
        while pointer and found is None:
            found = self._slicer(place).find(pointer)
            pointer = pointer.rpartition("/")[0]
        return found

    def _record(self, place: ByteRange) -> bytes:
        assert self._source is not None
        return self._source.read(place.start, len(place)).strip(b" \t\r\n,")

    def _record_head(self, place: ByteRange) -> bytes:
        """Return a record, or only its beginning if it is too long to be shown."""
        more = len(place) - MAX_SHOWN
        if more <= 0:
            return self._record(place)
        beginning = self._record(ByteRange(place.start, place.start + MAX_SHOWN))
        return beginning + f"\n[{more:,} more bytes are not shown]".encode()

    def _slicer(self, place: ByteRange) -> JsonSlicer:
        if self._last_slicer is None or self._last_slicer[0] != place:
            from hermes_tui.formats.json_text.json_slice import JsonSlicer

            self._last_slicer = (place, JsonSlicer(self._record(place)))
        return self._last_slicer[1]
