"""A stream is split into the same events regardless of how its bytes arrive."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.streams.event_stream import Event, EventReader, NotJson, load_strictly


def events_of(*pieces: bytes) -> list[Event]:
    reader = EventReader()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return [*events, *reader.finish()]


def data_of(*pieces: bytes) -> list[tuple[str, bytes]]:
    return [(event.name, event.data) for event in events_of(*pieces)]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b'data: {"a":1}\n\ndata: [DONE]\n\n', [("", b'{"a":1}'), ("", b"[DONE]")]),
        (b'data:{"a":1}\r\n\r\n', [("", b'{"a":1}')]),
        (b'\xef\xbb\xbfdata: {"a":1}\n\n', [("", b'{"a":1}')]),
        (b': ping\n\nid: 7\nretry: 3\nevent: x\ndata: {"a":1}\n\n', [("x", b'{"a":1}')]),
        # the name may come after the data, and JSON may span several lines
        (b'data: {"a":\ndata: 1}\nevent: x\n\n', [("x", b'{"a":\n1}')]),
        # events that end with one newline, or with none at the end of the stream
        (
            b'data: {"a":1}\ndata: {"b":2}\ndata: [DONE]',
            [("", b'{"a":1}'), ("", b'{"b":2}'), ("", b"[DONE]")],
        ),
        (b'error: {"code":500}\n\n', [("error", b'{"code":500}')]),
        ('data: "a\u2028b\x85c"\n\n'.encode(), [("", '"a\u2028b\x85c"'.encode())]),
        (b"", []),
        (b"<html>\n<body>\n", []),
    ],
)
def test_events_are_parsed_by_the_rules_of_event_streams(
    stream: bytes, expected: list[tuple[str, bytes]]
) -> None:
    assert data_of(stream) == expected
    assert data_of(*(stream[at : at + 1] for at in range(len(stream)))) == expected


def test_a_torn_event_is_kept_as_torn_and_not_read() -> None:
    reader = EventReader()
    assert reader.feed(b'data: {"a":1}\n\ndata: {"b') == [
        Event("", b'{"a":1}', b'data: {"a":1}\n\n')
    ]
    assert reader.finish() == []
    assert reader.torn == b'data: {"b'


@given(
    st.lists(st.sampled_from([b"data: {}\n", b'data: "x\n', b"\n", b"event: e\r\n", b":\n", b"x"])),
    st.integers(1, 9),
)
@settings(max_examples=80, deadline=None)
def test_events_do_not_depend_on_how_bytes_arrive(lines: list[bytes], size: int) -> None:
    stream = b"".join(lines)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    whole = events_of(stream)
    assert events_of(*pieces) == whole
    assert all(event.raw in stream for event in whole)


@pytest.mark.parametrize(
    ("data", "value", "oddity"),
    [
        (b'{"a": 1}', {"a": 1}, ""),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}, "byte order mark"),
        (b'{"a": "\\ud83d"}', {"a": "\ud83d"}, "surrogate"),
        (b'{"a": "\xff"}', {"a": "\ufffd"}, "byte 7 is not UTF-8"),
    ],
)
def test_json_is_read_as_clients_read_it_and_oddities_are_reported(
    data: bytes, value: object, oddity: str
) -> None:
    found, reported = load_strictly(data)
    assert found == value
    assert oddity in reported


@pytest.mark.parametrize(
    ("data", "is_torn"),
    [(b'{"a": ', True), (b'{"a": "x', True), (b"{]", False), (b"[" * 100_000, False), (b"", True)],
)
def test_invalid_json_is_distinguished_from_torn_json(data: bytes, is_torn: bool) -> None:
    with pytest.raises(NotJson) as caught:
        load_strictly(data)
    assert caught.value.is_torn is is_torn
