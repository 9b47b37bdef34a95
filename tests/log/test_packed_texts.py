"""A long stream of a server takes few bytes in a recording, without any loss."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.codec import (
    PACKED_FROM,
    DamagedText,
    MalformedEvent,
    decode,
    encode,
    encode_packed,
)
from hermes_tui.log.packed_texts import GrowingPack, pack, unpack
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RequestFailed,
    ResponseReceived,
    copy_event,
)
from hermes_tui.model.messages import Message, Usage

CHUNK = 'data: {"choices": [{"index": 0, "delta": {"content": "é\ud800"}}]}\n\n'
LONG = CHUNK * (PACKED_FROM // len(CHUNK) + 1)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


def line_of(packed: str, kind: str = "ResponseReceived", name: str = "raw") -> bytes:
    return b'{"schema":2,"kind":"%b","seq":0,"%b_packed":"%b"}\n' % (
        kind.encode(),
        name.encode(),
        packed.encode(),
    )


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize(
    "event",
    [
        ResponseReceived(seq=3, turn=2, raw=LONG, finish_reason="stop", sequences=({"a": {}},)),
        RequestFailed(seq=3, body=LONG, message="cancelled", chain=("a", "b")),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_long_stream_takes_few_bytes_and_is_restored_exactly(event: Event) -> None:
    line = encode_packed(event)
    assert len(line) < len(encode(event)) / 40
    assert line.endswith(b"}\n") and line.count(b"\n") == 1
    assert decode(line) == event
    assert decode(encode(event)) == event


@pytest.mark.parametrize("is_sorted", [False, True])
def test_a_packed_text_survives_a_tool_that_rewrites_the_line(*, is_sorted: bool) -> None:
    event = ResponseReceived(seq=3, turn=2, raw=LONG, finish_reason="stop")
    written_anew = json.dumps(json.loads(encode_packed(event)), sort_keys=is_sorted)
    assert decode(written_anew.encode()) == event


def test_a_line_with_a_packed_text_is_marked_as_newer_for_older_versions() -> None:
    assert encode_packed(ResponseReceived(seq=3, raw=LONG)).startswith(b'{"schema":2,"kind":')


@pytest.mark.parametrize(
    "event",
    [
        ResponseReceived(seq=3, raw=LONG[: PACKED_FROM - 1]),
        MessageAppended(seq=3, message=Message("user", LONG), raw=LONG),
    ],
    ids=["short", "of another kind"],
)
def test_other_texts_are_written_unpacked(event: Event) -> None:
    assert encode_packed(event) == encode(event)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("%%%", "a packed text ends too early"),
        ("AAAAA", "a packed text is damaged: .*base64"),
        ("\xe9", "a packed text is damaged: .*ASCII"),
        (base64.b64encode(b"none").decode(), "damaged"),
        (packed(b"half")[:8], "ends too early"),
        (packed(b"\xff\xfe"), "codec can't decode"),
        (packed(bytes(4096)), "more than 1,024 bytes"),
    ],
)
def test_a_packed_text_that_cannot_be_read_is_malformed(
    monkeypatch: pytest.MonkeyPatch, text: str, what: str
) -> None:
    monkeypatch.setattr("hermes_tui.log.codec.MAX_UNPACKED", 1024)
    with pytest.raises(MalformedEvent, match=what):
        decode(line_of(text))


def test_a_damaged_text_does_not_take_the_rest_of_its_event_along() -> None:
    event = ResponseReceived(seq=3, turn=2, raw=LONG, finish_reason="stop", usage=Usage(10, 5))
    value = json.loads(encode_packed(event))
    value["raw_packed"] = value["raw_packed"][:-8]
    with pytest.raises(DamagedText, match="ends too early") as raised:
        decode(json.dumps(value).encode())
    assert raised.value.event == copy_event(event, raw="")


def test_a_text_too_long_to_be_unpacked_again_is_not_packed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = ResponseReceived(seq=0, raw=LONG)
    monkeypatch.setattr("hermes_tui.log.codec.MAX_UNPACKED", len(LONG))
    assert encode_packed(event) == encode(event)


@settings(max_examples=60, deadline=None)
@given(st.lists(ANY_TEXT, max_size=8))
def test_a_growing_text_equals_the_sum_of_its_pieces(pieces: list[str]) -> None:
    growing = GrowingPack()
    for number, piece in enumerate(pieces, 1):
        growing.add(piece * 2_000)
        assert growing.whole() == "".join(text * 2_000 for text in pieces[:number])
    text = "".join(pieces)
    assert unpack(pack(text, 1 << 20), 1 << 20) == text


def test_an_incoming_stream_takes_a_fraction_of_its_size() -> None:
    growing = GrowingPack()
    tracemalloc.start()
    for number in range(80_000):
        growing.add(f"{CHUNK}{number}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80_000 * len(CHUNK) / 4


def test_a_short_stream_takes_no_more_than_its_pieces() -> None:
    tracemalloc.start()
    growing = GrowingPack()
    for number in range(100):
        growing.add(f"{CHUNK}{number}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert growing.whole().endswith(f"{CHUNK}99")
    assert peak < 4 * 100 * len(CHUNK)
