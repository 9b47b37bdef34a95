"""`event-stream`: streamed replies as received over the wire, such as `curl -N` saves.

    file   = (stream "data: [DONE]")* stream?
    stream = see `sse`; others may follow even without the end mark

Each choice of a reply is a run, and so is a stream of the AI SDK to `useChat`. The record is the
file; each stream has its own range in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.ai_sdk_messages import ui_messages
from hermes_tui.formats.dialects.ai_sdk_refusals import append_settled
from hermes_tui.formats.dialects.ollama import are_bare, is_ollama
from hermes_tui.formats.exchange_runs import append_runs
from hermes_tui.formats.exchanges import Exchange
from hermes_tui.formats.fields import as_dict, label
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.json_text.json_values import MAX_EXCERPT, decode_if_json
from hermes_tui.formats.readers.saved_streams.ai_sdk_stream import is_ui_stream, ui_stream_of
from hermes_tui.formats.replies import reply_of_stream, stream_flaws
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.streams.sse import (
    Stream,
    is_reply_begun,
    looks_like_sse,
    read_lines,
    read_sse,
)
from hermes_tui.model.spans import ByteRange

_END_MARK = re.compile(rb"^data:[ \t]*\[DONE\][ \t\r]*(?:\n[ \t\r\n]*|$)", re.MULTILINE)
_START_TYPES = ("message_start", "response.created", "start")


class SavedStreams:
    """Reads event streams of replies."""

    name = "event-stream"
    summary = "streamed replies as `curl -N` saves them, also cut short; Ollama's, the AI SDK's"
    of_bytes = True

    def sniff(self, sample: Sample) -> Match | None:
        stream = _stream_in(_text(sample.head))
        is_reply = stream is not None and (
            is_reply_begun(stream.events) or is_ui_stream(stream.events)
        )
        return Match(0.9, Unit.RUNS, Layout.DOCUMENT) if is_reply else None

    def read(self, value: Any, build: RunBuilder) -> None:
        data = value if isinstance(value, bytes) else b""
        base = build.record.start
        streams: list[tuple[ByteRange, str, Stream]] = []
        for start, end in _pieces(data):
            # One text for all replies in it: there may be thousands.
            place, text = ByteRange(base + start, base + end), _text(data[start:end])
            whole = _stream_in(text) or Stream((), (), done=False)
            streams += [(place, text, one) for one in _split_replies(whole)]
        build.line_ranges = tuple(place for place, _, _ in streams)
        exchanges = []
        for index, (_, text, stream) in enumerate(streams):
            if is_ui_stream(stream.events):
                build.locate(index)
                _append_ui_stream(stream, build, index)
                continue
            reply = reply_of_stream(stream, "")
            if reply.messages or reply.failure:
                known: dict[str, Any] = {"model": reply.model, "own_id": reply.id, "is_alone": True}
                exchanges.append((index, Exchange((), reply, "", "", text, **known)))
            else:
                build.defect("an event stream in which no reply is found", text, line=index)
        append_runs(exchanges, build)
        if not streams:
            build.defect("no event of a stream", _text(data[:MAX_EXCERPT]))


def _append_ui_stream(stream: Stream, build: RunBuilder, index: int) -> None:
    """Append the run of a stream to `useChat`, which may hold several replies."""
    found = ui_stream_of(stream.events)
    message = found.message
    build.start(
        run_id=message["id"],
        model=fields.model_of(message["metadata"]),
        details=fields.details_of(message["metadata"]),
        lone_reply=True,
        diagnostics=stream_flaws(stream, is_cut=not (stream.done or found.has_ended)),
    )
    append_settled(ui_messages(message, line=index), build)
    if found.error:
        build.request_failed(found.error)
        build.end(status="error", stop_reason=found.error)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _stream_in(text: str) -> Stream | None:
    """Return the events or lines of a stream, or None if there is none."""
    text = text.removeprefix("\ufeff")
    if looks_like_sse(text):
        return read_sse(text)
    if text.lstrip()[:1] != "{":
        return None
    lines = read_lines(text)
    if lines is None:
        # A whole reply: on one line, or with its members on separate lines.
        lines = Stream((decode_if_json(text.strip(), 1),), (), done=False)
    return lines if are_bare(lines.events) else None


def _pieces(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each stream; the end mark separates them."""
    start = 0
    for mark in _END_MARK.finditer(data):
        yield start, mark.end()
        start = mark.end()
    if data[start:].strip():
        yield start, len(data)


def _split_replies(stream: Stream) -> Iterator[Stream]:
    """Yield the streams of replies that follow one another without an end mark."""
    events = stream.events
    begins = [place for place in range(1, len(events)) if _begins_reply(events, place)]
    for start, end in pairwise((0, *begins)):
        yield Stream(events[start:end], (), done=False)
    if events or stream.unread:
        yield stream._replace(events=events[begins[-1] if begins else 0 :])


def _begins_reply(events: tuple[Any, ...], place: int) -> bool:
    """Return whether another reply begins with the event at `place`, which is not the first."""
    before, event = as_dict(events[place - 1]), as_dict(events[place])
    if event.get("type") in _START_TYPES or (is_ollama(before) and before["done"]):
        return True
    if "choices" not in event or event.get("id") == before.get("id"):
        return False
    # If a stream is cut, the id shows it, but some servers give each chunk a different one.
    around = events[max(0, place - 2) : place + 2]
    ids = [label(as_dict(each), "id") for each in around]
    return len(ids) == 4 and all(ids) and ids[0] == ids[1] and ids[2] == ids[3]


FORMAT = SavedStreams()
