"""Event streams that arrive in pieces, and replies joined from their chunks."""

from __future__ import annotations

import json

from hermes_tui.formats.streams.event_stream import EventReader, NotJson, load_strictly
from hermes_tui.formats.streams.sse import join_chunks, looks_like_sse, read_sse

SEEDS = (
    (
        b': hi\n\ndata: {"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}\n\n'
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f",'
        b'"arguments":"{"}}]},"finish_reason":"tool_calls"}],"usage":{}}\n\ndata: [DONE]\n\n'
    ),
    (
        b'event: message_start\ndata: {"type":"message_start","message":{"content":[]}}\r\n\r\n'
        b'data: {"type":"content_block_delta","index":1,"delta":{"partial_json":"{"}}\n\n'
    ),
    b'data: {"type":"response.output_item.done","item":{"type":"message"}}\ndata: {"a":1}\n',
    b"error: boom\n\nretry: 5\nid: 7\ndata:\ndata: \xff\n\n",
)
DICTIONARY = (b"data: ", b"event: ", b"\n\n", b"\r\n", b'"delta":', b'"index":', b"[DONE]")


def try_one(data: bytes) -> None:
    _check_that_pieces_make_no_difference(data)
    text = data.decode("utf-8", "replace")
    looks_like_sse(text)
    stream = read_sse(text)
    for joined in (join_chunks(stream.events), join_chunks(reversed(stream.events))):
        json.dumps(joined and joined.reply)
    try:
        load_strictly(data)
    except NotJson as error:
        assert str(error)


def _check_that_pieces_make_no_difference(data: bytes) -> None:
    whole = EventReader()
    events = [*whole.feed(data), *whole.finish()]
    pieces = EventReader()
    again = [event for at in range(0, len(data), 3) for event in pieces.feed(data[at : at + 3])]
    again += pieces.finish()
    assert again == events
    assert whole.torn == pieces.torn
    assert all(event.raw in data for event in events)
