"""Many calls of one reply, answered in any order, are paired in linear time everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hermes_tui.formats.plain_messages import fold_plain_messages
from hermes_tui.formats.writers.exchange import exchange_of
from hermes_tui.formats.writers.transcript import transcript_of
from hermes_tui.log.fold import RunState
from hermes_tui.log.run_steps import steps
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event, copy_event
from hermes_tui.parsers.normalise import TextCalls
from tests.log.runs import answer, call, says
from tests.timing import Work, assert_linear

COUNT = 8_000


def fold(events: list[Event]) -> None:
    assert not fold_run(events)[1]


def lay_out(events: list[Event]) -> None:
    steps(events)


def pair(events: list[Event]) -> None:
    assert exchange_of(transcript_of(events).entries).answers


@pytest.mark.parametrize("read", [fold, lay_out, pair])
@pytest.mark.parametrize("has_ids", [True, False], ids=["by id", "by name"])
def test_events_are_read_in_linear_time(read: Callable[[list[Event]], None], has_ids: bool) -> None:
    def reading(count: int) -> Work:
        ids = [f"c{index}" if has_ids else None for index in range(count)]
        calls = [call(f"f{index}", call_id, index) for index, call_id in enumerate(ids)]
        results = [
            event
            for index in reversed(range(count))
            for event in (
                answer(call_id=ids[index], name=None if has_ids else f"f{index}"),
                says("tool", "ok", results=1),
            )
        ]
        run = [says("assistant", calls=count), *calls, *results, says("assistant", "done")]
        numbered = [copy_event(event, seq=seq) for seq, event in enumerate(run)]
        return lambda: read(numbered)

    assert_linear(reading, COUNT)


def test_plain_messages_are_folded_in_linear_time() -> None:
    def folding(count: int) -> Work:
        calls = [
            {"id": f"c{at}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            for at in range(count)
        ]
        messages: list[Any] = [{"role": "assistant", "content": None, "tool_calls": calls}]
        messages += [
            {"role": "tool", "tool_call_id": f"c{at}", "content": "ok"}
            for at in reversed(range(count))
        ]

        def work() -> None:
            state = RunState()
            folded = fold_plain_messages(state, messages, 0, TextCalls.SUSPECT, [])
            assert (folded, len(state.open_calls)) == (len(messages), 0)

        return work

    assert_linear(folding, COUNT)
