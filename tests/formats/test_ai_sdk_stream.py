"""Streams of the AI SDK to `useChat`, saved as they were sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.readers.saved_streams.ai_sdk_stream import ui_stream_of
from hermes_tui.formats.readers.saved_streams.reader import FORMAT
from hermes_tui.model.events import Event, RequestFailed, RunEnded
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    format_of,
    found_codes,
    messages,
    only,
    read_bytes,
    results,
    runs,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "ai_sdk"
STREAM = (FOLDER / "stream.sse").read_bytes()
STORED = json.loads((FOLDER / "ui_messages.json").read_bytes())[1]


def data(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


def outline(part: dict[str, Any]) -> Any:
    """Return what a part holds, under the same names in a stream and in a stored message."""
    if "toolCallId" not in part:
        return part["type"], part.get("text")
    given = part.get("input", part.get("rawInput"))
    answer = part.get("output", part.get("errorText"))
    return part["toolCallId"], part["state"], given, answer


def test_a_stream_adds_up_to_the_message_that_is_stored() -> None:
    chunks = [json.loads(line[6:]) for line in STREAM.splitlines() if line[:7] == b"data: {"]
    found = ui_stream_of(chunks)
    assert found.has_ended
    assert found.message["id"] == STORED["id"]
    assert found.message["metadata"] == STORED["metadata"]
    parts = found.message["parts"]
    assert [outline(part) for part in parts] == [outline(part) for part in STORED["parts"]]


def test_a_stream_opens_as_a_run_with_its_results() -> None:
    assert format_of(STREAM) == "event-stream"
    events = read_bytes(FORMAT, STREAM)
    assert len(calls(events)) == len(results(events)) == 6
    assert dialog(events)[-1] == ("assistant", "Paris is **18** C, Oslo is 7 C.")
    assert len([one for one in messages(events) if one.reasoning]) == 3
    assert runs(events)[0].diagnostics == ()


def test_an_error_ends_the_run() -> None:
    events = read_bytes(FORMAT, (FOLDER / "stream_fails.sse").read_bytes())
    [failed] = only(events, RequestFailed)
    [end] = only(events, RunEnded)
    assert failed.message == end.stop_reason == "the model crashed"
    assert len(results(events)) == 2


def cut_before(mark: bytes) -> list[Event]:
    return read_bytes(FORMAT, STREAM[: STREAM.index(mark)])


def test_a_stream_that_was_cut_is_reported_with_what_arrived() -> None:
    events = cut_before(b'data: {"type":"tool-input-available","toolCallId":"call_w1"')
    assert [call.arguments_text for call in calls(events)] == [
        '{"city":"Paris"}',
        '{"city":"Oslo"}',
    ]
    assert results(events) == []
    assert found_codes(events) == ["STREAM_CUT:error"]


def test_the_arguments_of_a_call_that_was_cut_are_the_text_received_so_far() -> None:
    events = cut_before(
        b'data: {"type":"tool-input-delta","toolCallId":"call_w1","inputTextDelta":"\\"'
    )
    [call] = calls(events)
    assert call.arguments_text == '{"city'
    assert "ARGS_INVALID:error" in found_codes(events)


def test_streams_one_after_the_other_are_runs_of_their_own() -> None:
    whole = STREAM.replace(b"data: [DONE]\n\n", b"")
    assert len(runs(read_bytes(FORMAT, STREAM + STREAM))) == 2
    assert len(runs(read_bytes(FORMAT, whole + whole))) == 2


def test_an_answer_to_a_call_of_an_earlier_stream_is_shown() -> None:
    denied = {"type": "tool-output-denied", "toolCallId": "call_a1"}
    events = read_bytes(FORMAT, data({"type": "start"}, denied, {"type": "finish"}))
    assert calls(events) == []
    [(role, text)] = dialog(events)
    assert role == "assistant"
    assert "call_a1" in messages(events)[0].parts[0].text + text


def test_no_text_is_lost_that_a_stream_sends_under_another_name() -> None:
    inner = {"type": "text-delta", "payload": {"id": "0", "text": "in an envelope"}}
    plain = {"type": "text-delta", "id": "0", "text": "from fullStream"}
    odd = {"type": "text-delta", "id": "0", "delta": 57}
    [message] = messages(read_bytes(FORMAT, data({"type": "start-step"}, plain, inner, odd)))
    shown = message.text + "".join(part.text for part in message.parts)
    assert all(text in shown for text in ("from fullStream", "in an envelope", "57"))


def test_events_of_other_streams_are_not_taken() -> None:
    reply = {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}]}
    events = read_bytes(FORMAT, data(reply))
    assert dialog(events) == [("assistant", "x")]


@settings(max_examples=150, deadline=None)
@given(
    any_json(
        "type", "tool-input-start", "tool-input-delta", "toolCallId", "toolName", "inputTextDelta",
        "text-delta", "delta", "id", "errorText", "error", "start-step", "messageMetadata",
    )
)  # fmt: skip
def test_any_chunks_are_joined(anything: Any) -> None:
    chunks = anything if isinstance(anything, list) else [anything]
    assert ui_stream_of(chunks).message["role"] == "assistant"
    read_bytes(FORMAT, data({"type": "start-step"}, *chunks))
