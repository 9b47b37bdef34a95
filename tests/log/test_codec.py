"""Events survive the way to disk and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from hermes_tui.log.codec import MalformedEvent, decode, encode
from hermes_tui.log.fold import RunState
from hermes_tui.model.errors import SchemaTooNew
from hermes_tui.model.events import Event, RunStarted, UnknownEvent
from tests.log.events_strategy import logs


def fold(events: list[Event]) -> RunState:
    state = RunState()
    for event in events:
        state.apply(event)
    state.finish()
    return state


@settings(max_examples=60, deadline=None)
@given(logs())
def test_fold_of_the_saved_log_is_the_live_state(events: list[Event]) -> None:
    saved = [decode(encode(event)) for event in events]
    assert saved == events
    assert fold(saved) == fold(events)


def test_each_event_is_one_line_of_the_file() -> None:
    line = encode(RunStarted(seq=0, task="two\nlines"))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1


def test_unknown_kind_is_kept_whole() -> None:
    line = b'{"kind":"Teleported","seq":4,"ts":1.5,"where":"away"}\n'
    event = decode(line)
    assert isinstance(event, UnknownEvent)
    assert (event.seq, event.ts, event.unknown_kind) == (4, 1.5, "Teleported")
    assert decode(encode(event)) == event


@pytest.mark.parametrize("kind", ["ObservationEvent", "RunStarted", ["odd"]])
def test_fields_of_another_format_beyond_our_events_are_recorded_too(kind: object) -> None:
    event = UnknownEvent(seq=3, unknown_kind="ObservationEvent", raw={"kind": kind, "n": 1})
    assert decode(encode(event)) == event


def test_a_time_beyond_the_range_of_numbers_is_left_out() -> None:
    event = decode(b'{"kind":"Teleported","seq":4,"ts":1' + b"0" * 400 + b"}")
    assert (event.seq, event.ts) == (4, None)


def test_a_newer_schema_is_refused() -> None:
    with pytest.raises(SchemaTooNew, match="update hermes-tui"):
        decode(b'{"schema":99,"kind":"RunStarted","seq":0}')


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{", b"[]", b'{"seq":1}', b'{"kind":"RunEnded","seq":"x"}', b"\xff", b"null"),
        b'{"kind":"RunEnded","seq":1,"ts":"\\ud800"}',
        b'{"kind":"RequestSent","seq":1,"turn":-1}',
        b'{"kind":"RequestSent","seq":1,"turn":99999999999}',
    ],
)
def test_a_line_that_is_not_an_event_is_reported_as_such(line: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode(line)
