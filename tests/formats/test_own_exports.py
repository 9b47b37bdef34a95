"""The outcome of a run is the same in its exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.formats.base import Format, Sample
from hermes_tui.formats.framing import Layout
from hermes_tui.formats.registry import formats
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.writers.registry import WRITERS
from hermes_tui.log.fold import RunState
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event, RunEnded, RunStarted
from hermes_tui.model.messages import Usage
from hermes_tui.model.spans import ByteRange
from tests.formats.test_atif_writer import real_runs
from tests.formats.test_writers import numbered, said

READERS = {"openai": "openai-messages", "sharegpt": "hermes-sharegpt", "atif": "atif"}
START = RunStarted(
    seq=0, run_id="r1", task="Look", model="m", source_format="verifiers", group_id="g"
)
END = RunEnded(
    seq=0, status="truncated", stop_reason="max_turns", reward=0.0, scores={"exact": 1.0},
    usage=Usage(prompt_tokens=5, completion_tokens=2, reasoning_tokens=1),
)  # fmt: skip
MESSAGES = (said("user", "Look"), said("assistant", "I did."))


def reader_of(to: str) -> Format:
    return next(each for each in formats() if each.name == READERS[to])


def read_back(to: str, value: Any) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1))
    reader_of(to).read(value, build)
    return list(build.events)


@pytest.mark.parametrize("to", READERS)
def test_how_a_run_ended_reads_back(to: str) -> None:
    text = WRITERS[to](numbered(START, *MESSAGES, END))
    first, *_, last = read_back(to, json.loads(text))
    assert isinstance(first, RunStarted)
    assert (first.run_id, first.task, first.model) == ("r1", "Look", "m")
    assert isinstance(last, RunEnded)
    for name in ("status", "stop_reason", "reward", "scores", "usage"):
        assert getattr(last, name) == getattr(END, name)


@pytest.mark.parametrize("to", READERS)
def test_the_export_of_a_run_without_an_end_has_none_either(to: str) -> None:
    text = WRITERS[to](numbered(START, *MESSAGES))
    assert not any(isinstance(event, RunEnded) for event in read_back(to, json.loads(text)))


@pytest.mark.parametrize("to", READERS)
def test_an_export_without_calls_is_read_by_the_reader_that_knows_its_end(to: str) -> None:
    value = json.loads(WRITERS[to](numbered(START, *MESSAGES, RunEnded(seq=0))))
    sample = Sample(b"{", Layout.DOCUMENT, (value,))
    scores = {each.name: found.score for each in formats() if (found := each.sniff(sample))}
    assert max(scores, key=scores.__getitem__) == READERS[to]


def test_foreign_metadata_is_not_an_outcome() -> None:
    messages = [{"role": "user", "content": "hi"}]
    foreign = {"messages": messages, "metadata": {"status": "failed", "reward": 1}}
    assert not any(isinstance(event, RunEnded) for event in read_back("openai", foreign))


@pytest.mark.parametrize("status", ["gone", 5, None, ["ok"], {}])
def test_an_unknown_status_is_not_an_end(status: Any) -> None:
    steps = [{"source": "user", "message": "hi"}]
    value = {"schema_version": "ATIF-v1.7", "steps": steps, "extra": {"status": status}}
    assert not any(isinstance(event, RunEnded) for event in read_back("atif", value))


def outcome(events: list[Event]) -> tuple[object, ...]:
    state: RunState = fold_run(events)[0]
    return state.status, state.reward


@pytest.mark.shared
def test_every_real_run_reads_back_with_its_outcome(trajectories: Path) -> None:
    runs = 0
    for label, events in real_runs(trajectories, 1):
        for to in READERS:
            written = json.loads(WRITERS[to](events))
            assert outcome(read_back(to, written)) == outcome(events), (label, to)
        runs += 1
    assert runs > 50
