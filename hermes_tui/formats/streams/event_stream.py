"""Split an event stream into its events while it arrives.

    stream  = (event | comment)*       an event ends at a blank line
    event   = (name? data+) | error    several data lines of one event are joined by newlines
    error   = "error:" text            as old llama.cpp servers write it; it names itself

Lines end at a newline only: U+2028 and U+0085 are text. Some servers end events by one newline;
then each data line that is whole JSON is an event of its own, and this is reported.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import orjson

from hermes_tui.formats.json_text.json_values import BOM
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity

DONE = b"[DONE]"
NO_BLANK_LINES = Diagnostic(
    Code.REPLY_SHAPE,
    Severity.WARNING,
    "events of the stream end with one newline, without a blank line",
    hint="clients that follow the event-stream standard lose all of them, or fail",
)


class Event(NamedTuple):
    """One event: its name (mostly none), its data, and its exact bytes as received.

    `raw` begins with the comments, and anything else that is not an event, received before it.
    """

    name: str
    data: bytes
    raw: bytes

    @property
    def is_done(self) -> bool:
        """Return whether this is the mark that ends a stream."""
        return self.data.strip() == DONE


class EventReader:
    """Receives bytes as they arrive and returns the events that they complete."""

    def __init__(self) -> None:
        self.is_event_stream = False
        """Whether any line so far was one of an event stream."""
        self.lacks_blank_lines = False
        """Whether any event ended at the next one, without a blank line."""
        self.torn = b""
        """The last line, if the stream ended in the middle of it."""
        self._rest: list[bytes] = []
        self._raw: list[bytes] = []
        self._data: list[bytes] = []
        self._name = ""
        self._is_first = True

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that end in `data`."""
        if b"\n" not in data:
            self._rest.append(data)
            return []
        lines = b"".join([*self._rest, data]).split(b"\n")
        self._rest = [lines.pop()]
        events: list[Event] = []
        for line in lines:
            self._take(line, b"\n", events)
        return events

    def finish(self) -> list[Event]:
        """Return the last event, if the stream ends without the blank line after it."""
        events: list[Event] = []
        if last := b"".join(self._rest):
            self._rest = []
            self._take(last, b"", events)
            if not self._data or not _is_whole(b"\n".join(self._data)):
                self.torn = last
                self._data.clear()
        self._dispatch(events)
        return events

    def _take(self, line: bytes, end: bytes, events: list[Event]) -> None:
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(BOM)
        text = line.removesuffix(b"\r")
        if not text:
            self._raw.append(line + end)
            self._dispatch(events)
            return
        if text.startswith(b"data:"):
            if self._data and _is_whole(b"\n".join(self._data)):
                self.lacks_blank_lines = True
                self._dispatch(events)
            self._data.append(text[5:].removeprefix(b" "))
        elif text.startswith(b"event:"):
            self._name = text[6:].strip().decode("utf-8", "replace")
        elif text.startswith(b"error:"):
            self._dispatch(events)
            self._name = "error"
            self._data.append(text[6:].removeprefix(b" "))
        elif not text.startswith((b":", b"id:", b"retry:")):
            self._raw.append(line + end)
            return
        self.is_event_stream = True
        self._raw.append(line + end)

    def _dispatch(self, events: list[Event]) -> None:
        if self._data:
            events.append(Event(self._name, b"\n".join(self._data), b"".join(self._raw)))
            self._raw.clear()
        self._data.clear()
        self._name = ""


class NotJson(ValueError):
    """The data of an event, or a body, is not JSON; `is_torn` if it breaks off in the middle."""

    def __init__(self, message: str, *, is_torn: bool = False) -> None:
        super().__init__(message)
        self.is_torn = is_torn


def load_strictly(data: bytes) -> tuple[Any, str]:
    """Return the JSON value of `data` and what is odd about it, mostly "".

    Accepts what the usual clients accept: NaN, lone surrogates and a byte order mark. Also accepts
    invalid UTF-8, which is replaced. Raises NotJson for anything else.
    """
    try:
        return orjson.loads(data), ""
    except ValueError:
        pass
    oddity = "it contains NaN, Infinity or half of a surrogate pair"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        oddity = f"byte {error.start:,} is not UTF-8; what cannot be read is replaced"
    else:
        if data.startswith(BOM):
            oddity = "it begins with a byte order mark"
    try:
        return json.loads(text), oddity
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        is_torn = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        raise NotJson(str(error), is_torn=is_torn) from None
    except ValueError as error:
        raise NotJson(str(error)) from None


def _is_whole(data: bytes) -> bool:
    if data.strip() == DONE:
        return True
    try:
        load_strictly(data)
    except NotJson:
        return False
    return True
